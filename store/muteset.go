package store

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

// MuteSet answers which mute covers an observation or an alert. It never changes
// and is safe for concurrent use; a nil one covers nothing.
type MuteSet struct {
	alerts, observations muteIndex
}

// NewMuteSet returns the set of mutes. Those that were ended before they began,
// and those that Check refuses for what they narrow to, cover nothing.
func NewMuteSet(mutes []Mute) *MuteSet {
	sorted := slices.Clone(mutes)
	slices.SortStableFunc(sorted, func(a, b Mute) int { return strings.Compare(a.ID, b.ID) })
	s := &MuteSet{}
	for i := range sorted {
		switch m := &sorted[i]; {
		case m.narrows() == m.All || !m.To.After(m.From):
		case m.Purpose == MuteAlerts:
			s.alerts.add(m)
		case m.Purpose == Maintenance:
			s.observations.add(m)
		}
	}
	return s
}

// MaintenanceOf returns what the register says of work on a device, as mutes.
// Their IDs name the device and are not those of kept mutes.
func MaintenanceOf(d sensors.Device) []Mute {
	mutes := make([]Mute, len(d.Maintenance))
	for i, w := range d.Maintenance {
		mutes[i] = Mute{
			ID: fmt.Sprintf("device/%s/%d", d.ID, i), Purpose: Maintenance, Device: d.ID, From: w.From, To: w.To, Reason: w.Note,
		}
	}
	return mutes
}

// Maintenance returns the maintenance that takes o out of judgement by its
// phenomenon time, of several the one with the smallest ID; nil when there is
// none. A rule about a device that is silent asks with an observation that
// states the device, its place, the kind and the time. The answer is read-only.
func (s *MuteSet) Maintenance(o *grid.Placed) *Mute {
	if s == nil {
		return nil
	}
	return s.observations.find(&muted{kind: o.Kind, area: o.Area, device: o.Device, cell: o.Cell, at: o.At})
}

// Mute returns the mute under which nobody is to be notified of a at a time, of
// several the one with the smallest ID; nil when there is none. A hotspot is
// where its peak is, and of a device when that alone speaks for it. The answer
// is read-only.
func (s *MuteSet) Mute(a *Alert, at time.Time) *Mute {
	if s == nil {
		return nil
	}
	device := a.Device
	if device == "" && len(a.Devices) == 1 {
		device = a.Devices[0]
	}
	return s.alerts.find(&muted{kind: a.Kind, area: a.Area, device: device, cell: a.Cell, rule: a.Rule, at: at})
}

// muted is what a mute may cover.
type muted struct {
	kind   sensors.KindKey
	area   grid.AreaCode
	device sensors.DeviceID
	cell   grid.Cell
	rule   string
	at     time.Time
}

// covers reports whether m covers x.
func (m *Mute) covers(x *muted) bool {
	return !x.at.Before(m.From) && x.at.Before(m.To) &&
		(m.Kind == "" || m.Kind == x.kind) &&
		(m.Rule == "" || m.Rule == x.rule) &&
		(m.Device == "" || m.Device == x.device) &&
		(m.Cell == 0 || x.cell.Within(m.Cell)) &&
		(m.Area == "" || AreaWithin(x.area, m.Area))
}

// areaLengths are those of codes of the standard: district, subdistrict,
// community, grid.
var areaLengths = [...]int{6, 9, 12, 15}

// AreaWithin reports whether a is o or within it by the codes of the standard: 6
// digits of a district, 9 of a subdistrict, 12 of a community, 15 of a grid.
// Other codes have no parts.
func AreaWithin(a, o grid.AreaCode) bool {
	return a == o || strings.HasPrefix(string(a), string(o)) && standardCode(a) && standardCode(o)
}

func standardCode(a grid.AreaCode) bool {
	return slices.Contains(areaLengths[:], len(a)) && strings.Trim(string(a), "0123456789") == ""
}

// muteIndex files each mute under the one of its fields that narrows most, so
// that what nothing covers is told by a look at each of the few maps that are
// not empty. Lists are in order of ID.
type muteIndex struct {
	from, to    time.Time // within which any is in force
	device      map[sensors.DeviceID][]*Mute
	cell        map[grid.Cell][]*Mute
	resolutions []int // of the keys of cell
	area        map[grid.AreaCode][]*Mute
	rule        map[string][]*Mute
	kind        map[sensors.KindKey][]*Mute
	all         []*Mute
}

func (i *muteIndex) add(m *Mute) {
	if i.to.IsZero() || m.From.Before(i.from) {
		i.from = m.From
	}
	if m.To.After(i.to) {
		i.to = m.To
	}
	switch {
	case m.Device != "":
		file(&i.device, m.Device, m)
	case m.Cell != 0:
		file(&i.cell, m.Cell, m)
		if r := m.Cell.Resolution(); !slices.Contains(i.resolutions, r) {
			i.resolutions = append(i.resolutions, r)
		}
	case m.Area != "":
		file(&i.area, m.Area, m)
	case m.Rule != "":
		file(&i.rule, m.Rule, m)
	case m.Kind != "":
		file(&i.kind, m.Kind, m)
	default:
		i.all = append(i.all, m)
	}
}

func file[K comparable](index *map[K][]*Mute, key K, m *Mute) {
	if *index == nil {
		*index = map[K][]*Mute{}
	}
	(*index)[key] = append((*index)[key], m)
}

func (i *muteIndex) find(x *muted) *Mute {
	if x.at.Before(i.from) || !x.at.Before(i.to) {
		return nil
	}
	found := first(nil, i.all, x)
	if len(i.device) > 0 {
		found = first(found, i.device[x.device], x)
	}
	for _, r := range i.resolutions {
		if c, ok := x.cell.Ancestor(r); ok {
			found = first(found, i.cell[c], x)
		}
	}
	if len(i.area) > 0 {
		found = first(found, i.area[x.area], x)
		for _, n := range areaLengths {
			if n < len(x.area) {
				found = first(found, i.area[x.area[:n]], x)
			}
		}
	}
	if len(i.rule) > 0 {
		found = first(found, i.rule[x.rule], x)
	}
	if len(i.kind) > 0 {
		found = first(found, i.kind[x.kind], x)
	}
	return found
}

// first returns the one of found and those of list that cover x with the
// smallest ID.
func first(found *Mute, list []*Mute, x *muted) *Mute {
	for _, m := range list {
		if found != nil && cmp.Less(found.ID, m.ID) {
			break
		}
		if m.covers(x) {
			return m
		}
	}
	return found
}
