package grid

import (
	"hash/maphash"
	"sync"
	"time"

	"github.com/urbangrid/urbangrid/sensors"
)

// Locator returns where a device was registered at the time at, false when it
// had no place. It must be quick and safe for concurrent use.
type Locator func(id sensors.DeviceID, at time.Time) (sensors.Position, bool)

// PlacerOptions tune a Placer.
type PlacerOptions struct {
	MaxDevices int // whose last place is remembered; 0 means 65,536
}

// Placer gives observations their place. It is safe for concurrent use.
type Placer struct {
	areas   *Areas
	devices Locator
	seed    maphash.Seed
	shards  [placerShards]placerShard
	perSize int
}

const placerShards = 64

// placerShard remembers the last place of the devices that fall to it.
type placerShard struct {
	mu    sync.RWMutex // guards known
	known map[sensors.DeviceID]place
	_     [32]byte // keeps neighbours out of the same cache line
}

// place is what was found for a position.
type place struct {
	raw   sensors.Position
	point Point
	cell  Cell
	area  AreaCode
}

// NewPlacer returns a Placer that finds areas in areas, which may be nil for
// none, and the places of devices that do not send one in devices, which may be
// nil when every device does.
func NewPlacer(areas *Areas, devices Locator, opts PlacerOptions) *Placer {
	if opts.MaxDevices <= 0 {
		opts.MaxDevices = 65_536
	}
	p := &Placer{
		areas:   areas,
		devices: devices,
		seed:    maphash.MakeSeed(),
		perSize: (opts.MaxDevices + placerShards - 1) / placerShards,
	}
	for i := range p.shards {
		p.shards[i].known = make(map[sensors.DeviceID]place)
	}
	return p
}

// Place finds where o was made: at the position it states, else where its
// device was registered then. It returns false when there is no position, or none on
// Earth. The position that o states stays in the result as it was.
func (p *Placer) Place(o sensors.Observation) (Placed, bool) {
	raw := o.Position
	if !raw.Known() {
		ok := false
		if p.devices != nil {
			raw, ok = p.devices(o.Device, o.At)
		}
		if !ok || !raw.Known() {
			return Placed{}, false
		}
	}
	shard := &p.shards[maphash.String(p.seed, string(o.Device))%placerShards]
	shard.mu.RLock()
	at, ok := shard.known[o.Device]
	shard.mu.RUnlock()
	if !ok || at.raw != raw {
		if at, ok = p.find(raw); !ok {
			return Placed{}, false
		}
		shard.remember(o.Device, at, p.perSize)
	}
	return Placed{Observation: o, Point: at.point, Cell: at.cell, Area: at.area}, true
}

func (p *Placer) find(raw sensors.Position) (place, bool) {
	point := ToWGS84(raw)
	cell, err := CellAt(point, Resolution)
	if err != nil || !point.onEarth() {
		return place{}, false
	}
	return place{raw: raw, point: point, cell: cell, area: p.areas.at(point, cell)}, true
}

// remember makes room by forgetting any other device: whoever is forgotten
// costs one search more, nothing else.
func (s *placerShard) remember(id sensors.DeviceID, at place, limit int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.known[id]; !ok && len(s.known) >= limit {
		for other := range s.known {
			delete(s.known, other)
			break
		}
	}
	s.known[id] = at
}
