package live_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/dashboard/live"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
	"github.com/urbangrid/urbangrid/stream"
)

func alert(i int) store.Alert {
	return store.Alert{
		ID: fmt.Sprintf("alert-%d", i), Revision: 1, Rule: "noise_loud", Kind: "noise", Place: fmt.Sprintf("device/noise-%d", i),
		State: store.AlertOpen, Severity: store.Warning, Value: 88.2, Baseline: 85, RaisedAt: time.Unix(int64(i), 0), UpdatedAt: time.Unix(int64(i), 0),
	}
}

// raise saves and publishes alerts from to to, as the judge does.
func (w *world) raise(t testing.TB, from, to int) {
	t.Helper()
	for i := from; i <= to; i++ {
		w.records.put(alert(i))
		w.mem.publish(t, alert(i))
	}
}

func (b *browser) wantEvents(t testing.TB, from, to int) {
	t.Helper()
	for i := from; i <= to; i++ {
		if m := b.want(t, "ev"); m.Seq != uint64(i) || m.Alert.ID != fmt.Sprintf("alert-%d", i) {
			t.Fatalf("got event %d of %s, want %d", m.Seq, m.Alert.ID, i)
		}
	}
}

// wantAll is wantEvents of a browser that asks for what it misses when it could
// not keep up.
func (b *browser) wantAll(t testing.TB, epoch string, from, to int) {
	t.Helper()
	for i := from; i <= to; {
		switch m := b.next(t); m.T {
		case "ev":
			if m.Seq != uint64(i) {
				t.Fatalf("got event %d, want %d", m.Seq, i)
			}
			i++
		case "gap":
			b.say(t, fmt.Sprintf(`{"t":"sub","id":1,"topic":"alerts","since":{"epoch":%q,"seq":%d}}`, epoch, i-1))
		default:
			t.Fatalf("got %+v, want an event or a gap", m)
		}
	}
}

func TestHub_SendsAlertsAsSnapshotThenEvents(t *testing.T) {
	w := newWorld(t, live.Options{}, nil)
	w.raise(t, 1, 3)
	closed := alert(2)
	closed.State, closed.Revision, closed.ClearedAt = store.AlertClosed, 2, time.Unix(9, 0)
	w.records.put(closed)
	w.mem.publish(t, closed)
	b := dial(t, w)
	b.say(t, `{"t":"sub","id":3,"topic":"alerts"}`)
	m := b.want(t, "snap")
	if len(m.Alerts) != 3 || m.Epoch != "log-1" || *m.ID != 3 {
		t.Fatalf("got %+v, want three alerts", m)
	}
	if m.Alerts[2].ID != "alert-2" || m.Alerts[2].ClearedAt == nil || m.Alerts[0].ClearedAt != nil || m.Alerts[0].P != nil {
		t.Errorf("got %+v, want the open ones first and the cleared one last", m.Alerts)
	}
	w.raise(t, 5, 6)
	for {
		if e := b.want(t, "ev"); e.Alert.ID == "alert-6" {
			break
		}
	}
}

func TestHub_TellsMoreOpenAlertsThanAPageOfTheRecords(t *testing.T) {
	w := newWorld(t, live.Options{}, nil)
	const open = store.MaxAlerts + 500
	for i := range open {
		w.records.put(alert(i + 1))
	}
	w.mem.publish(t, alert(open))
	b := dial(t, w)
	b.say(t, `{"t":"sub","id":3,"topic":"alerts"}`)
	m := b.want(t, "snap")
	if len(m.Alerts) != open || m.Alerts[0].ID != fmt.Sprintf("alert-%d", open) || m.Alerts[open-1].ID != "alert-1" {
		t.Fatalf("%d alerts, want all %d, the newest first", len(m.Alerts), open)
	}
}

// More open alerts than a page can hold: none of those that matter most is left
// out, and the page learns that it does not see all.
func TestHub_TellsTheGravestOfTooManyOpenAlertsAndHowManyThereAre(t *testing.T) {
	w := newWorld(t, live.Options{}, nil)
	const open, told, grave = 2500, 2000, 700
	for i := range open {
		a := alert(i + 1)
		if a.Severity = store.Notice; i < grave {
			a.Severity = []store.Severity{store.Warning, store.Critical}[i%2]
		}
		w.records.put(a)
	}
	w.mem.publish(t, alert(open))
	b := dial(t, w)
	b.say(t, `{"t":"sub","id":3,"topic":"alerts"}`)
	m := b.want(t, "snap")
	if len(m.Alerts) != told || m.Open != open {
		t.Fatalf("%d alerts of %d, want %d of %d", len(m.Alerts), m.Open, told, open)
	}
	count := map[store.Severity]int{}
	for _, a := range m.Alerts {
		count[a.Severity]++
	}
	want := map[store.Severity]int{store.Critical: grave / 2, store.Warning: grave / 2, store.Notice: told - grave}
	if d := cmp.Diff(want, count); d != "" {
		t.Errorf("told by severity (-want +got):\n%s", d)
	}
	if last := m.Alerts[told-1].ID; last != fmt.Sprintf("alert-%d", open-(told-grave)+1) {
		t.Errorf("the last that is told is %s, want the oldest of the newest notices", last)
	}
}

func TestHub_ResumesAlertsAfterACut(t *testing.T) {
	for _, c := range []struct {
		name   string
		events int // at hand
		missed int
	}{
		{"from the events at hand", 100, 20},
		{"from the log, when the events at hand have moved on", 8, 50},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, live.Options{AlertEvents: c.events}, nil)
			b := dial(t, w)
			b.say(t, `{"t":"sub","id":1,"topic":"alerts"}`)
			first := b.want(t, "snap")
			w.raise(t, 1, 3)
			b.wantEvents(t, 1, 3)
			_ = b.ws.Close()
			w.raise(t, 4, 3+c.missed)

			b = dial(t, w)
			b.say(t, fmt.Sprintf(`{"t":"sub","id":1,"topic":"alerts","since":{"epoch":%q,"seq":3}}`, first.Epoch))
			b.wantAll(t, first.Epoch, 4, 3+c.missed)
			w.raise(t, 4+c.missed, 40+c.missed)
			b.wantAll(t, first.Epoch, 4+c.missed, 40+c.missed)
		})
	}
}

func TestHub_ResumesAlertsOverARestart(t *testing.T) {
	log := newMemLog()
	w := newWorld(t, live.Options{}, log)
	w.raise(t, 1, 5)
	w.stop()
	w2 := newWorld(t, live.Options{}, log)
	w2.records = w.records
	b := dial(t, w2)
	b.say(t, `{"t":"sub","id":1,"topic":"alerts","since":{"epoch":"log-1","seq":2}}`)
	b.wantEvents(t, 3, 5)
	w2.mem.publish(t, alert(6))
	b.wantEvents(t, 6, 6)
}

func TestHub_SendsASnapshotOfAlertsWhenTheLogHasForgotten(t *testing.T) {
	for name, opts := range map[string]live.Options{
		"and has newer events": {AlertEvents: 2},
		"and has none":         {AlertEvents: 2, AlertPatience: 10 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			log := newMemLog()
			for i := 1; i <= 9; i++ {
				log.publish(t, alert(i))
			}
			log.forget(6)
			if opts.AlertPatience > 0 {
				log.forget(9)
			}
			w := newWorld(t, opts, log)
			b := dial(t, w)
			b.say(t, `{"t":"sub","id":1,"topic":"alerts","since":{"epoch":"log-1","seq":2}}`)
			if m := b.want(t, "snap"); m.Seq != 9 {
				t.Errorf("snapshot has number %d, want 9", m.Seq)
			}
		})
	}
}

func TestHub_SendsASnapshotOfAlertsWhenTheLogWasMadeAnew(t *testing.T) {
	w := newWorld(t, live.Options{}, nil)
	b := dial(t, w)
	b.say(t, `{"t":"sub","id":1,"topic":"alerts","since":{"epoch":"log-0","seq":2}}`)
	b.want(t, "snap")
}

func TestHub_WaitsForTheRecordsToAnswer(t *testing.T) {
	w := newWorld(t, live.Options{}, nil)
	w.records.mu.Lock()
	w.records.down = true
	w.records.mu.Unlock()
	b := dial(t, w)
	b.say(t, `{"t":"sub","id":1,"topic":"alerts"}`)
	b.say(t, `{"t":"sub","id":2,"topic":"cells/noise/r9"}`)
	if m := b.want(t, "snap"); *m.ID != 2 {
		t.Fatalf("got %+v, want the cells while the records are down", m)
	}
	w.records.mu.Lock()
	w.records.down = false
	w.records.mu.Unlock()
	if m := b.want(t, "snap"); *m.ID != 1 {
		t.Fatalf("got %+v, want the alerts", m)
	}
}

// The pipe has no buffers, so the writer is stuck at the first event that nobody
// reads, while the events at hand move on.
func TestHub_TellsAGapToThoseWhoCannotKeepUp(t *testing.T) {
	w := newWorld(t, live.Options{AlertEvents: 4}, nil)
	pipes, closePipes := servePipes(w)
	defer closePipes()
	b := dialWith(t, w, &websocket.Dialer{NetDial: pipes.dial})
	other := dial(t, w)
	b.say(t, `{"t":"sub","id":1,"topic":"alerts"}`)
	b.want(t, "snap")
	for i := 1; i <= 200; i++ {
		w.raise(t, i, i)
	}
	// Once a new snapshot has the last number, the events at hand end there.
	for seq, id := uint64(0), 1; seq != 200; id++ {
		other.say(t, fmt.Sprintf(`{"t":"sub","id":%d,"topic":"alerts"}`, id))
		for {
			m := other.next(t)
			if m.T == "snap" {
				seq = m.Seq
				break
			}
		}
		other.say(t, fmt.Sprintf(`{"t":"unsub","id":%d}`, id))
	}
	var last uint64
	for {
		m := b.next(t)
		if m.T == "gap" {
			if m.After != last {
				t.Errorf("gap after %d, the browser has %d", m.After, last)
			}
			break
		}
		last = m.Seq
	}
	if last > 150 {
		t.Fatalf("the browser was sent %d events before the gap", last)
	}
	b.say(t, fmt.Sprintf(`{"t":"sub","id":1,"topic":"alerts","since":{"epoch":"log-1","seq":%d}}`, last))
	b.wantEvents(t, int(last)+1, 200)
	if w.metric(t, "urbangrid_dashboard_live_gaps_total", "") < 1 {
		t.Error("no gap was counted")
	}
	_ = b.ws.Close()
}

func servePipes(w *world) (pipes *pipeListener, closeAll func()) {
	pipes = newPipes()
	srv := &http.Server{Handler: w.hub}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(pipes) }()
	return pipes, func() {
		_ = srv.Close()
		<-served
	}
}

func TestHub_SaysWhatIsWrongWithAFrame(t *testing.T) {
	w := newWorld(t, live.Options{}, nil)
	b := dial(t, w)
	b.say(t, `{"t":"sub","id":5,"topic":"cells/noise/r10"}`)
	b.want(t, "snap")
	for _, c := range []struct{ frame, code string }{
		{`not json`, "bad_frame"},
		{`[]`, "bad_frame"},
		{`{"t":"shout","id":1}`, "bad_frame"},
		{`{"t":"sub","topic":"alerts"}`, "bad_frame"},
		{`{"t":"sub","id":1,"topic":"alerts","since":{"epoch":"e","seq":-1}}`, "bad_frame"},
		{`{"t":"sub","id":1,"topic":"cells/nothing/r10"}`, "bad_topic"},
		{`{"t":"sub","id":1,"topic":"cells/noise/r11"}`, "bad_topic"},
		{`{"t":"sub","id":1,"topic":"cases"}`, "bad_topic"},
		{`{"t":"sub","id":5,"topic":"alerts"}`, "duplicate_id"},
	} {
		b.say(t, c.frame)
		if m := b.want(t, "err"); string(m.Code) != `"`+c.code+`"` {
			t.Errorf("%s is answered with %s, want %s", c.frame, m.Code, c.code)
		}
	}
	for id := 6; id <= 36; id++ {
		b.say(t, fmt.Sprintf(`{"t":"sub","id":%d,"topic":"cells/stall/r7"}`, id))
		b.want(t, "snap")
	}
	b.say(t, `{"t":"sub","id":99,"topic":"alerts"}`)
	if m := b.want(t, "err"); string(m.Code) != `"too_many_subscriptions"` || *m.ID != 99 {
		t.Errorf("subscription 33 is answered with %+v", m)
	}
}

func TestHub_EndsAConnectionThatSendsTooMuchAtOnce(t *testing.T) {
	for name, compressed := range map[string]bool{"as it is": false, "small when compressed": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, live.Options{}, nil)
			b := dialWith(t, w, &websocket.Dialer{EnableCompression: compressed})
			b.say(t, strings.Repeat(" ", 17<<10))
			_, err := b.read()
			if !websocket.IsCloseError(err, websocket.CloseMessageTooBig) {
				t.Errorf("connection ended with %v, want message too big", err)
			}
		})
	}
}

func TestHub_RefusesPagesOfOtherSites(t *testing.T) {
	w := newWorld(t, live.Options{}, nil)
	url := "ws" + strings.TrimPrefix(w.server.URL, "http")
	for _, origin := range []string{"http://evil.example", "null", w.server.URL + "0"} {
		_, resp, err := websocket.DefaultDialer.Dial(url, http.Header{"Origin": {origin}})
		if err == nil || resp == nil || resp.StatusCode != http.StatusForbidden {
			t.Errorf("origin %s: %v, %v; want 403", origin, resp, err)
		}
	}
	if got := w.metric(t, "urbangrid_dashboard_live_refused_total", "handshake"); got != 3 {
		t.Errorf("counted %v refusals, want 3", got)
	}
}

func TestHub_BoundsTheConnections(t *testing.T) {
	w := newWorld(t, live.Options{MaxConnections: 1}, nil)
	dial(t, w)
	_, resp, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(w.server.URL, "http"), nil)
	if err == nil || resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("second connection: %v, %v; want 503", resp, err)
	}
}

func TestHub_SaysGoodbyeWhenItEnds(t *testing.T) {
	w := newWorld(t, live.Options{RetrySpread: 2 * time.Second}, nil)
	b := dial(t, w)
	b.say(t, `{"t":"sub","id":1,"topic":"alerts"}`)
	b.want(t, "snap")
	go w.stop()
	m := b.want(t, "bye")
	if string(m.Code) != "1012" || m.RetryMS < 500 || m.RetryMS > 2000 {
		t.Errorf("got %+v, want 1012 and 500 to 2000 ms", m)
	}
	_, err := b.read()
	var ce *websocket.CloseError
	if !errors.As(err, &ce) || ce.Code != websocket.CloseServiceRestart {
		t.Errorf("connection ended with %v, want service restart", err)
	}
	w.stop()
	_, resp, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(w.server.URL, "http"), nil)
	if err == nil || resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("connection after the end: %v, %v; want 503", resp, err)
	}
}

func TestHub_GivesUpASilentConnection(t *testing.T) {
	w := newWorld(t, live.Options{Ping: 5 * time.Millisecond, PongWait: 50 * time.Millisecond}, nil)
	pipes, closePipes := servePipes(w)
	defer closePipes()
	b := dialWith(t, w, &websocket.Dialer{NetDial: pipes.dial})
	b.ws.SetPingHandler(func(string) error { return nil }) // it never answers
	if _, err := b.read(); err == nil {
		t.Error("the connection goes on without a pong")
	}
}

func TestHub_HealsWhenTheLogCannotBeReached(t *testing.T) {
	log := &brokenLog{memLog: newMemLog(), broken: make(chan struct{}, 3)}
	for range 3 {
		log.broken <- struct{}{}
	}
	w := newWorld(t, live.Options{}, log)
	w.mem = log.memLog
	b := dial(t, w)
	b.say(t, `{"t":"sub","id":1,"topic":"alerts"}`)
	b.want(t, "snap")
	w.raise(t, 1, 2)
	b.wantEvents(t, 1, 2)
}

// brokenLog fails as often as broken holds something.
type brokenLog struct {
	*memLog
	broken chan struct{}
}

func (l *brokenLog) Last(ctx context.Context) (uint64, error) {
	select {
	case <-l.broken:
		return 0, errors.New("log cannot be reached")
	default:
		return l.memLog.Last(ctx)
	}
}

func TestAlertOf_IsTheFormOfTheLog(t *testing.T) {
	a := alert(1)
	a.P, a.Window, a.Cell, a.Area, a.ClearedAt = 0.01, time.Minute, 0x8a309930a0affff, "310107005", time.Unix(7, 0)
	a.Category, a.Phase, a.Score, a.Recurrence, a.Excess = store.AboutQuality, store.PhaseCooling, 12.25, time.Hour, 3.5
	a.Cells, a.Devices = []grid.Cell{0x8a309930a0affff, 0x8a309930a0b7fff}, []sensors.DeviceID{"n-1"}
	a.Evidence = []store.Evidence{{Device: "n-1", At: time.Unix(1, 0), Value: 2, Point: grid.Point{LatDegrees: 31, LonDegrees: 121}, Link: "https://nvr/1"}}
	a.Flapping, a.Muted, a.MergedInto = true, true, "alert-9"
	plain := alert(2)
	plain.Category = store.AboutCity
	for _, a := range []store.Alert{a, plain} {
		want, err := analytics.EncodeAlert(a)
		if err != nil {
			t.Fatal(err)
		}
		got, err := json.Marshal(live.AlertOf(a))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(fields(t, want), fields(t, got)); d != "" {
			t.Errorf("alert %s (-log +ours):\n%s", a.ID, d)
		}
	}
}

// fields are what an alert says, but for what people do about it: the log leaves that
// out until somebody does something.
func fields(t *testing.T, alert []byte) map[string]any {
	t.Helper()
	var f map[string]any
	if err := json.Unmarshal(alert, &f); err != nil {
		t.Fatal(err)
	}
	delete(f, "handling")
	return f
}

func TestAlertOf_AnAlertWithoutACategoryIsAboutTheCity(t *testing.T) {
	if got := live.AlertOf(alert(1)).Category; got != store.AboutCity {
		t.Errorf("category %q, want %q", got, store.AboutCity)
	}
}

// A browser that was away asks the real, durable log.
func TestHub_ResumesFromTheDurableLogOverARestart(t *testing.T) {
	bus, err := stream.Open(t.Context(), "embedded:", stream.Options{Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer bus.Close()
	log, err := bus.Log(t.Context(), "alerts")
	if err != nil {
		t.Fatal(err)
	}
	publish := func(i int) {
		b, err := analytics.EncodeAlert(alert(i))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := log.Publish(t.Context(), alert(i).ID, b); err != nil {
			t.Fatal(err)
		}
	}
	w := newWorld(t, live.Options{AlertEvents: 4}, log)
	b := dial(t, w)
	b.say(t, `{"t":"sub","id":1,"topic":"alerts"}`)
	first := b.want(t, "snap")
	publish(1)
	b.wantEvents(t, 1, 1)
	_ = b.ws.Close()
	w.stop()
	for i := 2; i <= 30; i++ {
		publish(i)
	}
	w = newWorld(t, live.Options{AlertEvents: 4}, log)
	b = dial(t, w)
	b.say(t, fmt.Sprintf(`{"t":"sub","id":1,"topic":"alerts","since":{"epoch":%q,"seq":1}}`, first.Epoch))
	b.wantEvents(t, 2, 30)
	publish(31)
	b.wantEvents(t, 31, 31)
	_ = b.ws.Close()
	w.stop()
}

func TestHub_MetricsAreWellNamed(t *testing.T) {
	w := newWorld(t, live.Options{}, nil)
	problems, err := testutil.GatherAndLint(w.metrics)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}
