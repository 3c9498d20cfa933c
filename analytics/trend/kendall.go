package trend

import (
	"math"
	"slices"
)

// Kendall is the outcome of a test of the Mann-Kendall family. A positive S
// means rising. The zero value says nothing: make one with [MannKendall] or its
// relatives.
type Kendall struct {
	N    int     // values that took part
	S    float64 // pairs that rise less pairs that fall; a whole number except after Partial
	Var  float64 // variance of S when there is no trend, ties considered
	Z    float64 // S in standard deviations; NaN when a correction left no variance
	P    float64 // two-sided, by the normal approximation; 1 when no value differs, NaN with Z
	Tau  float64 // Kendall's tau a: S over the number of pairs
	TauB float64 // Kendall's tau b: S over the geometric mean of all pairs and the pairs that differ; 0 when none does
	Ties bool    // some values are equal
}

// MannKendall tests x against the hypothesis that its order is arbitrary
// (Mann 1945, Kendall 1975): z has the continuity correction, the variance the
// term for ties. Missing values are left out. It answers for any length, with P
// = 1 below two values; whether a length is enough to speak of a trend is for
// [Of] to say. The time is O(n log n).
//
// The test supposes independent steps. Observations that follow each other
// closely are not: aggregate to hours or days first, and see [HamedRao].
func MannKendall(x []float64) Kendall {
	values, _ := present(x)
	return mannKendall(values)
}

// mannKendall is MannKendall of values none of which is missing. It leaves
// values as they are.
func mannKendall(values []float64) Kendall {
	return tallyOf(values).corrected(1)
}

// tally is what one or several series have to say before it is standardised.
type tally struct {
	n, s        int
	pairs, tied int
	variance    float64
}

func tallyOf(values []float64) tally {
	sorted := slices.Clone(values)
	falls := inversions(sorted, make([]float64, len(values)))
	pairs := pairsOf(len(values))
	tied, tieTerm := ties(sorted)
	return tally{
		n:        len(values),
		s:        pairs - tied - 2*falls,
		pairs:    pairs,
		tied:     tied,
		variance: (varianceTerm(len(values)) - tieTerm) / 18,
	}
}

func (t *tally) add(u tally) {
	t.n += u.n
	t.s += u.s
	t.pairs += u.pairs
	t.tied += u.tied
	t.variance += u.variance
}

// corrected is the test with the continuity correction, its variance multiplied
// by factor.
func (t tally) corrected(factor float64) Kendall {
	variance := t.variance * factor
	return t.standardised(variance, continuous(float64(t.s), variance))
}

func (t tally) standardised(variance, z float64) Kendall {
	k := Kendall{N: t.n, S: float64(t.s), Var: variance, Z: z, P: twoSided(z), Ties: t.tied > 0}
	if t.pairs > t.tied {
		k.Tau = k.S / float64(t.pairs)
		k.TauB = k.S / math.Sqrt(float64(t.pairs)*float64(t.pairs-t.tied))
	}
	return k
}

// maxExact is the length up to which the exact distribution of S is used.
const maxExact = 10

// ExactP is the two-sided p-value from the exact distribution of S over all
// orders of N values. ok is false when N is above 10 or there are ties: then
// the normal approximation P is good enough, or there is no exact one.
func (k Kendall) ExactP() (p float64, ok bool) {
	if k.N > maxExact || k.Ties || k.S != math.Trunc(k.S) {
		return 0, false
	}
	orders := mahonian(k.N)
	var atLeast, all float64
	pairs := len(orders) - 1
	for falls, count := range orders {
		all += count
		if math.Abs(float64(pairs-2*falls)) >= math.Abs(k.S) {
			atLeast += count
		}
	}
	return atLeast / all, true
}

// mahonian returns how many orders of n values have 0, 1, 2 … inversions.
func mahonian(n int) []float64 {
	counts := []float64{1}
	for size := 2; size <= n; size++ {
		next := make([]float64, len(counts)+size-1)
		for inv, c := range counts {
			for add := range size {
				next[inv+add] += c
			}
		}
		counts = next
	}
	return counts
}

// inversions sorts a and returns how many pairs were in falling order. buf is
// as long as a.
func inversions(a, buf []float64) int {
	if len(a) <= 12 {
		return insertionSort(a)
	}
	mid := len(a) / 2
	count := inversions(a[:mid], buf[:mid]) + inversions(a[mid:], buf[mid:])
	left := buf[:mid]
	copy(left, a[:mid])
	i, j, out := 0, mid, 0
	for i < mid && j < len(a) {
		if left[i] <= a[j] {
			a[out] = left[i]
			i++
		} else {
			a[out] = a[j]
			count += mid - i
			j++
		}
		out++
	}
	copy(a[out:], left[i:])
	return count
}

func insertionSort(a []float64) (moves int) {
	for i := 1; i < len(a); i++ {
		v, j := a[i], i
		for ; j > 0 && a[j-1] > v; j-- {
			a[j] = a[j-1]
		}
		a[j] = v
		moves += i - j
	}
	return moves
}

// ties returns the number of pairs of equal values in a sorted slice, and the
// sum of t(t-1)(2t+5) over its groups of t equal values.
func ties(sorted []float64) (pairs int, term float64) {
	for i := 0; i < len(sorted); {
		j := i + 1
		for j < len(sorted) && sorted[j] == sorted[i] {
			j++
		}
		pairs += pairsOf(j - i)
		term += varianceTerm(j - i)
		i = j
	}
	return pairs, term
}

func pairsOf(n int) int { return n * (n - 1) / 2 }

// varianceTerm is n(n-1)(2n+5): the variance of S without ties, times 18.
func varianceTerm(n int) float64 {
	f := float64(n)
	return f * (f - 1) * (2*f + 5)
}

// continuous is s in standard deviations with the continuity correction: s
// moves in steps of two, so the half step towards 0 is one.
func continuous(s, variance float64) float64 {
	switch {
	case s > 0:
		return standardised(s-1, variance)
	case s < 0:
		return standardised(s+1, variance)
	}
	return 0
}

// standardised is s in standard deviations, 0 for s = 0 and NaN when there is
// no variance for an s that is not 0.
func standardised(s, variance float64) float64 {
	switch {
	case s == 0:
		return 0
	case variance > 0:
		return s / math.Sqrt(variance)
	}
	return math.NaN()
}

// twoSided is the chance that a standard normal is at least as far from 0 as z.
func twoSided(z float64) float64 { return math.Erfc(math.Abs(z) / math.Sqrt2) }
