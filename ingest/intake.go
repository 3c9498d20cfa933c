// Package ingest takes a packet to a durable, acknowledged observation: decode,
// check, drop duplicates, place, commit, and only then acknowledge.
package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/stream"
)

// Journal is where observations become durable; see stream.Journal.Append for
// the contract.
type Journal interface {
	Append(ctx context.Context, name string, e stream.Entry) (uint64, error)
}

// Source is told when its messages are durable.
type Source interface {
	// Committed is called once for every message submitted with Token token, in
	// order of submission, from the committer's goroutine. It must not block.
	Committed(token uint64)
}

// Message is one publication as a broker hands it over.
type Message struct {
	Topic    string
	Payload  []byte // not kept after Submit returns
	Received time.Time
	Lossy    bool   // its sender expects no acknowledgement (QoS 0)
	QoS      int8   // 0 to 2; -1 when it did not come from a broker now
	Source   Source // nil when nobody waits
	Token    uint64 // given back to Source
}

// Heard is a message and what was made of it.
type Heard struct {
	Message Message
	Format  string          // name of the format that read it
	Placed  []grid.Placed   // its observations, doubles of earlier ones among them
	Rejects []stream.Reject // what became none
	Private bool            // it must not be kept as it came
}

// Options tune an Intake. The zero Options work.
type Options struct {
	MaxPending      int // observations that may wait for their commit; 0 means 100,000
	MaxPendingBytes int // what they may take, with what quarantine keeps; 0 means 256 MiB
	MaxBatch        int // observations of one commit; 0 means 8,192

	Horizon time.Duration // how long duplicates are recognised at least; 0 means 24 h
	MaxKeys int           // observations remembered for that, after which the horizon shrinks; 0 means 12 Mi, which takes at most 256 MiB

	// Known says which devices may be heard; what others say is quarantined.
	// nil means that all are.
	Known func(sensors.DeviceID) bool
	// Sends says which kinds a device may send; others are quarantined. nil means
	// that any are.
	Sends func(sensors.DeviceID, sensors.KindKey) bool
	// Heard is told of every message and what was made of it, by the goroutine that
	// submits it and before it is committed. What it is given is not its own to
	// keep, and it must be quick. nil tells nobody.
	Heard func(Heard)
	// Publish sends a format's command. It must not block for long. nil drops
	// commands and counts them.
	Publish func(topic string, payload []byte) error

	Logger     *slog.Logger // nil means slog.Default()
	Registerer prometheus.Registerer
	Now        func() time.Time // nil means time.Now
}

func (o Options) withDefaults() Options {
	if o.MaxPending == 0 {
		o.MaxPending = 100_000
	}
	if o.MaxPendingBytes == 0 {
		o.MaxPendingBytes = 256 << 20
	}
	if o.MaxBatch == 0 {
		o.MaxBatch = 8192
	}
	if o.Horizon == 0 {
		o.Horizon = 24 * time.Hour
	}
	if o.MaxKeys == 0 {
		o.MaxKeys = 12 << 20
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Registerer == nil {
		o.Registerer = prometheus.NewRegistry()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Intake is the one way in. Submit may be called from many goroutines; Run
// commits what they submit, one batch after the other, each as large as what
// came in during the commit before (group commit).
type Intake struct {
	journal Journal
	formats []sensors.Format
	catalog *sensors.Catalog
	placer  *grid.Placer
	opts    Options
	log     *slog.Logger
	m       *metrics

	mu      sync.Mutex // guards what follows
	room    *sync.Cond // signalled when pending shrinks or stopping is set
	open    *batch     // takes in what comes
	pending load       // in open and in the commit under way
	seen    *seen
	stopped bool // nothing more is taken in

	work chan struct{} // holds one token while open is not empty

	stalled atomic.Pointer[stall] // nil while commits go through
}

// stall is a commit that does not go through.
type stall struct {
	since time.Time
	err   error
}

// batch is what is committed together. Receipts include those of duplicates:
// their originals are in this batch or an earlier one, and batches commit in
// order, so a duplicate is never acknowledged before its original is durable.
type batch struct {
	obs      []grid.Placed
	rejects  []stream.Reject
	health   []sensors.Health
	commands []sensors.Command
	receipts []receipt
	dups     int
	name     string // of the entry that comes next, kept while its commit is tried again
}

type receipt struct {
	source Source
	token  uint64
}

func (b *batch) empty() bool { return len(b.receipts) == 0 && b.size() == 0 }

func (b *batch) size() int { return len(b.obs) + len(b.rejects) + len(b.health) }

func (b *batch) reset() {
	clear(b.obs)
	clear(b.rejects)
	clear(b.health)
	clear(b.commands)
	clear(b.receipts)
	b.obs, b.rejects, b.health = b.obs[:0], b.rejects[:0], b.health[:0]
	b.commands, b.receipts, b.dups = b.commands[:0], b.receipts[:0], 0
	b.name = ""
}

// New returns an Intake that has remembered nothing yet; see Remember.
func New(journal Journal, formats []sensors.Format, catalog *sensors.Catalog, placer *grid.Placer, opts Options) *Intake {
	opts = opts.withDefaults()
	in := &Intake{
		journal: journal,
		formats: formats,
		catalog: catalog,
		placer:  placer,
		opts:    opts,
		log:     opts.Logger.With("component", "ingest"),
		m:       newMetrics(opts.Registerer),
		open:    &batch{},
		seen:    newSeen(opts.Horizon, opts.MaxKeys),
		work:    make(chan struct{}, 1),
	}
	in.room = sync.NewCond(&in.mu)
	return in
}

// Remember makes the observations of an entry known, so that their repetition
// is recognised. It is called with the journal's recent entries, in order,
// before the first Submit.
func (in *Intake) Remember(e stream.Entry) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for i := range e.Observations {
		in.seen.add(keyOf(&e.Observations[i].Observation), e.At)
	}
	in.m.remembered.Set(float64(in.seen.len()))
}

// full reports whether as much waits as may. The caller holds mu.
func (in *Intake) full() bool {
	return in.pending.items >= in.opts.MaxPending || in.pending.bytes >= in.opts.MaxPendingBytes
}

// enqueue moves s into the open batch, dropping duplicates. Looking up the keys
// and joining the batch are one step under the lock: a duplicate must not find
// its key before the original is in a batch.
func (in *Intake) enqueue(s *scratch, msg Message) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for in.full() && !in.stopped {
		if msg.Lossy {
			in.m.dropped.WithLabelValues(dropOverflow).Inc()
			return
		}
		in.room.Wait()
	}
	if in.stopped {
		if msg.Lossy {
			in.m.dropped.WithLabelValues(dropStopping).Inc()
		}
		return
	}
	b := in.open
	for i := range s.placed {
		if !in.seen.add(s.keys[i], msg.Received) {
			b.dups++
			continue
		}
		b.obs = append(b.obs, s.placed[i])
		in.pending.add(observationBytes(&s.placed[i]))
	}
	for i := range s.rejects {
		b.rejects = append(b.rejects, s.rejects[i])
		in.pending.add(rejectBytes(&s.rejects[i]))
	}
	for i := range s.report.Health {
		b.health = append(b.health, s.report.Health[i])
		in.pending.add(healthBytes(&s.report.Health[i]))
	}
	b.commands = append(b.commands, s.report.Commands...)
	if msg.Source != nil {
		b.receipts = append(b.receipts, receipt{msg.Source, msg.Token})
	}
	if !b.empty() {
		select {
		case in.work <- struct{}{}:
		default: // the committer has been told
		}
	}
}

// Run commits until ctx ends. It then takes nothing new, commits and
// acknowledges what it holds, and returns nil; or an error when that last
// commit was not possible within its deadline, and then nothing of it was
// acknowledged.
func (in *Intake) Run(ctx context.Context) error {
	spare := &batch{}
	for {
		select {
		case <-in.work:
		case <-ctx.Done():
			return in.finish(ctx, spare)
		}
		b := in.take(spare)
		if err := in.commit(ctx, b); err != nil {
			// ctx ended in the middle of a failing commit: one more try, with the
			// same name, is made by finish.
			return in.finishWith(ctx, b)
		}
		b.reset()
		spare = b
	}
}

const finishTimeout = 10 * time.Second

func (in *Intake) finish(ctx context.Context, spare *batch) error {
	in.stop()
	return in.finishWith(ctx, in.take(spare))
}

func (in *Intake) finishWith(ctx context.Context, b *batch) error {
	in.stop()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishTimeout)
	defer cancel()
	for {
		if err := in.commit(ctx, b); err != nil {
			return err
		}
		b.reset()
		if b = in.take(b); b.empty() {
			return nil
		}
	}
}

func (in *Intake) stop() {
	in.mu.Lock()
	in.stopped = true
	in.mu.Unlock()
	in.room.Broadcast()
}

// take swaps the open batch for the spare one. What is larger than MaxBatch was
// submitted faster than it could be committed; it is committed in parts.
func (in *Intake) take(spare *batch) *batch {
	in.mu.Lock()
	defer in.mu.Unlock()
	b := in.open
	in.open = spare
	in.m.pending.Set(float64(in.pending.items))
	in.m.remembered.Set(float64(in.seen.len()))
	return b
}

// commit makes b durable, in parts that the journal takes, then gives its receipts.
// It tries for as long as ctx lives.
func (in *Intake) commit(ctx context.Context, b *batch) error {
	left := stream.Entry{Observations: b.obs, Rejects: b.rejects, Health: b.health}
	for len(left.Observations)+len(left.Rejects)+len(left.Health) > 0 {
		part := cut(&left, in.opts.MaxBatch)
		if b.name == "" {
			b.name = stream.NewName()
		}
		if err := in.append(ctx, b.name, part); err != nil {
			return err
		}
		b.name = ""
		b.obs, b.rejects, b.health = left.Observations, left.Rejects, left.Health
		in.committed(part)
	}
	in.m.duplicates.Add(float64(b.dups))
	for _, rc := range b.receipts {
		rc.source.Committed(rc.token)
	}
	in.command(b.commands)
	return nil
}

func (in *Intake) committed(part stream.Entry) {
	in.m.observations.Add(float64(len(part.Observations)))
	for i := range part.Observations {
		if part.Observations[i].Area == "" {
			in.m.outside.Inc()
		}
	}
	for i := range part.Rejects {
		in.m.rejected.WithLabelValues(part.Rejects[i].Reason).Inc()
	}
	in.mu.Lock()
	in.pending.subtract(&part)
	in.mu.Unlock()
	in.room.Broadcast()
}

// command sends what formats want sent; see sensors.Command for the promise.
func (in *Intake) command(commands []sensors.Command) {
	for _, c := range commands {
		err := errNoPublisher
		if in.opts.Publish != nil {
			err = in.opts.Publish(c.Topic, c.Payload)
		}
		if err != nil {
			in.m.uncommanded.Inc()
			in.log.Debug("command not sent", "topic", c.Topic, "error", err)
		}
	}
}

var errNoPublisher = errors.New("there is no broker to send it")

func (in *Intake) append(ctx context.Context, name string, part stream.Entry) error {
	n := len(part.Observations)
	wait := 10 * time.Millisecond
	for {
		start := time.Now()
		_, err := in.journal.Append(ctx, name, part)
		if err == nil {
			in.stalled.Store(nil)
			in.m.commit.Observe(time.Since(start).Seconds())
			in.m.batch.Observe(float64(n))
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("commit %d observations: %w", n, err)
		}
		in.stall(start, err)
		in.m.retries.Inc()
		in.log.Warn("journal did not take a batch, trying again", "observations", n, "error", err, "wait_seconds", wait.Seconds())
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return fmt.Errorf("commit %d observations: %w", n, err)
		}
		wait = min(2*wait, time.Second)
	}
}

func (in *Intake) stall(since time.Time, err error) {
	if old := in.stalled.Load(); old != nil {
		since = old.since
	}
	in.stalled.Store(&stall{since, err})
}

// Ready returns nil while commits go through, otherwise since when they do not
// and why. Publishers wait as long.
func (in *Intake) Ready(context.Context) error {
	if st := in.stalled.Load(); st != nil {
		return fmt.Errorf("the journal has taken nothing for %s: %w", time.Since(st.since).Round(time.Second), st.err)
	}
	return nil
}
