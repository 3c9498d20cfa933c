package basemap

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strconv"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

// maxNesting is how deep collections may lie in one another.
const maxNesting = 8

// mercatorDegrees is the latitude at which Web Mercator ends; what lies beyond is
// drawn at its edge.
const mercatorDegrees = 85.0511

// read adds a geometry to s. Parts that have too few corners to be drawn are left
// out.
func (d *drawing) read(s *shape, raw json.RawMessage, depth int) *OverlayFault {
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	if depth > maxNesting {
		return fault(NotGeoJSON, "collections lie in one another more than %d deep", maxNesting)
	}
	var g struct {
		Type        string            `json:"type"`
		Coordinates json.RawMessage   `json:"coordinates"`
		Geometries  []json.RawMessage `json:"geometries"`
	}
	if err := json.Unmarshal(raw, &g); err != nil {
		return fault(NotGeoJSON, "geometry: %v", err)
	}
	if g.Type == "GeometryCollection" {
		for _, part := range g.Geometries {
			if err := d.read(s, part, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	// Counted before they are decoded, which takes several times the memory.
	if d.positions += countPositions(g.Coordinates); d.positions > MaxOverlayPositions {
		return fault(TooLarge, "here the file comes to more than %d positions: simplify it, or make several files of it", MaxOverlayPositions)
	}
	return d.readCoordinates(s, g.Type, g.Coordinates)
}

func (d *drawing) readCoordinates(s *shape, kind string, raw json.RawMessage) *OverlayFault {
	switch kind {
	case "Point":
		var p []float64
		return decoded(raw, &p, func() *OverlayFault { return d.addPoints(s, [][]float64{p}) })
	case "MultiPoint":
		var many [][]float64
		return decoded(raw, &many, func() *OverlayFault { return d.addPoints(s, many) })
	case "LineString":
		var line [][]float64
		return decoded(raw, &line, func() *OverlayFault { return d.addLines(s, [][][]float64{line}) })
	case "MultiLineString":
		var many [][][]float64
		return decoded(raw, &many, func() *OverlayFault { return d.addLines(s, many) })
	case "Polygon":
		var rings [][][]float64
		return decoded(raw, &rings, func() *OverlayFault { return d.addPolygons(s, [][][][]float64{rings}) })
	case "MultiPolygon":
		var many [][][][]float64
		return decoded(raw, &many, func() *OverlayFault { return d.addPolygons(s, many) })
	}
	return fault(NotGeoJSON, "geometry is %.40q, which is none of GeoJSON", kind)
}

func decoded(raw json.RawMessage, into any, then func() *OverlayFault) *OverlayFault {
	if len(raw) == 0 {
		return fault(NotGeoJSON, "the geometry has no coordinates")
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fault(NotGeoJSON, "coordinates: %v", err)
	}
	return then()
}

func (d *drawing) addPoints(s *shape, many [][]float64) *OverlayFault {
	for _, c := range many {
		if len(c) == 0 {
			continue // the form of an empty point
		}
		p, err := d.point(c)
		if err != nil {
			return err
		}
		s.points = append(s.points, p)
	}
	return nil
}

func (d *drawing) addLines(s *shape, many [][][]float64) *OverlayFault {
	for _, line := range many {
		points, err := d.path(line)
		if err != nil {
			return err
		}
		if len(points) > 1 {
			s.lines = append(s.lines, points)
		}
	}
	return nil
}

func (d *drawing) addPolygons(s *shape, many [][][][]float64) *OverlayFault {
	for _, rings := range many {
		var polygon [][]grid.Point
		for k, line := range rings {
			ring, err := d.path(line)
			if err != nil {
				return err
			}
			if len(ring) > 1 && ring[0] == ring[len(ring)-1] {
				ring = ring[:len(ring)-1]
			}
			if len(ring) > 2 {
				polygon = append(polygon, ring)
			} else if k == 0 {
				break // without its outer ring it is nothing
			}
		}
		if len(polygon) > 0 {
			s.polygons = append(s.polygons, polygon)
		}
	}
	return nil
}

// path reads the positions of a line, those left out that are the same as the one
// before.
func (d *drawing) path(line [][]float64) ([]grid.Point, *OverlayFault) {
	points := make([]grid.Point, 0, len(line))
	for _, c := range line {
		p, err := d.point(c)
		if err != nil {
			return nil, err
		}
		if len(points) == 0 || points[len(points)-1] != p {
			points = append(points, p)
		}
	}
	return points, nil
}

// point reads a position, converts it to WGS-84 and rounds it to a tenth of a
// metre, which no screen can show.
func (d *drawing) point(c []float64) (grid.Point, *OverlayFault) {
	if len(c) < 2 {
		return grid.Point{}, fault(NotGeoJSON, "a position has no longitude and latitude")
	}
	lon, lat := c[0], c[1]
	if math.Abs(lon) > 180 || math.Abs(lat) > 90 {
		hint := ""
		if math.Abs(lon) <= 90 && math.Abs(lat) <= 180 {
			hint = ": the longitude comes first"
		}
		return grid.Point{}, fault(OutOfRange, "position [%s, %s] is not longitude and latitude in degrees%s", decimal(lon), decimal(lat), hint)
	}
	p := grid.ToWGS84(sensors.Position{LatDegrees: lat, LonDegrees: lon, Datum: d.datum})
	p.LatDegrees = round(max(-mercatorDegrees, min(mercatorDegrees, p.LatDegrees)))
	p.LonDegrees = round(p.LonDegrees)
	d.box.West, d.box.East = min(d.box.West, p.LonDegrees), max(d.box.East, p.LonDegrees)
	d.box.South, d.box.North = min(d.box.South, p.LatDegrees), max(d.box.North, p.LatDegrees)
	return p, nil
}

// decimal writes a number as files have it, without an exponent.
func decimal(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

func round(degrees float64) float64 { return math.Round(degrees*1e6) / 1e6 }

// countPositions counts the innermost arrays of coordinates.
func countPositions(raw []byte) int {
	n := 0
	for {
		at := bytes.IndexByte(raw, '[')
		if at < 0 {
			return n
		}
		raw = bytes.TrimLeft(raw[at+1:], " \t\r\n")
		if len(raw) > 0 && raw[0] != '[' {
			n++
		}
	}
}

// labelLines is how many parallels are tried for a label.
const labelLines = 9

// labelPoint is a place inside the largest polygon, away from its edges: of the
// middles of the widest stretch of some parallels the one that is farthest from
// them.
func labelPoint(polygons [][][]grid.Point) grid.Point {
	largest, size := polygons[0], -1.0
	for _, p := range polygons {
		if a := math.Abs(surface(p[0])); a > size {
			largest, size = p, a
		}
	}
	south, north := math.Inf(1), math.Inf(-1)
	for _, p := range largest[0] {
		south, north = min(south, p.LatDegrees), max(north, p.LatDegrees)
	}
	best, farthest := largest[0][0], 0.0
	for k := range labelLines {
		lat := south + (north-south)*(float64(k)+0.5)/labelLines
		lon, wide := widestStretch(largest, lat)
		if wide == 0 {
			continue
		}
		p := grid.Point{LatDegrees: round(lat), LonDegrees: round(lon)}
		if d := edgeDistance(largest, p); d > farthest {
			best, farthest = p, d
		}
	}
	return best
}

// edgeDistance is how far p is from the nearest edge, in degrees of latitude.
func edgeDistance(polygon [][]grid.Point, p grid.Point) float64 {
	narrowing := math.Cos(p.LatDegrees * math.Pi / 180)
	least := math.Inf(1)
	for _, ring := range polygon {
		a := ring[len(ring)-1]
		for _, b := range ring {
			ax, ay := (a.LonDegrees-p.LonDegrees)*narrowing, a.LatDegrees-p.LatDegrees
			dx, dy := (b.LonDegrees-a.LonDegrees)*narrowing, b.LatDegrees-a.LatDegrees
			t := 0.0
			if squared := dx*dx + dy*dy; squared > 0 {
				t = max(0, min(1, -(ax*dx+ay*dy)/squared))
			}
			least = min(least, math.Hypot(ax+t*dx, ay+t*dy))
			a = b
		}
	}
	return least
}

// surface is twice the signed surface of a ring in degrees.
func surface(ring []grid.Point) float64 {
	sum := 0.0
	a := ring[len(ring)-1]
	for _, b := range ring {
		sum += a.LonDegrees*b.LatDegrees - b.LonDegrees*a.LatDegrees
		a = b
	}
	return sum
}

// widestStretch returns the middle and the width of the widest stretch of a
// parallel that lies within a polygon; a width of 0 when none does.
func widestStretch(polygon [][]grid.Point, lat float64) (lon, wide float64) {
	var crossings []float64
	for _, ring := range polygon {
		a := ring[len(ring)-1]
		for _, b := range ring {
			if (a.LatDegrees > lat) != (b.LatDegrees > lat) {
				crossings = append(crossings, a.LonDegrees+(lat-a.LatDegrees)/(b.LatDegrees-a.LatDegrees)*(b.LonDegrees-a.LonDegrees))
			}
			a = b
		}
	}
	slices.Sort(crossings)
	for k := 0; k+1 < len(crossings); k += 2 {
		if w := crossings[k+1] - crossings[k]; w > wide {
			lon, wide = (crossings[k]+crossings[k+1])/2, w
		}
	}
	return lon, wide
}
