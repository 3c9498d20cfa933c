package count

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// Threshold says how a limit comes from an expectation.
type Threshold uint8

// The thresholds that have been in use. NegBinPlugin needs no standard error of
// the expectation.
const (
	NegBinPlugin  Threshold = iota // quantile of the negative binomial (Poisson at dispersion 1) of the expected mean
	NegBinMuan                     // the same of the upper limit of the mean: very wide where the past is short
	TwoThirds                      // normal limit of count^⅔ (Farrington and others 1996)
	SquareRoot                     // normal limit of count^½
	Untransformed                  // normal limit of the count itself
)

// limit returns the limit above which a count is rarer than alpha, and the
// probability of count or more. stdErr is that of the logarithm of mean.
func (t Threshold) limit(mean, stdErr, dispersion, alpha, count float64) (upper, p float64) {
	z := mathext.NormalQuantile(1 - alpha)
	switch t {
	case TwoThirds:
		return transformed(mean, stdErr, dispersion, z, count, 2./3)
	case SquareRoot:
		return transformed(mean, stdErr, dispersion, z, count, 1./2)
	case Untransformed:
		return transformed(mean, stdErr, dispersion, z, count, 1)
	case NegBinMuan:
		mean *= math.Exp(z * stdErr)
	}
	size := math.Inf(1)
	if dispersion > 1 {
		size = mean / (dispersion - 1)
	}
	return float64(NegBinQuantile(alpha, mean, size)), NegBinTail(int(math.Ceil(count)), mean, size)
}

// transformed takes the count, raised to a power, for normal. The variance is that
// of a new count and of the estimated mean, by the delta method.
func transformed(mean, stdErr, dispersion, z, count, power float64) (upper, p float64) {
	sigma := power * math.Pow(mean, power-1) * math.Sqrt(mean*dispersion+mean*stdErr*mean*stdErr)
	middle := math.Pow(mean, power)
	p = 0.5 * math.Erfc((math.Pow(count, power)-middle)/(sigma*math.Sqrt2))
	return math.Pow(middle+z*sigma, 1/power), p
}
