package spatial

import "math"

// Global is one statistic of the whole study area.
type Global struct {
	Value    float64
	Expected float64 // when the values lie anywhere
	Variance float64 // when the values lie anywhere
	Z        float64 // NaN when there is no score
	P        float64 // two-sided, by the normal distribution
}

func (v Global) scored() Global {
	v.Z = ratio(v.Value-v.Expected, v.Variance)
	v.P = TwoSided(v.Z)
	return v
}

// Moran is Moran's I (1950) with row-standardised weights and its moments under
// randomisation (Cliff and Ord 1981): above Expected when like is near like, below it
// when high alternates with low. Islands count among the n, with weight 0. It answers
// NaN for less than four places, none of which is anybody's neighbour, or a constant
// field. It does not say where: see [Graph.LocalMoran].
func (g *Graph) Moran(x []float64) (Global, error) {
	if err := g.fits(x); err != nil {
		return Global{}, err
	}
	f := newField(x)
	n := float64(len(x))
	w := g.rowWeights()
	if f.flat || len(x) < 4 || w.s0 == 0 {
		return Global{Value: math.NaN(), Expected: -1 / (n - 1), Variance: math.NaN()}.scored(), nil
	}
	products, fourth := 0.0, 0.0
	for i, v := range f.values {
		fourth += v * v * v * v
		if near := g.neighbors(i); len(near) > 0 {
			products += v * sum(f.values, near) / float64(len(near))
		}
	}
	kurtosis := fourth / n / (f.variance() * f.variance())
	expected := -1 / (n - 1)
	s0s := w.s0 * w.s0
	plain := n * ((n*n-3*n+3)*w.s1 - n*w.s2 + 3*s0s)
	heavy := kurtosis * ((n*n-n)*w.s1 - 2*n*w.s2 + 6*s0s)
	return Global{
		Value:    n / w.s0 * products / f.squares,
		Expected: expected,
		Variance: (plain-heavy)/((n-1)*(n-2)*(n-3)*s0s) - expected*expected,
	}.scored(), nil
}

// MoranNormal is [Graph.Moran] with the variance under normality (Cliff and Ord 1981):
// the values are drawn from one normal distribution, rather than those there are dealt
// anew. It is wrong for counts with a long tail, and what textbooks print beside the
// other.
func (g *Graph) MoranNormal(x []float64) (Global, error) {
	v, err := g.Moran(x)
	if err != nil || math.IsNaN(v.Value) {
		return v, err
	}
	n, w := float64(len(x)), g.rowWeights()
	s0s := w.s0 * w.s0
	v.Variance = (n*n*w.s1-n*w.s2+3*s0s)/((n*n-1)*s0s) - v.Expected*v.Expected
	return v.scored(), nil
}

// weights are the sums over a weight matrix that moments under randomisation need.
type weights struct {
	s0 float64 // Σ w
	s1 float64 // ½ Σ (w_ij + w_ji)²
	s2 float64 // Σ (row + column)²
}

func (g *Graph) rowWeights() weights {
	var w weights
	for i := range g.Len() {
		near := g.neighbors(i)
		if len(near) == 0 {
			continue
		}
		own := 1 / float64(len(near))
		column := 0.0
		for _, j := range near {
			back := 1 / float64(len(g.neighbors(int(j))))
			column += back
			w.s1 += (own + back) * (own + back) / 2
		}
		w.s0++
		w.s2 += (1 + column) * (1 + column)
	}
	return w
}

func (g *Graph) binaryWeights() weights {
	var w weights
	for i := range g.Len() {
		k := float64(len(g.neighbors(i)))
		w.s0 += k
		w.s1 += 2 * k
		w.s2 += 4 * k * k
	}
	return w
}

// Quadrant says how a place and its neighbours lie to the mean. What equals the mean
// is low.
type Quadrant uint8

// The quadrants of Moran's scatter plot, numbered as PySAL does. HighLow is the lone
// hot cell among cold ones, the mark of a faulty sensor.
const (
	HighHigh Quadrant = iota + 1
	LowHigh
	LowLow
	HighLow
)

// LocalMoran is how like its neighbours each place is.
type LocalMoran struct {
	I        []float64 // above 0 where like is near like; 0 for an island, NaN in a constant field
	Expected []float64 // given the place's own value
	Variance []float64 // given the place's own value
	Quadrant []Quadrant
	Scores   // of I
}

// LocalMoran is the local I of Anselin (1995) with row-standardised weights, on the
// scale of spdep: I = z·lag/m2, z a value less the mean, lag the mean z of the
// neighbours, m2 = Σz²/n. Its moments are conditional on the place's own value (Sokal,
// Oden and Thomson 1998, A7 and A8), as in spdep's localmoran(conditional=TRUE). An
// island has no score; its lag is 0, so low.
func (g *Graph) LocalMoran(x []float64) (LocalMoran, error) {
	if err := g.fits(x); err != nil {
		return LocalMoran{}, err
	}
	count := len(x)
	out := LocalMoran{
		I: noScores(count), Expected: noScores(count), Variance: noScores(count),
		Quadrant: make([]Quadrant, count), Scores: Scores{Z: noScores(count)},
	}
	f := newField(x)
	n, m2 := float64(count), f.variance()
	for i, z := range f.values {
		if f.flat {
			out.Quadrant[i] = LowLow
			continue
		}
		near := g.neighbors(i)
		k := float64(len(near))
		lag, weight, spread := 0.0, 0.0, 0.0
		if k > 0 {
			lag, weight = sum(f.values, near)/k, 1
			// Σw² − W²/(n−1), exactly 0 when everybody is a neighbour.
			spread = (n - 1 - k) / (k * (n - 1))
		}
		share := z / m2
		out.I[i] = share * lag
		out.Expected[i] = -z * share * weight / (n - 1)
		out.Variance[i] = share * share * n / (n - 2) * spread * (m2 - z*z/(n-1))
		out.Z[i] = ratio(out.I[i]-out.Expected[i], out.Variance[i])
		out.Quadrant[i] = quadrant(z > 0, lag > 0)
	}
	// Where one place alone differs, its neighbours cannot be dealt otherwise.
	if count > 2 && !f.flat {
		if i, found := odd(x); found {
			out.Variance[i], out.Z[i] = 0, math.NaN()
		}
	}
	out.P = twoSided(out.Z)
	return out, nil
}

func quadrant(high, highAround bool) Quadrant {
	switch {
	case high && highAround:
		return HighHigh
	case high:
		return HighLow
	case highAround:
		return LowHigh
	default:
		return LowLow
	}
}
