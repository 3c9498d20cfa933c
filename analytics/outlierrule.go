package analytics

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// Outlier raises alerts about devices that are likely at fault; they are about data,
// never about the city.
//
// For measures: a value that stays the same for longer than the device has ever
// shown, and, where the kind has a baseline rule, a device that is far beyond its
// habit while those around it are not: the high-low corner of local Moran (Anselin
// 1995) with one device behind it.
//
// For events: one that repeats itself as a clock ticks, which it did not on its first
// day; what it sends so is kept from all detectors of the city. Besides, what would be
// a hotspot, but comes from one device alone that sends faster than it ever has by an
// order of magnitude, and either at even gaps or where others that watch the same place
// see nothing: such a hotspot becomes an alert about data.
type Outlier struct {
	Stuck     time.Duration `yaml:"stuck"`      // shortest time without a change that is a fault; 0 means 2h
	HoldRaise time.Duration `yaml:"hold_raise"` // of a lone device beyond its habit, at most MaxBaselineHold
	HoldClear time.Duration `yaml:"hold_clear"` // at most MaxBaselineHold
}

func (o *Outlier) faults() []error {
	var faults []error
	if o.Stuck != 0 && (o.Stuck < 10*time.Minute || o.Stuck > 7*24*time.Hour) {
		faults = append(faults, fmt.Errorf("stuck %v is not within 10m and 168h", o.Stuck))
	}
	if !longHold(o.HoldRaise) || !longHold(o.HoldClear) {
		faults = append(faults, fmt.Errorf("hold_raise %v and hold_clear %v are not within 0s and %v", o.HoldRaise, o.HoldClear, MaxBaselineHold))
	}
	return faults
}

const (
	defaultStuck = 2 * time.Hour
	// stuckChance is how improbable a run without change must be by the share of
	// readings that changed before it, and stuckTimes how many times the longest
	// run before.
	stuckChance = 1e-9
	stuckTimes  = 3
	// leastReadings is how many readings a device must have shown before a run of its
	// is held against them, leastRun how many a run must have.
	leastReadings = 200
	leastRun      = 20
	// runMemory is how many readings the share of those that changed is taken over.
	runMemory = 4096
)

// repeats is how often the readings of a device change.
type repeats struct {
	Since   int64   // begin of the run of equal readings
	Run     int64   // readings in it
	Before  float64 // readings before the run, fading
	Changes float64 // of them differed from the one before
	Longest int64   // longest run before in microseconds
}

// add takes in a reading that is or is not equal to the one before.
func (p *repeats) add(same bool, at int64) {
	if same && p.Run > 0 {
		p.Run++
		return
	}
	if p.Run > 0 {
		p.Longest = max(p.Longest, at-p.Since)
		p.Before += float64(p.Run)
		p.Changes++
		if p.Before > runMemory {
			p.Before, p.Changes = p.Before/2, p.Changes/2
			p.Longest -= p.Longest / 8
		}
	}
	p.Since, p.Run = at, 1
}

// stuck reports whether the run is longer than the device's own readings explain.
func (p *repeats) stuck(at int64, least int64) bool {
	length := at - p.Since
	if p.Before < leastReadings || p.Run < leastRun || length < least || length < stuckTimes*p.Longest {
		return false
	}
	share := math.Min(p.Changes/p.Before, 0.999)
	return float64(p.Run)*math.Log1p(-share) < math.Log(stuckChance)
}

// outlierRule is a rule about devices at fault. What it knows is in its secondary.
type outlierRule struct {
	Rule
	*secondary
	stuck int64
	holds holds
}

func newOutlierRule(r Rule, s *secondary) *outlierRule {
	o := r.Outlier
	stuck := o.Stuck
	if stuck == 0 {
		stuck = defaultStuck
	}
	return &outlierRule{Rule: r, secondary: s, stuck: stuck.Microseconds(),
		holds: holds{o.HoldRaise.Microseconds(), o.HoldClear.Microseconds(), holdPause}}
}

// observe takes in a reading that is newer than the device's newest. A level at the
// low end of its range, such as a dry road, may last for ever.
func (r *outlierRule) observe(j *judge, d *sender, o *grid.Placed, at int64) {
	before := d.repeats.Run
	d.repeats.add(d.at != noTime && o.Value == d.value, at)
	stuck := o.Value != r.kind.Range[0] && d.repeats.stuck(at, r.stuck)
	if !j.live {
		return
	}
	switch a := d.faulty.open; {
	case a == nil && stuck:
		a = aboutDevice(&r.Rule, r.kind, o, store.AboutQuality)
		a.Value, a.Window = o.Value, time.Duration(at-d.repeats.Since)*time.Microsecond
		a.Reason = r.explainStuck(a, d.repeats.Run)
		d.faulty.open = a
		j.raised(a)
	case a != nil && a.Window > stepLength && before > 0 && d.repeats.Run == 1:
		r.close(j, d, o.At.UTC(), sensors.Names{ZH: "读数重新变化", EN: "its readings change again"})
	}
}

// lone judges a step of a device by those around it.
func (r *outlierRule) lone(j *judge, d *sender, o *grid.Placed, f finding) {
	bad, good := false, f.good
	if f.bad {
		fellows, others := r.near(d, f.end-freshMicros)
		around := append(fellows, others...)
		bad = calmAround(around)
		good = !bad && len(around) >= fewestNear // it is not alone any more
	}
	what := d.faulty.look(bad, good, f.end, r.holds)
	a := d.faulty.open
	if !j.live || a != nil && a.Window > stepLength { // stuck
		return
	}
	switch what {
	case raises:
		a = aboutDevice(&r.Rule, r.kind, o, store.AboutQuality)
		a.Value, a.Baseline, a.Score, a.Window = f.value, f.usual.level, f.score, stepLength
		a.Reason = r.explainLone(a)
		d.faulty.open = a
		j.raised(a)
	case clears:
		r.close(j, d, fromMicros(f.end), sensors.Names{ZH: "读数与周围不再矛盾", EN: "it no longer contradicts those around it"})
	case stay:
	}
}

// calmAround reports whether enough devices say that nothing unusual goes on.
func calmAround(devices []*sender) bool {
	if len(devices) < fewestNear {
		return false
	}
	scores := make([]float64, len(devices))
	for i, d := range devices {
		scores[i] = d.score
	}
	slices.Sort(scores)
	n := len(scores)
	return (scores[(n-1)/2]+scores[n/2])/2 < calm
}

func (r *outlierRule) close(j *judge, d *sender, at time.Time, why sensors.Names) {
	a := d.faulty.open
	d.faulty.open = nil
	lasted := duration(at.Sub(a.RaisedAt))
	a.Reason = sensors.Names{
		ZH: fmt.Sprintf("%s已恢复：设备 %s %s；历时 %s。", r.Names.ZH, a.Device, why.ZH, lasted.ZH),
		EN: fmt.Sprintf("%s is over: device %s: %s; it lasted %s.", r.Names.EN, a.Device, why.EN, lasted.EN),
	}
	j.closed(a, at)
}

func (r *outlierRule) restore(a store.Alert) bool {
	return restoreTo(r.watchOf(&a, func(d *sender) *watch { return &d.faulty }, nil), a)
}

func (r *outlierRule) explainStuck(a *store.Alert, run int64) sensors.Names {
	unit, lasted, area := r.kind.UnitLabel, duration(a.Window), r.kind.inArea(a.Area)
	return sensors.Names{
		ZH: fmt.Sprintf("%s：设备 %s%s连续 %d 次、%s测得同一%s %s，此前从未如此；可能卡死，不说明城市状况。", r.Names.ZH, a.Device, area.ZH,
			run, lasted.ZH, r.kind.Names.ZH, quantity(a.Value, unit.ZH)),
		EN: fmt.Sprintf("%s: device %s%s has read the same %s %d times in %s, as never before; it is likely stuck. It says nothing of the city.",
			r.Names.EN, a.Device, area.EN, quantity(a.Value, unit.EN), run, lasted.EN),
	}
}

func (r *outlierRule) explainLone(a *store.Alert) sensors.Names {
	unit, area := r.kind.UnitLabel, r.kind.inArea(a.Area)
	return sensors.Names{
		ZH: fmt.Sprintf("%s：设备 %s%s测得%s %s，通常 %s，偏离 %s 倍离散度，而周围设备正常；请检查设备。", r.Names.ZH, a.Device, area.ZH,
			r.kind.Names.ZH, quantity(a.Value, unit.ZH), quantity(a.Baseline, unit.ZH), number(a.Score)),
		EN: fmt.Sprintf("%s: device %s%s reads %s where %s is usual, %s spreads away, while those around it see nothing unusual. The device is to be checked.",
			r.Names.EN, a.Device, area.EN, quantity(a.Value, unit.EN), quantity(a.Baseline, unit.EN), number(a.Score)),
	}
}
