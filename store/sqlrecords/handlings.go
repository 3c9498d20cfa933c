package sqlrecords

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/urbangrid/urbangrid/store"
)

// handlingColumns are those of the Handling of an alert, in alerts and outbox.
const handlingColumns = `handling, handling_version, handled_by, handled_at_us, sent_area, sent_unit, answer`

const logColumns = `alert, seq, at_us, done_by, action, note, sent_area, sent_unit, handling, mute`

func scanEntry(rows *sql.Rows) (e store.HandlingEntry, err error) {
	var at sql.NullInt64
	err = rows.Scan(&e.AlertID, &e.Seq, &at, &e.By, &e.Action, &e.Note, &e.To.Area, &e.To.Unit, &e.State, &e.Mute)
	e.At = fromMicros(at)
	return e, err
}

// Handle implements [store.Handlings].
func (r *Records) Handle(ctx context.Context, c store.HandlingCommand) (store.Handled, error) {
	if c.Mute != nil {
		if err := c.Mute.Check(); err != nil {
			return store.Handled{}, err
		}
	}
	var out store.Handled
	err := r.transact(ctx, func(tx *sql.Tx) (err error) {
		out, err = handle(ctx, tx, c)
		return err
	})
	switch {
	case errors.Is(err, store.ErrConflict), errors.Is(err, store.ErrNotApplicable):
		return out, fmt.Errorf("%s alert %s: %w", c.Action, c.AlertID, err)
	case err != nil:
		return store.Handled{}, fmt.Errorf("%s alert %s: %w", c.Action, c.AlertID, err)
	}
	return out, nil
}

func handle(ctx context.Context, tx *sql.Tx, c store.HandlingCommand) (store.Handled, error) {
	if err := lockOutbox(ctx, tx); err != nil {
		return store.Handled{}, err
	}
	a, err := alertOf(ctx, tx, c.AlertID)
	if err != nil {
		return store.Handled{}, err
	}
	out := store.Handled{Alert: a}
	if c.Key != "" {
		before, taken, err := entryOf(ctx, tx, c)
		if err != nil || taken {
			out.Entry, out.Repeated = before, taken
			return out, err
		}
	}
	if c.Known != store.AnyVersion && c.Known != a.Handling.Version {
		return out, store.ErrConflict
	}
	state, ok := c.Action.After(a.Handling.State)
	if !ok {
		return out, store.ErrNotApplicable
	}
	out.Entry = entryFor(c, a.Handling.Version+1, state)
	out.Alert.Handling = a.Handling.With(out.Entry)
	if c.Mute != nil {
		if err := addMute(ctx, tx, *c.Mute); err != nil {
			return store.Handled{}, err
		}
	}
	if answer := c.Action.Answer(); answer != "" {
		if err := replaceVerdict(ctx, tx, out.Entry, answer); err != nil {
			return store.Handled{}, err
		}
	}
	return out, logEntry(ctx, tx, out.Entry, out.Alert.Handling, c.Key)
}

func entryFor(c store.HandlingCommand, seq int64, state store.HandlingState) store.HandlingEntry {
	e := store.HandlingEntry{
		AlertID: c.AlertID, Seq: seq, At: stored(c.At), By: c.By, Action: c.Action, Note: c.Note, To: c.To, State: state,
	}
	if c.Mute != nil {
		e.Mute = c.Mute.ID
	}
	return e
}

func alertOf(ctx context.Context, tx *sql.Tx, id string) (store.Alert, error) {
	rows, err := tx.QueryContext(ctx, `SELECT `+alertColumns+` FROM alerts WHERE id = $1`, id)
	if err != nil {
		return store.Alert{}, err
	}
	found, err := collect(rows, func(rows *sql.Rows) (store.Alert, error) { return scanAlert(rows) })
	if err == nil && len(found) == 0 {
		err = store.ErrNotFound
	}
	if err != nil {
		return store.Alert{}, err
	}
	return found[0], nil
}

// entryOf returns what the command of c's key did, and false while there was
// none.
func entryOf(ctx context.Context, tx *sql.Tx, c store.HandlingCommand) (store.HandlingEntry, bool, error) {
	rows, err := tx.QueryContext(ctx, `SELECT `+logColumns+` FROM alert_log WHERE alert = $1 AND command = $2`, c.AlertID, c.Key)
	if err != nil {
		return store.HandlingEntry{}, false, err
	}
	found, err := collect(rows, scanEntry)
	if err != nil || len(found) == 0 {
		return store.HandlingEntry{}, false, err
	}
	if e := found[0]; e.Action != c.Action || e.By != c.By || e.Note != c.Note || e.To != c.To {
		return store.HandlingEntry{}, false, store.ErrKeyReused
	}
	return found[0], true, nil
}

// logEntry appends e to the log and makes h the Handling of its alert.
func logEntry(ctx context.Context, tx *sql.Tx, e store.HandlingEntry, h store.Handling, key string) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO alert_log (`+logColumns+`, command)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		e.AlertID, e.Seq, e.At.UnixMicro(), e.By, string(e.Action), e.Note,
		string(e.To.Area), e.To.Unit, string(e.State), e.Mute, key)
	if err != nil {
		return fmt.Errorf("log: %w", err)
	}
	_, err = tx.ExecContext(ctx, `
		UPDATE alerts SET handling = $1, handling_version = $2, handled_by = $3, handled_at_us = $4,
			sent_area = $5, sent_unit = $6, answer = $7
		WHERE id = $8`,
		string(h.State), h.Version, h.By, micros(h.At), string(h.To.Area), h.To.Unit, string(h.Answer), e.AlertID)
	if err != nil {
		return err
	}
	return putOnOutbox(ctx, tx, e.AlertID)
}

// replaceVerdict makes the verdict on an alert that of e: those who answer by the
// log are told apart by the version of the handling.
func replaceVerdict(ctx context.Context, tx *sql.Tx, e store.HandlingEntry, answer store.Answer) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO verdicts (alert, answer, answered_by, note, at_us, version) VALUES ($1, $2, $3, $4, $5, 1)
		ON CONFLICT (alert) DO UPDATE SET answer = excluded.answer, answered_by = excluded.answered_by,
			note = excluded.note, at_us = excluded.at_us, version = verdicts.version + 1`,
		e.AlertID, string(answer), e.By, e.Note, e.At.UnixMicro())
	if err != nil {
		return fmt.Errorf("verdict: %w", err)
	}
	return nil
}

// logAnswer enters a verdict that was saved by itself into the log.
func logAnswer(ctx context.Context, tx *sql.Tx, v store.Verdict) error {
	a, err := alertOf(ctx, tx, v.AlertID)
	if err != nil {
		return err
	}
	c := store.HandlingCommand{AlertID: v.AlertID, Action: store.HandlingAction(v.Answer), By: v.By, Note: v.Note, At: v.At}
	state, _ := c.Action.After(a.Handling.State) // an answer goes with every state
	e := entryFor(c, a.Handling.Version+1, state)
	return logEntry(ctx, tx, e, a.Handling.With(e), "")
}

// TakeUpsOf implements [store.Handlings].
func (r *Records) TakeUpsOf(ctx context.Context, alerts []string) (map[string]store.TakeUp, error) {
	if len(alerts) > store.MaxAlerts {
		return nil, fmt.Errorf("%w: %d alerts are more than %d", store.ErrInvalidQuery, len(alerts), store.MaxAlerts)
	}
	out := make(map[string]store.TakeUp, len(alerts))
	if len(alerts) == 0 {
		return out, nil
	}
	args := []any{store.ActReopen}
	marks := make([]string, len(alerts))
	for i, id := range alerts {
		args, marks[i] = append(args, id), fmt.Sprintf("$%d", i+2)
	}
	rows, err := r.db.Read.QueryContext(ctx, `
		SELECT a.id, a.severity, a.raised_at_us, a.cleared_at_us, min(l.at_us), sum(CASE WHEN l.action = $1 THEN 1 ELSE 0 END)
		FROM alerts a LEFT JOIN alert_log l ON l.alert = a.id WHERE a.id IN (`+strings.Join(marks, ", ")+`)
		GROUP BY a.id, a.severity, a.raised_at_us, a.cleared_at_us`, args...)
	if err != nil {
		return nil, fmt.Errorf("when alerts were taken up: %w", err)
	}
	type found struct {
		id string
		store.TakeUp
	}
	all, err := collect(rows, func(rows *sql.Rows) (f found, err error) {
		var raised, cleared, taken sql.NullInt64
		err = rows.Scan(&f.id, &f.Severity, &raised, &cleared, &taken, &f.Reopened)
		f.Raised, f.Cleared, f.Taken = fromMicros(raised), fromMicros(cleared), fromMicros(taken)
		return f, err
	})
	if err != nil {
		return nil, fmt.Errorf("when alerts were taken up: %w", err)
	}
	for _, f := range all {
		out[f.id] = f.TakeUp
	}
	return out, nil
}

// HandlingLog implements [store.Handlings].
func (r *Records) HandlingLog(ctx context.Context, alert string, after int64, limit int) ([]store.HandlingEntry, error) {
	if limit < 1 || limit > store.MaxHandlingEntries {
		return nil, fmt.Errorf("%w: limit %d is not within 1 and %d", store.ErrInvalidQuery, limit, store.MaxHandlingEntries)
	}
	rows, err := r.db.Read.QueryContext(ctx, `
		SELECT `+logColumns+` FROM alert_log WHERE alert = $1 AND seq > $2 ORDER BY seq LIMIT $3`, alert, after, limit)
	if err != nil {
		return nil, fmt.Errorf("log of alert %s: %w", alert, err)
	}
	found, err := collect(rows, scanEntry)
	if err != nil {
		return nil, fmt.Errorf("log of alert %s: %w", alert, err)
	}
	return found, nil
}
