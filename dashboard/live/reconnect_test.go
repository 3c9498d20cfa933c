package live_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/dashboard/live"
	"github.com/urbangrid/urbangrid/dashboard/live/liveclient"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/stream"
)

// site serves the hub and its tables as the dashboard does.
func (w *world) site(t testing.TB) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("GET /api/v1/live", w.hub)
	mux.HandleFunc("GET /api/v1/cells/tables/{hash}", func(rw http.ResponseWriter, r *http.Request) {
		table, ok := w.hub.Table(r.PathValue("hash"))
		if !ok {
			http.NotFound(rw, r)
			return
		}
		cells := make([]string, len(table.Cells))
		for i, c := range table.Cells {
			cells[i] = c.String()
		}
		if err := json.NewEncoder(rw).Encode(map[string]any{"cells": cells}); err != nil {
			t.Errorf("table: %v", err)
		}
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

// fragile is a connection that breaks after so many bytes were read from it, in the
// middle of a frame or between two.
type fragile struct {
	net.Conn
	left int
}

func (c *fragile) Read(b []byte) (int, error) {
	if c.left <= 0 {
		_ = c.Close()
		return 0, net.ErrClosed
	}
	n, err := c.Conn.Read(b[:min(len(b), c.left)])
	c.left -= n
	return n, err
}

// A thousand cut connections in the middle of a stream of alerts, over a real,
// durable log of which few events are at hand: who comes back hears of every alert,
// and of none twice.
func TestHub_AThousandReconnectsLoseNoAlertAndRepeatNone(t *testing.T) {
	const viewers, cuts = 4, 250
	bus, err := stream.Open(t.Context(), "embedded:", stream.Options{Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer bus.Close()
	log, err := bus.Log(t.Context(), "alerts")
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, live.Options{AlertEvents: 32}, log)
	base := w.site(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()

	var published, cutsLeft atomic.Int64
	cutsLeft.Store(viewers)
	viewed := make([]*tally, viewers)
	var wg, publishing sync.WaitGroup
	ready := make(chan struct{}, viewers)
	for i := range viewers {
		v := &tally{cuts: cuts, seen: make(map[string]int), ready: ready, done: func() { cutsLeft.Add(-1) }}
		viewed[i] = v
		wg.Go(func() { v.follow(ctx, t, base, rand.New(rand.NewPCG(7, uint64(i))), &published) })
	}
	for range viewers {
		<-ready
	}
	publishing.Go(func() {
		for n := int64(1); cutsLeft.Load() > 0 && ctx.Err() == nil; n++ {
			a := alert(int(n))
			b, err := analytics.EncodeAlert(a)
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := log.Publish(ctx, a.ID, b); err != nil {
				t.Error(err)
				return
			}
			published.Store(n)
		}
		published.Store(-published.Load()) // the last
	})
	publishing.Wait()
	wg.Wait()
	total := int(-published.Load())
	for i, v := range viewed {
		for n := 1; n <= total; n++ {
			if got := v.seen[fmt.Sprintf("alert-%d", n)]; got != 1 {
				t.Errorf("viewer %d was told of alert %d %d times", i, n, got)
			}
		}
		if len(v.seen) != total || v.lost < cuts {
			t.Errorf("viewer %d was told of %d alerts over %d cuts, want %d over %d", i, len(v.seen), v.lost, total, cuts)
		}
	}
	t.Logf("%d alerts over %d cuts to each of %d viewers; %v resumes, %v gaps, %v snapshots because the log had forgotten", total, cuts, viewers,
		w.metric(t, "urbangrid_dashboard_live_resumes_total", "alerts"), w.metric(t, "urbangrid_dashboard_live_gaps_total", ""),
		w.metric(t, "urbangrid_dashboard_live_snapshots_total", "forgotten"))
}

// tally is one viewer who counts what it is told.
type tally struct {
	cuts  int // that its line still has
	lost  int
	seen  map[string]int
	ready chan<- struct{}
	done  func()
}

// follow ends when the last alert was told.
func (v *tally) follow(ctx context.Context, t *testing.T, base string, rng *rand.Rand, published *atomic.Int64) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	first := true
	opts := liveclient.Options{
		Soonest: time.Millisecond, Latest: 2 * time.Millisecond,
		Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, addr)
			if err != nil || v.cuts == 0 {
				return conn, err
			}
			if first { // the first connection finds where the log begins
				first = false
				return &fragile{conn, 2000}, nil
			}
			return &fragile{conn, 300 + rng.IntN(6000)}, nil
		},
	}
	end := make(chan struct{})
	var count atomic.Int64
	go func() { // the last alert may have come before it was known to be the last
		defer close(end)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for n := published.Load(); n >= 0 || count.Load() < -n; n = published.Load() {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
		cancel()
	}()
	err := liveclient.Follow(ctx, base, []string{"alerts"}, opts, func(u liveclient.Update) error {
		if u.Lost != nil {
			v.lost++
			if v.cuts--; v.cuts == 0 {
				v.done()
			}
		}
		if u.Whole {
			v.ready <- struct{}{}
		}
		for _, a := range u.Alerts {
			v.seen[a.ID]++
		}
		count.Store(int64(len(v.seen)))
		return nil
	})
	if ctx.Err() == nil {
		t.Errorf("follow ended: %v", err)
	}
	<-end
}

// What a client of docs/PROTOCOL.md comes to show is what there is, over cuts and
// changes of the table.
func TestFollow_ShowsWhatThereIs(t *testing.T) {
	tiles, cells := twoTiles(t)
	w := newWorld(t, live.Options{Heartbeat: 20 * time.Millisecond}, nil, cells[0]...)
	base := w.site(t)
	topics := []string{"cells/noise/r10", "cells/noise/r10/" + tiles[1].String(), "count/noise/r9"}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	rng := rand.New(rand.NewPCG(1, 2))
	opts := liveclient.Options{Soonest: time.Millisecond, Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		return &fragile{conn, 2000 + rng.IntN(20_000)}, err
	}}
	truth := map[grid.Cell]float64{}
	step := 0
	shows := map[string]map[string]float64{}
	advance := func() {
		step++
		c := cells[step%2][step%len(cells[step%2])]
		truth[c] = float64(40 + step%40)
		w.change(level("noise", c, int64(1+step%5), truth[c]))
	}
	advance()
	err := liveclient.Follow(ctx, base, topics, opts, func(u liveclient.Update) error {
		if u.Topic == "" {
			return nil
		}
		if u.Whole {
			shows[u.Topic] = map[string]float64{}
		}
		for _, c := range u.Cells {
			shows[u.Topic][c.Cell] = *c.Value
		}
		if step < 300 {
			advance()
			return nil
		}
		all, tile := map[string]float64{}, map[string]float64{}
		for c, v := range truth {
			all[c.String()] = v
			if mustParent(t, c, 6) == tiles[1] {
				tile[c.String()] = v
			}
		}
		if maps.Equal(shows[topics[0]], all) && maps.Equal(shows[topics[1]], tile) && len(shows[topics[2]]) > 0 {
			cancel()
		}
		return nil
	})
	if step < 300 || ctx.Err() != context.Canceled {
		t.Errorf("after %d steps: %v; shows %v of %v", step, err, shows, truth)
	}
}
