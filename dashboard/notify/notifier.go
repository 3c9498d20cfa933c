package notify

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

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

// Records is where channels and the queue are kept, and where the present state of
// alerts is found.
type Records interface {
	store.Settings
	store.Deliveries
	store.Mutes
	// FindAlerts tells how alerts are now; see [store.Alerts].
	FindAlerts(ctx context.Context, q store.AlertQuery) ([]store.Alert, error)
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
	// Pause is how long the first pause is after the records or the log have failed; 0
	// means 1s. It grows to a minute.
	Pause time.Duration
	// Local lets channels lead to this machine and its link. Otherwise they are refused:
	// a channel must not be a way to ask what listens there.
	Local      bool
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
	o.Pause = cmp.Or(o.Pause, time.Second)
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
	secrets store.Secrets
	log     AlertLog
	opts    Options
	client  *http.Client
	mail    mailer
	metrics *metrics
	wake    chan struct{}
	known   known

	mu       sync.Mutex // guards channels
	channels map[string]Channel
}

// New returns a Notifier that sends nothing before Run. Channels are saved by way of
// secrets, which are kept with the records.
func New(records Records, secrets store.Secrets, log AlertLog, opts Options) (*Notifier, error) {
	opts = opts.withDefaults()
	m, err := newMetrics(opts.Registerer)
	if err != nil {
		return nil, err
	}
	dialer := newDialer(opts.Local)
	return &Notifier{records: records, secrets: secrets, log: log, opts: opts, client: newClient(opts.TLS, dialer), mail: mailer{dialer, opts.TLS}, metrics: m, wake: make(chan struct{}, 1)}, nil
}

// Run follows the alert log and sends until ctx ends, and returns nil then: what
// fails meanwhile is tried again, so that no fault here stops those who judge and
// record. A new server begins with what happens from now on.
func (n *Notifier) Run(ctx context.Context) error {
	if n.persist(ctx, "notification channels not read", n.reload) != nil {
		return nil //nolint:nilerr // ctx has ended
	}
	var sending sync.WaitGroup
	defer sending.Wait()
	sending.Go(func() { n.send(ctx) })
	_ = n.persist(ctx, "alerts not followed", n.follow) // ctx has ended
	return nil
}

const lastPause = time.Minute

// persist does something until it succeeds or ctx ends, and returns the error of ctx
// then. Between attempts are growing pauses; failed is what the log says of each.
func (n *Notifier) persist(ctx context.Context, failed string, do func(context.Context) error) error {
	pause := n.opts.Pause
	for {
		began := time.Now()
		err := do(ctx)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case time.Since(began) > lastPause: // it went well for a while
			pause = n.opts.Pause
		}
		n.opts.Log.Warn(failed, "error", err, "retry_seconds", pause.Seconds())
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
		pause = min(2*pause, lastPause)
	}
}

// follow queues what channels want until ctx ends or something fails, and returns an
// error then. First it reads the log up to where it was, to know what people know.
func (n *Notifier) follow(ctx context.Context) error {
	at, err := n.records.DeliveryPosition(ctx, n.log.Epoch())
	if err != nil {
		return err
	}
	if at.Journal == "" {
		if at.Seq, err = n.log.Last(ctx); err != nil {
			return err
		}
		if _, err := n.records.QueueDeliveries(ctx, store.Position{Journal: n.log.Epoch(), Seq: at.Seq}, nil); err != nil {
			return err
		}
	}
	owed, err := n.owed(ctx)
	if err != nil {
		return err
	}
	n.known.restart(owed)
	events, ended := make(chan stream.Event, 64), make(chan error, 1)
	following, cancel := context.WithCancel(ctx)
	var follower sync.WaitGroup
	defer follower.Wait()
	defer cancel()
	follower.Go(func() { ended <- n.log.Follow(following, 0, events) })
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
			return cmp.Or(err, errLogEnded)
		}
	}
}

var errLogEnded = errors.New("the log of alerts has ended")

// queue enters an event for each channel that wants it, with the position. It tries
// until it has succeeded or ctx ends.
func (n *Notifier) queue(ctx context.Context, e stream.Event, event Event, a store.Alert) error {
	return n.persist(ctx, "notifications not queued, following waits", func(ctx context.Context) error { return n.tryQueue(ctx, e, event, a) })
}

func (n *Notifier) tryQueue(ctx context.Context, e stream.Event, event Event, a store.Alert) error {
	counts, err := n.records.CountDeliveries(ctx)
	if err != nil {
		return err
	}
	var untold map[string]bool
	said := event
	if event == unmuted {
		said = Raised
		if untold, err = n.untold(ctx, a.ID); err != nil {
			return err
		}
	}
	now := n.opts.Now()
	var list []store.Delivery
	quiet, overflow := 0, 0
	for id, c := range n.loaded() {
		switch {
		case !c.wants(&a) || event == unmuted && !untold[id]:
		case c.quietAt(now.In(n.opts.Zone), a.Severity):
			quiet++
		case counts[id][store.DeliveryWaiting] >= n.opts.Waiting:
			overflow++
		default:
			list = append(list, store.Delivery{Channel: id, Alert: a.ID, Revision: a.Revision, Event: string(said), Payload: e.Payload,
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
