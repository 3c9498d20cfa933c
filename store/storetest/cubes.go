package storetest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/store"
	"pgregory.net/rapid"
)

var columns = []store.Aggregate{store.Sum, store.Min, store.Max, store.Last}

// cubePlaces are cube queries of a kind by each grouping and narrowing.
func cubePlaces(t failer, kind string, bounds []time.Time) []store.CubeQuery {
	t.Helper()
	coarse, err := cellAt(2).Parent(8)
	if err != nil {
		t.Fatalf("parent: %v", err)
	}
	out := []store.CubeQuery{
		{By: store.ByCell},
		{By: store.ByCell, Resolution: 9},
		{By: store.ByCell, Resolution: 6, Area: "310107001"},
		{By: store.ByCell, Cell: coarse},
		{By: store.ByCell, Cell: coarse, Resolution: 7},
		{By: store.ByArea},
		{By: store.ByArea, Cell: coarse},
		{By: store.ByArea, Area: "310107002"},
		{By: store.ByCity},
		{By: store.ByCity, Area: "310107001", Cell: cellAt(1)},
		{By: store.ByCity, Area: "310107000"},
	}
	for i := range out {
		out[i].Kind, out[i].Bounds = observation(0, kind, start, 0).Kind, bounds
	}
	return out
}

// expectedCube is the answer to q computed from the observations one by one.
func expectedCube(t failer, q store.CubeQuery, observations []grid.Placed) store.Cube {
	t.Helper()
	type name struct {
		cell grid.Cell
		area grid.AreaCode
	}
	rows := make(map[name][]grid.Rollup)
	for _, p := range observations {
		narrow := store.Query{Kind: q.Kind, Area: q.Area}
		if !matches(narrow, p) || !matches(store.Query{Kind: q.Kind, Cell: q.Cell}, p) {
			continue
		}
		w := slices.IndexFunc(q.Bounds, func(b time.Time) bool { return p.At.Before(b) }) - 1
		if w < 0 {
			continue // before the first bound, or after the last
		}
		var n name
		switch q.By {
		case store.ByCell:
			parent, err := p.Cell.Parent(q.CellResolution())
			if err != nil {
				t.Fatalf("parent: %v", err)
			}
			n.cell = parent
		case store.ByArea:
			n.area = p.Area
		}
		if rows[n] == nil {
			rows[n] = make([]grid.Rollup, len(q.Bounds)-1)
		}
		rows[n][w].Add(p.Value, p.At)
	}
	names := make([]name, 0, len(rows))
	for n := range rows {
		names = append(names, n)
	}
	slices.SortFunc(names, func(a, b name) int {
		if a.cell != b.cell {
			return int(int64(a.cell) - int64(b.cell))
		}
		return slices.Compare([]byte(a.area), []byte(b.area))
	})
	cube := store.Cube{City: q.By == store.ByCity}
	for _, n := range names {
		switch q.By {
		case store.ByCell:
			cube.Cells = append(cube.Cells, n.cell)
		case store.ByArea:
			cube.Areas = append(cube.Areas, n.area)
		}
		for _, r := range rows[n] {
			cube.Count = append(cube.Count, r.Count)
			for _, c := range []struct {
				of     store.Aggregate
				column *[]float64
				value  float64
			}{{store.Sum, &cube.Sum, r.Sum}, {store.Min, &cube.Min, r.Min}, {store.Max, &cube.Max, r.Max}, {store.Last, &cube.Last, r.Last}} {
				if q.Has(c.of) {
					*c.column = append(*c.column, c.value)
				}
			}
		}
	}
	for _, b := range q.Bounds {
		cube.Bounds = append(cube.Bounds, b.UTC())
	}
	return cube
}

// wantCube asks q and compares the answer with what observations give, and the
// span that it came from with the one expected.
func (f *fixture) wantCube(t failer, q store.CubeQuery, span grid.Span, observations []grid.Placed) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testTimeout)
	defer cancel()
	got, err := f.s.Cube(ctx, q)
	if err != nil {
		t.Fatalf("cube of %+v: %v", q, err)
	}
	want := expectedCube(t, q, observations)
	want.Span = span
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("cube of %+v (-want +got):\n%s", q, diff)
	}
	if got.Places() != max(len(got.Cells), len(got.Areas)) && !got.City || got.Windows() != len(q.Bounds)-1 {
		t.Fatalf("cube of %+v has %d places and %d windows", q, got.Places(), got.Windows())
	}
}

// steps returns bounds: count windows of each length from begin on.
func steps(begin time.Time, count int, lengths ...time.Duration) []time.Time {
	out := []time.Time{begin}
	for _, l := range lengths {
		for range count {
			out = append(out, out[len(out)-1].Add(l))
		}
	}
	return out
}

// withColumns returns q with the nth choice of columns.
func withColumns(q store.CubeQuery, n int) store.CubeQuery {
	switch n % 3 {
	case 0:
		q.With = columns
	case 1:
		q.With = columns[n%4 : n%4+1]
	}
	return q
}

func cubesAreExact(t *testing.T, f *fixture) {
	observations := someDay(21, 900)
	f.write(t, observations[:400])
	f.write(t, observations[400:600], observations[600:])
	days := f.Calendar.Days(start, start.Add(24*time.Hour))
	for _, part := range []struct {
		name   string
		bounds []time.Time
		span   grid.Span
	}{
		{"days", days, grid.OneDay},
		{"days, the first two as one", append(days[:1:1], days[2:]...), grid.OneDay},
		{"hours", steps(start, 24, time.Hour), grid.OneHour},
		{"hours of different lengths", steps(start, 4, time.Hour, 3*time.Hour, 2*time.Hour), grid.OneHour},
		{"ten minutes of a part of a day", steps(start.Add(3*time.Hour), 30, 10*time.Minute), grid.OneMinute},
		{"minutes in no order", steps(start.Add(90*time.Minute), 1, time.Minute, 7*time.Minute, time.Minute, time.Minute, 5*time.Hour), grid.OneMinute},
		{"one window", []time.Time{start.In(f.Calendar.Zone()), start.Add(6 * time.Hour)}, grid.OneHour},
		{"a time without observations", steps(start.Add(-1000*time.Hour), 3, time.Hour), grid.OneHour},
	} {
		if len(part.bounds) < 2 {
			continue // the day is one of this zone's, so there are no two
		}
		for i, q := range cubePlaces(t, "noise", part.bounds) {
			f.wantCube(t, withColumns(q, i), part.span, f.held)
		}
	}
	f.reopen(t)
	for i, q := range cubePlaces(t, "noise", days) {
		f.wantCube(t, withColumns(q, i), grid.OneDay, f.held)
	}
	f.wantCube(t, cubePlaces(t, "no such kind", days)[0], grid.OneDay, f.held)
}

// oddDay returns the start of a day of another length than 24 hours, of the
// first year from 1986 on that has one: in China that is the last with summer time
// but five.
func (f *fixture) oddDay() time.Time {
	day := f.Calendar.Day(time.Date(1986, 1, 1, 12, 0, 0, 0, time.UTC))
	for range 366 {
		next := f.Calendar.Next(day)
		if next.Sub(day) != 24*time.Hour {
			return day
		}
		day = next
	}
	return day
}

func daysAreOfTheZone(t *testing.T, f *fixture) {
	odd := f.oddDay()
	days := f.Calendar.Days(odd.Add(-36*time.Hour), odd.Add(70*time.Hour))
	var live, late []grid.Placed
	for i, b := range days {
		for j, off := range []time.Duration{-time.Microsecond, 0, 30 * time.Minute, 13 * time.Hour} {
			p := observation(i+j, "noise", b.Add(off), float64(4*i+j))
			if j%2 == 0 {
				live = append(live, p)
			} else {
				late = append(late, received(p, time.Duration(j)*20*time.Hour)) // history, from j = 1 on
			}
		}
	}
	today := someDay(22, 60)
	f.write(t, live)
	f.write(t, today) // the present, decades later
	f.reopen(t)
	f.write(t, late)
	f.write(t, slices.Clone(late[:3])) // history again: it counts once
	f.held = f.held[:len(f.held)-3]
	check := func() {
		t.Helper()
		for i, q := range cubePlaces(t, "noise", days) {
			f.wantCube(t, withColumns(q, i), grid.OneDay, f.held)
		}
		week := append(days[:1:1], days[2:]...)
		f.wantCube(t, store.CubeQuery{Kind: "noise", By: store.ByArea, Bounds: week, With: columns}, grid.OneDay, f.held)
		f.wantCube(t, store.CubeQuery{Kind: "noise", By: store.ByArea, Bounds: f.Calendar.Days(start, start.Add(time.Hour)), With: columns}, grid.OneDay, f.held)
	}
	check()
	f.reopen(t)
	check()
}

// cubeOrderDoesNotMatter writes observations of a few days in any order and
// grouping, offers entries again, and asks in between.
func cubeOrderDoesNotMatter(t *testing.T, f *fixture) {
	odd := f.oddDay()
	days := f.Calendar.Days(odd.Add(-time.Hour), odd.Add(30*time.Hour))
	run := 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		kind := "cube_" + time.Duration(run).String()
		observations := make([]grid.Placed, rapid.IntRange(1, 25).Draw(t, "count"))
		for i := range observations {
			near := rapid.SampledFrom(days).Draw(t, "day")
			minutes := rapid.IntRange(-200, 200).Draw(t, "minute")
			at := near.Add(time.Duration(minutes)*time.Minute + time.Duration(i)*time.Microsecond)
			observations[i] = observation(rapid.IntRange(0, 5).Draw(t, "device"), kind, at, float64(rapid.IntRange(-8, 8).Draw(t, "value"))/4)
			if rapid.Bool().Draw(t, "late") {
				observations[i] = received(observations[i], 48*time.Hour)
			}
		}
		var entries []store.Entry
		for i := 0; i < len(observations); {
			n := rapid.IntRange(1, len(observations)-i).Draw(t, "size")
			entries = append(entries, store.Entry{Seq: uint64(len(entries) + 1), Observations: observations[i : i+n]})
			i += n
		}
		written, held := 0, 0
		for written < len(entries) {
			from := rapid.IntRange(0, written).Draw(t, "again from")
			to := rapid.IntRange(written+1, len(entries)).Draw(t, "to")
			f.mustWrite(t, "cube-"+kind, entries[from:to])
			for _, e := range entries[written:to] {
				held += len(e.Observations)
			}
			written = to
			asked := cubePlaces(t, kind, days)
			f.wantCube(t, withColumns(asked[(run+written)%len(asked)], run), grid.OneDay, observations[:held])
		}
		hours := cubePlaces(t, kind, steps(odd.Truncate(time.Hour).Add(-8*time.Hour), 40, time.Hour))
		f.wantCube(t, withColumns(hours[run%len(hours)], run+1), grid.OneHour, observations)
	})
}

func cubeStateChangesWithItsData(t *testing.T, f *fixture) {
	f.write(t, someDay(23, 200))
	days := f.Calendar.Days(start, start.Add(24*time.Hour))
	queries := cubePlaces(t, "noise", days)
	queries = append(queries, cubePlaces(t, "noise", steps(start, 24, time.Hour))...)
	state := func(q store.CubeQuery) string {
		t.Helper()
		name, err := f.s.CubeState(contextFor(t), q)
		if err != nil || name == "" {
			t.Fatalf("state of %+v: %q, %v", q, name, err)
		}
		return name
	}
	before := make([]string, len(queries))
	for i, q := range queries {
		before[i] = state(q)
	}
	f.write(t, []grid.Placed{
		observation(2, "pm25", start.Add(time.Hour), 1),      // another kind
		observation(2, "noise", start.Add(100*time.Hour), 1), // another time
	})
	f.reopen(t) // where what was not yet rolled up is
	for i, q := range queries {
		if got := state(q); got != before[i] {
			t.Errorf("state of %+v changed from %s to %s though its data did not", q, before[i], got)
		}
	}
	for i, q := range queries {
		was, err := f.s.Cube(contextFor(t), q)
		if err != nil {
			t.Fatal(err)
		}
		before[i] = state(q)
		f.write(t, []grid.Placed{observation(i%6, "noise", start.Add(time.Duration(i)*time.Minute+7*time.Microsecond), 0)})
		is, err := f.s.Cube(contextFor(t), q)
		if err != nil {
			t.Fatal(err)
		}
		if changed := !cmp.Equal(was, is); changed != (state(q) != before[i]) {
			t.Errorf("cube of %+v changed: %v, but its state from %s to %s", q, changed, before[i], state(q))
		}
	}
}

func invalidCubes(t *testing.T, f *fixture) {
	valid := store.CubeQuery{Kind: "noise", By: store.ByCell, Bounds: steps(start, 2, time.Hour)}
	for name, change := range map[string]func(*store.CubeQuery){
		"no kind":                 func(q *store.CubeQuery) { q.Kind = "" },
		"no grouping":             func(q *store.CubeQuery) { q.By = 0 },
		"an unknown grouping":     func(q *store.CubeQuery) { q.By = 9 },
		"not a cell":              func(q *store.CubeQuery) { q.Cell = 12345 },
		"a cell that is too fine": func(q *store.CubeQuery) { q.Cell = fineCell() },
		"a fine resolution":       func(q *store.CubeQuery) { q.Resolution = grid.Resolution + 1 },
		"no such resolution":      func(q *store.CubeQuery) { q.Resolution = -1 },
		"areas of a resolution":   func(q *store.CubeQuery) { q.By, q.Resolution = store.ByArea, 9 },
		"a mean":                  func(q *store.CubeQuery) { q.With = []store.Aggregate{store.Mean} },
		"an unknown column":       func(q *store.CubeQuery) { q.With = []store.Aggregate{"median"} },
		"no bounds":               func(q *store.CubeQuery) { q.Bounds = nil },
		"one bound":               func(q *store.CubeQuery) { q.Bounds = q.Bounds[:1] },
		"no length":               func(q *store.CubeQuery) { q.Bounds = []time.Time{start, start} },
		"not ascending":           func(q *store.CubeQuery) { q.Bounds = []time.Time{start, start.Add(time.Hour), start.Add(time.Minute)} },
		"a part of a minute":      func(q *store.CubeQuery) { q.Bounds = []time.Time{start, start.Add(90 * time.Second)} },
		"a part of a microsecond": func(q *store.CubeQuery) { q.Bounds = []time.Time{start, start.Add(time.Hour + 1)} },
		"too early":               func(q *store.CubeQuery) { q.Bounds = []time.Time{store.Earliest.Add(-time.Hour), start} },
		"too late":                func(q *store.CubeQuery) { q.Bounds = []time.Time{start, store.Latest.Add(time.Hour)} },
	} {
		q := valid
		change(&q)
		if cube, err := f.s.Cube(contextFor(t), q); !errors.Is(err, store.ErrInvalidQuery) {
			t.Errorf("%s: got %v, %v, want ErrInvalidQuery", name, cube, err)
		}
		if state, err := f.s.CubeState(contextFor(t), q); !errors.Is(err, store.ErrInvalidQuery) {
			t.Errorf("%s: got state %q, %v, want ErrInvalidQuery", name, state, err)
		}
	}
	f.wantCube(t, valid, grid.OneHour, nil)
	// Two cells times more than half of what a cube may have.
	f.write(t, []grid.Placed{observation(0, "noise", start, 1), observation(1, "noise", start, 1)})
	valid.Bounds = steps(store.Latest.Add(-time.Minute*(store.MaxCube/2+1)), store.MaxCube/2+1, time.Minute)
	valid.Bounds[0] = start
	if _, err := f.s.Cube(contextFor(t), valid); !errors.Is(err, store.ErrInvalidQuery) {
		t.Errorf("a cube of more than %d values: %v, want ErrInvalidQuery", store.MaxCube, err)
	}
	canceled, cancel := context.WithCancel(contextFor(t))
	cancel()
	valid.Bounds = steps(start, 2, time.Hour)
	if _, err := f.s.Cube(canceled, valid); err == nil {
		t.Error("a cube whose context has ended gave no error")
	}
}
