// Package hotspot finds where one kind of event comes together more than it
// should, as it happens.
//
// A [Detector] holds the counts of one kind over a study area, learns what is
// ordinary there (see [Expectation]), and at every step scans disks of cells over
// several windows that end now for the excess that chance explains least: the
// expectation-based scan of Neill (2005), with a negative binomial in place of
// the Poisson where counts are over-dispersed or the expectation is uncertain.
// What stands out becomes a [Hotspot] with an identity that it keeps while it
// grows, moves, merges and splits. How much has to stand out follows from how many
// false episodes a week people accept.
//
// Everything depends on phenomenon times and on the order of calls alone: the
// same calls give the same hotspots, ids included.
package hotspot

import (
	"errors"
	"fmt"
	"time"
)

// maxWindows bounds how many windows a detector scans.
const maxWindows = 8

// DefaultWindows are the windows that a detector scans when Options names none:
// short ones find what is strong at once, long ones what is weak and stays.
func DefaultWindows() []time.Duration {
	return []time.Duration{5 * time.Minute, 15 * time.Minute, 30 * time.Minute,
		time.Hour, 2 * time.Hour, 4 * time.Hour, 6 * time.Hour}
}

// Options tune a Detector. The zero Options work.
type Options struct {
	// Name tells detectors apart in the ids that they give.
	Name    string
	Step    time.Duration   // how often it evaluates; divides an hour or is a number of hours; 0 means 1 min
	Windows []time.Duration // multiples of Step, ascending, at most 8; nil means DefaultWindows
	Rings   int             // greatest radius of a zone in cells, 1 or 2; 0 means 2

	// MinCount is how many events a zone needs at least; 0 means 3.
	MinCount int
	// Budget is how many false episodes a week people accept; 0 means 1.
	Budget float64
	// Threshold, when above 0, is the score from which a zone stands out,
	// whatever the budget.
	Threshold float64

	// PriorRate is how many events a cell has in an ordinary hour where nothing is
	// known of the kind; 0 means 0.01. PriorHours is for how many hours of watching
	// it counts; 0 means 12.
	PriorRate  float64
	PriorHours float64
	// Memory is the time in which what was learned loses weight to 1/e; 0 means
	// 6 weeks.
	Memory time.Duration

	// Slot returns the hour of the week, 0 to 167, whose habits hold at a time; nil
	// means hours of the week in UTC from Monday on. Its answer must hold for the
	// whole hour that the time is in.
	Slot func(time.Time) int
	// Group returns the group of a cell of the lattice, 0 to Groups-1: cells of a
	// group share habits. nil means one group.
	Group  func(cell int) int
	Groups int // 0 means 1
}

// ErrOptions marks options that no detector can work by.
var ErrOptions = errors.New("hotspot options")

func (o Options) withDefaults() (Options, error) {
	if o.Step == 0 {
		o.Step = time.Minute
	}
	if o.Windows == nil {
		o.Windows = DefaultWindows()
	}
	orDefault(&o.Rings, 2)
	orDefault(&o.MinCount, 3)
	orDefault(&o.Budget, 1)
	orDefault(&o.PriorRate, 0.01)
	orDefault(&o.PriorHours, 12)
	orDefault(&o.Memory, 6*week)
	orDefault(&o.Groups, 1)
	if o.Slot == nil {
		o.Slot = hourOfWeekUTC
	}
	if o.Group == nil {
		o.Group = func(int) int { return 0 }
	}
	return o, o.check()
}

// Check returns an ErrOptions that says what is wrong, nil when a detector can work
// by the options.
func (o Options) Check() error {
	_, err := o.withDefaults()
	return err
}

func orDefault[T comparable](v *T, fallback T) {
	var zero T
	if *v == zero {
		*v = fallback
	}
}

func (o Options) check() error {
	fault := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrOptions, fmt.Sprintf(format, args...))
	}
	if o.Step < time.Second || (time.Hour%o.Step != 0 && o.Step%time.Hour != 0) {
		return fault("step %s neither divides an hour nor is a number of hours", o.Step)
	}
	if len(o.Windows) == 0 || len(o.Windows) > maxWindows {
		return fault("%d windows, want 1 to %d", len(o.Windows), maxWindows)
	}
	for i, w := range o.Windows {
		if w < o.Step || w%o.Step != 0 || i > 0 && w <= o.Windows[i-1] {
			return fault("window %s is not a multiple of the step %s above the one before", w, o.Step)
		}
	}
	if longest := o.Windows[len(o.Windows)-1]; longest > maxWindow {
		return fault("window %s is longer than %s", longest, maxWindow)
	}
	switch {
	case o.Rings < 0 || o.Rings > 2:
		return fault("rings %d is not 1 or 2", o.Rings)
	case o.MinCount < 1:
		return fault("min count %d is below 1", o.MinCount)
	case o.Budget <= 0 || o.PriorRate <= 0 || o.PriorHours <= 0 || o.Memory <= 0 || o.Threshold < 0:
		return fault("budget, prior rate, prior hours and memory must be above 0")
	}
	return nil
}

const (
	week      = 7 * 24 * time.Hour
	maxWindow = 24 * time.Hour

	hoursOfWeek = 168
)

// hourOfWeekUTC counts from Monday 0 h.
func hourOfWeekUTC(t time.Time) int {
	t = t.UTC()
	return (int(t.Weekday())+6)%7*24 + t.Hour()
}
