package count

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// PoissonTail is P(Y ≥ y) of a Poisson count of that mean. It is the regularised
// incomplete gamma function and not one minus a distribution function: its
// relative error is below 1e-11 down to 1e-300. It is 1 for y ≤ 0, 0 for a mean
// of 0 or less with y > 0, and NaN for a mean that is no number.
func PoissonTail(y int, mean float64) float64 {
	switch {
	case y <= 0:
		return 1
	case math.IsNaN(mean):
		return math.NaN()
	case mean <= 0:
		return 0
	case math.IsInf(mean, 1):
		return 1
	}
	return mathext.GammaIncReg(float64(y), mean)
}

// PoissonHead is P(Y ≤ y) of a Poisson count of that mean, as exact as
// [PoissonTail] where it is small: the probability of so little, or of silence.
func PoissonHead(y int, mean float64) float64 {
	switch {
	case y < 0:
		return 0
	case math.IsNaN(mean):
		return math.NaN()
	case mean <= 0:
		return 1
	case math.IsInf(mean, 1):
		return 0
	}
	return mathext.GammaIncRegComp(float64(y)+1, mean)
}

// NegBinTail is P(Y ≥ y) of a negative binomial count of that mean and size, its
// variance mean + mean²/size. An infinite size is Poisson. The relative error is
// below 1e-11 down to 1e-300 for a size of 1e-3 or more, however large: the
// incomplete beta function of gonum, which loses every digit as the size grows
// past 1e12, has no part in it. It is 1 for y ≤ 0, 0 for a mean or a size of 0 or
// less with y > 0, and NaN when either is no number.
func NegBinTail(y int, mean, size float64) float64 {
	switch {
	case y <= 0:
		return 1
	case math.IsNaN(mean) || math.IsNaN(size):
		return math.NaN()
	case mean <= 0 || size <= 0:
		return 0
	case math.IsInf(size, 1):
		return PoissonTail(y, mean)
	case math.IsInf(mean, 1):
		return 1
	}
	k := float64(y)
	front := k * math.Exp(logNegBin(k, mean, size))
	if k > mean {
		return front * betaFraction(k, size, mean/(size+mean), size*(k-mean)/(size+mean))
	}
	return 1 - front*betaFraction(size, k, size/(size+mean), size*(mean-k)/(size+mean))
}

// PoissonMidP is P(Y > y) + ½·P(Y = y) of a Poisson count of that mean: the
// p-value whose average under the null hypothesis is ½ also for few and coarse
// counts. Use it to rank; a bound on errors needs the whole P(Y ≥ y).
func PoissonMidP(y int, mean float64) float64 {
	return (PoissonTail(y, mean) + PoissonTail(y+1, mean)) / 2
}

// NegBinMidP is [PoissonMidP] of a negative binomial count.
func NegBinMidP(y int, mean, size float64) float64 {
	return (NegBinTail(y, mean, size) + NegBinTail(y+1, mean, size)) / 2
}

// PredictiveTail is P(Y ≥ y) for the count of the next exposure e > 0 when total
// events were seen during exposure E before, and the rate is as unknown as that:
// a Poisson count whose rate has the Gamma posterior of Jeffreys' prior
// Gamma(½, 0), so a negative binomial of size total + ½ and mean size·e/E. A
// place that never had an event gets a finite, honest p. Exposures share a unit;
// total may be a fraction when old events have faded. Without exposure before,
// nothing is known and nothing surprises: it is 1.
func PredictiveTail(y int, total, exposure, next float64) float64 {
	return rateTail(y, total+0.5, exposure, next)
}

// ConditionalTail is the exact conditional test of two Poisson rates (Przyborowski
// and Wilenski 1940): given total + y events in both, P(Bin(total+y, e/(E+e)) ≥
// y), the share that the next exposure e would have of them if the rate were the
// same as during E. Arguments are as for [PredictiveTail], which is the less
// conservative of the two.
func ConditionalTail(y int, total, exposure, next float64) float64 {
	return rateTail(y, total+1, exposure, next)
}

func rateTail(y int, size, exposure, next float64) float64 {
	if exposure <= 0 {
		return 1
	}
	return NegBinTail(y, size*(next/exposure), size)
}
