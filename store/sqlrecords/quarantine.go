package sqlrecords

import (
	"context"
	"database/sql"
	"fmt"

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
		INSERT INTO rejects (number, at_us, reason, detail, topic, payload, size, message)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`)
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
		_, err := insert.ExecContext(ctx, number, f.At.UnixMicro(), f.Reason, f.Detail, f.Topic, payload, f.Size, f.Message)
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
func (r *Records) Rejects(ctx context.Context, reason string, before int64, limit int) ([]store.QuarantinedReject, error) {
	return r.findRejects(ctx, `SELECT number, at_us, reason, detail, topic, payload, size, message FROM rejects
		WHERE ($1 = 0 OR number < $1) AND ($2 = '' OR reason = $2) ORDER BY number DESC LIMIT $3`, before, reason, limit)
}

// ReadableRejects implements [store.Quarantine].
func (r *Records) ReadableRejects(ctx context.Context, reason string, after int64, limit int) ([]store.QuarantinedReject, error) {
	return r.findRejects(ctx, `SELECT number, at_us, reason, detail, topic, payload, size, message FROM rejects
		WHERE number > $1 AND ($2 = '' OR reason = $2) AND length(message) > 0 ORDER BY number LIMIT $3`, after, reason, limit)
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

func (r *Records) findRejects(ctx context.Context, query string, args ...any) ([]store.QuarantinedReject, error) {
	rows, err := r.db.Read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read rejects: %w", err)
	}
	rejects, err := collect(rows, func(rows *sql.Rows) (q store.QuarantinedReject, err error) {
		var at sql.NullInt64
		err = rows.Scan(&q.ID, &at, &q.Reason, &q.Detail, &q.Topic, &q.Payload, &q.Size, &q.Message)
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
