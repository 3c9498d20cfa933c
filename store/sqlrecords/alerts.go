package sqlrecords

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// judgedColumns are what rules say of an alert, in the order of alertValues.
const judgedColumns = `id, revision, rule, kind, place, state, severity, device, cell, area,
	lat_degrees, lon_degrees, value, baseline, p, window_us, reason_zh, reason_en,
	raised_at_us, updated_at_us, cleared_at_us,
	category, phase, cells, devices, evidence, score, recurrence_us, excess,
	flapping, muted, merged_into`

// alertColumns are those of alerts and outbox, in the order of scanAlert.
const alertColumns = judgedColumns + `, ` + handlingColumns

// A change is stored only if it is news: the condition makes the insert or the
// update touch no row otherwise.
const saveAlert = `
	INSERT INTO alerts (` + judgedColumns + `)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21,
		$22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32)
	ON CONFLICT (id) DO UPDATE SET
		revision = excluded.revision, state = excluded.state, severity = excluded.severity,
		cell = excluded.cell, area = excluded.area,
		lat_degrees = excluded.lat_degrees, lon_degrees = excluded.lon_degrees,
		value = excluded.value, baseline = excluded.baseline, p = excluded.p,
		window_us = excluded.window_us, reason_zh = excluded.reason_zh, reason_en = excluded.reason_en,
		updated_at_us = excluded.updated_at_us, cleared_at_us = excluded.cleared_at_us,
		category = excluded.category, phase = excluded.phase, cells = excluded.cells,
		devices = excluded.devices, evidence = excluded.evidence, score = excluded.score,
		recurrence_us = excluded.recurrence_us, excess = excluded.excess,
		flapping = excluded.flapping, muted = excluded.muted, merged_into = excluded.merged_into
	WHERE alerts.revision < excluded.revision`

const saveOutbox = `
	INSERT INTO outbox (number, ` + alertColumns + `)
	SELECT $1, ` + alertColumns + ` FROM alerts WHERE id = $2`

func alertValues(a store.Alert) ([]any, error) {
	cells, err := cellsText(a.Cells)
	if err != nil {
		return nil, fmt.Errorf("cells: %w", err)
	}
	devices, err := asText(a.Devices)
	if err != nil {
		return nil, fmt.Errorf("devices: %w", err)
	}
	evidence, err := evidenceText(a.Evidence)
	if err != nil {
		return nil, fmt.Errorf("evidence: %w", err)
	}
	return []any{
		a.ID, a.Revision, a.Rule, string(a.Kind), a.Place, string(a.State), string(a.Severity),
		string(a.Device), int64(a.Cell), string(a.Area), a.Point.LatDegrees, a.Point.LonDegrees,
		a.Value, a.Baseline, a.P, a.Window.Microseconds(), a.Reason.ZH, a.Reason.EN,
		a.RaisedAt.UnixMicro(), a.UpdatedAt.UnixMicro(), micros(a.ClearedAt),
		string(a.Category), string(a.Phase), cells, devices, evidence, a.Score,
		a.Recurrence.Microseconds(), a.Excess, a.Flapping, a.Muted, a.MergedInto,
	}, nil
}

// scanAlert reads the alert columns, and after them into more.
func scanAlert(rows *sql.Rows, more ...any) (store.Alert, error) {
	var (
		a                        store.Alert
		cell, window, recurrence int64
		raised, updated, cleared sql.NullInt64
		handled                  sql.NullInt64
		cells, devices, evidence string
	)
	dest := append([]any{
		&a.ID, &a.Revision, &a.Rule, &a.Kind, &a.Place, &a.State, &a.Severity,
		&a.Device, &cell, &a.Area, &a.Point.LatDegrees, &a.Point.LonDegrees,
		&a.Value, &a.Baseline, &a.P, &window, &a.Reason.ZH, &a.Reason.EN,
		&raised, &updated, &cleared,
		&a.Category, &a.Phase, &cells, &devices, &evidence, &a.Score,
		&recurrence, &a.Excess, &a.Flapping, &a.Muted, &a.MergedInto,
		&a.Handling.State, &a.Handling.Version, &a.Handling.By, &handled,
		&a.Handling.To.Area, &a.Handling.To.Unit, &a.Handling.Answer,
	}, more...)
	err := rows.Scan(dest...)
	if err != nil {
		return store.Alert{}, err
	}
	a.Cell = grid.Cell(cell)
	a.Window, a.Recurrence = time.Duration(window)*time.Microsecond, time.Duration(recurrence)*time.Microsecond
	a.RaisedAt, a.UpdatedAt, a.ClearedAt = fromMicros(raised), fromMicros(updated), fromMicros(cleared)
	a.Handling.At = fromMicros(handled)
	if a.Cells, err = cellsFromText(cells); err != nil {
		return store.Alert{}, fmt.Errorf("cells of alert %s: %w", a.ID, err)
	}
	if a.Devices, err = fromText[sensors.DeviceID](devices); err != nil {
		return store.Alert{}, fmt.Errorf("devices of alert %s: %w", a.ID, err)
	}
	if a.Evidence, err = evidenceFromText(evidence); err != nil {
		return store.Alert{}, fmt.Errorf("evidence of alert %s: %w", a.ID, err)
	}
	return a, nil
}

// SaveAlerts implements [store.Alerts].
func (r *Records) SaveAlerts(ctx context.Context, to store.Position, changes []store.Alert) error {
	err := r.transact(ctx, func(tx *sql.Tx) error {
		if len(changes) > 0 {
			if err := lockOutbox(ctx, tx); err != nil {
				return err
			}
		}
		for _, a := range changes {
			if err := r.saveChange(ctx, tx, a); err != nil {
				return fmt.Errorf("revision %d of alert %s: %w", a.Revision, a.ID, err)
			}
		}
		return savePosition(ctx, tx, judge, to)
	})
	if err != nil {
		return fmt.Errorf("save %d alert changes: %w", len(changes), err)
	}
	return nil
}

func (r *Records) saveChange(ctx context.Context, tx *sql.Tx, a store.Alert) error {
	values, err := alertValues(a)
	if err != nil {
		return err
	}
	res, err := tx.ExecContext(ctx, saveAlert, values...)
	if err != nil {
		if r.db.OpenAlertConflict(err) {
			return errors.Join(store.ErrAlertOpen, err)
		}
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return err
	}
	return putOnOutbox(ctx, tx, a.ID)
}

// putOnOutbox puts an alert on the outbox as it is kept now.
func putOnOutbox(ctx context.Context, tx *sql.Tx, id string) error {
	number, err := takeNumbers(ctx, tx, "outbox", 1)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, saveOutbox, number, id)
	return err
}

// lockOutbox makes others who change alerts wait until tx ends. Everyone takes
// this lock before those of alerts: nobody waits in a circle, and changes are
// numbered in the order in which they come to hold.
func lockOutbox(ctx context.Context, tx *sql.Tx) error {
	_, err := takeNumbers(ctx, tx, "outbox", 0)
	return err
}

// JudgedPosition implements [store.Alerts].
func (r *Records) JudgedPosition(ctx context.Context, journal string) (store.Position, error) {
	return position(ctx, r.db.Read, judge, journal)
}

// FindAlerts implements [store.Alerts].
func (r *Records) FindAlerts(ctx context.Context, q store.AlertQuery) ([]store.Alert, error) {
	limit := q.Limit
	if limit == 0 {
		limit = 200
	}
	if limit < 1 || limit > store.MaxAlerts {
		return nil, fmt.Errorf("%w: limit %d is not within 1 and %d", store.ErrInvalidQuery, limit, store.MaxAlerts)
	}
	c, err := alertCondition(q)
	if err != nil {
		return nil, err
	}
	if q.Before != "" {
		c.narrow("(raised_at_us, id) < (SELECT raised_at_us, id FROM alerts WHERE id = ?)", q.Before)
	}
	query := "SELECT " + alertColumns + " FROM alerts" + whereAll(c) +
		" ORDER BY raised_at_us DESC, id DESC LIMIT " + c.placeholder(limit)

	rows, err := r.db.Read.QueryContext(ctx, query, c.args...)
	if err != nil {
		return nil, fmt.Errorf("find alerts: %w", err)
	}
	found, err := collect(rows, func(rows *sql.Rows) (store.Alert, error) { return scanAlert(rows) })
	if err != nil {
		return nil, fmt.Errorf("find alerts: %w", err)
	}
	return found, nil
}

// CountAlerts implements [store.AlertCounter].
func (r *Records) CountAlerts(ctx context.Context, q store.AlertQuery) (int, error) {
	c, err := alertCondition(q)
	if err != nil {
		return 0, err
	}
	var n int
	if err := r.db.Read.QueryRowContext(ctx, "SELECT COUNT(*) FROM alerts"+whereAll(c), c.args...).Scan(&n); err != nil {
		return 0, fmt.Errorf("count alerts: %w", err)
	}
	return n, nil
}

// Outbox implements [store.Alerts].
func (r *Records) Outbox(ctx context.Context, limit int) ([]store.OutboxEntry, error) {
	rows, err := r.db.Read.QueryContext(ctx,
		`SELECT `+alertColumns+`, number FROM outbox ORDER BY number LIMIT $1`, limit)
	if err != nil {
		return nil, fmt.Errorf("read outbox: %w", err)
	}
	entries, err := collect(rows, func(rows *sql.Rows) (e store.OutboxEntry, err error) {
		e.Alert, err = scanAlert(rows, &e.ID)
		return e, err
	})
	if err != nil {
		return nil, fmt.Errorf("read outbox: %w", err)
	}
	return entries, nil
}

// Published implements [store.Alerts].
func (r *Records) Published(ctx context.Context, id int64) error {
	if _, err := r.db.Write.ExecContext(ctx, `DELETE FROM outbox WHERE number <= $1`, id); err != nil {
		return fmt.Errorf("take entries up to %d off the outbox: %w", id, err)
	}
	return nil
}

// collect reads all rows and closes them.
func collect[T any](rows *sql.Rows, scan func(*sql.Rows) (T, error)) ([]T, error) {
	defer rows.Close()
	var all []T
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}
