package hotspot

import (
	"math"
	"time"
)

// Ordinary is how many events are ordinary of some cells together in a window: the
// negative binomial of that mean and size that the scan holds their count against,
// its variance Mean + Mean²/Size. An infinite Size is Poisson.
type Ordinary struct{ Mean, Size float64 }

// Ordinary returns what is ordinary of cells of the lattice together in each of n
// windows of a length, one after the other from a time on, by what is known now:
//
//	Mean = Σ rate(cell) · coverage(cell, window) · profile(group, hours of the window) · level
//
// with the profile of the hours of the week, holidays by Options.Slot among them,
// and the level of the last days. A window that ends with the step that is judged
// has the mean that a hotspot of these cells says as Expected, but for one thing:
// while the whole area has more than its share, the scan expects as much more of
// each place. The size holds what makes counts vary: the dispersion of a cell's
// hour, what is not known of the rates, and what the whole area does together in the
// shortest of the windows scanned that is not shorter.
//
// It costs some ten nanoseconds a cell and a window-hour of each group.
func (d *Detector) Ordinary(cells []int, from time.Time, every time.Duration, n int) []Ordinary {
	e := &d.expect
	rates := make([]coldCell, e.groups) // of the cells that are always watched
	var gaps []gap
	for _, cell := range cells {
		group, rate := d.rateOf(int32(cell)) //nolint:gosec // a lattice has fewer cells
		if c := d.gaps[int32(cell)]; c != nil {
			gaps = append(gaps, gap{group, rate, c})
			continue
		}
		rates[group].rate += rate.rate
		rates[group].variance += rate.variance
	}
	phi, variation := e.dispersion(), e.cityVariation(d.windowOf(every))
	hours, out := make([]float64, e.groups), make([]Ordinary, n)
	for i := range out {
		begin := from.Add(time.Duration(i) * every)
		e.profileHours(hours, begin.Add(every), every, d.slotAt)
		var mean, variance float64
		for g, h := range hours {
			mean += rates[g].rate * h
			variance += rates[g].variance * h * h
		}
		first := d.stepOf(begin)
		last := max(first, d.stepOf(begin.Add(every))-1)
		for _, g := range gaps {
			h := hours[g.group] * g.coverage.between(first, last)
			mean += g.rate.rate * h
			variance += g.rate.variance * h * h
		}
		mean *= e.level
		out[i] = Ordinary{Mean: mean, Size: sizeOf(mean, variance*e.level*e.level, phi, variation)}
	}
	return out
}

// gap is a cell that was not always watched.
type gap struct {
	group    int
	rate     coldCell
	coverage *coverage
}

// rateOf returns the group of a cell and what is expected of it a profile hour.
func (d *Detector) rateOf(cell int32) (group int, c coldCell) {
	if at := d.counts.slotOf[cell]; at >= 0 {
		s := &d.counts.slots[at]
		return int(s.group), coldCell{s.rate, s.variance}
	}
	group = d.groupOf(cell)
	return group, d.cold[group]
}

// windowOf returns the shortest window scanned that is as long as a time, the
// longest one when none is.
func (d *Detector) windowOf(long time.Duration) int {
	for i, w := range d.opts.Windows {
		if w >= long {
			return i
		}
	}
	return len(d.opts.Windows) - 1
}

// sizeOf returns the size of the negative binomial of a count whose mean b is known
// but for a variance, whose cells' counts vary phi times as much as their mean, and
// that goes up and down with the whole area by a squared coefficient of variation;
// +Inf when it varies no more than chance.
func sizeOf(b, variance, phi, variation float64) float64 {
	extra := (phi-1)*b + variance + b*b*variation
	if extra <= 1e-6*b {
		return math.Inf(1)
	}
	return b * b / extra
}

// Learned returns how many events of cells of the lattice are remembered, older ones
// for less.
func (d *Detector) Learned(cells []int) (events float64) {
	for _, cell := range cells {
		if at := d.counts.slotOf[cell]; at >= 0 {
			events += d.counts.slots[at].learned
		}
	}
	return events
}
