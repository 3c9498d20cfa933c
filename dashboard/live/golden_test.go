package live_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/dashboard/live"
	"github.com/urbangrid/urbangrid/dashboard/live/liveclient"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// golden is a frame that the server and every client are held to: the tests of the
// page decode the same files.
type golden struct {
	Says  string          `json:"says"`
	After string          `json:"after,omitempty"` // the file of the frame that this one builds on
	Topic string          `json:"topic,omitempty"`
	Frame json.RawMessage `json:"frame"`
	Cells []string        `json:"table,omitempty"` // what the frame's table lists
	// Shows is what the topic shows once the frame is applied: value and count by cell.
	Shows map[string][2]float64 `json:"shows,omitempty"`
}

const goldenFrames = "../testdata/frames"

// hold compares g with the file of that name, or rewrites it.
func (g golden) hold(t *testing.T, name string) {
	t.Helper()
	b := g.lines(t)
	path := filepath.Join(goldenFrames, name+".json")
	if *update {
		if err := os.MkdirAll(goldenFrames, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(b)); d != "" {
		t.Errorf("%s differs; look at it and run go test -update (-want +got):\n%s", path, d)
	}
}

// lines writes one member of g a line.
func (g golden) lines(t *testing.T) []byte {
	t.Helper()
	compact, err := json.Marshal(g)
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(bytes.NewReader(compact))
	var members []string
	for {
		key, err := dec.Token()
		if err != nil {
			t.Fatal(err)
		}
		if name, is := key.(string); is {
			var value json.RawMessage
			if err := dec.Decode(&value); err != nil {
				t.Fatal(err)
			}
			members = append(members, fmt.Sprintf("  %q: %s", name, value))
			continue
		}
		if key == json.Delim('}') {
			return []byte("{\n" + strings.Join(members, ",\n") + "\n}\n")
		}
	}
}

// recorder makes golden frames of what one browser hears.
type recorder struct {
	t     *testing.T
	w     *world
	b     *browser
	known map[string]*shown // by topic
	last  map[string]string // golden name, by topic
}

func (r *recorder) say(topic string) {
	r.t.Helper()
	r.b.say(r.t, fmt.Sprintf(`{"t":"sub","id":%d,"topic":%q}`, liveclient.TopicID(topic, 0), topic))
}

// hear holds the next frame, which is of a topic unless that is "".
func (r *recorder) hear(name, says, topic string) {
	r.t.Helper()
	if err := r.b.ws.SetReadDeadline(time.Now().Add(patience)); err != nil {
		r.t.Fatal(err)
	}
	_, raw, err := r.b.ws.ReadMessage()
	if err != nil {
		r.t.Fatal(err)
	}
	g := golden{Says: says, Topic: topic, Frame: bytes.ReplaceAll(raw, []byte(r.w.hub.Epoch()), []byte("a1b2c3d4e5f60718"))}
	var m message
	if err := json.Unmarshal(raw, &m); err != nil {
		r.t.Fatal(err)
	}
	if (m.T == "snap" || m.T == "d") && m.I != nil {
		r.apply(&g, m, name)
	}
	g.hold(r.t, name)
}

func (r *recorder) apply(g *golden, m message, name string) {
	r.t.Helper()
	s := r.known[g.Topic]
	if m.T == "snap" {
		s = &shown{}
		r.known[g.Topic] = s
	} else {
		g.After = r.last[g.Topic]
	}
	r.last[g.Topic] = name
	s.apply(r.t, r.w.hub, m)
	table, _ := r.w.hub.Table(s.tbl)
	if m.T == "snap" {
		for _, c := range table.Cells {
			g.Cells = append(g.Cells, c.String())
		}
	}
	g.Shows = map[string][2]float64{}
	for c, v := range s.value {
		g.Shows[c.String()] = [2]float64{v, float64(s.count[c])}
	}
}

// Every frame that a page may hear, as it goes over the wire, and what it means.
func TestHub_FramesAreThoseThatThePageReads(t *testing.T) {
	now := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	tiles, cells := twoTiles(t)
	district := append(cells[0][:4:4], cells[1][:3]...)
	clock := func() time.Time { return now }
	w := newWorldAt(t, clock, live.Options{Server: "urbangrid 1.0", Heartbeat: time.Hour, RetrySpread: time.Nanosecond, AlertEvents: 4}, nil, district...)
	change := func(states ...analytics.CellState) { w.hub.CellsChanged(now, now.Add(-1500*time.Millisecond), states) }
	change(level("noise", district[0], 3, 57.34), level("noise", district[2], 1, 61), level("noise", district[5], 2, 44.8))
	change(level("stall", district[1], 4, 1))
	a := goldenAlert(district)
	r := &recorder{t: t, w: w, b: dialUnheard(t, w, websocket.DefaultDialer), known: map[string]*shown{}, last: map[string]string{}}
	r.hear("hello", "the first frame", "")

	const fine, tile = "cells/noise/r10", "cells/noise/r10/"
	r.say(fine)
	r.hear("cells-snap", "everything that a cells topic shows", fine)
	change(level("noise", district[0], 0, 0), level("noise", district[3], 12, 70.06))
	r.hear("cells-delta", "a cell fell silent, another began", fine)
	change(level("noise", cells[1][4], 1, 50))
	r.hear("cells-snap-new-table", "a cell outside the district makes another table", fine)
	r.b.say(t, fmt.Sprintf(`{"t":"unsub","id":%d}`, liveclient.TopicID(fine, 0)))
	for _, more := range []struct{ name, says, topic string }{
		{"tile-snap", "one tile of a topic, with a table of its own", tile + tiles[0].String()},
		{"parents-snap", "a coarser resolution", "cells/noise/r8"},
		{"events-snap", "events are counted", "cells/stall/r9"},
		{"count-snap", "how many observations stand behind a measure", "count/noise/r10"},
		{"empty-snap", "a topic that shows nothing", "cells/stall/r7/" + mustParent(t, cells[1][0], 3).String()},
	} {
		r.say(more.topic)
		r.hear(more.name, more.says, more.topic)
	}
	w.hub.HeatChanged(now, []analytics.HeatState{{Kind: "noise", Cell: district[0], Z: -3.4, Significant: true}, {Kind: "noise", Cell: district[1], Z: 1.2}})
	r.say("heat/noise/r10")
	r.hear("heat-snap", "how far cells stand out; n 2 is significant", "heat/noise/r10")
	w.hub.ExcessChanged(now, []analytics.ExcessState{{Kind: "stall", Cell: district[0], Excess: 2.84}, {Kind: "stall", Cell: district[1], Excess: -0.46}})
	r.say("excess/stall/r10")
	r.hear("excess-snap", "how many more than expected; n is how many cells stand behind it", "excess/stall/r10")

	r.say("alerts")
	r.hear("alerts-snap-empty", "no alert yet", "alerts")
	w.records.put(a)
	w.mem.publish(t, a)
	r.hear("alert", "an alert was raised", "alerts")
	r.b.say(t, fmt.Sprintf(`{"t":"unsub","id":%d}`, liveclient.TopicID("alerts", 0)))
	r.say("alerts")
	r.hear("alerts-snap", "what is open and was closed of late", "alerts")
	r.say("cells/weather/r10")
	r.hear("err", "no such topic", "")
	go w.stop()
	r.hear("bye", "the server starts anew", "")
	_ = r.b.ws.Close()
	w.stop()
}

func goldenAlert(cells []grid.Cell) store.Alert {
	a := alert(1)
	a.Device, a.Cell, a.Area, a.Point = "noise-0001", cells[0], "310107005", grid.Point{LatDegrees: 31.2401, LonDegrees: 121.4032}
	a.Reason = sensors.Names{ZH: "噪声过高", EN: "too loud"}
	a.Phase, a.Score, a.Recurrence, a.Excess = store.PhaseActive, 12.25, 9*24*time.Hour, 3.2
	a.Cells, a.Devices = cells[:2:2], []sensors.DeviceID{"noise-0001", "noise-0002"}
	a.Evidence = []store.Evidence{{Device: "noise-0001", At: time.Unix(1, 0), Value: 88.2, Point: a.Point, Link: "https://nvr/1.jpg"}}
	return a
}

// A heartbeat comes at its own time; what it looks like is held here.
func TestHub_HeartbeatsAreThoseThatThePageReads(t *testing.T) {
	now := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	w := newWorldAt(t, func() time.Time { return now }, live.Options{Heartbeat: time.Millisecond}, nil)
	w.hub.CellsChanged(now, now.Add(-1500*time.Millisecond), nil)
	b := dial(t, w)
	raw := json.RawMessage(nil)
	for m := (message{}); m.T != "hb"; {
		if err := b.ws.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		_, next, err := b.ws.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		raw, m = next, message{}
		if err := json.Unmarshal(next, &m); err != nil {
			t.Fatal(err)
		}
	}
	golden{Says: "every hb milliseconds, with the age of the newest observation", Frame: raw}.hold(t, "heartbeat")
	_ = b.ws.Close()
}
