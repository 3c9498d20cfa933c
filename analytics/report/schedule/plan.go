package schedule

import (
	"time"

	"github.com/urbangrid/urbangrid/analytics/report"
)

// Name names a schedule.
type Name string

// The schedules.
const (
	Hourly  Name = "hourly"
	Nightly Name = "nightly"
	Weekly  Name = "weekly"
)

// Names are the schedules in the order in which those that are due at the same
// moment run.
var Names = [...]Name{Hourly, Nightly, Weekly}

// plan says when schedules are due.
type plan struct {
	zone    *time.Location
	minute  time.Duration // into the hour
	nightly time.Duration // into the day
	weekly  time.Duration // into Monday
}

// last is the newest moment at or before now at which a schedule is due.
func (p plan) last(n Name, now time.Time) time.Time {
	at := p.in(n, now, 0)
	if at.After(now) {
		at = p.in(n, now, -1)
	}
	return at
}

// next is the first moment after now at which a schedule is due.
func (p plan) next(n Name, now time.Time) time.Time {
	at := p.in(n, now, 0)
	if !at.After(now) {
		at = p.in(n, now, 1)
	}
	return at
}

// in is when a schedule is due in the window that contains now, or so many after it.
func (p plan) in(n Name, now time.Time, windows int) time.Time {
	step, into := report.Hour, p.minute
	switch n {
	case Nightly:
		step, into = report.Day, p.nightly
	case Weekly:
		step, into = report.Week, p.weekly
	}
	start := step.Add(step.Floor(now, p.zone), windows, p.zone)
	if n == Hourly {
		return start.Add(into)
	}
	// By the clock on the wall: half past two is half past two on the days too on
	// which clocks change, if there is one.
	y, m, d := start.Date()
	return time.Date(y, m, d, 0, 0, int(into.Seconds()), 0, p.zone)
}
