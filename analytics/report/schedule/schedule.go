// Package schedule makes reports by the clock: every hour, every night and every
// Monday, and keeps them in a saved.Library.
package schedule

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/urbangrid/urbangrid/analytics/report"
	"github.com/urbangrid/urbangrid/analytics/report/saved"
)

// Reporter answers requests; report.Reporter says how.
type Reporter interface {
	District() report.District
	State(ctx context.Context, req report.Request) (string, error)
	Answer(ctx context.Context, req report.Request, state string, tell report.Tell) (*report.Result, error)
}

var _ Reporter = (*report.Reporter)(nil)

// Runs are how many runs of each schedule a library keeps: two days of hours, five
// weeks of nights, a year of weeks.
func Runs() map[string]int {
	return map[string]int{string(Hourly): 48, string(Nightly): 35, string(Weekly): 53}
}

// Options tune a Scheduler.
type Options struct {
	Zone    *time.Location // of the district; nil means UTC
	Nightly time.Duration  // after midnight by the clock of Zone; 0 means 2h30m
	Weekly  time.Duration  // after midnight of Monday; 0 means 6h
	// Hourly is how long after the full hour the hour's reports are made, so that
	// most of what comes late is in them; 0 means 10m.
	Hourly     time.Duration
	Log        *slog.Logger          // nil means nowhere
	Registerer prometheus.Registerer // nil means nowhere
}

// Scheduler makes the reports of one district. One run is at work at a time, and one
// report of it.
type Scheduler struct {
	reporter Reporter
	library  *saved.Library
	plan     plan
	log      *slog.Logger
	metrics  *metrics
}

// New returns a Scheduler that makes nothing before Run.
func New(r Reporter, library *saved.Library, opts Options) (*Scheduler, error) {
	for _, d := range []struct {
		value     *time.Duration
		otherwise time.Duration
	}{{&opts.Nightly, 150 * time.Minute}, {&opts.Weekly, 6 * time.Hour}, {&opts.Hourly, 10 * time.Minute}} {
		if *d.value == 0 {
			*d.value = d.otherwise
		}
	}
	if opts.Nightly < 0 || opts.Nightly >= 24*time.Hour || opts.Weekly < 0 || opts.Weekly >= 24*time.Hour || opts.Hourly < 0 || opts.Hourly >= time.Hour {
		return nil, fmt.Errorf("reports are due %v into the night, %v into Monday and %v into the hour: that is not within them", opts.Nightly, opts.Weekly, opts.Hourly)
	}
	if opts.Zone == nil {
		opts.Zone = time.UTC
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.Registerer == nil {
		opts.Registerer = prometheus.NewRegistry()
	}
	m, err := newMetrics(opts.Registerer)
	if err != nil {
		return nil, err
	}
	return &Scheduler{
		reporter: r, library: library, plan: plan{zone: opts.Zone, minute: opts.Hourly, nightly: opts.Nightly, weekly: opts.Weekly},
		log: opts.Log.With("component", "schedule"), metrics: m,
	}, nil
}

// attempts is how often a run is begun that was cut off: one that takes the process
// with it must not do so for ever.
const attempts = 2

// clockCheck is how often the clock on the wall is looked at: it may be set.
const clockCheck = time.Minute

// Run makes reports until ctx ends; then it gives up what it is at and returns nil. A
// run that was missed, or cut off, while the process was down is made up once; of
// several missed ones the newest. Where a schedule has never run, nothing was missed.
// What goes wrong is logged and counted.
func (s *Scheduler) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		now := time.Now()
		if n, due, ok := s.due(now); ok {
			s.run(ctx, n, due)
			continue
		}
		wait := clockCheck
		for _, n := range Names {
			wait = min(wait, s.plan.next(n, now).Sub(now))
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
	return nil
}

// due is the schedule that is to run at now, the one that is due longest, and false
// when none is.
func (s *Scheduler) due(now time.Time) (name Name, at time.Time, ok bool) {
	for _, n := range Names {
		last := s.plan.last(n, now)
		r, known := s.library.Run(string(n))
		if !known {
			s.stands(n, saved.Run{DueAt: last.UTC(), Done: true})
			continue
		}
		open := r.DueAt.Before(last) || r.DueAt.Equal(last) && !r.Done && r.Attempts < attempts
		if open && (!ok || last.Before(at)) {
			name, at, ok = n, last, true
		}
	}
	return name, at, ok
}

// stands keeps how a schedule stands. Where that cannot be written it is known until
// the process ends, and a run may be made twice.
func (s *Scheduler) stands(n Name, r saved.Run) {
	if err := s.library.SetRun(string(n), r); err != nil {
		s.log.Error("state of a schedule not kept", "schedule", string(n), "error", err)
	}
}

// run makes the reports of one run.
func (s *Scheduler) run(ctx context.Context, n Name, due time.Time) {
	state := saved.Run{DueAt: due.UTC(), Attempts: 1}
	if r, ok := s.library.Run(string(n)); ok && r.DueAt.Equal(due) {
		state.Attempts = r.Attempts + 1
	}
	s.stands(n, state)
	began := time.Now()
	work := s.single
	if n == Weekly {
		work = s.book
	}
	failed, err := work(ctx, n, due)
	took := time.Since(began)
	outcome := outcomeDone
	switch {
	case ctx.Err() != nil:
		outcome = outcomeCancelled
	case err != nil || failed > 0:
		outcome = outcomeFailed
	}
	s.metrics.runs.WithLabelValues(string(n), outcome).Inc()
	s.metrics.took.WithLabelValues(string(n)).Observe(took.Seconds())
	if outcome == outcomeCancelled {
		return // it is made up after the restart
	}
	if err != nil {
		s.log.Error("scheduled reports not kept", "schedule", string(n), "error", err)
	}
	s.log.Info("scheduled reports made", "schedule", string(n), "due", due, "failed", failed, "took_seconds", took.Seconds())
	state.Done = true
	s.stands(n, state)
}
