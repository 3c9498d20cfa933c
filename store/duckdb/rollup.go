package duckdb

import (
	"context"
	"fmt"
	"time"
)

// mergeColumns merges rows of the columns n, total, low, high, last, last_at as
// grid.Rollup does.
const mergeColumns = `sum(n)::BIGINT AS n, sum(total) AS total, min(low) AS low, max(high) AS high,
	max({'a': last_at, 'v': last}).v AS last, max(last_at) AS last_at`

// Roll takes the observations that are in no roll-up yet into those of every
// span, in one transaction. It is called by the store itself; calling it is
// never needed for a right answer.
func (s *Series) Roll(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isClosed {
		return errClosed
	}
	if err := s.roll(ctx); err != nil {
		return unavailable("roll up series", err)
	}
	return nil
}

// minRoll is how many observations a transaction of roll may take in any case.
const minRoll = 50_000

// roll needs mu. It takes a bounded number of observations at a time, so that
// what was written without roll-ups needs little memory, however much it is.
func (s *Series) roll(ctx context.Context) error {
	if err := s.load(ctx); err != nil {
		return err
	}
	for s.rolled < s.next-1 {
		upTo := min(s.rolled+max(2*s.opts.RollRows, minRoll), s.next-1)
		if err := s.transact(ctx, func() error { return s.rollRange(ctx, s.rolled, upTo) }); err != nil {
			return err
		}
		s.rolled = upTo
	}
	return nil
}

// rollRange adds the observations (after, upTo] to the roll-ups: the finest
// span from the observations, each other from the one before.
func (s *Series) rollRange(ctx context.Context, after, upTo int64) error {
	source := fmt.Sprintf(`(SELECT observed AS start, kind, cell, area, 1 AS n, value AS total, value AS low, value AS high, value AS last, observed AS last_at
		FROM observations WHERE no > %d AND no <= %d)`, after, upTo)
	for _, l := range levels {
		fresh := "fresh_" + l.table
		if err := s.exec(ctx, fmt.Sprintf(`CREATE OR REPLACE TEMP TABLE %s AS
			SELECT time_bucket(INTERVAL %d SECOND, start, TIMESTAMP '1970-01-01') AS start, kind, cell, area, %s
			FROM %s GROUP BY ALL`, fresh, int64(time.Duration(l.span).Seconds()), mergeColumns, source)); err != nil {
			return err
		}
		if err := s.exec(ctx, fmt.Sprintf("INSERT INTO %s SELECT *, false FROM %s ORDER BY kind, cell, start", l.table, fresh)); err != nil {
			return err
		}
		source = fresh
	}
	for _, l := range levels {
		if err := s.exec(ctx, "DROP TABLE fresh_"+l.table); err != nil {
			return err
		}
	}
	return s.exec(ctx, fmt.Sprintf("UPDATE state SET value = %d WHERE key = 'rolled'", upTo))
}

// Compact makes one row a key of the roll-ups of windows that end at or before
// before, in a transaction for each stretch of time that has something to
// merge. Answers do not change, they become faster. Data that comes later for
// the same windows is merged by a later Compact.
func (s *Series) Compact(ctx context.Context, before time.Time) error {
	for _, l := range levels {
		buckets, err := s.looseBuckets(ctx, l, before)
		if err != nil {
			return unavailable("compact "+l.table, err)
		}
		for _, b := range buckets {
			if err := s.compactBucket(ctx, l, b); err != nil {
				return unavailable("compact "+l.table, err)
			}
		}
	}
	return nil
}

// looseBuckets returns the stretches of l's table, each wholly before before,
// that have rows which were never merged.
func (s *Series) looseBuckets(ctx context.Context, l level, before time.Time) ([]time.Time, error) {
	rows, err := s.readers.QueryContext(ctx, fmt.Sprintf(
		`SELECT DISTINCT time_bucket(INTERVAL %d SECOND, start, TIMESTAMP '1970-01-01') AS b FROM %s
		WHERE NOT merged AND start < %s ORDER BY b`, int64(l.bucket.Seconds()), l.table, micros(before)))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []time.Time
	for rows.Next() {
		var b time.Time
		if err := rows.Scan(&b); err != nil {
			return nil, err
		}
		if !b.Add(l.bucket).After(before) {
			out = append(out, b)
		}
	}
	return out, rows.Err()
}

// compactBucket rewrites one stretch. The lock is held for this stretch alone,
// so that writes come in between.
func (s *Series) compactBucket(ctx context.Context, l level, from time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isClosed {
		return errClosed
	}
	within := fmt.Sprintf("start >= %s AND start < %s", micros(from), micros(from.Add(l.bucket)))
	return s.transact(ctx, func() error {
		for _, statement := range []string{
			fmt.Sprintf("CREATE OR REPLACE TEMP TABLE compacted AS SELECT start, kind, cell, area, %s FROM %s WHERE %s GROUP BY start, kind, cell, area",
				mergeColumns, l.table, within),
			fmt.Sprintf("DELETE FROM %s WHERE %s", l.table, within),
			fmt.Sprintf("INSERT INTO %s SELECT *, true FROM compacted ORDER BY kind, cell, start", l.table),
			"DROP TABLE compacted",
		} {
			if err := s.exec(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
}
