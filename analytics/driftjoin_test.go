package analytics

import (
	"slices"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// Cells next to each other in which events become more are one alert that holds them
// all, in their order, each once; one that is apart is an alert of its own.
func TestDrift_NeighboursAreOneAlert(t *testing.T) {
	j, r, cells := drifting(t)
	hour := &hourOf{begin: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC), end: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), dispersion: 1}
	raise := func(cell grid.Cell) {
		at, in := r.study.lattice.Index(cell)
		if !in {
			t.Fatalf("%s is not in the study", cell)
		}
		i := int32(at) //nolint:gosec // a lattice has fewer cells
		r.raise(j, i, &r.hourly.cell(i).drift, hour)
	}
	center, beside, far := cells[0][0], cells[1], cells[4][0]
	raise(center)
	raise(far)
	for range 2 { // a second time says nothing new
		for _, c := range slices.Backward(beside) {
			raise(c)
		}
	}
	newest := make(map[string]store.Alert)
	for _, a := range j.changes {
		if a.Revision != newest[a.ID].Revision+1 {
			t.Errorf("revision %d of %s follows %d", a.Revision, a.Place, newest[a.ID].Revision)
		}
		newest[a.ID] = a
	}
	if len(newest) != 2 || len(j.changes) != 2+len(beside) {
		t.Fatalf("%d changes of %d alerts, want two alerts and a change for each of %d cells that join", len(j.changes), len(newest), len(beside))
	}
	for _, a := range newest {
		want := []grid.Cell{far}
		if a.Cell == center {
			want = append(slices.Clone(beside), center)
			slices.Sort(want)
		}
		if !slices.Equal(a.Cells, want) {
			t.Errorf("the alert of %s holds %v, want %v", a.Cell, a.Cells, want)
		}
	}
	if first := j.changes[0].Cells; len(first) != 1 {
		t.Errorf("what was told at first has changed to %v", first)
	}
}

// drifting is a judge with a rule about drift, and the cells around one by rings.
func drifting(t *testing.T) (*judge, *driftRule, [][]grid.Cell) {
	t.Helper()
	center, err := grid.CellAt(grid.Point{LatDegrees: 31.25, LonDegrees: 121.4}, grid.Resolution)
	if err != nil {
		t.Fatal(err)
	}
	rings, err := center.Disk(5)
	if err != nil {
		t.Fatal(err)
	}
	study, err := newStudy(Study{Cells: slices.Concat(rings...)})
	if err != nil {
		t.Fatal(err)
	}
	catalog, err := sensors.DefaultCatalog()
	if err != nil {
		t.Fatal(err)
	}
	rules := []Rule{
		{Name: "spots", Kind: "stall", Names: loudNames, Severity: store.Notice, Hotspot: &Hotspot{}},
		{Name: "growing", Kind: "stall", Names: loudNames, Severity: store.Notice, Drift: &Drift{}},
	}
	m, err := newMetrics(nil, rules)
	if err != nil {
		t.Fatal(err)
	}
	j, err := newJudge(catalog, rules, study, Options{}.withDefaults(), m)
	if err != nil {
		t.Fatal(err)
	}
	j.live = true
	return j, j.kinds["stall"].secondary.drift, rings
}
