package bench_test

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/internal/influxtest"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
	"github.com/urbangrid/urbangrid/store/duckdb"
	"github.com/urbangrid/urbangrid/store/influx"
)

// A quarter of a district: every cell of Putuo has every kind on every day.
const (
	quarterDays  = 90
	quarterKinds = 12
	perCellDay   = 19 // observations of a kind, on average: 100 million in all
)

// quarterEnd is when the quarter ends: a midnight of Asia/Shanghai.
var quarterEnd = time.Date(2026, 11, 21, 16, 0, 0, 0, time.UTC)

// quarter is the simulated district. It comes as roll-ups of hours, which a store
// takes into its days as it does those of observations: what a cell has of a kind
// on a day is in one hour.
type quarter struct {
	cells  []grid.Cell
	areas  []grid.AreaCode // of each cell's middle
	bounds []time.Time     // of its days

	hours, observations int64 // that were handed out
}

func newQuarter(b *testing.B) *quarter {
	b.Helper()
	areas, err := grid.Putuo()
	if err != nil {
		b.Fatal(err)
	}
	q := &quarter{}
	if q.cells, err = areas.Cells(grid.Resolution); err != nil {
		b.Fatal(err)
	}
	for _, c := range q.cells {
		center, err := c.Center()
		if err != nil {
			b.Fatal(err)
		}
		q.areas = append(q.areas, areas.At(center))
	}
	q.bounds = grid.China().Days(quarterEnd.Add(-quarterDays*24*time.Hour), quarterEnd)
	return q
}

func kindOf(n int) sensors.KindKey { return sensors.KindKey(fmt.Sprintf("kind_%d", n)) }

// rollups returns the quarter in order of time, the same one each time.
func (q *quarter) rollups() iter.Seq2[grid.RollupKey, grid.Rollup] {
	return func(yield func(grid.RollupKey, grid.Rollup) bool) {
		random := rand.New(rand.NewPCG(90, 1))
		q.hours, q.observations = 0, 0
		for _, day := range q.bounds[:len(q.bounds)-1] {
			hour := day.Add(time.Duration(6+random.IntN(16)) * time.Hour)
			for kind := range quarterKinds {
				for i, cell := range q.cells {
					n := int64(perCellDay - 9 + random.IntN(19))
					low := float64(random.IntN(400)) / 4
					r := grid.Rollup{Count: n, Sum: float64(n) * (low + 5), Min: low, Max: low + 10, Last: low + 2.5, LastAt: hour.Add(59 * time.Minute)}
					k := grid.RollupKey{Span: grid.OneHour, Start: hour, Kind: kindOf(kind), Cell: cell, Area: q.areas[i]}
					q.hours++
					q.observations += n
					if !yield(k, r) {
						return
					}
				}
			}
		}
	}
}

// loadable is a store that takes in roll-ups.
type loadable interface {
	store.Series
	Load(context.Context, iter.Seq2[grid.RollupKey, grid.Rollup]) error
}

// openQuarter returns a store of the name that holds the quarter.
func openQuarter(b *testing.B, name string, q *quarter) store.Series {
	b.Helper()
	var s loadable
	var err error
	switch name {
	case "duckdb":
		s, err = duckdb.Open(b.Context(), filepath.Join(b.TempDir(), "series.db"), duckdb.Options{Retention: store.KeepForever})
	case "influx":
		s, err = influx.Open(b.Context(), influxtest.Start(b).Address("quarter"), influx.Options{Token: influxtest.Token, Retention: store.KeepForever})
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	began := time.Now()
	if err := s.Load(b.Context(), q.rollups()); err != nil {
		b.Fatal(err)
	}
	if d, ok := s.(*duckdb.Series); ok { // as it does by itself every ten minutes
		if err := d.Compact(b.Context(), time.Now()); err != nil {
			b.Fatal(err)
		}
	}
	b.Logf("%s: %d observations as %d roll-ups of hours, %d cells, %d kinds, %d days, loaded in %s", name, q.observations, q.hours,
		len(q.cells), quarterKinds, quarterDays, time.Since(began).Round(time.Second))
	return s
}

// median returns the median time of some calls in milliseconds.
func median(b *testing.B, f func() error) float64 {
	b.Helper()
	const calls = 9
	took := make([]time.Duration, calls)
	for i := range took {
		began := time.Now()
		if err := f(); err != nil {
			b.Fatal(err)
		}
		took[i] = time.Since(began)
	}
	slices.Sort(took)
	return float64(took[calls/2].Microseconds()) / 1000
}

// BenchmarkCube measures what reports on a quarter of a district ask of a store.
// Budget, with the report's own work: 300 ms for a trend by area and day, 2 s for
// the cells of one kind by day.
func BenchmarkCube(b *testing.B) {
	for _, name := range []string{"duckdb", "influx"} {
		b.Run(name, func(b *testing.B) {
			q := newQuarter(b)
			s := openQuarter(b, name, q)
			trend := store.CubeQuery{Kind: kindOf(0), By: store.ByArea, Bounds: q.bounds}
			emerging := store.CubeQuery{Kind: kindOf(1), By: store.ByCell, Bounds: q.bounds}
			whole := emerging
			whole.With = []store.Aggregate{store.Sum, store.Min, store.Max, store.Last}
			for _, m := range []struct {
				name, note string
				query      store.CubeQuery
			}{
				{"trend90d", "counts of a kind by area and day", trend},
				{"emerging", "counts of a kind by cell and day", emerging},
				{"columns", "the same with sum, min, max and last", whole},
			} {
				var cube store.Cube
				ms := median(b, func() (err error) {
					cube, err = s.Cube(b.Context(), m.query)
					return err
				})
				if cube.Span != grid.OneDay || cube.Windows() != quarterDays || m.query.By == store.ByCell && cube.Places() != len(q.cells) {
					b.Fatalf("cube of %d places and %d windows, from windows of %s", cube.Places(), cube.Windows(), time.Duration(cube.Span))
				}
				report(b, "cube."+m.name+"."+name+".ms", ms, "ms", fmt.Sprintf("%s: %d places, %d windows, %.0f million observations held", m.note, cube.Places(), cube.Windows(), float64(q.observations)/1e6))
			}
			ms := median(b, func() error {
				_, err := s.CubeState(b.Context(), emerging)
				return err
			})
			report(b, "cube.state."+name+".ms", ms, "ms", "whether that has changed")
		})
	}
}
