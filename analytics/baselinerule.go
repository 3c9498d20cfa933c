package analytics

import (
	"fmt"
	"math"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// Baseline judges whether a measure stays far from what is usual where it is
// measured: the level and spread that the device, and the cell, have at this hour of
// a working day, a Saturday or a Sunday, learned from steps of 5 minutes.
//
// Several devices of one cell that agree make an alert about the cell. A device that
// is alone in its cell makes one about itself, unless devices around it see nothing
// unusual: then it is likely at fault, see Outlier.
type Baseline struct {
	Raise     float64       `yaml:"raise"`      // raised when it stays so many spreads or more beyond what is usual
	Clear     float64       `yaml:"clear"`      // closed when it stays at so many or fewer
	Least     float64       `yaml:"least"`      // raised only when it is at least so much beyond, in the unit of the kind
	Spread    float64       `yaml:"spread"`     // spread where nothing is known, in the unit of the kind
	Swing     float64       `yaml:"swing"`      // how far the hours of a day are apart where nothing is known, in that unit
	HoldRaise time.Duration `yaml:"hold_raise"` // at most MaxBaselineHold
	HoldClear time.Duration `yaml:"hold_clear"` // at most MaxBaselineHold
}

// MaxBaselineHold bounds the holds of rules whose state is saved.
const MaxBaselineHold = 24 * time.Hour

func (b *Baseline) faults() []error {
	var faults []error
	fault := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	fault(!finite(b.Raise) || b.Raise <= 0, "raise %g must be greater than 0", b.Raise)
	fault(!(b.Clear >= 0 && b.Clear < b.Raise), "clear %g is not from 0 to less than raise %g", b.Clear, b.Raise)
	fault(!finite(b.Least) || b.Least < 0, "least %g must not be negative", b.Least)
	fault(!finite(b.Spread) || b.Spread <= 0, "spread %g must be greater than 0", b.Spread)
	fault(!finite(b.Swing) || b.Swing < 0, "swing %g must not be negative", b.Swing)
	fault(!longHold(b.HoldRaise), "hold_raise %v is not within 0s and %v", b.HoldRaise, MaxBaselineHold)
	fault(!longHold(b.HoldClear), "hold_clear %v is not within 0s and %v", b.HoldClear, MaxBaselineHold)
	return faults
}

func longHold(d time.Duration) bool { return d >= 0 && d <= MaxBaselineHold }

// stepLength is the step that readings are summed up by.
const stepLength = 5 * time.Minute

const (
	stepMicros = int64(stepLength / time.Microsecond)
	// holdPause is the longest pause that a hold of a baseline spans: the interval
	// of a station that speaks once an hour, twice.
	holdPause = 2 * 60 * minuteMicros
	// freshMicros is how old a score may be that neighbours are asked for.
	freshMicros = 3 * stepMicros
	// frozenMicros is for how long an alert keeps its place from learning: what has
	// lasted so long is how the place is now.
	frozenMicros = 72 * 60 * minuteMicros
	// calm is what the middle one of the neighbours may be beyond its own habit, in
	// spreads, while nothing is going on; fewestNear is how many must say so.
	calm       = 1.5
	fewestNear = 3
)

// steps sums up one step of 5 minutes at a time.
type steps struct {
	Number int64
	N      int64
	Sum    float64
}

func (s *steps) mean() float64 { return s.Sum / float64(s.N) }

// baselineRule is a rule about baselines. What it knows is in its secondary.
type baselineRule struct {
	Rule
	*secondary
	holds  holds
	priors priors
}

func newBaselineRule(r Rule, s *secondary) *baselineRule {
	b := r.Baseline
	return &baselineRule{Rule: r, secondary: s,
		holds:  holds{b.HoldRaise.Microseconds(), b.HoldClear.Microseconds(), holdPause},
		priors: priors{b.Spread, b.Swing}}
}

// observe takes in a reading that is newer than the device's newest.
func (r *baselineRule) observe(j *judge, d *sender, o *grid.Placed, at int64) {
	number := at / stepMicros
	if number != d.steps.Number {
		if d.steps.N > 0 {
			r.closeDevice(j, d, o)
		}
		d.steps = steps{Number: number}
	}
	d.steps.N++
	d.steps.Sum += o.Value
}

// score is how many spreads a value is beyond what is usual, and how much that is.
func (r *baselineRule) score(value float64, u usual) (score, beyond float64) {
	beyond = value - u.level
	if r.kind.Bad == sensors.LowIsBad {
		beyond = -beyond
	}
	return beyond / u.spread, beyond
}

// judgeStep holds a value against a habit, then lets the habit learn it.
func (r *baselineRule) judgeStep(h *habit, w *watch, number int64, value float64) (f finding) {
	f.end = (number + 1) * stepMicros
	hour := habitHour(r.study.hourOfWeek(fromMicros(number * stepMicros)))
	f.value = value
	f.usual, f.known = h.expect(hour, r.priors)
	f.score, f.beyond = r.score(value, f.usual)
	share := 1.0
	if w.openAt(f.end) && (w.open == nil || f.end-w.open.RaisedAt.UnixMicro() < frozenMicros) {
		share = openShare
	}
	h.learn(value, hour, r.priors, share)
	f.bad = f.known && f.score >= r.Baseline.Raise && f.beyond >= r.Baseline.Least
	f.good = f.known && f.score <= r.Baseline.Clear
	return f
}

// finding is what a step shows.
type finding struct {
	end           int64
	value         float64
	usual         usual
	score, beyond float64
	known         bool
	bad, good     bool
}

// closeDevice judges the step of a device that is over; o is what came after it.
func (r *baselineRule) closeDevice(j *judge, d *sender, o *grid.Placed) {
	if d.habit == nil {
		d.habit = &habit{}
	}
	f := r.judgeStep(d.habit, &d.unusual, d.steps.Number, d.steps.mean())
	d.score, d.scoreAt = 0, f.end
	if f.known {
		d.score = f.score
	}
	what := d.unusual.look(f.bad, f.good, f.end, r.holds)
	if r.outlier != nil {
		r.outlier.lone(j, d, o, f)
	}
	if j.live {
		switch what {
		case raises:
			if r.speaksForCity(d, f.end) {
				r.raiseDevice(j, d, o, f)
			}
		case clears:
			r.close(j, &d.unusual, f)
		case stay:
			r.revise(j, &d.unusual, f)
		}
	}
	if d.cell != 0 {
		r.joinStep(j, r.place(d.cell), d.steps.Number, f.value, o)
	}
}

// speaksForCity reports whether a device alone is reason enough for an alert about
// the city: nobody else stands in its cell, and those around it do not say that
// nothing is going on.
func (r *baselineRule) speaksForCity(d *sender, end int64) bool {
	fellows, others := r.near(d, end-freshMicros)
	return len(fellows) == 0 && !calmAround(others)
}

// joinStep adds the step of one device to that of its cell, and judges the cell's
// step before when that is over.
func (r *baselineRule) joinStep(j *judge, p *place, number int64, value float64, o *grid.Placed) {
	if number < p.steps.Number {
		return // it came too late for its cell
	}
	if number > p.steps.Number {
		if p.steps.N > 1 || p.steps.N > 0 && p.habit != nil {
			r.closePlace(j, p, o)
		}
		p.steps = steps{Number: number}
	}
	p.steps.N++
	p.steps.Sum += value
}

// closePlace judges the step of a cell.
func (r *baselineRule) closePlace(j *judge, p *place, o *grid.Placed) {
	if p.habit == nil {
		p.habit = &habit{}
	}
	f := r.judgeStep(p.habit, &p.unusual, p.steps.Number, p.steps.mean())
	agree, fresh := p.agreeing(f.end-freshMicros, r.Baseline.Raise/2)
	f.bad = f.bad && agree >= 2 && 2*agree >= fresh
	what := p.unusual.look(f.bad, f.good, f.end, r.holds)
	if !j.live {
		return
	}
	switch what {
	case raises:
		r.raisePlace(j, p, o, f)
	case clears:
		r.close(j, &p.unusual, f)
	case stay:
		r.revise(j, &p.unusual, f)
	}
}

// agreeing counts the devices that are beyond their own habit, and all that have
// spoken.
func (p *place) agreeing(since int64, beyond float64) (agree, fresh int) {
	for _, m := range p.members {
		if m.scoreAt < since {
			continue
		}
		fresh++
		if m.score >= beyond {
			agree++
		}
	}
	return agree, fresh
}

func (r *baselineRule) raiseDevice(j *judge, d *sender, o *grid.Placed, f finding) {
	a := aboutDevice(&r.Rule, r.kind, o, store.AboutCity)
	a.Window = stepLength
	r.say(a, f)
	d.unusual.open = a
	j.raised(a)
}

func (r *baselineRule) raisePlace(j *judge, p *place, o *grid.Placed, f finding) {
	a := aboutDevice(&r.Rule, r.kind, o, store.AboutCity)
	a.Place, a.Device, a.Cell, a.Devices, a.Evidence = cellPlace+p.cell.String(), "", p.cell, nil, nil
	a.Window = stepLength
	if center, err := p.cell.Center(); err == nil { // an alert without its point is better than none
		a.Point = center
	}
	for _, m := range p.members {
		if m.scoreAt < f.end-freshMicros {
			continue
		}
		a.Devices = append(a.Devices, m.id)
		a.Evidence = append(a.Evidence, store.Evidence{Device: m.id, At: fromMicros(m.at), Value: m.value, Point: m.point})
	}
	a.Devices = a.Devices[:min(len(a.Devices), store.MaxAlertDevices)]
	a.Evidence = latest(a.Evidence, store.MaxEvidence)
	r.say(a, f)
	p.unusual.open = a
	j.raised(a)
}

// say writes into an alert what a step shows.
func (r *baselineRule) say(a *store.Alert, f finding) {
	a.Value, a.Baseline, a.Score = f.value, f.usual.level, f.score
	a.Reason = r.explainRaised(a, f)
}

// revise writes down that it is half as far again from what is usual.
func (r *baselineRule) revise(j *judge, w *watch, f finding) {
	if w.open == nil || !f.bad || math.Abs(f.beyond) < growth*math.Abs(w.open.Value-w.open.Baseline) {
		return
	}
	w.open.Revision++
	w.open.UpdatedAt = fromMicros(f.end)
	r.say(w.open, f)
	j.changed(w.open)
}

func (r *baselineRule) close(j *judge, w *watch, f finding) {
	a := w.open
	w.open = nil
	a.Reason = r.explainClosed(a, f)
	j.closed(a, fromMicros(f.end))
}

func (r *baselineRule) restore(a store.Alert) bool {
	return restoreTo(r.watchOf(&a, func(d *sender) *watch { return &d.unusual }, func(p *place) *watch { return &p.unusual }), a)
}

func (r *baselineRule) placeOf(a *store.Alert) sensors.Names {
	area := r.kind.inArea(a.Area)
	if a.Device != "" {
		return sensors.Names{ZH: fmt.Sprintf("设备 %s%s", a.Device, area.ZH), EN: fmt.Sprintf("device %s%s", a.Device, area.EN)}
	}
	return sensors.Names{
		ZH: fmt.Sprintf("网格 %s%s %d 台设备一致", a.Cell, area.ZH, len(a.Devices)),
		EN: fmt.Sprintf("cell %s%s, %d devices agreeing,", a.Cell, area.EN, len(a.Devices)),
	}
}

func (r *baselineRule) explainRaised(a *store.Alert, f finding) sensors.Names {
	unit, place := r.kind.UnitLabel, r.placeOf(a)
	return sensors.Names{
		ZH: fmt.Sprintf("%s：%s测得%s %s，此处此时通常 %s，偏离 %s 倍离散度（%s）。", r.Names.ZH, place.ZH, r.kind.Names.ZH,
			quantity(f.value, unit.ZH), quantity(f.usual.level, unit.ZH), number(f.score), quantity(f.usual.spread, unit.ZH)),
		EN: fmt.Sprintf("%s: %s reads %s where %s is usual at this hour; that is %s spreads of %s.", r.Names.EN, place.EN,
			quantity(f.value, unit.EN), quantity(f.usual.level, unit.EN), number(f.score), quantity(f.usual.spread, unit.EN)),
	}
}

func (r *baselineRule) explainClosed(a *store.Alert, f finding) sensors.Names {
	unit, place, lasted := r.kind.UnitLabel, r.placeOf(a), duration(fromMicros(f.end).Sub(a.RaisedAt))
	return sensors.Names{
		ZH: fmt.Sprintf("%s已恢复：%s测得%s %s，通常 %s；历时 %s。", r.Names.ZH, place.ZH, r.kind.Names.ZH,
			quantity(f.value, unit.ZH), quantity(f.usual.level, unit.ZH), lasted.ZH),
		EN: fmt.Sprintf("%s is over: %s reads %s where %s is usual; it lasted %s.", r.Names.EN, place.EN,
			quantity(f.value, unit.EN), quantity(f.usual.level, unit.EN), lasted.EN),
	}
}
