package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/ingest/auth"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// devicePolicy says what becomes of devices that nobody entered.
type devicePolicy string

const (
	// policyOpen takes them in and enters them, marked as entered by themselves.
	policyOpen devicePolicy = "open"
	// policyClosed refuses what they send and offers them for adoption.
	policyClosed devicePolicy = "closed"
)

func parseDevicePolicy(s string) (devicePolicy, error) {
	if p := devicePolicy(s); p == policyOpen || p == policyClosed {
		return p, nil
	}
	return "", fmt.Errorf("policy for devices is %q, want open or closed", s)
}

// registerRecords is where the register is kept.
type registerRecords interface {
	store.Devices
	store.Activities
}

// register is the device register with what ingest looks up for every
// observation in memory. It is safe for concurrent use.
type register struct {
	registerRecords

	restricted atomic.Bool // some device may not send every kind

	putting sync.Mutex // held from a change of the records until memory follows

	mu    sync.RWMutex // guards byID; never held while the records are asked
	byID  map[sensors.DeviceID]entry
	moved map[sensors.DeviceID][]sensors.Placement // of those with more than one place, newest first
}

// entry is what ingest wants to know of one device.
type entry struct {
	position sensors.Position
	profile  string
	kinds    []sensors.KindKey // empty means any
	auto     bool
}

var (
	_ store.Devices    = (*register)(nil)
	_ store.Activities = (*register)(nil)
	_ grid.Locator     = (*register)(nil).placeAt
)

// newRegister reads the register.
func newRegister(ctx context.Context, records registerRecords) (*register, error) {
	r := &register{
		registerRecords: records,
		byID:            map[sensors.DeviceID]entry{}, moved: map[sensors.DeviceID][]sensors.Placement{},
	}
	const page = 1000
	for after := sensors.DeviceID(""); ; {
		list, err := records.ListDevices(ctx, after, page)
		if err != nil {
			return nil, fmt.Errorf("read register: %w", err)
		}
		for _, d := range list {
			r.keep(d)
			after = d.ID
		}
		if len(list) < page {
			break
		}
	}
	var err error
	if r.moved, err = records.MovedDevices(ctx); err != nil {
		return nil, fmt.Errorf("read register: %w", err)
	}
	return r, nil
}

// keep takes d into memory.
func (r *register) keep(d sensors.Device) {
	if d.Auto && !d.Position.Known() && d.Profile == "" && len(d.Kinds) == 0 {
		delete(r.byID, d.ID) // nothing to know of it
		return
	}
	if len(d.Kinds) > 0 {
		r.restricted.Store(true)
	}
	r.byID[d.ID] = entry{position: d.Position, profile: d.Profile, kinds: slices.Clone(d.Kinds), auto: d.Auto}
}

// PutDevice enters a device and makes it known to ingest.
func (r *register) PutDevice(ctx context.Context, d sensors.Device) error {
	d.Auto = false
	return r.PutDevices(ctx, "", []sensors.Device{d})
}

// ChangeDevice changes a device, unless somebody else did meanwhile, and makes it
// known to ingest.
func (r *register) ChangeDevice(ctx context.Context, by string, d sensors.Device, known int64) (sensors.Device, error) {
	r.putting.Lock()
	defer r.putting.Unlock()
	kept, err := r.registerRecords.ChangeDevice(ctx, by, d, known)
	if err != nil {
		return kept, err
	}
	d.Auto = false
	return kept, r.follow(ctx, []sensors.Device{d})
}

// putAtOnce is how many devices go into one transaction: a long import lets
// alerts and last-seen times be written between two of them.
const putAtOnce = 1000

// PutDevices enters devices and makes them known to ingest, in transactions of a
// bounded size: after an error the first of them are in.
func (r *register) PutDevices(ctx context.Context, by string, list []sensors.Device) error {
	r.putting.Lock()
	defer r.putting.Unlock()
	done := 0
	for part := range slices.Chunk(list, putAtOnce) {
		if err := r.putSome(ctx, by, part); err != nil {
			return fmt.Errorf("after %d of %d devices: %w", done, len(list), err)
		}
		done += len(part)
	}
	return nil
}

func (r *register) putSome(ctx context.Context, by string, list []sensors.Device) error {
	if err := r.registerRecords.PutDevices(ctx, by, list); err != nil {
		return err
	}
	return r.follow(ctx, list)
}

// follow takes into memory what the records were just told of the devices.
func (r *register) follow(ctx context.Context, list []sensors.Device) error {
	moved, err := r.movedOf(ctx, list)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, d := range list {
		r.keep(d)
	}
	maps.Copy(r.moved, moved)
	return nil
}

// movedOf reads the places of the devices of list that changed theirs.
func (r *register) movedOf(ctx context.Context, list []sensors.Device) (map[sensors.DeviceID][]sensors.Placement, error) {
	moved := map[sensors.DeviceID][]sensors.Placement{}
	for _, d := range list {
		r.mu.RLock()
		old, ok := r.byID[d.ID]
		r.mu.RUnlock()
		if !ok || old.position == d.Position {
			continue
		}
		places, err := r.DevicePlaces(ctx, d.ID)
		if err != nil {
			return nil, err
		}
		if len(places) > 1 {
			moved[d.ID] = places
		}
	}
	return moved, nil
}

// place is the registered place of a device.
func (r *register) place(id sensors.DeviceID) (sensors.Position, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	e := r.byID[id]
	return e.position, e.position.Known()
}

// placeAt is where a device was registered at a time: what a logger hands in
// late happened where it stood then. Before its first place it is the first.
func (r *register) placeAt(id sensors.DeviceID, at time.Time) (sensors.Position, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	places := r.moved[id]
	if len(places) == 0 {
		e := r.byID[id]
		return e.position, e.position.Known()
	}
	p := places[len(places)-1].Position
	for _, stood := range places {
		if !at.Before(stood.From) {
			p = stood.Position
			break
		}
	}
	return p, p.Known()
}

// known reports whether a person entered or adopted the device: those whose
// messages a closed register takes.
func (r *register) known(id sensors.DeviceID) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	e, ok := r.byID[id]
	return ok && !e.auto
}

// profile is the key of the profile that the device is registered with, "" for
// none.
func (r *register) profile(id sensors.DeviceID) string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.byID[id].profile
}

// sends reports whether the register lets the device send kind.
func (r *register) sends(id sensors.DeviceID, kind sensors.KindKey) bool {
	if !r.restricted.Load() {
		return true // asked for every observation: most registers restrict nobody
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	kinds := r.byID[id].kinds
	return len(kinds) == 0 || slices.Contains(kinds, kind)
}

// admits reports whether what the device sends is taken in under policy.
func (r *register) admits(policy devicePolicy, id sensors.DeviceID) bool {
	return policy != policyClosed || r.known(id)
}

// credentials is what the API needs to issue passwords and to keep them.
type credentials struct {
	*auth.Issuer
	store.Credentials
	changed func(user string) // told of users whose password is another or none now
}

// Issue gives a user a new password; who is connected with the old one is
// disconnected.
func (c credentials) Issue(ctx context.Context, cr sensors.Credential) (password string, err error) {
	password, err = c.Issuer.Issue(ctx, cr)
	if err == nil {
		c.changed(cr.User)
	}
	return password, err
}

// RemoveCredential takes a user's right to connect, and ends the connections
// that use it.
func (c credentials) RemoveCredential(ctx context.Context, user string) error {
	err := c.Credentials.RemoveCredential(ctx, user)
	if err == nil {
		c.changed(user)
	}
	return err
}
