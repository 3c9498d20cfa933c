package analytics_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
	"github.com/urbangrid/urbangrid/store/sqlite"
	"github.com/urbangrid/urbangrid/stream"
)

var (
	_ analytics.Journal = (*stream.Journal)(nil)
	_ analytics.Journal = (*journal)(nil)
	_ analytics.Log     = (*stream.Log)(nil)
	_ analytics.Memory  = (*sqlite.Records)(nil)
	_ analytics.Watcher = (*watcher)(nil)
	_ store.Alerts      = (*records)(nil)
)

// journal is one in memory.
type journal struct {
	mu      sync.Mutex // guards the fields below
	entries []stream.Entry
	more    chan struct{} // closed when an entry is added
}

func newJournal(entries ...stream.Entry) *journal {
	return &journal{entries: entries, more: make(chan struct{})}
}

func (j *journal) Identity() string { return "journal-test" }

func (j *journal) add(at time.Time, obs ...grid.Placed) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = append(j.entries, stream.Entry{Seq: uint64(len(j.entries) + 1), At: at, Observations: obs})
	close(j.more)
	j.more = make(chan struct{})
}

func (j *journal) Follow(ctx context.Context, after uint64, out chan<- stream.Entry) error {
	for {
		j.mu.Lock()
		entries, more := j.entries, j.more
		j.mu.Unlock()
		for _, e := range entries {
			if e.Seq <= after {
				continue
			}
			select {
			case out <- e:
				after = e.Seq
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		select {
		case <-more:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (j *journal) SeqAt(_ context.Context, t time.Time) (uint64, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	var seq uint64
	for _, e := range j.entries {
		if e.At.Before(t) {
			seq = e.Seq
		}
	}
	return seq, nil
}

// records keeps alerts in memory.
type records struct {
	mu       sync.Mutex // guards the fields below
	alerts   map[string]store.Alert
	changes  []store.Alert // everything that was ever saved
	outbox   []store.OutboxEntry
	position store.Position
	fail     int // how many of the next SaveAlerts fail
	notes    map[string][]byte
}

func newRecords() *records { return &records{alerts: make(map[string]store.Alert)} }

var errDown = errors.New("records are down")

func (r *records) SaveAlerts(_ context.Context, to store.Position, changes []store.Alert) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail > 0 {
		r.fail--
		return errDown
	}
	for _, a := range changes {
		if a.Revision <= r.alerts[a.ID].Revision {
			continue
		}
		r.alerts[a.ID] = a
		r.changes = append(r.changes, a)
		r.outbox = append(r.outbox, store.OutboxEntry{ID: int64(len(r.changes)), Alert: a})
	}
	r.position = to
	return nil
}

func (r *records) JudgedPosition(_ context.Context, journal string) (store.Position, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return store.Position{Journal: journal, Seq: r.position.Seq}, nil
}

func (r *records) FindAlerts(_ context.Context, q store.AlertQuery) ([]store.Alert, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []store.Alert
	for _, a := range r.alerts {
		if q.State == "" || a.State == q.State {
			found = append(found, a)
		}
	}
	slices.SortFunc(found, func(a, b store.Alert) int {
		if c := b.RaisedAt.Compare(a.RaisedAt); c != 0 {
			return c
		}
		return strings.Compare(b.ID, a.ID)
	})
	return found, nil
}

func (r *records) Outbox(_ context.Context, limit int) ([]store.OutboxEntry, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.outbox[:min(limit, len(r.outbox))]), nil
}

func (r *records) Published(_ context.Context, id int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.outbox = slices.DeleteFunc(r.outbox, func(e store.OutboxEntry) bool { return e.ID <= id })
	return nil
}

func (r *records) Remember(_ context.Context, name string, note []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.notes == nil {
		r.notes = make(map[string][]byte)
	}
	r.notes[name] = slices.Clone(note)
	return nil
}

func (r *records) Recall(_ context.Context, name string) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.notes[name], nil
}

func (r *records) saved() []store.Alert {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.changes)
}

// watcher keeps what it is told.
type watcher struct {
	mu     sync.Mutex // guards the fields below
	cells  map[sensors.KindKey]map[grid.Cell]grid.Rollup
	heat   map[sensors.KindKey]map[grid.Cell]analytics.HeatState
	excess map[sensors.KindKey]map[grid.Cell]float64
	last   []analytics.CellState
	newest time.Time
}

func (w *watcher) CellsChanged(_, newest time.Time, changed []analytics.CellState) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.newest, w.last = newest, slices.Clone(changed)
	if w.cells == nil {
		w.cells = make(map[sensors.KindKey]map[grid.Cell]grid.Rollup)
	}
	for _, s := range changed {
		if w.cells[s.Kind] == nil {
			w.cells[s.Kind] = make(map[grid.Cell]grid.Rollup)
		}
		w.cells[s.Kind][s.Cell] = s.Rollup
		if s.Rollup.Count == 0 {
			delete(w.cells[s.Kind], s.Cell)
		}
	}
}

func (w *watcher) HeatChanged(_ time.Time, changed []analytics.HeatState) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.heat == nil {
		w.heat = make(map[sensors.KindKey]map[grid.Cell]analytics.HeatState)
	}
	for _, s := range changed {
		if w.heat[s.Kind] == nil {
			w.heat[s.Kind] = make(map[grid.Cell]analytics.HeatState)
		}
		w.heat[s.Kind][s.Cell] = s
	}
}

func (w *watcher) ExcessChanged(_ time.Time, changed []analytics.ExcessState) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.excess == nil {
		w.excess = make(map[sensors.KindKey]map[grid.Cell]float64)
	}
	for _, s := range changed {
		if w.excess[s.Kind] == nil {
			w.excess[s.Kind] = make(map[grid.Cell]float64)
		}
		w.excess[s.Kind][s.Cell] = s.Excess
	}
}

func (w *watcher) excessOf(k sensors.KindKey) map[grid.Cell]float64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.excess[k])
}

func (w *watcher) heatOf(k sensors.KindKey) map[grid.Cell]analytics.HeatState {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.heat[k])
}

func (w *watcher) cell(k sensors.KindKey, c grid.Cell) grid.Rollup {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cells[k][c]
}

func (w *watcher) newestJudged() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.newest
}

func (w *watcher) told() []analytics.CellState {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last
}

// city is a running engine in a synctest bubble.
type city struct {
	t       *testing.T
	journal *journal
	records *records
	watcher *watcher
	engine  *analytics.Engine // that runs
	start   time.Time
	stop    func()
}

// district is Putuo with its areas.
func district(t testing.TB) analytics.Study {
	t.Helper()
	d, err := putuo()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// putuo is what district returns. Which cell is in which area is found out once, because
// that takes longer than most tests.
var putuo = sync.OnceValues(func() (analytics.Study, error) {
	areas, err := grid.Putuo()
	if err != nil {
		return analytics.Study{}, err
	}
	cells, err := areas.Cells(grid.Resolution)
	if err != nil {
		return analytics.Study{}, err
	}
	areaOf := make(map[grid.Cell]grid.AreaCode, len(cells))
	for _, c := range cells {
		center, err := c.Center()
		if err != nil {
			return analytics.Study{}, err
		}
		areaOf[c] = areas.At(center)
	}
	return analytics.Study{Cells: cells, AreaOf: func(c grid.Cell) grid.AreaCode { return areaOf[c] }}, nil
})

// inCity runs check with an engine of its own. Time is that of the bubble; each
// report goes through the journal and has been judged when it returns.
func inCity(t *testing.T, rules []analytics.Rule, opts analytics.Options, check func(*city)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := &city{t: t, journal: newJournal(), records: newRecords(), watcher: &watcher{}, start: time.Now().UTC()}
		c.run(rules, opts)
		defer func() { c.stop() }()
		check(c)
	})
}

// run starts an engine on the city's journal and records.
func (c *city) run(rules []analytics.Rule, opts analytics.Options) {
	c.t.Helper()
	if opts.Study.Cells == nil {
		opts.Study = district(c.t)
	}
	e, err := analytics.NewEngine(c.journal, c.records, mustCatalog(c.t), rules, c.watcher, opts)
	if err != nil {
		c.t.Fatal(err)
	}
	c.engine = e
	c.resume()
}

// resume runs the engine again, which begins with what the records know as a new one does.
func (c *city) resume() {
	ctx, cancel := context.WithCancel(c.t.Context())
	done, e := make(chan error), c.engine
	go func() { done <- e.Run(ctx) }()
	synctest.Wait()
	c.stop = func() {
		cancel()
		if err := <-done; err != nil {
			c.t.Errorf("Run: %v", err)
		}
	}
}

// report journals observations that were received when the last was made.
func (c *city) report(obs ...grid.Placed) {
	c.t.Helper()
	c.journal.add(time.Now(), obs...)
	synctest.Wait()
}

// states returns the state of each saved alert change.
func (c *city) states() []store.AlertState {
	var states []store.AlertState
	for _, a := range c.records.saved() {
		states = append(states, a.State)
	}
	return states
}

func (c *city) wantStates(when string, want ...store.AlertState) {
	c.t.Helper()
	if got := c.states(); !slices.Equal(got, want) {
		c.t.Errorf("%s: alert changes %v, want %v", when, got, want)
	}
}

func mustCatalog(t testing.TB) *sensors.Catalog {
	t.Helper()
	catalog, err := sensors.DefaultCatalog()
	if err != nil {
		t.Fatal(err)
	}
	return catalog
}

func mustCell(t testing.TB, lat, lon float64) grid.Cell {
	t.Helper()
	c, err := grid.CellAt(grid.Point{LatDegrees: lat, LonDegrees: lon}, grid.Resolution)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var names = sensors.Names{ZH: "测试", EN: "Test"}

const (
	caoyang = grid.Cell(0x8a309930a0affff)
	zhenru  = grid.Cell(0x8a309930a127fff)
)

// seen is an observation received when it was made.
func seen(device sensors.DeviceID, kind sensors.KindKey, value float64, at time.Time) grid.Placed {
	return grid.Placed{
		Observation: sensors.Observation{Device: device, Kind: kind, Value: value, At: at, Received: at},
		Point:       grid.Point{LatDegrees: 31.24, LonDegrees: 121.4}, Cell: caoyang, Area: "310107005",
	}
}

func in(c grid.Cell, o grid.Placed) grid.Placed {
	o.Cell = c
	return o
}
