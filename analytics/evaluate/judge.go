package evaluate

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
	"github.com/urbangrid/urbangrid/stream"
)

// Message is what a device sends.
type Message struct {
	Device   sensors.DeviceID
	Kind     sensors.KindKey
	ID       string    // "" when the device names no event
	At       time.Time // by the device's clock
	Received time.Time
	Point    grid.Point
}

// Gate takes in messages, which are in order of receipt, as the product's ingest
// does: refuses, recognises repetitions, places, and returns the journal. A Gate
// forgets all between calls.
type Gate func(ctx context.Context, messages []Message) ([]stream.Entry, error)

// judge lets the product's engine, with its rules about benchKind, judge a journal.
// Its hotspot rule begins with what a detector of that name knew at the time now.
func judge(ctx context.Context, cells []grid.Cell, state []byte, now time.Time, entries []stream.Entry) ([]Episode, error) {
	catalog, err := sensors.DefaultCatalog()
	if err != nil {
		return nil, err
	}
	rules, err := analytics.DefaultRules()
	if err != nil {
		return nil, err
	}
	rules = slices.DeleteFunc(rules, func(r analytics.Rule) bool { return r.Kind != benchKind })
	alerts := &episodeLog{at: make(map[string]int)}
	j := &shelf{entries: entries, read: make(chan struct{})}
	engine, err := analytics.NewEngine(j, alerts, catalog, rules, nil, analytics.Options{
		Study: analytics.Study{Cells: cells}, Memory: knowledge(state), Now: func() time.Time { return now },
	})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- engine.Run(ctx) }()
	select {
	case <-j.read:
		cancel()
		err = <-ended
	case err = <-ended:
		err = errors.Join(err, errors.New("the engine ended before its journal"))
	}
	return alerts.episodes, err
}

// shelf is a journal that is complete.
type shelf struct {
	entries []stream.Entry
	read    chan struct{} // closed when the last entry has been taken
}

var _ analytics.Journal = (*shelf)(nil)

// Identity returns the name of the journal, which knowledge goes by.
func (s *shelf) Identity() string { return "evaluation" }

// Follow sends the entries and then waits for ctx to end.
func (s *shelf) Follow(ctx context.Context, after uint64, out chan<- stream.Entry) error {
	for _, e := range s.entries {
		if e.Seq <= after {
			continue
		}
		select {
		case out <- e:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	close(s.read)
	<-ctx.Done()
	return ctx.Err()
}

// SeqAt returns 0: nothing was judged before.
func (s *shelf) SeqAt(context.Context, time.Time) (uint64, error) { return 0, nil }

// knowledge is the memory of an engine: the state of its hotspot rule.
type knowledge []byte

var _ analytics.Memory = knowledge(nil)

// Remember forgets at once: nobody asks again.
func (knowledge) Remember(context.Context, string, []byte) error { return nil }

// Recall returns the state of a hotspot rule, as of before the first entry.
func (k knowledge) Recall(_ context.Context, name string) ([]byte, error) {
	if !strings.HasPrefix(name, "hotspots/") {
		return nil, nil
	}
	return append(binary.BigEndian.AppendUint64(nil, 0), k...), nil
}

// episodeLog makes episodes of the alerts that are saved.
type episodeLog struct {
	mu       sync.Mutex // guards the fields below
	episodes []Episode
	at       map[string]int
}

var _ store.Alerts = (*episodeLog)(nil)

// SaveAlerts takes in what is raised and what stands out; the rest of an alert's
// life says nothing of where it is.
func (l *episodeLog) SaveAlerts(_ context.Context, _ store.Position, changes []store.Alert) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range changes {
		i, known := l.at[a.ID]
		if !known {
			i = len(l.episodes)
			l.at[a.ID] = i
			l.episodes = append(l.episodes, Episode{ID: a.ID, Kind: a.Kind, Category: categoryOf(a), RaisedAt: a.RaisedAt})
		}
		if a.State == store.AlertOpen && a.Phase != store.PhaseCooling {
			l.episodes[i].Reports = append(l.episodes[i].Reports, reportOf(a))
		}
	}
	return nil
}

// JudgedPosition returns that nothing was judged.
func (l *episodeLog) JudgedPosition(_ context.Context, journal string) (store.Position, error) {
	return store.Position{Journal: journal}, nil
}

// FindAlerts returns none: none was raised before.
func (l *episodeLog) FindAlerts(context.Context, store.AlertQuery) ([]store.Alert, error) {
	return nil, nil
}

// Outbox returns nothing: nobody is told.
func (l *episodeLog) Outbox(context.Context, int) ([]store.OutboxEntry, error) { return nil, nil }

// Published does nothing.
func (l *episodeLog) Published(context.Context, int64) error { return nil }

func categoryOf(a store.Alert) store.AlertCategory {
	if a.Category == "" {
		return store.AboutCity
	}
	return a.Category
}

// reportOf is what an alert says. One without a cell is about the whole area.
func reportOf(a store.Alert) Report {
	r := Report{At: a.UpdatedAt, Score: a.Score, Cells: a.Cells, Peak: a.Cell, Count: a.Value, Usual: a.Baseline}
	if len(r.Cells) == 0 && a.Cell != 0 {
		r.Cells = []grid.Cell{a.Cell}
	}
	r.Whole = len(r.Cells) == 0
	return r
}
