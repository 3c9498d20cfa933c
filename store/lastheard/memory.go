// Package lastheard remembers the last message of each device: in memory as it
// comes, and now and then in the records, so that it is there after a restart.
package lastheard

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
	"github.com/urbangrid/urbangrid/stream"
)

// Message is a message as it came and what was made of it. Who gives one keeps
// what it points to.
type Message struct {
	Topic    string
	QoS      int8 // -1 when it was read again from quarantine
	Received time.Time
	Format   string
	Payload  []byte
	Private  bool
	Placed   []grid.Placed
	Rejects  []stream.Reject
}

// Options tune a Memory. The zero Options work.
type Options struct {
	MaxBytes   int           // what it may hold; 0 means 64 MiB
	Every      time.Duration // how often the records are told; 0 means 5 min
	Logger     *slog.Logger  // nil means slog.Default()
	Registerer prometheus.Registerer
}

// Memory holds the last message of each device. When it is full, a device that
// was not heard of for long makes room; what the records do not know of it yet is
// lost and counted. It is safe for concurrent use.
type Memory struct {
	records store.LastMessages
	opts    Options
	log     *slog.Logger
	seed    maphash.Seed
	shards  [shardCount]shard
	heard   atomic.Uint64 // messages, for telling them apart

	dropped  prometheus.Counter
	failures prometheus.Counter
}

const shardCount = 16

type shard struct {
	mu    sync.Mutex // guards what follows
	byID  map[sensors.DeviceID]*kept
	bytes int
}

// kept is the last message of a device. Its slices are its own, and are used
// again for the next message.
type kept struct {
	store.LastMessage
	message uint64 // which one it is
	unsaved bool
}

// New returns a Memory that knows what the records know.
func New(records store.LastMessages, opts Options) *Memory {
	if opts.MaxBytes == 0 {
		opts.MaxBytes = 64 << 20
	}
	if opts.Every == 0 {
		opts.Every = 5 * time.Minute
	}
	if opts.Logger == nil {
		opts.Logger = slog.Default()
	}
	if opts.Registerer == nil {
		opts.Registerer = prometheus.NewRegistry()
	}
	m := &Memory{
		records: records, opts: opts, log: opts.Logger.With("component", "last messages"), seed: maphash.MakeSeed(),
		dropped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "urbangrid_store_last_messages_dropped_total",
			Help: "Last messages of devices that made room before they were saved.",
		}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "urbangrid_store_last_messages_failures_total",
			Help: "Writes of last messages that failed; they are made again later.",
		}),
	}
	for i := range m.shards {
		m.shards[i].byID = map[sensors.DeviceID]*kept{}
	}
	opts.Registerer.MustRegister(m.dropped, m.failures)
	return m
}

// Hear takes a message as the last one of every device that it is of, unless a
// later one is known. It copies what it keeps.
func (m *Memory) Hear(msg Message) {
	number := m.heard.Add(1)
	for rest := msg.Placed; len(rest) > 0; {
		id, n := rest[0].Device, 1
		for n < len(rest) && rest[n].Device == id {
			n++
		}
		m.keep(id, number, &msg, rest[:n], nil)
		rest = rest[n:]
	}
	for i := range msg.Rejects {
		r := &msg.Rejects[i]
		id := store.DeviceOf(store.Reject{Reason: r.Reason, Detail: r.Detail, Topic: r.Topic})
		if id == "" && len(msg.Placed) > 0 {
			id = msg.Placed[0].Device
		}
		if id != "" {
			m.keep(id, number, &msg, nil, r)
		}
	}
}

func (m *Memory) shard(id sensors.DeviceID) *shard {
	return &m.shards[maphash.String(m.seed, string(id))%shardCount]
}

// keep adds observations and a fault of message number to what is known of a
// device.
func (m *Memory) keep(id sensors.DeviceID, number uint64, msg *Message, placed []grid.Placed, fault *stream.Reject) {
	s := m.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.byID[id]
	if k == nil {
		k = &kept{LastMessage: store.LastMessage{Device: id}}
		s.byID[id] = k
	} else {
		if k.Received.After(msg.Received) {
			return
		}
		s.bytes -= k.size()
	}
	if k.message != number {
		k.begin(number, msg)
	}
	k.unsaved = true
	k.Observed += len(placed)
	k.Observations = append(k.Observations, placed[:min(len(placed), store.MaxLastObservations-len(k.Observations))]...)
	if fault != nil {
		k.Refused++
		if len(k.Faults) < store.MaxLastFaults {
			k.Faults = append(k.Faults, store.MessageFault{Reason: fault.Reason, Detail: fault.Detail})
		}
	}
	s.bytes += k.size()
	if s.bytes > m.opts.MaxBytes/shardCount {
		m.makeRoom(s, id)
	}
}

// begin forgets the message before. What is read again from quarantine is the
// same message: it came as it came the first time.
func (k *kept) begin(number uint64, msg *Message) {
	qos := msg.QoS
	if qos < 0 && k.Received.Equal(msg.Received) && k.Topic == msg.Topic {
		qos = k.QoS
	}
	payload := k.Payload[:0]
	if cap(payload) > 4<<10 && len(msg.Payload) < cap(payload)/4 {
		payload = nil // one long message does not hold its room for ever
	}
	if !msg.Private {
		payload = append(payload, msg.Payload[:min(len(msg.Payload), store.MaxLastPayload)]...)
	}
	clear(k.Observations)
	k.LastMessage = store.LastMessage{
		Device: k.Device, Topic: msg.Topic, QoS: qos, Received: msg.Received, Format: msg.Format,
		Payload: payload, Size: len(msg.Payload), Private: msg.Private,
		Observations: k.Observations[:0], Faults: k.Faults[:0],
	}
	k.message = number
}

// size is about what k takes.
func (k *kept) size() int {
	const overhead = int(unsafe.Sizeof(kept{})) + 64 // its place in the map
	return overhead + len(k.Device) + len(k.Topic) + cap(k.Payload) +
		cap(k.Observations)*int(unsafe.Sizeof(grid.Placed{})) + cap(k.Faults)*int(unsafe.Sizeof(store.MessageFault{}))
}

// makeRoom forgets the oldest of a few devices, another than keep, until what
// is held fits. The caller holds the lock.
func (m *Memory) makeRoom(s *shard, keep sensors.DeviceID) {
	const look = 8
	for s.bytes > m.opts.MaxBytes/shardCount && len(s.byID) > 1 {
		var oldest *kept
		looked := 0
		for id, k := range s.byID { // in no order, which is the point
			if id == keep {
				continue
			}
			if oldest == nil || k.Received.Before(oldest.Received) {
				oldest = k
			}
			if looked++; looked == look {
				break
			}
		}
		if oldest.unsaved {
			m.dropped.Inc()
		}
		s.bytes -= oldest.size()
		delete(s.byID, oldest.Device)
	}
}

// LastMessage returns the last message of a device. Errors: store.ErrNotFound.
func (m *Memory) LastMessage(ctx context.Context, id sensors.DeviceID) (store.LastMessage, error) {
	held, ok := m.held(id)
	if ok && held.QoS >= 0 {
		return held, nil
	}
	saved, err := m.records.LastMessage(ctx, id)
	if ok && (errors.Is(err, store.ErrNotFound) || err == nil && !saved.Received.After(held.Received)) {
		return held, nil
	}
	return saved, err
}

func (m *Memory) held(id sensors.DeviceID) (store.LastMessage, bool) {
	s := m.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.byID[id]
	if k == nil {
		return store.LastMessage{}, false
	}
	return k.copied(), true
}

func (k *kept) copied() store.LastMessage {
	c := k.LastMessage
	c.Payload, c.Observations, c.Faults = slices.Clone(c.Payload), slices.Clone(c.Observations), slices.Clone(c.Faults)
	return c
}

// Run tells the records now and then, and a last time when ctx ends.
func (m *Memory) Run(ctx context.Context) error {
	tick := time.NewTicker(m.opts.Every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := m.save(ctx); err != nil && ctx.Err() == nil {
				m.failures.Inc()
				m.log.Warn("last messages not saved, trying again later", "error", err)
			}
		case <-ctx.Done():
			return m.finish(ctx)
		}
	}
}

// finish tells the records although ctx has ended.
func (m *Memory) finish(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := m.save(ctx); err != nil {
		return fmt.Errorf("save last messages: %w", err)
	}
	return nil
}

// saveAtOnce is how many go into one transaction: others write between two.
const saveAtOnce = 500

func (m *Memory) save(ctx context.Context) error {
	for i := range m.shards {
		for part := range slices.Chunk(m.shards[i].unsaved(), saveAtOnce) {
			if err := m.records.SaveLastMessages(ctx, part); err != nil {
				return err
			}
			m.shards[i].saved(part)
		}
	}
	return nil
}

func (s *shard) unsaved() []store.LastMessage {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []store.LastMessage
	for _, k := range s.byID {
		if k.unsaved {
			list = append(list, k.copied())
		}
	}
	return list
}

// saved notes that the records know list, but for what changed meanwhile.
func (s *shard) saved(list []store.LastMessage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range list {
		was := &list[i]
		if k := s.byID[was.Device]; k != nil && k.Received.Equal(was.Received) && k.Observed == was.Observed && k.Refused == was.Refused {
			k.unsaved = false
		}
	}
}
