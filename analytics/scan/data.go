package scan

import (
	"fmt"
	"math"
)

// Statistic says what a zone and a window are held against.
type Statistic uint8

const (
	// ExpectationPoisson scores by [Poisson] (EBP). It also sees what happens
	// everywhere at once. Null: independent Poisson counts of the expected means.
	ExpectationPoisson Statistic = iota
	// Kulldorff is the population-based scan (Kulldorff 2001): the share of all events
	// that fell into the zone and window against the share that was to be expected
	// there. Only the proportions of Expected count. Null: the events of the period
	// fall on places and steps by these proportions.
	Kulldorff
	// Permutation is the space-time permutation scan (Kulldorff, Heffernan, Hartman,
	// Assunção and Mostashari 2005). It needs no expectation: a place is held against
	// its own share of the period and a step against its own share of the area. Null:
	// the times are dealt out anew among the events.
	Permutation
	// NegBinHotspot is the score test of Tango, Takahashi and Kohriyama (2011) for an
	// excess that has one factor from its begin on, Σ(y−μ)/w : √Σ(μ/w) with
	// w = 1 + μ/size. Null: independent negative binomial counts.
	NegBinHotspot
	// NegBinEmerging is the same for an excess that grows by a like amount each step:
	// step n of a window weighs n.
	NegBinEmerging
)

// Data are counts of a period, by step, the oldest first, and place. The last step is
// now.
type Data struct {
	Counts [][]int64
	// Expected has the shape of Counts: means, or for Kulldorff what is in proportion
	// to them. Permutation takes none. A count where 0 is expected scores +Inf.
	Expected [][]float64
	// Sizes has the shape of Counts: the sizes of the negative binomials, whose
	// variance is μ + μ²/size; +Inf is Poisson. The other statistics take none.
	Sizes [][]float64
}

// Options tune a scan.
type Options struct {
	Statistic Statistic
	// Steps is the longest window; 0 means half of the period. It may not be more: a
	// window of most of the period says that the rest was quiet.
	Steps int
	// Period is how many steps the study period has where Data holds the last of them
	// only, as it may when the expectation was learned from the earlier ones; 0 means
	// as many as Data. Kulldorff and Permutation need all.
	Period int
}

// window returns the longest window, or an error.
func (o Options) window(d Data) (int, error) {
	period := o.Period
	if period == 0 {
		period = len(d.Counts)
	}
	steps := o.Steps
	if steps == 0 {
		steps = period / 2
	}
	switch {
	case o.Statistic > NegBinEmerging:
		return 0, fmt.Errorf("scan: no statistic %d", o.Statistic)
	case period < len(d.Counts):
		return 0, fmt.Errorf("scan: %d steps of a period of %d", len(d.Counts), period)
	case period > len(d.Counts) && (o.Statistic == Kulldorff || o.Statistic == Permutation):
		return 0, fmt.Errorf("scan: %d of %d steps, but this statistic needs all", len(d.Counts), period)
	case steps < 1 || steps > period/2:
		return 0, fmt.Errorf("scan: windows of up to %d steps in a period of %d: at least 1 and at most half are possible", steps, period)
	case steps > len(d.Counts):
		return 0, fmt.Errorf("scan: windows of up to %d steps, but data of %d", steps, len(d.Counts))
	}
	return steps, nil
}

// check returns an error when the data do not have the shape or the values that the
// statistic needs.
func (d Data) check(s Statistic, places int) error {
	var total float64
	for t, row := range d.Counts {
		if len(row) != places {
			return fmt.Errorf("scan: step %d has counts of %d places of %d", t, len(row), places)
		}
		for _, c := range row {
			if c < 0 {
				return fmt.Errorf("scan: step %d has a count of %d", t, c)
			}
			total += float64(c)
		}
	}
	if total > 1<<53 {
		return fmt.Errorf("scan: %g events are too many to count", total)
	}
	positive := func(x float64) bool { return x > 0 }
	mean := func(x float64) bool { return x >= 0 && !math.IsInf(x, 1) }
	if err := d.shaped("expected", d.Expected, s != Permutation, places, mean); err != nil {
		return err
	}
	return d.shaped("sizes", d.Sizes, s == NegBinHotspot || s == NegBinEmerging, places, positive)
}

func (d Data) shaped(name string, x [][]float64, needed bool, places int, valid func(float64) bool) error {
	if !needed {
		if x != nil {
			return fmt.Errorf("scan: this statistic takes no %s", name)
		}
		return nil
	}
	if len(x) != len(d.Counts) {
		return fmt.Errorf("scan: %s of %d steps, counts of %d", name, len(x), len(d.Counts))
	}
	for t, row := range x {
		if len(row) != places {
			return fmt.Errorf("scan: step %d has %s of %d places of %d", t, name, len(row), places)
		}
		for _, v := range row {
			if !valid(v) {
				return fmt.Errorf("scan: step %d has %s of %g", t, name, v)
			}
		}
	}
	return nil
}

// margins are the sums of the counts by place, by step and of all.
func (d Data) margins(places int) (byPlace, byStep []float64, total float64) {
	byPlace, byStep = make([]float64, places), make([]float64, len(d.Counts))
	for t, row := range d.Counts {
		for i, c := range row {
			byPlace[i] += float64(c)
			byStep[t] += float64(c)
		}
		total += byStep[t]
	}
	return byPlace, byStep, total
}

// newestFirst returns copies of the last n rows, the last first.
func newestFirst[T int64 | float64](x [][]T, n int) [][]float64 {
	out := make([][]float64, n)
	for d := range out {
		row := x[len(x)-1-d]
		out[d] = make([]float64, len(row))
		for i, v := range row {
			out[d][i] = float64(v)
		}
	}
	return out
}
