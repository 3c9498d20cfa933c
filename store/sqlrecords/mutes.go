package sqlrecords

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/store"
)

const muteColumns = `id, purpose, kind, area, device, cell, rule, everything, from_us, to_us, reason, asked_by, created_us,
	ended_by, ended_us, request_key, request_wish`

func scanMute(rows *sql.Rows) (m store.Mute, err error) {
	var (
		cell                     int64
		from, to, created, ended sql.NullInt64
	)
	err = rows.Scan(&m.ID, &m.Purpose, &m.Kind, &m.Area, &m.Device, &cell, &m.Rule, &m.All, &from, &to, &m.Reason, &m.By, &created,
		&m.EndedBy, &ended, &m.Key, &m.Wish)
	m.Cell = grid.Cell(cell)
	m.From, m.To, m.CreatedAt, m.EndedAt = fromMicros(from), fromMicros(to), fromMicros(created), fromMicros(ended)
	return m, err
}

// AddMute implements [store.Mutes].
func (r *Records) AddMute(ctx context.Context, m store.Mute) (store.Mute, error) {
	if err := m.Check(); err != nil {
		return store.Mute{}, err
	}
	var kept store.Mute
	err := r.transact(ctx, func(tx *sql.Tx) error {
		found, err := muteOfRequest(ctx, tx, m.Key)
		switch {
		case err != nil:
			return err
		case found != nil && found.Wish != m.Wish:
			return store.ErrKeyReused
		case found != nil:
			kept = *found
			return nil
		}
		if err := addMute(ctx, tx, m); err != nil {
			return err
		}
		kept, err = mute(ctx, tx, m.ID)
		return err
	})
	if err != nil {
		return store.Mute{}, fmt.Errorf("add mute %s: %w", m.ID, err)
	}
	return kept, nil
}

// muteOfRequest returns the mute that a request of this key asked for, nil when
// there was none.
func muteOfRequest(ctx context.Context, tx *sql.Tx, key string) (*store.Mute, error) {
	if key == "" {
		return nil, nil
	}
	rows, err := tx.QueryContext(ctx, `SELECT `+muteColumns+` FROM mutes WHERE request_key = $1`, key)
	if err != nil {
		return nil, err
	}
	found, err := collect(rows, scanMute)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

func addMute(ctx context.Context, tx *sql.Tx, m store.Mute) error {
	m.From, m.To, m.CreatedAt, m.EndedAt = stored(m.From), stored(m.To), stored(m.CreatedAt), stored(m.EndedAt)
	res, err := tx.ExecContext(ctx, `INSERT INTO mutes (`+muteColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) ON CONFLICT (id) DO NOTHING`,
		m.ID, string(m.Purpose), string(m.Kind), string(m.Area), string(m.Device), int64(m.Cell), m.Rule, m.All,
		m.From.UnixMicro(), m.To.UnixMicro(), m.Reason, m.By, m.CreatedAt.UnixMicro(),
		m.EndedBy, micros(m.EndedAt), m.Key, m.Wish)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n > 0 {
		return err
	}
	there, err := mute(ctx, tx, m.ID)
	if err == nil && there != m {
		err = store.ErrConflict
	}
	return err
}

func mute(ctx context.Context, tx *sql.Tx, id string) (store.Mute, error) {
	rows, err := tx.QueryContext(ctx, `SELECT `+muteColumns+` FROM mutes WHERE id = $1`, id)
	if err != nil {
		return store.Mute{}, err
	}
	found, err := collect(rows, scanMute)
	if err == nil && len(found) == 0 {
		err = store.ErrNotFound
	}
	if err != nil {
		return store.Mute{}, err
	}
	return found[0], nil
}

// EndMute implements [store.Mutes].
func (r *Records) EndMute(ctx context.Context, id, by string, at time.Time) (store.Mute, error) {
	var ended store.Mute
	err := r.transact(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `
			UPDATE mutes SET to_us = CASE WHEN from_us > $1 THEN from_us ELSE $1 END, ended_us = $1, ended_by = $2
			WHERE id = $3 AND to_us > $1 AND ended_us IS NULL`, at.UnixMicro(), by, id)
		if err != nil {
			return err
		}
		ended, err = mute(ctx, tx, id)
		return err
	})
	if err != nil {
		return store.Mute{}, fmt.Errorf("end mute %q: %w", id, err)
	}
	return ended, nil
}

// ListMutes implements [store.Mutes].
func (r *Records) ListMutes(ctx context.Context, q store.MuteQuery) ([]store.Mute, error) {
	limit := q.Limit
	if limit == 0 {
		limit = 200
	}
	if limit < 1 || limit > store.MaxMutes {
		return nil, fmt.Errorf("%w: limit %d is not within 1 and %d", store.ErrInvalidQuery, limit, store.MaxMutes)
	}
	var (
		where []string
		args  []any
	)
	narrow := func(condition string, arg any) {
		args = append(args, arg)
		where = append(where, condition+" $"+strconv.Itoa(len(args)))
	}
	if !q.From.IsZero() {
		narrow("to_us > from_us AND to_us >", q.From.UnixMicro())
	}
	if !q.To.IsZero() {
		narrow("to_us > from_us AND from_us <", q.To.UnixMicro())
	}
	if q.Ended {
		where = append(where, "ended_us IS NOT NULL")
	}
	if q.Before != "" {
		narrow("id <", q.Before)
	}
	query := `SELECT ` + muteColumns + ` FROM mutes`
	if len(where) > 0 {
		query += " WHERE " + strings.Join(where, " AND ")
	}
	args = append(args, limit)
	rows, err := r.db.Read.QueryContext(ctx, query+" ORDER BY id DESC LIMIT $"+strconv.Itoa(len(args)), args...)
	if err != nil {
		return nil, fmt.Errorf("list mutes: %w", err)
	}
	found, err := collect(rows, scanMute)
	if err != nil {
		return nil, fmt.Errorf("list mutes: %w", err)
	}
	return found, nil
}
