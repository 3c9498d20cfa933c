package sqlrecords

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

const deviceColumns = `id, name, lat_degrees, lon_degrees, datum, auto_entered, last_seen_us,
	profile, kinds, owner, area, installed_us, maintenance, interval_us, tags,
	first_seen_us, presence, presence_at_us, battery_percent, signal_dbm,
	reported_lat_degrees, reported_lon_degrees, reported_datum, note, note_at_us,
	observations, bad, hour_us, this_hour, last_hour, version`

// savePlace notes a place when it is another than the last: at the first entry
// only when there is one.
const savePlace = `
	INSERT INTO device_places (device, number, from_us, lat_degrees, lon_degrees, datum)
	SELECT CAST($1 AS TEXT), (SELECT COALESCE(MAX(number), 0) + 1 FROM device_places WHERE device = $1),
		CAST($2 AS BIGINT), CAST($3 AS DOUBLE PRECISION), CAST($4 AS DOUBLE PRECISION), CAST($5 AS SMALLINT)
	WHERE NOT EXISTS (SELECT 1 FROM devices WHERE id = $1 AND lat_degrees = $3 AND lon_degrees = $4 AND datum = $5)
		AND ($5 <> 0 OR EXISTS (SELECT 1 FROM devices WHERE id = $1))`

const putDevice = `
	INSERT INTO devices (id, name, lat_degrees, lon_degrees, datum, auto_entered,
		profile, kinds, owner, area, installed_us, maintenance, interval_us, tags)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
	ON CONFLICT (id) DO UPDATE SET name = excluded.name, lat_degrees = excluded.lat_degrees,
		lon_degrees = excluded.lon_degrees, datum = excluded.datum, auto_entered = excluded.auto_entered,
		profile = excluded.profile, kinds = excluded.kinds, owner = excluded.owner, area = excluded.area,
		installed_us = excluded.installed_us, maintenance = excluded.maintenance,
		interval_us = excluded.interval_us, tags = excluded.tags, version = devices.version + 1`

// asText is how lists are kept: JSON, "" for an empty one.
func asText[T any](list []T) (string, error) {
	if len(list) == 0 {
		return "", nil
	}
	b, err := json.Marshal(list)
	return string(b), err
}

func fromText[T any](text string) (list []T, err error) {
	if text != "" {
		err = json.Unmarshal([]byte(text), &list)
	}
	return list, err
}

// joinKinds writes kinds with blanks between: a key has none.
func joinKinds(kinds []sensors.KindKey) string {
	var b strings.Builder
	for i, k := range kinds {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(string(k))
	}
	return b.String()
}

func splitKinds(s string) []sensors.KindKey {
	var kinds []sensors.KindKey
	for k := range strings.FieldsSeq(s) {
		kinds = append(kinds, sensors.KindKey(k))
	}
	return kinds
}

// Device implements [store.Devices].
func (r *Records) Device(ctx context.Context, id sensors.DeviceID) (sensors.Device, error) {
	d, ok, err := findDevice(ctx, r.db.Read, id)
	if err == nil && !ok {
		err = store.ErrNotFound
	}
	if err != nil {
		return sensors.Device{}, fmt.Errorf("device %q: %w", id, err)
	}
	return d, nil
}

// asker is a database or a transaction.
type asker interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func findDevice(ctx context.Context, db asker, id sensors.DeviceID) (sensors.Device, bool, error) {
	rows, err := db.QueryContext(ctx, `SELECT `+deviceColumns+` FROM devices WHERE id = $1`, string(id))
	if err != nil {
		return sensors.Device{}, false, err
	}
	found, err := collect(rows, scanDevice)
	if err != nil || len(found) == 0 {
		return sensors.Device{}, false, err
	}
	return found[0], true, nil
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

// DevicePlaces implements [store.Devices].
func (r *Records) DevicePlaces(ctx context.Context, id sensors.DeviceID) ([]sensors.Placement, error) {
	rows, err := r.db.Read.QueryContext(ctx, `
		SELECT device, from_us, lat_degrees, lon_degrees, datum FROM device_places
		WHERE device = $1 ORDER BY number DESC`, string(id))
	if err != nil {
		return nil, fmt.Errorf("places of device %q: %w", id, err)
	}
	found, err := collect(rows, scanPlacement)
	if err != nil {
		return nil, fmt.Errorf("places of device %q: %w", id, err)
	}
	var places []sensors.Placement
	for _, f := range found {
		places = append(places, f.Placement)
	}
	return places, nil
}

// MovedDevices implements [store.Devices].
func (r *Records) MovedDevices(ctx context.Context) (map[sensors.DeviceID][]sensors.Placement, error) {
	rows, err := r.db.Read.QueryContext(ctx, `
		SELECT device, from_us, lat_degrees, lon_degrees, datum FROM device_places
		WHERE device IN (SELECT device FROM device_places GROUP BY device HAVING COUNT(*) > 1)
		ORDER BY device, number DESC`)
	if err != nil {
		return nil, fmt.Errorf("moved devices: %w", err)
	}
	found, err := collect(rows, scanPlacement)
	if err != nil {
		return nil, fmt.Errorf("moved devices: %w", err)
	}
	moved := map[sensors.DeviceID][]sensors.Placement{}
	for _, f := range found {
		moved[f.device] = append(moved[f.device], f.Placement)
	}
	return moved, nil
}

type placementOf struct {
	device sensors.DeviceID
	sensors.Placement
}

func scanPlacement(rows *sql.Rows) (p placementOf, err error) {
	var from sql.NullInt64
	err = rows.Scan(&p.device, &from, &p.Position.LatDegrees, &p.Position.LonDegrees, &p.Position.Datum)
	p.From = fromMicros(from)
	return p, err
}

func scanDevice(rows *sql.Rows) (d sensors.Device, err error) {
	var (
		seen, installed, firstSeen, presenceAt, noteAt, hour sql.NullInt64
		battery, signal                                      sql.NullFloat64
		kinds, maintenance, tags                             string
		interval                                             int64
	)
	c := &d.Condition
	err = rows.Scan(&d.ID, &d.Name, &d.Position.LatDegrees, &d.Position.LonDegrees, &d.Position.Datum, &d.Auto, &seen,
		&d.Profile, &kinds, &d.Owner, &d.Area, &installed, &maintenance, &interval, &tags,
		&firstSeen, &c.Presence, &presenceAt, &battery, &signal,
		&c.Reported.LatDegrees, &c.Reported.LonDegrees, &c.Reported.Datum, &c.Note, &noteAt,
		&c.Observations, &c.Bad, &hour, &c.ThisHour, &c.LastHour, &d.Version)
	if err != nil {
		return d, err
	}
	d.LastSeen, d.Installed = fromMicros(seen), fromMicros(installed)
	d.Interval = time.Duration(interval) * time.Microsecond
	d.Kinds = splitKinds(kinds)
	c.FirstSeen, c.PresenceAt, c.NoteAt, c.Hour = fromMicros(firstSeen), fromMicros(presenceAt), fromMicros(noteAt), fromMicros(hour)
	if battery.Valid {
		c.BatteryPercent = &battery.Float64
	}
	if signal.Valid {
		c.SignalDBm = &signal.Float64
	}
	if d.Maintenance, err = fromText[sensors.Maintenance](maintenance); err != nil {
		return d, fmt.Errorf("maintenance of %q: %w", d.ID, err)
	}
	if d.Tags, err = fromText[string](tags); err != nil {
		return d, fmt.Errorf("tags of %q: %w", d.ID, err)
	}
	return d, nil
}
