package duckdb

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/store"
)

// Cube implements store.Series: one query, in one snapshot.
func (s *Series) Cube(ctx context.Context, q store.CubeQuery) (store.Cube, error) {
	if err := q.Validate(); err != nil {
		return store.Cube{}, err
	}
	b := store.NewCubeBuilder(q, q.Span(s.opts.Calendar))
	group := []string{cubePlace(q), windowed("start", q.Bounds, windowNumber) + " AS w"}
	columns := append(group, "sum(n)::BIGINT AS n")
	for _, c := range cubeColumns {
		if q.Has(c.of) {
			columns = append(columns, c.sql)
		}
	}
	err := s.overRollups(ctx, q, strings.Join(columns, ", "), "GROUP BY ALL", cubeFiller(q, b))
	if err != nil {
		return store.Cube{}, err
	}
	return b.Cube(), nil
}

// cubeColumns are the columns beside the count, in the order that cubeFiller
// reads them.
var cubeColumns = []struct {
	of  store.Aggregate
	sql string
}{
	{store.Sum, "sum(total) AS total"},
	{store.Min, "min(low) AS low"},
	{store.Max, "max(high) AS high"},
	{store.Last, "max({'a': last_at, 'v': last}).v AS last, epoch_us(max(last_at)) AS last_at"},
}

// cubePlace is the expression of what a cube is grouped by: a cell, at the
// resolution asked for, or an area.
func cubePlace(q store.CubeQuery) string {
	switch q.By {
	case store.ByArea:
		return "area AS place"
	case store.ByCity:
		return "'' AS place"
	}
	set, clear := grid.ParentBits(q.CellResolution())
	return fmt.Sprintf("(cell & %d::UBIGINT) | %d::UBIGINT AS place", ^clear, set)
}

// cubeFiller returns what adds a row of a cube's query to the builder.
func cubeFiller(q store.CubeQuery, b *store.CubeBuilder) func(*sql.Rows) error {
	var cell uint64
	var area string
	var window int
	var n, lastAt int64
	var sum, low, high, last float64
	into := []any{&cell, &window, &n}
	if q.By != store.ByCell {
		into[0] = &area
	}
	for _, c := range []struct {
		of   store.Aggregate
		into []any
	}{{store.Sum, []any{&sum}}, {store.Min, []any{&low}}, {store.Max, []any{&high}}, {store.Last, []any{&last, &lastAt}}} {
		if q.Has(c.of) {
			into = append(into, c.into...)
		}
	}
	return func(rows *sql.Rows) error {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		place, err := b.Place(grid.Cell(cell), grid.AreaCode(area))
		if err != nil {
			return err
		}
		i := b.Index(place, window)
		b.AddCount(i, n)
		if q.Has(store.Sum) {
			b.AddSum(i, sum)
		}
		if q.Has(store.Min) {
			b.AddMin(i, low)
		}
		if q.Has(store.Max) {
			b.AddMax(i, high)
		}
		if q.Has(store.Last) {
			b.AddLast(i, last, time.UnixMicro(lastAt))
		}
		return nil
	}
}

// CubeState implements store.Series.
func (s *Series) CubeState(ctx context.Context, q store.CubeQuery) (string, error) {
	if err := q.Validate(); err != nil {
		return "", err
	}
	span := q.Span(s.opts.Calendar)
	start := fmt.Sprintf("time_bucket(INTERVAL %d SECOND, start, TIMESTAMP '1970-01-01')", int64(time.Duration(span).Seconds()))
	if span == grid.OneDay {
		start = windowed("start", s.opts.Calendar.Days(q.Range()), windowStart)
	}
	h := store.NewStateHash(span)
	err := s.overRollups(ctx, q, start+" AS s, sum(n)::BIGINT AS n", "GROUP BY s ORDER BY s", func(rows *sql.Rows) error {
		var start time.Time
		var n int64
		if err := rows.Scan(&start, &n); err != nil {
			return err
		}
		h.Add(start, n)
		return nil
	})
	if err != nil {
		return "", err
	}
	return h.String(), nil
}

// overRollups selects columns from the roll-ups that q is answered from, and
// calls each for every row.
func (s *Series) overRollups(ctx context.Context, q store.CubeQuery, columns, end string, each func(*sql.Rows) error) error {
	var w where
	w.add("kind = ?", string(q.Kind))
	if q.Area != "" {
		w.add("area = ?", string(q.Area))
	}
	if err := w.addCell(q.Cell); err != nil {
		return err
	}
	tx, err := s.readers.BeginTx(ctx, nil)
	if err != nil {
		return unavailable("query series", err)
	}
	defer tx.Rollback()
	from, to := q.Range()
	source, args, err := rolledUp(ctx, tx, levelOf(q.Span(s.opts.Calendar)), &w, from, to)
	if err != nil {
		return unavailable("query series", err)
	}
	rows, err := tx.QueryContext(ctx, fmt.Sprintf("SELECT %s FROM (%s) %s", columns, source, end), args...)
	if err != nil {
		return unavailable("query series", err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows); err != nil {
			return unavailable("query series", err)
		}
	}
	if err := rows.Err(); err != nil {
		return unavailable("query series", err)
	}
	return nil
}
