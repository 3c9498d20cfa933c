package count

import "math"

// PoissonQuantile is the largest count of that mean which alpha still allows: the
// smallest y with P(Y > y) ≤ alpha. One count more than it surprises. alpha may
// be as small as 1e-300; at 1 or above it is 0, and at 0 or below, as for a mean
// that no integer holds, math.MaxInt.
func PoissonQuantile(alpha, mean float64) int {
	return quantile(alpha, mean, math.Inf(1))
}

// NegBinQuantile is [PoissonQuantile] of a negative binomial count.
func NegBinQuantile(alpha, mean, size float64) int {
	return quantile(alpha, mean, size)
}

// largest is the largest quantile that is searched for: up to here a float64
// holds every integer.
const largest = 1 << 53

// quantile gallops away from the mean until it has the quantile between two
// bounds, and halves.
func quantile(alpha, mean, size float64) int {
	enough := func(y int) bool { return NegBinTail(y+1, mean, size) <= alpha }
	switch {
	case alpha >= 1 || !(mean > 0) || size <= 0:
		return 0
	case !(alpha > 0) || mean > largest:
		return math.MaxInt
	case enough(0):
		return 0
	}
	low, step := 0, int(math.Ceil(mean+math.Sqrt(mean+mean*mean/size))) // P(Y > low) is above alpha
	for !enough(low + step) {
		low += step
		step *= 2
		if low > largest {
			return math.MaxInt
		}
	}
	for high := low + step; ; {
		mid := low + (high-low)/2
		switch {
		case mid == low:
			return high
		case enough(mid):
			high = mid
		default:
			low = mid
		}
	}
}
