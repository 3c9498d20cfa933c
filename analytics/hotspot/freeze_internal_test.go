package hotspot

import (
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/analytics/lattice"
	"github.com/urbangrid/urbangrid/grid"
)

var monday = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

// middle is the cell in the middle of each district.
func middle(t *testing.T) grid.Cell {
	t.Helper()
	center, err := grid.CellAt(grid.Point{LatDegrees: 31.25, LonDegrees: 121.40}, 9)
	if err != nil {
		t.Fatal(err)
	}
	return center
}

// disk is a detector of the cells within some rings, which time has reached.
func disk(t *testing.T, rings int) *Detector {
	t.Helper()
	center := middle(t)
	around, err := center.Disk(rings)
	if err != nil {
		t.Fatal(err)
	}
	var cells []grid.Cell
	for _, ring := range around {
		cells = append(cells, ring...)
	}
	l, err := lattice.New(cells, 2)
	if err != nil {
		t.Fatal(err)
	}
	d, err := New(l, nil, Options{Threshold: 10})
	if err != nil {
		t.Fatal(err)
	}
	d.Advance(monday)
	d.hoursLearned = 3 * hoursOfWeek // so that cells are trusted
	return d
}

// spot is a place that stands out with a score.
func spot(score float64, cells ...int32) component {
	return component{zones: []zone{{center: cells[0], count: 5, mean: 1, score: score}}, centers: cells[:1], cells: cells}
}

// wantLearning fails unless every cell learns from now on.
func wantLearning(t *testing.T, d *Detector, when string) {
	t.Helper()
	next := d.endOf(d.now).Truncate(time.Hour).Add(time.Hour)
	if cells, whole := d.frozenIn(next); len(cells) > 0 || whole {
		t.Errorf("%s: %d cells still learn nothing (whole: %v), %+v", when, len(cells), whole, d.frozen)
	}
}

func nobody(*cluster, Why) {}

func TestDetector_CellsLearnAgainWhenWhatStoodOutIsNotConfirmed(t *testing.T) {
	d := disk(t, 3)
	end := d.endOf(d.now)
	d.begin(spot(11, 4, 5), end, 10, nobody)
	for range 3 { // it stands out a little, but never as much again
		d.carryOn(d.clusters[0], spot(7, 4, 5), end, 10, nobody)
	}
	if d.clusters[0].Phase != Closed {
		t.Fatalf("the hotspot is %s, want closed", d.clusters[0].Phase)
	}
	wantLearning(t, d, "after a look too few")
}

func TestDetector_CellsLearnAgainAfterAHotspotHasMerged(t *testing.T) {
	for name, pending := range map[string][2]bool{ // the older, the younger
		"both known":           {false, false},
		"the younger is known": {true, false},
		"the older is known":   {false, true},
		"neither is known":     {true, true},
	} {
		d := disk(t, 3)
		end := d.endOf(d.now)
		d.begin(spot(11, 4, 5), end, 10, nobody)
		d.begin(spot(11, 9), end, 10, nobody)
		older, younger := d.clusters[0], d.clusters[1]
		older.pending, younger.pending = pending[0], pending[1]
		d.merge(younger, older, end, nobody)
		older.ClosedAt, older.Phase = end, Closed
		d.freeze(older)
		wantLearning(t, d, name)
	}
}

func TestDetector_CellsLearnAgainWhenAHotspotIsNotTakenBack(t *testing.T) {
	d := disk(t, 3)
	d.begin(spot(30, 4, 5), d.endOf(d.now), 10, nobody)
	d.clusters[0].Peak = 0x8a30995b38d7fff // which the district has no more
	saved, err := d.Save()
	if err != nil {
		t.Fatal(err)
	}
	again := disk(t, 3)
	if err := again.Restore(saved); err != nil {
		t.Fatal(err)
	}
	if n := len(again.clusters); n != 0 {
		t.Fatalf("%d hotspots are taken back", n)
	}
	wantLearning(t, again, "restored")
}
