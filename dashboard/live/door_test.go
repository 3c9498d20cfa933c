package live_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/urbangrid/urbangrid/dashboard/live"
)

func TestHub_BoundsTheConnectionsOfOneCaller(t *testing.T) {
	w := newWorld(t, live.Options{MaxPerCaller: 2, Caller: func(r *http.Request) string { return r.Header.Get("X-User") }}, nil)
	url := "ws" + strings.TrimPrefix(w.server.URL, "http")
	as := func(user string) (*websocket.Conn, int) {
		ws, resp, err := websocket.DefaultDialer.Dial(url, http.Header{"X-User": {user}})
		if err != nil {
			return nil, resp.StatusCode
		}
		t.Cleanup(func() { _ = ws.Close() })
		return ws, resp.StatusCode
	}
	first, _ := as("chen")
	as("chen")
	if _, status := as("chen"); status != http.StatusTooManyRequests {
		t.Errorf("the third connection of one caller: status %d, want 429", status)
	}
	if ws, status := as("li"); ws == nil {
		t.Errorf("another caller: status %d", status)
	}
	for range 3 {
		if ws, status := as(""); ws == nil {
			t.Errorf("nobody in particular: status %d", status)
		}
	}
	if got := w.metric(t, "urbangrid_dashboard_live_refused_total", "caller"); got != 1 {
		t.Errorf("counted %v refusals, want 1", got)
	}
	_ = first.Close()
	deadline := time.Now().Add(patience)
	for ws, _ := as("chen"); ws == nil; ws, _ = as("chen") {
		if time.Now().After(deadline) {
			t.Fatal("a connection that has ended still counts")
		}
	}
}

func TestHub_TimesHeartbeatsThatPagesAnswer(t *testing.T) {
	w := newWorld(t, live.Options{}, nil)
	b := dial(t, w)
	b.say(t, `{"t":"hb"}`)
	b.say(t, `{"t":"hb","now":1}`) // never sent
	b.say(t, fmt.Sprintf(`{"t":"hb","now":%d}`, time.Now().UnixMilli()))
	b.say(t, `{"t":"sub","id":1,"topic":"cells/noise/r9"}`)
	b.want(t, "snap") // answers come in order
	families, err := w.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "urbangrid_dashboard_live_round_trip_seconds" {
			if n := f.GetMetric()[0].GetHistogram().GetSampleCount(); n != 1 {
				t.Errorf("timed %d answers, want 1", n)
			}
			return
		}
	}
	t.Error("nothing was timed")
}
