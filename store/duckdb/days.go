package duckdb

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/duckdb/duckdb-go/v2"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/store"
)

// rollDays adds the fresh roll-ups of a transaction to those of days.
func (s *Series) rollDays(ctx context.Context) error {
	hours := "fresh_" + levelOf(grid.OneHour).table
	bounds, err := s.daysOf(ctx, hours)
	if err != nil || bounds == nil {
		return err
	}
	source := hours
	if !wholeHours(bounds) {
		source = "fresh_" + levelOf(grid.OneMinute).table
	}
	return s.addDays(ctx, source, "true", bounds)
}

// daysOf returns the bounds of the days that the hours of a table lie in, nil
// when it has none.
func (s *Series) daysOf(ctx context.Context, table string) ([]time.Time, error) {
	rows, err := s.number(ctx, "SELECT count(*) FROM "+table)
	if err != nil || rows == 0 {
		return nil, err
	}
	first, err := s.number(ctx, "SELECT epoch_us(min(start)) FROM "+table)
	if err != nil {
		return nil, err
	}
	last, err := s.number(ctx, "SELECT epoch_us(max(start)) FROM "+table)
	if err != nil {
		return nil, err
	}
	return s.opts.Calendar.Days(time.UnixMicro(first), time.UnixMicro(last).Add(time.Hour)), nil
}

// wholeHours reports whether the days between bounds can be made from hours.
func wholeHours(bounds []time.Time) bool {
	return !slices.ContainsFunc(bounds, func(b time.Time) bool { return !grid.OneHour.Start(b).Equal(b) })
}

// addDays adds the roll-ups of a table that fulfil a condition to those of the
// days between bounds.
func (s *Series) addDays(ctx context.Context, table, condition string, bounds []time.Time) error {
	return s.exec(ctx, fmt.Sprintf(`INSERT INTO %s SELECT *, false FROM (SELECT %s AS start, kind, cell, area, %s FROM %s
		WHERE %s GROUP BY ALL) ORDER BY kind, cell, start`, daily.table, windowed("start", bounds, windowStart), mergeColumns, table, condition))
}

// upgrade makes what a file lacks, and sees that it is one of this program and
// zone.
func (s *Series) upgrade(ctx context.Context, now time.Time) error {
	if err := s.exec(ctx, schema()); err != nil {
		return err
	}
	version, err := s.number(ctx, "SELECT value FROM state WHERE key = 'schema'")
	if err != nil {
		return err
	}
	if version > schemaVersion {
		return fmt.Errorf("the file has schema %d, this program reads up to %d", version, schemaVersion)
	}
	zone := s.opts.Calendar.Zone().String()
	known, err := s.number(ctx, "SELECT count(*) FROM calendar")
	if err != nil {
		return err
	}
	same, err := s.number(ctx, "SELECT count(*) FROM calendar WHERE zone = ?", zone)
	if err != nil {
		return err
	}
	switch {
	case same > 0:
		return nil
	case known > 0:
		return fmt.Errorf("its days are those of another time zone than %s; set that zone, or empty the tables rollups_1d and calendar to have the days made anew from the hours", zone)
	}
	if err := s.makeDays(ctx, now); err != nil {
		return fmt.Errorf("make the roll-ups of days: %w", err)
	}
	if err := s.exec(ctx, "INSERT INTO calendar VALUES (?)", zone); err != nil {
		return err
	}
	return s.exec(ctx, fmt.Sprintf("UPDATE state SET value = %d WHERE key = 'schema'", schemaVersion))
}

// daysAtOnce is how many days one statement of makeDays makes, so that it stays
// within little memory.
const daysAtOnce = 8

// makeDays makes the days of a file that has none, of the hours that are kept;
// where the zone is not off by whole hours, of the minutes.
func (s *Series) makeDays(ctx context.Context, now time.Time) error {
	source := levelOf(grid.OneHour)
	bounds, err := s.daysOf(ctx, source.table)
	if err != nil || bounds == nil {
		return err
	}
	if !wholeHours(bounds) {
		source = levelOf(grid.OneMinute)
	}
	if keep := s.opts.Retention.Of(source.span); keep != store.Forever {
		// A day of which a part has been deleted would be less than it was.
		bounds = slices.DeleteFunc(bounds, func(b time.Time) bool { return b.Before(now.Add(-keep)) })
	}
	for len(bounds) > 1 {
		part := bounds[:min(len(bounds), daysAtOnce+1)]
		within := fmt.Sprintf("start >= %s AND start < %s", micros(part[0]), micros(part[len(part)-1]))
		if err := s.exec(ctx, fmt.Sprintf("DELETE FROM %s WHERE %s", daily.table, within)); err != nil {
			return err
		}
		if err := s.addDays(ctx, source.table, within, part); err != nil {
			return err
		}
		bounds = bounds[len(part)-1:]
	}
	return nil
}

// expireDays deletes the roll-ups of old days that have no observations, and
// opens their hours again.
func (s *Series) expireDays(ctx context.Context, now time.Time) (steps int, err error) {
	keep := s.opts.Retention.Of(grid.OneDay)
	if keep == store.Forever {
		return 0, nil
	}
	cutoff := s.opts.Calendar.Day(now.Add(-keep))
	starts, err := s.times(ctx, fmt.Sprintf("SELECT DISTINCT start FROM %s WHERE start < %[2]s UNION SELECT hour FROM closed_hours WHERE hour < %[2]s", daily.table, micros(cutoff)))
	if err != nil {
		return 0, err
	}
	for i := range starts {
		starts[i] = s.opts.Calendar.Day(starts[i])
	}
	slices.SortFunc(starts, time.Time.Compare)
	for _, day := range slices.CompactFunc(starts, time.Time.Equal) {
		if err := s.locked(func() error { return s.expireDay(ctx, day, s.opts.Calendar.Next(day)) }); err != nil {
			return steps, err
		}
		steps++
	}
	return steps, nil
}

func (s *Series) expireDay(ctx context.Context, start, end time.Time) error {
	within := func(column string) string {
		return fmt.Sprintf("%[1]s >= %[2]s AND %[1]s < %[3]s", column, micros(start), micros(end))
	}
	held, err := s.number(ctx, "SELECT count(*) FROM observations WHERE "+within("observed"))
	if err != nil || held > 0 {
		return err
	}
	err = s.transact(ctx, func() error {
		return s.execAll(ctx,
			fmt.Sprintf("DELETE FROM %s WHERE %s", daily.table, within("start")),
			// An hour that goes on into the next day is opened with that.
			fmt.Sprintf("DELETE FROM closed_hours WHERE hour > %s AND hour <= %s", micros(start.Add(-time.Hour)), micros(end.Add(-time.Hour))))
	})
	if err == nil {
		s.loaded = false // closed is read again
	}
	return err
}

// errNotHours is the error of a Load that cannot be exact.
var errNotHours = errors.New("only roll-ups of whole hours can be loaded, into days that begin with an hour")

// loadRows is how many roll-ups one transaction of Load takes in.
const loadRows = 500_000

// Load takes in roll-ups of hours that were made elsewhere, such as by another
// store, as if their observations had been written: it merges them into the hours
// that are held and into the days, but not into finer roll-ups. What it has taken
// in is not told from what comes again, so nothing may be loaded twice, nor
// written as well. An error leaves what came before in place.
func (s *Series) Load(ctx context.Context, rollups iter.Seq2[grid.RollupKey, grid.Rollup]) error {
	var batch []driver.Value
	const columns = 10
	flush := func() error {
		err := s.locked(func() error {
			return s.transact(ctx, func() error { return s.loadBatch(ctx, batch, columns) })
		})
		batch = batch[:0]
		return err
	}
	var err error
	for k, r := range rollups {
		if k.Span != grid.OneHour || !k.Span.Start(k.Start).Equal(k.Start) {
			return errNotHours
		}
		batch = append(batch, k.Start, string(k.Kind), uint64(k.Cell), text(string(k.Area)), r.Count, r.Sum, r.Min, r.Max, r.Last, r.LastAt)
		if len(batch) >= loadRows*columns {
			if err = flush(); err != nil {
				break
			}
		}
	}
	if err == nil && len(batch) > 0 {
		err = flush()
	}
	if err != nil {
		return unavailable("load roll-ups", err)
	}
	return nil
}

func (s *Series) loadBatch(ctx context.Context, batch []driver.Value, columns int) error {
	hours := levelOf(grid.OneHour)
	fresh := "fresh_" + hours.table
	if err := s.exec(ctx, fmt.Sprintf("CREATE OR REPLACE TEMP TABLE %s AS SELECT * EXCLUDE (merged) FROM %s LIMIT 0", fresh, hours.table)); err != nil {
		return err
	}
	appender, err := duckdb.NewAppender(s.conn, "temp", "main", fresh)
	if err != nil {
		return err
	}
	for ; len(batch) > 0; batch = batch[columns:] {
		if err := appender.AppendRow(batch[:columns]...); err != nil {
			_ = appender.Close() // the transaction is rolled back
			return err
		}
	}
	if err := appender.Close(); err != nil {
		return err
	}
	bounds, err := s.daysOf(ctx, fresh)
	if err != nil {
		return err
	}
	if !wholeHours(bounds) {
		return errNotHours
	}
	if err := s.exec(ctx, fmt.Sprintf("INSERT INTO %s SELECT *, false FROM %s ORDER BY kind, cell, start", hours.table, fresh)); err != nil {
		return err
	}
	if err := s.rollDays(ctx); err != nil {
		return err
	}
	return s.exec(ctx, "DROP TABLE "+fresh)
}
