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
	if err := s.rollDays(ctx); err != nil {
		return err
	}
	for _, l := range levels {
		if err := s.exec(ctx, "DROP TABLE fresh_"+l.table); err != nil {
			return err
		}
	}
	return s.exec(ctx, fmt.Sprintf("UPDATE state SET value = %d WHERE key = 'rolled'", upTo))
}
