package export

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/urbangrid/urbangrid/analytics/report"
	"github.com/urbangrid/urbangrid/grid"
)

// position is a GeoJSON position: longitude first, to a centimetre.
type position [2]float64

type geometry struct {
	Type        string `json:"type"`
	Coordinates any    `json:"coordinates"`
}

type feature struct {
	Type       string                  `json:"type"`
	ID         string                  `json:"id"`
	Geometry   geometry                `json:"geometry"`
	Properties map[string]report.Value `json:"properties"`
}

// collection has what the report says of itself as a member of its own, which
// RFC 7946 allows.
type collection struct {
	Type     string        `json:"type"`
	Report   report.Result `json:"report"`
	Features []feature     `json:"features"`
}

// writeGeoJSON writes the rows that have a place, their values as properties.
func writeGeoJSON(w io.Writer, r *report.Result) error {
	if len(r.Features) == 0 {
		return ErrNoPlaces
	}
	return writeCollection(w, r)
}

// WriteLayer writes a layer as GeoJSON. Unlike a report it may have no place: where
// nothing gathers, the collection is empty.
func WriteLayer(w io.Writer, r *report.Result) error {
	if err := writeCollection(w, r); err != nil {
		return fmt.Errorf("write layer: %w", err)
	}
	return nil
}

func writeCollection(w io.Writer, r *report.Result) error {
	c := collection{Type: "FeatureCollection", Report: *r, Features: make([]feature, len(r.Features))}
	c.Report.Features = []report.Feature{}
	c.Report.Tables = []report.Table{}
	for i, f := range r.Features {
		t, ok := r.Table(f.Table)
		if !ok || f.Row >= len(t.Rows) {
			return fmt.Errorf("feature %d is of row %d of table %q, which is not there", i, f.Row, f.Table)
		}
		g, err := geometryOf(f)
		if err != nil {
			return err
		}
		c.Features[i] = feature{Type: "Feature", ID: fmt.Sprintf("%s/%d", f.Table, f.Row), Geometry: g, Properties: properties(t, f.Row)}
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(c)
}

func properties(t report.Table, row int) map[string]report.Value {
	out := make(map[string]report.Value, len(t.Columns)+1)
	out["table"] = report.Text(t.Key)
	if t.Kind != "" {
		out["section"] = report.Text(string(t.Kind))
	}
	for i, c := range t.Columns {
		out[strings.ReplaceAll(c.Key, ".", "_")] = t.Rows[row][i]
	}
	return out
}

// geometryOf returns a MultiPolygon of cells or of an area, else a Point.
func geometryOf(f report.Feature) (geometry, error) {
	polygons := [][][]position{}
	for _, id := range f.Cells {
		corners, err := grid.Cell(id).Boundary()
		if err != nil {
			return geometry{}, err
		}
		polygons = append(polygons, [][]position{closed(corners)})
	}
	for _, p := range f.Shape() {
		var rings [][]position
		for _, ring := range p {
			rings = append(rings, closed(ring))
		}
		polygons = append(polygons, rings)
	}
	switch {
	case len(polygons) == 1:
		return geometry{Type: "Polygon", Coordinates: polygons[0]}, nil
	case len(polygons) > 1:
		return geometry{Type: "MultiPolygon", Coordinates: polygons}, nil
	case f.Point != nil:
		return geometry{Type: "Point", Coordinates: positionOf(grid.Point{LatDegrees: f.Point.Lat, LonDegrees: f.Point.Lon})}, nil
	}
	return geometry{}, fmt.Errorf("a feature of table %q has no place", f.Table)
}

// closed returns ring as GeoJSON wants it: the first position again at the end.
func closed(ring []grid.Point) []position {
	out := make([]position, 0, len(ring)+1)
	for _, p := range ring {
		out = append(out, positionOf(p))
	}
	return append(out, out[0])
}

func positionOf(p grid.Point) position {
	const steps = 1e7
	return position{math.Round(p.LonDegrees*steps) / steps, math.Round(p.LatDegrees*steps) / steps}
}
