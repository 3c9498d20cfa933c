package trend

import "math"

// Shift is where a series changed its level, and how sure that is.
type Shift struct {
	U  float64 // largest distance of the rank sums before and after
	At []int   // first step of the new level; several when as good, none when no value differs
	P  float64 // two-sided, the approximation of the paper; at most 1
}

// Pettitt tests x for one change of level at an unknown step (Pettitt 1979). It
// supposes independent steps and answers with one place also when there are
// several changes, or a trend and no change at all. [Partition] finds several.
func Pettitt(x []float64) Shift {
	values, steps := present(x)
	n := float64(len(values))
	out := Shift{P: 1}
	var u float64
	for k, rank := range ranks(values) {
		u += 2*rank - (n + 1)
		switch reach := math.Abs(u); {
		case reach > out.U:
			out.U, out.At = reach, append(out.At[:0], steps[k+1])
		case reach == out.U && reach > 0:
			out.At = append(out.At, steps[k+1])
		}
	}
	if out.U > 0 {
		out.P = min(1, 2*math.Exp(-6*out.U*out.U/(n*n*n+n*n)))
	}
	return out
}
