package main

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// coverage knows from the register how much of each cell is watched, and which
// devices are being worked on. It looks once a minute. It is safe for concurrent
// use.
type coverage struct {
	devices store.Devices
	catalog *sensors.Catalog
	log     *slog.Logger
	now     func() time.Time

	seen  atomic.Pointer[watched]
	muted atomic.Pointer[store.MuteSet] // what people have entered, as of the last call of server.mutes; nil for nothing
}

// watched is what was found at one look.
type watched struct {
	shares      map[sensors.KindKey]map[grid.Cell]float64 // of cells where not all devices of a kind work
	maintenance []store.Mute
	intervals   map[sensors.DeviceID]time.Duration // as people stated them
}

const (
	coverageEvery = time.Minute
	coveragePage  = 1_000
)

func newCoverage(devices store.Devices, catalog *sensors.Catalog, log *slog.Logger) *coverage {
	c := &coverage{devices: devices, catalog: catalog, log: log.With("component", "coverage"), now: time.Now}
	c.seen.Store(&watched{})
	return c
}

// Run looks until ctx ends. While the register cannot be read, what was seen last
// holds.
func (c *coverage) Run(ctx context.Context) error {
	tick := time.NewTicker(coverageEvery)
	defer tick.Stop()
	for {
		if err := c.look(ctx); err != nil && ctx.Err() == nil {
			c.log.Warn("register not read, what was seen before holds", "error", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// share counts the devices of a kind in a cell.
type share struct{ all, working int }

func (c *coverage) look(ctx context.Context) error {
	now, muted := c.now(), c.muted.Load()
	counts := make(map[sensors.KindKey]map[grid.Cell]share)
	next := &watched{shares: make(map[sensors.KindKey]map[grid.Cell]float64), intervals: make(map[sensors.DeviceID]time.Duration)}
	for after := sensors.DeviceID(""); ; {
		page, err := c.devices.ListDevices(ctx, after, coveragePage)
		if err != nil {
			return err
		}
		for i := range page {
			after = page[i].ID
			c.count(counts, &page[i], muted, now)
			if stated := page[i].Interval; stated > 0 {
				next.intervals[page[i].ID] = stated
			}
			next.maintenance = append(next.maintenance, store.MaintenanceOf(page[i])...)
		}
		if len(page) < coveragePage {
			break
		}
	}
	for kind, cells := range counts {
		for cell, n := range cells {
			if n.working == n.all {
				continue
			}
			if next.shares[kind] == nil {
				next.shares[kind] = make(map[grid.Cell]float64)
			}
			next.shares[kind][cell] = float64(n.working) / float64(n.all)
		}
	}
	c.seen.Store(next)
	return nil
}

// count takes a device into account that stands somewhere, says what it sends and
// was ever heard of. One that is worked on does not work: what it says is not listened
// to.
func (c *coverage) count(counts map[sensors.KindKey]map[grid.Cell]share, d *sensors.Device, muted *store.MuteSet, now time.Time) {
	state, _ := d.State(now, c.catalog)
	if !d.Position.Known() || state == sensors.StateSilent {
		return
	}
	cell, err := grid.CellAt(grid.ToWGS84(d.Position), grid.Resolution)
	if err != nil {
		return // a place that is not on Earth is the register's to tell of
	}
	for _, kind := range d.Kinds {
		if counts[kind] == nil {
			counts[kind] = make(map[grid.Cell]share)
		}
		n := counts[kind][cell]
		n.all++
		asked := grid.Placed{Observation: sensors.Observation{Device: d.ID, Kind: kind, At: now}, Cell: cell}
		if state == sensors.StateOnline && !d.UnderMaintenance(now) && muted.Maintenance(&asked) == nil {
			n.working++
		}
		counts[kind][cell] = n
	}
}

// shares answers the engine.
func (c *coverage) shares(kind sensors.KindKey) map[grid.Cell]float64 {
	return c.seen.Load().shares[kind]
}

// interval returns the longest that a device is silent when all is well, as people
// registered it, 0 when they did not.
func (c *coverage) interval(id sensors.DeviceID) time.Duration { return c.seen.Load().intervals[id] }

// mutes returns what people have muted and what is worked on, and tells coverage.
func (s *server) mutes(ctx context.Context) (*store.MuteSet, error) {
	now := time.Now()
	list, err := store.MutesBetween(ctx, s.records, now.Add(-s.cfg.Lateness), now.Add(time.Minute))
	if err != nil {
		return nil, err
	}
	s.coverage.muted.Store(store.NewMuteSet(list))
	return store.NewMuteSet(append(list, s.coverage.seen.Load().maintenance...)), nil
}
