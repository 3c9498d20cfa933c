package analytics

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/store"
)

// What is known of thousands of devices and the cells they stand in is the same after
// a restart, and what is then observed leads to the same; a note of it is a few
// kilobytes a device at most.
func TestSecondary_KnowsThousandsOfDevicesAfterARestart(t *testing.T) {
	const devices, perDevice = 5_000, 2_000 // bytes
	rule := Rule{Name: "noise_unusual", Kind: "noise", Names: loudNames, Severity: store.Notice,
		Baseline: &Baseline{Raise: 5, Clear: 3, Spread: 3, Swing: 5}}
	j, s := mobile(t, rule)
	center, err := grid.CellAt(grid.Point{LatDegrees: 31.25, LonDegrees: 121.4}, grid.Resolution)
	if err != nil {
		t.Fatal(err)
	}
	rings, err := center.Disk(30)
	if err != nil {
		t.Fatal(err)
	}
	cells := slices.Concat(rings...)
	start := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	play := func(j *judge, from, to int) {
		for step := from; step < to; step++ {
			for i := range devices {
				j.seq++
				at := start.Add(time.Duration(step)*5*time.Minute + time.Duration(i)*50*time.Millisecond)
				j.observe(reading(fmt.Sprint("n", i), 50+float64((i*31+step*17)%11), at, cells[i%len(cells)]))
			}
		}
	}
	play(j, 0, 15)
	saved, err := s.save()
	if err != nil {
		t.Fatal(err)
	}
	if len(saved) > devices*perDevice {
		t.Errorf("what is known of %d devices takes %d bytes, want at most %d each", devices, len(saved), perDevice)
	}
	again, restored := mobile(t, rule)
	if err := restored.load(saved); err != nil {
		t.Fatal(err)
	}
	again.seq, again.minute, again.newest = j.seq, j.minute, j.newest
	if len(restored.senders) != devices || len(restored.places) != len(s.places) {
		t.Fatalf("%d devices in %d cells are known again, want %d in %d", len(restored.senders), len(restored.places), devices, len(s.places))
	}
	play(j, 15, 20)
	play(again, 15, 20)
	if diff := cmp.Diff(summary(s), summary(restored)); diff != "" {
		t.Errorf("after a restart the same readings teach something else (-want +got):\n%s", diff)
	}
}

// summary sums up what is known of each device and cell.
func summary(s *secondary) map[string]string {
	out := make(map[string]string)
	for id, d := range s.senders {
		u, is := d.habit.expect(1, s.baseline.priors)
		out[string(id)] = fmt.Sprint(d.cell, d.at, d.value, d.steps, d.score, d.hearing.Last, u, is)
	}
	for _, c := range slices.Sorted(maps.Keys(s.places)) {
		p := s.places[c]
		out[c.String()] = fmt.Sprint(len(p.members), p.steps, p.habit != nil)
	}
	return out
}
