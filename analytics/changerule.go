package analytics

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// Change judges how fast the level of one device goes to its bad side, for kinds
// that are measures: the median slope (Theil 1950, Sen 1968) of its readings of the
// time Over. A quarter of the readings may be spikes without changing what it says.
//
// The rates are in the unit of the kind per Over. Over and each hold together are at
// most MaxHold. Silence never raises and never clears.
type Change struct {
	Over      time.Duration `yaml:"over"`       // stretch that is looked at
	Raise     float64       `yaml:"raise"`      // raised when the change in Over stays at it or beyond
	Clear     float64       `yaml:"clear"`      // closed when it stays at it or below
	Critical  *float64      `yaml:"critical"`   // critical at it or beyond; nil for never
	HoldRaise time.Duration `yaml:"hold_raise"` // 0 raises at once
	HoldClear time.Duration `yaml:"hold_clear"` // 0 closes at once
}

// faults returns what is wrong with c whatever it judges.
func (c *Change) faults() []error {
	var faults []error
	fault := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	fault(c.Over < time.Minute || c.Over > MaxHold, "over %v is not within 1m and %v", c.Over, MaxHold)
	fault(!finite(c.Raise) || c.Raise <= 0, "raise %g must be greater than 0", c.Raise)
	fault(!(c.Clear < c.Raise), "clear %g must be less than raise %g", c.Clear, c.Raise)
	fault(c.Critical != nil && !(*c.Critical >= c.Raise), "critical must not be less than raise %g", c.Raise)
	fault(!validHold(c.HoldRaise) || c.Over+c.HoldRaise > MaxHold, "over and hold_raise together, %v, are not within %v", c.Over+c.HoldRaise, MaxHold)
	fault(!validHold(c.HoldClear) || c.Over+c.HoldClear > MaxHold, "over and hold_clear together, %v, are not within %v", c.Over+c.HoldClear, MaxHold)
	return faults
}

const (
	// slopePoints is how many readings of a stretch are kept: the first of each
	// fifteenth part of it.
	slopePoints = 16
	// leastPoints is how few readings are no slope: of five, one may be a spike.
	leastPoints = 5
)

// changeRule is a rule about change and the state of each device that it judges:
// a pure function of its readings of the last MaxHold.
type changeRule struct {
	Rule
	kind    *kind
	over    int64
	holds   holds
	devices map[sensors.DeviceID]*changing
}

type changing struct {
	watch
	newest int64
	n      int
	at     [slopePoints]int64 // ascending
	values [slopePoints]float64
}

func newChangeRule(r Rule, k *kind) *changeRule {
	return &changeRule{
		Rule: r, kind: k, over: r.Change.Over.Microseconds(),
		holds:   holds{r.Change.HoldRaise.Microseconds(), r.Change.HoldClear.Microseconds(), MaxHold.Microseconds()},
		devices: make(map[sensors.DeviceID]*changing),
	}
}

func (r *changeRule) device(id sensors.DeviceID) *changing {
	d := r.devices[id]
	if d == nil {
		d = &changing{watch: newWatch(), newest: noTime}
		r.devices[sensors.DeviceID(strings.Clone(string(id)))] = d
	}
	return d
}

// observe takes in a reading. One that is not newer than those before is left out.
func (r *changeRule) observe(j *judge, o *grid.Placed, at int64) {
	d := r.device(o.Device)
	if at <= d.newest {
		return
	}
	d.newest = at
	if !d.add(at, o.Value, r.over) {
		return
	}
	first := d.at[0]
	if d.n < leastPoints || 2*(at-first) < r.over {
		return
	}
	rise := d.slope() * float64(r.over)
	if r.kind.Bad == sensors.LowIsBad {
		rise = -rise
	}
	what := d.look(rise >= r.Change.Raise, rise <= r.Change.Clear, at, r.holds)
	if !j.live {
		return
	}
	switch {
	case what == raises:
		r.raise(j, d, o, rise)
	case what == clears:
		a := d.open
		d.open = nil
		a.Reason = r.explainClosed(a, o, rise)
		j.closed(a, o.At.UTC())
	case d.open != nil && rise >= r.Change.Raise:
		r.revise(j, d, o, rise)
	}
}

// add keeps a reading unless it follows too soon, and lets go of those that are
// older than over.
func (d *changing) add(at int64, value float64, over int64) bool {
	if d.n > 0 && at-d.at[d.n-1] < over/(slopePoints-1) {
		return false
	}
	gone := 0
	for gone < d.n && (at-d.at[gone] > over || d.n-gone >= slopePoints) {
		gone++
	}
	copy(d.at[:], d.at[gone:d.n])
	copy(d.values[:], d.values[gone:d.n])
	d.n -= gone
	d.at[d.n], d.values[d.n] = at, value
	d.n++
	return true
}

// slope is the median of the slopes between any two readings, per microsecond.
func (d *changing) slope() float64 {
	var all [slopePoints * (slopePoints - 1) / 2]float64
	n := 0
	for i := range d.n {
		for k := range i {
			all[n] = (d.values[i] - d.values[k]) / float64(d.at[i]-d.at[k])
			n++
		}
	}
	slices.Sort(all[:n])
	return (all[(n-1)/2] + all[n/2]) / 2
}

func (r *changeRule) severity(rise float64) store.Severity {
	if c := r.Change.Critical; c != nil && rise >= *c {
		return store.Critical
	}
	return r.Severity
}

func (r *changeRule) raise(j *judge, d *changing, o *grid.Placed, rise float64) {
	a := aboutDevice(&r.Rule, r.kind, o, store.AboutCity)
	a.Severity, a.Value, a.Baseline, a.Window = r.severity(rise), rise, r.Change.Raise, r.Change.Over
	a.Reason = r.explainRaised(a, o.Value)
	d.open = a
	j.raised(a)
}

// revise writes down that the alert became more severe or that the change is half
// more.
func (r *changeRule) revise(j *judge, d *changing, o *grid.Placed, rise float64) {
	a, severity := d.open, r.severity(rise)
	if !worse(severity, a.Severity) && rise < growth*a.Value {
		return
	}
	if worse(severity, a.Severity) {
		a.Severity = severity
	}
	a.Value, a.Point, a.Cell, a.Area = rise, o.Point, o.Cell, o.Area
	a.Revision++
	a.UpdatedAt = o.At.UTC()
	a.Evidence = latest(append([]store.Evidence{evidenceOf(o)}, a.Evidence...), store.MaxEvidence)
	a.Reason = r.explainRaised(a, o.Value)
	j.changed(a)
}

// forget drops devices that have said nothing for as long as a hold may last.
func (r *changeRule) forget() {
	for id, d := range r.devices {
		if d.open == nil && d.newest < r.kind.newest-MaxHold.Microseconds() {
			delete(r.devices, id)
		}
	}
}

func (r *changeRule) restore(a store.Alert) bool {
	id, isDevice := strings.CutPrefix(a.Place, devicePlace)
	if a.Kind != r.kind.Key || !isDevice {
		return false
	}
	if a.State == store.AlertOpen {
		r.device(sensors.DeviceID(id)).restore(a)
	}
	return true
}

// aboutDevice is a new alert about what a device has just said.
func aboutDevice(r *Rule, k *kind, o *grid.Placed, about store.AlertCategory) *store.Alert {
	device := sensors.DeviceID(strings.Clone(string(o.Device)))
	return &store.Alert{
		ID: newID(), Revision: 1, Rule: r.Name, Kind: k.Key, Place: devicePlace + string(device), Category: about,
		State: store.AlertOpen, Severity: r.Severity, Device: device,
		Cell: o.Cell, Area: grid.AreaCode(strings.Clone(string(o.Area))), Point: o.Point, RaisedAt: o.At.UTC(), UpdatedAt: o.At.UTC(),
		Devices: []sensors.DeviceID{device}, Evidence: []store.Evidence{evidenceOf(o)},
	}
}

func (r *changeRule) explainRaised(a *store.Alert, level float64) sensors.Names {
	unit, over, area := r.kind.UnitLabel, duration(a.Window), r.kind.inArea(a.Area)
	zh, en := "上升", "rose by"
	if r.kind.Bad == sensors.LowIsBad {
		zh, en = "下降", "fell by"
	}
	return sensors.Names{
		ZH: fmt.Sprintf("%s：设备 %s%s测得%s %s内%s %s，达到或超过 %s；目前 %s。", r.Names.ZH, a.Device, area.ZH, r.kind.Names.ZH,
			over.ZH, zh, quantity(a.Value, unit.ZH), quantity(a.Baseline, unit.ZH), quantity(level, unit.ZH)),
		EN: fmt.Sprintf("%s: at device %s%s it %s %s within %s, at or above %s; it is at %s now.", r.Names.EN, a.Device, area.EN,
			en, quantity(a.Value, unit.EN), over.EN, quantity(a.Baseline, unit.EN), quantity(level, unit.EN)),
	}
}

func (r *changeRule) explainClosed(a *store.Alert, o *grid.Placed, rise float64) sensors.Names {
	unit, over, lasted := r.kind.UnitLabel, duration(a.Window), duration(o.At.Sub(a.RaisedAt))
	return sensors.Names{
		ZH: fmt.Sprintf("%s已恢复：设备 %s %s内变化 %s，目前 %s；历时 %s。", r.Names.ZH, a.Device, over.ZH,
			quantity(rise, unit.ZH), quantity(o.Value, unit.ZH), lasted.ZH),
		EN: fmt.Sprintf("%s is over: at device %s it changed by %s within %s and is at %s; it lasted %s.", r.Names.EN, a.Device,
			quantity(rise, unit.EN), over.EN, quantity(o.Value, unit.EN), lasted.EN),
	}
}
