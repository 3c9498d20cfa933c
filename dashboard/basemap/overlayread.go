package basemap

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

// drawing is what a GeoJSON file draws, in WGS-84.
type drawing struct {
	title       sensors.Names
	attribution string
	datum       sensors.Datum
	shapes      []shape
	drawn       int // features
	leftOut     int
	positions   int
	box         Box
}

// shape is one feature, the parts of its collections sorted by what they are.
type shape struct {
	look     look
	polygons [][][]grid.Point // rings without the closing corner
	lines    [][]grid.Point
	points   []grid.Point
}

// geojson is what is read of a file: RFC 7946, "crs" of its predecessor of 2008,
// and "datum", "title", "name" and "attribution" as foreign members.
type geojson struct {
	Type        string            `json:"type"`
	Features    []json.RawMessage `json:"features"`
	CRS         json.RawMessage   `json:"crs"`
	Datum       any               `json:"datum"`
	Title       json.RawMessage   `json:"title"`
	Name        any               `json:"name"`
	Attribution any               `json:"attribution"`
}

// readDrawing reads a file. Errors are an [*OverlayFault].
func readDrawing(name string, text []byte) (*drawing, error) {
	text = bytes.TrimPrefix(text, []byte("\uFEFF"))
	if !utf8.Valid(text) {
		return nil, fault(NotUTF8, "the text is not UTF-8: save it again in that encoding (it may be GBK now)")
	}
	var file geojson
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, fault(NotGeoJSON, "%v", err)
	}
	d := &drawing{attribution: plain(file.Attribution), box: Box{West: 180, South: 90, East: -180, North: -90}}
	if err := knownCRS(file.CRS); err != nil {
		return nil, err
	}
	var err error
	if d.datum, err = datumOf(name, file.Datum); err != nil {
		return nil, err
	}
	d.title = titleOf(name, &file)
	switch file.Type {
	case "FeatureCollection":
	case "Feature":
		file.Features = []json.RawMessage{text}
	case "Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection":
		file.Features = []json.RawMessage{slices.Concat([]byte(`{"type":"Feature","geometry":`), text, []byte(`}`))}
	default:
		return nil, fault(NotGeoJSON, "type is %.40q, which is none of GeoJSON", file.Type)
	}
	for i, f := range file.Features {
		if err := d.add(f, i+1); err != nil {
			return nil, err
		}
	}
	if d.drawn == 0 {
		return nil, fault(Empty, "of %d features none has a geometry to draw", d.leftOut)
	}
	return d, nil
}

// add reads a feature, the n-th.
func (d *drawing) add(text []byte, n int) error {
	var f struct {
		Type       string          `json:"type"`
		Properties json.RawMessage `json:"properties"`
		Geometry   json.RawMessage `json:"geometry"`
	}
	if err := json.Unmarshal(text, &f); err != nil {
		return fault(NotGeoJSON, "feature %d: %v", n, err)
	}
	if f.Type != "Feature" {
		return fault(NotGeoJSON, "feature %d: type is %.40q, not Feature", n, f.Type)
	}
	var s shape
	if err := d.read(&s, f.Geometry, 0); err != nil {
		err.Detail = fmt.Sprintf("feature %d: %s", n, err.Detail)
		return err
	}
	if s.isEmpty() {
		d.leftOut++
		return nil
	}
	s.look = lookOf(f.Properties)
	d.drawn++
	d.shapes = append(d.shapes, s)
	return nil
}

func (s *shape) isEmpty() bool {
	return len(s.polygons) == 0 && len(s.lines) == 0 && len(s.points) == 0
}

// datumOf is the datum that a file states by its member "datum" or by its name, as
// metro.gcj02.geojson; WGS-84 when it states none.
func datumOf(name string, member any) (sensors.Datum, error) {
	_, suffix := splitName(name)
	if member == nil {
		if suffix == sensors.NoDatum {
			return sensors.WGS84, nil
		}
		return suffix, nil
	}
	stated, ok := member.(string)
	if !ok {
		return 0, fault(UnknownDatum, "datum is no text")
	}
	datum, err := parseDatum(stated)
	switch {
	case err != nil:
		return 0, fault(UnknownDatum, "%v", err)
	case suffix != sensors.NoDatum && suffix != datum:
		return 0, fault(UnknownDatum, "the file says datum %s and its name %s", datum, suffix)
	}
	return datum, nil
}

// parseDatum reads what people write, as GCJ-02. CGCS2000 is WGS-84 to some
// centimetres.
func parseDatum(s string) (sensors.Datum, error) {
	short := strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(strings.TrimSpace(s)))
	if short == "cgcs2000" {
		return sensors.WGS84, nil
	}
	return sensors.ParseDatum(short)
}

// splitName returns the name of a file without its ending and the datum that it
// names, sensors.NoDatum for none.
func splitName(name string) (base string, datum sensors.Datum) {
	base = strings.TrimSuffix(name, filepath.Ext(name))
	ext := filepath.Ext(base)
	if ext == "" {
		return base, sensors.NoDatum
	}
	datum, err := parseDatum(ext[1:])
	if err != nil {
		return base, sensors.NoDatum // another part of the name
	}
	return strings.TrimSuffix(base, ext), datum
}

// crsNames are the systems of longitude and latitude in degrees whose datum is
// WGS-84 to some centimetres: GeoJSON's own, and CGCS2000.
var crsNames = []string{
	"urn:ogc:def:crs:ogc:1.3:crs84", "urn:ogc:def:crs:ogc::crs84", "ogc:crs84", "crs84",
	"urn:ogc:def:crs:epsg::4326", "epsg:4326", "urn:ogc:def:crs:epsg::4490", "epsg:4490",
}

// knownCRS refuses a "crs" of coordinates that cannot be read. A file with one of
// crsNames may still state GCJ-02 or BD-09: programs write it without asking.
func knownCRS(raw json.RawMessage) error {
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	var crs struct {
		Properties struct {
			Name string `json:"name"`
		} `json:"properties"`
	}
	if err := json.Unmarshal(raw, &crs); err != nil || crs.Properties.Name == "" {
		return fault(UnknownCRS, "crs names no system: CRS84, EPSG:4326 and EPSG:4490 can be read")
	}
	for _, known := range crsNames {
		if strings.EqualFold(known, crs.Properties.Name) {
			return nil
		}
	}
	return fault(UnknownCRS, "crs is %.60q: convert it to longitude and latitude (CRS84, EPSG:4326 or EPSG:4490)", crs.Properties.Name)
}

// titleOf is what people call a file: its member "title" (a text, or one in each
// language), its member "name", or the name of the file.
func titleOf(name string, file *geojson) sensors.Names {
	var both sensors.Names
	var one any
	switch {
	case len(file.Title) == 0:
	case json.Unmarshal(file.Title, &both) == nil:
		both.ZH, both.EN = plain(both.ZH), plain(both.EN)
	case json.Unmarshal(file.Title, &one) == nil:
		both = sensors.Names{ZH: plain(one), EN: plain(one)}
	}
	base, _ := splitName(name)
	fallback := firstOf(plain(file.Name), plain(base), name)
	return sensors.Names{ZH: firstOf(both.ZH, both.EN, fallback), EN: firstOf(both.EN, both.ZH, fallback)}
}
