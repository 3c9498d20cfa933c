package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

type countsAnswer struct {
	Counts map[string]int64
	Total  int64
}

type cellsAnswer struct {
	Cells []struct{ Cell string }
}

// A year that is long past, replayed beside a live city: every row ends in a
// cell or in quarantine, and neither story disturbs the other.
func TestReplay_OldRequestsBesideALiveCity(t *testing.T) {
	t.Run("a small sample", func(t *testing.T) {
		replayBesideALiveCity(t, filepath.Join("..", "..", "simulator", "testdata", "requests.csv"), 4, 2)
	})
	// Real requests of a city, which do not come with the product.
	real := filepath.Join("..", "..", "..", "shared", "data", "myla311_2018-01-01_04_reduced.csv")
	if _, err := os.Stat(real); err == nil {
		t.Run("10,000 real requests", func(t *testing.T) { replayBesideALiveCity(t, real, 8898, 1102) })
	} else {
		t.Log("the file of 10,000 real requests is not there: the sample of the same shape stands alone")
	}
}

// replayBesideALiveCity replays file, of which that many rows have a position
// and that many have none.
func replayBesideALiveCity(t *testing.T, file string, placed, unplaced int64) {
	p := startServer(t, t.TempDir(), "--demo", "--demo-devices", "200", "--demo-rate", "40")
	out := run(t, "replay", "--file", file, "--map", filepath.Join("..", "..", "deploy", "examples", "myla311.yaml"),
		"--broker", "mqtt://"+p.mqtt, "--http", p.http)
	for _, want := range []int64{placed, unplaced} {
		if !strings.Contains(withoutSeparators(out), fmt.Sprint(want)) {
			t.Errorf("the command does not show %d:\n%s", want, out)
		}
	}
	p.drained(t)

	got := get[countsAnswer](t, p.http+"/api/v1/counts?from=2018-01-01T00:00:00Z&to=2018-12-31T00:00:00Z")
	var requests int64
	var rolled float64
	for kind, n := range got.Counts {
		if !strings.HasPrefix(kind, "request_") {
			t.Errorf("%d observations of %s in 2018", n, kind)
		}
		requests += n
		rolled += countOf2018(t, p, kind)
		// History is never on the live map.
		if c := get[cellsAnswer](t, p.http+"/api/v1/cells?kind="+kind).Cells; len(c) != 0 {
			t.Errorf("%d live cells of %s, want none", len(c), kind)
		}
	}
	if requests != placed || len(got.Counts) < 2 {
		t.Errorf("%d requests of %d kinds are counted, want %d of several: %v", requests, len(got.Counts), placed, got.Counts)
	}
	if int64(rolled) != placed {
		t.Errorf("roll-ups of 2018 count %v requests, want %d", rolled, placed)
	}
	q := get[countsAnswer](t, p.http+"/api/v1/quarantine?limit=1")
	if q.Counts["no_position"] != unplaced || q.Total != unplaced {
		t.Errorf("quarantine counts %v, want no_position %d alone", q.Counts, unplaced)
	}
	theLiveCityGoesOn(t, p)
	p.stop(t)
}

// theLiveCityGoesOn expects live cells, more observations, and no alert of
// history.
func theLiveCityGoesOn(t *testing.T, p *process) {
	t.Helper()
	type alerts struct {
		Alerts []struct{ Kind string }
	}
	for _, a := range get[alerts](t, p.http+"/api/v1/alerts?limit=1000").Alerts {
		if strings.HasPrefix(a.Kind, "request_") {
			t.Errorf("an alert of kind %s was raised by history", a.Kind)
		}
	}
	before := get[countsAnswer](t, p.http+"/api/v1/counts").Counts["noise"]
	eventually(t, "the live city goes on", func() error {
		if n := get[countsAnswer](t, p.http+"/api/v1/counts").Counts["noise"]; n <= before {
			return fmt.Errorf("still %d observations of noise", n)
		}
		return nil
	})
	if c := get[cellsAnswer](t, p.http+"/api/v1/cells?kind=noise").Cells; len(c) == 0 {
		t.Error("no live cells of noise")
	}
}

func withoutSeparators(s string) string { return strings.NewReplacer(",", "", " ", "").Replace(s) }

// countOf2018 sums the hourly counts of one kind.
func countOf2018(t *testing.T, p *process, kind string) float64 {
	t.Helper()
	type series struct {
		Series []struct{ Points [][2]any }
	}
	total := 0.0
	got := get[series](t, fmt.Sprintf("%s/api/v1/series?kind=%s&agg=count&every=1h&from=2018-01-01T00:00:00Z&to=2018-12-31T00:00:00Z", p.http, kind))
	for _, s := range got.Series {
		for _, pt := range s.Points {
			total += pt[1].(float64)
		}
	}
	return total
}
