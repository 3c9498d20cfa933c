package hotspot_test

import (
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/analytics/hotspot"
)

// A day on which the whole city does more is one hotspot of the whole area, not one
// of each of its places.
func TestDetector_WhatHappensEverywhereIsNoHotspotOfEachPlace(t *testing.T) {
	t.Parallel()
	w := newTown(t, 31, 9, 0.5)
	d := mustDetector(t, w, hotspot.Options{})
	at, _ := weeks(d, w, 3)
	at = at.Add(9 * time.Hour) // a morning
	all := &injection{cells: make(map[int]bool), times: 2, from: at, to: at.Add(6 * time.Hour)}
	for i := range w.lattice.Len() {
		all.cells[i] = true
	}
	var changes []hotspot.Change
	for h := range 6 {
		feed(d, w.hour(at.Add(time.Duration(h)*time.Hour), all), &changes)
	}
	whole, places := 0, 0
	for _, h := range only(changes, hotspot.Raised) {
		if h.Whole {
			whole++
		} else {
			places++
		}
	}
	if whole == 0 || places > 2 {
		t.Errorf("twice as many events everywhere: %d hotspots of the whole area and %d of places, want at least 1 and at most 2", whole, places)
	}
}

// A place that stands out of a busier city is found all the same.
func TestDetector_FindsAPlaceThatStandsOutOfABusierCity(t *testing.T) {
	t.Parallel()
	w := newTown(t, 32, 9, 0.5)
	d := mustDetector(t, w, hotspot.Options{})
	at, _ := weeks(d, w, 3)
	busier := &injection{cells: make(map[int]bool), times: 1.5, from: at, to: at.Add(24 * time.Hour)}
	for i := range w.lattice.Len() {
		busier.cells[i] = true
	}
	var changes []hotspot.Change
	cells := disk(w, w.center, 1)
	for h := range 12 {
		from := at.Add(time.Duration(h) * time.Hour)
		events := w.hour(from, busier)
		if h >= 10 {
			events = incident(events, cells, from, 30, time.Hour)
		}
		feed(d, events, &changes)
	}
	for _, h := range only(changes, hotspot.Raised) {
		if !h.Whole && h.RaisedAt.After(at.Add(10*time.Hour)) && len(h.Cells) > 0 {
			return
		}
	}
	t.Errorf("30 events an hour in 7 cells were not found while the city was half as busy again")
}

// A hotspot that moves on leaves its events in the longer windows; they make no hotspot
// of the whole area, where the kind is rare.
func TestDetector_WhatAHotspotLeavesBehindIsNotEverywhere(t *testing.T) {
	w := newTown(t, 33, 8, 0.003)
	d := mustDetector(t, w, hotspot.Options{})
	at, _ := weeks(d, w, 3)
	rings, err := w.center.Disk(6)
	if err != nil {
		t.Fatal(err)
	}
	var changes []hotspot.Change
	for i, n := range []int{30, 60, 120, 240} {
		from := at.Add(time.Duration(i) * time.Hour)
		feed(d, incident(w.hour(from, nil), disk(w, rings[2*i][0], 0), from, n, time.Hour), &changes)
	}
	for h := range 12 {
		feed(d, w.hour(at.Add(time.Duration(4+h)*time.Hour), nil), &changes)
	}
	raised := only(changes, hotspot.Raised)
	if len(raised) == 0 {
		t.Error("no place was raised")
	}
	for _, h := range raised {
		if h.Whole {
			t.Errorf("the whole area was raised at %s with %v events where %.1f are expected", h.RaisedAt, h.Count, h.Expected)
		}
	}
}

// A great hotspot at one end of the town is no reason to expect more at the other: one
// that begins there meanwhile is found as soon as by itself.
func TestDetector_AHotspotDoesNotHideAnother(t *testing.T) {
	found := func(great int) time.Duration {
		w := newTown(t, 34, 8, 0.05)
		d := mustDetector(t, w, hotspot.Options{})
		at, _ := weeks(d, w, 3)
		rings, err := w.center.Disk(6)
		if err != nil {
			t.Fatal(err)
		}
		one, other := disk(w, rings[6][0], 1), disk(w, rings[6][18], 1)
		var changes []hotspot.Change
		at = at.Add(9 * time.Hour)
		for h := range 8 {
			events := w.hour(at.Add(time.Duration(h)*time.Hour), nil)
			if h < 4 && great > 0 {
				events = incident(events, one, at.Add(time.Duration(h)*time.Hour), great, time.Hour)
			}
			if h >= 3 {
				events = incident(events, other, at.Add(time.Duration(h)*time.Hour), 8, time.Hour)
			}
			feed(d, events, &changes)
		}
		for _, h := range only(changes, hotspot.Raised) {
			if h.RaisedAt.After(at.Add(3*time.Hour)) && !h.Whole {
				return h.RaisedAt.Sub(at.Add(3 * time.Hour))
			}
		}
		return 5 * time.Hour
	}
	alone, beside := found(0), found(100)
	if alone > 2*time.Hour || beside > alone+30*time.Minute {
		t.Errorf("eight more events an hour in seven cells are found after %s, and beside a great hotspot after %s", alone, beside)
	}
}
