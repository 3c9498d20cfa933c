package hotspot

import (
	"math"
	"time"
)

// ExpectedHour returns what is ordinary in each cell of the lattice in the hour that
// begins at a time: the mean, the standard deviation of that mean for what is not
// known of the cell's rate, and the sum of all means. A count varies around its mean
// by [Knowledge].Dispersion besides. It costs a few nanoseconds a cell and is meant
// to be asked once an hour.
func (d *Detector) ExpectedHour(begin time.Time) (means, deviations []float64, total float64) {
	e, slot := &d.expect, d.slotAt(begin)
	means, deviations = make([]float64, d.lattice.Len()), make([]float64, d.lattice.Len())
	for i := range means {
		group := d.groupOf(int32(i)) //nolint:gosec // a lattice has fewer cells
		rate, variance := d.cold[group].rate, d.cold[group].variance
		if at := d.counts.slotOf[i]; at >= 0 {
			rate, variance = d.counts.slots[at].rate, d.counts.slots[at].variance
		}
		hours := e.profile[group*hoursOfWeek+slot] * e.level
		means[i], deviations[i] = rate*hours, math.Sqrt(variance)*hours
		total += means[i]
	}
	return means, deviations, total
}
