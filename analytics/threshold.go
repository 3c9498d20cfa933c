package analytics

import (
	"strings"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// growth is by how much a value must have grown since the last revision of its
// alert to be worth another.
const growth = 1.5

// thresholdRule is a threshold and the state of each device that it judges.
type thresholdRule struct {
	Rule
	kind      *kind
	raiseHold int64
	clearHold int64
	devices   map[sensors.DeviceID]*deviceState
}

// deviceState is a pure function of a device's readings of the last MaxHold, so
// that reading them again restores it; only open comes from the records.
type deviceState struct {
	newest    int64 // At of the newest reading
	badSince  int64 // first of the unbroken readings beyond raise; noTime for none
	goodSince int64 // first of the unbroken readings back at clear; noTime for none
	open      *store.Alert
}

func newThresholdRule(r Rule, k *kind) *thresholdRule {
	return &thresholdRule{
		Rule: r, kind: k,
		raiseHold: r.Threshold.HoldRaise.Microseconds(),
		clearHold: r.Threshold.HoldClear.Microseconds(),
		devices:   make(map[sensors.DeviceID]*deviceState),
	}
}

func (r *thresholdRule) device(id sensors.DeviceID) *deviceState {
	s := r.devices[id]
	if s == nil {
		s = &deviceState{newest: noTime, badSince: noTime, goodSince: noTime}
		r.devices[sensors.DeviceID(strings.Clone(string(id)))] = s
	}
	return s
}

// observe takes in a reading and reports whether it came in order. A reading
// that did not leaves everything as it was.
func (r *thresholdRule) observe(j *judge, o *grid.Placed, at int64) bool {
	s := r.device(o.Device)
	if at <= s.newest {
		return false
	}
	if s.newest != noTime && at-s.newest > MaxHold.Microseconds() {
		s.badSince, s.goodSince = noTime, noTime
	}
	s.newest = at
	bad, good := beyond(r.kind.Bad, o.Value, r.Threshold.Raise), !beyond(r.kind.Bad, o.Value, r.Threshold.Clear) || o.Value == r.Threshold.Clear
	s.badSince = since(s.badSince, bad, at)
	s.goodSince = since(s.goodSince, good, at)
	if !j.live {
		return true
	}
	switch {
	case s.open == nil:
		if bad && at-s.badSince >= r.raiseHold {
			r.raise(j, s, o)
		}
	case good && at-s.goodSince >= r.clearHold:
		r.close(j, s, o)
	case bad:
		r.revise(j, s, o)
	}
	return true
}

// since returns when the unbroken run that holds now began.
func since(began int64, holds bool, at int64) int64 {
	switch {
	case !holds:
		return noTime
	case began == noTime:
		return at
	default:
		return began
	}
}

func (r *thresholdRule) severity(value float64) store.Severity {
	if c := r.Threshold.Critical; c != nil && beyond(r.kind.Bad, value, *c) {
		return store.Critical
	}
	return r.Severity
}

func (r *thresholdRule) raise(j *judge, s *deviceState, o *grid.Placed) {
	device := strings.Clone(string(o.Device))
	s.open = &store.Alert{
		ID: newID(), Revision: 1, Rule: r.Name, Kind: r.kind.Key, Place: devicePlace + device,
		State: store.AlertOpen, Severity: r.severity(o.Value), Device: sensors.DeviceID(device),
		Cell: o.Cell, Area: grid.AreaCode(strings.Clone(string(o.Area))), Point: o.Point,
		Value: o.Value, Baseline: r.Threshold.Raise,
		RaisedAt: o.At.UTC(), UpdatedAt: o.At.UTC(),
	}
	s.open.Devices = []sensors.DeviceID{sensors.DeviceID(device)}
	s.open.Evidence = []store.Evidence{evidenceOf(o)}
	s.open.Reason = r.explainRaised(s.open)
	j.raised(s.open)
}

// revise writes down that the alert became more severe or that its value grew
// by half.
func (r *thresholdRule) revise(j *judge, s *deviceState, o *grid.Placed) {
	severity := r.severity(o.Value)
	grown := o.Value >= growth*s.open.Value && o.Value > s.open.Value
	if r.kind.Bad == sensors.LowIsBad {
		grown = o.Value <= s.open.Value/growth && o.Value < s.open.Value
	}
	if !worse(severity, s.open.Severity) && !grown {
		return
	}
	if worse(severity, s.open.Severity) {
		s.open.Severity = severity
	}
	s.open.Value, s.open.Point, s.open.Cell = o.Value, o.Point, o.Cell
	s.open.Area = grid.AreaCode(strings.Clone(string(o.Area)))
	s.open.Revision++
	s.open.UpdatedAt = o.At.UTC()
	s.open.Evidence = latest(append([]store.Evidence{evidenceOf(o)}, s.open.Evidence...), store.MaxEvidence)
	s.open.Reason = r.explainRaised(s.open)
	j.changed(s.open)
}

func (r *thresholdRule) close(j *judge, s *deviceState, o *grid.Placed) {
	a := s.open
	s.open = nil
	a.Reason = r.explainClosed(a, o)
	j.closed(a, o.At.UTC())
}

// forget drops devices whose state says nothing: an observation so old that it
// could come before their newest would be too late for its kind.
func (r *thresholdRule) forget() {
	if r.kind.newest == noTime {
		return
	}
	for id, s := range r.devices {
		if s.open == nil && s.newest < r.kind.newest-MaxHold.Microseconds() {
			delete(r.devices, id)
		}
	}
}

// worse reports whether a outranks b.
func worse(a, b store.Severity) bool { return rank(a) > rank(b) }

func rank(s store.Severity) int {
	switch s {
	case store.Critical:
		return 2
	case store.Warning:
		return 1
	default:
		return 0
	}
}
