package sqlrecords

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// seenDevice counts $3 observations of device $1, the newest received at $2 in
// the hour $4.
const seenDevice = `
	INSERT INTO devices (id, name, lat_degrees, lon_degrees, datum, auto_entered,
		last_seen_us, first_seen_us, observations, hour_us, this_hour)
	VALUES ($1, '', 0, 0, 0, TRUE, $2, $2, $3, $4, $3)
	ON CONFLICT (id) DO UPDATE SET
		last_seen_us = CASE WHEN devices.last_seen_us > excluded.last_seen_us
			THEN devices.last_seen_us ELSE excluded.last_seen_us END,
		first_seen_us = COALESCE(devices.first_seen_us, excluded.first_seen_us),
		observations = devices.observations + excluded.observations,
		last_hour = CASE
			WHEN devices.hour_us >= excluded.hour_us THEN devices.last_hour
			WHEN devices.hour_us = excluded.hour_us - 3600000000 THEN devices.this_hour
			ELSE 0 END,
		this_hour = CASE WHEN devices.hour_us >= excluded.hour_us
			THEN devices.this_hour + excluded.this_hour ELSE excluded.this_hour END,
		hour_us = CASE WHEN devices.hour_us >= excluded.hour_us
			THEN devices.hour_us ELSE excluded.hour_us END`

// toldDevice takes what was told of device $14: each value after its time, NULL
// when nothing was told. What is known from later stays. SQLite numbers the
// parameters by where they come first, so they come in order.
const toldDevice = `
	UPDATE devices SET
		bad             = bad + $1,
		presence        = CASE WHEN $2 >= COALESCE(presence_at_us, $2) THEN CAST($3 AS SMALLINT) ELSE presence END,
		presence_at_us  = CASE WHEN $2 >= COALESCE(presence_at_us, $2) THEN $2 ELSE presence_at_us END,
		battery_percent = CASE WHEN $4 >= COALESCE(battery_at_us, $4) THEN CAST($5 AS DOUBLE PRECISION) ELSE battery_percent END,
		battery_at_us   = CASE WHEN $4 >= COALESCE(battery_at_us, $4) THEN $4 ELSE battery_at_us END,
		signal_dbm      = CASE WHEN $6 >= COALESCE(signal_at_us, $6) THEN CAST($7 AS DOUBLE PRECISION) ELSE signal_dbm END,
		signal_at_us    = CASE WHEN $6 >= COALESCE(signal_at_us, $6) THEN $6 ELSE signal_at_us END,
		reported_lat_degrees = CASE WHEN $8 >= COALESCE(reported_at_us, $8) THEN CAST($9 AS DOUBLE PRECISION) ELSE reported_lat_degrees END,
		reported_lon_degrees = CASE WHEN $8 >= COALESCE(reported_at_us, $8) THEN CAST($10 AS DOUBLE PRECISION) ELSE reported_lon_degrees END,
		reported_datum  = CASE WHEN $8 >= COALESCE(reported_at_us, $8) THEN CAST($11 AS SMALLINT) ELSE reported_datum END,
		reported_at_us  = CASE WHEN $8 >= COALESCE(reported_at_us, $8) THEN $8 ELSE reported_at_us END,
		note            = CASE WHEN $12 >= COALESCE(note_at_us, $12) THEN CAST($13 AS TEXT) ELSE note END,
		note_at_us      = CASE WHEN $12 >= COALESCE(note_at_us, $12) THEN $12 ELSE note_at_us END
	WHERE id = $14`

// SeenDevices implements [store.Devices].
func (r *Records) SeenDevices(ctx context.Context, seen map[sensors.DeviceID]time.Time) error {
	if len(seen) == 0 {
		return nil
	}
	list := make([]store.Activity, 0, len(seen))
	for id, at := range seen {
		list = append(list, store.Activity{Device: id, Seen: at})
	}
	err := r.transact(ctx, func(tx *sql.Tx) error { return saveActivity(ctx, tx, list) })
	if err != nil {
		return fmt.Errorf("enter %d seen devices: %w", len(seen), err)
	}
	return nil
}

// SaveActivity implements [store.Activities].
func (r *Records) SaveActivity(ctx context.Context, to store.Position, list []store.Activity) error {
	err := r.transact(ctx, func(tx *sql.Tx) error {
		saved, err := position(ctx, tx, activity, to.Journal)
		if err != nil || saved.Seq >= to.Seq {
			return err
		}
		if err := saveActivity(ctx, tx, list); err != nil {
			return err
		}
		return savePosition(ctx, tx, activity, to)
	})
	if err != nil {
		return fmt.Errorf("save what %d devices did: %w", len(list), err)
	}
	return nil
}

// ActivityPosition implements [store.Activities].
func (r *Records) ActivityPosition(ctx context.Context, journal string) (store.Position, error) {
	return position(ctx, r.db.Read, activity, journal)
}

func saveActivity(ctx context.Context, tx *sql.Tx, list []store.Activity) error {
	seen, err := tx.PrepareContext(ctx, seenDevice)
	if err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	defer seen.Close()
	told, err := tx.PrepareContext(ctx, toldDevice)
	if err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	defer told.Close()
	for i := range list {
		a := &list[i]
		if !a.Seen.IsZero() {
			hour := a.Seen.Truncate(time.Hour)
			if _, err := seen.ExecContext(ctx, string(a.Device), micros(a.Seen), a.Observations, micros(hour)); err != nil {
				return fmt.Errorf("device %q: %w", a.Device, err)
			}
		}
		if a.Bad == 0 && a.PresenceAt.IsZero() && a.BatteryAt.IsZero() && a.SignalAt.IsZero() && a.ReportedAt.IsZero() && a.NoteAt.IsZero() {
			continue
		}
		_, err := told.ExecContext(ctx, a.Bad, micros(a.PresenceAt), int64(a.Presence),
			micros(a.BatteryAt), a.BatteryPercent, micros(a.SignalAt), a.SignalDBm,
			micros(a.ReportedAt), a.Reported.LatDegrees, a.Reported.LonDegrees, int64(a.Reported.Datum),
			micros(a.NoteAt), a.Note, string(a.Device))
		if err != nil {
			return fmt.Errorf("device %q: %w", a.Device, err)
		}
	}
	return nil
}

// saveUnknown counts the rejects of devices that nobody entered: those that a
// closed register refuses, and those that nobody gave a place.
func saveUnknown(ctx context.Context, tx *sql.Tx, fresh []store.Reject) error {
	entered := false
	for _, f := range fresh {
		if f.Reason != store.ReasonUnknownDevice && f.Reason != store.ReasonNoPosition || f.Device == "" {
			continue
		}
		entered = true
		_, err := tx.ExecContext(ctx, `
			INSERT INTO unknown_devices (device, rejects, first_seen_us, last_seen_us, topic, reason)
			SELECT CAST($1 AS TEXT), 1, CAST($2 AS BIGINT), CAST($2 AS BIGINT), CAST($3 AS TEXT), CAST($4 AS TEXT)
			WHERE NOT EXISTS (SELECT 1 FROM devices WHERE id = $1 AND auto_entered = FALSE)
			ON CONFLICT (device) DO UPDATE SET rejects = unknown_devices.rejects + 1,
				last_seen_us = excluded.last_seen_us, topic = excluded.topic, reason = excluded.reason`,
			string(f.Device), f.At.UnixMicro(), f.Topic, f.Reason)
		if err != nil {
			return fmt.Errorf("unknown device %q: %w", f.Device, err)
		}
	}
	if !entered {
		return nil
	}
	_, err := tx.ExecContext(ctx, `
		DELETE FROM unknown_devices WHERE last_seen_us < (
			SELECT last_seen_us FROM unknown_devices ORDER BY last_seen_us DESC LIMIT 1 OFFSET $1)`, store.MaxUnknownDevices-1)
	if err != nil {
		return fmt.Errorf("remove the oldest unknown devices: %w", err)
	}
	return nil
}

// UnknownDevices implements [store.Devices].
func (r *Records) UnknownDevices(ctx context.Context, limit int) ([]store.UnknownDevice, error) {
	rows, err := r.db.Read.QueryContext(ctx, `
		SELECT device, rejects, first_seen_us, last_seen_us, topic, reason FROM unknown_devices
		WHERE NOT EXISTS (SELECT 1 FROM devices WHERE id = unknown_devices.device AND auto_entered = FALSE)
		ORDER BY last_seen_us DESC, device LIMIT $1`, limit)
	if err != nil {
		return nil, fmt.Errorf("unknown devices: %w", err)
	}
	found, err := collect(rows, func(rows *sql.Rows) (u store.UnknownDevice, err error) {
		var first, last sql.NullInt64
		err = rows.Scan(&u.ID, &u.Rejects, &first, &last, &u.Topic, &u.Reason)
		u.FirstSeen, u.LastSeen = fromMicros(first), fromMicros(last)
		return u, err
	})
	if err != nil {
		return nil, fmt.Errorf("unknown devices: %w", err)
	}
	return found, nil
}
