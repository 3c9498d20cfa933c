package sqlrecords

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/urbangrid/urbangrid/store"
)

var _ store.Deliveries = (*Records)(nil)

// notifier is the consumer of the alert log that keeps its position here.
const notifier = "notifier"

const deliveryColumns = `id, channel, alert, revision, event, payload, state, attempts, next_us, fault, created_us, ended_us`

func scanDelivery(rows *sql.Rows) (d store.Delivery, err error) {
	err = rows.Scan(&d.ID, &d.Channel, &d.Alert, &d.Revision, &d.Event, (*nullableText)(&d.Payload), &d.State, &d.Attempts,
		(*microTime)(&d.Next), &d.Fault, (*microTime)(&d.CreatedAt), (*microTime)(&d.EndedAt))
	return d, err
}

// QueueDeliveries implements [store.Deliveries].
func (r *Records) QueueDeliveries(ctx context.Context, to store.Position, list []store.Delivery) (entered int, err error) {
	err = r.transact(ctx, func(tx *sql.Tx) error {
		if len(list) > 0 {
			last, err := takeNumbers(ctx, tx, "delivery", len(list))
			if err != nil {
				return err
			}
			for i, d := range list {
				d.ID = last - int64(len(list)-1-i)
				n, err := queueDelivery(ctx, tx, d)
				if err != nil {
					return err
				}
				entered += n
			}
		}
		return savePosition(ctx, tx, notifier, to)
	})
	if err != nil {
		return 0, fmt.Errorf("queue %d deliveries: %w", len(list), err)
	}
	return entered, nil
}

func queueDelivery(ctx context.Context, tx *sql.Tx, d store.Delivery) (int, error) {
	res, err := tx.ExecContext(ctx, `INSERT INTO deliveries (`+deliveryColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (channel, alert, revision) DO NOTHING`,
		d.ID, d.Channel, d.Alert, d.Revision, d.Event, string(d.Payload), string(d.State), d.Attempts,
		d.Next.UnixMicro(), d.Fault, d.CreatedAt.UnixMicro(), micros(d.EndedAt))
	if err != nil {
		return 0, err
	}
	n, err := res.RowsAffected()
	return int(n), err
}

// DeliveryPosition implements [store.Deliveries].
func (r *Records) DeliveryPosition(ctx context.Context, log string) (store.Position, error) {
	p, err := position(ctx, r.db.Read, notifier, log)
	if err != nil || p.Seq > 0 {
		return p, err
	}
	var known bool
	err = r.db.Read.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM positions WHERE consumer = $1 AND journal = $2)`, notifier, log).Scan(&known)
	if err != nil || !known {
		return store.Position{}, err
	}
	return p, nil
}

// DueChannels implements [store.Deliveries].
func (r *Records) DueChannels(ctx context.Context, at time.Time) ([]string, error) {
	rows, err := r.db.Read.QueryContext(ctx, `SELECT DISTINCT channel FROM deliveries
		WHERE state = 'waiting' AND next_us <= $1 ORDER BY channel`, at.UnixMicro())
	if err != nil {
		return nil, fmt.Errorf("due channels: %w", err)
	}
	found, err := collect(rows, func(rows *sql.Rows) (channel string, err error) {
		err = rows.Scan(&channel)
		return channel, err
	})
	if err != nil {
		return nil, fmt.Errorf("due channels: %w", err)
	}
	return found, nil
}

// DueDeliveries implements [store.Deliveries].
func (r *Records) DueDeliveries(ctx context.Context, channel string, at time.Time, limit int) ([]store.Delivery, error) {
	rows, err := r.db.Read.QueryContext(ctx, `SELECT `+deliveryColumns+` FROM deliveries
		WHERE state = 'waiting' AND channel = $1 AND next_us <= $2 ORDER BY next_us, id LIMIT $3`, channel, at.UnixMicro(), limit)
	if err != nil {
		return nil, fmt.Errorf("due deliveries of %s: %w", channel, err)
	}
	found, err := collect(rows, scanDelivery)
	if err != nil {
		return nil, fmt.Errorf("due deliveries of %s: %w", channel, err)
	}
	return found, nil
}

// SaveAttempt implements [store.Deliveries].
func (r *Records) SaveAttempt(ctx context.Context, d store.Delivery) error {
	res, err := r.db.Write.ExecContext(ctx, `
		UPDATE deliveries SET state = $1, attempts = $2, next_us = $3, fault = $4, ended_us = $5 WHERE id = $6`,
		string(d.State), d.Attempts, d.Next.UnixMicro(), d.Fault, micros(d.EndedAt), d.ID)
	if err != nil {
		return fmt.Errorf("save attempt of delivery %d: %w", d.ID, err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return fmt.Errorf("save attempt of delivery %d: %w", d.ID, store.ErrNotFound)
	}
	return nil
}

// FindDeliveries implements [store.Deliveries].
func (r *Records) FindDeliveries(ctx context.Context, q store.DeliveryQuery) ([]store.Delivery, error) {
	limit, err := pageLimit(q.Limit, store.MaxDeliveries)
	if err != nil {
		return nil, err
	}
	var n narrowing
	if q.Channel != "" {
		n.by("channel =", q.Channel)
	}
	if q.Alert != "" {
		n.by("alert =", q.Alert)
	}
	if q.State != "" {
		n.by("state =", string(q.State))
	}
	if q.Before != 0 {
		n.by("id <", q.Before)
	}
	where := n.where()
	rows, err := r.db.Read.QueryContext(ctx, `SELECT `+deliveryColumns+` FROM deliveries`+where+` ORDER BY id DESC LIMIT `+n.arg(limit), n.args...)
	if err != nil {
		return nil, fmt.Errorf("find deliveries: %w", err)
	}
	found, err := collect(rows, scanDelivery)
	if err != nil {
		return nil, fmt.Errorf("find deliveries: %w", err)
	}
	return found, nil
}

// CountDeliveries implements [store.Deliveries].
func (r *Records) CountDeliveries(ctx context.Context) (map[string]map[store.DeliveryState]int, error) {
	rows, err := r.db.Read.QueryContext(ctx, `SELECT channel, state, COUNT(*) FROM deliveries GROUP BY channel, state`)
	if err != nil {
		return nil, fmt.Errorf("count deliveries: %w", err)
	}
	type count struct {
		channel string
		state   store.DeliveryState
		n       int
	}
	found, err := collect(rows, func(rows *sql.Rows) (c count, err error) {
		err = rows.Scan(&c.channel, &c.state, &c.n)
		return c, err
	})
	if err != nil {
		return nil, fmt.Errorf("count deliveries: %w", err)
	}
	counts := make(map[string]map[store.DeliveryState]int)
	for _, c := range found {
		if counts[c.channel] == nil {
			counts[c.channel] = make(map[store.DeliveryState]int)
		}
		counts[c.channel][c.state] = c.n
	}
	return counts, nil
}

// TrimDeliveries implements [store.Deliveries].
func (r *Records) TrimDeliveries(ctx context.Context, before time.Time, keep int) error {
	_, err := r.db.Write.ExecContext(ctx, `DELETE FROM deliveries WHERE ended_us < $1 OR id IN (
		SELECT id FROM (
			SELECT id, ROW_NUMBER() OVER (PARTITION BY channel ORDER BY id DESC) AS newest FROM deliveries WHERE state <> 'waiting'
		) AS ended WHERE newest > $2)`, before.UnixMicro(), keep)
	if err != nil {
		return fmt.Errorf("trim deliveries: %w", err)
	}
	return nil
}

// DropDeliveries implements [store.Deliveries].
func (r *Records) DropDeliveries(ctx context.Context, channel string) error {
	if _, err := r.db.Write.ExecContext(ctx, `DELETE FROM deliveries WHERE channel = $1`, channel); err != nil {
		return fmt.Errorf("drop deliveries of %s: %w", channel, err)
	}
	return nil
}
