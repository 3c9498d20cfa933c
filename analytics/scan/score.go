package scan

import "math"

// near is the excess, as a share of the baseline, up to which the closed forms
// lose digits to cancellation and the scores take a series or a quadrature.
const near = 0.2

// Poisson is the log-likelihood ratio of a Poisson count c against its expected
// count b: the mean q·b with the best q ≥ 1 against the mean b, that is
// c·ln(c/b) + b − c where c > b and 0 elsewhere (Neill, Moore, Sabhnani and
// Daniel 2005; the expectation-based Poisson scan, EBP). It is +Inf when b is 0
// or less and c is not: something came where nothing can. NaN scores 0. The
// relative error is below 1e-14 for any arguments.
func Poisson(c, b float64) float64 {
	d := c - b
	if !(d > 0 && c > 0) {
		return 0
	}
	switch {
	case b <= 0:
		return math.Inf(1)
	case d < near*b:
		return smallExcess(c, b, d)
	}
	return c*logRatio(c, b) - d
}

// NegBin is the score of [Poisson] for a negative binomial count of fixed size
// (variance μ + μ²/size): the log-likelihood ratio of the mean q·b with the best
// q ≥ 1 against the mean b, c·ln(c/b) − (c+size)·ln((c+size)/(b+size)) where
// c > b and 0 elsewhere. It is never above Poisson(c, b) and tends to it as size
// grows; an infinite size is Poisson itself, and as size falls to 0 nothing is
// surprising any more: a size of 0 or less scores 0. b of 0 or less is as for
// Poisson. The relative error is below 1e-14 for any arguments.
//
// The sum of n independent negative binomials of means μ_i and one common
// variance-to-mean ratio φ is negative binomial again, of size Σμ_i/(φ−1): that
// is the size to give for a zone.
func NegBin(c, b, size float64) float64 {
	d := c - b
	if !(d > 0 && c > 0 && size > 0) {
		return 0
	}
	switch {
	case b <= 0:
		return math.Inf(1)
	case math.IsInf(size, 1):
		return Poisson(c, b)
	case d < near*b:
		return smallExcessNegBin(c, b, d, size)
	}
	// (c/b)·(b+size)/(c+size) = 1 + (d/b)·size/(c+size).
	excess := d / b * (size / (c + size))
	if math.IsInf(excess, 1) {
		return c*(logRatio(c, b)+math.Log(size/(c+size))) - size*math.Log1p(d/(b+size))
	}
	return c*math.Log1p(excess) - size*math.Log1p(d/(b+size))
}

// logRatio is ln(c/b) also where the quotient overflows.
func logRatio(c, b float64) float64 {
	if q := c / b; !math.IsInf(q, 1) {
		return math.Log(q)
	}
	return math.Log(c) - math.Log(b)
}

// smallExcess is c·ln(c/b) − d for 0 < d < near·b by the series of Loader (2000,
// "Fast and accurate computation of binomial probabilities") in v = d/(c+b):
// v² is below 0.0083 there, and the terms left out are below 1e-17 of the sum.
func smallExcess(c, b, d float64) float64 {
	v := d / (c + b)
	w := v * v
	tail := w * (1./3 + w*(1./5+w*(1./7+w*(1./9+w*(1./11+w*(1./13+w*(1./15+w/17)))))))
	return d*v + 2*c*v*tail
}

// gauss6 is the half of the Gauss-Legendre rule of six points on [−1, 1] that
// lies right of 0.
var gauss6 = [3]struct{ x, w float64 }{
	{0.2386191860831969086, 0.4679139345726910473},
	{0.6612093864662645137, 0.3607615730481386076},
	{0.9324695142031520278, 0.1713244923791703450},
}

// smallExcessNegBin integrates the derivative of the log-likelihood from b to c,
// size·(c−m)/(m·(m+size)). Nothing cancels, and six points are exact to rounding
// on an interval this short: the poles at 0 and −size are eleven half-widths
// away.
func smallExcessNegBin(c, b, d, size float64) float64 {
	half := d / 2
	mid := b + half
	var sum float64
	for _, g := range gauss6 {
		off := half * g.x
		sum += g.w * ((half-off)/((mid+off)*((mid+off)/size+1)) + (half+off)/((mid-off)*((mid-off)/size+1)))
	}
	return sum * half
}
