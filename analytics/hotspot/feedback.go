package hotspot

import (
	"math"
	"time"

	"github.com/urbangrid/urbangrid/analytics/count"
)

// FeedbackDue reports whether a week has passed since the last Feedback, or since
// the detector began.
func (d *Detector) FeedbackDue(now time.Time) bool {
	if d.fed.IsZero() {
		d.fed = now
	}
	return now.Sub(d.fed) >= week
}

// Feedback holds how many hotspots of a week nobody confirmed against the budget,
// together with those of the weeks before it since the threshold last moved: at a
// budget of one even a week of none says nothing by itself. Outside the 95 % band of
// the Poisson distribution the threshold moves half the way that the tail of the
// scores makes of the difference, up or down, and Feedback returns true. Within the
// band what earlier answers moved fades, as the history does that they were about.
func (d *Detector) Feedback(now time.Time, unconfirmed int) bool {
	d.fed = now
	if d.quiet.tail.Mean <= 0 {
		return false
	}
	d.unconfirmed = append(d.unconfirmed, unconfirmed)
	if over := len(d.unconfirmed) - pooledWeeks; over > 0 {
		d.unconfirmed = d.unconfirmed[over:]
	}
	got, want := 0, d.opts.Budget*float64(len(d.unconfirmed))
	for _, n := range d.unconfirmed {
		got += n
	}
	tooMany := count.PoissonTail(got, want) < 0.025
	tooFew := count.PoissonHead(got, want) < 0.025
	if !tooMany && !tooFew {
		d.offset *= math.Exp2(-1 / offsetHalfLife)
		d.recalibrate()
		return false
	}
	step := d.quiet.tail.Mean * math.Log((float64(got)+0.5)/(want+0.5))
	d.offset = min(max(d.offset+step/2, -maxOffset), maxOffset)
	d.unconfirmed = nil
	d.recalibrate()
	return true
}

// Budget returns how many false episodes a week people accept.
func (d *Detector) Budget() float64 { return d.opts.Budget }

const (
	// maxOffset bounds how far answers move a threshold.
	maxOffset = 6
	// pooledWeeks is how many weeks are held against the budget together, at most.
	pooledWeeks = 8
	// offsetHalfLife is after how many weeks within the band half is left of an
	// offset: a quarter of a year, as long as scores are kept.
	offsetHalfLife = 13.0
)
