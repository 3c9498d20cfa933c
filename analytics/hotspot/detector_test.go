package hotspot_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/urbangrid/urbangrid/analytics/hotspot"
	"github.com/urbangrid/urbangrid/grid"
)

// weeks lets a detector learn a town for so many weeks and returns when it is.
func weeks(d *hotspot.Detector, w *town, n int) (at time.Time, changes []hotspot.Change) {
	at = monday
	for range n * 168 {
		feed(d, w.hour(at, nil), &changes)
		at = at.Add(time.Hour)
	}
	return at, changes
}

func mustDetector(t testing.TB, w *town, opts hotspot.Options) *hotspot.Detector {
	t.Helper()
	d, err := hotspot.New(w.lattice, nil, opts)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func only(changes []hotspot.Change, why hotspot.Why) (out []hotspot.Hotspot) {
	for _, c := range changes {
		if c.Why == why {
			out = append(out, c.Hotspot)
		}
	}
	return out
}

// incident adds events at even intervals to a list, each cell in turn.
func incident(events []event, cells []int, from time.Time, n int, over time.Duration) []event {
	for i := range n {
		events = append(events, event{cells[i%len(cells)], from.Add(over * time.Duration(i) / time.Duration(n))})
	}
	slices.SortStableFunc(events, func(a, b event) int { return a.at.Compare(b.at) })
	return events
}

func disk(w *town, center grid.Cell, k int) []int {
	i, _ := w.lattice.Index(center)
	var out []int
	for _, c := range w.lattice.Disk(i, k) {
		out = append(out, int(c))
	}
	return out
}

func TestDetector_FindsAnIncidentWhereItIsAndSaysWhenItIsOver(t *testing.T) {
	w := newTown(t, 3, 6, 0.4)
	d := mustDetector(t, w, hotspot.Options{})
	at, _ := weeks(d, w, 3)
	truth := disk(w, w.center, 1)

	var during []hotspot.Change
	feed(d, incident(w.hour(at, nil), truth, at, 60, time.Hour), &during)
	raised := only(during, hotspot.Raised)
	if len(raised) != 1 {
		t.Fatalf("an hour of 60 more events raised %d hotspots", len(raised))
	}
	if took := raised[0].RaisedAt.Sub(at); took > 20*time.Minute {
		t.Errorf("it took %s to find one more event a minute", took)
	}
	open := d.Open()
	if len(open) != 1 || len(open[0].Cells) != 7 || open[0].Peak != w.center {
		t.Fatalf("open are %+v, want the seven cells around %s", open, w.center)
	}
	if h := open[0]; h.Count < 50 || h.Expected > 15 || h.Recurrence < 24*time.Hour {
		t.Errorf("it has %v events where %v are expected, once in %s", h.Count, h.Expected, h.Recurrence)
	}
	var after []hotspot.Change
	for range 12 {
		at = at.Add(time.Hour)
		feed(d, w.hour(at, nil), &after)
	}
	ended := only(after, hotspot.Ended)
	if len(ended) != 1 || ended[0].ID != raised[0].ID || len(d.Open()) != 0 {
		t.Errorf("12 hours later %d have ended and %d are open", len(ended), len(d.Open()))
	}
}

func TestDetector_TheRhythmOfTheWeekIsNoHotspotOnceItIsKnown(t *testing.T) {
	t.Parallel()
	w := newTown(t, 4, 6, 0.4)
	w.common = 0
	d := mustDetector(t, w, hotspot.Options{})
	at, _ := weeks(d, w, 3)
	var later []hotspot.Change
	for range 4 * 168 {
		feed(d, w.hour(at, nil), &later)
		at = at.Add(time.Hour)
	}
	if n := len(only(later, hotspot.Raised)); n > 8 {
		t.Errorf("four ordinary weeks raised %d hotspots at a budget of one a week", n)
	}
}

func TestDetector_WhatIsAHotspotDoesNotBecomeOrdinaryUnlessPeopleSaySo(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		answer func(d *hotspot.Detector, id string, from, to time.Time)
		learns bool
	}{
		{"nobody answers", func(*hotspot.Detector, string, time.Time, time.Time) {}, false},
		{"a false alarm", func(d *hotspot.Detector, id string, from, to time.Time) {
			d.Answered(id, hotspot.FalseAlarm, from, to)
		}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newTown(t, 5, 6, 0.4)
			d := mustDetector(t, w, hotspot.Options{})
			at, _ := weeks(d, w, 3)
			center, _ := w.lattice.Index(w.center)
			before, _ := d.Expected(center, time.Hour)
			var changes []hotspot.Change
			began := at
			for i := range 60 {
				events := w.hour(at, nil)
				if i < 20 {
					events = incident(events, []int{center}, at, 20, time.Hour)
				}
				feed(d, events, &changes)
				at = at.Add(time.Hour)
				if raised := only(changes, hotspot.Raised); i == 5 && len(raised) > 0 {
					test.answer(d, raised[0].ID, began, at)
				}
				if i == 19 { // the shape of a day must not tell the two cases apart
					changes = nil
				}
			}
			at = at.Truncate(24 * time.Hour)
			for at.Weekday() != time.Monday || at.Hour() != 0 {
				feed(d, w.hour(at, nil), &changes)
				at = at.Add(time.Hour)
			}
			after, _ := d.Expected(center, time.Hour)
			if learned := after > 1.15*before; learned != test.learns {
				t.Errorf("expectation went from %.3f to %.3f, learned: %v, want %v", before, after, learned, test.learns)
			}
		})
	}
}

func TestDetector_BeginsAnewWhereItWasSaved(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		seed := rapid.Uint64().Draw(rt, "seed")
		stop := rapid.IntRange(1, 47).Draw(rt, "stop after hours")
		if diff := stopped(t, seed, stop); diff != "" {
			rt.Errorf("saved and restored after %d hours it tells something else (-want +got):\n%s", stop, diff)
		}
	})
}

// A place that has stood out all along is not looked at in a wider circle after a
// restart than before it.
func TestDetector_LooksNoFurtherAfterARestart(t *testing.T) {
	if diff := stopped(t, 0x3a30aeff2a, 2); diff != "" {
		t.Errorf("saved and restored it tells something else (-want +got):\n%s", diff)
	}
}

// stopped plays two days with three incidents to a detector, and from some hours on also
// to one that was restored from what the first saved then, and returns what differs.
func stopped(t *testing.T, seed uint64, after int) string {
	t.Helper()
	w := newTown(t, seed, 3, 0.5)
	one, other := mustDetector(t, w, hotspot.Options{}), mustDetector(t, w, hotspot.Options{})
	var before, want, got []hotspot.Change
	for i := range 48 {
		at := monday.Add(time.Duration(i) * time.Hour)
		events := w.hour(at, nil)
		if i%16 == 10 {
			events = incident(events, disk(w, w.center, 1), at, 40, time.Hour)
		}
		if i < after {
			feed(one, events, &before)
			continue
		}
		if i == after {
			saved, err := one.Save()
			if err != nil {
				t.Fatal(err)
			}
			if err := other.Restore(saved); err != nil {
				t.Fatal(err)
			}
		}
		feed(one, events, &want)
		feed(other, events, &got)
	}
	near := cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) <= 1e-9*math.Abs(a) })
	return cmp.Diff(want, got, near)
}

func TestDetector_TheOrderWithinAStepDoesNotMatter(t *testing.T) {
	play := func(seed uint64) []hotspot.Change {
		rng := rand.New(rand.NewPCG(seed, seed))
		w := newTown(t, 8, 4, 0.5)
		d := mustDetector(t, w, hotspot.Options{})
		var changes []hotspot.Change
		for i := range 30 {
			at := monday.Add(time.Duration(i) * time.Hour)
			events := w.hour(at, nil)
			if i == 20 {
				events = incident(events, disk(w, w.center, 1), at, 40, time.Hour)
			}
			for len(events) > 0 {
				n := 1
				for n < len(events) && events[n].at.Truncate(time.Minute).Equal(events[0].at.Truncate(time.Minute)) {
					n++
				}
				step := events[:n]
				changes = append(changes, d.Advance(step[0].at.Truncate(time.Minute).Add(time.Minute-time.Microsecond))...)
				rng.Shuffle(n, func(a, b int) { step[a], step[b] = step[b], step[a] })
				for _, e := range step {
					d.Add(e.cell, e.at, 1)
				}
				events = events[n:]
			}
		}
		return changes
	}
	want := play(1)
	if len(want) == 0 {
		t.Fatal("the story tells nothing")
	}
	for seed := range uint64(4) {
		if diff := cmp.Diff(want, play(seed+2)); diff != "" {
			t.Errorf("in another order (-want +got):\n%s", diff)
		}
	}
}

func TestDetector_OneHotspotWhileItMovesGrowsAndMeetsAnother(t *testing.T) {
	w := newTown(t, 6, 8, 0.4)
	d := mustDetector(t, w, hotspot.Options{Windows: []time.Duration{5 * time.Minute, 15 * time.Minute, 30 * time.Minute}})
	at, _ := weeks(d, w, 3)
	rings, err := w.center.Disk(4)
	if err != nil {
		t.Fatal(err)
	}
	left, right := rings[4][0], farthest(t, rings[4], rings[4][0])
	var changes []hotspot.Change
	for _, places := range [][]grid.Cell{{left, right}, {left, right}, {step(t, left, w.center), step(t, right, w.center)}, {w.center}, {w.center}} {
		var events []event
		for _, p := range places {
			events = incident(events, disk(w, p, 1), at, 90, 30*time.Minute)
		}
		feed(d, events, &changes)
		at = at.Add(30 * time.Minute)
	}
	raised, merged := only(changes, hotspot.Raised), only(changes, hotspot.Merged)
	if len(raised) < 2 {
		t.Fatalf("two places raised %d hotspots", len(raised))
	}
	for _, m := range merged {
		if m.MergedInto == "" || m.Phase != hotspot.Closed {
			t.Errorf("merged hotspot %+v", m)
		}
	}
	open := d.Open()
	if len(open) == 0 {
		t.Fatal("nothing is open")
	}
	oldest := raised[0].ID
	if !slices.ContainsFunc(open, func(h hotspot.Hotspot) bool { return h.ID == oldest || h.ID == raised[1].ID }) {
		t.Errorf("the hotspots at the end (%v) are none of those at the beginning", open)
	}
}

// step is a neighbour of from that is nearer to to.
func step(t *testing.T, from, to grid.Cell) grid.Cell {
	t.Helper()
	rings, err := from.Disk(2)
	if err != nil {
		t.Fatal(err)
	}
	best := from
	for _, c := range rings[2] {
		if distance(t, c, to) < distance(t, best, to) {
			best = c
		}
	}
	return best
}

func farthest(t *testing.T, cells []grid.Cell, from grid.Cell) grid.Cell {
	t.Helper()
	return slices.MaxFunc(cells, func(a, b grid.Cell) int { return distance(t, a, from) - distance(t, b, from) })
}

func distance(t *testing.T, a, b grid.Cell) int {
	t.Helper()
	rings, err := a.Disk(12)
	if err != nil {
		t.Fatal(err)
	}
	return slices.IndexFunc(rings, func(r []grid.Cell) bool { return slices.Contains(r, b) })
}

func TestDetector_LessIsExpectedOfWhatIsLessWatched(t *testing.T) {
	w := newTown(t, 9, 4, 0.5)
	d := mustDetector(t, w, hotspot.Options{})
	at, _ := weeks(d, w, 2)
	truth := disk(w, w.center, 1)
	var changes []hotspot.Change
	feed(d, incident(w.hour(at, nil), truth, at, 90, time.Hour), &changes)
	if len(d.Open()) != 1 {
		t.Fatalf("%d hotspots are open", len(d.Open()))
	}
	for _, c := range truth { // all cameras there go dark
		d.Cover(c, 0)
	}
	changes = nil
	for range 10 {
		at = at.Add(time.Hour)
		events := slices.DeleteFunc(w.hour(at, nil), func(e event) bool { return slices.Contains(truth, e.cell) })
		feed(d, events, &changes)
	}
	if n := len(only(changes, hotspot.Ended)); n != 0 || len(d.Open()) != 1 {
		t.Errorf("with nobody watching %d hotspots ended, %d are open", n, len(d.Open()))
	}
	for _, c := range truth {
		d.Cover(c, 1)
	}
	for range 4 {
		at = at.Add(time.Hour)
		feed(d, w.hour(at, nil), &changes)
	}
	if n := len(only(changes, hotspot.Ended)); n != 1 {
		t.Errorf("with everybody watching again %d hotspots ended, want 1", n)
	}
}

func TestDetector_SeesWhatHappensEverywhere(t *testing.T) {
	t.Parallel()
	w := newTown(t, 10, 8, 0.4)
	d := mustDetector(t, w, hotspot.Options{})
	at, _ := weeks(d, w, 4)
	everywhere := &injection{cells: map[int]bool{}, times: 2.5, from: at, to: at.Add(6 * time.Hour)}
	for i := range w.lattice.Len() {
		everywhere.cells[i] = true
	}
	var changes []hotspot.Change
	for range 6 {
		feed(d, w.hour(at, everywhere), &changes)
		at = at.Add(time.Hour)
	}
	if !slices.ContainsFunc(changes, func(c hotspot.Change) bool { return c.Why == hotspot.Raised && c.Whole }) {
		t.Errorf("2.5 times as many events everywhere for six hours: no hotspot of the whole area among %d changes", len(changes))
	}
}

func TestDetector_RefusesWhatIsTooLateOrAheadOfTime(t *testing.T) {
	w := newTown(t, 1, 2, 1)
	d := mustDetector(t, w, hotspot.Options{})
	if d.Add(0, monday, 1) {
		t.Error("an event before time began was taken in")
	}
	d.Advance(monday)
	for name, test := range map[string]struct {
		at   time.Time
		want bool
	}{
		"now":                    {monday, true},
		"within the window":      {monday.Add(-5 * time.Hour), true},
		"before every window":    {monday.Add(-7 * time.Hour), false},
		"later than time is now": {monday.Add(time.Minute), false},
	} {
		if got := d.Add(0, test.at, 1); got != test.want {
			t.Errorf("%s: taken in: %v, want %v", name, got, test.want)
		}
	}
}

func TestOptions_SayWhatIsWrong(t *testing.T) {
	w := newTown(t, 1, 2, 1)
	for name, o := range map[string]hotspot.Options{
		"step":         {Step: 7 * time.Minute},
		"window order": {Windows: []time.Duration{time.Hour, time.Minute}},
		"window step":  {Step: time.Hour, Windows: []time.Duration{90 * time.Minute}},
		"long window":  {Windows: []time.Duration{48 * time.Hour}},
		"rings":        {Rings: 3},
		"budget":       {Budget: -1},
		"groups":       {Groups: 1, Group: func(int) int { return 1 }},
	} {
		if _, err := hotspot.New(w.lattice, nil, o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
