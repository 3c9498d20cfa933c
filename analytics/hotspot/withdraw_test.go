package hotspot_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/urbangrid/urbangrid/analytics/hotspot"
)

// TestDetector_WhatIsWithdrawnIsNoHotspot withdraws all events of some cells, at once or
// a few minutes later, and leaves those of another. What waits to be withdrawn next to
// the other may move its disk, so a hotspot is told by whether it holds that cell.
func TestDetector_WhatIsWithdrawnIsNoHotspot(t *testing.T) {
	t.Parallel()
	w := newTown(t, 90, 6, 1)
	middle, _ := w.lattice.Index(w.center)
	rapid.Check(t, func(rt *rapid.T) {
		d := mustDetector(t, w, hotspot.Options{})
		later := time.Duration(rapid.IntRange(0, 3).Draw(rt, "later")) * time.Minute
		wrong := rapid.IntRange(0, w.lattice.Len()-1).Filter(func(c int) bool { return c != middle }).Draw(rt, "cell")
		right := rapid.Bool().Draw(rt, "something happens in the middle")
		d.Advance(monday)
		var changes []hotspot.Change
		var waiting []event
		for i := range 90 {
			at := monday.Add(time.Duration(i) * 5 * time.Minute)
			for len(waiting) > 0 && !waiting[0].at.Add(later).After(at) {
				changes = append(changes, d.Advance(waiting[0].at.Add(later))...)
				if !d.Withdraw(waiting[0].cell, waiting[0].at) {
					rt.Fatalf("event at %s is not withdrawn", waiting[0].at)
				}
				waiting = waiting[1:]
			}
			changes = append(changes, d.Advance(at)...)
			d.Add(wrong, at, 1)
			waiting = append(waiting, event{wrong, at})
			if right && i < 20 {
				d.Add(middle, at, 2)
			}
		}
		raised := only(changes, hotspot.Raised)
		for _, h := range raised {
			if !right || !h.Whole && !slices.Contains(h.Cells, w.center) {
				rt.Errorf("raised %v at %s of %.0f events that were withdrawn", h.Cells, h.RaisedAt, h.Count)
			}
		}
		if right && len(raised) == 0 {
			rt.Error("what was not withdrawn is no hotspot")
		}
		if d.Withdraw(wrong, monday.Add(-48*time.Hour)) || d.Withdraw(wrong, monday) {
			rt.Error("an event was withdrawn that is not there")
		}
	})
}
