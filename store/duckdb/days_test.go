package duckdb_test

import (
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/store"
	"github.com/urbangrid/urbangrid/store/duckdb"
)

var everyColumn = []store.Aggregate{store.Sum, store.Min, store.Max, store.Last}

func cubeOf(t *testing.T, s store.Series, q store.CubeQuery) store.Cube {
	t.Helper()
	cube, err := s.Cube(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return cube
}

// inSQL changes a closed file.
func inSQL(t *testing.T, path string, statements ...string) {
	t.Helper()
	db, err := sql.Open("duckdb", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range statements {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
}

// toFirstSchema makes a file what the programs before days left.
func toFirstSchema(t *testing.T, path string) {
	inSQL(t, path, "DROP TABLE rollups_1d", "DROP TABLE calendar", "UPDATE state SET value = 1 WHERE key = 'schema'")
}

func TestOpen_MakesTheDaysOfAFileThatHasNone(t *testing.T) {
	for name, calendar := range map[string]grid.Calendar{
		"from hours":   zone(t, "Asia/Shanghai"),
		"from minutes": zone(t, "Asia/Kolkata"), // whose days begin at half past
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "series.db")
			opts := duckdb.Options{Calendar: calendar, RollEvery: -1, Retention: store.KeepForever}
			s := mustOpen(t, path, opts)
			observations := district(benchStart, 5*time.Minute, 8_000) // 28 days
			writeOne(t, s, 1, observations[:7_000])
			q := store.CubeQuery{Kind: "kind_3", By: store.ByCell, Bounds: calendar.Days(benchStart, benchStart.Add(30*day)), With: everyColumn}
			want := cubeOf(t, s, q)
			if err := s.Roll(t.Context()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, cubeOf(t, s, q)); diff != "" {
				t.Errorf("days differ when they are rolled up (-before +after):\n%s", diff)
			}
			if want.Span != grid.OneDay || want.Places() == 0 {
				t.Fatalf("the cube has %d places from windows of %s", want.Places(), time.Duration(want.Span))
			}
			for range 2 { // a second time the days are there
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				toFirstSchema(t, path)
				s = mustOpen(t, path, opts)
				if diff := cmp.Diff(want, cubeOf(t, s, q)); diff != "" {
					t.Errorf("days that were made later differ (-want +got):\n%s", diff)
				}
			}
			writeOne(t, s, 2, observations[7_000:])
			var n int64
			for _, c := range cubeOf(t, s, q).Count {
				n += c
			}
			if float64(n) != kind3(observations) {
				t.Errorf("days count %d when more has come, want %v", n, kind3(observations))
			}
		})
	}
}

func TestOpen_MakesNoDayOfWhichAPartIsGone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "series.db")
	s := mustOpen(t, path, duckdb.Options{RollEvery: -1, Retention: store.KeepForever})
	now := time.Now().UTC()
	observations := district(now.Add(-10*day).Truncate(time.Microsecond), time.Hour, 240)
	for i := range observations {
		observations[i].Kind = "kind_3"
	}
	writeOne(t, s, 1, observations)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	toFirstSchema(t, path)
	keep := 5*day + 6*time.Hour
	s = mustOpen(t, path, duckdb.Options{RollEvery: -1, ExpireEvery: -1, Retention: store.Retention{Raw: keep, Minutes: keep, Hours: keep}})
	whole := grid.China().Next(now.Add(-keep))
	if got := inDays(t, s, now.Add(-20*day), whole); got != 0 {
		t.Errorf("days that begin before hours are kept count %v, want none", got)
	}
	var want float64
	for _, p := range observations {
		if !p.At.Before(whole) {
			want++
		}
	}
	if got := inDays(t, s, whole, now.Add(day)); got != want {
		t.Errorf("whole days count %v, want %v", got, want)
	}
}

func TestOpen_RefusesDaysOfAnotherZone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "series.db")
	s := mustOpen(t, path, duckdb.Options{})
	writeOne(t, s, 1, district(benchStart, time.Minute, 3_000))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	berlin := duckdb.Options{Calendar: zone(t, "Europe/Berlin")}
	if _, err := duckdb.Open(t.Context(), path, berlin); err == nil {
		t.Fatal("a file with the days of another zone was opened")
	}
	inSQL(t, path, "DELETE FROM rollups_1d", "DELETE FROM calendar") // as the error says
	s = mustOpen(t, path, berlin)
	cube := cubeOf(t, s, store.CubeQuery{Kind: "kind_3", By: store.ByCity, Bounds: zone(t, "Europe/Berlin").Days(benchStart, benchStart.Add(3*day))})
	if len(cube.Count) == 0 || cube.Count[0] == 0 {
		t.Errorf("days that were made anew hold %v", cube.Count)
	}
}

func TestSeries_LoadGivesWhatWritingGives(t *testing.T) {
	observations := district(benchStart, time.Minute, 6_000)
	written := mustOpen(t, filepath.Join(t.TempDir(), "written.db"), duckdb.Options{})
	writeOne(t, written, 1, observations)
	loaded := mustOpen(t, filepath.Join(t.TempDir(), "loaded.db"), duckdb.Options{})
	hours := make(map[grid.RollupKey]grid.Rollup)
	for _, p := range observations {
		k := grid.RollupKey{Span: grid.OneHour, Start: grid.OneHour.Start(p.At), Kind: p.Kind, Cell: p.Cell, Area: p.Area}
		r := hours[k]
		r.Add(p.Value, p.At)
		hours[k] = r
	}
	err := loaded.Load(t.Context(), func(yield func(grid.RollupKey, grid.Rollup) bool) {
		for k, r := range hours {
			if !yield(k, r) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, bounds := range [][]time.Time{grid.China().Days(benchStart, benchStart.Add(5*day)), {benchStart, benchStart.Add(time.Hour), benchStart.Add(50 * time.Hour)}} {
		q := store.CubeQuery{Kind: "kind_3", By: store.ByCell, Bounds: bounds, With: everyColumn}
		if diff := cmp.Diff(cubeOf(t, written, q), cubeOf(t, loaded, q)); diff != "" {
			t.Errorf("loaded roll-ups differ (-written +loaded):\n%s", diff)
		}
	}
}
