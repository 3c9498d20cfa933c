package main

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// listed is a register of some devices; nothing else of it is asked.
type listed struct {
	store.Devices
	all []sensors.Device
}

func (l listed) ListDevices(_ context.Context, after sensors.DeviceID, limit int) ([]sensors.Device, error) {
	var page []sensors.Device
	for _, d := range l.all {
		if d.ID > after && len(page) < limit {
			page = append(page, d)
		}
	}
	return page, nil
}

func TestCoverage_CountsTheDevicesOfAKindThatWork(t *testing.T) {
	now := time.Date(2026, 11, 25, 8, 0, 0, 0, time.UTC)
	place := sensors.Position{LatDegrees: 31.2498, LonDegrees: 121.3955, Datum: sensors.WGS84}
	device := func(id sensors.DeviceID, heard time.Duration, kinds ...sensors.KindKey) sensors.Device {
		d := sensors.Device{ID: id, Position: place, Kinds: kinds, Interval: time.Minute}
		if heard >= 0 {
			d.LastSeen = now.Add(-heard)
		}
		return d
	}
	gone := device("c", 0, "illegal_parking")
	gone.Condition.Presence, gone.Condition.PresenceAt = sensors.Offline, now
	worked := device("d", time.Second, "illegal_parking", "noise")
	worked.Maintenance = []sensors.Maintenance{{From: now, To: now.Add(time.Hour), Note: "lens"}}
	told := store.Mute{ID: "m", Purpose: store.Maintenance, Device: "g", Kind: "illegal_parking", From: now.Add(-time.Hour), To: now.Add(time.Hour)}
	over := store.Mute{ID: "n", Purpose: store.Maintenance, Device: "a", From: now.Add(-2 * time.Hour), To: now}
	c := newCoverage(listed{all: []sensors.Device{
		device("a", time.Second, "illegal_parking"),
		device("b", time.Hour, "illegal_parking"), // overdue
		gone, worked,
		device("e", -1, "illegal_parking"), // never heard of: nobody knows whether it was ever put up
		device("f", time.Hour),             // says nothing of its kinds
		device("g", time.Second, "illegal_parking", "pm25"),
	}}, nil, slog.New(slog.DiscardHandler))
	c.now = func() time.Time { return now }
	c.muted.Store(store.NewMuteSet([]store.Mute{told, over}))
	if err := c.look(t.Context()); err != nil {
		t.Fatal(err)
	}
	cell, err := grid.CellAt(grid.ToWGS84(place), grid.Resolution)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.shares("illegal_parking")[cell]; got != 0.2 {
		t.Errorf("%v of the parking cameras work, want 1 of 5: one is late, one gone, two are worked on", got)
	}
	if got, there := c.shares("noise")[cell]; got != 0 || !there {
		t.Errorf("the only sensor of noise is worked on, but told is %v", c.shares("noise"))
	}
	if got := c.shares("pm25"); len(got) != 0 {
		t.Errorf("pm25 is wholly watched, but told is %v", got)
	}
	if got := c.interval("a"); got != time.Minute {
		t.Errorf("interval of a is %v, want a minute as registered", got)
	}
	if got := c.seen.Load().maintenance; len(got) != 1 || got[0].Device != "d" || got[0].Purpose != store.Maintenance {
		t.Errorf("maintenance %+v, want that of d", got)
	}
}
