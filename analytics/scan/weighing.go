package scan

import "math"

// weighing turns counts by step and place into what adds up, over the places of a zone,
// to the arguments of a rule. The zero weighing leaves counts and means as they are,
// added up over the steps of each window.
type weighing struct {
	mean, inflation [][]float64 // nil, or by step back and place
	ramp            bool
}

// inflation is the variance over the mean of negative binomials, 1 + μ/size.
func inflation(mean, sizes [][]float64) [][]float64 {
	out := emptied(mean)
	for n := range out {
		for i := range out[n] {
			out[n][i] = 1 + mean[n][i]/sizes[n][i]
		}
	}
	return out
}

// signals puts the argument x of each window and place into out.
func (w weighing) signals(out, counts [][]float64) {
	for n := range out {
		for i, c := range counts[n] {
			if w.inflation != nil {
				c = (c - w.mean[n][i]) / w.inflation[n][i]
			}
			if n > 0 {
				c += out[n-1][i]
			}
			out[n][i] = c
		}
	}
	if !w.ramp {
		return
	}
	// The n-th last step of d has the weight d−n+1: the sums of the sums.
	for n := 1; n < len(out); n++ {
		for i := range out[n] {
			out[n][i] += out[n-1][i]
		}
	}
}

// variances has the argument b of each window and place.
func (w weighing) variances(mean [][]float64) [][]float64 {
	out := emptied(mean)
	for n := range out {
		for back := range n + 1 {
			weight := 1.0
			if w.ramp {
				weight = math.Pow(float64(n-back+1), 2)
			}
			for i, m := range mean[back] {
				if w.inflation != nil {
					m /= w.inflation[back][i]
				}
				out[n][i] += weight * m
			}
		}
	}
	return out
}
