package hotspot_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/urbangrid/urbangrid/analytics/hotspot"
)

// An outage of the kind, of which nobody knows, is not learned as days without
// events: what is expected after it is what was expected before.
func TestDetector_AnOutageIsNotLearnedAsQuiet(t *testing.T) {
	w := newTown(t, 41, 6, 0.4)
	d := mustDetector(t, w, hotspot.Options{})
	at, changes := weeks(d, w, 3)
	before := d.Knowledge()
	at = at.Add(4 * 24 * time.Hour)
	for range 24 {
		feed(d, w.hour(at, nil), &changes)
		at = at.Add(time.Hour)
	}
	after := d.Knowledge()
	if math.Abs(after.Level-before.Level) > 0.08 {
		t.Errorf("four days without a line took the level from %.2f to %.2f", before.Level, after.Level)
	}
	if learned := after.Hours - before.Hours; learned > 24+2 {
		t.Errorf("%d hours were learned of a day and an outage", learned)
	}
	if got := after.QuietWeeks - before.QuietWeeks; got > 1.5/7 {
		t.Errorf("an outage of four days and a day are %.2f weeks of quiet history", got)
	}
}

// What is seldom heard of is learned when it is not heard of: its silence is likely.
func TestDetector_LearnsThatWhatIsRareHasBecomeRarer(t *testing.T) {
	w := newTown(t, 42, 3, 0.03) // about one an hour in all cells
	d := mustDetector(t, w, hotspot.Options{})
	at, changes := weeks(d, w, 3)
	before := d.Knowledge()
	for i := range w.rates {
		w.rates[i] /= 4
	}
	for range 5 * 24 {
		feed(d, w.hour(at, nil), &changes)
		at = at.Add(time.Hour)
	}
	if after := d.Knowledge(); after.Hours-before.Hours < 100 || after.Level > 0.9*before.Level {
		t.Errorf("five days with a quarter of the events: %d hours learned, the level went from %.2f to %.2f",
			after.Hours-before.Hours, before.Level, after.Level)
	}
}

// The time in which UrbanGrid did not run teaches nothing either, however rare the
// kind is, and no hotspot ends in it.
func TestDetector_SkippedTimeTeachesNothingAndEndsNothing(t *testing.T) {
	w := newTown(t, 43, 3, 0.03)
	d := mustDetector(t, w, hotspot.Options{})
	at, changes := weeks(d, w, 3)
	feed(d, incident(w.hour(at, nil), disk(w, w.center, 1), at, 30, time.Hour), &changes)
	if len(d.Open()) != 1 {
		t.Fatalf("%d hotspots are open", len(d.Open()))
	}
	before := d.Knowledge()
	at = at.Add(time.Hour)
	changes = d.Skip(at.Add(30 * time.Hour))
	at = at.Add(30 * time.Hour)
	if reached := d.Reached(); !reached.Equal(at) {
		t.Errorf("after skipping it has reached %s, want %s", reached, at)
	}
	if ended := only(changes, hotspot.Ended); len(ended) != 0 || len(d.Open()) != 1 {
		t.Errorf("nobody watched, and %d hotspots ended, %d are open", len(ended), len(d.Open()))
	}
	for range 24 {
		feed(d, w.hour(at, nil), &changes)
		at = at.Add(time.Hour)
	}
	after := d.Knowledge()
	if learned := after.Hours - before.Hours; learned > 26 {
		t.Errorf("%d hours were learned of a day after 30 hours that were skipped", learned)
	}
	if got := after.QuietWeeks - before.QuietWeeks; got > 1.3/7 {
		t.Errorf("a day and what was skipped before it are %.2f weeks of quiet history", got)
	}
	if ended := only(changes, hotspot.Ended); len(ended) != 1 {
		t.Errorf("a day later %d hotspots have ended, want 1", len(ended))
	}
}

// The hours before a pause are learned however long it is, also those without an event
// of a rare kind, and by a detector that was saved in between.
func TestDetector_WhatWasWatchedBeforeAPauseIsLearned(t *testing.T) {
	for name, pause := range map[string]time.Duration{
		"of a few hours":    7 * time.Hour,
		"of a day":          30 * time.Hour,
		"of a week":         7 * 24 * time.Hour,
		"of a week and one": 8 * 24 * time.Hour,
		"of a year":         365 * 24 * time.Hour,
	} {
		for _, perCellHour := range []float64{0.4, 0.005} {
			t.Run(fmt.Sprintf("%s, %g an hour", name, perCellHour), func(t *testing.T) {
				w := newTown(t, 47, 3, perCellHour)
				d := mustDetector(t, w, hotspot.Options{})
				d.Advance(monday)
				at, changes := weeks(d, w, 1)
				d.Advance(at)
				before := d.Knowledge().Hours
				if before >= 168-6 {
					t.Fatalf("%d of a week's 168 hours are learned: nothing is left to be learned over the pause", before)
				}
				saved, err := d.Save()
				if err != nil {
					t.Fatal(err)
				}
				again := mustDetector(t, w, hotspot.Options{})
				if err := again.Restore(saved); err != nil {
					t.Fatal(err)
				}
				at = at.Add(pause)
				d.Skip(at)
				again.Skip(at)
				for range 11 { // until all of them, and none after them, have come of age
					events := w.hour(at, nil)
					feed(d, events, &changes)
					feed(again, events, &changes)
					at = at.Add(time.Hour)
				}
				d.Advance(at)
				again.Advance(at)
				if got, saved := d.Knowledge().Hours, again.Knowledge().Hours; got != 168 || saved != 168 {
					t.Errorf("%d of the 168 hours before the pause are learned, %d by one that was saved before it; %d were before it", got, saved, before)
				}
				if diff := cmp.Diff(d.Knowledge(), again.Knowledge(), cmpopts.EquateApprox(1e-9, 0)); diff != "" {
					t.Errorf("one that was saved before the pause knows something else (-went on +saved):\n%s", diff)
				}
			})
		}
	}
}

// What nobody watched in the hours before a pause is no quiet there either.
func TestDetector_WhatWasNotWatchedBeforeAPauseIsNotLearned(t *testing.T) {
	for _, pause := range []time.Duration{30 * time.Hour, 30 * 24 * time.Hour} {
		w := newTown(t, 48, 3, 0.4)
		told, untold := mustDetector(t, w, hotspot.Options{}), mustDetector(t, w, hotspot.Options{})
		at, changes := monday, []hotspot.Change(nil)
		for hour := range 48 {
			events := slices.DeleteFunc(w.hour(at, nil), func(e event) bool { return e.cell == 0 && hour >= 40 })
			if hour == 40 {
				told.Cover(0, 0)
			}
			feed(told, events, &changes)
			feed(untold, events, &changes)
			at = at.Add(time.Hour)
		}
		told.Cover(0, 1)
		at = at.Add(pause)
		told.Skip(at)
		untold.Skip(at)
		more, _ := told.Expected(0, time.Hour)
		less, _ := untold.Expected(0, time.Hour)
		if more < 1.05*less {
			t.Errorf("after a pause of %s %.3f events an hour are expected where 8 of 48 hours were not watched, %.3f where nobody says so", pause, more, less)
		}
	}
}

// A kind that is seldom heard of anywhere is not taken for one whose line is cut: its
// hotspots end.
func TestDetector_AHotspotOfARareKindEnds(t *testing.T) {
	w := newTown(t, 44, 3, 0.01) // one in three hours in all cells
	d := mustDetector(t, w, hotspot.Options{})
	at, _ := weeks(d, w, 4)
	cells := disk(w, w.center, 1)
	var changes []hotspot.Change
	feed(d, incident(nil, cells, at, 20, time.Hour), &changes)
	changes = append(changes, d.Advance(at.Add(10*time.Hour))...)
	if raised, ended := only(changes, hotspot.Raised), only(changes, hotspot.Ended); len(raised) != 1 || len(ended) != 1 {
		t.Errorf("20 events of a rare kind within an hour: %d hotspots, of which %d have ended ten hours later", len(raised), len(ended))
	}
}

// A hotspot whose own sensors have died without anybody knowing is not over, although
// the kind is heard of elsewhere; it ends when they are heard of again, or when they
// have been silent for so long that they are known to be gone.
func TestDetector_AHotspotWhoseSensorsDiedIsNotOver(t *testing.T) {
	t.Parallel()
	w := newTown(t, 45, 5, 0.4)
	truth := disk(w, w.center, 1)
	for _, c := range truth {
		w.rates[c] = 3
	}
	d := mustDetector(t, w, hotspot.Options{})
	at, changes := weeks(d, w, 3)
	at = at.Add(9 * time.Hour)
	feed(d, incident(w.hour(at, nil), truth, at, 180, time.Hour), &changes)
	if len(d.Open()) != 1 {
		t.Fatalf("%d hotspots are open", len(d.Open()))
	}
	changes = nil
	dead := func(hours int) {
		for range hours {
			at = at.Add(time.Hour)
			events := slices.DeleteFunc(w.hour(at, nil), func(e event) bool { return slices.Contains(truth, e.cell) })
			feed(d, events, &changes)
		}
	}
	dead(12)
	if n := len(only(changes, hotspot.Ended)); n != 0 {
		t.Fatalf("its sensors are dead and %d hotspots have ended", n)
	}
	saved, err := d.Save()
	if err != nil {
		t.Fatal(err)
	}
	alive, began := mustDetector(t, w, hotspot.Options{}), at
	if err := alive.Restore(saved); err != nil {
		t.Fatal(err)
	}
	dead(72)
	if n := len(only(changes, hotspot.Ended)); n != 1 {
		t.Errorf("after four days of silence %d hotspots have ended, want 1", n)
	}
	d, at, changes = alive, began, nil
	for range 4 {
		at = at.Add(time.Hour)
		feed(d, w.hour(at, nil), &changes)
	}
	if n := len(only(changes, hotspot.Ended)); n != 1 {
		t.Errorf("its sensors are heard of again and %d hotspots have ended, want 1", n)
	}
}

// A night of which nothing was heard is like no other sort of day.
func TestDetector_AnOutageIsNoDayOff(t *testing.T) {
	t.Parallel()
	for name, outage := range map[string]func(d *hotspot.Detector, to time.Time) []hotspot.Change{
		"of the kind": (*hotspot.Detector).Advance,
		"of all":      (*hotspot.Detector).Skip,
	} {
		t.Run(name, func(t *testing.T) {
			w := newTown(t, 46, 6, 0.4)
			d := mustDetector(t, w, hotspot.Options{})
			at, changes := weeksOff(d, w, 4)
			for range 24 {
				if h := at.Hour(); h == 1 {
					outage(d, at.Add(6*time.Hour))
				} else if h < 1 || h >= 7 {
					feed(d, w.hour(at, nil), &changes)
				}
				at = at.Add(time.Hour)
				if day := d.Day(); day.Other {
					t.Fatalf("at %s the day is taken for one of another sort: %+v", at, day)
				}
			}
		})
	}
}

// weeksOff is weeks of a town in which little is going on at weekends.
func weeksOff(d *hotspot.Detector, w *town, n int) (at time.Time, changes []hotspot.Change) {
	off := &injection{cells: map[int]bool{}, times: 0.6, to: monday.AddDate(1, 0, 0)}
	for i := range w.lattice.Len() {
		off.cells[i] = true
	}
	at = monday
	for range n * 168 {
		in := off
		if at.Weekday() != time.Saturday && at.Weekday() != time.Sunday {
			in = nil
		}
		feed(d, w.hour(at, in), &changes)
		at = at.Add(time.Hour)
	}
	return at, changes
}
