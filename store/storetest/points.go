package storetest

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
	"pgregory.net/rapid"
)

var aggregates = []store.Aggregate{store.Count, store.Sum, store.Mean, store.Min, store.Max, store.Last}

// places are queries for one kind by each kind of place that can be asked for.
func places(t failer, kind string) []store.Query {
	t.Helper()
	var out []store.Query
	add := func(change func(*store.Query)) {
		q := store.Query{Kind: sensors.KindKey(kind), From: start, To: start.Add(24 * time.Hour), Every: time.Minute, Agg: store.Count}
		change(&q)
		out = append(out, q)
	}
	add(func(*store.Query) {})
	add(func(q *store.Query) { q.Device = "device-3" })
	add(func(q *store.Query) { q.Area = "310107001" })
	for res := grid.Resolution; res >= 6; res-- {
		parent, err := cellAt(2).Parent(res)
		if err != nil {
			t.Fatalf("parent: %v", err)
		}
		add(func(q *store.Query) { q.Cell = parent })
	}
	return out
}

// someDay returns a day of observations of two kinds by ten devices, at times
// that hit the edges of windows as well as what lies between.
func someDay(seed uint64, count int) []grid.Placed {
	random := rand.New(rand.NewPCG(seed, 1))
	out := make([]grid.Placed, 0, count)
	seen := make(map[[2]any]bool)
	for len(out) < count {
		at := start.Add(time.Duration(random.Int64N(int64(24 * time.Hour)))).Truncate(time.Microsecond)
		if random.IntN(4) == 0 {
			at = at.Truncate(10 * time.Second)
		}
		kind := "noise"
		if random.IntN(5) == 0 {
			kind = "pm25"
		}
		p := observation(random.IntN(10), kind, at, float64(random.IntN(4000)-500)/4)
		identity := [2]any{p.Device, p.At}
		if seen[identity] {
			continue
		}
		seen[identity] = true
		out = append(out, p)
	}
	return out
}

func windowsAreExact(t *testing.T, f *fixture) {
	day := someDay(1, 1500)
	f.write(t, day[:500])
	f.write(t, day[500:900], day[900:])
	lengths := []time.Duration{10 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour, 90 * time.Second}
	check := func() {
		for _, q := range places(t, "noise") {
			for i, every := range lengths {
				q.Every = every
				q.Agg = aggregates[i%len(aggregates)]
				f.wantPoints(t, q, f.held)
			}
			for _, agg := range aggregates {
				q.Every, q.Agg = time.Hour, agg
				q.From, q.To = start.Add(3*time.Hour+17*time.Second), start.Add(9*time.Hour+time.Microsecond)
				f.wantPoints(t, q, f.held)
			}
		}
		q := places(t, "pm25")[1]
		for _, every := range []time.Duration{7 * time.Second, time.Minute} {
			q.Every, q.Agg = every, store.Mean
			f.wantPoints(t, q, f.held)
		}
	}
	check()
	f.reopen(t)
	check()
}

func orderDoesNotMatter(t *testing.T, f *fixture) {
	run := 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		kind := "kind_" + time.Duration(run).String()
		count := rapid.IntRange(1, 30).Draw(t, "count")
		observations := make([]grid.Placed, count)
		for i := range observations {
			second := rapid.IntRange(0, 200).Draw(t, "second")
			at := start.Add(time.Duration(second)*time.Second + time.Duration(i)*time.Microsecond)
			value := float64(rapid.IntRange(-8, 8).Draw(t, "value")) / 4
			observations[i] = observation(rapid.IntRange(0, 3).Draw(t, "device"), kind, at, value)
		}
		offered := rapid.Permutation(observations).Draw(t, "order")
		journal := "order-" + kind
		var seq uint64
		for len(offered) > 0 {
			var entries []store.Entry
			for range rapid.IntRange(1, 3).Draw(t, "entries") {
				n := rapid.IntRange(0, len(offered)).Draw(t, "size")
				seq += rapid.Uint64Range(1, 3).Draw(t, "gap")
				entries = append(entries, store.Entry{Seq: seq, Observations: offered[:n]})
				offered = offered[n:]
			}
			f.mustWrite(t, journal, entries)
		}
		asked := places(t, kind)
		for i := range 3 { // others in each run
			q := asked[(run+i*3)%len(asked)]
			q.Agg = aggregates[(i+run)%len(aggregates)]
			q.Every = []time.Duration{10 * time.Second, time.Minute, time.Hour}[(run/8)%3]
			q.To = start.Add(time.Hour)
			f.wantPoints(t, q, observations)
		}
	})
}

func lateObservationsCorrect(t *testing.T, f *fixture) {
	noon := start.Add(12 * time.Hour)
	var live []grid.Placed
	for i := range 60 {
		live = append(live, observation(i%5, "noise", noon.Add(time.Duration(i)*time.Second), float64(i)))
	}
	f.write(t, live)
	f.reopen(t) // what is open in memory is gone
	f.write(t, []grid.Placed{
		observation(1, "noise", noon.Add(500*time.Millisecond), 100),                      // late
		observation(2, "noise", noon.Add(-6*time.Hour), -4),                               // late by hours
		observation(2, "noise", time.Date(2018, 1, 1, 0, 0, 9, 999_999_000, time.UTC), 8), // history
		observation(2, "noise", time.Date(1969, 12, 31, 23, 59, 59, 0, time.UTC), 3),
	})
	f.write(t, []grid.Placed{observation(2, "noise", time.Date(2018, 1, 1, 0, 0, 0, 0, time.UTC), 16)})
	f.write(t, []grid.Placed{observation(0, "noise", noon.Add(61*time.Second), 7)}) // and on with the present
	for _, q := range places(t, "noise") {
		for _, agg := range aggregates {
			q.Agg = agg
			f.wantPoints(t, q, f.held)
		}
		q.From, q.To, q.Every = time.Date(2018, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2018, 1, 2, 0, 0, 0, 0, time.UTC), 10*time.Second
		f.wantPoints(t, q, f.held)
		q.From, q.To, q.Every = time.Date(1969, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(1970, 1, 2, 0, 0, 0, 0, time.UTC), time.Hour
		f.wantPoints(t, q, f.held)
	}
}

func lastIsOfGreatestTime(t *testing.T, f *fixture) {
	f.write(t, []grid.Placed{observation(1, "noise", start.Add(5*time.Second), 50)})
	f.write(t, []grid.Placed{observation(1, "noise", start.Add(2*time.Second), 20)}) // older, written later
	q := store.Query{Kind: "noise", Cell: cellAt(1), From: start, To: start.Add(10 * time.Second), Every: 10 * time.Second, Agg: store.Last}
	f.wantPoints(t, q, f.held)
	a, b := observation(1, "noise", start.Add(5*time.Second), 60), observation(1, "noise", start.Add(5*time.Second), 55)
	a.Device, b.Device = "twin-a", "twin-b" // at the same instant: the greatest value
	f.write(t, []grid.Placed{a}, []grid.Placed{b})
	f.wantPoints(t, q, f.held)
	f.reopen(t)
	f.wantPoints(t, q, f.held)
}

func invalidQueries(t *testing.T, f *fixture) {
	valid := store.Query{Kind: "noise", From: start, To: start.Add(time.Hour), Every: time.Minute, Agg: store.Mean}
	for name, change := range map[string]func(*store.Query){
		"no kind":                  func(q *store.Query) { q.Kind = "" },
		"two places":               func(q *store.Query) { q.Device, q.Area = "a", "310107001" },
		"not a cell":               func(q *store.Query) { q.Cell = 12345 },
		"a cell that is too fine":  func(q *store.Query) { q.Cell = fineCell() },
		"no aggregate":             func(q *store.Query) { q.Agg = "" },
		"an unknown aggregate":     func(q *store.Query) { q.Agg = "median" },
		"no length":                func(q *store.Query) { q.Every = 0 },
		"a negative length":        func(q *store.Query) { q.Every = -time.Minute },
		"a part of a second":       func(q *store.Query) { q.Device, q.Every = "a", 1500*time.Millisecond },
		"a part of a roll-up":      func(q *store.Query) { q.Every = 15 * time.Second },
		"to before from":           func(q *store.Query) { q.To = q.From.Add(-time.Hour) },
		"nothing between the two":  func(q *store.Query) { q.To = q.From },
		"more windows than we may": func(q *store.Query) { q.Every, q.To = 10*time.Second, q.From.Add(10*time.Second*(store.MaxPoints+1)) },
		"no time":                  func(q *store.Query) { q.From, q.To = time.Time{}, time.Time{} },
	} {
		q := valid
		change(&q)
		if lines, err := f.s.Points(contextFor(t), q); !errors.Is(err, store.ErrInvalidQuery) {
			t.Errorf("%s: got %v, %v, want ErrInvalidQuery", name, lines, err)
		}
	}
	f.points(t, valid)
	for name, q := range map[string]store.ObservationQuery{
		"no limit":        {},
		"a great limit":   {Limit: store.MaxObservations + 1},
		"a strange page":  {Limit: 1, Cursor: "strange"},
		"an empty page":   {Limit: 1, Cursor: "AAAA"},
		"to before from":  {Limit: 1, From: start, To: start.Add(-time.Second)},
		"not a cell":      {Limit: 1, Cell: 12345},
		"a cell too fine": {Limit: 1, Cell: fineCell()},
	} {
		if page, next, err := f.s.Observations(contextFor(t), q); !errors.Is(err, store.ErrInvalidQuery) {
			t.Errorf("%s: got %v, %q, %v, want ErrInvalidQuery", name, page, next, err)
		}
	}
}

func fineCell() grid.Cell {
	c, err := grid.CellAt(place(0), grid.Resolution+1)
	if err != nil {
		panic(err) // a fixed place of this package
	}
	return c
}

func emptyAnswers(t *testing.T, f *fixture) {
	check := func() {
		for _, q := range places(t, "pm25") {
			if got := f.points(t, q); len(got) != 0 {
				t.Errorf("%s: got %v, want no points", describe(q), got)
			}
		}
		if got := f.observations(t, store.ObservationQuery{Kind: "pm25", Limit: 10}); len(got) != 0 {
			t.Errorf("got %v, want no observations", got)
		}
	}
	check()
	f.write(t, []grid.Placed{observation(1, "noise", start, 1)})
	check()
	counts, err := f.s.Counts(contextFor(t), start.Add(time.Hour), start.Add(2*time.Hour))
	if err != nil || len(counts) != 0 {
		t.Errorf("counts of an hour without observations = %v, %v, want none", counts, err)
	}
}
