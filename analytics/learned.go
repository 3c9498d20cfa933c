package analytics

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/urbangrid/urbangrid/analytics/hotspot"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

// LearnedRequest asks what an engine has learned to be usual of one kind in one cell.
type LearnedRequest struct {
	Kind sensors.KindKey
	// Cell is of grid.Resolution, or coarser down to MinLearnedResolution: then it
	// stands for those within it.
	Cell    grid.Cell
	From    time.Time     // begin of the first window
	Every   time.Duration // length of a window: 5m or longer, a divisor of an hour
	Windows int           // one after the other, at most MaxLearnedWindows
}

const (
	// MinLearnedResolution is the coarsest cell that may be asked about.
	MinLearnedResolution = 7
	// MaxLearnedWindows bounds an answer: two days of five minutes.
	MaxLearnedWindows = 576
)

// ErrLearnedRequest marks a LearnedRequest that cannot be answered. Its text is fit
// for the person who asked.
var ErrLearnedRequest = errors.New("what is learned cannot be told")

func (q LearnedRequest) check() error {
	switch res := q.Cell.Resolution(); {
	case res < MinLearnedResolution || res > grid.Resolution:
		return fmt.Errorf("%w: the cell is of resolution %d, not of %d to %d", ErrLearnedRequest, res, MinLearnedResolution, grid.Resolution)
	case q.Every < stepLength || time.Hour%q.Every != 0:
		return fmt.Errorf("%w: windows of %s neither have five minutes nor divide an hour", ErrLearnedRequest, q.Every)
	case !q.From.Truncate(q.Every).Equal(q.From):
		return fmt.Errorf("%w: windows of %s do not begin at %s", ErrLearnedRequest, q.Every, q.From)
	case q.Windows < 1 || q.Windows > MaxLearnedWindows:
		return fmt.Errorf("%w: %d windows are not 1 to %d", ErrLearnedRequest, q.Windows, MaxLearnedWindows)
	}
	return nil
}

// Learned is what an engine has learned to be usual in a cell: the numbers that its
// rules judge by at the moment, told for each window.
//
// Events of a kind with a rule about hotspots have the mean and the negative binomial
// of [hotspot.Detector.Ordinary]; of a kind with an exceedance, its prediction. A
// measure with a rule about baselines has the robust level of its steps of five
// minutes and their spread; a coarser cell the mean of those within it, each as much
// as devices stand there, as if all went up and down together.
type Learned struct {
	Rule   string        // that it is learned for, "" for none
	Habits Habits        // which times have habits of their own
	Why    Unlearned     // there are no Windows; "" when there are
	Cells  int           // of grid.Resolution that it is made of
	For    time.Duration // for how long it was watched; of a measure a week at most, no more is remembered
	// Full is the For from which every time has been learned: before it the windows
	// are wide and owe much to what the rule states.
	Full time.Duration
	// Observations are those that it rests on: events that are remembered, older ones
	// for less; steps of five minutes of a measure, of a cell 2,016 at most.
	Observations float64
	Windows      []LearnedWindow
}

// LearnedWindow is what is usual in one window, in the unit of the kind, of events as
// a count. A tenth of what is usual lies below Low and a tenth above High.
type LearnedWindow struct {
	Begin               time.Time
	Low, Expected, High float64
}

// Habits are the times that have habits of their own.
type Habits string

// The Habits. Holidays and the working days that make up for them go by
// [Study].Slot, as does the zone.
const (
	WeekHabits Habits = "week" // each of the 168 hours of the week, and how the last days were
	DayHabits  Habits = "day"  // each hour of working days, of Saturdays and of Sundays
	NoHabits   Habits = "none" // all times are alike
)

// leastLearned is for how long a cell has been watched before anything is told of it.
const leastLearned = time.Hour

// Unlearned is why nothing is learned.
type Unlearned string

// The reasons why nothing is learned.
const (
	LearnedByNoRule Unlearned = "no_rule"  // no rule in force learns what is usual of the kind
	OutsideDistrict Unlearned = "outside"  // no cell of the district is in the cell
	NeverHeard      Unlearned = "unheard"  // no device has told the kind from there
	TooSoon         Unlearned = "too_soon" // too little has been watched to say anything
)

// Learned tells what the engine has learned to be usual, between two entries of the
// journal. It blocks until the engine is at one: while Run does not run, or alerts
// cannot be saved, until ctx ends. Errors: ErrLearnedRequest, that of ctx.
func (e *Engine) Learned(ctx context.Context, q LearnedRequest) (Learned, error) {
	if err := q.check(); err != nil {
		return Learned{}, err
	}
	var known Learned
	var counts []hotspot.Ordinary
	if err := e.look(ctx, func(j *judge) { known, counts = j.learned(q) }); err != nil {
		return Learned{}, fmt.Errorf("ask what is learned: %w", err)
	}
	if counts != nil {
		known.Windows = countWindows(q, counts)
	}
	return known, nil
}

// Learned is [Engine.Learned] of the engine that runs.
func (j *Judging) Learned(ctx context.Context, q LearnedRequest) (Learned, error) {
	return j.current.Load().Learned(ctx, q)
}

// look calls at with the state of the engine, in the engine's goroutine. What at does
// holds judging up.
func (e *Engine) look(ctx context.Context, at func(*judge)) error {
	done := make(chan struct{})
	select {
	case e.looks <- func(j *judge) { at(j); close(done) }:
		<-done // the engine is at it
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (q LearnedRequest) begin(window int) time.Time {
	return q.From.Add(time.Duration(window) * q.Every).UTC()
}

// learned answers a request, with counts in place of windows for events.
func (j *judge) learned(q LearnedRequest) (Learned, []hotspot.Ordinary) {
	k := j.kinds[q.Kind]
	switch {
	case k != nil && len(k.hotspots) > 0:
		return k.hotspots[0].learned(q)
	case k != nil && k.exceedance != nil:
		return k.exceedance.learned(q, j.heat.study)
	case k != nil && k.secondary != nil && k.secondary.baseline != nil:
		return k.secondary.baseline.learned(q), nil
	}
	return Learned{Why: LearnedByNoRule, Habits: NoHabits}, nil
}
