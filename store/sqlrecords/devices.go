package sqlrecords

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

const deviceColumns = `id, name, lat_degrees, lon_degrees, datum, auto_entered, last_seen_us`

// PutDevice implements [store.Devices].
func (r *Records) PutDevice(ctx context.Context, d sensors.Device) error {
	_, err := r.db.Write.ExecContext(ctx, `
		INSERT INTO devices (id, name, lat_degrees, lon_degrees, datum, auto_entered)
		VALUES ($1, $2, $3, $4, $5, FALSE)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name, lat_degrees = excluded.lat_degrees,
			lon_degrees = excluded.lon_degrees, datum = excluded.datum, auto_entered = FALSE`,
		string(d.ID), d.Name, d.Position.LatDegrees, d.Position.LonDegrees, int64(d.Position.Datum))
	if err != nil {
		return fmt.Errorf("put device %q: %w", d.ID, err)
	}
	return nil
}

// SeenDevices implements [store.Devices].
func (r *Records) SeenDevices(ctx context.Context, seen map[sensors.DeviceID]time.Time) error {
	if len(seen) == 0 {
		return nil
	}
	err := r.transact(ctx, func(tx *sql.Tx) error {
		enter, err := tx.PrepareContext(ctx, `
			INSERT INTO devices (id, name, lat_degrees, lon_degrees, datum, auto_entered, last_seen_us)
			VALUES ($1, '', 0, 0, 0, TRUE, $2)
			ON CONFLICT (id) DO UPDATE SET last_seen_us = excluded.last_seen_us
			WHERE devices.last_seen_us IS NULL OR devices.last_seen_us < excluded.last_seen_us`)
		if err != nil {
			return fmt.Errorf("prepare: %w", err)
		}
		defer enter.Close()
		for id, at := range seen {
			if _, err := enter.ExecContext(ctx, string(id), micros(at)); err != nil {
				return fmt.Errorf("device %q: %w", id, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("enter %d seen devices: %w", len(seen), err)
	}
	return nil
}

// Device implements [store.Devices].
func (r *Records) Device(ctx context.Context, id sensors.DeviceID) (sensors.Device, error) {
	rows, err := r.db.Read.QueryContext(ctx,
		`SELECT `+deviceColumns+` FROM devices WHERE id = $1`, string(id))
	if err != nil {
		return sensors.Device{}, fmt.Errorf("device %q: %w", id, err)
	}
	found, err := collect(rows, scanDevice)
	if err != nil {
		return sensors.Device{}, fmt.Errorf("device %q: %w", id, err)
	}
	if len(found) == 0 {
		return sensors.Device{}, fmt.Errorf("device %q: %w", id, store.ErrNotFound)
	}
	return found[0], nil
}

// ListDevices implements [store.Devices].
func (r *Records) ListDevices(ctx context.Context, after sensors.DeviceID, limit int) ([]sensors.Device, error) {
	rows, err := r.db.Read.QueryContext(ctx,
		`SELECT `+deviceColumns+` FROM devices WHERE id > $1 ORDER BY id LIMIT $2`, string(after), limit)
	if err != nil {
		return nil, fmt.Errorf("list devices: %w", err)
	}
	found, err := collect(rows, scanDevice)
	if err != nil {
		return nil, fmt.Errorf("list devices: %w", err)
	}
	return found, nil
}

func scanDevice(rows *sql.Rows) (d sensors.Device, err error) {
	var seen sql.NullInt64
	err = rows.Scan(&d.ID, &d.Name, &d.Position.LatDegrees, &d.Position.LonDegrees,
		&d.Position.Datum, &d.Auto, &seen)
	d.LastSeen = fromMicros(seen)
	return d, err
}
