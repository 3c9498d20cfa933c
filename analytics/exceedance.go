package analytics

import (
	"math"
	"sort"

	"gonum.org/v1/gonum/mathext"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// exceedanceRule is an exceedance and the cells in which it has an alert open.
type exceedanceRule struct {
	Rule
	kind      *kind
	clearHold int64
	open      []*cell
	lives     map[sensors.DeviceID]*life // of the devices that open alerts come from
	evidence  evidence
}

// baseline is what a cell has shown before the window that is being judged:
// events and the windows they were seen in, both fading with memorySlots.
type baseline struct {
	learned   float64 // events
	exposure  float64 // windows
	learnedTo int64   // the slot up to which both are settled
}

// exposure returns for how many windows a cell that never had an event has been
// watched up to slot.
func (k *kind) exposure(slot int64) float64 {
	if k.first == noTime || slot <= k.first {
		return 0
	}
	return memorySlots / float64(k.slots) * -math.Expm1(-float64(slot-k.first)/memorySlots)
}

// settleTo lets time pass up to slot.
func (b *baseline) settleTo(slot, slots int64) {
	if slot <= b.learnedTo {
		return
	}
	lapse := -float64(slot-b.learnedTo) / memorySlots
	b.learned *= math.Exp(lapse)
	b.exposure = b.exposure*math.Exp(lapse) - memorySlots/float64(slots)*math.Expm1(lapse)
	b.learnedTo = slot
}

// settle moves what has left the judged window into the baseline. While an
// alert is open the baseline stands still and what leaves is not learned.
func (c *cell) settle() {
	if c.kind.slot == noTime {
		return
	}
	horizon := c.kind.slot - c.kind.slots
	if c.learnedTo == noTime {
		c.learnedTo, c.exposure = max(horizon, c.kind.first), c.kind.exposure(horizon)
	}
	for _, s := range c.closed {
		if s.to <= c.kind.newest {
			c.lapse(s.to)
		}
	}
	if horizon <= c.learnedTo && (len(c.buckets) == 0 || c.buckets[0].slot > horizon) {
		return
	}
	frozen := c.alertOpenAt(c.kind.newest)
	n := 0
	for ; n < len(c.buckets) && c.buckets[n].slot <= horizon; n++ {
		b := &c.buckets[n]
		c.count -= b.count
		if !frozen && b.slot > c.learnedTo { // else a recalled baseline holds it
			c.settleTo(b.slot, c.kind.slots)
			c.learned += float64(b.count)
		}
	}
	if n > 0 {
		c.buckets = c.buckets[:copy(c.buckets, c.buckets[n:])]
	}
	if frozen {
		c.learnedTo = max(c.learnedTo, horizon)
	} else {
		c.settleTo(horizon, c.kind.slots)
	}
}

// alertOpenAt reports whether the cell had an alert open at a time.
func (c *cell) alertOpenAt(at int64) bool {
	if c.open != nil && at >= c.openSince {
		return true
	}
	for _, s := range c.closed {
		if s.from <= at && at < s.to {
			return true
		}
	}
	return false
}

// predict returns the negative-binomial prediction of the window's count: the
// Gamma-Poisson predictive of one more window.
func (r *exceedanceRule) predict(b *baseline) (size, mean float64) {
	size = r.Exceedance.Expected*r.Exceedance.PriorWindows + b.learned
	return size, size / (r.Exceedance.PriorWindows + b.exposure)
}

// tail returns P(Y ≥ count) of a negative binomial. It keeps its relative
// precision where the probability is tiny, which one minus the distribution
// function would not.
func tail(count int64, size, mean float64) float64 {
	if count <= 0 {
		return 1
	}
	return max(mathext.RegIncBeta(float64(count), size, mean/(size+mean)), leastP)
}

// leastP stands for probabilities that a float64 cannot tell from none.
const leastP = 1e-300

// judge looks at the cell after it has taken in an event of time at.
func (r *exceedanceRule) judge(j *judge, c *cell, at int64) {
	c.settle()
	if !j.live {
		return
	}
	if c.open != nil {
		if c.reviseAt == 0 {
			c.reviseAt = r.nextRevision(c)
		}
		if c.count >= c.reviseAt {
			r.revise(j, c)
			c.reviseAt = r.nextRevision(c)
		}
		return
	}
	if c.count < r.Exceedance.MinCount {
		return
	}
	size, mean := r.predict(&c.baseline)
	if p := tail(c.count, size, mean); p < r.Exceedance.PRaise {
		r.raise(j, c, at, mean, p)
	}
}

func (r *exceedanceRule) severity(p float64) store.Severity {
	if p < r.Exceedance.PCritical {
		return store.Critical
	}
	return r.Severity
}

func (r *exceedanceRule) raise(j *judge, c *cell, at int64, mean, p float64) {
	a := &store.Alert{
		ID: newID(), Revision: 1, Rule: r.Name, Kind: r.kind.Key, Place: cellPlace + c.id.String(),
		State: store.AlertOpen, Severity: r.severity(p), Cell: c.id, Area: c.area,
		Value: float64(c.count), Baseline: mean, P: p, Window: LiveWindow(r.kind.Type),
		RaisedAt: fromMicros(at), UpdatedAt: fromMicros(at),
	}
	if center, err := c.id.Center(); err == nil { // an alert without its point is better than none
		a.Point = center
	}
	a.Excess = a.Value - a.Baseline
	r.gather(a)
	a.Reason = r.explainRaised(a)
	c.open, c.openSince, c.clearSince, c.reviseAt, c.lookedAt = a, at, noTime, 0, at
	r.open = append(r.open, c)
	r.listen()
	j.raised(a)
}

// gather says who saw what in the window of an alert.
func (r *exceedanceRule) gather(a *store.Alert) {
	a.Devices, a.Evidence = r.evidence.of([]grid.Cell{a.Cell}, false, a.UpdatedAt.Add(-a.Window))
}

// nextRevision returns the least count that makes the open alert more severe or
// is half more than what it says. It holds until the next revision, because the
// baseline stands still.
func (r *exceedanceRule) nextRevision(c *cell) int64 {
	next := int64(math.Ceil(growth * c.open.Value))
	if r.Exceedance.PCritical == 0 || !worse(store.Critical, c.open.Severity) {
		return next
	}
	size, mean := r.predict(&c.baseline)
	more := sort.Search(int(next), func(n int) bool { return tail(int64(n), size, mean) < r.Exceedance.PCritical })
	return int64(more)
}

// revise writes down that the alert became more severe or that its count grew by
// half.
func (r *exceedanceRule) revise(j *judge, c *cell) {
	size, mean := r.predict(&c.baseline)
	p := tail(c.count, size, mean)
	severity := r.severity(p)
	if worse(severity, c.open.Severity) {
		c.open.Severity = severity
	}
	c.open.Value, c.open.Baseline, c.open.P = float64(c.count), mean, p
	c.open.Excess = c.open.Value - c.open.Baseline
	c.open.Revision++
	c.open.UpdatedAt = fromMicros(r.kind.newest)
	r.gather(c.open)
	r.listen()
	c.open.Reason = r.explainRaised(c.open)
	j.changed(c.open)
}

// slide looks at every cell with an alert after the kind's watermark has moved
// into another slot, or a device was heard of. Only that moves the window of a cell,
// so that silence closes nothing.
func (r *exceedanceRule) slide(j *judge) {
	kept := r.open[:0]
	for _, c := range r.open {
		c.settle()
		at := r.toldUntil(j, c.open)
		if at <= c.lookedAt { // also when it was read back and is not yet raised
			kept = append(kept, c)
			continue
		}
		c.lookedAt = at
		size, mean := r.predict(&c.baseline)
		n := c.within(at)
		p := tail(n, size, mean)
		c.clearSince = since(c.clearSince, p > r.Exceedance.PClear, at)
		if !j.live || c.clearSince == noTime || at-c.clearSince < r.clearHold {
			kept = append(kept, c)
			continue
		}
		a := c.open
		c.open, c.openSince, c.clearSince = nil, noTime, noTime
		if c.lapse(at) && c.shown && !c.dirty {
			c.dirty = true
			j.dirty = append(j.dirty, c)
		}
		a.Reason = r.explainClosed(a, n, p)
		j.closed(a, fromMicros(at))
	}
	closed := len(kept) < len(r.open)
	clear(r.open[len(kept):])
	r.open = kept
	if closed {
		r.listen()
	}
}
