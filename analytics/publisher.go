package analytics

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/urbangrid/urbangrid/store"
)

// Log is the numbered stream that alert changes go to. An id that was published
// a short while ago is not published again.
type Log interface {
	Publish(ctx context.Context, id string, payload []byte) (uint64, error)
}

// Outbox is where alert changes wait; see [store.Alerts].
type Outbox interface {
	Outbox(ctx context.Context, limit int) ([]store.OutboxEntry, error)
	Published(ctx context.Context, id int64) error
}

// PublisherOptions tune a Publisher.
type PublisherOptions struct {
	Poll       time.Duration         // looks at the outbox unasked this often; 0 means 2 s
	Log        *slog.Logger          // nil discards
	Registerer prometheus.Registerer // nil registers no metrics
}

// Publisher moves alert changes from the outbox to the numbered stream, in order
// and at least once; a receiver ignores revisions that it knows. While the
// stream cannot be reached the changes wait in the outbox.
type Publisher struct {
	outbox    Outbox
	stream    Log
	opts      PublisherOptions
	wake      chan struct{}
	published prometheus.Counter
	errors    prometheus.Counter
}

// NewPublisher returns a publisher that Run starts.
func NewPublisher(outbox Outbox, stream Log, opts PublisherOptions) (*Publisher, error) {
	if opts.Poll == 0 {
		opts.Poll = 2 * time.Second
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	opts.Log = opts.Log.With("component", "analytics")
	p := &Publisher{
		outbox: outbox, stream: stream, opts: opts, wake: make(chan struct{}, 1),
		published: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "urbangrid_analytics_alert_changes_published_total",
			Help: "Alert changes that reached the numbered stream.",
		}),
		errors: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "urbangrid_analytics_publish_errors_total",
			Help: "Attempts to publish alert changes that failed and are repeated.",
		}),
	}
	return p, register(opts.Registerer, p.published, p.errors)
}

// Wake says that there may be something on the outbox. It does not block and is
// safe for concurrent use; it fits [Options.Saved].
func (p *Publisher) Wake() {
	select {
	case p.wake <- struct{}{}:
	default: // a wake-up that is not yet taken covers this one
	}
}

// publishBatch is how many changes are read from the outbox at once.
const publishBatch = 100

// Run publishes until ctx ends, and returns nil then.
func (p *Publisher) Run(ctx context.Context) error {
	poll := time.NewTicker(p.opts.Poll)
	defer poll.Stop()
	pause := firstRetry
	for ctx.Err() == nil {
		n, err := p.publish(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			p.errors.Inc()
			p.opts.Log.Warn("alerts not published", "error", err, "retry_seconds", pause.Seconds())
			select {
			case <-time.After(pause):
			case <-ctx.Done():
			}
			pause = min(2*pause, lastRetry)
			continue
		}
		pause = firstRetry
		if n == publishBatch {
			continue
		}
		select {
		case <-p.wake:
		case <-poll.C:
		case <-ctx.Done():
		}
	}
	return nil
}

// publish moves one batch and returns how many it was. What reached the stream
// is taken off the outbox also when a later one did not.
func (p *Publisher) publish(ctx context.Context) (n int, err error) {
	entries, err := p.outbox.Outbox(ctx, publishBatch)
	if err != nil {
		return 0, err
	}
	for ; n < len(entries) && err == nil; n++ {
		if err = p.publishOne(ctx, entries[n].Alert); err != nil {
			break
		}
	}
	if n > 0 {
		p.published.Add(float64(n))
		if perr := p.outbox.Published(ctx, entries[n-1].ID); perr != nil {
			return n, perr
		}
	}
	return n, err
}

func (p *Publisher) publishOne(ctx context.Context, a store.Alert) error {
	payload, err := EncodeAlert(a)
	if err != nil {
		return err
	}
	id := fmt.Sprintf("%s:%d", a.ID, a.Revision)
	if a.Handling.Version > 0 {
		id += fmt.Sprintf(":%d", a.Handling.Version)
	}
	_, err = p.stream.Publish(ctx, id, payload)
	return err
}
