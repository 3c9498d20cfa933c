package analytics

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// The two forms of [store.Alert.Place].
const (
	devicePlace = "device/"
	cellPlace   = "cell/"
)

// judge is the state of the engine and belongs to one goroutine. What it raises
// and closes depends on the observations and their order alone, never on the
// clock, so that reading the same entries again gives the same alerts.
type judge struct {
	lateness    int64
	kinds       map[sensors.KindKey]*kind
	rules       map[string]openRule
	seq         uint64 // of the entry that is being judged
	live        bool   // false while it reads back what was judged before
	minute      int64  // the newest whole minute judged, of any kind
	hotspots    []*hotspotRule
	secondaries []*secondary
	exceedances []*exceedanceRule
	silent      map[sensors.DeviceID]*store.Alert // open alerts about devices that are silent
	mutes       *store.MuteSet
	newest      int64 // greatest time judged live of any kind, noTime before the first

	dirty    []*cell
	heat     *heatMap
	states   []CellState // scratch of told
	told     int64       // the slot up to which cells have been told
	changes  []store.Alert
	open     int
	skipped  [skipReasons]uint64
	observed uint64
	metrics  *metrics
}

// openRule is a rule that can take back its open alerts.
type openRule interface {
	restore(a store.Alert) bool
}

func newJudge(catalog Kinds, rules []Rule, study *study, opts Options, m *metrics) (*judge, error) {
	j := &judge{
		lateness: opts.Lateness.Microseconds(),
		kinds:    make(map[sensors.KindKey]*kind),
		rules:    make(map[string]openRule),
		silent:   make(map[sensors.DeviceID]*store.Alert),
		newest:   noTime, told: noTime, heat: newHeatMap(study),
		metrics: m,
	}
	for _, k := range catalog.All() {
		j.kinds[k.Key] = newKind(k)
		j.kinds[k.Key].areaNames = opts.AreaNames
	}
	for _, r := range rules {
		k := j.kinds[r.Kind]
		switch {
		case r.Threshold != nil:
			t := newThresholdRule(r, k)
			k.thresholds = append(k.thresholds, t)
			j.rules[r.Name] = t
		case r.Hotspot != nil:
			h, err := newHotspotRule(r, k, study)
			if err != nil {
				return nil, fmt.Errorf("rule %q: %w", r.Name, err)
			}
			k.hotspots, j.hotspots = append(k.hotspots, h), append(j.hotspots, h)
			j.rules[r.Name] = h
		case r.Exceedance == nil:
			j.rules[r.Name] = j.secondaryRule(r, k, study, opts)
		default:
			k.exceedance = &exceedanceRule{Rule: r, kind: k, clearHold: r.Exceedance.HoldClear.Microseconds()}
			j.exceedances = append(j.exceedances, k.exceedance)
			j.rules[r.Name] = k.exceedance
		}
	}
	return j, nil
}

// observe takes in one observation.
//
// A device whose clock runs ahead counts as of the time it was received, so that
// it cannot make the others late.
func (j *judge) observe(o *grid.Placed) {
	k := j.kinds[o.Kind]
	if k == nil {
		j.skipped[skipUnknownKind]++
		return
	}
	at, received := o.At.UnixMicro(), o.Received.UnixMicro()
	if received-at > j.lateness {
		j.skipped[skipHistory]++
		return
	}
	if j.mutes.Maintenance(o) != nil {
		j.skipped[skipMaintenance]++
		return
	}
	seen := min(at, received)
	slot := seen / slotMicros
	if oldest := max(received/slotMicros, k.slot) - k.slots; slot <= oldest {
		j.skipped[skipLate]++
		return
	}
	slid := k.advance(seen)
	j.newest = max(j.newest, k.newest)
	j.observed++
	k.news = true
	if minute := j.newest / minuteMicros; minute > j.minute {
		j.minute = minute
		for _, r := range j.hotspots {
			r.advance(j, j.newest)
		}
		for _, s := range j.secondaries {
			s.advance(j, minute)
		}
	}

	ordered := true
	for _, r := range k.thresholds {
		ordered = r.observe(j, o, at) && ordered
	}
	for _, r := range k.changes {
		r.observe(j, o, at)
	}
	if !ordered {
		j.skipped[skipOutOfOrder]++
	}
	if o.Cell == 0 {
		j.skipped[skipUnplaced]++
	} else {
		j.observeCell(k, o, seen, at)
		for _, r := range k.hotspots {
			r.observe(j, o, seen)
		}
	}
	if k.secondary != nil {
		k.secondary.observe(j, o, seen, at)
	}
	if slid && k.exceedance != nil {
		k.exceedance.slide(j)
	}
	for _, r := range j.exceedances {
		r.alive(j, o.Device, seen)
	}
}

func (j *judge) observeCell(k *kind, o *grid.Placed, seen, at int64) {
	c, slot := k.cell(o.Cell), seen/slotMicros
	if len(c.buckets) > 0 && c.buckets[len(c.buckets)-1].slot != slot && k.exceedance == nil {
		c.expire(k.slot - keptSlots)
	}
	c.add(slot, o.Value, at)
	if !c.dirty {
		c.dirty = true
		j.dirty = append(j.dirty, c)
	}
	if k.exceedance == nil {
		return
	}
	c.count++
	if c.area != o.Area {
		c.area = grid.AreaCode(strings.Clone(string(o.Area)))
	}
	k.exceedance.evidence.add(o)
	k.exceedance.judge(j, c, seen)
}

// changedCells returns the states that changed since the last call, as they are
// at the time given, and lets go of what is no longer needed. The result is
// valid until the next call.
func (j *judge) changedCells(at int64) []CellState {
	now := max(j.newest, at) / slotMicros
	if before := j.told; now > before {
		j.told = now
		for _, k := range j.kinds {
			k.sweep(j, before, now)
		}
	}
	j.states = j.states[:0]
	for _, c := range j.dirty {
		c.dirty = false
		s := c.state(j.told - c.kind.slots)
		if s.Rollup.Count == 0 && !c.shown {
			continue
		}
		c.shown = s.Rollup.Count > 0
		j.states = append(j.states, s)
	}
	clear(j.dirty)
	j.dirty = j.dirty[:0]
	return j.states
}

// sweep marks the cells of which something has left the window that is shown since
// it was told of before, and forgets those that say nothing any more.
func (k *kind) sweep(j *judge, before, now int64) {
	for id, c := range k.cells {
		if c.shown && !c.dirty && c.left(before-k.slots, now-k.slots) {
			c.dirty = true
			j.dirty = append(j.dirty, c)
		}
		if k.exceedance == nil {
			c.expire(now - keptSlots)
		} else {
			c.settle()
		}
		if len(c.buckets) == 0 && !c.shown && !c.dirty && c.open == nil && c.learned < negligible {
			delete(k.cells, id)
		}
	}
	for _, r := range k.thresholds {
		r.forget()
	}
	for _, r := range k.changes {
		r.forget()
	}
}

// negligible is how many learned events are as good as none.
const negligible = 0.01

// goLive begins to judge.
func (j *judge) goLive(now time.Time) {
	j.live = true
	for _, r := range j.hotspots {
		r.settle(j, now)
	}
	for _, s := range j.secondaries {
		s.goLive()
	}
	for _, k := range j.kinds {
		for _, c := range k.cells {
			for _, s := range c.closed {
				c.lapse(s.to)
			}
			c.closed = nil
		}
	}
}

// count moves what was counted to the metrics.
func (j *judge) count() {
	if j.live { // what is read back was counted before
		j.metrics.judged.Add(float64(j.observed))
		for i, n := range j.skipped {
			j.metrics.skipped[i].Add(float64(n))
		}
	}
	j.observed, j.skipped = 0, [skipReasons]uint64{}
}

func (j *judge) activeCells() int {
	n := 0
	for _, k := range j.kinds {
		n += len(k.cells)
	}
	return n
}

func (j *judge) raised(a *store.Alert) {
	j.open++
	a.Muted = j.muted(a)
	j.metrics.raised.WithLabelValues(a.Rule).Inc()
	j.changes = append(j.changes, *a)
}

func (j *judge) changed(a *store.Alert) {
	a.Muted = j.muted(a)
	j.changes = append(j.changes, *a)
}

// closed closes an alert at a time. That one is over of which nobody was notified is
// no news either.
func (j *judge) closed(a *store.Alert, at time.Time) {
	a.Revision++
	a.State = store.AlertClosed
	a.UpdatedAt, a.ClearedAt = at, at
	a.Muted = a.Muted || j.muted(a)
	j.open--
	j.metrics.closed.WithLabelValues(a.Rule).Inc()
	j.changes = append(j.changes, *a)
}

// muted reports whether people asked not to be notified of an alert like this now.
func (j *judge) muted(a *store.Alert) bool { return j.mutes.Mute(a, a.UpdatedAt) != nil }

// restore takes back what the records know: open alerts, and when alerts that
// were closed of late had been open. Open alerts without a rule are closed.
func (j *judge) restore(alerts []store.Alert, now time.Time) {
	slices.SortStableFunc(alerts, func(a, b store.Alert) int { return cmp.Compare(a.ID, b.ID) })
	for _, a := range alerts {
		if a.State == store.AlertOpen {
			j.open++
		}
		if r := j.rules[a.Rule]; r != nil && r.restore(a) || a.State == store.AlertClosed {
			continue
		}
		a.Revision++
		a.State, a.UpdatedAt, a.ClearedAt = store.AlertClosed, now, now
		a.Reason = sensors.Names{ZH: "规则 " + a.Rule + " 已停用，警报关闭。", EN: "The rule " + a.Rule + " is no longer in use; the alert is closed."}
		j.open--
		j.metrics.closed.WithLabelValues(removedRule).Inc()
		j.changes = append(j.changes, a)
	}
}

func (r *thresholdRule) restore(a store.Alert) bool {
	if a.Kind != r.kind.Key || !strings.HasPrefix(a.Place, devicePlace) {
		return false
	}
	if a.State == store.AlertOpen {
		r.device(sensors.DeviceID(strings.TrimPrefix(a.Place, devicePlace))).open = &a
	}
	return true
}

func (r *exceedanceRule) restore(a store.Alert) bool {
	id, err := grid.ParseCell(strings.TrimPrefix(a.Place, cellPlace))
	if err != nil || a.Kind != r.kind.Key {
		return false
	}
	c := r.kind.cell(id)
	c.area = a.Area
	if a.State == store.AlertClosed {
		c.closed = append(c.closed, span{a.RaisedAt.UnixMicro(), a.ClearedAt.UnixMicro()})
		return true
	}
	c.open, c.openSince = &a, a.RaisedAt.UnixMicro()
	c.lookedAt = c.openSince
	r.open = append(r.open, c)
	r.listen()
	return true
}

// newID returns a UUIDv7. Its error is dropped because it would be that of
// crypto/rand, which ends the program instead.
func newID() string {
	id, _ := uuid.NewV7()
	return id.String()
}
