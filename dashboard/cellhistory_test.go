package dashboard_test

import (
	"context"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/urbangrid/urbangrid/dashboard"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
	"github.com/urbangrid/urbangrid/store/duckdb"
)

type historyFrame struct {
	At time.Time
	I  []int
	V  []float64
	N  []int
}

type historyAnswer struct {
	Unit          string
	WindowSeconds float64 `json:"window_seconds"`
	Cells         []string
	Frames        []historyFrame
}

// playedBack makes a site whose series holds observations.
func playedBack(t *testing.T, observations ...grid.Placed) *site {
	t.Helper()
	series, err := duckdb.Open(t.Context(), filepath.Join(t.TempDir(), "series.duckdb"), duckdb.Options{RollEvery: -1, CompactEvery: -1, ExpireEvery: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := series.Close(); err != nil {
			t.Error(err)
		}
	})
	entry := store.Entry{Seq: 1, Observations: observations}
	if err := series.Write(context.WithoutCancel(t.Context()), store.Position{Journal: "j", Seq: 1}, []store.Entry{entry}); err != nil {
		t.Fatal(err)
	}
	return newSiteWith(t, dashboard.Options{}, func(d *dashboard.Deps) { d.Cubes = series })
}

func observed(t *testing.T, kind sensors.KindKey, cell string, before time.Duration, value float64) grid.Placed {
	t.Helper()
	c, err := grid.ParseCell(cell)
	if err != nil {
		t.Fatal(err)
	}
	at := clock.Add(-before)
	return grid.Placed{
		Observation: sensors.Observation{Kind: kind, Device: sensors.DeviceID("d-" + cell), At: at, Value: value, Received: at},
		Cell:        c,
	}
}

const (
	cellA = "8a309930a0affff"
	cellB = "8a309930a0b7fff"
)

func TestAPI_CellHistoryShowsWhatTheLiveCellsShowed(t *testing.T) {
	s := playedBack(t,
		observed(t, "noise", cellA, 14*time.Minute, 50),
		observed(t, "noise", cellA, 13*time.Minute, 60),
		observed(t, "noise", cellB, 6*time.Minute, 71.23456),
		observed(t, "smoke", cellB, 14*time.Minute, 1),
		observed(t, "smoke", cellB, 6*time.Minute, 1),
	)
	ask := func(kind string) historyAnswer {
		t.Helper()
		var got historyAnswer
		s.get(t, "/api/v1/cells/history?resolution=10&step_seconds=300&from="+clock.Add(-10*time.Minute).Format(time.RFC3339)+
			"&to="+clock.Format(time.RFC3339)+"&kind="+kind, &got)
		return got
	}
	at := func(k int) time.Time { return clock.Add(time.Duration(k-2) * 5 * time.Minute) }

	noise := historyAnswer{Unit: "dB[SPL]", WindowSeconds: 300, Cells: []string{cellA, cellB}, Frames: []historyFrame{
		{At: at(0), I: []int{0}, V: []float64{55}, N: []int{2}},
		{At: at(1), I: []int{1}, V: []float64{71.235}, N: []int{1}},
		{At: at(2), I: []int{}, V: []float64{}, N: []int{}},
	}}
	if d := cmp.Diff(noise, ask("noise")); d != "" {
		t.Errorf("a measure is averaged over five minutes (-want +got):\n%s", d)
	}
	smoke := historyAnswer{Unit: "1", WindowSeconds: 900, Cells: []string{cellB}, Frames: []historyFrame{
		{At: at(0), I: []int{0}, V: []float64{1}, N: []int{1}},
		{At: at(1), I: []int{0}, V: []float64{2}, N: []int{2}},
		{At: at(2), I: []int{0}, V: []float64{2}, N: []int{2}},
	}}
	if d := cmp.Diff(smoke, ask("smoke")); d != "" {
		t.Errorf("events are counted over fifteen minutes (-want +got):\n%s", d)
	}
}

func TestAPI_CellHistoryRefusesWhatItCannotAnswer(t *testing.T) {
	s := playedBack(t)
	for name, query := range map[string]string{
		"a kind that is not in the catalogue": "kind=x&from=2026-11-22T00:00:00Z&to=2026-11-22T01:00:00Z",
		"a moment within a minute":            "kind=noise&from=2026-11-22T00:00:30Z&to=2026-11-22T01:00:00Z",
		"an end before the beginning":         "kind=noise&from=2026-11-22T01:00:00Z&to=2026-11-22T00:00:00Z",
		"too long a time":                     "kind=noise&from=2026-11-21T00:00:00Z&to=2026-11-22T01:00:00Z",
		"another step":                        "kind=noise&from=2026-11-22T00:00:00Z&to=2026-11-22T01:00:00Z&step_seconds=7",
	} {
		t.Run(name, func(t *testing.T) {
			s.do(t, http.MethodGet, "/api/v1/cells/history?"+query, "").wantProblem(t, http.StatusUnprocessableEntity)
		})
	}
	none := newSite(t, dashboard.Options{})
	none.do(t, http.MethodGet, "/api/v1/cells/history?kind=noise&from=2026-11-22T00:00:00Z&to=2026-11-22T01:00:00Z", "").wantProblem(t, http.StatusNotImplemented)
}

func TestAPI_CellHistoryOfThePastMayBeKeptByTheBrowser(t *testing.T) {
	s := playedBack(t, observed(t, "noise", cellA, 3*time.Hour, 50))
	for name, c := range map[string]struct {
		from, to time.Duration
		want     string
	}{
		"the past":    {-4 * time.Hour, -2 * time.Hour, "private, max-age=600"},
		"the present": {-time.Hour, 0, "no-store"},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.do(t, http.MethodGet, "/api/v1/cells/history?kind=noise&from="+clock.Add(c.from).Format(time.RFC3339)+"&to="+clock.Add(c.to).Format(time.RFC3339), "")
			if got := a.header.Get("Cache-Control"); a.status != http.StatusOK || got != c.want {
				t.Errorf("%d with Cache-Control %q, want %q", a.status, got, c.want)
			}
		})
	}
}
