package sqlrecords

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"

	"github.com/urbangrid/urbangrid/store"
)

// SaveRejects implements [store.Quarantine].
func (r *Records) SaveRejects(ctx context.Context, to store.Position, entries []store.RejectEntry) error {
	err := r.transact(ctx, func(tx *sql.Tx) error {
		saved, err := position(ctx, tx, quarantine, to.Journal)
		if err != nil {
			return err
		}
		var fresh []store.Reject
		for _, e := range entries {
			if e.Seq > saved.Seq {
				fresh = append(fresh, e.Rejects...)
			}
		}
		if len(fresh) > 0 {
			if err := saveRejects(ctx, tx, fresh); err != nil {
				return err
			}
		}
		return savePosition(ctx, tx, quarantine, to)
	})
	if err != nil {
		return fmt.Errorf("save rejects of %d entries: %w", len(entries), err)
	}
	return nil
}

// saveRejects counts all of fresh and keeps those whole that are among the
// newest store.QuarantineSize.
func saveRejects(ctx context.Context, tx *sql.Tx, fresh []store.Reject) error {
	counts := make(map[string]int64)
	for _, f := range fresh {
		counts[f.Reason]++
	}
	for reason, n := range counts {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO reject_counts (reason, total) VALUES ($1, $2)
			ON CONFLICT (reason) DO UPDATE SET total = reject_counts.total + excluded.total`, reason, n)
		if err != nil {
			return fmt.Errorf("count rejects with reason %q: %w", reason, err)
		}
	}
	if err := saveUnknown(ctx, tx, fresh); err != nil {
		return err
	}
	last, err := takeNumbers(ctx, tx, "rejects", len(fresh))
	if err != nil {
		return err
	}
	number := last - int64(len(fresh))
	if skip := len(fresh) - store.QuarantineSize; skip > 0 {
		number += int64(skip)
		fresh = fresh[skip:]
	}
	insert, err := tx.PrepareContext(ctx, `
		INSERT INTO rejects (number, at_us, reason, detail, topic, payload, size, message, device)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`)
	if err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	defer insert.Close()
	for _, f := range fresh {
		number++
		payload := f.Payload
		if payload == nil {
			payload = []byte{}
		}
		_, err := insert.ExecContext(ctx, number, f.At.UnixMicro(), f.Reason, f.Detail, f.Topic, payload, f.Size, f.Message, string(f.Device))
		if err != nil {
			return fmt.Errorf("reject %d: %w", number, err)
		}
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM rejects WHERE number <= $1`, last-store.QuarantineSize); err != nil {
		return fmt.Errorf("remove the oldest rejects: %w", err)
	}
	return nil
}

// QuarantinePosition implements [store.Quarantine].
func (r *Records) QuarantinePosition(ctx context.Context, journal string) (store.Position, error) {
	return position(ctx, r.db.Read, quarantine, journal)
}

// Rejects implements [store.Quarantine].
func (r *Records) Rejects(ctx context.Context, q store.RejectQuery, before int64, limit int) ([]store.QuarantinedReject, error) {
	c := rejectCondition(q)
	if before != 0 {
		c.narrow("number < ?", before)
	}
	return r.findRejects(ctx, c, "number DESC", limit)
}

// ReadableRejects implements [store.Quarantine].
func (r *Records) ReadableRejects(ctx context.Context, q store.RejectQuery, after int64, limit int) ([]store.QuarantinedReject, error) {
	c := rejectCondition(q)
	c.narrow("length(message) > 0 AND number > ?", after)
	return r.findRejects(ctx, c, "number", limit)
}

// KeptRejects implements [store.Quarantine].
func (r *Records) KeptRejects(ctx context.Context, q store.RejectQuery) (map[string]store.KeptCount, error) {
	c := rejectCondition(q)
	rows, err := r.db.Read.QueryContext(ctx, `
		SELECT reason, COUNT(*), COUNT(CASE WHEN length(message) > 0 THEN 1 END)
		FROM rejects`+whereAll(c)+` GROUP BY reason`, c.args...)
	if err != nil {
		return nil, fmt.Errorf("count kept rejects: %w", err)
	}
	type count struct {
		reason string
		store.KeptCount
	}
	found, err := collect(rows, func(rows *sql.Rows) (k count, err error) {
		err = rows.Scan(&k.reason, &k.Kept, &k.Readable)
		return k, err
	})
	if err != nil {
		return nil, fmt.Errorf("count kept rejects: %w", err)
	}
	counts := make(map[string]store.KeptCount, len(found))
	for _, k := range found {
		counts[k.reason] = k.KeptCount
	}
	return counts, nil
}

func rejectCondition(q store.RejectQuery) condition {
	var c condition
	if q.ID != 0 {
		c.narrow("number = ?", q.ID)
	}
	if q.Reason != "" {
		c.narrow("reason = ?", q.Reason)
	}
	if q.Device != "" {
		c.narrow("device = ?", string(q.Device))
	}
	if !q.From.IsZero() {
		c.narrow("at_us >= ?", q.From.UnixMicro())
	}
	if !q.To.IsZero() {
		c.narrow("at_us < ?", q.To.UnixMicro())
	}
	if q.Text != "" {
		c.narrow(`(LOWER(topic) LIKE ? ESCAPE '!' OR LOWER(detail) LIKE ? ESCAPE '!')`, containing(q.Text))
	}
	return c
}

// whereAll is the clause of c, "" when nothing narrows.
func whereAll(c condition) string {
	if len(c.where) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(c.where, " AND ")
}

// containing is the pattern of texts that have text in them, to be compared with
// small letters.
func containing(text string) string {
	return "%" + strings.NewReplacer(`!`, `!!`, `%`, `!%`, `_`, `!_`).Replace(strings.ToLower(text)) + "%"
}

// RemoveRejects implements [store.Quarantine].
func (r *Records) RemoveRejects(ctx context.Context, rejects []store.QuarantinedReject) error {
	err := r.transact(ctx, func(tx *sql.Tx) error {
		for _, q := range rejects {
			_, err := tx.ExecContext(ctx, `DELETE FROM rejects WHERE number = $1
				OR (topic = $2 AND at_us = $3 AND size = $4 AND number > $1 AND coalesce(length(message), 0) = 0)`,
				q.ID, q.Topic, q.At.UnixMicro(), q.Size)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("remove %d rejects: %w", len(rejects), err)
	}
	return nil
}

func (r *Records) findRejects(ctx context.Context, c condition, order string, limit int) ([]store.QuarantinedReject, error) {
	args := append(c.args, limit)
	rows, err := r.db.Read.QueryContext(ctx, `SELECT number, at_us, reason, detail, topic, payload, size, message, device FROM rejects`+
		whereAll(c)+` ORDER BY `+order+` LIMIT $`+strconv.Itoa(len(args)), args...)
	if err != nil {
		return nil, fmt.Errorf("read rejects: %w", err)
	}
	rejects, err := collect(rows, func(rows *sql.Rows) (q store.QuarantinedReject, err error) {
		var at sql.NullInt64
		err = rows.Scan(&q.ID, &at, &q.Reason, &q.Detail, &q.Topic, &q.Payload, &q.Size, &q.Message, &q.Device)
		q.At = fromMicros(at)
		return q, err
	})
	if err != nil {
		return nil, fmt.Errorf("read rejects: %w", err)
	}
	return rejects, nil
}

// RejectCounts implements [store.Quarantine].
func (r *Records) RejectCounts(ctx context.Context) (map[string]int64, error) {
	rows, err := r.db.Read.QueryContext(ctx, `SELECT reason, total FROM reject_counts`)
	if err != nil {
		return nil, fmt.Errorf("count rejects: %w", err)
	}
	defer rows.Close()
	counts := make(map[string]int64)
	for rows.Next() {
		var (
			reason string
			total  int64
		)
		if err := rows.Scan(&reason, &total); err != nil {
			return nil, fmt.Errorf("count rejects: %w", err)
		}
		counts[reason] = total
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("count rejects: %w", err)
	}
	return counts, nil
}
