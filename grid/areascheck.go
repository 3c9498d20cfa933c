package grid

import (
	"cmp"
	"math"
	"slices"
)

// The matters that CheckAreas finds.
const (
	AreaCrossesItself  = "self_intersection" // lines of one boundary cross
	AreaHoleOutside    = "hole_outside"      // a hole is not within its polygon, or meets another
	AreasOverlap       = "overlap"           // two areas of one level share ground
	AreaOutsideParent  = "outside_parent"    // a part lies outside of the whole
	AreaParentMissing  = "parent_missing"    // the whole is not among the areas
	AreaTooSmall       = "too_small"
	AreaTooManyCorners = "too_many_corners"
	AreaTooLarge       = "too_large"
	AreaCodeUnusual    = "code_unusual" // not 6, 9, 12 or 15 digits, as the standard has it
)

// AreaFinding is what is wrong or odd about an area.
type AreaFinding struct {
	Matter       string
	Area         AreaCode // "" for all together
	Other        AreaCode // the second of two
	Fault        bool     // what no placing can rely on; else it is odd only
	At           Point    // where; zero when it is everywhere
	SquareMeters float64  // how much ground it is about, 0 when it is about none
}

// Bounds of a set of areas.
const (
	MaxAreaCorners   = 200_000 // of all areas together
	smallSquareMeter = 1_000.0
	// sliverSquareMeters is how much two areas may share: boundaries that were
	// drawn twice are never quite the same. It is the surface of a cell.
	sliverSquareMeters = 11_459.0
	outsideShare       = 0.02 // of a part that may lie outside of the whole
)

// CheckAreas returns what is wrong and what is odd about areas, faults first. How
// much ground areas share is estimated by a raster.
func CheckAreas(a *Areas) []AreaFinding {
	if a == nil {
		return nil
	}
	var found []AreaFinding
	corners, surface := 0, 0.0
	for i := range a.areas {
		found = append(found, checkArea(&a.areas[i])...)
		for _, p := range a.areas[i].Polygons {
			for _, ring := range p {
				corners += len(ring)
			}
		}
		surface += a.areas[i].AreaSquareMeters
	}
	if corners > MaxAreaCorners {
		found = append(found, AreaFinding{Matter: AreaTooManyCorners, Fault: true})
	} else {
		found = append(found, a.checkPairs()...)
	}
	if surface > maxDistrictSquareMeters {
		found = append(found, AreaFinding{Matter: AreaTooLarge, Fault: true, SquareMeters: surface})
	}
	slices.SortStableFunc(found, func(x, y AreaFinding) int {
		rank := func(f AreaFinding) int {
			if f.Fault {
				return 0
			}
			return 1
		}
		return cmp.Compare(rank(x), rank(y))
	})
	return found
}

// checkArea looks at one area by itself.
func checkArea(a *Area) []AreaFinding {
	var found []AreaFinding
	for _, p := range a.Polygons {
		for i, ring := range p {
			if at, crosses := ring.crossing(); crosses {
				found = append(found, AreaFinding{Matter: AreaCrossesItself, Area: a.Code, Fault: true, At: at})
			}
			if i == 0 {
				continue
			}
			for k, other := range p[:i] {
				if at, bad := holeFault(ring, other, k == 0); bad {
					found = append(found, AreaFinding{Matter: AreaHoleOutside, Area: a.Code, Fault: true, At: at})
				}
			}
		}
	}
	if a.AreaSquareMeters < smallSquareMeter {
		found = append(found, AreaFinding{Matter: AreaTooSmall, Area: a.Code, At: a.Label, SquareMeters: a.AreaSquareMeters})
	}
	if !standardCode(a.Code) {
		found = append(found, AreaFinding{Matter: AreaCodeUnusual, Area: a.Code, At: a.Label})
	}
	return found
}

// standardCode reports whether a code is made as the standard says: 6 digits of the
// district, and 3 each of subdistrict, community and serial.
func standardCode(code AreaCode) bool {
	for _, c := range code {
		if c < '0' || c > '9' {
			return false
		}
	}
	return slices.Contains([]int{6, 9, 12, 15}, len(code))
}

// holeFault reports where a hole is at odds with the outer ring, or with a hole
// before it.
func holeFault(hole, other Ring, outer bool) (Point, bool) {
	for i, p := range hole {
		q := hole[(i+1)%len(hole)]
		for k, r := range other {
			if at, crosses := crossingOf(p, q, r, other[(k+1)%len(other)]); crosses {
				return at, true
			}
		}
	}
	s := shape{box: boxOf(other), rings: []Ring{other}}
	if s.contains(hole[0]) != outer && !slices.Contains(other, hole[0]) {
		return hole[0], true
	}
	return Point{}, false
}

// crossing returns where two lines of a ring cross that do not follow one another.
func (r Ring) crossing() (Point, bool) {
	type line struct {
		i            int
		south, north float64
	}
	lines := make([]line, len(r))
	for i, p := range r {
		q := r[(i+1)%len(r)]
		lines[i] = line{i, math.Min(p.LatDegrees, q.LatDegrees), math.Max(p.LatDegrees, q.LatDegrees)}
	}
	slices.SortFunc(lines, func(a, b line) int { return cmp.Compare(a.south, b.south) })
	for x, a := range lines {
		for _, b := range lines[x+1:] {
			if b.south > a.north {
				break
			}
			near := (a.i - b.i + len(r)) % len(r)
			if near == 1 || near == len(r)-1 {
				continue
			}
			if at, crosses := crossingOf(r[a.i], r[(a.i+1)%len(r)], r[b.i], r[(b.i+1)%len(r)]); crosses {
				return at, true
			}
		}
	}
	return Point{}, false
}

// crossingOf returns where two lines cross within both. Lines that only touch, or lie
// on one another, do not cross.
func crossingOf(a, b, c, d Point) (Point, bool) {
	side := func(p, q, r Point) float64 {
		return (q.LonDegrees-p.LonDegrees)*(r.LatDegrees-p.LatDegrees) - (q.LatDegrees-p.LatDegrees)*(r.LonDegrees-p.LonDegrees)
	}
	c1, d1, a1, b1 := side(a, b, c), side(a, b, d), side(c, d, a), side(c, d, b)
	if c1*d1 >= 0 || a1*b1 >= 0 {
		return Point{}, false
	}
	t := c1 / (c1 - d1)
	return Point{LatDegrees: c.LatDegrees + t*(d.LatDegrees-c.LatDegrees), LonDegrees: c.LonDegrees + t*(d.LonDegrees-c.LonDegrees)}, true
}

// checkPairs looks at areas beside the others.
func (a *Areas) checkPairs() []AreaFinding {
	var found []AreaFinding
	byCode := make(map[AreaCode]*shape, len(a.shapes))
	for i := range a.shapes {
		byCode[a.shapes[i].code] = &a.shapes[i]
	}
	for i := range a.shapes {
		for k := range a.shapes[:i] {
			x, y := &a.shapes[k], &a.shapes[i]
			if x.depth != y.depth || !x.box.meets(y.box) {
				continue
			}
			if shared, at := common(x, y); shared > 0 {
				found = append(found, AreaFinding{Matter: AreasOverlap, Area: x.code, Other: y.code, Fault: shared > sliverSquareMeters, At: at, SquareMeters: shared})
			}
		}
	}
	for i := range a.areas {
		area := &a.areas[i]
		if area.Parent == "" {
			continue
		}
		whole := byCode[area.Parent]
		if whole == nil {
			found = append(found, AreaFinding{Matter: AreaParentMissing, Area: area.Code, Other: area.Parent, At: area.Label})
			continue
		}
		shared, _ := common(byCode[area.Code], whole)
		if outside := area.AreaSquareMeters - shared; outside > outsideShare*area.AreaSquareMeters {
			found = append(found, AreaFinding{Matter: AreaOutsideParent, Area: area.Code, Other: area.Parent, At: area.Label, SquareMeters: outside})
		}
	}
	return found
}

// rasterSteps is how many places a side are tried for what two shapes share.
const rasterSteps = 160

// common estimates how much ground two shapes share, and where.
func common(x, y *shape) (squareMeters float64, at Point) {
	b := box{
		south: math.Max(x.box.south, y.box.south), west: math.Max(x.box.west, y.box.west),
		north: math.Min(x.box.north, y.box.north), east: math.Min(x.box.east, y.box.east),
	}
	dLat, dLon := (b.north-b.south)/rasterSteps, (b.east-b.west)/rasterSteps
	n := 0
	for i := range rasterSteps {
		for j := range rasterSteps {
			p := Point{LatDegrees: b.south + dLat*(float64(i)+0.5), LonDegrees: b.west + dLon*(float64(j)+0.5)}
			if x.contains(p) && y.contains(p) {
				n++
				at = p
			}
		}
	}
	const meters = math.Pi / 180 * earthMeters
	place := dLat * meters * dLon * meters * math.Cos((b.south+b.north)/2*math.Pi/180)
	return float64(n) * place, at
}
