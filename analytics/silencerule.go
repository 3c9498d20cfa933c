package analytics

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// Silence raises alerts about data, never about the city: a device of the kind that
// is overdue or said to be gone, and, for events, a cell that has none although many
// were to be expected. They are closed when it is heard again.
//
// A device is overdue after [sensors.Overdue] times the interval that the register
// states, else that of its type of kind or the longest pause it usually makes,
// whichever is longer. Only minutes in which the city was heard of count. Where more
// than half of a kind's devices fall silent together, their line is the matter: one
// alert says so in place of one for each.
type Silence struct {
	// Chance is how improbable it must be that a cell has no event for so long; 0
	// judges devices alone.
	Chance float64 `yaml:"chance"`
}

func (s *Silence) faults() []error {
	if !(s.Chance >= 0 && s.Chance < 0.1) {
		return []error{fmt.Errorf("chance %g is not from 0 to less than 0.1", s.Chance)}
	}
	return nil
}

const (
	// kindPlace begins the place of an alert about all devices of a kind.
	kindPlace = "kind/"
	// goneAfter is how long a device that is said to be gone may come back without
	// anybody being told, in minutes.
	goneAfter = 5
	// pauseMemory is the time in which the longest pause loses weight to 1/e.
	pauseMemory = 7 * 24 * 60
	// fewTogether is how many devices of a kind are silent at least where their line
	// is the matter.
	fewTogether = 10
)

// hearing is how a device is usually heard, in minutes of secondary.tick.
type hearing struct {
	First, Last int64
	Pause       float64 // the longest pause, fading
	Gone        bool    // said to be gone, and not heard since
	GoneAt      int64
}

// silenceRule is a rule about silence. What it knows is in its secondary.
type silenceRule struct {
	Rule
	*secondary
	interval func(sensors.DeviceID) time.Duration // as registered, 0 for none; nil is none
	silentOf map[sensors.DeviceID]*store.Alert    // open alerts of any kind: one for a device
	line     watch                                // of all devices together
}

func newSilenceRule(r Rule, s *secondary, interval func(sensors.DeviceID) time.Duration, silentOf map[sensors.DeviceID]*store.Alert) *silenceRule {
	return &silenceRule{Rule: r, secondary: s, interval: interval, silentOf: silentOf, line: newWatch()}
}

// heard takes in that a device spoke.
func (r *silenceRule) heard(j *judge, d *sender, o *grid.Placed) {
	h := &d.hearing
	if gap := float64(r.tick - h.Last); gap > 0 && r.usual(d, gap) {
		h.Pause = max(gap, h.Pause*(1-min(gap/pauseMemory, 1)))
	}
	h.Last, h.Gone = r.tick, false
	if d.silent.open != nil && j.live {
		r.closeDevice(j, d, o.At.UTC())
	}
}

// usual reports whether a pause is one that the device makes when all is well. What
// is a reason for an alert never becomes a habit: who knows that the device is silent
// for so long states its interval.
func (r *silenceRule) usual(d *sender, gap float64) bool {
	return gap <= r.allowed(d) && !d.hearing.Gone && r.line.open == nil
}

// presence takes in what was said of a device.
func (r *silenceRule) presence(j *judge, d *sender, h *sensors.Health) {
	switch h.Presence {
	case sensors.Offline:
		if !d.hearing.Gone {
			d.hearing.Gone, d.hearing.GoneAt = true, r.tick
		}
	case sensors.Online:
		d.hearing.Last, d.hearing.Gone = r.tick, false
		if d.silent.open != nil && j.live {
			r.closeDevice(j, d, h.At.UTC())
		}
	case sensors.PresenceUnsaid:
	}
}

// allowed returns how many minutes a device may be silent.
func (r *silenceRule) allowed(d *sender) float64 {
	if r.interval != nil {
		if stated := r.interval(d.id); stated > 0 {
			return sensors.Overdue * math.Max(stated.Minutes(), 1)
		}
	}
	usual := sensors.MeasureInterval
	if r.kind.Type == sensors.Event {
		usual = sensors.EventInterval
	}
	return sensors.Overdue * math.Max(usual.Minutes(), d.hearing.Pause)
}

// overdue reports whether a device should have been heard of by now.
func (r *silenceRule) overdue(d *sender) bool {
	h := &d.hearing
	if r.tick-h.Last < sensors.Overdue {
		return false
	}
	return h.Gone && r.tick-h.GoneAt >= goneAfter || float64(r.tick-h.Last) > r.allowed(d)
}

// advance looks at every device once a minute.
func (r *silenceRule) advance(j *judge) {
	now := fromMicros(r.minute * minuteMicros)
	overdue := make([]*sender, 0, 16)
	for id, d := range r.senders {
		switch {
		case !r.overdue(d):
		case j.mutes.Maintenance(&grid.Placed{Observation: sensors.Observation{Device: id, Kind: r.kind.Key, At: now}, Cell: d.cell, Area: d.area}) != nil:
			d.hearing.Last, d.hearing.Gone = r.tick, false // what it says is not listened to
		default:
			overdue = append(overdue, d)
		}
	}
	if !j.live {
		return
	}
	slices.SortFunc(overdue, func(a, b *sender) int { return cmp.Compare(a.id, b.id) })
	r.judgeLine(j, len(overdue), now)
	if r.line.open != nil {
		return
	}
	for _, d := range overdue {
		if d.silent.open == nil && r.silentOf[d.id] == nil {
			r.raiseDevice(j, d, now)
		}
	}
}

// judgeLine raises one alert when most devices are silent, and closes it when most
// are heard again.
func (r *silenceRule) judgeLine(j *judge, silent int, now time.Time) {
	all := len(r.senders)
	switch {
	case r.line.open == nil && silent >= fewTogether && 2*silent > all:
		a := &store.Alert{
			ID: newID(), Revision: 1, Rule: r.Name, Kind: r.kind.Key, Place: kindPlace + string(r.kind.Key), Category: store.AboutQuality,
			State: store.AlertOpen, Severity: r.Severity, Value: float64(silent), Baseline: float64(all), RaisedAt: now, UpdatedAt: now,
		}
		a.Reason = sensors.Names{
			ZH: fmt.Sprintf("%s：%s的 %d 台设备中 %d 台没有信号，请检查网络或网关；这不说明城市状况。", r.Names.ZH, r.kind.Names.ZH, all, silent),
			EN: fmt.Sprintf("%s: %d of %d devices of %s are not heard of; their line or gateway is likely the matter. It says nothing of the city.",
				r.Names.EN, silent, all, r.kind.Names.EN),
		}
		r.line.open = a
		j.raised(a)
	case r.line.open != nil && 4*silent <= all:
		a := r.line.open
		r.line.open = nil
		lasted := duration(now.Sub(a.RaisedAt))
		a.Reason = sensors.Names{
			ZH: fmt.Sprintf("%s：%s的设备大多恢复信号；历时 %s。", r.Names.ZH, r.kind.Names.ZH, lasted.ZH),
			EN: fmt.Sprintf("%s: most devices of %s are heard again; it lasted %s.", r.Names.EN, r.kind.Names.EN, lasted.EN),
		}
		j.closed(a, now)
	}
}

func (r *silenceRule) raiseDevice(j *judge, d *sender, now time.Time) {
	a := aboutDevice(&r.Rule, r.kind, &grid.Placed{
		Observation: sensors.Observation{Device: d.id, Kind: r.kind.Key, At: now}, Point: d.point, Cell: d.cell, Area: d.area,
	}, store.AboutQuality)
	minutes := r.tick - d.hearing.Last
	a.Evidence = nil
	if d.at != noTime {
		a.Evidence = []store.Evidence{{Device: d.id, At: fromMicros(d.at), Value: d.value, Point: d.point}}
	}
	a.Value, a.Baseline = float64(minutes), r.allowed(d)
	lasted, allowed := duration(time.Duration(minutes)*time.Minute), duration(time.Duration(a.Baseline*float64(time.Minute)))
	zh, en := fmt.Sprintf("已 %s 没有信号，最多应为 %s", lasted.ZH, allowed.ZH), fmt.Sprintf("has not been heard of for %s, at most %s are usual", lasted.EN, allowed.EN)
	if d.hearing.Gone {
		zh, en = fmt.Sprintf("已断线，%s没有信号", lasted.ZH), fmt.Sprintf("is said to be gone and has not been heard of for %s", lasted.EN)
	}
	area := r.kind.inArea(a.Area)
	a.Reason = sensors.Names{
		ZH: fmt.Sprintf("%s：设备 %s%s%s；这不说明城市状况。", r.Names.ZH, d.id, area.ZH, zh),
		EN: fmt.Sprintf("%s: device %s%s %s. It says nothing of the city.", r.Names.EN, d.id, area.EN, en),
	}
	d.silent.open, r.silentOf[d.id] = a, a
	j.raised(a)
}

func (r *silenceRule) closeDevice(j *judge, d *sender, at time.Time) {
	a := d.silent.open
	d.silent.open = nil
	delete(r.silentOf, d.id)
	if at.Before(a.RaisedAt) {
		at = a.RaisedAt
	}
	lasted := duration(at.Sub(a.RaisedAt))
	a.Reason = sensors.Names{
		ZH: fmt.Sprintf("%s已恢复：设备 %s 重新有信号；历时 %s。", r.Names.ZH, d.id, lasted.ZH),
		EN: fmt.Sprintf("%s is over: device %s is heard again; it lasted %s.", r.Names.EN, d.id, lasted.EN),
	}
	j.closed(a, at)
}

func (r *silenceRule) restore(a store.Alert) bool {
	if a.Kind == r.kind.Key && strings.HasPrefix(a.Place, kindPlace) {
		r.line.restore(a)
		return true
	}
	if a.Kind == r.kind.Key && strings.HasPrefix(a.Place, cellPlace) && r.kind.Type == sensors.Event {
		return r.restoreCell(a)
	}
	w := r.watchOf(&a, func(d *sender) *watch { return &d.silent }, nil)
	if !restoreTo(w, a) {
		return false
	}
	if w.open != nil {
		r.silentOf[w.open.Device] = w.open
	}
	return true
}
