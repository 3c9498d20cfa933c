package analytics

import (
	"fmt"
	"math"
	"time"

	"github.com/urbangrid/urbangrid/analytics/trend"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// Drift finds cells in which events have become more over hours and days, too slowly
// for a hotspot: a CUSUM chart (Page 1954) of each cell over hours, of the difference
// to what the detector of the kind's hotspots expects, in standard deviations. The
// kind must have a rule about hotspots.
//
// A standard deviation is never less than one event, so that a single event in a
// quiet cell is no sign. Cells next to one another share an alert.
type Drift struct {
	Allowance float64       `yaml:"allowance"`  // half the shift to be found, in standard deviations; 0 means 0.5
	Limit     float64       `yaml:"limit"`      // of the sum, in standard deviations; 0 means 12
	HoldClear time.Duration `yaml:"hold_clear"` // for so long the sum stays below half the limit before it is over; 0 means 24 h
}

func (d *Drift) faults() []error {
	var faults []error
	fault := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	fault(!finite(d.Allowance) || d.Allowance < 0, "allowance %g must not be negative", d.Allowance)
	fault(!finite(d.Limit) || d.Limit < 0 || d.Limit > 0 && d.Limit < 4, "limit %g is below 4", d.Limit)
	fault(d.HoldClear < 0 || d.HoldClear > 7*24*time.Hour, "hold_clear %v is not within 0s and 168h", d.HoldClear)
	return faults
}

const (
	defaultDriftLimit = 12
	defaultDriftHold  = 24 * time.Hour
	// driftClip is what a single hour may count for.
	driftClip = 4
)

// driftRule is a rule about drift. What it knows is in its secondary.
type driftRule struct {
	Rule
	*secondary
	cusum trend.CusumRule
	holds holds
}

// cellDrift is the chart of one cell.
type cellDrift struct {
	watch
	chart trend.Cusum
	since int64   // begin of the rise that the chart holds, noTime for none
	got   float64 // events since then
	want  float64 // of them ordinary
}

func (d *cellDrift) idle() bool { return d.chart.High == 0 && d.watch.idle() }

func newDriftRule(r Rule, s *secondary) *driftRule {
	d := &driftRule{Rule: r, secondary: s, cusum: trend.CusumRule{Allowance: r.Drift.Allowance, Limit: r.Drift.Limit, Clip: driftClip}}
	if d.cusum.Limit == 0 {
		d.cusum.Limit = defaultDriftLimit
	}
	hold := r.Drift.HoldClear
	if hold == 0 {
		hold = defaultDriftHold
	}
	d.holds = holds{0, hold.Microseconds(), math.MaxInt64}
	return d
}

// judge takes in an hour of a cell. An hour in a hotspot, or in which not all was
// watched, leaves the chart as it is; in a busy hour of the whole city more is
// expected of each cell.
func (r *driftRule) judge(j *judge, cell int32, c *cellHours, hour *hourOf, n, mean, deviation float64) {
	d := &c.drift
	if hour.excused[cell] {
		return
	}
	mean *= math.Max(1, hour.elsewhere(n, mean))
	spread := math.Sqrt(math.Max(hour.dispersion*mean+deviation*deviation, 1))
	alarm := d.chart.Add((n-mean)/spread, r.cusum) == trend.Up
	d.chart.Low = 0 // fewer events are no drift: see Silence
	if d.chart.High == 0 && !alarm {
		d.since, d.got, d.want = noTime, 0, 0
	} else {
		if d.got == 0 && d.want == 0 {
			d.since = hour.begin.UnixMicro()
		}
		d.got, d.want = d.got+n, d.want+mean
	}
	if alarm || d.open != nil {
		r.act(j, cell, d, hour, alarm)
	}
	if alarm { // the chart begins anew, and so does what it is of
		d.since, d.got, d.want = noTime, 0, 0
	}
}

// act does what an alarm, or an hour with an alert open, leads to.
func (r *driftRule) act(j *judge, cell int32, d *cellDrift, hour *hourOf, alarm bool) {
	rested := !alarm && float64(d.chart.High) < r.cusum.Limit/2
	what := d.look(alarm, rested, hour.end.UnixMicro(), r.holds)
	if j.live {
		switch {
		case what == raises:
			r.raise(j, cell, d, hour)
		case what == clears:
			r.close(j, d, hour)
		case alarm && d.open != nil:
			r.revise(j, d, hour)
		}
	}
	if d.open == nil {
		d.badSince, d.goodSince = noTime, noTime
	}
}

func (r *driftRule) raise(j *judge, cell int32, d *cellDrift, hour *hourOf) {
	id := r.study.lattice.Cells()[cell]
	if a := r.beside(cell); a != nil {
		if len(a.Cells) < store.MaxAlertCells && r.join(a, id) {
			a.Revision++
			a.UpdatedAt = hour.end
			a.Reason = r.explainRaised(a)
			j.changed(a)
		}
		return
	}
	a := &store.Alert{
		ID: newID(), Revision: 1, Rule: r.Name, Kind: r.kind.Key, Place: cellPlace + id.String(), Category: store.AboutCity,
		State: store.AlertOpen, Severity: r.Severity, Cell: id, Area: r.study.areaOf(id), Cells: []grid.Cell{id},
		Score: r.cusum.Limit, RaisedAt: hour.end, UpdatedAt: hour.end,
	}
	if center, err := id.Center(); err == nil { // an alert without its point is better than none
		a.Point = center
	}
	r.say(a, d, hour)
	d.open = a
	j.raised(a)
}

// join adds a cell to those of an alert, in their order.
func (r *driftRule) join(a *store.Alert, id grid.Cell) bool {
	for i, c := range a.Cells {
		if c == id {
			return false
		}
		if c > id {
			a.Cells = append(a.Cells[:i:i], append([]grid.Cell{id}, a.Cells[i:]...)...)
			return true
		}
	}
	a.Cells = append(a.Cells[:len(a.Cells):len(a.Cells)], id)
	return true
}

// beside returns the open alert of a cell next to this one, nil when there is none.
func (r *driftRule) beside(cell int32) *store.Alert {
	for _, i := range r.study.lattice.Disk(int(cell), 1) {
		if c := r.hourly.cells[i]; c != nil && c.drift.open != nil {
			return c.drift.open
		}
	}
	return nil
}

// say writes into an alert what the chart of its cell holds.
func (r *driftRule) say(a *store.Alert, d *cellDrift, hour *hourOf) {
	a.Value, a.Baseline, a.Excess = d.got, d.want, d.got-d.want
	if d.since != noTime {
		a.Window = hour.end.Sub(fromMicros(d.since))
	}
	a.Reason = r.explainRaised(a)
}

// revise writes down that the rise goes on.
func (r *driftRule) revise(j *judge, d *cellDrift, hour *hourOf) {
	d.open.Revision++
	d.open.UpdatedAt = hour.end
	r.say(d.open, d, hour)
	j.changed(d.open)
}

func (r *driftRule) close(j *judge, d *cellDrift, hour *hourOf) {
	a := d.open
	d.open = nil
	lasted := duration(hour.end.Sub(a.RaisedAt))
	a.Reason = sensors.Names{
		ZH: fmt.Sprintf("%s已恢复：网格 %s%s的%s恢复到通常水平；历时 %s。", r.Names.ZH, a.Cell, r.kind.inArea(a.Area).ZH, r.kind.Names.ZH, lasted.ZH),
		EN: fmt.Sprintf("%s is over: cell %s%s is back to what is usual; it lasted %s.", r.Names.EN, a.Cell, r.kind.inArea(a.Area).EN, lasted.EN),
	}
	j.closed(a, hour.end)
}

func (r *driftRule) restore(a store.Alert) bool {
	at, in := r.study.lattice.Index(a.Cell)
	if a.Kind != r.kind.Key || !in {
		return false
	}
	r.hourly.cell(int32(at)).drift.restore(a) //nolint:gosec // a lattice has fewer cells
	return true
}

func (r *driftRule) explainRaised(a *store.Alert) sensors.Names {
	unit, over, area := r.kind.UnitLabel, duration(a.Window), r.kind.inArea(a.Area)
	zh, en := fmt.Sprintf("网格 %s", a.Cell), fmt.Sprintf("cell %s", a.Cell)
	if n := len(a.Cells); n > 1 {
		zh, en = fmt.Sprintf("%d 个网格（中心 %s）", n, a.Cell), fmt.Sprintf("%d cells around %s", n, a.Cell)
	}
	return sensors.Names{
		ZH: fmt.Sprintf("%s：%s%s最近 %s%s %s，通常 %s，缓慢增多（累积和超过 %s）。", r.Names.ZH, zh, area.ZH, over.ZH, r.kind.Names.ZH,
			quantity(a.Value, unit.ZH), number(a.Baseline), number(a.Score)),
		EN: fmt.Sprintf("%s: %s in %s%s over the last %s where %s are usual; it grows slowly (its sum is above %s).", r.Names.EN,
			quantity(a.Value, unit.EN), en, area.EN, over.EN, number(a.Baseline), number(a.Score)),
	}
}
