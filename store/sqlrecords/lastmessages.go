package sqlrecords

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

const saveMessage = `
	INSERT INTO device_messages (device, topic, qos, received_us, format, payload, size, private,
		observations, observed, faults, refused)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
	ON CONFLICT (device) DO UPDATE SET topic = excluded.topic, qos = excluded.qos,
		received_us = excluded.received_us, format = excluded.format, payload = excluded.payload,
		size = excluded.size, private = excluded.private, observations = excluded.observations,
		observed = excluded.observed, faults = excluded.faults, refused = excluded.refused
	WHERE device_messages.received_us <= excluded.received_us`

// SaveLastMessages implements [store.LastMessages].
func (r *Records) SaveLastMessages(ctx context.Context, list []store.LastMessage) error {
	if len(list) == 0 {
		return nil
	}
	err := r.transact(ctx, func(tx *sql.Tx) error {
		save, err := tx.PrepareContext(ctx, saveMessage)
		if err != nil {
			return fmt.Errorf("prepare: %w", err)
		}
		defer save.Close()
		for i := range list {
			if err := saveLastMessage(ctx, save, &list[i]); err != nil {
				return fmt.Errorf("of device %q: %w", list[i].Device, err)
			}
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM device_messages
			WHERE NOT EXISTS (SELECT 1 FROM devices WHERE id = device_messages.device)
				AND NOT EXISTS (SELECT 1 FROM unknown_devices WHERE device = device_messages.device)`)
		return err
	})
	if err != nil {
		return fmt.Errorf("save %d last messages: %w", len(list), err)
	}
	return nil
}

func saveLastMessage(ctx context.Context, save *sql.Stmt, m *store.LastMessage) error {
	observations, err := asText(m.Observations)
	if err != nil {
		return err
	}
	faults, err := asText(m.Faults)
	if err != nil {
		return err
	}
	payload := m.Payload
	if payload == nil {
		payload = []byte{}
	}
	_, err = save.ExecContext(ctx, string(m.Device), m.Topic, int64(m.QoS), m.Received.UnixMicro(), m.Format, payload, m.Size, m.Private,
		observations, m.Observed, faults, m.Refused)
	return err
}

// LastMessage implements [store.LastMessages].
func (r *Records) LastMessage(ctx context.Context, id sensors.DeviceID) (store.LastMessage, error) {
	rows, err := r.db.Read.QueryContext(ctx, `
		SELECT device, topic, qos, received_us, format, payload, size, private, observations, observed, faults, refused
		FROM device_messages WHERE device = $1`, string(id))
	if err != nil {
		return store.LastMessage{}, fmt.Errorf("last message of device %q: %w", id, err)
	}
	found, err := collect(rows, scanLastMessage)
	if err == nil && len(found) == 0 {
		err = store.ErrNotFound
	}
	if err != nil {
		return store.LastMessage{}, fmt.Errorf("last message of device %q: %w", id, err)
	}
	return found[0], nil
}

func scanLastMessage(rows *sql.Rows) (m store.LastMessage, err error) {
	var received sql.NullInt64
	var observations, faults string
	err = rows.Scan(&m.Device, &m.Topic, &m.QoS, &received, &m.Format, &m.Payload, &m.Size, &m.Private, &observations, &m.Observed, &faults, &m.Refused)
	if err != nil {
		return m, err
	}
	m.Received = fromMicros(received)
	if m.Observations, err = fromText[grid.Placed](observations); err != nil {
		return m, fmt.Errorf("observations: %w", err)
	}
	if m.Faults, err = fromText[store.MessageFault](faults); err != nil {
		return m, fmt.Errorf("faults: %w", err)
	}
	return m, nil
}
