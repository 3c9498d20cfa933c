package notify

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/store"
	"github.com/urbangrid/urbangrid/stream"
)

// AlertLog is the numbered stream of alert changes; see [stream.Log].
type AlertLog interface {
	Epoch() string
	Last(ctx context.Context) (uint64, error)
	Follow(ctx context.Context, after uint64, out chan<- stream.Event) error
}

var _ AlertLog = (*stream.Log)(nil)

// Records is where channels, their secrets and the queue are kept.
type Records interface {
	store.Settings
	store.Secrets
	store.Deliveries
}

// Options tune a Notifier.
type Options struct {
	Zone *time.Location // of quiet hours and messages; nil means UTC
	// Waiting is how many messages may wait for one channel; 0 means 1,000. More are
	// dropped and counted: those that wait say already that it does not work.
	Waiting int
	// Poll is how often the queue is looked at unasked; 0 means 1s.
	Poll time.Duration
	// Retries are the pauses before the attempts after the first; nil means 10s to
	// 4h over about half a day. After the last a message is dead.
	Retries []time.Duration
	// RobotPause is the least time between two messages to a robot, which take 20 a
	// minute; 0 means 3s.
	RobotPause time.Duration
	KeepFor    time.Duration // how long ended messages are kept; 0 means 30 days
	Keep       int           // how many of each channel; 0 means 1,000
	TLS        *tls.Config   // for mail servers and webhooks; nil means that of the system
	Now        func() time.Time
	Log        *slog.Logger          // nil discards
	Registerer prometheus.Registerer // nil registers no metrics
}

func (o Options) withDefaults() Options {
	o.Waiting, o.Keep = cmp.Or(o.Waiting, 1000), cmp.Or(o.Keep, 1000)
	o.Poll, o.RobotPause = cmp.Or(o.Poll, time.Second), cmp.Or(o.RobotPause, 3*time.Second)
	o.KeepFor = cmp.Or(o.KeepFor, 30*24*time.Hour)
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if o.Retries == nil {
		o.Retries = []time.Duration{10 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour, 4 * time.Hour, 4 * time.Hour}
	}
	if o.TLS == nil {
		o.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Log = o.Log.With("component", "notify")
	return o
}

// Notifier sends what channels want of alert changes. All but Run is safe for
// concurrent use.
type Notifier struct {
	records Records
	log     AlertLog
	opts    Options
	client  *http.Client
	metrics *metrics
	wake    chan struct{}
	known   known

	mu       sync.Mutex // guards channels
	channels map[string]Channel
}

// New returns a Notifier that sends nothing before Run.
func New(records Records, log AlertLog, opts Options) (*Notifier, error) {
	opts = opts.withDefaults()
	m, err := newMetrics(opts.Registerer)
	if err != nil {
		return nil, err
	}
	client := newClient()
	client.Transport = &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: opts.TLS.Clone(), MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute}
	return &Notifier{records: records, log: log, opts: opts, client: client, metrics: m, wake: make(chan struct{}, 1), known: make(known)}, nil
}

// Run follows the alert log and sends until ctx ends. A new server begins with what
// happens from now on.
func (n *Notifier) Run(ctx context.Context) error {
	if err := n.reload(ctx); err != nil {
		return fmt.Errorf("notification channels: %w", err)
	}
	var sending sync.WaitGroup
	ctx, cancel := context.WithCancel(ctx)
	defer sending.Wait()
	defer cancel()
	sending.Go(func() { n.send(ctx) })
	if err := n.follow(ctx); err != nil && ctx.Err() == nil {
		return fmt.Errorf("follow alerts: %w", err)
	}
	return nil
}

// follow queues what channels want. First it reads the log up to where it was, to
// know how severe each open alert is.
func (n *Notifier) follow(ctx context.Context) error {
	at, err := n.records.DeliveryPosition(ctx, n.log.Epoch())
	if err != nil {
		return err
	}
	if at.Seq == 0 {
		if at.Seq, err = n.log.Last(ctx); err != nil {
			return err
		}
		if _, err := n.records.QueueDeliveries(ctx, store.Position{Journal: n.log.Epoch(), Seq: at.Seq}, nil); err != nil {
			return err
		}
	}
	events, ended := make(chan stream.Event, 64), make(chan error, 1)
	go func() { ended <- n.log.Follow(ctx, 0, events) }()
	for {
		select {
		case e := <-events:
			event, alert := n.known.take(e.Payload)
			if e.Seq <= at.Seq || event == "" {
				continue
			}
			if err := n.queue(ctx, e, event, alert); err != nil {
				return err
			}
		case err := <-ended:
			return err
		}
	}
}

// known is how severe each open alert is.
type known map[string]store.Severity

// take takes in a change of an alert and returns what people are to be told of it,
// "" for nothing: alerts that are muted, that change otherwise or that close.
func (k known) take(payload []byte) (Event, store.Alert) {
	a, err := analytics.DecodeAlert(payload)
	if err != nil { // of a newer program, and nothing to tell people of
		return "", a
	}
	before, there := k[a.ID]
	if a.State == store.AlertClosed {
		delete(k, a.ID)
		return "", a
	}
	k[a.ID] = a.Severity
	switch {
	case a.Muted:
		return "", a
	case !there && a.Revision == 1:
		return Raised, a
	case there && rank(a.Severity) > rank(before):
		return Risen, a
	}
	return "", a
}

// queue enters an event for each channel that wants it, with the position. It tries
// until it has succeeded or ctx ends.
func (n *Notifier) queue(ctx context.Context, e stream.Event, event Event, a store.Alert) error {
	for pause := time.Second; ; pause = min(2*pause, time.Minute) {
		err := n.tryQueue(ctx, e, event, a)
		if err == nil || ctx.Err() != nil {
			return err
		}
		n.opts.Log.Warn("notifications not queued, following waits", "error", err, "retry_seconds", pause.Seconds())
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (n *Notifier) tryQueue(ctx context.Context, e stream.Event, event Event, a store.Alert) error {
	counts, err := n.records.CountDeliveries(ctx)
	if err != nil {
		return err
	}
	now := n.opts.Now()
	var list []store.Delivery
	quiet, overflow := 0, 0
	for id, c := range n.loaded() {
		switch {
		case !c.wants(&a):
		case c.Quiet != nil && c.Quiet.at(now.In(n.opts.Zone)) && (!c.Quiet.Critical || a.Severity != store.Critical):
			quiet++
		case counts[id][store.DeliveryWaiting] >= n.opts.Waiting:
			overflow++
		default:
			list = append(list, store.Delivery{Channel: id, Alert: a.ID, Revision: a.Revision, Event: string(event), Payload: e.Payload,
				State: store.DeliveryWaiting, Next: now, CreatedAt: now})
		}
	}
	if _, err := n.records.QueueDeliveries(ctx, store.Position{Journal: n.log.Epoch(), Seq: e.Seq}, list); err != nil {
		return err
	}
	n.metrics.outcomes.WithLabelValues(outcomeQuiet).Add(float64(quiet))
	n.metrics.outcomes.WithLabelValues(outcomeOverflow).Add(float64(overflow))
	if overflow > 0 {
		n.opts.Log.Warn("notification dropped, too many wait", "alert", a.ID, "channels", overflow)
	}
	n.call()
	return nil
}

// call makes the sender look.
func (n *Notifier) call() {
	select {
	case n.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// loaded returns the channels as last read.
func (n *Notifier) loaded() map[string]Channel {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.channels // replaced whole, never changed
}

// errNoChannel says that the channel of a message is gone.
var errNoChannel = errors.New("the channel is gone")
