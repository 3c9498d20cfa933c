package spatial

import "math"

// Scores are the standard scores of every place, in the order of the graph: z high
// where high values are together, low where low ones are. NaN is "no score".
type Scores struct {
	Z []float64
	P []float64 // two-sided, by the normal distribution
}

// GiStar is the local statistic Gi* of Getis and Ord (Ord and Getis 1995, equation 14)
// with weight 1 for a place itself and each neighbour:
//
//	z = (Σx − x̄·m) / (S·√((n·m − m²)/(n−1)))
//
// over the m places of its disk, x̄ and S the mean and the population standard
// deviation of all n. spdep's localG with include.self, esda's G_Local with binary
// weights and gonum's GetisOrdGStar answer the same.
//
// The normal p is poorly calibrated where the disk is expected to hold less than about
// five events; and of many p-values some are small by chance: see package fdr.
func (g *Graph) GiStar(x []float64) (Scores, error) {
	if err := g.fits(x); err != nil {
		return Scores{}, err
	}
	m := NewMap[float64](g)
	z := make([]float64, len(x))
	m.Score(z, x)
	return Scores{Z: z, P: twoSided(z)}, nil
}

// Gi is the local statistic Gi of Getis and Ord (Ord and Getis 1995, equation 13): as
// [Graph.GiStar], but a place is neither in its own disk nor in the mean and the
// standard deviation that it is compared with. It is also the exact z of the
// conditional permutation of Gi*, see [Graph.Conditional]. Islands have no score.
func (g *Graph) Gi(x []float64) (Scores, error) {
	c, err := g.Conditional(x)
	if err != nil {
		return Scores{}, err
	}
	return Scores{Z: c.Z, P: c.P}, nil
}

// Conditional is what Gi* would be if the values of all other places were dealt anew:
// the place keeps its own value and draws its neighbours' without replacement from the
// other n−1.
type Conditional struct {
	G      []float64 // Gi* as a share: the sum over the disk by the sum over all
	Mean   []float64 // of G under the permutation
	SD     []float64 // of G under the permutation
	Scores           // of G; on its own scale and so defined even where G is not
}

// Conditional returns the moments of the conditional permutation in closed form, for a
// place with k neighbours and the mean a and population variance v of the others:
// mean (x + k·a)/Σx, variance k·v·(n−1−k)/(n−2)/(Σx)², the moments of a sum that is
// drawn without replacement. So a simulation is needed only for the tail of skewed
// values: [Graph.Permute]. G, Mean and SD are NaN when Σx is 0.
func (g *Graph) Conditional(x []float64) (Conditional, error) {
	if err := g.fits(x); err != nil {
		return Conditional{}, err
	}
	n := len(x)
	c := Conditional{G: noScores(n), Mean: noScores(n), SD: noScores(n), Scores: Scores{Z: noScores(n)}}
	f := newField(x)
	total := f.mean * float64(n)
	lonely, found := 0, false
	if n > 2 {
		lonely, found = odd(x)
	}
	for i := range x {
		k := float64(len(g.neighbors(i)))
		drawn := sum(f.values, g.neighbors(i))
		average, variance := f.without(i)
		if f.flat || found && i == lonely {
			variance = 0
		}
		spread := k * variance * (float64(n) - 1 - k) / float64(n-2)
		if n > 2 {
			c.Z[i] = ratio(drawn-k*average, spread)
		}
		if total != 0 {
			c.G[i] = sum(x, g.disk(i)) / total
			c.Mean[i] = (x[i] + k*(f.mean+average)) / total
			c.SD[i] = math.Sqrt(max(0, spread)) / math.Abs(total)
		}
	}
	c.P = twoSided(c.Z)
	return c, nil
}
