package grid

import "math"

// shape is an area made ready for searching.
type shape struct {
	code  AreaCode
	depth int // how many parents it has
	box   box
	rings []Ring
}

// contains tells inside from outside by the rings that a ray to the east
// crosses. The arithmetic on an edge does not depend on its direction, so that
// of two areas that share an edge exactly one contains a point beside it.
func (s *shape) contains(p Point) bool {
	if !s.box.contains(p) {
		return false
	}
	in := false
	for _, ring := range s.rings {
		a := ring[len(ring)-1]
		for _, b := range ring {
			if crossesEast(p, a, b) {
				in = !in
			}
			a = b
		}
	}
	return in
}

func crossesEast(p, a, b Point) bool {
	if (a.LatDegrees > p.LatDegrees) == (b.LatDegrees > p.LatDegrees) {
		return false
	}
	if a.LatDegrees > b.LatDegrees {
		a, b = b, a
	}
	t := (p.LatDegrees - a.LatDegrees) / (b.LatDegrees - a.LatDegrees)
	return p.LonDegrees < a.LonDegrees+t*(b.LonDegrees-a.LonDegrees)
}

// edgeNear reports whether an edge of s comes into b. It may say yes for an edge
// that passes b by a corner, never no for one that does not.
func (s *shape) edgeNear(b box) bool {
	if !s.box.meets(b) {
		return false
	}
	for _, ring := range s.rings {
		p := ring[len(ring)-1]
		for _, q := range ring {
			if edgeMeets(p, q, b) {
				return true
			}
			p = q
		}
	}
	return false
}

// edgeDistanceSquared returns the square of how far p is from the nearest edge, in
// degrees of latitude, when a degree of longitude has narrowing of their length.
func (s *shape) edgeDistanceSquared(p Point, narrowing float64) float64 {
	best := math.Inf(1)
	for _, ring := range s.rings {
		a := ring[len(ring)-1]
		for _, b := range ring {
			ax, ay := (a.LonDegrees-p.LonDegrees)*narrowing, a.LatDegrees-p.LatDegrees
			dx, dy := (b.LonDegrees-a.LonDegrees)*narrowing, b.LatDegrees-a.LatDegrees
			t := 0.0
			if l := dx*dx + dy*dy; l > 0 {
				t = min(1, max(0, -(ax*dx+ay*dy)/l))
			}
			x, y := ax+t*dx, ay+t*dy
			best = min(best, x*x+y*y)
			a = b
		}
	}
	return best
}

// edgeMeets is the separating axis test of a segment and a box.
func edgeMeets(p, q Point, b box) bool {
	if math.Max(p.LatDegrees, q.LatDegrees) < b.south || math.Min(p.LatDegrees, q.LatDegrees) > b.north ||
		math.Max(p.LonDegrees, q.LonDegrees) < b.west || math.Min(p.LonDegrees, q.LonDegrees) > b.east {
		return false
	}
	dLat, dLon := q.LatDegrees-p.LatDegrees, q.LonDegrees-p.LonDegrees
	midLat, midLon := (b.south+b.north)/2, (b.west+b.east)/2
	distance := math.Abs(dLat*(midLon-p.LonDegrees) - dLon*(midLat-p.LatDegrees))
	return distance <= math.Abs(dLat)*(b.east-b.west)/2+math.Abs(dLon)*(b.north-b.south)/2
}

// box is a rectangle of latitudes and longitudes, edges included.
type box struct{ south, west, north, east float64 }

// boxOf returns the box around points; that of none meets nothing.
func boxOf(points []Point) box {
	b := box{south: math.Inf(1), west: math.Inf(1), north: math.Inf(-1), east: math.Inf(-1)}
	for _, p := range points {
		b.south, b.north = math.Min(b.south, p.LatDegrees), math.Max(b.north, p.LatDegrees)
		b.west, b.east = math.Min(b.west, p.LonDegrees), math.Max(b.east, p.LonDegrees)
	}
	return b
}

// with returns the box that covers b and points.
func (b box) with(points []Point) box {
	o := boxOf(points)
	return box{
		south: math.Min(b.south, o.south), west: math.Min(b.west, o.west),
		north: math.Max(b.north, o.north), east: math.Max(b.east, o.east),
	}
}

func (b box) grown(degrees float64) box {
	return box{south: b.south - degrees, west: b.west - degrees, north: b.north + degrees, east: b.east + degrees}
}

func (b box) contains(p Point) bool {
	return p.LatDegrees >= b.south && p.LatDegrees <= b.north && p.LonDegrees >= b.west && p.LonDegrees <= b.east
}

func (b box) meets(o box) bool {
	return b.south <= o.north && o.south <= b.north && b.west <= o.east && o.west <= b.east
}
