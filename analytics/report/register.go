package report

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

// register remembers what reports need of the devices.
type register struct {
	mu   sync.Mutex // guards what follows; held while the register is read, so that many wait for one
	view *registerView
}

// registerView is the register at one moment. It never changes.
type registerView struct {
	at      time.Time
	state   string // equal while the devices and their places are
	devices []registered
	all     []sensors.Device
}

// registered is a device with its place.
type registered struct {
	id    sensors.DeviceID
	kinds []sensors.KindKey
	cell  grid.Cell // at grid.Resolution, 0 when it has no place
	area  grid.AreaCode
}

// devices returns the register, at most Options.RegisterFor old.
func (r *Reporter) devices(ctx context.Context) (*registerView, error) {
	r.register.mu.Lock()
	defer r.register.mu.Unlock()
	now := r.opts.Now()
	if v := r.register.view; v != nil && now.Sub(v.at) < r.opts.RegisterFor && !now.Before(v.at) {
		return v, nil
	}
	v := &registerView{at: now}
	const page = 1000
	h := xxhash.New()
	for after := sensors.DeviceID(""); ; {
		list, err := r.src.Devices.ListDevices(ctx, after, page)
		if err != nil {
			return nil, fmt.Errorf("read the register of devices: %w", err)
		}
		for i := range list {
			one := r.placed(&list[i])
			v.devices = append(v.devices, one)
			_, _ = fmt.Fprintln(h, one) // a hash takes everything
			after = list[i].ID
		}
		v.all = append(v.all, list...)
		if len(list) < page {
			break
		}
	}
	v.state = fmt.Sprintf("%x", h.Sum64())
	r.register.view = v
	return v, nil
}

func (r *Reporter) placed(d *sensors.Device) registered {
	out := registered{id: d.ID, kinds: d.Kinds, area: grid.AreaCode(d.Area)}
	if !d.Position.Known() {
		return out
	}
	p := grid.ToWGS84(d.Position)
	// A place that is not on Earth has no cell.
	if c, err := grid.CellAt(p, grid.Resolution); err == nil {
		out.cell = c
		if out.area == "" {
			out.area = r.src.Areas.At(p)
		}
	}
	return out
}

// of returns the devices that are registered for a kind in some areas.
func (v *registerView) of(kind sensors.KindKey, areas Keys[grid.AreaCode]) []registered {
	var out []registered
	for _, d := range v.devices {
		if slices.Contains(d.kinds, kind) && areas.Admit(d.area) {
			out = append(out, d)
		}
	}
	return out
}

// byArea counts the devices of a kind by area.
func (v *registerView) byArea(kind sensors.KindKey) map[grid.AreaCode]int {
	out := map[grid.AreaCode]int{}
	for _, d := range v.of(kind, Keys[grid.AreaCode]{}) {
		out[d.area]++
	}
	return out
}
