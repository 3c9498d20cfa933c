package spatial

import "math"

// field is a study area's values about their mean, with the sums that every statistic
// starts from. Centred values keep the digits that raw sums of squares lose.
type field struct {
	values  []float64 // less the mean
	mean    float64
	squares float64 // Σ values²
	flat    bool    // no two values differ: then rounding alone makes values other than 0
}

func newField(x []float64) field {
	f := field{values: make([]float64, len(x)), flat: constant(x)}
	f.mean = mean(x)
	for i, v := range x {
		f.values[i] = v - f.mean
		f.squares += f.values[i] * f.values[i]
	}
	return f
}

func (f field) variance() float64 { return f.squares / float64(len(f.values)) }

// without returns the mean and the population variance of all values but that of
// place i, on the centred scale.
func (f field) without(i int) (mean, variance float64) {
	n := float64(len(f.values) - 1)
	v := f.values[i]
	mean = -v / n
	return mean, (f.squares-v*v)/n - mean*mean
}

func constant(x []float64) bool {
	for _, v := range x {
		if v != x[0] {
			return false
		}
	}
	return true
}

// odd returns the one place without which x is constant, and false when there is
// none. It is for a field of at least three values that is not constant itself.
func odd(x []float64) (int, bool) {
	common := x[0]
	if x[0] != x[1] && x[1] == x[2] {
		common = x[1]
	}
	at, others := 0, 0
	for i, v := range x {
		if v != common {
			at = i
			others++
		}
	}
	return at, others == 1
}

func mean(x []float64) float64 {
	total := 0.0
	for _, v := range x {
		total += v
	}
	return total / float64(len(x))
}

// ratio is a over the square root of a variance, NaN when there is no variance.
func ratio(a, variance float64) float64 {
	if !(variance > 0) {
		return math.NaN()
	}
	return a / math.Sqrt(variance)
}
