package grid

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/uber/h3-go/v4"
	"github.com/urbangrid/urbangrid/sensors"
)

// Ring is a closed line of corners; the first is not repeated at the end.
type Ring []Point

// Polygon is an outer ring and the holes in it.
type Polygon []Ring

// Area is one responsibility area (责任网格) in WGS-84.
type Area struct {
	Code             AreaCode
	Names            sensors.Names // EN is ZH where the file has no English name
	Parent           AreaCode      // the area it is a part of, "" for none
	Polygons         []Polygon
	Label            Point // a place inside, fit for writing the name at
	AreaSquareMeters float64
}

// Areas are the responsibility areas of a district. They never change after
// they were read and are safe for concurrent use. A nil *Areas has no areas.
type Areas struct {
	name     sensors.Names // of the district, as the file has it
	note     sensors.Names
	areas    []Area  // in the order of the file
	shapes   []shape // the same, those deepest in the tree of parents first
	district func() ([]Cell, error)
	cache    cellCache
}

// All returns the areas in the order of the file. The caller must not change
// the rings.
func (a *Areas) All() []Area {
	if a == nil {
		return nil
	}
	return slices.Clone(a.areas)
}

// District returns what the district is called: what the file says, else the name
// of the one area that all others lie in. It is empty when neither is there; EN is
// ZH where there is no English name.
func (a *Areas) District() sensors.Names {
	if a == nil {
		return sensors.Names{}
	}
	name := a.name
	if name == (sensors.Names{}) {
		name = a.top()
	}
	return sensors.Names{ZH: cmp.Or(name.ZH, name.EN), EN: cmp.Or(name.EN, name.ZH)}
}

// top returns the names of the area that has no parent here, if it alone has none
// and others lie in it.
func (a *Areas) top() (names sensors.Names) {
	known := make(map[AreaCode]bool, len(a.areas))
	for i := range a.areas {
		known[a.areas[i].Code] = true
	}
	tops := 0
	for i := range a.areas {
		if !known[a.areas[i].Parent] {
			tops++
			names = a.areas[i].Names
		}
	}
	if tops != 1 || len(a.areas) == 1 {
		return sensors.Names{}
	}
	return names
}

// Note returns what the file says about itself, for people who look at it.
func (a *Areas) Note() sensors.Names {
	if a == nil {
		return sensors.Names{}
	}
	return a.note
}

// At returns the area that contains p, "" outside every area. Where areas lie
// in one another it is the one deepest in the tree of parents, of equals the
// first of the file. A point on a boundary belongs to exactly one side.
func (a *Areas) At(p Point) AreaCode {
	if a == nil || !p.onEarth() {
		return ""
	}
	cell, err := CellAt(p, Resolution)
	if err != nil {
		return ""
	}
	return a.at(p, cell)
}

// at is At for a point whose cell at Resolution is known.
func (a *Areas) at(p Point, cell Cell) AreaCode {
	if a == nil {
		return ""
	}
	i, ok := a.cache.find(cell)
	if !ok {
		i = a.whole(cell)
		a.cache.put(cell, i)
	}
	if i == mixed {
		i = a.search(p)
	}
	if i == outside {
		return ""
	}
	return a.shapes[i].code
}

// What is known about a cell instead of the index of a shape.
const (
	outside = -1 // no area has a part in it
	mixed   = -2 // a boundary may run through it
)

// search returns the index of the shape that contains p, or outside.
func (a *Areas) search(p Point) int32 {
	for i := range a.shapes {
		if a.shapes[i].contains(p) {
			return int32(i)
		}
	}
	return outside
}

// whole returns the index of the shape that contains all of cell, or outside,
// or mixed when an edge of any area comes near the cell.
func (a *Areas) whole(cell Cell) int32 {
	corners, err := cell.Boundary()
	if err != nil {
		return mixed
	}
	b := boxOf(corners)
	if b.east-b.west > 180 {
		return mixed // across the antimeridian
	}
	// Edges of cells are arcs, which leave the box of their corners by far less
	// than this metre.
	b = b.grown(1e-5)
	for i := range a.shapes {
		if a.shapes[i].edgeNear(b) {
			return mixed
		}
	}
	return a.search(corners[0])
}

// Cells returns the cells of resolution res that have a part of an area in
// them, in ascending order: at Resolution by the overlap itself, coarser as
// the parents of those.
func (a *Areas) Cells(res int) ([]Cell, error) {
	if res < 0 || res > Resolution {
		return nil, fmt.Errorf("cells of areas at resolution %d: not 0 to %d", res, Resolution)
	}
	if a == nil {
		return nil, nil
	}
	fine, err := a.district()
	if err != nil {
		return nil, err
	}
	if res == Resolution {
		return slices.Clone(fine), nil
	}
	out := make([]Cell, 0, len(fine)/6)
	for _, c := range fine {
		p, err := c.Parent(res)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// maxDistrictSquareMeters bounds Cells to about nine million: more than any
// city of China has, and no more than memory holds.
const maxDistrictSquareMeters = 100e9

// overlapping returns the cells at Resolution that have a part of an area in
// them.
func overlapping(areas []Area) ([]Cell, error) {
	total := 0.0
	for _, area := range areas {
		total += area.AreaSquareMeters
	}
	if total > maxDistrictSquareMeters {
		return nil, fmt.Errorf("areas have %.0f km² together, which is more than %.0f km²", total/1e6, maxDistrictSquareMeters/1e6)
	}
	var out []Cell
	for _, area := range areas {
		for _, polygon := range area.Polygons {
			cells, err := h3.PolygonToCellsExperimental(geoPolygon(polygon), Resolution, h3.ContainmentOverlapping)
			if err != nil {
				return nil, fmt.Errorf("cells of area %s: %w", area.Code, err)
			}
			for _, c := range cells {
				out = append(out, Cell(c))
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

func geoPolygon(p Polygon) h3.GeoPolygon {
	loops := make([]h3.GeoLoop, len(p))
	for i, ring := range p {
		loops[i] = make(h3.GeoLoop, len(ring))
		for j, c := range ring {
			loops[i][j] = h3.LatLng{Lat: c.LatDegrees, Lng: c.LonDegrees}
		}
	}
	return h3.GeoPolygon{GeoLoop: loops[0], Holes: loops[1:]}
}

// cellCache remembers what is known about cells. A full shard forgets
// everything: it fills again at a few microseconds a cell.
type cellCache struct {
	shards [16]cellShard
}

// cellShardSize bounds the whole cache to 262,144 cells, 3,000 km².
const cellShardSize = 16_384

type cellShard struct {
	mu    sync.RWMutex // guards known
	known map[Cell]int32
}

func (c *cellCache) shard(cell Cell) *cellShard {
	// The digits of resolution 9 and 10 tell neighbours apart.
	return &c.shards[(uint64(cell)>>15)%uint64(len(c.shards))]
}

func (c *cellCache) find(cell Cell) (int32, bool) {
	s := c.shard(cell)
	s.mu.RLock()
	defer s.mu.RUnlock()
	i, ok := s.known[cell]
	return i, ok
}

func (c *cellCache) put(cell Cell, i int32) {
	s := c.shard(cell)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil || len(s.known) >= cellShardSize {
		s.known = make(map[Cell]int32)
	}
	s.known[cell] = i
}

// byDepth orders shapes so that a part comes before the whole.
func byDepth(a, b shape) int { return cmp.Compare(b.depth, a.depth) }

// onEarth reports whether p has a latitude and longitude that exist.
func (p Point) onEarth() bool {
	return math.Abs(p.LatDegrees) <= 90 && math.Abs(p.LonDegrees) <= 180
}
