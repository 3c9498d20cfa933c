package duckdb_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/store"
	"github.com/urbangrid/urbangrid/store/duckdb"
)

// rowsIn counts the rows of a table of a closed file.
func rowsIn(t *testing.T, path, table string) (n int) {
	t.Helper()
	db, err := sql.Open("duckdb", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRow("SELECT count(*) FROM " + table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestSeries_CompactMergesPastWindowsAndChangesNoAnswer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "series.db")
	s := mustOpen(t, path, duckdb.Options{RollRows: 1, CompactEvery: -1})
	const entries, each = 20, 200
	cells := make(map[grid.Cell]bool)
	for seq := uint64(1); seq <= entries; seq++ {
		observations := district(benchStart, 17*time.Millisecond, each) // the same windows again and again
		for i := range observations {
			observations[i].At = observations[i].At.Add(time.Duration(seq) * time.Microsecond)
			cells[observations[i].Cell] = true
		}
		if err := s.Write(t.Context(), store.Position{Journal: "j", Seq: seq}, []store.Entry{{Seq: seq, Observations: observations}}); err != nil {
			t.Fatal(err)
		}
	}
	answers := func() string {
		var out []store.Line
		for _, every := range []time.Duration{10 * time.Second, time.Minute, time.Hour} {
			for _, agg := range []store.Aggregate{store.Count, store.Sum, store.Mean, store.Min, store.Max, store.Last} {
				q := store.Query{Kind: "kind_3", From: benchStart, To: benchStart.Add(time.Hour), Every: every, Agg: agg}
				lines, err := s.Points(t.Context(), q)
				if err != nil {
					t.Fatal(err)
				}
				out = append(out, lines...)
			}
		}
		cube, err := s.Cube(t.Context(), store.CubeQuery{Kind: "kind_3", By: store.ByCell, Bounds: grid.China().Days(benchStart, benchStart.Add(time.Hour)),
			With: []store.Aggregate{store.Sum, store.Min, store.Max, store.Last}})
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(out, cube)
	}
	before := answers()
	if err := s.Compact(t.Context(), benchStart.Add(30*time.Minute)); err != nil { // wholly past for the 10 s alone
		t.Fatal(err)
	}
	if after := answers(); after != before {
		t.Errorf("answers after a first compaction\n%s\nwant\n%s", after, before)
	}
	for range 2 {
		if err := s.Compact(t.Context(), benchStart.Add(48*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if after := answers(); after != before {
		t.Errorf("answers after compaction\n%s\nwant\n%s", after, before)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	keys := make(map[grid.RollupKey]bool)
	for _, o := range district(benchStart, 17*time.Millisecond, each) {
		for _, span := range grid.Spans {
			keys[grid.RollupKey{Span: span, Start: span.Start(o.At), Kind: o.Kind, Cell: o.Cell, Area: o.Area}] = true
		}
		keys[grid.RollupKey{Span: grid.OneDay, Start: grid.China().Day(o.At), Kind: o.Kind, Cell: o.Cell, Area: o.Area}] = true
	}
	want := map[grid.Span]int{}
	for k := range keys {
		want[k.Span]++
	}
	for table, span := range map[string]grid.Span{"rollups_10s": grid.TenSeconds, "rollups_1m": grid.OneMinute, "rollups_1h": grid.OneHour, "rollups_1d": grid.OneDay} {
		if got := rowsIn(t, path, table); got != want[span] {
			t.Errorf("%s has %d rows after compaction, want one a key: %d", table, got, want[span])
		}
	}
}

func TestSeries_CompactMergesADayThatIsNotOverWhenItHasGainedManyRows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "series.db")
	s := mustOpen(t, path, duckdb.Options{RollRows: 1, CompactEvery: -1})
	const each = 10_000 // a row for every device
	within := benchStart.Add(time.Hour)
	observations := district(benchStart, time.Millisecond, each)
	var seq uint64
	for _, step := range []struct{ writes, rows int }{{4, 4 * each}, {2, each}, {1, 2 * each}} {
		for range step.writes {
			seq++
			for i := range observations {
				observations[i].At = observations[i].At.Add(time.Minute)
			}
			writeOne(t, s, seq, observations)
		}
		if err := s.Compact(t.Context(), within); err != nil {
			t.Fatal(err)
		}
		if got, want := inDays(t, s, benchStart, within), float64(int(seq)*each/10); got != want {
			t.Errorf("after %d writes the day counts %v, want %v", seq, got, want)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if got := rowsIn(t, path, "rollups_1d"); got != step.rows {
			t.Errorf("after %d writes the day has %d rows, want %d", seq, got, step.rows)
		}
		s = mustOpen(t, path, duckdb.Options{RollRows: 1, CompactEvery: -1})
	}
}

func TestSeries_KeepsTheFileToOneProgramAndItsSchema(t *testing.T) {
	path := filepath.Join(t.TempDir(), "series.db")
	s := mustOpen(t, path, duckdb.Options{})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("duckdb", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("UPDATE state SET value = 99 WHERE key = 'schema'"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := duckdb.Open(t.Context(), path, duckdb.Options{}); err == nil {
		t.Error("a file of a later program was opened")
	}
	if _, err := duckdb.Open(t.Context(), filepath.Join(t.TempDir(), "a?b.db"), duckdb.Options{}); err == nil {
		t.Error("a path that the driver would cut was opened")
	}
}

func TestSeries_MayBeClosedTwiceAndRefusesWritesAfter(t *testing.T) {
	s := mustOpen(t, filepath.Join(t.TempDir(), "series.db"), duckdb.Options{})
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	entries := []store.Entry{{Seq: 1, Observations: slices.Clone(district(benchStart, time.Second, 1))}}
	if err := s.Write(t.Context(), store.Position{Journal: "j", Seq: 1}, entries); err == nil {
		t.Error("a write after Close gave no error")
	}
}
