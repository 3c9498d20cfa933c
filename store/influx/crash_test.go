package influx_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/internal/influxtest"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
	"github.com/urbangrid/urbangrid/store/influx"
)

// cut breaks the connection at one write request: before it reaches the server
// or before its answer comes back.
type cut struct {
	at        int // 1 for the first write request
	delivered bool
	writes    int
}

var errCut = errors.New("connection was cut")

func (c *cut) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(r.URL.Path, "/write") {
		return http.DefaultTransport.RoundTrip(r)
	}
	c.writes++
	if c.writes == c.at && !c.delivered {
		return nil, errCut
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if c.writes == c.at && err == nil {
		res.Body.Close()
		return nil, errCut
	}
	return res, err
}

var crashStart = time.Date(2026, 11, 22, 8, 59, 40, 0, time.UTC)

// crossing are entries that lie on both sides of a window of every span, with
// late observations among them.
func crossing(t *testing.T, kind string) []store.Entry {
	t.Helper()
	cell, err := grid.CellAt(grid.Point{LatDegrees: 31.25, LonDegrees: 121.4}, grid.Resolution)
	if err != nil {
		t.Fatal(err)
	}
	var entries []store.Entry
	for i := range 6 {
		e := store.Entry{Seq: uint64(2*i + 1)}
		for j := range 3 {
			at := crashStart.Add(time.Duration(i*7-j*3) * time.Second)
			e.Observations = append(e.Observations, grid.Placed{
				Observation: sensors.Observation{Device: "d", Kind: sensors.KindKey(kind), Value: float64(i + j), At: at, Received: at, ID: fmt.Sprint(i, j)},
				Cell:        cell,
			})
		}
		entries = append(entries, e)
	}
	return entries
}

func wantCount(t *testing.T, s store.Series, kind string, want float64) {
	t.Helper()
	for _, every := range []time.Duration{10 * time.Second, time.Minute, time.Hour} {
		q := store.Query{Kind: sensors.KindKey(kind), From: crashStart.Add(-time.Hour), To: crashStart.Add(time.Hour), Every: every, Agg: store.Count}
		lines, err := s.Points(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		var got float64
		for _, p := range lines[0].Points {
			got += p.Value
		}
		if got != want {
			t.Errorf("%s: %v observations in windows of %s, want %v: %v", kind, got, every, want, lines[0].Points)
		}
	}
	page, _, err := s.Observations(t.Context(), store.ObservationQuery{Kind: sensors.KindKey(kind), From: crashStart.Add(-time.Hour), Limit: 1000})
	if err != nil || float64(len(page)) != want {
		t.Errorf("%s: %d raw observations, want %v (%v)", kind, len(page), want, err)
	}
}

func TestSeries_CountsOnceWhereverAWriteWasCut(t *testing.T) {
	address := fresh(influxtest.Start(t))
	for _, delivered := range []bool{false, true} {
		for _, restart := range []bool{false, true} {
			for at := 1; ; at++ {
				kind := fmt.Sprintf("kind_%v_%v_%d", delivered, restart, at)
				if !offerWithCut(t, address, kind, &cut{at: at, delivered: delivered}, restart) {
					if at < 8 {
						t.Errorf("only %d write requests, want enough to cut in the middle of rows", at)
					}
					break
				}
			}
		}
	}
}

// offerWithCut writes in three steps, the second of which is cut, and reports
// whether there was a request left to cut.
func offerWithCut(t *testing.T, address, kind string, c *cut, restart bool) bool {
	t.Helper()
	ctx := t.Context()
	entries := crossing(t, kind)
	at := c.at
	c.at = 0
	s := mustOpen(t, address, influx.Options{Transport: c, MaxLines: 2})
	write := func(entries []store.Entry) error {
		return s.Write(ctx, store.Position{Journal: "j-" + kind, Seq: entries[len(entries)-1].Seq}, entries)
	}
	if err := write(entries[:1]); err != nil {
		t.Fatal(err)
	}
	c.writes, c.at = 0, at
	err := write(entries[1:4])
	wasCut := err != nil
	if wasCut && (!errors.Is(err, store.ErrUnavailable) || !errors.Is(err, errCut)) {
		t.Fatalf("error of a cut write: %v, want ErrUnavailable", err)
	}
	c.at = 0
	if restart {
		s = mustOpen(t, address, influx.Options{MaxLines: 2})
	}
	p, err := s.Position(ctx, "j-"+kind)
	if err != nil {
		t.Fatal(err)
	}
	var rest []store.Entry
	for _, e := range entries {
		if e.Seq > p.Seq {
			rest = append(rest, e)
		}
	}
	for len(rest) > 0 { // in other groups than before
		n := min(2, len(rest))
		if err := write(rest[:n]); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	wantCount(t, s, kind, 18)
	return wasCut
}

func TestSeries_SaysThatTheServerIsAwayAndGoesOnWhenItIsBack(t *testing.T) {
	server := influxtest.Start(t)
	s := mustOpen(t, fresh(server), influx.Options{Timeout: 5 * time.Second})
	entries := crossing(t, "noise")
	write := func(entries []store.Entry) error {
		return s.Write(t.Context(), store.Position{Journal: "j", Seq: entries[len(entries)-1].Seq}, entries)
	}
	if err := write(entries[:3]); err != nil {
		t.Fatal(err)
	}
	server.Stop(t)
	if err := write(entries[3:]); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("write without a server: %v, want ErrUnavailable", err)
	}
	if err := s.Ping(t.Context()); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("ping without a server: %v, want ErrUnavailable", err)
	}
	if _, err := s.Position(t.Context(), "j"); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("position without a server: %v, want ErrUnavailable", err)
	}
	server.Restart(t)
	if err := write(entries[3:]); err != nil {
		t.Fatal(err)
	}
	wantCount(t, s, "noise", 18)
}
