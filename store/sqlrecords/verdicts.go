package sqlrecords

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/urbangrid/urbangrid/store"
)

const verdictColumns = `verdicts.alert, verdicts.answer, verdicts.answered_by, verdicts.note, verdicts.at_us, verdicts.version`

func scanVerdict(rows *sql.Rows) (v store.Verdict, err error) {
	var at sql.NullInt64
	err = rows.Scan(&v.AlertID, &v.Answer, &v.By, &v.Note, &at, &v.Version)
	v.At = fromMicros(at)
	return v, err
}

// SaveVerdict implements [store.Verdicts].
func (r *Records) SaveVerdict(ctx context.Context, v store.Verdict) (store.Verdict, error) {
	kept := v
	kept.At = stored(v.At)
	kept.Version++
	err := r.transact(ctx, func(tx *sql.Tx) error {
		if err := lockOutbox(ctx, tx); err != nil {
			return err
		}
		saved, err := saveVerdict(ctx, tx, kept)
		if err == nil && saved {
			err = logAnswer(ctx, tx, kept)
		}
		if err != nil || saved {
			return err
		}
		kept, err = presentVerdict(ctx, tx, v.AlertID)
		return errors.Join(err, store.ErrConflict)
	})
	switch {
	case errors.Is(err, store.ErrConflict):
		return kept, fmt.Errorf("verdict on alert %s: %w", v.AlertID, err)
	case err != nil:
		return store.Verdict{}, fmt.Errorf("verdict on alert %s: %w", v.AlertID, err)
	}
	return kept, nil
}

// saveVerdict stores v if the version before it is kept, and reports whether it
// was. The condition is in the statement, so that of two who save at once one
// loses whatever the database isolates.
func saveVerdict(ctx context.Context, tx *sql.Tx, v store.Verdict) (bool, error) {
	var there int
	err := tx.QueryRowContext(ctx, `SELECT 1 FROM alerts WHERE id = $1`, v.AlertID).Scan(&there)
	if errors.Is(err, sql.ErrNoRows) {
		return false, store.ErrNotFound
	}
	if err != nil {
		return false, err
	}
	var res sql.Result
	if v.Version == 1 {
		res, err = tx.ExecContext(ctx, `
			INSERT INTO verdicts (alert, answer, answered_by, note, at_us, version)
			VALUES ($1, $2, $3, $4, $5, 1) ON CONFLICT (alert) DO NOTHING`,
			v.AlertID, string(v.Answer), v.By, v.Note, v.At.UnixMicro())
	} else {
		res, err = tx.ExecContext(ctx, `
			UPDATE verdicts SET answer = $1, answered_by = $2, note = $3, at_us = $4, version = version + 1
			WHERE alert = $5 AND version = $6`,
			string(v.Answer), v.By, v.Note, v.At.UnixMicro(), v.AlertID, v.Version-1)
	}
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

// presentVerdict returns the verdict on an alert, the zero one when there is
// none.
func presentVerdict(ctx context.Context, tx *sql.Tx, alert string) (store.Verdict, error) {
	rows, err := tx.QueryContext(ctx, `SELECT `+verdictColumns+` FROM verdicts WHERE alert = $1`, alert)
	if err != nil {
		return store.Verdict{}, err
	}
	found, err := collect(rows, scanVerdict)
	if err != nil || len(found) == 0 {
		return store.Verdict{}, err
	}
	return found[0], nil
}

// VerdictsOn implements [store.Verdicts].
func (r *Records) VerdictsOn(ctx context.Context, alerts []string) (map[string]store.Verdict, error) {
	byAlert := make(map[string]store.Verdict)
	if len(alerts) == 0 {
		return byAlert, nil
	}
	if len(alerts) > store.MaxAlerts {
		return nil, fmt.Errorf("%w: verdicts on %d alerts, at most %d", store.ErrInvalidQuery, len(alerts), store.MaxAlerts)
	}
	places, args := make([]string, len(alerts)), make([]any, len(alerts))
	for i, id := range alerts {
		places[i], args[i] = "$"+strconv.Itoa(i+1), id
	}
	rows, err := r.db.Read.QueryContext(ctx,
		`SELECT `+verdictColumns+` FROM verdicts WHERE alert IN (`+strings.Join(places, ", ")+`)`, args...)
	if err != nil {
		return nil, fmt.Errorf("verdicts on %d alerts: %w", len(alerts), err)
	}
	found, err := collect(rows, scanVerdict)
	if err != nil {
		return nil, fmt.Errorf("verdicts on %d alerts: %w", len(alerts), err)
	}
	for _, v := range found {
		byAlert[v.AlertID] = v
	}
	return byAlert, nil
}

// VerdictsOf implements [store.Verdicts].
func (r *Records) VerdictsOf(ctx context.Context, q store.VerdictQuery, limit int) ([]store.Verdict, error) {
	where, args := verdictCondition(q)
	args = append(args, limit)
	rows, err := r.db.Read.QueryContext(ctx, `
		SELECT `+verdictColumns+` FROM verdicts JOIN alerts ON alerts.id = verdicts.alert`+where+`
		ORDER BY verdicts.at_us DESC, verdicts.alert DESC LIMIT $`+strconv.Itoa(len(args)), args...)
	if err != nil {
		return nil, fmt.Errorf("verdicts of %+v: %w", q, err)
	}
	found, err := collect(rows, scanVerdict)
	if err != nil {
		return nil, fmt.Errorf("verdicts of %+v: %w", q, err)
	}
	return found, nil
}

// TallyVerdicts implements [store.Verdicts].
func (r *Records) TallyVerdicts(ctx context.Context, q store.VerdictQuery) ([]store.Tally, error) {
	where, args := verdictCondition(q)
	if where == "" {
		where = " WHERE 1 = 1"
	}
	rows, err := r.db.Read.QueryContext(ctx, `
		SELECT alerts.rule, alerts.kind, COUNT(*),
			COUNT(CASE WHEN verdicts.answer = 'confirmed' THEN 1 END),
			COUNT(CASE WHEN verdicts.answer = 'false_alarm' THEN 1 END)
		FROM alerts LEFT JOIN verdicts ON verdicts.alert = alerts.id`+where+` AND alerts.merged_into = ''
		GROUP BY alerts.rule, alerts.kind ORDER BY alerts.rule, alerts.kind`, args...)
	if err != nil {
		return nil, fmt.Errorf("tally verdicts of %+v: %w", q, err)
	}
	found, err := collect(rows, func(rows *sql.Rows) (t store.Tally, err error) {
		err = rows.Scan(&t.Rule, &t.Kind, &t.Raised, &t.Confirmed, &t.FalseAlarms)
		return t, err
	})
	if err != nil {
		return nil, fmt.Errorf("tally verdicts of %+v: %w", q, err)
	}
	return found, nil
}

// verdictCondition returns the condition on alerts that q states, "" for none.
func verdictCondition(q store.VerdictQuery) (string, []any) {
	var (
		where []string
		args  []any
	)
	narrow := func(condition string, arg any) {
		args = append(args, arg)
		where = append(where, condition+" $"+strconv.Itoa(len(args)))
	}
	if q.Rule != "" {
		narrow("alerts.rule =", q.Rule)
	}
	if q.Kind != "" {
		narrow("alerts.kind =", string(q.Kind))
	}
	switch q.Category {
	case "":
	case store.AboutCity: // as alerts are written that say nothing of it
		where = append(where, "alerts.category IN ('', 'city')")
	default:
		narrow("alerts.category =", string(q.Category))
	}
	if !q.From.IsZero() {
		narrow("alerts.raised_at_us >=", q.From.UnixMicro())
	}
	if !q.To.IsZero() {
		narrow("alerts.raised_at_us <", q.To.UnixMicro())
	}
	if len(where) == 0 {
		return "", nil
	}
	return " WHERE " + strings.Join(where, " AND "), args
}
