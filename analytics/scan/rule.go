package scan

import "math"

// rule scores a zone and a window from sums over them. What x and b are is the
// statistic's affair.
type rule interface {
	// score is 0 where there is no excess.
	score(x, b float64) float64
	// bound is not below score, save for rounding, and costs no logarithm.
	bound(x, b float64) float64
}

// expectation is the expectation-based Poisson score of a count x and its mean b.
type expectation struct{}

func (expectation) score(x, b float64) float64 { return Poisson(x, b) }

// bound holds because (1+y)·ln(1+y) − y ≤ y²/2 for y ≥ 0.
func (expectation) bound(x, b float64) float64 {
	d := x - b
	if d <= 0 {
		return 0
	}
	return d * d / (2 * b)
}

// kulldorff is the likelihood ratio given the total: the excess inside and the
// deficit outside, x·ln(x/b) + (N−x)·ln((N−x)/(N−b)).
type kulldorff struct{ total float64 }

func (k kulldorff) score(x, b float64) float64 {
	if !(x > b) {
		return 0
	}
	return Poisson(x, b) + deficit(k.total-x, k.total-b, x-b)
}

// bound holds because (1+y)·ln(1+y) − y ≤ y² for −1 ≤ y < 0.
func (k kulldorff) bound(x, b float64) float64 {
	d := x - b
	if d <= 0 {
		return 0
	}
	if rest := k.total - b; rest > 0 {
		return d*d/(2*b) + d*d/rest
	}
	return math.Inf(1)
}

// deficit is x·ln(x/m) + m − x for x = m − d below m. A count that should be all there
// is, m at 0, has none.
func deficit(x, m, d float64) float64 {
	switch {
	case m <= 0:
		return 0
	case x <= 0:
		return m
	case d < near*m:
		return smallExcess(x, m, -d)
	}
	return x*math.Log(x/m) + d
}

// tango is the efficient score of negative binomial counts, U/√V: x is the sum of the
// weighted residuals, b the variance of that.
type tango struct{}

func (tango) score(x, b float64) float64 {
	if !(x > 0) {
		return 0
	}
	return x / math.Sqrt(b)
}

func (t tango) bound(x, b float64) float64 { return t.score(x, b) }
