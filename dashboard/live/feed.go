package live

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/store"
	"github.com/urbangrid/urbangrid/stream"
)

// AlertLog is the numbered stream of alert changes. Numbers have no gaps, save
// where the log has forgotten its oldest events.
type AlertLog interface {
	// Epoch names the log for as long as it exists.
	Epoch() string
	// Last returns the number of the newest event, 0 when there is none.
	Last(ctx context.Context) (uint64, error)
	// Follow sends the events after the given number to out, blocking while it
	// is full, until ctx ends or the log cannot be reached.
	Follow(ctx context.Context, after uint64, out chan<- stream.Event) error
}

// AlertFinder answers what alerts there are now; store.Alerts says how.
type AlertFinder interface {
	FindAlerts(ctx context.Context, q store.AlertQuery) ([]store.Alert, error)
	store.AlertCounter
}

// How many alerts a snapshot tells. Of more open ones it tells the gravest, of
// equals the newest, and how many there are.
const (
	snapshotOpen   = 2000
	snapshotClosed = 100
)

// gravestFirst is the order in which open alerts are told while there is room.
var gravestFirst = [...]store.Severity{store.Critical, store.Warning, store.Notice}

// feed follows the alert log once for all browsers and keeps its newest events,
// bounded in number and bytes: the oldest make room. It is safe for concurrent
// use.
type feed struct {
	log       AlertLog
	find      AlertFinder
	maxEvents int
	maxBytes  int
	metrics   *metrics
	now       func() time.Time

	mu     sync.Mutex // guards all below
	ready  bool       // the log's last number is known
	base   uint64     // events holds every event after base
	events []change   // ascending without gaps
	bytes  int        // of events

	snapMu sync.Mutex // guards snap, and is held while one is made: the others wait for it
	snap   *alertSnapshot
}

// change is one event of the log as browsers get it.
type change struct {
	seq   uint64
	event *message // nil when it could not be decoded; then nothing is sent
}

func (c change) bytes() int {
	if c.event == nil {
		return 0
	}
	return len(c.event.tail)
}

type alertSnapshot struct {
	seq     uint64
	message *message
}

// encodedEvents is how many of the newest events keep the encodings that browsers
// share; who asks for older ones is alone with them.
const encodedEvents = 64

// last returns the number of the newest event, false while it is not known.
func (f *feed) last() (uint64, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.base + uint64(len(f.events)), f.ready
}

// covers reports whether every event after seq is at hand.
func (f *feed) covers(seq uint64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ready && seq >= f.base && seq <= f.base+uint64(len(f.events))
}

// after returns up to limit events after seq. It reports false when some of
// them have made room for newer ones.
func (f *feed) after(seq uint64, limit int) ([]change, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if seq < f.base {
		return nil, false
	}
	skip := seq - f.base
	if skip >= uint64(len(f.events)) {
		return nil, true
	}
	rest := f.events[skip:]
	return rest[:min(limit, len(rest)):min(limit, len(rest))], true
}

// run follows the log until ctx ends and tells wake of every event. It heals by
// itself when the log could not be reached.
func (f *feed) run(ctx context.Context, wake func()) {
	const longest = 5 * time.Second
	wait := 50 * time.Millisecond
	for ctx.Err() == nil {
		began := time.Now()
		err := f.follow(ctx, wake)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			f.metrics.errors.WithLabelValues("alert_log").Inc()
		}
		if time.Since(began) > longest {
			wait = 50 * time.Millisecond
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		wait = min(2*wait, longest)
	}
}

func (f *feed) follow(ctx context.Context, wake func()) error {
	from, ready := f.last()
	if !ready {
		ask, cancel := context.WithTimeout(ctx, 10*time.Second)
		last, err := f.log.Last(ask)
		cancel()
		if err != nil {
			return err
		}
		f.mu.Lock()
		f.ready, f.base, f.events, f.bytes = true, last, nil, 0
		f.mu.Unlock()
		wake()
		from = last
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	out := make(chan stream.Event, 64)
	ended := make(chan error, 1)
	go func() { ended <- f.log.Follow(ctx, from, out) }()
	for {
		select {
		case e := <-out:
			f.add(e)
			for len(out) > 0 { // a burst wakes the connections once
				f.add(<-out)
			}
			wake()
		case err := <-ended:
			for len(out) > 0 {
				f.add(<-out)
			}
			wake()
			return err
		}
	}
}

// add keeps an event. One that does not follow the newest shows that the log
// has lost some; then nothing before it is at hand any more.
func (f *feed) add(e stream.Event) {
	c := f.change(e)
	f.mu.Lock()
	defer f.mu.Unlock()
	last := f.base + uint64(len(f.events))
	if c.seq <= last {
		return
	}
	if c.seq != last+1 {
		f.base, f.events, f.bytes = c.seq-1, nil, 0
	}
	f.events = append(f.events, c)
	f.bytes += c.bytes()
	if old := len(f.events) - 1 - encodedEvents; old >= 0 && f.events[old].event != nil {
		f.events[old].event.dismiss()
	}
	drop := 0
	for len(f.events)-drop > f.maxEvents || (f.bytes > f.maxBytes && len(f.events)-drop > 1) {
		f.bytes -= f.events[drop].bytes()
		drop++
	}
	f.events, f.base = f.events[drop:], f.base+uint64(drop)
}

// change makes of an event what browsers get.
func (f *feed) change(e stream.Event) change {
	a, err := analytics.DecodeAlert(e.Payload)
	if err != nil {
		f.metrics.errors.WithLabelValues("undecodable_alert").Inc()
		return change{seq: e.Seq}
	}
	b, err := json.Marshal(AlertOf(a))
	if err != nil {
		f.metrics.errors.WithLabelValues("undecodable_alert").Inc()
		return change{seq: e.Seq}
	}
	return change{seq: e.Seq, event: newMessage("ev", fmt.Sprintf(`,"seq":%d,"alert":%s}`, e.Seq, b))}
}

// snapshot returns open and the newest closed alerts and the number up to
// which they surely contain all events. Those who ask at the same number share
// one question to the store.
func (f *feed) snapshot(ctx context.Context) (*alertSnapshot, error) {
	f.snapMu.Lock()
	defer f.snapMu.Unlock()
	// The number comes before the records: an event is published after its
	// record was saved, so what is read now contains at least that much.
	seq, ready := f.last()
	if !ready {
		return nil, fmt.Errorf("alert log has not been reached yet")
	}
	if f.snap != nil && f.snap.seq == seq {
		return f.snap, nil
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	told, open, err := f.open(ctx)
	if err != nil {
		return nil, fmt.Errorf("find open alerts: %w", err)
	}
	closed, err := f.pages(ctx, store.AlertQuery{State: store.AlertClosed, Limit: snapshotClosed})
	if err != nil {
		return nil, fmt.Errorf("find closed alerts: %w", err)
	}
	list, err := json.Marshal(append(told, closed...))
	if err != nil {
		return nil, fmt.Errorf("encode alerts: %w", err)
	}
	f.snap = &alertSnapshot{seq: seq, message: newMessage("snap",
		fmt.Sprintf(`,"epoch":%q,"seq":%d,"ts":%s,"open":%d,"alerts":%s}`, f.log.Epoch(), seq, millis(f.now()), open, list))}
	return f.snap, nil
}

// open returns the open alerts that a snapshot tells, and how many there are.
func (f *feed) open(ctx context.Context) (told []Alert, all int, err error) {
	told = make([]Alert, 0, 64)
	for _, severity := range gravestFirst {
		q := store.AlertQuery{State: store.AlertOpen, Severities: []store.Severity{severity}, Limit: snapshotOpen - len(told)}
		found, err := f.pages(ctx, q)
		if err != nil {
			return nil, 0, err
		}
		told = append(told, found...)
	}
	if len(told) < snapshotOpen {
		return told, len(told), nil
	}
	all, err = f.find.CountAlerts(ctx, store.AlertQuery{State: store.AlertOpen})
	return told, max(all, len(told)), err
}

// pages returns up to q.Limit alerts, however many pages they take.
func (f *feed) pages(ctx context.Context, q store.AlertQuery) (all []Alert, err error) {
	for left := q.Limit; left > 0; left = q.Limit - len(all) {
		q := q
		q.Limit = min(left, store.MaxAlerts)
		if len(all) > 0 {
			q.Before = all[len(all)-1].ID
		}
		found, err := f.find.FindAlerts(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, a := range found {
			all = append(all, AlertOf(a))
		}
		if len(found) < q.Limit {
			break
		}
	}
	return all, nil
}
