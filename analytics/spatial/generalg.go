package spatial

import (
	"fmt"
	"math"
)

// GeneralG is the general G of Getis and Ord (1992) with weight 1 for neighbours: the
// share of all products of two values that are of neighbours. Above Expected high
// values are together, below it low ones. The moments are those under randomisation.
// It returns [ErrValues] when a value is negative: then the shares have no meaning. It
// answers NaN for less than four places, a constant field, or fewer than two values
// above 0.
func (g *Graph) GeneralG(x []float64) (Global, error) {
	if err := g.fits(x); err != nil {
		return Global{}, err
	}
	var y1, y2, y3, y4, products float64
	for i, v := range x {
		if v < 0 {
			return Global{}, fmt.Errorf("%w: general G of %v at place %d, which is negative", ErrValues, v, i)
		}
		y1 += v
		y2 += v * v
		y3 += v * v * v
		y4 += v * v * v * v
		products += v * sum(x, g.neighbors(i))
	}
	n := float64(len(x))
	w := g.binaryWeights()
	expected := w.s0 / (n * (n - 1))
	pairs := y1*y1 - y2
	if len(x) < 4 || constant(x) || positive(x) < 2 || w.s0 == 0 {
		return Global{Value: math.NaN(), Expected: expected, Variance: math.NaN()}.scored(), nil
	}
	s0s := w.s0 * w.s0
	b0 := (n*n-3*n+3)*w.s1 - n*w.s2 + 3*s0s
	b1 := -((n*n-n)*w.s1 - 2*n*w.s2 + 6*s0s)
	b2 := -(2*n*w.s1 - (n+3)*w.s2 + 6*s0s)
	b3 := 4*(n-1)*w.s1 - 2*(n+1)*w.s2 + 8*s0s
	b4 := w.s1 - w.s2 + s0s
	square := (b0*y2*y2 + b1*y4 + b2*y1*y1*y2 + b3*y1*y3 + b4*y1*y1*y1*y1) /
		(pairs * pairs * n * (n - 1) * (n - 2) * (n - 3))
	return Global{Value: products / pairs, Expected: expected, Variance: square - expected*expected}.scored(), nil
}

func positive(x []float64) int {
	count := 0
	for _, v := range x {
		if v > 0 {
			count++
		}
	}
	return count
}
