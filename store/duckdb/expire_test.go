package duckdb_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/store"
	"github.com/urbangrid/urbangrid/store/duckdb"
)

// total returns how many observations windows of the span count, per kind_3.
func total(t *testing.T, s store.Series, span grid.Span, from, to time.Time) (n float64) {
	t.Helper()
	lines, err := s.Points(t.Context(), store.Query{Kind: "kind_3", From: from, To: to, Every: time.Duration(span), Agg: store.Count})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range lines[0].Points {
		n += p.Value
	}
	return n
}

// inDays returns how many observations of kind_3 the days of [from, to) count.
func inDays(t *testing.T, s store.Series, from, to time.Time) (n float64) {
	t.Helper()
	cube, err := s.Cube(t.Context(), store.CubeQuery{Kind: "kind_3", By: store.ByCell, Bounds: grid.China().Days(from, to)})
	if err != nil {
		t.Fatal(err)
	}
	if cube.Span != grid.OneDay {
		t.Fatalf("days are answered from windows of %s", time.Duration(cube.Span))
	}
	for _, c := range cube.Count {
		n += float64(c)
	}
	return n
}

func writeOne(t *testing.T, s store.Series, seq uint64, observations []grid.Placed) {
	t.Helper()
	if err := s.Write(t.Context(), store.Position{Journal: "j", Seq: seq}, []store.Entry{{Seq: seq, Observations: observations}}); err != nil {
		t.Fatal(err)
	}
}

func kind3(observations []grid.Placed) (n float64) {
	for i := range observations {
		if observations[i].Kind == "kind_3" {
			n++
		}
	}
	return n
}

const day = 24 * time.Hour

func TestSeries_ExpireDeletesEachSpanAtItsTimeAndNothingElse(t *testing.T) {
	var rejected []grid.Placed
	s := mustOpen(t, filepath.Join(t.TempDir(), "series.db"), duckdb.Options{
		RollEvery: -1, CompactEvery: -1, ExpireEvery: -1,
		Retention: store.Retention{Raw: 30 * day, Minutes: 90 * day, Hours: 300 * day, Days: 400 * day},
		OnRejected: func(p []grid.Placed, reason string) {
			if reason != store.RejectRetention {
				t.Errorf("rejected for %q, want %q", reason, store.RejectRetention)
			}
			rejected = append(rejected, p...)
		},
	})
	live := district(benchStart, 2*time.Second, 3_000) // an hour and 40 minutes
	for i := range live {
		live[i].Received = live[i].At
	}
	writeOne(t, s, 1, live)
	all, end := kind3(live), benchStart.Add(2*time.Hour)
	var seq uint64 = 1
	for _, step := range []struct {
		name                 string
		after                time.Duration
		raw, s10, m1, h1, d1 float64
	}{
		{"before anything is old", 29 * day, float64(len(live)), all, all, all, all},
		{"when observations are old", 31 * day, 0, 0, all, all, all},
		{"when minutes are old", 91 * day, 0, 0, 0, all, all},
		{"when hours are old", 301 * day, 0, 0, 0, 0, all},
		{"when days are old", 402 * day, 0, 0, 0, 0, 0},
	} {
		if err := s.Expire(t.Context(), benchStart.Add(step.after)); err != nil {
			t.Fatal(err)
		}
		u, err := s.Usage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if float64(u.Observations) != step.raw {
			t.Errorf("%s: %d observations, want %v", step.name, u.Observations, step.raw)
		}
		for span, want := range map[grid.Span]float64{grid.TenSeconds: step.s10, grid.OneMinute: step.m1, grid.OneHour: step.h1} {
			if got := total(t, s, span, benchStart, end); got != want {
				t.Errorf("%s: windows of %s count %v, want %v", step.name, time.Duration(span), got, want)
			}
		}
		if got := inDays(t, s, benchStart, end); got != step.d1 {
			t.Errorf("%s: days count %v, want %v", step.name, got, step.d1)
		}
		if step.name != "when observations are old" && step.name != "when hours are old" {
			continue
		}
		rejected = nil
		// The file comes again. It cannot be told from what the roll-ups count.
		again := slices.Clone(live)
		for i := range again {
			again[i].Received = benchStart.Add(step.after)
		}
		seq++
		writeOne(t, s, seq, again)
		if len(rejected) != len(live) {
			t.Errorf("%d observations of a closed hour rejected, want %d", len(rejected), len(live))
		}
		if got := total(t, s, grid.OneHour, benchStart, end); got != step.h1 {
			t.Errorf("%s: hours count %v after a replay, want %v", step.name, got, step.h1)
		}
		if got := inDays(t, s, benchStart, end); got != all {
			t.Errorf("%s: days count %v after a replay, want %v", step.name, got, all)
		}
	}
}

func TestSeries_ExpireKeepsAReplayedYearAsLongAsWhatIsNew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "series.db")
	s := mustOpen(t, path, duckdb.Options{RollEvery: -1, CompactEvery: -1, ExpireEvery: -1, Retention: store.Retention{Days: 5 * 365 * day}})
	old := district(benchStart.Add(-8*365*day), 20*time.Second, 2_000)
	for i := range old {
		old[i].Received = benchStart
	}
	from, to := old[0].At, old[len(old)-1].At.Add(time.Hour)
	for round := range uint64(2) { // the second time it is all held already
		writeOne(t, s, round+1, old)
		if err := s.Expire(t.Context(), benchStart.Add(time.Duration(1+round*28)*day)); err != nil {
			t.Fatal(err)
		}
		for _, span := range grid.Spans {
			if got, want := total(t, s, span, from, to), kind3(old); got != want {
				t.Errorf("round %d: windows of %s count %v, want %v", round, time.Duration(span), got, want)
			}
		}
		if got, want := inDays(t, s, from, to), kind3(old); got != want {
			t.Errorf("round %d: days count %v, want %v", round, got, want)
		}
	}
	if err := s.Expire(t.Context(), benchStart.Add(31*day)); err != nil {
		t.Fatal(err)
	}
	for _, span := range grid.Spans {
		if got := total(t, s, span, from, to); got != 0 {
			t.Errorf("windows of %s count %v after the month, want 0", time.Duration(span), got)
		}
	}
	if got := inDays(t, s, from, to); got != 0 {
		t.Errorf("days count %v after the month, want 0", got)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if n := rowsIn(t, path, "closed_hours"); n != 0 {
		t.Errorf("%d hours are closed though nothing of them is left, want 0", n)
	}
}

func TestSeries_ExpiredRoomIsUsedAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "series.db")
	s := mustOpen(t, path, duckdb.Options{RollEvery: -1, CompactEvery: -1, ExpireEvery: -1, Retention: store.Retention{Raw: day, Minutes: day, Hours: day, Days: day}})
	var sizes []int64
	const days, each = 6, 40_000
	for n := range uint64(days) {
		began := benchStart.Add(time.Duration(n) * 3 * day)
		observations := district(began, 20*time.Millisecond, each)
		for i := range observations {
			observations[i].Received = observations[i].At
		}
		writeOne(t, s, n+1, observations)
		if err := s.Roll(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := s.Expire(t.Context(), began.Add(2*day)); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, info.Size())
	}
	u, err := s.Usage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("file after each of %d rounds: %v bytes; reusable at the end: %d", days, sizes, u.Reusable)
	if u.Observations != 0 {
		t.Errorf("%d observations are left, want 0", u.Observations)
	}
	if first, last := sizes[1], sizes[days-1]; float64(last) > 1.5*float64(first) {
		t.Errorf("file grew from %d to %d bytes in %d rounds of which nothing is kept", first, last, days-2)
	}
}
