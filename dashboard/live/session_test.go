package live_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/dashboard/live"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

var update = flag.Bool("update", false, "rewrite golden files")

// The frames of one session as they go over the wire, '>' from the browser.
func TestHub_SpeaksTheProtocol(t *testing.T) {
	now := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	cells := cellsNear(t, 31.24, 4)
	w := newWorldAt(t, func() time.Time { return now }, live.Options{Server: "urbangrid 1.0", Heartbeat: time.Hour, RetrySpread: time.Nanosecond}, nil, cells...)
	change := func(cell grid.Cell, count int64, value float64) {
		w.hub.CellsChanged(now, now.Add(-1500*time.Millisecond), []analytics.CellState{level("noise", cell, count, value), level("stall", cell, count, 1)})
	}
	change(cells[0], 3, 57.34)
	change(cells[2], 1, 61)
	a := alert(1)
	a.Device, a.Cell, a.Area, a.Point = "noise-0001", cells[0], "310107005", grid.Point{LatDegrees: 31.2401, LonDegrees: 121.4032}
	a.Reason = sensors.Names{ZH: "噪声过高", EN: "too loud"}
	a.Phase, a.Score, a.Recurrence, a.Excess = store.PhaseActive, 12.25, 9*24*time.Hour, 3.2
	a.Cells, a.Devices = []grid.Cell{cells[0], cells[2]}, []sensors.DeviceID{"noise-0001", "noise-0002"}
	a.Evidence = []store.Evidence{{Device: "noise-0001", At: time.Unix(1, 0), Value: 88.2, Point: a.Point, Link: "https://nvr/1.jpg"}}

	var log bytes.Buffer
	b := dialUnheard(t, w, websocket.DefaultDialer)
	hear := func() {
		t.Helper()
		if err := b.ws.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		_, raw, err := b.ws.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		raw = bytes.ReplaceAll(raw, []byte(w.hub.Epoch()), []byte("EPOCH"))
		fmt.Fprintf(&log, "< %s\n", raw)
	}
	say := func(frame string) {
		t.Helper()
		b.say(t, frame)
		fmt.Fprintf(&log, "> %s\n", bytes.ReplaceAll([]byte(frame), []byte(w.hub.Epoch()), []byte("EPOCH")))
	}
	hear() // hello
	say(`{"t":"sub","id":1,"topic":"cells/noise/r10"}`)
	hear()
	say(`{"t":"sub","id":2,"topic":"cells/stall/r8"}`)
	hear()
	change(cells[0], 0, 0)
	hear() // both topics; in the order of the subscriptions
	hear()
	say(fmt.Sprintf(`{"t":"sub","id":3,"topic":"cells/noise/r10","since":{"epoch":%q,"seq":1}}`, w.hub.Epoch()))
	hear()
	say(`{"t":"sub","id":4,"topic":"alerts"}`)
	hear()
	w.records.put(a)
	w.mem.publish(t, a)
	hear()
	say(`{"t":"sub","id":4,"topic":"alerts"}`)
	hear()
	say(`{"t":"unsub","id":4}`)
	say(`{"t":"sub","id":5,"topic":"alerts"}`)
	hear()
	say(`{"t":"sub","id":6,"topic":"alerts","since":{"epoch":"log-1","seq":-1}}`)
	hear()
	go w.stop()
	hear() // bye
	_ = b.ws.Close()
	w.stop()

	path := filepath.Join("testdata", "session.txt")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, log.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), log.String()); d != "" {
		t.Errorf("%s differs; look at it and run go test -update (-want +got):\n%s", path, d)
	}
}
