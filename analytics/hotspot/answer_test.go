package hotspot_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/analytics/hotspot"
)

// A verdict comes when people have looked, perhaps after the weekend.
func TestDetector_AFalseAlarmIsLearnedThoughItIsSaidDaysLater(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		after  int // hours after the hotspot began
		learns bool
	}{"within hours": {5, true}, "the next morning": {30, true}, "after two days": {48, true}, "after a week": {170, false}} {
		t.Run(name, func(t *testing.T) {
			w := newTown(t, 51, 5, 0.4)
			d := mustDetector(t, w, hotspot.Options{})
			at, _ := weeks(d, w, 3)
			center, _ := w.lattice.Index(w.center)
			before, _ := d.Expected(center, time.Hour)
			var changes []hotspot.Change
			began := at
			for i := range 2 * 168 {
				events := w.hour(at, nil)
				if i < 20 {
					events = incident(events, []int{center}, at, 20, time.Hour)
				}
				feed(d, events, &changes)
				at = at.Add(time.Hour)
				if i == test.after {
					raised := only(changes, hotspot.Raised)
					d.Answered(raised[0].ID, hotspot.FalseAlarm, began, began.Add(24*time.Hour))
				}
			}
			after, _ := d.Expected(center, time.Hour)
			if learned := after > 1.15*before; learned != test.learns {
				t.Errorf("expectation went from %.3f to %.3f, learned: %v, want %v", before, after, learned, test.learns)
			}
		})
	}
}

// Nothing is learned of a day on which the whole city was a hotspot, until people
// say that it was none.
func TestDetector_AFalseAlarmOfTheWholeAreaIsLearnedLate(t *testing.T) {
	t.Parallel()
	w := newTown(t, 52, 6, 0.4)
	d := mustDetector(t, w, hotspot.Options{})
	at, _ := weeks(d, w, 4)
	var changes []hotspot.Change
	at = at.Add(9 * time.Hour)
	everywhere := &injection{cells: map[int]bool{}, times: 3, from: at, to: at.Add(8 * time.Hour)}
	for i := range w.lattice.Len() {
		everywhere.cells[i] = true
	}
	for range 36 {
		feed(d, w.hour(at, everywhere), &changes)
		at = at.Add(time.Hour)
	}
	i := slices.IndexFunc(changes, func(c hotspot.Change) bool { return c.Whole })
	if i < 0 {
		t.Fatal("three times as many events everywhere are no hotspot of the whole area")
	}
	before := d.Knowledge()
	saved, err := d.Save()
	if err != nil {
		t.Fatal(err)
	}
	d = mustDetector(t, w, hotspot.Options{})
	if err := d.Restore(saved); err != nil {
		t.Fatal(err)
	}
	for _, c := range only(changes, hotspot.Raised) {
		d.Answered(c.ID, hotspot.FalseAlarm, c.Since, at)
	}
	after := d.Knowledge()
	if after.Hours-before.Hours < 6 || after.Level <= before.Level {
		t.Errorf("of 8 hours that were ordinary %d are learned, the level went from %.3f to %.3f",
			after.Hours-before.Hours, before.Level, after.Level)
	}
}

// What people say is real is no quiet history, until they say that it was none.
func TestDetector_TheTimeOfAConfirmedHotspotIsNoQuietHistory(t *testing.T) {
	w := newTown(t, 53, 4, 0.4)
	d := mustDetector(t, w, hotspot.Options{})
	at, _ := weeks(d, w, 3)
	var changes []hotspot.Change
	began := at
	answer := func(a hotspot.Answer) {
		d.Answered(only(changes, hotspot.Raised)[0].ID, a, began, at)
	}
	watched := func() time.Duration { return time.Duration(d.Knowledge().QuietWeeks * float64(7*24*time.Hour)) }
	start := watched()
	for i := range 24 {
		events := w.hour(at, nil)
		if i < 6 {
			events = incident(events, disk(w, w.center, 1), at, 60, time.Hour)
		}
		feed(d, events, &changes)
		at = at.Add(time.Hour)
		if i == 2 {
			answer(hotspot.Confirmed) // while it goes on
		}
	}
	ended := only(changes, hotspot.Ended)
	if len(ended) == 0 {
		t.Fatal("it has not ended")
	}
	lasted := ended[0].ClosedAt.Sub(ended[0].Since)
	want := func(what string, out time.Duration) {
		t.Helper()
		if got := start + 24*time.Hour - watched(); math.Abs((got - out).Hours()) > 0.75 {
			t.Errorf("%s: %s of the day are no quiet history, want %s", what, got, out)
		}
	}
	want("confirmed", lasted)
	answer(hotspot.FalseAlarm)
	want("a false alarm after all", 0)
	answer(hotspot.Confirmed)
	want("confirmed again", at.Sub(began))
}
