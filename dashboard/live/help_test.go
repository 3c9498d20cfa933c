package live_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/dashboard/live"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
	"github.com/urbangrid/urbangrid/stream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait for something that must come.
const patience = 10 * time.Second

var kinds = []sensors.Kind{
	{Key: "noise", Type: sensors.Measure, Unit: "dB[SPL]", Scale: [2]float64{30, 90}},
	{Key: "stall", Type: sensors.Event, Unit: "1", Scale: [2]float64{0, 10}},
}

// memLog is an alert log in memory. It can forget its oldest events, as a
// durable one does.
type memLog struct {
	epoch string

	mu      sync.Mutex // guards all below
	first   uint64     // number of the oldest event that is remembered
	events  []stream.Event
	changed chan struct{} // closed and replaced with every event
	follows int           // how often Follow was called
}

func newMemLog() *memLog {
	return &memLog{epoch: "log-1", first: 1, changed: make(chan struct{})}
}

func (l *memLog) Epoch() string { return l.epoch }

func (l *memLog) Last(context.Context) (uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.first + uint64(len(l.events)) - 1, nil
}

func (l *memLog) Follow(ctx context.Context, after uint64, out chan<- stream.Event) error {
	l.mu.Lock()
	l.follows++
	l.mu.Unlock()
	for {
		l.mu.Lock()
		var pending []stream.Event
		if last := l.first + uint64(len(l.events)) - 1; after < last {
			pending = slices.Clone(l.events[max(after+1, l.first)-l.first:])
		}
		changed := l.changed
		l.mu.Unlock()
		for _, e := range pending {
			select {
			case out <- e:
				after = e.Seq
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (l *memLog) publish(t testing.TB, a store.Alert) uint64 {
	t.Helper()
	b, err := analytics.EncodeAlert(a)
	if err != nil {
		t.Fatal(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	seq := l.first + uint64(len(l.events))
	l.events = append(l.events, stream.Event{Seq: seq, Payload: b})
	close(l.changed)
	l.changed = make(chan struct{})
	return seq
}

// forget drops the events up to and including seq.
func (l *memLog) forget(seq uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = slices.Clone(l.events[seq+1-l.first:])
	l.first = seq + 1
}

// records are the alerts of a store in memory.
type records struct {
	mu     sync.Mutex // guards all below
	alerts []store.Alert
	down   bool
}

func (r *records) FindAlerts(_ context.Context, q store.AlertQuery) ([]store.Alert, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.down {
		return nil, errors.New("records are down")
	}
	var out []store.Alert
	isAfter := q.Before == ""
	for _, a := range slices.Backward(r.alerts) {
		if isAfter && isAsked(a, q) && len(out) < min(q.Limit, store.MaxAlerts) {
			out = append(out, a)
		}
		isAfter = isAfter || a.ID == q.Before
	}
	return out, nil
}

func (r *records) CountAlerts(_ context.Context, q store.AlertQuery) (n int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range r.alerts {
		if isAsked(a, q) {
			n++
		}
	}
	return n, nil
}

func isAsked(a store.Alert, q store.AlertQuery) bool {
	return a.State == q.State && (len(q.Severities) == 0 || slices.Contains(q.Severities, a.Severity))
}

func (r *records) put(a store.Alert) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.alerts = slices.DeleteFunc(r.alerts, func(o store.Alert) bool { return o.ID == a.ID })
	r.alerts = append(r.alerts, a)
}

// world is a hub behind a real HTTP server.
type world struct {
	hub     *live.Hub
	log     live.AlertLog
	mem     *memLog // log, unless a test brought its own
	records *records
	metrics *prometheus.Registry
	server  *httptest.Server
	stop    func() // ends Run and waits for it
}

func newWorld(t testing.TB, opts live.Options, log live.AlertLog, district ...grid.Cell) *world {
	t.Helper()
	return newWorldAt(t, time.Now, opts, log, district...)
}

func newWorldAt(t testing.TB, clock func() time.Time, opts live.Options, log live.AlertLog, district ...grid.Cell) *world {
	t.Helper()
	w := &world{log: log, records: &records{}, metrics: prometheus.NewRegistry()}
	if log == nil {
		w.mem = newMemLog()
		w.log = w.mem
	} else if m, ok := log.(*memLog); ok {
		w.mem = m
	}
	hub, err := live.New(live.Deps{
		Kinds: kinds, District: district, Alerts: w.records, Log: w.log,
		Registerer: w.metrics, Logger: slog.New(slog.DiscardHandler), Now: clock,
	}, opts)
	if err != nil {
		t.Fatal(err)
	}
	w.hub = hub
	w.server = httptest.NewServer(hub)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- hub.Run(ctx) }()
	w.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run ended with %v, want nil", err)
		}
	})
	t.Cleanup(w.server.Close)
	t.Cleanup(w.stop)
	return w
}

// message is any frame of the server.
type message struct {
	T       string          `json:"t"`
	V       json.RawMessage `json:"v"`
	ID      *int64          `json:"id"`
	Epoch   string          `json:"epoch"`
	Seq     uint64          `json:"seq"`
	From    uint64          `json:"from"`
	Tbl     string          `json:"tbl"`
	I       []int           `json:"i"`
	N       []int64         `json:"n"`
	Alerts  []live.Alert    `json:"alerts"`
	Open    int             `json:"open"`
	Alert   live.Alert      `json:"alert"`
	After   uint64          `json:"after"`
	Lag     *int64          `json:"lag"`
	Code    json.RawMessage `json:"code"`
	RetryMS int64           `json:"retry_ms"`
	HB      int64           `json:"hb"`
}

func (m message) values(t testing.TB) []*float64 {
	t.Helper()
	var v []*float64
	if err := json.Unmarshal(m.V, &v); err != nil {
		t.Fatalf("v of %s: %v", m.T, err)
	}
	return v
}

// browser is a real WebSocket client.
type browser struct {
	ws    *websocket.Conn
	hello message
}

func dial(t testing.TB, w *world) *browser {
	t.Helper()
	return dialWith(t, w, &websocket.Dialer{Subprotocols: []string{live.Subprotocol}, EnableCompression: true})
}

func dialWith(t testing.TB, w *world, d *websocket.Dialer) *browser {
	t.Helper()
	b := dialUnheard(t, w, d)
	if b.hello = b.next(t); b.hello.T != "hello" {
		t.Fatalf("first frame is %q, want hello", b.hello.T)
	}
	return b
}

// dialUnheard connects and leaves hello to be read.
func dialUnheard(t testing.TB, w *world, d *websocket.Dialer) *browser {
	t.Helper()
	url := "ws" + strings.TrimPrefix(w.server.URL, "http")
	ws, resp, err := d.Dial(url, http.Header{"Origin": {w.server.URL}})
	if err != nil {
		t.Fatalf("dial: %v (%v)", err, resp)
	}
	t.Cleanup(func() { _ = ws.Close() })
	return &browser{ws: ws}
}

func (b *browser) say(t testing.TB, frame string) {
	t.Helper()
	if err := b.ws.WriteMessage(websocket.TextMessage, []byte(frame)); err != nil {
		t.Fatalf("say %s: %v", frame, err)
	}
}

// next returns the next frame that is no heartbeat.
func (b *browser) next(t testing.TB) message {
	t.Helper()
	for {
		m, err := b.read()
		if err != nil {
			t.Fatalf("next frame: %v", err)
		}
		if m.T != "hb" {
			return m
		}
	}
}

func (b *browser) read() (m message, err error) {
	if err := b.ws.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return m, err
	}
	_, raw, err := b.ws.ReadMessage()
	if err != nil {
		return m, err
	}
	return m, json.Unmarshal(raw, &m)
}

func (b *browser) want(t testing.TB, kind string) message {
	t.Helper()
	m := b.next(t)
	if m.T != kind {
		t.Fatalf("got frame %+v, want a %s", m, kind)
	}
	return m
}

// shown is what a viewer knows of one topic.
type shown struct {
	epoch string
	seq   uint64
	tbl   string
	value map[grid.Cell]float64
	count map[grid.Cell]int64
}

// apply takes in a frame as a browser does, and fails when the protocol is
// broken.
func (s *shown) apply(t testing.TB, h *live.Hub, m message) {
	t.Helper()
	switch m.T {
	case "snap":
		*s = shown{epoch: m.Epoch, tbl: m.Tbl, value: map[grid.Cell]float64{}, count: map[grid.Cell]int64{}}
	case "d":
		if m.From != s.seq {
			t.Fatalf("delta builds on %d, the browser has %d", m.From, s.seq)
		}
	default:
		t.Fatalf("frame %+v is no cells frame", m)
	}
	table, ok := h.Table(s.tbl)
	if !ok {
		t.Fatalf("table %s of the topic is unknown", s.tbl)
	}
	values := m.values(t)
	if len(m.I) != len(values) || len(m.I) != len(m.N) {
		t.Fatalf("columns have lengths %d, %d, %d", len(m.I), len(values), len(m.N))
	}
	index := 0
	for i, step := range m.I {
		if i > 0 && step <= 0 {
			t.Fatalf("indices do not ascend: %v", m.I)
		}
		index += step
		c := table.Cells[index]
		if values[i] == nil {
			delete(s.value, c)
			delete(s.count, c)
			continue
		}
		s.value[c], s.count[c] = *values[i], m.N[i]
	}
	s.seq = m.Seq
}

// cellsNear returns n cells of the finest resolution in and around Putuo.
func cellsNear(t testing.TB, lat float64, n int) []grid.Cell {
	t.Helper()
	var out []grid.Cell
	for i := 0; len(out) < n; i++ {
		c, err := grid.CellAt(grid.Point{LatDegrees: lat + float64(i/20)*0.002, LonDegrees: 121.38 + float64(i%20)*0.002}, grid.Resolution)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	return out
}

func level(kind sensors.KindKey, c grid.Cell, count int64, value float64) analytics.CellState {
	s := analytics.CellState{Kind: kind, Cell: c}
	if count > 0 {
		s.Rollup = grid.Rollup{Count: count, Sum: value * float64(count), Min: value, Max: value, Last: value, LastAt: time.Unix(1, 0)}
	}
	return s
}

func (w *world) change(states ...analytics.CellState) {
	now := time.Now()
	w.hub.CellsChanged(now, now, states)
}

// metric returns the value of a counter or gauge, of the series with that label
// value when one is given.
func (w *world) metric(t testing.TB, name, label string) float64 {
	t.Helper()
	families, err := w.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			if label == "" || m.GetLabel()[0].GetValue() == label {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	t.Fatalf("no metric %s %s", name, label)
	return 0
}
