package trend

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// Lags say how far back steps are taken to resemble each other.
type Lags struct {
	Max   int     // longest lag looked at; 0 means 3, as Hamed and Rao chose; negative means every lag
	Alpha float64 // level at which an autocorrelation counts, for HamedRao; 0 means 0.05

	// Raw lets the correction lower the variance, as the papers and their
	// implementations do. Steps that alternate then make a trend look certain,
	// or leave no variance at all: Z and P are NaN. Without it the factor is at
	// least 1.
	Raw bool
}

func (l Lags) upTo(n int) int {
	switch {
	case l.Max == 0:
		return min(3, n-1)
	case l.Max < 0:
		return n - 1
	}
	return min(l.Max, n-1)
}

// Corrected is a [Kendall] whose variance was multiplied by Factor because
// steps are not independent.
type Corrected struct {
	Kendall
	Factor float64
}

// HamedRao corrects [MannKendall] for autocorrelation after Hamed and Rao
// (1998): from the significant autocorrelations of the ranks of what is left
// after Sen's slope is taken out. Values that follow across a missing step count
// as neighbours.
func HamedRao(x []float64, l Lags) Corrected {
	values, steps := present(x)
	n := float64(len(values))
	r := autocorrelation(ranks(detrended(values, slopeOf(values, steps))), l.upTo(len(values)))
	alpha := l.Alpha
	if alpha == 0 {
		alpha = 0.05
	}
	limit := mathext.NormalQuantile(1-alpha/2) / math.Sqrt(n)
	var sum float64
	for i, rk := range r {
		if math.Abs(rk) > limit {
			k := float64(i + 1)
			sum += (n - k) * (n - k - 1) * (n - k - 2) * rk
		}
	}
	if sum == 0 { // also below three values, where the formula divides by 0
		return l.correct(values, 1)
	}
	return l.correct(values, 1+2*sum/(n*(n-1)*(n-2)))
}

// YueWang corrects [MannKendall] for autocorrelation after Yue and Wang (2004):
// from all autocorrelations of what is left after Sen's slope is taken out.
func YueWang(x []float64, l Lags) Corrected {
	values, steps := present(x)
	factor := 1.0
	for i, rk := range autocorrelation(detrended(values, slopeOf(values, steps)), l.upTo(len(values))) {
		factor += 2 * (1 - float64(i+1)/float64(len(values))) * rk
	}
	return l.correct(values, factor)
}

func (l Lags) correct(values []float64, factor float64) Corrected {
	if !l.Raw {
		factor = max(1, factor)
	}
	return Corrected{Kendall: tallyOf(values).corrected(factor), Factor: factor}
}

// PreWhitened is [MannKendall] of what is left after each value's share in the
// next is taken out (von Storch 1995). A trend is autocorrelation too: this test
// loses power with it. Prefer [HamedRao].
func PreWhitened(x []float64) Kendall {
	values, _ := present(x)
	return mannKendall(whitened(values))
}

// TrendFreePreWhitened takes Sen's slope out, whitens, and puts the slope back
// before it tests (Yue et al. 2002). It finds trends more often than
// [PreWhitened], also where there are none. Prefer [HamedRao].
func TrendFreePreWhitened(x []float64) Kendall {
	values, steps := present(x)
	perStep := slopeOf(values, steps)
	free := whitened(detrended(values, perStep))
	for i := range free {
		free[i] += float64(i+1) * perStep
	}
	return mannKendall(free)
}

// whitened returns x_i - r_1·x_{i-1}, one value fewer.
func whitened(x []float64) []float64 {
	if len(x) < 2 {
		return nil
	}
	r := autocorrelation(x, 1)[0]
	out := make([]float64, len(x)-1)
	for i := range out {
		out[i] = x[i+1] - x[i]*r
	}
	return out
}

func detrended(x []float64, perStep float64) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = v - float64(i+1)*perStep
	}
	return out
}

// autocorrelation returns the coefficients at lags 1 to upTo, each a sum over
// the pairs there are divided by the sum over all values. They are 0 when no
// value differs.
func autocorrelation(x []float64, upTo int) []float64 {
	if upTo < 1 {
		return nil
	}
	var mean float64
	for _, v := range x {
		mean += v
	}
	mean /= float64(len(x))
	y := make([]float64, len(x))
	var square float64
	for i, v := range x {
		y[i] = v - mean
		square += y[i] * y[i]
	}
	r := make([]float64, upTo)
	if square == 0 {
		return r
	}
	for lag := 1; lag <= upTo; lag++ {
		var sum float64
		for i := lag; i < len(y); i++ {
			sum += y[i] * y[i-lag]
		}
		r[lag-1] = sum / square
	}
	return r
}
