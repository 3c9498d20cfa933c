// Package ingest takes a packet to a durable, acknowledged observation: decode,
// check, drop duplicates, place, commit, and only then acknowledge.
package ingest

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/stream"
)

// Format turns the messages of one payload format into observations.
// Implementations are safe for concurrent use.
type Format interface {
	// Device returns the device that publishes on topic, and false when the
	// topic is not of this format.
	Device(topic string) (sensors.DeviceID, bool)
	// Decode appends the payload's valid observations to dst. Faults share
	// memory with payload; observations do not.
	Decode(dst []sensors.Observation, device sensors.DeviceID, payload []byte, received time.Time) ([]sensors.Observation, []sensors.Fault)
}

// Journal is where observations become durable; see stream.Journal.Append for
// the contract.
type Journal interface {
	Append(ctx context.Context, name string, obs []grid.Placed, rejects []stream.Reject) (uint64, error)
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
	Source   Source // nil when nobody waits
	Token    uint64 // given back to Source
}

// Options tune an Intake. The zero Options work.
type Options struct {
	MaxPending int           // observations that may wait for their commit; 0 means 100,000
	MaxBatch   int           // observations of one commit; 0 means 8,192
	Horizon    time.Duration // how long duplicates are recognised; 0 means 24 h
	MaxKeys    int           // most observations remembered for that; 0 means 16 Mi (256 MiB at most)
	Logger     *slog.Logger  // nil means slog.Default()
	Registerer prometheus.Registerer
	Now        func() time.Time // nil means time.Now
}

func (o Options) withDefaults() Options {
	if o.MaxPending == 0 {
		o.MaxPending = 100_000
	}
	if o.MaxBatch == 0 {
		o.MaxBatch = 8192
	}
	if o.Horizon == 0 {
		o.Horizon = 24 * time.Hour
	}
	if o.MaxKeys == 0 {
		o.MaxKeys = 16 << 20
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
	formats []Format
	catalog *sensors.Catalog
	placer  *grid.Placer
	opts    Options
	log     *slog.Logger
	m       *metrics

	mu      sync.Mutex // guards what follows
	room    *sync.Cond // signalled when pending shrinks or stopping is set
	open    *batch     // takes in what comes
	pending int        // observations in open and in the commit under way
	seen    *seen
	stopped bool // nothing more is taken in

	work chan struct{} // holds one token while open is not empty
}

// batch is what is committed together. Receipts include those of duplicates:
// their originals are in this batch or an earlier one, and batches commit in
// order, so a duplicate is never acknowledged before its original is durable.
type batch struct {
	obs      []grid.Placed
	rejects  []stream.Reject
	receipts []receipt
	dups     int
	name     string // of the entry that comes next, kept while its commit is tried again
}

type receipt struct {
	source Source
	token  uint64
}

func (b *batch) empty() bool { return len(b.receipts) == 0 && len(b.obs) == 0 && len(b.rejects) == 0 }

func (b *batch) size() int { return len(b.obs) + len(b.rejects) }

func (b *batch) reset() {
	clear(b.obs)
	clear(b.rejects)
	clear(b.receipts)
	b.obs, b.rejects, b.receipts, b.dups = b.obs[:0], b.rejects[:0], b.receipts[:0], 0
	b.name = ""
}

// New returns an Intake that has remembered nothing yet; see Remember.
func New(journal Journal, formats []Format, catalog *sensors.Catalog, placer *grid.Placer, opts Options) *Intake {
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

// Accepts reports whether messages on topic are observations.
func (in *Intake) Accepts(topic string) bool {
	_, _, ok := in.match(topic)
	return ok
}

func (in *Intake) match(topic string) (Format, sensors.DeviceID, bool) {
	for _, f := range in.formats {
		if d, ok := f.Device(topic); ok {
			return f, d, true
		}
	}
	return nil, "", false
}

// scratch holds what Submit needs between decoding and the batch.
type scratch struct {
	obs     []sensors.Observation
	placed  []grid.Placed
	keys    []key
	rejects []stream.Reject
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// Submit takes in one message on a topic that Accepts. It blocks while
// MaxPending observations wait for their commit: that is how a slow journal
// slows its publishers. A lossy message is dropped and counted instead. After
// the context of Run has ended nothing is taken in, and nothing acknowledged.
func (in *Intake) Submit(msg Message) {
	in.m.messages.Inc()
	format, device, ok := in.match(msg.Topic)
	if !ok {
		return
	}
	s := scratches.Get().(*scratch)
	defer func() {
		clear(s.obs)
		clear(s.placed)
		clear(s.rejects)
		s.obs, s.placed, s.keys, s.rejects = s.obs[:0], s.placed[:0], s.keys[:0], s.rejects[:0]
		scratches.Put(s)
	}()
	in.read(s, format, device, msg)
	in.enqueue(s, msg)
}

// read decodes, checks and places the message's observations into s.
func (in *Intake) read(s *scratch, format Format, device sensors.DeviceID, msg Message) {
	if !sensors.ValidDeviceID(string(device)) {
		s.rejects = append(s.rejects, reject(msg, ReasonBadDevice, fmt.Sprintf("%.40q is not a device id", device), msg.Payload))
		return
	}
	var faults []sensors.Fault
	s.obs, faults = format.Decode(s.obs, device, msg.Payload, msg.Received)
	for _, f := range faults {
		s.rejects = append(s.rejects, reject(msg, f.Reason, f.Detail, f.Raw))
	}
	for i := range s.obs {
		o := &s.obs[i]
		if reason, detail := in.catalog.Check(*o, msg.Received); reason != "" {
			s.rejects = append(s.rejects, reject(msg, reason, detail, describe(o)))
			continue
		}
		placed, ok := in.placer.Place(*o)
		if !ok {
			s.rejects = append(s.rejects, reject(msg, ReasonNoPosition, "no position in the message or the register", describe(o)))
			continue
		}
		s.placed = append(s.placed, placed)
		s.keys = append(s.keys, keyOf(o))
	}
}

// describe is the observation as quarantine shows it when it was not the
// message itself that was at fault.
func describe(o *sensors.Observation) []byte {
	return fmt.Appendf(nil, `{"kind":%q,"value":%v,"time":%q,"id":%q,"attrs":%s}`,
		o.Kind, o.Value, o.At.Format(time.RFC3339Nano), o.ID, orNull(o.Attrs))
}

func orNull(s string) string {
	if s == "" {
		return "null"
	}
	return s
}

// maxRejectBytes bounds what quarantine keeps of a payload.
const maxRejectBytes = 1024

func reject(msg Message, reason, detail string, raw []byte) stream.Reject {
	return stream.Reject{
		At: msg.Received, Reason: reason, Detail: detail, Topic: msg.Topic,
		Payload: append([]byte(nil), raw[:min(len(raw), maxRejectBytes)]...),
		Size:    len(msg.Payload),
	}
}

// enqueue moves s into the open batch, dropping duplicates. Looking up the keys
// and joining the batch are one step under the lock: a duplicate must not find
// its key before the original is in a batch.
func (in *Intake) enqueue(s *scratch, msg Message) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for in.pending >= in.opts.MaxPending && !in.stopped {
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
	before := b.size()
	for i := range s.placed {
		if !in.seen.add(s.keys[i], msg.Received) {
			b.dups++
			continue
		}
		b.obs = append(b.obs, s.placed[i])
	}
	b.rejects = append(b.rejects, s.rejects...)
	if msg.Source != nil {
		b.receipts = append(b.receipts, receipt{msg.Source, msg.Token})
	}
	in.pending += b.size() - before
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
	in.m.pending.Set(float64(in.pending))
	in.m.remembered.Set(float64(in.seen.len()))
	return b
}

// commit makes b durable, in parts of at most MaxBatch observations, then gives
// its receipts. It tries for as long as ctx lives.
func (in *Intake) commit(ctx context.Context, b *batch) error {
	obs, rejects := b.obs, b.rejects
	for len(obs) > 0 || len(rejects) > 0 {
		n, r := min(len(obs), in.opts.MaxBatch), min(len(rejects), in.opts.MaxBatch)
		if b.name == "" {
			b.name = stream.NewName()
		}
		if err := in.append(ctx, b.name, obs[:n], rejects[:r]); err != nil {
			b.obs, b.rejects = obs, rejects // what is left to commit
			return err
		}
		b.name = ""
		in.m.observations.Add(float64(n))
		for _, rj := range rejects[:r] {
			in.m.rejected.WithLabelValues(rj.Reason).Inc()
		}
		obs, rejects = obs[n:], rejects[r:]
		in.mu.Lock()
		in.pending -= n + r
		in.mu.Unlock()
		in.room.Broadcast()
	}
	in.m.duplicates.Add(float64(b.dups))
	for _, rc := range b.receipts {
		rc.source.Committed(rc.token)
	}
	return nil
}

func (in *Intake) append(ctx context.Context, name string, obs []grid.Placed, rejects []stream.Reject) error {
	wait := 10 * time.Millisecond
	for {
		start := time.Now()
		_, err := in.journal.Append(ctx, name, obs, rejects)
		if err == nil {
			in.m.commit.Observe(time.Since(start).Seconds())
			in.m.batch.Observe(float64(len(obs)))
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("commit %d observations: %w", len(obs), err)
		}
		in.m.retries.Inc()
		in.log.Warn("journal did not take a batch, trying again", "observations", len(obs), "error", err, "wait_seconds", wait.Seconds())
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return fmt.Errorf("commit %d observations: %w", len(obs), err)
		}
		wait = min(2*wait, time.Second)
	}
}
