package duckdb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/store"
)

// expireRows is about how many rows one transaction of Expire deletes.
const expireRows = 250_000

// Expire deletes what is older than the retentions at now, in steps that let
// writes in between. Observations go by whole hours, when both the hour and the
// newest arrival in it are older than Retention.Raw: a file of last year that
// was replayed yesterday is kept for another month. From then on the hour is
// closed: what still comes for it is rejected, because it could not be told from
// what the roll-ups have counted. Roll-ups go when they are older than their own
// retention and the observations of their hour, or day, are gone; with the last of
// them, those of days, the hour is open again.
//
// Deleted rows leave room in the file that new ones take; the file itself does
// not become smaller.
func (s *Series) Expire(ctx context.Context, now time.Time) error {
	deleted, err := s.expireRaw(ctx, now)
	if err != nil {
		return unavailable("delete old observations", err)
	}
	for _, l := range levels {
		n, err := s.expireLevel(ctx, l, now)
		if err != nil {
			return unavailable("delete old roll-ups of "+l.table, err)
		}
		deleted += n
	}
	n, err := s.expireDays(ctx, now)
	if err != nil {
		return unavailable("delete old roll-ups of "+daily.table, err)
	}
	deleted += n
	if deleted == 0 {
		return nil
	}
	s.log.Info("old series deleted", "steps", deleted)
	return s.locked(func() error {
		// What was deleted becomes free at a checkpoint. One that cannot be made
		// now, because of readers, is made by a later one.
		if err := s.exec(ctx, "CHECKPOINT"); err != nil {
			s.log.Debug("series checkpoint put off", "error", err)
		}
		return nil
	})
}

func (s *Series) locked(f func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isClosed {
		return errClosed
	}
	return f()
}

// hour is an hour with something to delete.
type hour struct {
	start time.Time
	rows  int64
}

func (s *Series) hours(ctx context.Context, query string) ([]hour, error) {
	rows, err := s.readers.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []hour
	for rows.Next() {
		var h hour
		if err := rows.Scan(&h.start, &h.rows); err != nil {
			return nil, err
		}
		h.start = h.start.UTC()
		out = append(out, h)
	}
	return out, rows.Err()
}

func (s *Series) expireRaw(ctx context.Context, now time.Time) (steps int, err error) {
	keep := s.opts.Retention.Raw
	if keep == store.Forever {
		return 0, nil
	}
	cutoff := now.Add(-keep)
	old, err := s.hours(ctx, fmt.Sprintf(`SELECT date_trunc('hour', observed) AS h, count(*) FROM observations WHERE observed < %s
		GROUP BY h HAVING max(received) < %s ORDER BY h`, micros(grid.OneHour.Start(cutoff)), micros(cutoff)))
	if err != nil || len(old) == 0 {
		return 0, err
	}
	if err := s.Roll(ctx); err != nil { // what is deleted must have been counted
		return 0, err
	}
	for _, h := range old {
		parts := h.rows/expireRows + 1
		width := time.Hour / time.Duration(parts)
		for from := h.start; from.Before(h.start.Add(time.Hour)); from = from.Add(width) {
			if err := s.locked(func() error { return s.expireHour(ctx, h.start, from, from.Add(width)) }); err != nil {
				return steps, err
			}
			steps++
		}
	}
	return steps, nil
}

// expireHour closes the hour and deletes its observations of [from, to).
func (s *Series) expireHour(ctx context.Context, start, from, to time.Time) error {
	if err := s.load(ctx); err != nil {
		return err
	}
	if end := start.Add(time.Hour); to.After(end) {
		to = end
	}
	err := s.transact(ctx, func() error {
		if err := s.exec(ctx, fmt.Sprintf("INSERT OR IGNORE INTO closed_hours VALUES (%s)", micros(start))); err != nil {
			return err
		}
		return s.exec(ctx, fmt.Sprintf("DELETE FROM observations WHERE observed >= %s AND observed < %s AND no <= %d", micros(from), micros(to), s.rolled))
	})
	if err == nil {
		s.closed[start] = true
	}
	return err
}

// expireLevel deletes the roll-ups of old hours that have no observations.
func (s *Series) expireLevel(ctx context.Context, l level, now time.Time) (steps int, err error) {
	keep := s.opts.Retention.Of(l.span)
	if keep == store.Forever {
		return 0, nil
	}
	cutoff := micros(grid.OneHour.Start(now.Add(-keep)))
	old, err := s.hours(ctx, fmt.Sprintf(`SELECT date_trunc('hour', start) AS h, count(*) FROM %s WHERE start < %s
		AND date_trunc('hour', start) NOT IN (SELECT DISTINCT date_trunc('hour', observed) FROM observations WHERE observed < %s)
		GROUP BY h ORDER BY h`, l.table, cutoff, cutoff))
	if err != nil {
		return 0, err
	}
	for len(old) > 0 {
		n, rows := 0, int64(0)
		for n < len(old) && n < 24*31 && (n == 0 || rows+old[n].rows <= expireRows) && old[n].start.Sub(old[0].start) == time.Duration(n)*time.Hour {
			rows += old[n].rows
			n++
		}
		if err := s.locked(func() error { return s.expireRollups(ctx, l, old[0].start, old[n-1].start.Add(time.Hour)) }); err != nil {
			return steps, err
		}
		steps++
		old = old[n:]
	}
	return steps, nil
}

// expireRollups deletes l's roll-ups of [from, to).
func (s *Series) expireRollups(ctx context.Context, l level, from, to time.Time) error {
	within := func(column string) string {
		return fmt.Sprintf("%[1]s >= %[2]s AND %[1]s < %[3]s", column, micros(from), micros(to))
	}
	// Observations may have come since the hours were looked up.
	again, err := s.number(ctx, "SELECT count(*) FROM observations WHERE "+within("observed"))
	if err != nil || again > 0 {
		return err
	}
	return s.transact(ctx, func() error {
		return s.exec(ctx, fmt.Sprintf("DELETE FROM %s WHERE %s", l.table, within("start")))
	})
}

func (s *Series) closedHours(ctx context.Context) (map[time.Time]bool, error) {
	hours, err := s.hours(ctx, "SELECT hour, 0 FROM closed_hours")
	out := make(map[time.Time]bool, len(hours))
	for _, h := range hours {
		out[h.start] = true
	}
	return out, err
}

// Usage implements store.Series.
func (s *Series) Usage(ctx context.Context) (store.Usage, error) {
	u := store.Usage{Retention: s.opts.Retention}
	var oldest, newest *time.Time
	err := s.readers.QueryRowContext(ctx, "SELECT count(*), min(observed), max(observed) FROM observations").Scan(&u.Observations, &oldest, &newest)
	if err != nil {
		return store.Usage{}, unavailable("measure series", err)
	}
	if oldest != nil && newest != nil {
		u.Oldest, u.Newest = oldest.UTC(), newest.UTC()
	}
	if err := s.readers.QueryRowContext(ctx, "SELECT free_blocks * block_size FROM pragma_database_size()").Scan(&u.Reusable); err != nil {
		return store.Usage{}, unavailable("measure series", err)
	}
	for _, name := range []string{s.path, s.path + ".wal"} {
		info, err := os.Stat(name)
		switch {
		case err == nil:
			u.Bytes += info.Size()
		case !errors.Is(err, os.ErrNotExist):
			return store.Usage{}, fmt.Errorf("measure series: %w", err)
		}
	}
	return u, nil
}
