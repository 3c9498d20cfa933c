// Package desk is where people ask for reports: it remembers answers while the
// data has not changed, keeps few at work at once, runs long ones as jobs, and has
// those that were made by the clock.
package desk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/urbangrid/urbangrid/analytics/report"
	"github.com/urbangrid/urbangrid/analytics/report/jobs"
	"github.com/urbangrid/urbangrid/analytics/report/saved"
	"github.com/urbangrid/urbangrid/store"
)

// Reporter answers requests; report.Reporter says how.
type Reporter interface {
	District() report.District
	State(ctx context.Context, req report.Request) (string, error)
	Answer(ctx context.Context, req report.Request, state string, tell report.Tell) (*report.Result, error)
}

var _ Reporter = (*report.Reporter)(nil)

// Job is a report that is made on its own.
type Job = jobs.Job[*report.Result]

// Options tune a Desk.
type Options struct {
	AtOnce   int // answers that are computed at once besides jobs; 0 means 2
	Remember int // answers that are remembered; 0 means 64
	// RememberValues bounds the values of all answers that are remembered, at about
	// 60 bytes each; 0 means 1,000,000.
	RememberValues int
	Jobs           jobs.Options
	Log            *slog.Logger // of jobs that failed; nil means nowhere
	// Bookmarks are the questions that people saved under a name; nil when none are kept.
	Bookmarks store.Bookmarks
	// Saved are the reports that were made by the clock; nil when none are kept.
	Saved *saved.Library
	// Schedule makes them, in Run; nil when nobody does.
	Schedule Schedule
}

// Schedule makes reports by the clock until ctx ends; schedule.Scheduler says how.
type Schedule interface {
	Run(ctx context.Context) error
}

// Desk answers requests. Equal requests that come at the same time are computed
// once: the others wait for the first. It is safe for concurrent use.
type Desk struct {
	reporter Reporter
	places   chan struct{} // one for each answer that is being computed
	memory   *memory
	turns    turns
	jobs     *jobs.Queue[*report.Result]
	log      *slog.Logger
	saved    *saved.Library
	marks    store.Bookmarks
	schedule Schedule
}

// New returns a Desk that answers at once, and runs jobs in Run.
func New(r Reporter, opts Options) *Desk {
	if opts.AtOnce == 0 {
		opts.AtOnce = 2
	}
	if opts.Remember == 0 {
		opts.Remember = 64
	}
	if opts.RememberValues == 0 {
		opts.RememberValues = 1_000_000
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	return &Desk{
		log:      opts.Log.With("component", "reports"),
		reporter: r, places: make(chan struct{}, opts.AtOnce), memory: newMemory(opts.Remember, opts.RememberValues),
		turns: turns{busy: map[report.Request]chan struct{}{}}, jobs: jobs.New[*report.Result](opts.Jobs),
		saved: opts.Saved, marks: opts.Bookmarks, schedule: opts.Schedule,
	}
}

// District returns what a question is held against at this moment.
func (d *Desk) District() report.District { return d.reporter.District() }

// Ask answers a request from memory when the data behind it is the same, else
// anew. It waits, as long as ctx lets it, while Options.AtOnce others are being
// computed. Errors: those of Reporter, and that of ctx.
func (d *Desk) Ask(ctx context.Context, req report.Request) (*report.Result, error) {
	return d.answer(ctx, req, nil, d.places)
}

// Submit takes a request in as a job; the one that waits or runs already for the
// same request is returned instead. Errors: jobs.ErrFull.
func (d *Desk) Submit(req report.Request) (Job, error) {
	return d.jobs.Submit(fmt.Sprintf("%+v", req), req.Report.Title(), func(ctx context.Context, tell func(jobs.Progress)) (*report.Result, error) {
		result, err := d.answer(ctx, req, tell, nil)
		if err != nil && ctx.Err() == nil {
			// Who asks for the job is told less.
			d.log.Error("report job failed", "report", string(req.Report), "error", err)
		}
		return result, err
	})
}

// Job returns how a job stands. Errors: jobs.ErrNotFound.
func (d *Desk) Job(id string) (Job, error) { return d.jobs.Job(id) }

// Jobs returns all jobs that are known, the newest first.
func (d *Desk) Jobs() []Job { return d.jobs.List() }

// Cancel gives a job up, or forgets one that has ended. Errors: jobs.ErrNotFound.
func (d *Desk) Cancel(id string) (Job, error) { return d.jobs.Cancel(id) }

// Saved returns the reports that were made by the clock, nil when none are kept.
func (d *Desk) Saved() *saved.Library { return d.saved }

// Bookmarks returns the questions that people saved, nil when none are kept.
func (d *Desk) Bookmarks() store.Bookmarks { return d.marks }

// Run runs jobs, and makes reports by the clock, until ctx ends or one of the two
// fails.
func (d *Desk) Run(ctx context.Context) error {
	if d.schedule == nil {
		return d.jobs.Run(ctx)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		defer cancel()
		ended <- d.schedule.Run(ctx)
	}()
	err := d.jobs.Run(ctx)
	cancel()
	return errors.Join(err, <-ended)
}

// answer answers from memory or anew. places, unless nil, bounds what is computed
// at once.
func (d *Desk) answer(ctx context.Context, req report.Request, tell report.Tell, places chan struct{}) (*report.Result, error) {
	done, err := d.turns.take(ctx, req)
	if err != nil {
		return nil, err
	}
	defer done()
	if places != nil {
		select {
		case places <- struct{}{}:
			defer func() { <-places }()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	state, err := d.reporter.State(ctx, req)
	if err != nil {
		return nil, err
	}
	if known := d.memory.find(req, state); known != nil {
		return known, nil
	}
	result, err := d.reporter.Answer(ctx, req, state, tell)
	if err != nil {
		return nil, err
	}
	d.memory.keep(req, state, result)
	return result, nil
}
