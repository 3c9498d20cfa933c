package sqlrecords

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// PutDevice implements [store.Devices].
func (r *Records) PutDevice(ctx context.Context, d sensors.Device) error {
	d.Auto = false
	return r.PutDevices(ctx, "", []sensors.Device{d})
}

// PutDevices implements [store.Devices].
func (r *Records) PutDevices(ctx context.Context, by string, list []sensors.Device) error {
	err := r.transact(ctx, func(tx *sql.Tx) error { return putDevices(ctx, tx, by, list) })
	if err != nil {
		return fmt.Errorf("put %d devices: %w", len(list), err)
	}
	return nil
}

// ChangeDevice implements [store.Devices].
func (r *Records) ChangeDevice(ctx context.Context, by string, d sensors.Device, known int64) (sensors.Device, error) {
	d.Auto = false
	var kept sensors.Device
	err := r.transact(ctx, func(tx *sql.Tx) error {
		// The row is taken before it is looked at, so that of two who change it at
		// once the second sees what the first did.
		if _, err := tx.ExecContext(ctx, `UPDATE devices SET version = version WHERE id = $1`, string(d.ID)); err != nil {
			return err
		}
		var err error
		if kept, _, err = findDevice(ctx, tx, d.ID); err != nil {
			return err
		}
		if kept.Version != known {
			return store.ErrConflict
		}
		if err := putDevices(ctx, tx, by, []sensors.Device{d}); err != nil {
			return err
		}
		kept, _, err = findDevice(ctx, tx, d.ID)
		return err
	})
	switch {
	case errors.Is(err, store.ErrConflict):
		return kept, fmt.Errorf("change device %q: %w", d.ID, err)
	case err != nil:
		return sensors.Device{}, fmt.Errorf("change device %q: %w", d.ID, err)
	}
	return kept, nil
}

// putting is the statements that enter devices.
type putting struct {
	place, put, change *sql.Stmt
	by                 string
	nowMicros          int64
}

// close gives the statements back; the transaction has what they did.
func (p *putting) close() {
	for _, s := range []*sql.Stmt{p.place, p.put, p.change} {
		if s != nil {
			_ = s.Close() // the transaction's own end tells what went wrong
		}
	}
}

func putDevices(ctx context.Context, tx *sql.Tx, by string, list []sensors.Device) error {
	p := putting{by: by, nowMicros: time.Now().UnixMicro()}
	defer p.close()
	var errs [3]error
	p.place, errs[0] = tx.PrepareContext(ctx, savePlace)
	p.put, errs[1] = tx.PrepareContext(ctx, putDevice)
	p.change, errs[2] = tx.PrepareContext(ctx, saveChange)
	if err := errors.Join(errs[:]...); err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	for i := range list {
		if err := p.one(ctx, tx, &list[i]); err != nil {
			return fmt.Errorf("device %q: %w", list[i].ID, err)
		}
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM unknown_devices
		WHERE EXISTS (SELECT 1 FROM devices WHERE id = unknown_devices.device AND auto_entered = FALSE)`)
	if err != nil {
		return fmt.Errorf("forget unknown devices: %w", err)
	}
	return nil
}

// one enters d, and notes what that changes. What changes nothing leaves the
// version as it is.
func (p *putting) one(ctx context.Context, tx *sql.Tx, d *sensors.Device) error {
	was, there, err := findDevice(ctx, tx, d.ID)
	if err != nil {
		return err
	}
	change := store.DeviceChange{Device: d.ID, Version: was.Version, By: p.by, Action: store.DeviceChanged, Fields: store.DeviceFields(&was, d)}
	if there && len(change.Fields) == 0 {
		return nil
	}
	switch {
	case !there:
		change.Action = store.DeviceEntered
	case was.Auto && !d.Auto:
		change.Action = store.DeviceAdopted
	}
	change.Version++
	maintenance, err := asText(d.Maintenance)
	if err != nil {
		return err
	}
	tags, err := asText(d.Tags)
	if err != nil {
		return err
	}
	at := d.Position
	if _, err := p.place.ExecContext(ctx, string(d.ID), p.nowMicros, at.LatDegrees, at.LonDegrees, int64(at.Datum)); err != nil {
		return fmt.Errorf("its place: %w", err)
	}
	_, err = p.put.ExecContext(ctx, string(d.ID), d.Name, at.LatDegrees, at.LonDegrees, int64(at.Datum), d.Auto,
		d.Profile, joinKinds(d.Kinds), d.Owner, d.Area, micros(d.Installed), maintenance,
		d.Interval.Microseconds(), tags)
	if err != nil {
		return err
	}
	return p.note(ctx, tx, change)
}

const saveChange = `
	INSERT INTO device_changes (number, device, version, at_us, changed_by, action, fields)
	VALUES ($1, $2, $3, $4, $5, $6, $7)`

func (p *putting) note(ctx context.Context, tx *sql.Tx, c store.DeviceChange) error {
	number, err := takeNumbers(ctx, tx, "device_changes", 1)
	if err != nil {
		return err
	}
	_, err = p.change.ExecContext(ctx, number, string(c.Device), c.Version, p.nowMicros, c.By, string(c.Action), strings.Join(c.Fields, " "))
	if err != nil {
		return fmt.Errorf("note what changed: %w", err)
	}
	return nil
}

// NoteDevice implements [store.Devices].
func (r *Records) NoteDevice(ctx context.Context, id sensors.DeviceID, by string, action store.DeviceAction) error {
	err := r.transact(ctx, func(tx *sql.Tx) error {
		number, err := takeNumbers(ctx, tx, "device_changes", 1)
		if err != nil {
			return err
		}
		d, _, err := findDevice(ctx, tx, id)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, saveChange, number, string(id), d.Version, time.Now().UnixMicro(), by, string(action), "")
		return err
	})
	if err != nil {
		return fmt.Errorf("note %s of device %q: %w", action, id, err)
	}
	return nil
}

// DeviceChanges implements [store.Devices].
func (r *Records) DeviceChanges(ctx context.Context, id sensors.DeviceID, before int64, limit int) ([]store.DeviceChange, error) {
	rows, err := r.db.Read.QueryContext(ctx, `
		SELECT number, device, version, at_us, changed_by, action, fields FROM device_changes
		WHERE device = $1 AND ($2 = 0 OR number < $2) ORDER BY number DESC LIMIT $3`, string(id), before, limit)
	if err != nil {
		return nil, fmt.Errorf("changes of device %q: %w", id, err)
	}
	found, err := collect(rows, func(rows *sql.Rows) (c store.DeviceChange, err error) {
		var at sql.NullInt64
		var fields string
		err = rows.Scan(&c.Number, &c.Device, &c.Version, &at, &c.By, &c.Action, &fields)
		c.At, c.Fields = fromMicros(at), strings.Fields(fields)
		return c, err
	})
	if err != nil {
		return nil, fmt.Errorf("changes of device %q: %w", id, err)
	}
	return found, nil
}
