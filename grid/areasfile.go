package grid

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"sync"

	"github.com/urbangrid/urbangrid/sensors"
)

// areasFile is the part of GeoJSON (RFC 7946) that areas are made of, with
// "datum", "district" and "note" as foreign members.
type areasFile struct {
	Type     string        `json:"type"`
	Datum    string        `json:"datum"` // of all coordinates; "" means wgs84
	District sensors.Names `json:"district"`
	Note     sensors.Names `json:"note"`
	Features []struct {
		Properties struct {
			Code   string `json:"code"`
			Name   string `json:"name"`
			NameEN string `json:"name_en"`
			Parent string `json:"parent"`
		} `json:"properties"`
		Geometry struct {
			Type        string          `json:"type"`
			Coordinates json.RawMessage `json:"coordinates"`
		} `json:"geometry"`
	} `json:"features"`
}

// ReadAreas reads a GeoJSON FeatureCollection of polygons and multipolygons
// with the properties code and name, and optionally name_en and parent. Its
// member "datum" names the datum of the coordinates, WGS-84 when there is none;
// members "district" and "note" with zh and en are kept for [Areas.District] and
// [Areas.Note]. As RFC 7946 demands, a polygon must not cross the antimeridian.
// The error joins every fault of the file, each with the code it belongs to.
func ReadAreas(r io.Reader) (*Areas, error) {
	var file areasFile
	dec := json.NewDecoder(r)
	if err := dec.Decode(&file); err != nil {
		return nil, fmt.Errorf("read areas: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("read areas: something follows the FeatureCollection")
	}
	if file.Type != "FeatureCollection" {
		return nil, fmt.Errorf("read areas: type is %q, not FeatureCollection", file.Type)
	}
	datum := sensors.WGS84
	if file.Datum != "" {
		var err error
		if datum, err = sensors.ParseDatum(file.Datum); err != nil {
			return nil, fmt.Errorf("read areas: %w", err)
		}
	}
	var areas []Area
	var faults []error
	for i, f := range file.Features {
		area := Area{
			Code:   AreaCode(f.Properties.Code),
			Names:  sensors.Names{ZH: f.Properties.Name, EN: f.Properties.NameEN},
			Parent: AreaCode(f.Properties.Parent),
		}
		if area.Names.EN == "" {
			area.Names.EN = area.Names.ZH
		}
		var err error
		area.Polygons, err = polygons(f.Geometry.Type, f.Geometry.Coordinates, datum)
		if area.Code == "" {
			err = errors.Join(err, errors.New("property code is missing"))
		}
		if area.Names.ZH == "" {
			err = errors.Join(err, errors.New("property name is missing"))
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("area %q (feature %d): %w", area.Code, i+1, err))
		}
		areas = append(areas, area)
	}
	if len(areas) == 0 {
		faults = append(faults, errors.New("there is no feature"))
	}
	if len(faults) > 0 {
		return nil, fmt.Errorf("read areas: %w", errors.Join(faults...))
	}
	return newAreas(areas, file.District, file.Note)
}

func newAreas(areas []Area, district, note sensors.Names) (*Areas, error) {
	parents := make(map[AreaCode]AreaCode, len(areas))
	var faults []error
	for _, area := range areas {
		if _, twice := parents[area.Code]; twice {
			faults = append(faults, fmt.Errorf("area %q is there twice", area.Code))
		}
		parents[area.Code] = area.Parent
	}
	out := &Areas{name: district, note: note, areas: areas}
	for i := range areas {
		area := &areas[i]
		depth := 0
		for up := area.Parent; up != "" && depth <= len(areas); up = parents[up] {
			if _, known := parents[up]; known {
				depth++
			}
		}
		if depth > len(areas) {
			faults = append(faults, fmt.Errorf("area %q is a part of itself", area.Code))
		}
		s := shape{code: area.Code, depth: depth, box: boxOf(nil)}
		for _, polygon := range area.Polygons {
			for _, ring := range polygon {
				s.rings = append(s.rings, ring)
				s.box = s.box.with(ring)
			}
			area.AreaSquareMeters += polygon.areaSquareMeters()
		}
		if area.AreaSquareMeters == 0 {
			faults = append(faults, fmt.Errorf("area %q has corners but no surface", area.Code))
		}
		area.Label = area.label()
		out.shapes = append(out.shapes, s)
	}
	if len(faults) > 0 {
		return nil, fmt.Errorf("read areas: %w", errors.Join(faults...))
	}
	slices.SortStableFunc(out.shapes, byDepth)
	out.district = sync.OnceValues(func() ([]Cell, error) { return overlapping(areas) })
	return out, nil
}

// polygons reads the coordinates of a Polygon or MultiPolygon.
func polygons(kind string, raw json.RawMessage, datum sensors.Datum) ([]Polygon, error) {
	var many [][][][]float64
	switch kind {
	case "Polygon":
		many = make([][][][]float64, 1)
		if err := json.Unmarshal(raw, &many[0]); err != nil {
			return nil, fmt.Errorf("coordinates: %w", err)
		}
	case "MultiPolygon":
		if err := json.Unmarshal(raw, &many); err != nil {
			return nil, fmt.Errorf("coordinates: %w", err)
		}
	default:
		return nil, fmt.Errorf("geometry is %q, not Polygon or MultiPolygon", kind)
	}
	out := make([]Polygon, 0, len(many))
	for _, lines := range many {
		polygon := make(Polygon, 0, len(lines))
		for _, line := range lines {
			ring, err := readRing(line, datum)
			if err != nil {
				return nil, err
			}
			polygon = append(polygon, ring)
		}
		if len(polygon) == 0 {
			return nil, errors.New("polygon has no ring")
		}
		out = append(out, polygon)
	}
	if len(out) == 0 {
		return nil, errors.New("geometry has no polygon")
	}
	return out, nil
}

func readRing(line [][]float64, datum sensors.Datum) (Ring, error) {
	ring := make(Ring, 0, len(line))
	for _, c := range line {
		if len(c) < 2 {
			return nil, errors.New("a corner has no longitude and latitude")
		}
		p := Point{LatDegrees: c[1], LonDegrees: c[0]}
		if !p.onEarth() {
			return nil, fmt.Errorf("corner [%v, %v] is not longitude and latitude in degrees", c[0], c[1])
		}
		ring = append(ring, ToWGS84(sensors.Position{LatDegrees: p.LatDegrees, LonDegrees: p.LonDegrees, Datum: datum}))
	}
	if len(ring) < 4 || ring[0] != ring[len(ring)-1] {
		return nil, errors.New("a ring is not closed or has less than three corners")
	}
	return ring[:len(ring)-1], nil
}

// earthMeters is the mean radius of the Earth (IUGG).
const earthMeters = 6_371_008.8

// areaSquareMeters is the area on the sphere, within 0.5 % of the true one.
func (p Polygon) areaSquareMeters() float64 {
	total := 0.0
	for i, ring := range p {
		a := ring.areaSquareMeters()
		if i > 0 {
			a = -a
		}
		total += a
	}
	return total
}

// areaSquareMeters integrates the sphere's strip below each edge, see
// Chamberlain and Duquette, "Some algorithms for polygons on a sphere", 2007.
func (r Ring) areaSquareMeters() float64 {
	sum := 0.0
	a := r[len(r)-1]
	for _, b := range r {
		dLon := (b.LonDegrees - a.LonDegrees) * math.Pi / 180
		sum += dLon * (2 + math.Sin(a.LatDegrees*math.Pi/180) + math.Sin(b.LatDegrees*math.Pi/180))
		a = b
	}
	return math.Abs(sum) * earthMeters * earthMeters / 2
}

// labelSteps is how many places a side are tried for a label.
const labelSteps = 24

// label returns the place inside the largest polygon that is farthest from its
// edges, of the places of a raster.
func (a *Area) label() Point {
	largest := slices.MaxFunc(a.Polygons, func(p, q Polygon) int {
		if p.areaSquareMeters() < q.areaSquareMeters() {
			return -1
		}
		return 1
	})
	s := shape{box: boxOf(largest[0]), rings: largest}
	narrowing := math.Cos(largest[0][0].LatDegrees * math.Pi / 180)
	best, found := largest[0][0], -1.0
	for i := range labelSteps {
		for j := range labelSteps {
			p := Point{
				LatDegrees: s.box.south + (s.box.north-s.box.south)*(float64(i)+0.5)/labelSteps,
				LonDegrees: s.box.west + (s.box.east-s.box.west)*(float64(j)+0.5)/labelSteps,
			}
			if !s.contains(p) {
				continue
			}
			if d := s.edgeDistanceSquared(p, narrowing); d > found {
				best, found = p, d
			}
		}
	}
	return best
}
