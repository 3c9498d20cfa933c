package duckdb

import (
	"context"
	"fmt"
	"time"
)

// Compact makes one row a key of the roll-ups of windows that end at or before
// before, in a transaction for each stretch of time that has something to
// merge, and of days that have become many rows a key. Answers do not change, they
// become faster. Data that comes later for the same windows is merged by a later
// Compact.
func (s *Series) Compact(ctx context.Context, before time.Time) error {
	for _, l := range levels {
		buckets, err := s.looseBuckets(ctx, l, before)
		if err != nil {
			return unavailable("compact "+l.table, err)
		}
		for _, b := range buckets {
			if err := s.compactBetween(ctx, l, b, b.Add(l.bucket)); err != nil {
				return unavailable("compact "+l.table, err)
			}
		}
	}
	if err := s.compactDays(ctx, before); err != nil {
		return unavailable("compact "+daily.table, err)
	}
	return nil
}

// looseBuckets returns the stretches of l's table, each wholly before before,
// that have rows which were never merged.
func (s *Series) looseBuckets(ctx context.Context, l level, before time.Time) ([]time.Time, error) {
	starts, err := s.times(ctx, fmt.Sprintf(
		`SELECT DISTINCT time_bucket(INTERVAL %d SECOND, start, TIMESTAMP '1970-01-01') AS b FROM %s
		WHERE NOT merged AND start < %s ORDER BY b`, int64(l.bucket.Seconds()), l.table, micros(before)))
	var out []time.Time
	for _, b := range starts {
		if !b.Add(l.bucket).After(before) {
			out = append(out, b)
		}
	}
	return out, err
}

// times returns the times that query selects.
func (s *Series) times(ctx context.Context, query string) ([]time.Time, error) {
	rows, err := s.readers.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []time.Time
	for rows.Next() {
		var t time.Time
		if err := rows.Scan(&t); err != nil {
			return nil, err
		}
		out = append(out, t.UTC())
	}
	return out, rows.Err()
}

// looseDayRows is how many rows a day that is not over may gain before they are
// merged; after that, as many as it has merged ones, so that a row is rewritten a
// few times a day and not with every Compact.
const looseDayRows = 50_000

func (s *Series) compactDays(ctx context.Context, before time.Time) error {
	days, err := s.times(ctx, fmt.Sprintf("SELECT DISTINCT start FROM %s WHERE NOT merged ORDER BY start", daily.table))
	if err != nil {
		return err
	}
	for _, day := range days {
		end := s.opts.Calendar.Next(day)
		if end.After(before) {
			var loose, merged int64
			err := s.readers.QueryRowContext(ctx, fmt.Sprintf("SELECT count(*) FILTER (WHERE NOT merged), count(*) FILTER (WHERE merged) FROM %s WHERE start = %s",
				daily.table, micros(day))).Scan(&loose, &merged)
			if err != nil {
				return err
			}
			if loose < max(looseDayRows, merged) {
				continue
			}
		}
		if err := s.compactBetween(ctx, daily, day, end); err != nil {
			return err
		}
	}
	return nil
}

// compactBetween rewrites the stretch [from, to). The lock is held for this
// stretch alone, so that writes come in between.
func (s *Series) compactBetween(ctx context.Context, l level, from, to time.Time) error {
	within := fmt.Sprintf("start >= %s AND start < %s", micros(from), micros(to))
	return s.locked(func() error {
		return s.transact(ctx, func() error {
			return s.execAll(ctx,
				fmt.Sprintf("CREATE OR REPLACE TEMP TABLE compacted AS SELECT start, kind, cell, area, %s FROM %s WHERE %s GROUP BY start, kind, cell, area",
					mergeColumns, l.table, within),
				fmt.Sprintf("DELETE FROM %s WHERE %s", l.table, within),
				fmt.Sprintf("INSERT INTO %s SELECT *, true FROM compacted ORDER BY kind, cell, start", l.table),
				"DROP TABLE compacted",
			)
		})
	})
}

func (s *Series) execAll(ctx context.Context, statements ...string) error {
	for _, statement := range statements {
		if err := s.exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}
