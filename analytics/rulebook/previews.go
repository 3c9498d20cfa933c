package rulebook

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/analytics/report/jobs"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// Previewer judges stored observations by a rule; see [analytics.Judging].
type Previewer interface {
	PreviewRule(ctx context.Context, q analytics.PreviewRequest, from analytics.History, fired analytics.Fired, tell func(done float64)) (analytics.Preview, error)
}

var _ Previewer = (*analytics.Judging)(nil)

// Sources are where previews look.
type Sources struct {
	Engine Previewer
	Series analytics.History
	Alerts analytics.Fired
	Mutes  store.Mutes // nil means that nothing was under maintenance
}

// Job is a preview that is made on its own.
type Job = jobs.Job[analytics.Preview]

// PreviewOptions tune Previews.
type PreviewOptions struct {
	Zone *time.Location   // whose days are counted; nil means UTC
	Jobs jobs.Options     // one at a time when it says nothing
	Now  func() time.Time // nil means time.Now
	Log  *slog.Logger     // says once of each preview why it failed; nil discards
}

// Previews tries changed rules on what was observed, one after the other. It is safe
// for concurrent use.
type Previews struct {
	book  *Book
	from  Sources
	opts  PreviewOptions
	queue *jobs.Queue[analytics.Preview]
}

// NewPreviews returns Previews that take jobs in, and run them in Run.
func NewPreviews(book *Book, from Sources, opts PreviewOptions) *Previews {
	if opts.Zone == nil {
		opts.Zone = time.UTC
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	return &Previews{book: book, from: from, opts: opts, queue: jobs.New[analytics.Preview](opts.Jobs)}
}

// MaxPreviewDays bounds how far back a preview looks.
const MaxPreviewDays = 28

// Submit takes in a preview of a changed rule over the last days. The one that waits
// or runs already for the same question is returned instead. Errors:
// ErrInvalid, store.ErrNotFound, jobs.ErrFull.
func (p *Previews) Submit(name string, r analytics.Rule, days int) (Job, error) {
	rules, err := p.book.Try(name, r, false)
	if err != nil {
		return Job{}, err
	}
	entry, err := p.book.Entry(name)
	if err != nil {
		return Job{}, err
	}
	text, err := analytics.WriteRule(r)
	if err != nil {
		return Job{}, err
	}
	to := p.opts.Now().UTC()
	q := analytics.PreviewRequest{Rule: r, Present: entry.Rule, PresentOff: entry.Off, Others: rules, From: to.AddDate(0, 0, -days), To: to, Days: p.opts.Zone}
	key := fmt.Sprintf("%d days of version %d\n%s", days, entry.Setting.Version, text)
	return p.queue.Submit(key, r.Names, func(ctx context.Context, tell func(jobs.Progress)) (analytics.Preview, error) {
		made, err := p.make(ctx, q, tell)
		if err != nil && ctx.Err() == nil {
			p.opts.Log.Warn("preview of a rule failed", "rule", name, "error", err)
		}
		return made, err
	})
}

// parts is how finely the progress of a preview is told.
const parts = 1000

func (p *Previews) make(ctx context.Context, q analytics.PreviewRequest, tell func(jobs.Progress)) (analytics.Preview, error) {
	if p.from.Mutes != nil {
		mutes, err := store.MutesBetween(ctx, p.from.Mutes, q.From.Add(-q.Rule.Lead()), q.To)
		if err != nil {
			return analytics.Preview{}, err
		}
		q.Mutes = store.NewMuteSet(mutes)
	}
	step := sensors.Names{ZH: "重放观测", EN: "Replaying observations"}
	tell(jobs.Progress{Step: step, Total: parts})
	return p.from.Engine.PreviewRule(ctx, q, p.from.Series, p.from.Alerts, func(done float64) {
		tell(jobs.Progress{Step: step, Done: int(done * parts), Total: parts})
	})
}

// Job returns how a preview stands. Errors: jobs.ErrNotFound.
func (p *Previews) Job(id string) (Job, error) { return p.queue.Job(id) }

// Cancel gives a preview up, or forgets one that has ended. Errors: jobs.ErrNotFound.
func (p *Previews) Cancel(id string) (Job, error) { return p.queue.Cancel(id) }

// Run makes previews until ctx ends.
func (p *Previews) Run(ctx context.Context) error { return p.queue.Run(ctx) }
