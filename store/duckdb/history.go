package duckdb

import (
	"context"
	"database/sql/driver"
	"fmt"
	"slices"
	"time"

	"github.com/duckdb/duckdb-go/v2"
	"github.com/urbangrid/urbangrid/grid"
)

// arrival is an observation that may be held already.
type arrival struct {
	no int64
	p  *grid.Placed
}

// open takes those out of arrivals that belong to an hour whose observations
// have been deleted.
func (s *Series) open(arrivals []arrival) (kept []arrival, rejected []grid.Placed) {
	for _, a := range arrivals {
		if s.closed[grid.OneHour.Start(a.p.At)] {
			rejected = append(rejected, *a.p)
		} else {
			kept = append(kept, a)
		}
	}
	return kept, rejected
}

// maxStretches bounds how many pieces of the past one merge looks at one by one.
const maxStretches = 24

// merge adds the arrivals that are not held yet to the observations; of two that
// are the same the first is kept. It reads the stretches of time that they are
// of and nothing else, and runs in the transaction of the write.
func (s *Series) merge(ctx context.Context, arrivals []arrival) error {
	if err := s.exec(ctx, "CREATE OR REPLACE TEMP TABLE arrivals AS FROM observations LIMIT 0"); err != nil {
		return err
	}
	if err := s.appendArrivals(arrivals); err != nil {
		return err
	}
	statements := []string{`DELETE FROM arrivals WHERE no NOT IN (SELECT min(no) FROM arrivals GROUP BY device, kind, observed, id)`}
	for _, t := range stretches(arrivals) {
		within := func(table string) string {
			return fmt.Sprintf("%[1]s.observed >= %[2]s AND %[1]s.observed <= %[3]s", table, micros(t[0]), micros(t[1]))
		}
		statements = append(statements, fmt.Sprintf(`DELETE FROM arrivals USING observations o WHERE %s AND %s AND arrivals.observed = o.observed
			AND arrivals.device = o.device AND arrivals.kind = o.kind AND arrivals.id = o.id`, within("arrivals"), within("o")))
	}
	statements = append(statements, "INSERT INTO observations SELECT * FROM arrivals ORDER BY no", "DROP TABLE arrivals")
	for _, statement := range statements {
		if err := s.exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

func (s *Series) appendArrivals(arrivals []arrival) error {
	appender, err := duckdb.NewAppender(s.conn, "temp", "main", "arrivals")
	if err != nil {
		return err
	}
	var row [15]driver.Value
	for _, a := range arrivals {
		fill(&row, a.no, a.p)
		if err := appender.AppendRow(row[:]...); err != nil {
			_ = appender.Close() // the transaction is rolled back
			return err
		}
	}
	return appender.Close()
}

// stretches returns bounds, both inclusive, that cover the times of arrivals: one
// for each run of times less than an hour apart, or one for all when there are
// too many.
func stretches(arrivals []arrival) [][2]time.Time {
	times := make([]time.Time, len(arrivals))
	for i, a := range arrivals {
		times[i] = a.p.At
	}
	slices.SortFunc(times, time.Time.Compare)
	out := [][2]time.Time{{times[0], times[0]}}
	for _, t := range times[1:] {
		if last := &out[len(out)-1]; t.Sub(last[1]) < time.Hour {
			last[1] = t
		} else {
			out = append(out, [2]time.Time{t, t})
		}
	}
	if len(out) > maxStretches {
		return [][2]time.Time{{times[0], times[len(times)-1]}}
	}
	return out
}
