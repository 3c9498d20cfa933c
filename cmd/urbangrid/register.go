package main

import (
	"context"
	"fmt"
	"sync"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// register is the device register with its places in memory, where ingest looks
// them up for every observation. It is safe for concurrent use.
type register struct {
	store.Devices

	mu     sync.RWMutex // guards places
	places map[sensors.DeviceID]sensors.Position
}

var (
	_ store.Devices = (*register)(nil)
	_ grid.Locator  = (*register)(nil).place
)

// newRegister reads the registered places.
func newRegister(ctx context.Context, devices store.Devices) (*register, error) {
	r := &register{Devices: devices, places: map[sensors.DeviceID]sensors.Position{}}
	const page = 1000
	for after := sensors.DeviceID(""); ; {
		list, err := devices.ListDevices(ctx, after, page)
		if err != nil {
			return nil, fmt.Errorf("read register: %w", err)
		}
		for _, d := range list {
			r.keep(d)
			after = d.ID
		}
		if len(list) < page {
			return r, nil
		}
	}
}

func (r *register) keep(d sensors.Device) {
	if d.Position.Known() {
		r.places[d.ID] = d.Position
	} else {
		delete(r.places, d.ID)
	}
}

// PutDevice enters a device and makes its place known to ingest.
func (r *register) PutDevice(ctx context.Context, d sensors.Device) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.Devices.PutDevice(ctx, d); err != nil {
		return err
	}
	r.keep(d)
	return nil
}

// place is the registered place of a device.
func (r *register) place(id sensors.DeviceID) (sensors.Position, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	p, ok := r.places[id]
	return p, ok
}
