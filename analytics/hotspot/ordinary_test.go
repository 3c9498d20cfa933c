package hotspot_test

import (
	"math"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/analytics/hotspot"
)

// near fails unless two numbers are the same but for rounding.
func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-9*math.Max(math.Abs(want), 1) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// raisedAmong feeds events and returns the first hotspot that is raised, as soon as it
// is.
func raisedAmong(t *testing.T, d *hotspot.Detector, events []event) hotspot.Hotspot {
	t.Helper()
	for _, e := range events {
		raised := only(d.Advance(e.at), hotspot.Raised)
		if len(raised) > 0 && raised[0].At.Equal(d.Reached()) {
			return raised[0]
		}
		if !d.Add(e.cell, e.at, 1) {
			t.Fatalf("an event of %s was refused", e.at)
		}
	}
	t.Fatal("nothing was raised")
	return hotspot.Hotspot{}
}

func TestOrdinary_IsWhatAHotspotSaysIsExpected(t *testing.T) {
	for name, c := range map[string]struct {
		ring  int // of the disk that the incident is in
		share float64
	}{
		"in a cell":                      {0, 1},
		"in a cell that is half watched": {0, 0.5},
		"in seven cells":                 {1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTown(t, 3, 6, 0.4)
			d := mustDetector(t, w, hotspot.Options{})
			at, _ := weeks(d, w, 3)
			cells := disk(w, w.center, c.ring)
			d.Cover(cells[0], c.share)
			told := raisedAmong(t, d, incident(w.hour(at, nil), cells, at, 60, time.Hour))
			ordinary := d.Ordinary(cells, told.At.Add(-told.Window), told.Window, 1)[0]
			near(t, "what is ordinary", ordinary.Mean, told.Expected)
		})
	}
}

func TestOrdinary_OfManyWindowsIsThatOfEach(t *testing.T) {
	w := newTown(t, 4, 4, 0.4)
	d := mustDetector(t, w, hotspot.Options{})
	at, _ := weeks(d, w, 2)
	cells := disk(w, w.center, 2)
	d.Cover(cells[3], 0.2)
	const every, n = 10 * time.Minute, 24 * 6
	all := d.Ordinary(cells, at.Add(-24*time.Hour), every, n)
	day, apart := 0.0, 0.0
	for i, o := range all {
		begin := at.Add(-24*time.Hour + time.Duration(i)*every)
		if one := d.Ordinary(cells, begin, every, 1)[0]; one != o {
			t.Fatalf("window %d is %v among others and %v alone", i, o, one)
		}
		for _, cell := range cells {
			apart += d.Ordinary([]int{cell}, begin, every, 1)[0].Mean
		}
		day += o.Mean
	}
	near(t, "the sum of the cells", apart, day)
	if noon, night := all[12*6].Mean, all[3*6].Mean; noon < 1.5*night {
		t.Errorf("%v are ordinary at noon and %v at night: the rhythm of the day is missing", noon, night)
	}
}

func TestOrdinary_AsksWhatExpectedAnswers(t *testing.T) {
	w := newTown(t, 5, 3, 0.3)
	d := mustDetector(t, w, hotspot.Options{})
	at, _ := weeks(d, w, 1)
	begin := at.Truncate(time.Hour).Add(-time.Hour)
	means, _, _ := d.ExpectedHour(begin)
	for _, cell := range disk(w, w.center, 1) {
		near(t, "the hour of a cell", d.Ordinary([]int{cell}, begin, time.Hour, 1)[0].Mean, means[cell])
	}
}

func TestOrdinary_CountsVaryMoreThanByChance(t *testing.T) {
	w := newTown(t, 6, 3, 0.3)
	d := mustDetector(t, w, hotspot.Options{})
	at, _ := weeks(d, w, 2)
	cells := disk(w, w.center, 1)
	o := d.Ordinary(cells, at.Add(-time.Hour), time.Hour, 1)[0]
	if o.Size <= 0 || math.IsInf(o.Size, 1) {
		t.Errorf("counts of an over-dispersed town have size %v", o.Size)
	}
	if got := d.Learned(cells); got < 100 {
		t.Errorf("two weeks taught %v events of seven cells", got)
	}
}

func BenchmarkOrdinary(b *testing.B) {
	w := newTown(b, 7, 10, 0.3)
	d := mustDetector(b, w, hotspot.Options{})
	at, _ := weeks(d, w, 1)
	cells := disk(w, w.center, 2)
	b.ReportAllocs()
	for b.Loop() {
		d.Ordinary(cells, at.Add(-24*time.Hour), 5*time.Minute, 288)
	}
}
