package bench_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/bench"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/internal/mqttraw"
)

const (
	liveCells   = 4000 // that change in every second
	liveSeconds = 30
	liveAlerts  = 25
)

// BenchmarkLive measures how old what viewers see is, while 4,000 cells change every
// second and all viewers look at all of them and at the alerts: one server as a
// process of its own does everything it does, from MQTT on; viewers and sensors are
// another process on the same machine.
func BenchmarkLive(b *testing.B) {
	for _, viewers := range []int{200, 2000} {
		b.Run(strconv.Itoa(viewers), func(b *testing.B) {
			hold(b, func() []bench.Figure { return measureLive(b, viewers) })
		})
	}
}

func measureLive(b *testing.B, viewers int) []bench.Figure {
	b.Helper()
	s := start(b, nil)
	s.waitReady(b)
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	var sensors sync.WaitGroup
	defer sensors.Wait()
	defer cancel()
	sensors.Go(func() { _, _ = cityLoad(b, s.mqtt).Run(ctx) }) // it ends by cancel, with an error

	seen := &sightings{}
	audience := openViewers(ctx, b, strings.TrimPrefix(s.http, "http://"), viewers, seen)
	audience.await(b, seen, 2*int64(viewers))
	pause(ctx, 3*time.Second) // what connecting has cost is over
	began, cpu := time.Now(), s.cpu(b)
	seen.recording.Store(true)
	raiseAlerts(ctx, b, s.mqtt, seen)
	pause(ctx, liveSeconds*time.Second-time.Since(began))
	seen.recording.Store(false)
	share := (s.cpu(b) - cpu).Seconds() / time.Since(began).Seconds()
	lost, left := audience.lost.Load(), "the connection of nobody ended before the end"
	if lost > 0 {
		left = fmt.Sprintf("the first: %v", audience.why())
	}
	audience.close()
	cancel()
	sensors.Wait()
	_, rss := s.stop(b)

	age, deltas := seen.ages.quantile(0.99)
	half, _ := seen.ages.quantile(0.5)
	alert, heard := seen.alerts.quantile(0.99)
	if want := int64(viewers * liveAlerts); heard != want && lost == 0 {
		b.Errorf("%d alerts were heard, want %d", heard, want)
	}
	if least := int64(viewers) * (liveSeconds - 5); deltas < least {
		b.Errorf("%d deltas were seen, want at least %d", deltas, least)
	}
	name := fmt.Sprintf("live.viewers%d", viewers)
	return []bench.Figure{
		{Name: name + ".age.p99", Value: age, Unit: "ms", Note: fmt.Sprintf("from a change to the frame, %d deltas of %d cells, half of them within %.0f ms; %.2f cores of the server", deltas, liveCells, half, share)},
		{Name: name + ".rss_mb", Value: rss, Unit: "MB", Note: "peak resident memory of the server"},
		{Name: name + ".alert.p99", Value: alert, Unit: "ms", Note: fmt.Sprintf("PUBLISH to WebSocket frame, %d alerts to all viewers", liveAlerts)},
		{Name: name + ".disconnected", Value: float64(lost), Unit: "1", Note: left},
	}
}

// cityLoad lets a device in each of liveCells cells of Putuo speak once a second.
func cityLoad(b *testing.B, addr string) mqttraw.Load {
	b.Helper()
	areas, err := grid.Putuo()
	if err != nil {
		b.Fatal(err)
	}
	cells, err := areas.Cells(grid.Resolution)
	if err != nil {
		b.Fatal(err)
	}
	heads := make([][]byte, liveCells)
	for i := range heads {
		at, err := cells[i].Center()
		if err != nil {
			b.Fatal(err)
		}
		heads[i] = fmt.Appendf(nil, `{"kind":"noise","lat":%.6f,"lon":%.6f,"value":`, at.LatDegrees, at.LonDegrees)
	}
	const connections = 4
	return mqttraw.Load{
		Addr: addr, Connections: connections, Window: 1000, Duration: 10 * time.Minute, Rate: liveCells,
		Message: func(conn, n int, buf []byte) (string, []byte) {
			i := (n*connections + conn) % liveCells
			buf = append(buf[:0], heads[i]...)
			buf = strconv.AppendInt(buf, int64(40+(i*7+n)%40), 10)
			return "urbangrid/v1/cell-" + strconv.Itoa(i) + "/obs", append(buf, '}')
		},
	}
}

// audience is many viewers.
type audience struct {
	viewers []*viewer
	lost    atomic.Int64
	ended   chan error
	leaving atomic.Bool
	done    sync.WaitGroup
}

func openViewers(ctx context.Context, b *testing.B, addr string, n int, seen *sightings) *audience {
	b.Helper()
	a := &audience{ended: make(chan error, n)}
	for range n {
		v, err := dialViewer(ctx, addr, "cells/noise/r10", seen)
		if err != nil {
			b.Fatal(err)
		}
		a.viewers = append(a.viewers, v)
		a.done.Go(func() {
			if err := v.watch(); !a.leaving.Load() {
				a.lost.Add(1)
				a.ended <- err
			}
		})
	}
	return a
}

// await waits until so many snapshots have come.
func (a *audience) await(b *testing.B, seen *sightings, snapshots int64) {
	b.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(time.Minute)
	for seen.snapshots.Load() < snapshots {
		select {
		case <-tick.C:
		case err := <-a.ended:
			b.Fatal(err)
		case <-deadline:
			b.Fatalf("%d of %d snapshots after a minute", seen.snapshots.Load(), snapshots)
		}
	}
}

func (a *audience) why() error {
	select {
	case err := <-a.ended:
		return err
	default:
		return nil
	}
}

func (a *audience) close() {
	a.leaving.Store(true)
	for _, v := range a.viewers {
		_ = v.conn.Close()
	}
	a.done.Wait()
}

// raiseAlerts lets manhole covers tilt, one after the other at uneven times.
func raiseAlerts(ctx context.Context, b *testing.B, addr string, seen *sightings) {
	b.Helper()
	device, _, err := mqttraw.Dial(ctx, addr, mqttraw.Options{ClientID: "tilt"})
	if err != nil {
		b.Fatal(err)
	}
	defer device.Close()
	for i := range liveAlerts {
		pause(ctx, time.Duration(800+i*137%400)*time.Millisecond)
		seen.sent[i].Store(time.Now().UnixMicro())
		device.Publish(fmt.Sprintf("urbangrid/v1/tilt-%d/obs", i),
			fmt.Appendf(nil, `{"kind":"manhole_tilt","value":%d,"lat":31.2498,"lon":121.3955}`, 20+i%20), 1, uint16(i+1), false)
		if err := device.Flush(); err != nil {
			b.Fatal(err)
		}
	}
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// cpu returns the CPU time that the process has used so far.
func (p *process) cpu(b *testing.B) time.Duration {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		b.Fatal(err)
	}
	// The name in parentheses may hold anything; utime and stime are the 12th and
	// 13th fields behind it, in ticks of 10 ms.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	var ticks int64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
