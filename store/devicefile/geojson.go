package devicefile

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

// place is a place as it was stated, beside a geometry in another datum.
type place struct {
	Lat   float64 `json:"lat"`
	Lon   float64 `json:"lon"`
	Datum string  `json:"datum"`
}

type geometry struct {
	Type        string          `json:"type"`
	Coordinates json.RawMessage `json:"coordinates"`
}

// sameMeters is how far a geometry may lie from the place that stands beside it
// and still mean it: maps round coordinates. Farther, somebody has moved it.
const sameMeters = 1.5

// ReadGeoJSON reads a FeatureCollection of points (RFC 7946), or of features
// without a geometry for devices without a place. Its member "datum" names the
// datum of all coordinates, a property "datum" that of one feature. The
// properties are named as the columns of the CSV form; lists may be arrays. A
// property "place" with lat, lon and datum says how the place was stated, and
// counts while the geometry lies there. An error means that r could not be
// read; what is wrong with the file is among its faults, all at once.
func ReadGeoJSON(r io.Reader, opts Options) (*File, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("read devices: %w", err)
	}
	in := newReader(opts)
	var file struct {
		Type     string            `json:"type"`
		Datum    string            `json:"datum"`
		Features []json.RawMessage `json:"features"`
	}
	if err := json.Unmarshal(bytes.TrimPrefix(data, []byte("\ufeff")), &file); err != nil {
		in.fault(0, "", "not GeoJSON: %s", err)
		return &in.File, nil //nolint:nilerr // the fault says it
	}
	if file.Type != "FeatureCollection" {
		in.fault(0, "type", "%.40q, not FeatureCollection", file.Type)
	}
	if file.Datum != "" {
		if in.opts.Datum, err = parseDatum(file.Datum, sensors.WGS84); err != nil {
			in.fault(0, "datum", "%s", err)
		}
	}
	if len(file.Features) > MaxDevices {
		in.fault(0, "features", "more than %d", MaxDevices)
	}
	if len(in.Faults) > 0 {
		return &in.File, nil
	}
	for i, f := range file.Features {
		in.feature(i+1, f)
	}
	slices.Sort(in.Ignored)
	return &in.File, nil
}

func (r *reader) feature(number int, raw json.RawMessage) {
	var f struct {
		Type       string                     `json:"type"`
		ID         json.RawMessage            `json:"id"`
		Geometry   *geometry                  `json:"geometry"`
		Properties map[string]json.RawMessage `json:"properties"`
	}
	before := len(r.Faults)
	if err := json.Unmarshal(raw, &f); err != nil {
		r.fault(number, "", "not a feature: %s", err)
		return
	}
	if f.Type != "Feature" {
		r.fault(number, "type", "%.40q, not Feature", f.Type)
	}
	var d sensors.Device
	if f.ID != nil {
		if id, err := scalar("id", f.ID); err == nil {
			d.ID = sensors.DeviceID(id)
		}
	}
	datum := r.opts.Datum
	var stated *place
	given := map[string]string{}
	for name, value := range f.Properties {
		field := names[strings.ToLower(name)]
		var err error
		switch {
		case string(value) == "null":
		case name == "place":
			err = json.Unmarshal(value, &stated)
		case field == "lat" || field == "lon":
		case field == "datum":
			var s string
			if err = json.Unmarshal(value, &s); err == nil {
				datum, err = parseDatum(s, r.opts.Datum)
			}
		case field == "":
			if !slices.Contains(r.Ignored, name) {
				r.Ignored = append(r.Ignored, name)
			}
		case given[field] != "":
			err = fmt.Errorf("is there as %q and as %q", min(given[field], name), max(given[field], name))
		default:
			given[field] = name
			err = r.property(&d, field, value)
		}
		if err != nil {
			r.fault(number, cmp.Or(field, name), "%s", err)
		}
	}
	if err := point(&d, f.Geometry, datum, stated); err != nil {
		r.fault(number, "place", "%s", err)
	}
	slices.SortFunc(r.Faults[before:], func(a, b Fault) int { return strings.Compare(a.Column, b.Column) })
	r.add(number, d, before)
}

func (r *reader) property(d *sensors.Device, field string, value json.RawMessage) error {
	if field == "maintenance" && len(value) > 0 && value[0] == '[' {
		if err := json.Unmarshal(value, &d.Maintenance); err != nil {
			return fmt.Errorf("not a list of windows with from, to and note: %w", err)
		}
		if len(d.Maintenance) == 0 {
			d.Maintenance = nil
		}
		for i := range d.Maintenance {
			m := &d.Maintenance[i]
			m.From, m.To = m.From.UTC(), m.To.UTC()
		}
		return nil
	}
	s, err := scalar(field, value)
	if err != nil {
		return err
	}
	if wrong := set(d, field, strings.TrimSpace(s)); wrong != "" {
		return errors.New(wrong)
	}
	return nil
}

// scalar is a value as the text of a CSV cell.
func scalar(field string, value json.RawMessage) (string, error) {
	switch {
	case len(value) > 0 && value[0] == '"':
		var s string
		err := json.Unmarshal(value, &s)
		return s, err
	case len(value) > 0 && value[0] == '[' && (field == "kinds" || field == "tags"):
		var list []string
		if err := json.Unmarshal(value, &list); err != nil {
			return "", errors.New("not a list of texts")
		}
		for _, s := range list {
			if strings.ContainsAny(s, ";；") {
				return "", fmt.Errorf("%.60q has a ';'", s)
			}
		}
		return strings.Join(list, ";"), nil
	case len(value) > 0 && (value[0] == '[' || value[0] == '{'):
		return "", errors.New("neither a text, a number nor true or false")
	}
	return string(value), nil
}

// point reads the geometry into d.
func point(d *sensors.Device, g *geometry, datum sensors.Datum, stated *place) error {
	if g == nil {
		return nil
	}
	if g.Type != "Point" {
		return fmt.Errorf("geometry is %.40q, not Point", g.Type)
	}
	var c []float64
	if err := json.Unmarshal(g.Coordinates, &c); err != nil || len(c) < 2 || len(c) > 3 {
		return errors.New("coordinates are not longitude and latitude")
	}
	d.Position = sensors.Position{LatDegrees: c[1], LonDegrees: c[0], Datum: datum}
	if stated == nil {
		return nil
	}
	as, err := parseDatum(stated.Datum, sensors.WGS84)
	if err != nil {
		return err
	}
	p := sensors.Position{LatDegrees: stated.Lat, LonDegrees: stated.Lon, Datum: as}
	if apartMeters(grid.ToWGS84(p), grid.ToWGS84(d.Position)) <= sameMeters {
		d.Position = p
	}
	return nil
}

// apartMeters is how far two points that are near each other are apart.
func apartMeters(a, b grid.Point) float64 {
	const metersPerDegree = 111_195
	north := a.LatDegrees - b.LatDegrees
	east := math.Remainder(a.LonDegrees-b.LonDegrees, 360) * math.Cos(a.LatDegrees*math.Pi/180)
	return math.Hypot(north, east) * metersPerDegree
}

// GeoJSONWriter writes devices as a FeatureCollection.
type GeoJSONWriter struct {
	w    *bufio.Writer
	some bool
}

// NewGeoJSONWriter begins a FeatureCollection in WGS-84.
func NewGeoJSONWriter(w io.Writer) (*GeoJSONWriter, error) {
	g := &GeoJSONWriter{w: bufio.NewWriter(w)}
	_, err := g.w.WriteString(`{"type":"FeatureCollection","datum":"wgs84","features":[`)
	return g, err
}

type feature struct {
	Type       string         `json:"type"`
	ID         string         `json:"id"`
	Geometry   any            `json:"geometry"`
	Properties map[string]any `json:"properties"`
}

// Write writes one device: its place in WGS-84, and as a property the place as
// it was stated when that was in another datum.
func (g *GeoJSONWriter) Write(d sensors.Device) error {
	f := feature{Type: "Feature", ID: string(d.ID), Properties: map[string]any{"id": string(d.ID)}}
	for _, c := range columns {
		if c.field == "lat" || c.field == "lon" || c.field == "datum" {
			continue
		}
		if s := text(&d, c.field); s != "" {
			f.Properties[c.field] = s
		}
	}
	if len(d.Kinds) > 0 {
		f.Properties["kinds"] = d.Kinds
	}
	if len(d.Tags) > 0 {
		f.Properties["tags"] = d.Tags
	}
	if len(d.Maintenance) > 0 {
		f.Properties["maintenance"] = d.Maintenance
	}
	if d.Auto {
		f.Properties["auto"] = true
	}
	if p := d.Position; p.Known() {
		at := grid.ToWGS84(p)
		f.Geometry = map[string]any{"type": "Point", "coordinates": [2]float64{at.LonDegrees, at.LatDegrees}}
		if p.Datum != sensors.WGS84 {
			f.Properties["place"] = place{p.LatDegrees, p.LonDegrees, p.Datum.String()}
		}
	}
	b, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("device %q: %w", d.ID, err)
	}
	sep := ",\n"
	if !g.some {
		sep = "\n"
	}
	g.some = true
	if _, err := g.w.WriteString(sep); err != nil {
		return err
	}
	_, err = g.w.Write(b)
	return err
}

// Close ends the collection and writes what is held back; it does not close the
// writer below.
func (g *GeoJSONWriter) Close() error {
	if _, err := g.w.WriteString("\n]}\n"); err != nil {
		return err
	}
	return g.w.Flush()
}
