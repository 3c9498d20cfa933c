package hotspot_test

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/urbangrid/urbangrid/analytics/hotspot"
)

// likeADayOff is a town in which working days and days off differ: a day off is
// lively after midnight and sleeps in the morning.
func likeADayOff(w *town, from time.Time, off bool) []event {
	times := 1.0
	if h := from.Hour(); off && h < 3 {
		times = 2
	} else if off && h < 10 {
		times = 0.5
	}
	return w.hour(from, everywhere(w, times, from, from.Add(time.Hour)))
}

func everywhere(w *town, times float64, from, to time.Time) *injection {
	in := &injection{cells: make(map[int]bool), times: times, from: from, to: to}
	for i := range w.lattice.Len() {
		in.cells[i] = true
	}
	return in
}

// learnedTown is a town and what a detector learned of it until a time.
type learnedTown struct {
	town  *town
	at    time.Time
	state []byte
}

// learnedTowns holds what learnedDaysOff has learned, by seed.
var learnedTowns sync.Map

// learnedDaysOff returns a town, a detector that has learned three weeks of it, and the
// Monday after. A seed is learned once; from there on the town goes on in as many ways as
// there are futures.
func learnedDaysOff(t *testing.T, seed, future uint64) (*hotspot.Detector, *town, time.Time) {
	t.Helper()
	known, is := learnedTowns.Load(seed)
	if !is {
		known = learnDaysOff(t, seed)
		learnedTowns.Store(seed, known)
	}
	l := known.(learnedTown) //nolint:forcetypeassert // nothing else is stored
	w := *l.town
	w.rng = rand.New(rand.NewPCG(seed, future))
	d := mustDetector(t, &w, hotspot.Options{})
	if err := d.Restore(l.state); err != nil {
		t.Fatal(err)
	}
	return d, &w, l.at
}

func learnDaysOff(t *testing.T, seed uint64) learnedTown {
	t.Helper()
	w := newTown(t, seed, 9, 0.5)
	d := mustDetector(t, w, hotspot.Options{})
	var ignored []hotspot.Change
	at := monday
	for range 3 * 168 {
		feed(d, likeADayOff(w, at, at.Weekday() == time.Sunday), &ignored)
		at = at.Add(time.Hour)
	}
	state, err := d.Save()
	if err != nil {
		t.Fatal(err)
	}
	return learnedTown{town: w, at: at, state: state}
}

func TestDetector_ADayThatRunsLikeADayOffIsNoHotspot(t *testing.T) {
	for seed := range uint64(4) {
		d, w, at := learnedDaysOff(t, 50+seed, 2)
		var changes []hotspot.Change
		told := time.Time{}
		for end := at.Add(24 * time.Hour); at.Before(end); at = at.Add(time.Hour) {
			feed(d, likeADayOff(w, at, true), &changes)
			if d.Day().Other && told.IsZero() {
				told = at.Add(time.Hour)
			}
		}
		for _, h := range only(changes, hotspot.Raised) {
			if h.Whole {
				t.Errorf("seed %d: raised of the whole area at %s: %.0f where %.0f are expected", seed, h.RaisedAt, h.Count, h.Expected)
			}
		}
		day := d.Day()
		if !day.Other || day.Like != 6 || told.Hour() > 3 {
			t.Errorf("seed %d: at the end of the day it is %+v, told at %s; want a Sunday by 3 h", seed, day, told)
		}
		feed(d, likeADayOff(w, at, false), &changes)
		if day := d.Day(); day.Other || !day.Begin.Equal(at) {
			t.Errorf("seed %d: the next day is %+v, want one by its date", seed, day)
		}
	}
}

func TestDetector_AnOrdinaryDayAndAnIncidentEverywhereAreNoDayOff(t *testing.T) {
	for seed := range uint64(3) {
		d, w, at := learnedDaysOff(t, 50+seed, 3)
		var changes []hotspot.Change
		for day := range 5 {
			busy := at.Add(time.Duration(24*day+2*day+10) * time.Hour) // at 10, 12, 14, 16 and 18 h
			for h := range 24 {
				from := at.Add(time.Duration(24*day+h) * time.Hour)
				in := everywhere(w, 1, from, from)
				if day%2 == 1 {
					in = everywhere(w, 2, busy, busy.Add(4*time.Hour))
				}
				feed(d, w.hour(from, in), &changes)
				if got := d.Day(); got.Other {
					t.Errorf("seed %d: day %d is taken for another sort of day at %d h: %+v", seed, day, h, got)
				}
			}
		}
		whole := 0
		for _, h := range only(changes, hotspot.Raised) {
			if h.Whole {
				whole++
			}
		}
		if whole != 2 {
			t.Errorf("seed %d: %d hotspots of the whole area, want the 2 incidents", seed, whole)
		}
	}
}

// What is like a day off for some hours after midnight and then is not was none.
func TestDetector_TakesBackThatADayIsADayOff(t *testing.T) {
	d, w, at := learnedDaysOff(t, 50, 4)
	var changes []hotspot.Change
	was := false
	for h := range 14 {
		from := at.Add(time.Duration(h) * time.Hour)
		feed(d, w.hour(from, everywhere(w, 2, at, at.Add(14*time.Hour))), &changes)
		was = was || d.Day().Other
	}
	if !was || d.Day().Other {
		t.Errorf("it was %v that the day is a day off, and at 14 h is %v; want true and false", was, d.Day().Other)
	}
	for _, h := range only(changes, hotspot.Raised) {
		if h.Whole {
			return
		}
	}
	t.Error("twice as many events everywhere for 14 hours are no hotspot")
}

func TestDetector_RemembersThatADayIsADayOff(t *testing.T) {
	d, w, at := learnedDaysOff(t, 51, 5)
	var changes []hotspot.Change
	for h := range 12 {
		feed(d, likeADayOff(w, at.Add(time.Duration(h)*time.Hour), true), &changes)
	}
	saved, err := d.Save()
	if err != nil {
		t.Fatal(err)
	}
	again := mustDetector(t, w, hotspot.Options{})
	if err := again.Restore(saved); err != nil {
		t.Fatal(err)
	}
	next := w.hour(at.Add(12*time.Hour), nil)
	feed(d, next, &changes)
	feed(again, next, &changes)
	if diff := cmp.Diff(d.Day(), again.Day(), cmpopts.EquateApprox(1e-9, 0)); diff != "" || !again.Day().Other {
		t.Errorf("the day of a restored detector differs (-want +got):\n%s", diff)
	}
}
