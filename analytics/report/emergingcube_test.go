package report_test

import (
	"slices"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/analytics/report"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

// A cube of 20 steps in which every cell has ten events, but for disks of seven cells
// with a history each.
const (
	cubeSteps = 20
	ordinary  = 10
)

// history is how many events each cell of a disk has at a step.
type history func(step int) int

func at(value int, steps ...int) history {
	return func(step int) int {
		if slices.Contains(steps, step) {
			return value
		}
		return ordinary
	}
}

func upTo(value, last int) history {
	return func(step int) int {
		if step <= last {
			return value
		}
		return ordinary
	}
}

// handmade are the histories of the 16 patterns. A step with many (or without) events
// is hot (cold) in the step after too, whose neighbours it is.
func handmade() map[string]history {
	const many, none = 24, 0
	oscillating := func(first, later int) history {
		return func(step int) int {
			switch step {
			case 5:
				return first
			case 10, 19:
				return later
			}
			return ordinary
		}
	}
	return map[string]history{
		"new_hot":           at(many, 19),
		"consecutive_hot":   at(many, 17, 18, 19),
		"intensifying_hot":  func(step int) int { return 17 + step },
		"persistent_hot":    upTo(many, 19),
		"diminishing_hot":   func(step int) int { return 36 - step },
		"sporadic_hot":      at(many, 5, 12, 19),
		"oscillating_hot":   oscillating(none, many),
		"historical_hot":    upTo(many, 17),
		"new_cold":          at(none, 19),
		"consecutive_cold":  at(none, 17, 18, 19),
		"intensifying_cold": func(step int) int { return 3 - step/5 },
		"persistent_cold":   upTo(1, 19),
		"diminishing_cold":  func(step int) int { return step / 5 },
		"sporadic_cold":     at(none, 5, 12, 19),
		"oscillating_cold":  oscillating(many, none),
		"historical_cold":   upTo(none, 17),
	}
}

// cubeTown is a district of 397 cells with the histories of handmade, each around a
// cell that is returned, at steps that begin where start says.
func cubeTown(t *testing.T, start func(step int) time.Time) (*town, map[string]grid.Cell) {
	t.Helper()
	s := newTown(t)
	middle, err := grid.CellAt(west, 9)
	if err != nil {
		t.Fatal(err)
	}
	rings, err := middle.Disk(11)
	if err != nil {
		t.Fatal(err)
	}
	// Middles whose disks share no cell, nor touch.
	histories := handmade()
	names := make([]string, 0, len(histories))
	for name := range histories {
		names = append(names, name)
	}
	slices.Sort(names)
	around := map[grid.Cell]history{}
	taken := map[grid.Cell]bool{}
	centers := map[string]grid.Cell{}
	for _, c := range slices.Concat(rings[:10]...) {
		if len(centers) == len(names) {
			break
		}
		disk, err := c.Disk(2)
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(slices.Concat(disk[:2]...), func(c grid.Cell) bool { return taken[c] }) {
			continue
		}
		name := names[len(centers)]
		centers[name] = c
		for _, near := range slices.Concat(disk...) {
			taken[near] = true
		}
		for _, near := range slices.Concat(disk[:2]...) {
			around[near] = histories[name]
		}
	}
	if len(centers) < len(names) {
		t.Fatalf("there is room for %d histories alone", len(centers))
	}
	for _, c := range slices.Concat(rings...) {
		p := center(t, c)
		s.devices = append(s.devices, sensors.Device{
			ID: sensors.DeviceID(c.String()), Kinds: []sensors.KindKey{"smoke"},
			Position: sensors.Position{LatDegrees: p.LatDegrees, LonDegrees: p.LonDegrees, Datum: sensors.WGS84},
		})
		for step := range cubeSteps {
			n := ordinary
			if h := around[c]; h != nil {
				n = h(step)
			}
			for i := range n {
				s.observe(t, "smoke", p, start(step).Add(time.Duration(i)*time.Second), 1)
			}
		}
	}
	return s, centers
}

func TestEmerging_ClassifiesHandMadeCubesOfDaysAndOfHours(t *testing.T) {
	for every, c := range map[report.Step]struct {
		start func(step int) time.Time
		query string
	}{
		report.Day:  {func(step int) time.Time { return day(t, cubeSteps-step) }, "from=2026-11-03&to=2026-11-23"},
		report.Hour: {func(step int) time.Time { return day(t, 3).Add(time.Duration(step) * time.Hour) }, "from=2026-11-19T16:00:00Z&to=2026-11-20T12:00:00Z"},
	} {
		t.Run(string(every), func(t *testing.T) {
			s, centers := cubeTown(t, c.start)
			r := s.ask(t, report.Emerging, "kind=smoke&every="+string(every)+"&"+c.query)
			wellFormed(t, r)
			if r.Period.Count != cubeSteps {
				t.Fatalf("the cube has %d steps, want %d", r.Period.Count, cubeSteps)
			}
			tb, _ := r.Table("cells")
			for name, cell := range centers {
				row := slices.IndexFunc(tb.Rows, func(v []report.Value) bool { return v[0] == report.Text(cell.String()) })
				wantText(t, r, "cells", row, "category", name)
			}
			found := 0.0
			categories, _ := r.Table("categories")
			for i := range categories.Rows {
				n, _ := cell(t, r, "categories", i, "cells").Number()
				if n == 0 {
					t.Errorf("no cell is %s", cell(t, r, "categories", i, "category").In(report.EN, time.UTC))
				}
				found += n
			}
			if found != 397 {
				t.Errorf("%v cells are counted, want 397", found)
			}
			wantText(t, r, "categories", 16, "category", "no_pattern")
			if n, _ := cell(t, r, "categories", 16, "cells").Number(); n < 100 {
				t.Errorf("%v cells have no pattern, want most of those with ten events at every step", n)
			}
		})
	}
}
