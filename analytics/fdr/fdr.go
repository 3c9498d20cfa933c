// Package fdr adjusts p-values for the number of tests that were made at once.
//
// All functions take p-values in any order and answer in that order with adjusted
// ones: a test is rejected at level α exactly when its adjusted p is at most α. NaN
// is a test that was not made: it stays NaN and does not count. A cell that was
// tested and holds nothing does count, with p = 1: leaving it out would let through
// more than α promises.
//
// The adjusted values are those of R's p.adjust and of statsmodels' multipletests.
package fdr

import (
	"cmp"
	"math"
	"slices"
)

// BH returns the p-values adjusted by the step-up of Benjamini and Hochberg (1995):
// the k-th smallest of m becomes p·m/k, or that of a larger one when it is less. Of
// the tests rejected at α a share of at most α is expected to be false. It holds for
// independent tests and for positive dependence, such as that of overlapping disks
// (Benjamini and Yekutieli 2001).
func BH(p []float64) []float64 {
	return stepUp(p, 1)
}

// BY returns the p-values adjusted by Benjamini and Yekutieli (2001): those of BH
// times 1 + 1/2 + … + 1/m. It holds under any dependence, and is strict for it.
func BY(p []float64) []float64 {
	return stepUp(p, harmonic(tests(p)))
}

// Holm returns the p-values adjusted by Holm's step-down (1979): the k-th smallest of
// m becomes p·(m−k+1), or that of a smaller one when it is more. The chance of even
// one false rejection is at most α, under any dependence.
func Holm(p []float64) []float64 {
	order := ascending(p)
	out := untested(len(p))
	highest := 0.0
	for k, i := range order {
		highest = max(highest, p[i]*float64(len(order)-k))
		out[i] = min(1, highest)
	}
	return out
}

// Bonferroni returns each p-value times their number. It promises what [Holm] does,
// which never rejects less.
func Bonferroni(p []float64) []float64 {
	m := float64(tests(p))
	out := make([]float64, len(p))
	for i := range p {
		out[i] = min(1, p[i]*m)
	}
	return out
}

// TwoStage returns the p-values adjusted by the two-stage step-up of Benjamini,
// Krieger and Yekutieli (2006) with BH at alpha as its first stage: the tests that
// the first stage rejects are no longer counted among the m. When it rejects none or
// all, the values are those of [BH]. The adjusted values are for alpha alone, for
// they depend on it; statsmodels calls the method fdr_tsbh.
func TwoStage(p []float64, alpha float64) []float64 {
	out := BH(p)
	m, rejected := tests(p), 0
	for _, q := range out {
		if q <= alpha {
			rejected++
		}
	}
	if rejected == 0 || rejected == m {
		return out
	}
	left := float64(m-rejected) / float64(m)
	for i := range out {
		out[i] *= left
	}
	return out
}

// Cut returns the largest p-value that [BH] rejects at alpha, and false when it
// rejects none. It needs only the p-values that are at most alpha, in ascending
// order, and the number m of all tests that were made: that of a city, where nearly
// all have large ones, costs next to nothing. Larger values in ascending do no harm.
// A test is rejected when its p is at most the cut.
func Cut(ascending []float64, m int, alpha float64) (p float64, any bool) {
	for k := len(ascending); k > 0; k-- {
		if adjusted(ascending[k-1], m, k) <= alpha {
			return ascending[k-1], true
		}
	}
	return 0, false
}

// adjusted is the k-th smallest of m p-values, for itself alone.
func adjusted(p float64, m, k int) float64 { return p * float64(m) / float64(k) }

func stepUp(p []float64, factor float64) []float64 {
	order := ascending(p)
	out := untested(len(p))
	lowest := 1.0
	for k := len(order); k > 0; k-- {
		i := order[k-1]
		lowest = min(lowest, factor*adjusted(p[i], len(order), k))
		out[i] = lowest
	}
	return out
}

// ascending returns where the tests that were made are in p, smallest p first.
func ascending(p []float64) []int {
	order := make([]int, 0, len(p))
	for i, v := range p {
		if !math.IsNaN(v) {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(p[a], p[b]) })
	return order
}

func tests(p []float64) int {
	m := 0
	for _, v := range p {
		if !math.IsNaN(v) {
			m++
		}
	}
	return m
}

func untested(n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = math.NaN()
	}
	return out
}

func harmonic(m int) float64 {
	sum := 0.0
	for k := m; k > 0; k-- {
		sum += 1 / float64(k)
	}
	return sum
}
