package influx_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/internal/influxtest"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
	"github.com/urbangrid/urbangrid/store/influx"
	"github.com/urbangrid/urbangrid/stream"
)

const (
	outageRate    = 5_000                   // observations a second
	outageTick    = 20 * time.Millisecond   // one journal entry each
	outageDefault = 4 * time.Second         // for how long the server is away
	outageLength  = "URBANGRID_TEST_OUTAGE" // another duration, such as 5m
	outageKinds   = 4                       // of which each tick has as many of each
	perTick       = outageRate / int(time.Second/outageTick)
)

// tickOf returns the observations of the nth tick: each one second apart from
// that of the same device before, so that all are different.
func tickOf(t *testing.T, n int, began time.Time) []grid.Placed {
	t.Helper()
	out := make([]grid.Placed, perTick)
	at := began.Add(time.Duration(n) * outageTick)
	for i := range out {
		cell, err := grid.CellAt(grid.Point{LatDegrees: 31.25, LonDegrees: 121.4 + float64(i%25)*0.002}, grid.Resolution)
		if err != nil {
			t.Fatal(err)
		}
		out[i] = grid.Placed{
			Observation: sensors.Observation{
				Device: sensors.DeviceID(fmt.Sprint("device-", i)), Kind: sensors.KindKey(fmt.Sprint("kind_", i%outageKinds)),
				Value: float64(n%64) / 4, At: at, Received: at,
			},
			Cell: cell, Area: "310107005",
		}
	}
	return out
}

// feed appends a tick's entry to the journal at each tick until end, and returns
// how many there were.
func feed(t *testing.T, journal *stream.Journal, began time.Time, end <-chan struct{}) (ticks int) {
	t.Helper()
	ticker := time.NewTicker(outageTick)
	defer ticker.Stop()
	for {
		// As many as are due: the rate holds when the machine is busy.
		for due := int(time.Since(began) / outageTick); ticks < due; ticks++ {
			if _, err := journal.Append(t.Context(), stream.NewName(), stream.Entry{Observations: tickOf(t, ticks, began)}); err != nil {
				t.Errorf("append: %v", err)
				return ticks
			}
		}
		select {
		case <-end:
			return ticks
		case <-ticker.C:
		}
	}
}

func wait(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}

func TestRecorder_LosesAndDoublesNothingWhenTheServerIsAwayUnderLoad(t *testing.T) {
	away := outageDefault
	if text := os.Getenv(outageLength); text != "" {
		var err error
		if away, err = time.ParseDuration(text); err != nil {
			t.Fatalf("%s: %v", outageLength, err)
		}
	}
	server := influxtest.Start(t)
	series := mustOpen(t, fresh(server), influx.Options{})
	bus, err := stream.Open(t.Context(), "embedded:", stream.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer bus.Close()
	journal, err := bus.Journal(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	written := make(chan uint64, 1)
	recorder, err := store.NewRecorder(series, journal, store.RecorderOptions{MaxBackoff: 2 * time.Second, OnWritten: func(p store.Progress) {
		select {
		case <-written:
		default:
		}
		written <- p.Seq
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	recorded := make(chan error, 1)
	go func() { recorded <- recorder.Run(ctx) }()

	began := time.Now().UTC().Truncate(time.Second)
	end, fed := make(chan struct{}), make(chan int, 1)
	go func() { fed <- feed(t, journal, began, end) }()
	<-written // it is on its way
	wait(t, time.Second)
	server.Stop(t) // as a crash does, with a write under way
	wait(t, away)
	server.Restart(t)
	wait(t, time.Second)
	close(end)
	ticks := <-fed
	last, err := journal.Last(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for seq := recorder.Progress().Seq; seq < last; {
		select {
		case seq = <-written:
		case err := <-recorded:
			t.Fatalf("recorder ended: %v", err)
		}
	}
	cancel()
	if err := <-recorded; err != nil {
		t.Error(err)
	}
	t.Logf("%d observations, %s without a server, all written %s after it began", ticks*perTick, away, time.Since(began).Round(time.Second))
	wantTicks(t, series, began, ticks)
}

// wantTicks checks that the ticks are in the observations and in every roll-up.
func wantTicks(t *testing.T, s store.Series, began time.Time, ticks int) {
	t.Helper()
	counts, err := s.Counts(t.Context(), time.Time{}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	want := ticks * perTick / outageKinds
	var sum float64
	for n := range ticks {
		sum += float64(n%64) / 4 * float64(perTick/outageKinds)
	}
	for kind := range outageKinds {
		key := sensors.KindKey(fmt.Sprint("kind_", kind))
		if counts[key] != int64(want) {
			t.Errorf("%s: %d observations, want %d", key, counts[key], want)
		}
		if kind > 0 {
			continue // the kinds differ in their name alone
		}
		for _, span := range grid.Spans {
			for agg, want := range map[store.Aggregate]float64{store.Count: float64(want), store.Sum: sum} {
				q := store.Query{Kind: key, From: began, To: began.Add(time.Hour), Every: time.Duration(span), Agg: agg}
				lines, err := s.Points(t.Context(), q)
				if err != nil {
					t.Fatal(err)
				}
				var got float64
				for _, p := range lines[0].Points {
					got += p.Value
				}
				if got != want {
					t.Errorf("%s, %s in windows of %s: %v, want %v", key, agg, time.Duration(span), got, want)
				}
			}
		}
	}
}
