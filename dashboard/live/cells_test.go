package live_test

import (
	"fmt"
	"maps"
	"math"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"
	"pgregory.net/rapid"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/dashboard/live"
	"github.com/urbangrid/urbangrid/grid"
)

func TestHub_SendsSnapshotThenDeltas(t *testing.T) {
	cells := cellsNear(t, 31.24, 5)
	w := newWorld(t, live.Options{}, nil, cells...)
	w.change(level("noise", cells[0], 2, 57.34))
	b := dial(t, w)
	b.say(t, `{"t":"sub","id":7,"topic":"cells/noise/r10"}`)
	var s shown
	m := b.want(t, "snap")
	s.apply(t, w.hub, m)
	if *m.ID != 7 || s.epoch != b.hello.Epoch || s.value[cells[0]] != 57.3 || s.count[cells[0]] != 2 || len(s.value) != 1 {
		t.Fatalf("snapshot %+v shows %v, want 57.3 of 2 in one cell", m, s.value)
	}
	w.change(level("noise", cells[1], 1, 60))
	s.apply(t, w.hub, b.want(t, "d"))
	w.change(level("noise", cells[0], 0, 0))
	m = b.want(t, "d")
	s.apply(t, w.hub, m)
	if len(m.I) != 1 {
		t.Errorf("delta carries %d cells, want the one that changed", len(m.I))
	}
	if want := map[grid.Cell]float64{cells[1]: 60}; !maps.Equal(s.value, want) {
		t.Errorf("shows %v, want %v", s.value, want)
	}
}

func TestHub_SaysNothingWhenWhatIsShownStaysTheSame(t *testing.T) {
	cells := cellsNear(t, 31.24, 2)
	w := newWorld(t, live.Options{}, nil, cells...)
	w.change(level("noise", cells[0], 2, 57.31))
	b := dial(t, w)
	b.say(t, `{"t":"sub","id":1,"topic":"cells/noise/r10"}`)
	first := b.want(t, "snap")
	w.change(level("noise", cells[0], 2, 57.33)) // the same after rounding
	w.change(level("noise", cells[1], 1, 40))
	if m := b.want(t, "d"); m.From != first.Seq || m.Seq != first.Seq+1 || len(m.I) != 1 {
		t.Errorf("got %+v, want one delta with one cell", m)
	}
}

func TestHub_MakesParentsOfTheFinestCells(t *testing.T) {
	cells := cellsNear(t, 31.24, 60)
	w := newWorld(t, live.Options{}, nil, cells...)
	truth := model{}
	for i, c := range cells {
		truth.set(w, level("noise", c, int64(1+i%3), float64(40+i)), level("stall", c, int64(i%4), 1))
	}
	b := dial(t, w)
	id := 0
	for _, kind := range kinds {
		for _, res := range grid.DisplayResolutions {
			id++
			b.say(t, fmt.Sprintf(`{"t":"sub","id":%d,"topic":"cells/%s/r%d"}`, id, kind.Key, res))
			var s shown
			s.apply(t, w.hub, b.want(t, "snap"))
			truth.compare(t, string(kind.Key), res, &s)
		}
	}
}

func TestHub_GivesANewTableForACellOutsideTheDistrict(t *testing.T) {
	cells := cellsNear(t, 31.24, 3)
	outside := cellsNear(t, 31.40, 1)[0]
	w := newWorld(t, live.Options{}, nil, cells...)
	w.change(level("noise", cells[0], 1, 50))
	b := dial(t, w)
	b.say(t, `{"t":"sub","id":1,"topic":"cells/noise/r10"}`)
	var s shown
	s.apply(t, w.hub, b.want(t, "snap"))
	old := s.tbl
	w.change(level("noise", outside, 1, 70))
	s.apply(t, w.hub, b.want(t, "snap"))
	if s.tbl == old || s.value[outside] != 70 || s.value[cells[0]] != 50 {
		t.Errorf("shows %v by table %s, want both cells by a new table", s.value, s.tbl)
	}
	if _, ok := w.hub.Table(old); !ok {
		t.Error("the table of a moment ago is gone")
	}
}

func TestHub_BoundsTheCellsOutsideTheDistrict(t *testing.T) {
	cells := cellsNear(t, 31.40, 3)
	w := newWorld(t, live.Options{MaxOutside: 2}, nil)
	w.change(level("noise", cells[0], 1, 50), level("noise", cells[1], 1, 50), level("noise", cells[2], 1, 50))
	if got, _ := w.hub.Cells("noise", 10); len(got) != 2 {
		t.Errorf("keeps %d cells, want 2", len(got))
	}
}

func TestHub_SilentCellsOutsideTheDistrictMakeRoom(t *testing.T) {
	cells := cellsNear(t, 31.40, 3)
	w := newWorld(t, live.Options{MaxOutside: 2}, nil)
	b := dial(t, w)
	b.say(t, `{"t":"sub","id":1,"topic":"cells/noise/r10"}`)
	var s shown
	s.apply(t, w.hub, b.want(t, "snap"))
	now := time.Now()
	for i, states := range [][]analytics.CellState{
		{level("noise", cells[0], 1, 50), level("noise", cells[1], 1, 60)},
		{level("noise", cells[0], 0, 0)},
		{level("noise", cells[2], 1, 70)},
	} {
		w.hub.CellsChanged(now.Add(time.Duration(i)*2*time.Minute), now, states)
		s.apply(t, w.hub, b.want2(t, "d", "snap"))
	}
	if want := map[grid.Cell]float64{cells[1]: 60, cells[2]: 70}; !maps.Equal(s.value, want) {
		t.Errorf("shows %v, want %v", s.value, want)
	}
}

func TestHub_ResumesWithoutASnapshot(t *testing.T) {
	cells := cellsNear(t, 31.24, 3)
	w := newWorld(t, live.Options{}, nil, cells...)
	w.change(level("noise", cells[0], 1, 50))
	b := dial(t, w)
	b.say(t, `{"t":"sub","id":1,"topic":"cells/noise/r10"}`)
	var s shown
	s.apply(t, w.hub, b.want(t, "snap"))
	_ = b.ws.Close()
	w.change(level("noise", cells[1], 1, 60))
	w.change(level("noise", cells[0], 0, 0))

	b = dial(t, w)
	b.say(t, fmt.Sprintf(`{"t":"sub","id":1,"topic":"cells/noise/r10","since":{"epoch":%q,"seq":%d}}`, s.epoch, s.seq))
	s.apply(t, w.hub, b.want(t, "d"))
	if want := map[grid.Cell]float64{cells[1]: 60}; !maps.Equal(s.value, want) {
		t.Errorf("shows %v, want %v", s.value, want)
	}
	// A second one who missed nothing hears so at once.
	b.say(t, fmt.Sprintf(`{"t":"sub","id":2,"topic":"cells/noise/r10","since":{"epoch":%q,"seq":%d}}`, s.epoch, s.seq))
	if m := b.want(t, "d"); len(m.I) != 0 || m.Seq != s.seq {
		t.Errorf("got %+v, want an empty delta", m)
	}
}

func TestHub_SendsASnapshotWhenTheNumberIsNotOfThisEpoch(t *testing.T) {
	cells := cellsNear(t, 31.24, 1)
	w := newWorld(t, live.Options{}, nil, cells...)
	w.change(level("noise", cells[0], 1, 50))
	b := dial(t, w)
	b.say(t, `{"t":"sub","id":1,"topic":"cells/noise/r10","since":{"epoch":"another","seq":1}}`)
	b.want(t, "snap")
	b.say(t, fmt.Sprintf(`{"t":"sub","id":2,"topic":"cells/noise/r10","since":{"epoch":%q,"seq":99}}`, b.hello.Epoch))
	b.want(t, "snap")
}

// model is the truth that viewers must come to see.
type model map[string]map[grid.Cell]grid.Rollup

func (m model) set(w *world, states ...analytics.CellState) {
	for _, s := range states {
		k := string(s.Kind)
		if m[k] == nil {
			m[k] = map[grid.Cell]grid.Rollup{}
		}
		m[k][s.Cell] = s.Rollup
	}
	w.change(states...)
}

func (m model) compare(t interface {
	Helper()
	Fatalf(string, ...any)
}, kind string, res int, s *shown) {
	t.Helper()
	parents := map[grid.Cell]grid.Rollup{}
	for c, r := range m[kind] {
		p, err := c.Parent(res)
		if err != nil {
			t.Fatalf("%v", err)
		}
		sum := parents[p]
		sum.Merge(r)
		parents[p] = sum
	}
	count := map[grid.Cell]int64{}
	for c, r := range parents {
		if r.Count == 0 {
			continue
		}
		count[c] = r.Count
		want := float64(r.Count)
		if kind == "noise" {
			want = r.Sum / float64(r.Count)
		}
		if got := s.value[c]; math.Abs(got-want) > 0.0500001 {
			t.Fatalf("%s r%d: cell %s shows %v, want %v", kind, res, c, got, want)
		}
	}
	if d := cmp.Diff(count, s.count); d != "" {
		t.Fatalf("%s r%d: counts differ (-want +got):\n%s", kind, res, d)
	}
}

// Whatever happens in whatever order, a viewer that applies what it is sent ends
// with what is there.
func TestHub_AnyInterleavingEndsWithWhatIsThere(t *testing.T) {
	district, around := cellsNear(t, 31.24, 40), cellsNear(t, 31.40, 10)
	all := append(append([]grid.Cell{}, district...), around...)
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld(t, live.Options{MaxOutside: len(around)}, nil, district...)
		defer w.server.Close()
		defer w.stop()
		truth := model{}
		res := rapid.SampledFrom(grid.DisplayResolutions[:]).Draw(r, "resolution")
		topic := fmt.Sprintf("cells/noise/r%d", res)
		b, id := dial(t, w), 1
		var s shown
		b.say(t, fmt.Sprintf(`{"t":"sub","id":%d,"topic":%q}`, id, topic))
		s.apply(t, w.hub, b.want(t, "snap"))
		for range rapid.IntRange(1, 25).Draw(r, "steps") {
			switch rapid.IntRange(0, 5).Draw(r, "step") {
			default:
				var states []analytics.CellState
				for _, i := range rapid.SliceOfNDistinct(rapid.IntRange(0, len(all)-1), 1, 12, rapid.ID[int]).Draw(r, "cells") {
					states = append(states, level("noise", all[i], rapid.Int64Range(0, 3).Draw(r, "count"), float64(rapid.IntRange(300, 900).Draw(r, "level"))/10))
				}
				truth.set(w, states...)
			case 4: // the cable is pulled and put back
				_ = b.ws.Close()
				b = dial(t, w)
				b.say(t, fmt.Sprintf(`{"t":"sub","id":%d,"topic":%q,"since":{"epoch":%q,"seq":%d}}`, id, topic, s.epoch, s.seq))
				s.apply(t, w.hub, b.want2(t, "d", "snap"))
			case 5: // the viewer changes its mind
				b.say(t, fmt.Sprintf(`{"t":"unsub","id":%d}`, id))
				b.say(t, fmt.Sprintf(`{"t":"sub","id":%d,"topic":%q}`, id+1, topic))
				for id++; ; {
					if m := b.want2(t, "d", "snap"); *m.ID == int64(id) {
						s.apply(t, w.hub, m)
						break
					}
				}
			}
		}
		check := dial(t, w)
		check.say(t, fmt.Sprintf(`{"t":"sub","id":1,"topic":%q}`, topic))
		last := check.want(t, "snap")
		for s.seq != last.Seq {
			s.apply(t, w.hub, b.want2(t, "d", "snap"))
		}
		truth.compare(r, "noise", res, &s)
		_ = b.ws.Close()
		_ = check.ws.Close()
	})
}

func (b *browser) want2(t testing.TB, one, other string) message {
	t.Helper()
	m := b.next(t)
	if m.T != one && m.T != other {
		t.Fatalf("got frame %+v, want a %s or a %s", m, one, other)
	}
	return m
}

// A connection without buffers blocks the writer at the first frame that nobody
// reads, so that what is conflated is exact.
func TestHub_SlowReaderGetsOneMergedDelta(t *testing.T) {
	cells := cellsNear(t, 31.24, 30)
	w := newWorld(t, live.Options{}, nil, cells...)
	pipes, closePipes := servePipes(w)
	defer closePipes()
	b := dialWith(t, w, &websocket.Dialer{NetDial: pipes.dial})
	b.say(t, `{"t":"sub","id":1,"topic":"cells/noise/r10"}`)
	var s shown
	s.apply(t, w.hub, b.want(t, "snap"))
	const seconds = 500
	for i := range seconds {
		w.change(level("noise", cells[i%len(cells)], 1, float64(31+i%50)))
	}
	frames := 0
	for s.seq < seconds {
		s.apply(t, w.hub, b.want(t, "d"))
		frames++
	}
	// One that was being written when the reader stopped, one for all the rest.
	if frames > 2 {
		t.Errorf("%d seconds came in %d deltas, want at most 2", seconds, frames)
	}
	if got := w.metric(t, "urbangrid_dashboard_live_conflations_total", ""); got < 1 {
		t.Errorf("counted %v conflations, want at least 1", got)
	}
	_ = b.ws.Close()
}

// pipeListener serves connections without buffers.
type pipeListener struct {
	conns  chan net.Conn
	closed func()
}

func newPipes() *pipeListener {
	conns := make(chan net.Conn)
	return &pipeListener{conns: conns, closed: sync.OnceFunc(func() { close(conns) })}
}

func (l *pipeListener) dial(string, string) (net.Conn, error) {
	client, server := net.Pipe()
	l.conns <- server
	return client, nil
}

func (l *pipeListener) Accept() (net.Conn, error) {
	c, ok := <-l.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (l *pipeListener) Close() error { l.closed(); return nil }

func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

func TestHub_BeatsWithTheAgeOfTheNewestObservation(t *testing.T) {
	w := newWorld(t, live.Options{Heartbeat: 5 * time.Millisecond}, nil)
	b := dial(t, w)
	if m, err := b.read(); err != nil || m.T != "hb" || m.Lag != nil {
		t.Fatalf("got %+v (%v), want a heartbeat with lag null", m, err)
	}
	now := time.Now()
	w.hub.CellsChanged(now, now.Add(-time.Minute), nil)
	for range 1000 {
		m, err := b.read()
		if err != nil {
			t.Fatal(err)
		}
		if m.Lag != nil {
			if *m.Lag < 60_000 || *m.Lag > 60_000+patience.Milliseconds() {
				t.Errorf("lag is %d ms, want a minute", *m.Lag)
			}
			return
		}
	}
	t.Error("no heartbeat tells the lag")
}
