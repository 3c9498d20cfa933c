package live_test

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/dashboard/live"
	"github.com/urbangrid/urbangrid/grid"
)

func TestHub_ServesManyAtOnce(t *testing.T) {
	cells := cellsNear(t, 31.24, 50)
	w := newWorld(t, live.Options{}, nil, cells...)
	const changers, seconds = 4, 50
	var wg sync.WaitGroup
	for i := range changers {
		wg.Go(func() {
			for j := range seconds {
				w.change(level("noise", cells[(i*7+j)%len(cells)], int64(1+j), float64(30+j)))
				w.hub.Cells("noise", 9)
			}
		})
	}
	for i := range 8 {
		wg.Go(func() {
			b := dial(t, w)
			defer b.ws.Close()
			b.say(t, fmt.Sprintf(`{"t":"sub","id":%d,"topic":"cells/noise/r%d"}`, i%3, grid.DisplayResolutions[i%4]))
			b.say(t, `{"t":"sub","id":100,"topic":"alerts"}`)
			var s shown
			for alerts, fresh := false, false; !alerts || !fresh; {
				m := b.next(t)
				if *m.ID == 100 {
					alerts = true
					continue
				}
				s.apply(t, w.hub, m)
				fresh = true
			}
		})
	}
	wg.Wait()
}

// A viewer that reads nothing holds one frame, however long it goes on.
func TestHub_SlowConnectionsCostConstantMemory(t *testing.T) {
	cells := cellsNear(t, 31.24, 60)
	w := newWorld(t, live.Options{}, nil, cells...)
	pipes, closePipes := servePipes(w)
	defer closePipes()
	states := func(i int) (out []analytics.CellState) {
		for j, c := range cells {
			out = append(out, level("noise", c, int64(1+i), float64(30+(i+j)%50)))
		}
		return out
	}
	w.change(states(0)...)
	const viewers, seconds = 40, 2000
	for range viewers {
		b := dialWith(t, w, &websocket.Dialer{NetDial: func(a, b string) (net.Conn, error) { return pipes.dial(a, b) }})
		b.say(t, `{"t":"sub","id":1,"topic":"cells/noise/r10"}`)
		b.want(t, "snap")
	}
	before := heapBytes()
	for i := range seconds {
		w.change(states(i + 1)...)
	}
	// One frame is about 700 bytes; queued they would be 50 MB.
	if grown := heapBytes() - before; grown > 4<<20 {
		t.Errorf("%d slow viewers over %d seconds cost %d bytes", viewers, seconds, grown)
	}
}

func heapBytes() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A second in which every cell of Putuo (4,900) has changed may take 10 ms, of a
// large district (60,000) 100 ms: all resolutions, the frame, its compression
// and the viewer's decoding included.
func BenchmarkHub_EveryCellChanges(b *testing.B) {
	for _, n := range []int{4900, 60_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			cells := districtOf(b, n)
			w := newWorld(b, live.Options{}, nil, cells...)
			viewer := dial(b, w)
			viewer.say(b, `{"t":"sub","id":1,"topic":"cells/noise/r10"}`)
			viewer.want(b, "snap")
			states := make([]analytics.CellState, n)
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				i++
				for j, c := range cells {
					states[j] = level("noise", c, int64(1+i%5), float64(30+(i+j)%50))
				}
				w.change(states...)
				viewer.want(b, "d")
			}
			b.ReportMetric(float64(b.N)*float64(n)/b.Elapsed().Seconds(), "cells/s")
			_ = viewer.ws.Close()
		})
	}
}

func districtOf(t testing.TB, n int) []grid.Cell {
	t.Helper()
	seen := make(map[grid.Cell]bool, n)
	out := make([]grid.Cell, 0, n)
	for i := 0; len(out) < n; i++ {
		c, err := grid.CellAt(grid.Point{LatDegrees: 31.0 + float64(i/300)*0.001, LonDegrees: 121.2 + float64(i%300)*0.0014}, grid.Resolution)
		if err != nil {
			t.Fatal(err)
		}
		if !seen[c] {
			seen[c] = true
			out = append(out, c)
		}
	}
	return out
}

// countingConn counts what arrives.
type countingConn struct {
	net.Conn
	read atomic.Int64 // bytes
}

func (c *countingConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.read.Add(int64(n))
	return n, err
}

func TestHub_CompressesLargeFramesForThoseWhoCanReadThem(t *testing.T) {
	cells := cellsNear(t, 31.24, 300)
	w := newWorld(t, live.Options{}, nil, cells...)
	for i, c := range cells {
		w.change(level("noise", c, int64(1+i%3), float64(30+i%50)))
	}
	read := map[bool]int64{}
	for _, compressed := range []bool{false, true} {
		var conn countingConn
		b := dialWith(t, w, &websocket.Dialer{EnableCompression: compressed, NetDialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			var err error
			conn.Conn, err = new(net.Dialer).DialContext(ctx, network, addr)
			return &conn, err
		}})
		before := conn.read.Load()
		b.say(t, `{"t":"sub","id":1,"topic":"cells/noise/r10"}`)
		var s shown
		s.apply(t, w.hub, b.want(t, "snap"))
		if len(s.value) != len(cells) {
			t.Errorf("shows %d cells, want %d", len(s.value), len(cells))
		}
		read[compressed] = conn.read.Load() - before
	}
	if read[true] > read[false]/2 {
		t.Errorf("a snapshot of %d bytes takes %d compressed, want less than half", read[false], read[true])
	}
}
