package duckdb

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"

	"github.com/duckdb/duckdb-go/v2"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/store"
)

// Position implements store.Series.
func (s *Series) Position(ctx context.Context, journal string) (store.Position, error) {
	p := store.Position{Journal: journal}
	err := s.readers.QueryRowContext(ctx, "SELECT coalesce(max(seq), 0) FROM positions WHERE journal = ?", journal).Scan(&p.Seq)
	if err != nil {
		return store.Position{}, unavailable("read series position", err)
	}
	return p, nil
}

// Write implements store.Series. A Write that leaves many observations without
// roll-ups makes them before it returns, which is how a recorder that is faster
// than the roll-ups is slowed down.
func (s *Series) Write(ctx context.Context, to store.Position, entries []store.Entry) error {
	rejected, err := s.lockedWrite(ctx, to, entries)
	if len(rejected) > 0 && err == nil {
		s.opts.OnRejected(rejected, store.RejectRetention)
	}
	return err
}

func (s *Series) lockedWrite(ctx context.Context, to store.Position, entries []store.Entry) (rejected []grid.Placed, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isClosed {
		return nil, errClosed
	}
	rejected, err = s.write(ctx, to, entries)
	if err != nil {
		return nil, unavailable(fmt.Sprintf("write series up to entry %d", to.Seq), err)
	}
	if s.next-1-s.rolled >= s.opts.RollRows {
		if err := s.roll(ctx); err != nil {
			s.log.Warn("series roll-up put off", "error", err)
		}
	}
	return rejected, nil
}

func (s *Series) write(ctx context.Context, to store.Position, entries []store.Entry) (rejected []grid.Placed, err error) {
	if err := s.load(ctx); err != nil {
		return nil, err
	}
	saved, err := s.number(ctx, "SELECT coalesce(max(seq), 0)::BIGINT FROM positions WHERE journal = ?", to.Journal)
	if err != nil {
		return nil, err
	}
	if to.Seq <= uint64(saved) {
		return nil, nil
	}
	var history []arrival
	next := s.next
	err = s.transact(ctx, func() error {
		for _, e := range entries {
			if e.Seq > to.Seq {
				return fmt.Errorf("entry %d is beyond the position", e.Seq)
			}
		}
		n, err := s.appendEntries(entries, uint64(saved), next, &history)
		if err != nil {
			return err
		}
		next += n
		if history, rejected = s.open(history); len(history) > 0 {
			if err := s.merge(ctx, history); err != nil {
				return fmt.Errorf("merge %d old observations: %w", len(history), err)
			}
		}
		return s.exec(ctx, "INSERT OR REPLACE INTO positions VALUES (?, ?)", to.Journal, int64(to.Seq))
	})
	if err != nil {
		return nil, err
	}
	s.next = next
	return rejected, nil
}

// appendEntries appends the observations of entries after the saved one, but for
// history, which it collects, and returns how many numbers it gave.
func (s *Series) appendEntries(entries []store.Entry, saved uint64, next int64, history *[]arrival) (n int64, err error) {
	appender, err := duckdb.NewAppenderFromConn(s.conn, "", "observations")
	if err != nil {
		return 0, err
	}
	var row [15]driver.Value
	for _, e := range entries {
		if e.Seq <= saved {
			continue
		}
		for i := range e.Observations {
			p := &e.Observations[i]
			if p.Received.Sub(p.At) > s.opts.HistoryAfter {
				*history = append(*history, arrival{next + n, p})
				n++
				continue
			}
			fill(&row, next+n, p)
			if err := appender.AppendRow(row[:]...); err != nil {
				_ = appender.Close() // the transaction is rolled back
				return 0, err
			}
			n++
		}
	}
	return n, appender.Close()
}

// fill sets the columns of one observation. Texts that a source may fill with
// anything go as bytes, because the driver cuts strings at a zero byte.
func fill(row *[15]driver.Value, no int64, p *grid.Placed) {
	*row = [15]driver.Value{
		no, p.At, p.Received, string(p.Kind), text(string(p.Device)), p.Value, uint64(p.Cell), text(string(p.Area)),
		p.Point.LatDegrees, p.Point.LonDegrees, p.Position.LatDegrees, p.Position.LonDegrees,
		uint8(p.Position.Datum), text(p.ID), text(p.Attrs),
	}
}

func text(s string) driver.Value {
	for i := range len(s) {
		if s[i] == 0 {
			return []byte(s)
		}
	}
	return s
}

// transact runs f in a transaction on the writer's connection. When it ends in
// an error the numbering is read again before it is used.
//
// Only what f runs can be cut off by ctx. A BEGIN that is interrupted may leave a
// transaction open, a commit leaves it open whether the data is there, and a
// rollback that is cut off leaves the connection unusable.
func (s *Series) transact(ctx context.Context, f func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	whole := context.WithoutCancel(ctx)
	if err := s.begin(whole); err != nil {
		s.loaded = false
		return err
	}
	err := f()
	if err == nil {
		err = s.exec(whole, "COMMIT")
	}
	if err != nil {
		s.loaded = false
		// After a failed commit there is nothing to roll back, and that is an
		// error too; the first one says what happened.
		_ = s.exec(whole, "ROLLBACK")
	}
	return err
}

// begin begins a transaction, also when an earlier one was left open, for
// instance because its rollback failed.
func (s *Series) begin(ctx context.Context) error {
	err := s.exec(ctx, "BEGIN TRANSACTION")
	if err == nil {
		return nil
	}
	if rolled := s.exec(ctx, "ROLLBACK"); rolled != nil {
		return errors.Join(err, rolled)
	}
	return s.exec(ctx, "BEGIN TRANSACTION")
}

func (s *Series) exec(ctx context.Context, query string, args ...any) error {
	_, err := s.conn.ExecContext(ctx, query, named(args))
	return err
}

// number returns the one integer that query selects on the writer's connection.
func (s *Series) number(ctx context.Context, query string, args ...any) (int64, error) {
	rows, err := s.conn.QueryContext(ctx, query, named(args))
	if err != nil {
		return 0, err
	}
	defer func() { _ = rows.Close() }() // what was only read
	values := make([]driver.Value, 1)
	if err := rows.Next(values); err != nil {
		if errors.Is(err, io.EOF) {
			return 0, fmt.Errorf("%q has no row", query)
		}
		return 0, err
	}
	n, ok := values[0].(int64)
	if !ok {
		return 0, fmt.Errorf("%q gave a %T", query, values[0])
	}
	return n, nil
}

func named(args []any) []driver.NamedValue {
	out := make([]driver.NamedValue, len(args))
	for i, a := range args {
		out[i] = driver.NamedValue{Ordinal: i + 1, Value: a}
	}
	return out
}
