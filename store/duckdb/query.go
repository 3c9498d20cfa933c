package duckdb

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// where collects conditions; texts are always arguments, never part of the SQL.
type where struct {
	conditions []string
	args       []any
}

func (w *where) add(condition string, args ...any) {
	w.conditions = append(w.conditions, condition)
	w.args = append(w.args, args...)
}

func (w *where) String() string {
	if len(w.conditions) == 0 {
		return "true"
	}
	return strings.Join(w.conditions, " AND ")
}

func (w *where) addCell(c grid.Cell) error {
	if c == 0 {
		return nil
	}
	first, last, err := c.Descendants(grid.Resolution)
	if err != nil {
		return fmt.Errorf("%w: %w", store.ErrInvalidQuery, err)
	}
	w.add(fmt.Sprintf("cell >= %d AND cell <= %d", uint64(first), uint64(last)))
	return nil
}

var aggregates = map[store.Aggregate]string{
	store.Count: "sum(n)::DOUBLE",
	store.Sum:   "sum(total)",
	store.Mean:  "sum(total) / sum(n)",
	store.Min:   "min(low)",
	store.Max:   "max(high)",
	store.Last:  "max({'a': last_at, 'v': last}).v",
}

// rawColumns gives observations as roll-ups of one observation each.
const rawColumns = "SELECT observed AS start, cell, area, 1 AS n, value AS total, value AS low, value AS high, value AS last, observed AS last_at FROM observations"

// observed selects the observations of [from, to) that w lets through.
func observed(w *where, from, to time.Time) (source string, args []any) {
	return fmt.Sprintf("%s WHERE %s AND observed >= %s AND observed < %s", rawColumns, w, micros(from), micros(to)), w.args
}

// rolledUp selects l's roll-ups of [from, to) that w lets through, and the
// observations that are in none yet, as tx sees them.
func rolledUp(ctx context.Context, tx *sql.Tx, l level, w *where, from, to time.Time) (source string, args []any, err error) {
	var rolled int64
	if err := tx.QueryRowContext(ctx, "SELECT value FROM state WHERE key = 'rolled'").Scan(&rolled); err != nil {
		return "", nil, err
	}
	source, args = observed(w, from, to)
	source = fmt.Sprintf("%s AND no > %d UNION ALL SELECT start, cell, area, n, total, low, high, last, last_at FROM %s WHERE %s AND start >= %s AND start < %s",
		source, rolled, l.table, w, micros(from), micros(to))
	return source, append(append([]any{}, args...), args...), nil
}

// Points implements store.Series: one line, without points when nothing was
// observed.
func (s *Series) Points(ctx context.Context, q store.Query) ([]store.Line, error) {
	if err := q.Validate(); err != nil {
		return nil, err
	}
	from, to := q.Windows()
	var w where
	w.add("kind = ?", string(q.Kind))
	if q.Device != "" {
		w.add("device = ?", string(q.Device))
	}
	if q.Area != "" {
		w.add("area = ?", string(q.Area))
	}
	if err := w.addCell(q.Cell); err != nil {
		return nil, err
	}
	// One snapshot, so that no observation is both rolled up and still to be.
	tx, err := s.readers.BeginTx(ctx, nil)
	if err != nil {
		return nil, unavailable("query series", err)
	}
	defer tx.Rollback()
	line := q.Line()
	line.Points, err = points(ctx, tx, q, from, to, &w)
	if err != nil {
		return nil, unavailable("query series", err)
	}
	return []store.Line{line}, nil
}

func points(ctx context.Context, tx *sql.Tx, q store.Query, from, to time.Time, w *where) ([]store.Point, error) {
	source, args := observed(w, from, to)
	if q.Device == "" {
		var err error
		if source, args, err = rolledUp(ctx, tx, levelOf(q.Span()), w, from, to); err != nil {
			return nil, err
		}
	}
	rows, err := tx.QueryContext(ctx, fmt.Sprintf("SELECT (epoch_us(start) - %d) // %d AS w, %s FROM (%s) GROUP BY w ORDER BY w",
		from.UnixMicro(), q.Every.Microseconds(), aggregates[q.Agg], source), args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []store.Point
	for rows.Next() {
		var window int64
		var p store.Point
		if err := rows.Scan(&window, &p.Value); err != nil {
			return nil, err
		}
		p.Start = from.Add(time.Duration(window) * q.Every)
		out = append(out, p)
	}
	return out, rows.Err()
}

// Observations implements store.Series. Of observations with equal At the one
// that was written later comes first.
func (s *Series) Observations(ctx context.Context, q store.ObservationQuery) ([]grid.Placed, string, error) {
	if err := q.Validate(); err != nil {
		return nil, "", err
	}
	var w where
	from, to := q.Bounds()
	w.add(fmt.Sprintf("observed >= %s AND observed < %s", micros(from), micros(to)))
	if q.Device != "" {
		w.add("device = ?", string(q.Device))
	}
	if q.Kind != "" {
		w.add("kind = ?", string(q.Kind))
	}
	if err := w.addCell(q.Cell); err != nil {
		return nil, "", err
	}
	if q.Cursor != "" {
		c, err := parseCursor(q.Cursor)
		if err != nil {
			return nil, "", err
		}
		at := micros(time.UnixMicro(c.atMicros))
		w.add(fmt.Sprintf("observed <= %s AND (observed < %s OR no < %d)", at, at, c.no))
	}
	page, last, more, err := s.page(ctx, &w, q.Limit)
	if err != nil {
		return nil, "", unavailable("query observations", err)
	}
	if !more {
		return page, "", nil
	}
	return page, last.String(), nil
}

func (s *Series) page(ctx context.Context, w *where, limit int) (page []grid.Placed, last cursor, more bool, err error) {
	rows, err := s.readers.QueryContext(ctx, fmt.Sprintf(`SELECT no, observed, received, kind, device, value, cell, area, lat, lon, raw_lat, raw_lon, datum, id, attrs
		FROM observations WHERE %s ORDER BY observed DESC, no DESC LIMIT %d`, w, limit+1), w.args...)
	if err != nil {
		return nil, last, false, err
	}
	defer rows.Close()
	for rows.Next() {
		if len(page) == limit {
			return page, last, true, nil
		}
		var p grid.Placed
		var cell uint64
		var no int64
		if err := rows.Scan(&no, &p.At, &p.Received, &p.Kind, &p.Device, &p.Value, &cell, &p.Area, &p.Point.LatDegrees, &p.Point.LonDegrees,
			&p.Position.LatDegrees, &p.Position.LonDegrees, &p.Position.Datum, &p.ID, &p.Attrs); err != nil {
			return nil, last, false, err
		}
		p.Cell = grid.Cell(cell)
		p.At, p.Received = p.At.UTC(), p.Received.UTC()
		page = append(page, p)
		last = cursor{atMicros: p.At.UnixMicro(), no: no}
	}
	return page, last, false, rows.Err()
}

// cursor is the place of the last observation of a page.
type cursor struct {
	atMicros int64
	no       int64
}

func (c cursor) String() string {
	b := binary.BigEndian.AppendUint64(nil, uint64(c.atMicros))
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint64(b, uint64(c.no)))
}

func parseCursor(s string) (cursor, error) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) != 16 {
		return cursor{}, store.InvalidCursor()
	}
	c := cursor{atMicros: int64(binary.BigEndian.Uint64(b)), no: int64(binary.BigEndian.Uint64(b[8:]))}
	if c.no < 1 || c.atMicros < store.Earliest.UnixMicro() || c.atMicros >= store.Latest.UnixMicro() {
		return cursor{}, store.InvalidCursor()
	}
	return c, nil
}

// Counts implements store.Series.
func (s *Series) Counts(ctx context.Context, from, to time.Time) (map[sensors.KindKey]int64, error) {
	from, to = store.Bounds(from, to)
	rows, err := s.readers.QueryContext(ctx, fmt.Sprintf("SELECT kind, count(*) FROM observations WHERE observed >= %s AND observed < %s GROUP BY kind",
		micros(from), micros(to)))
	if err != nil {
		return nil, unavailable("count observations", err)
	}
	defer rows.Close()
	out := make(map[sensors.KindKey]int64)
	for rows.Next() {
		var kind sensors.KindKey
		var n int64
		if err := rows.Scan(&kind, &n); err != nil {
			return nil, unavailable("count observations", err)
		}
		out[kind] = n
	}
	if err := rows.Err(); err != nil {
		return nil, unavailable("count observations", err)
	}
	return out, nil
}
