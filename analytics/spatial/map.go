package spatial

import "math"

// Map scores the same places again and again, as the live map does once a second,
// without allocating. It is safe for concurrent use.
type Map[T float32 | float64] struct {
	graph *Graph
	scale []float64 // 1/√((n·m − m²)/(n−1)) by place; NaN where m = n
}

// NewMap returns the map of a graph. It takes eight bytes a place besides the graph.
func NewMap[T float32 | float64](g *Graph) *Map[T] {
	n := float64(g.Len())
	m := &Map[T]{graph: g, scale: make([]float64, g.Len())}
	for i := range m.scale {
		size := float64(len(g.disk(i)))
		m.scale[i] = ratio(1, size*(n-size)/(n-1))
	}
	return m
}

// Score writes the Gi* of x to z, see [Graph.GiStar]: NaN everywhere, and false, when
// no two values of x differ. Both must have a value for each place, and may not
// overlap. Sums are kept in float64.
func (m *Map[T]) Score(z, x []T) bool {
	z, x = z[:m.graph.Len()], x[:m.graph.Len()]
	average, deviation := moments(x)
	if !(deviation > 0) {
		for i := range z {
			z[i] = T(math.NaN())
		}
		return false
	}
	near, start := m.graph.near, m.graph.start
	from := start[0]
	for i, scale := range m.scale {
		to := start[i+1]
		total := 0.0
		for _, j := range near[from:to] {
			total += float64(x[j])
		}
		z[i] = T((total - average*float64(to-from)) * (scale / deviation))
		from = to
	}
	return true
}

// moments returns the mean and the population standard deviation, which is exactly 0
// when no two values differ.
func moments[T float32 | float64](x []T) (mean, deviation float64) {
	total, flat := 0.0, true
	for _, v := range x {
		total += float64(v)
		flat = flat && v == x[0]
	}
	mean = total / float64(len(x))
	if flat {
		return mean, 0
	}
	squares := 0.0
	for _, v := range x {
		d := float64(v) - mean
		squares += d * d
	}
	return mean, math.Sqrt(squares / float64(len(x)))
}
