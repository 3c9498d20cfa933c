package analytics

import (
	"encoding/json"
	"maps"
	"strings"
	"time"

	"github.com/urbangrid/urbangrid/analytics/hotspot"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// hotspotPlace begins the place of an alert about a hotspot, which moves: it is the
// hotspot's own identity.
const hotspotPlace = "hotspot/"

// hotspotRule is a rule about hotspots, its detector and the alerts that are open.
//
// The detector gives the same hotspots for the same entries, so reading entries
// again after a restart gives the same changes of the same alerts, which the
// records know already. It begins from what it knew after entry upTo.
type hotspotRule struct {
	Rule
	kind     *kind
	study    *study
	detector *hotspot.Detector
	upTo     uint64 // entries up to this one are in the detector
	open     map[string]*store.Alert
	day      *store.Alert // the open notice about the day, nil for none
	evidence evidence
	covered  map[grid.Cell]float64 // as last asked
	heard    time.Time             // of the newest answer that was taken in
}

func newHotspotRule(r Rule, k *kind, s *study) (*hotspotRule, error) {
	opts := r.Hotspot.options(r.Name)
	opts.Slot, opts.Group, opts.Groups = s.slot, s.group, s.groups
	d, err := hotspot.New(s.lattice, s.space, opts)
	if err != nil {
		return nil, err
	}
	return &hotspotRule{Rule: r, kind: k, study: s, detector: d, open: make(map[string]*store.Alert)}, nil
}

// advance lets time pass up to at.
func (r *hotspotRule) advance(j *judge, at int64) {
	if j.seq <= r.upTo {
		return
	}
	to := fromMicros(at)
	advance := r.detector.Advance
	if to.Sub(r.detector.Reached()) > silentCity {
		advance = r.detector.Skip
	}
	for _, c := range advance(to) {
		r.apply(j, c)
	}
	r.tellDay(j, to)
}

// silentCity is a time without any observation of any kind after which nobody is
// taken to have watched: the line was cut, or UrbanGrid did not run.
const silentCity = time.Hour

// observe takes in an event. What lies outside of the study area is not judged.
func (r *hotspotRule) observe(j *judge, o *grid.Placed, at int64) {
	if j.seq <= r.upTo {
		return
	}
	cell, in := r.study.lattice.Index(o.Cell)
	if !in {
		j.skipped[skipOutside]++
		return
	}
	if !r.detector.Add(cell, fromMicros(at), 1) {
		j.skipped[skipLate]++
		return
	}
	r.evidence.add(o)
}

// withhold takes an event of a device, which is not the city's, out of what the
// detector knows.
func (r *hotspotRule) withhold(j *judge, d sensors.DeviceID, c grid.Cell, at int64) {
	if cell, in := r.study.lattice.Index(c); in && j.seq > r.upTo {
		r.detector.Withdraw(cell, fromMicros(at))
		r.evidence.withhold(d, at, true)
	}
}

// giveBack undoes withhold.
func (r *hotspotRule) giveBack(j *judge, d sensors.DeviceID, c grid.Cell, at int64) {
	if cell, in := r.study.lattice.Index(c); in && j.seq > r.upTo {
		r.detector.Add(cell, fromMicros(at), 1)
		r.evidence.withhold(d, at, false)
	}
}

// apply makes a change of a hotspot a change of its alert.
func (r *hotspotRule) apply(j *judge, c hotspot.Change) {
	a := r.open[c.ID]
	isNew := a == nil
	if isNew {
		a = &store.Alert{ID: c.ID, Rule: r.Name, Kind: r.kind.Key, Place: hotspotPlace + c.ID, Category: store.AboutCity, RaisedAt: c.RaisedAt}
		r.open[c.ID] = a
	}
	severity := r.Severity
	if c.Severe {
		severity = store.Critical
	}
	a.State, a.Severity = store.AlertOpen, severity
	a.Value, a.Baseline, a.Excess, a.Score, a.Recurrence = c.Count, c.Expected, c.Count-c.Expected, c.Score, c.Recurrence
	a.Window, a.UpdatedAt, a.Flapping, a.MergedInto = c.Window, c.At, c.Flapping, c.MergedInto
	if c.Phase == hotspot.Active {
		r.categorise(a, c)
	}
	r.place(a, c)
	if c.Phase == hotspot.Active {
		a.Devices, a.Evidence = r.evidence.of(c.Cells, c.Whole, c.At.Add(-c.Window))
	}
	a.Phase = store.PhaseActive
	if c.Phase == hotspot.Cooling {
		a.Phase = store.PhaseCooling
	}
	switch {
	case c.Phase == hotspot.Closed:
		delete(r.open, c.ID)
		a.Phase, a.Reason = "", r.explainEnded(a, c)
		if isNew {
			j.open++ // closed takes it off again
		}
		a.Revision = c.Revision - 1 // closed adds one
		j.closed(a, c.ClosedAt)
	case isNew:
		a.Revision, a.Reason = c.Revision, r.explain(a, c)
		j.raised(a)
	default:
		a.Revision, a.Reason = c.Revision, r.explain(a, c)
		j.changed(a)
	}
}

// categorise says whether an alert is about the city, or about one device that is
// likely at fault and makes a hotspot by itself.
func (r *hotspotRule) categorise(a *store.Alert, c hotspot.Change) {
	a.Category, a.Device = store.AboutCity, ""
	if r.kind.secondary == nil {
		return
	}
	if d := r.kind.secondary.suspect(&c.Hotspot); d != nil {
		a.Category, a.Device = store.AboutQuality, d.id
	}
}

func (r *hotspotRule) explain(a *store.Alert, c hotspot.Change) sensors.Names {
	if a.Category == store.AboutQuality {
		return r.kind.secondary.explainFaulty(&c.Hotspot, a.Device, r.kind.inArea(a.Area))
	}
	return r.explainHotspot(a, c)
}

// place says where an alert is. One about the whole area has no cell.
func (r *hotspotRule) place(a *store.Alert, c hotspot.Change) {
	a.Cells = c.Cells
	if len(a.Cells) > store.MaxAlertCells {
		a.Cells = around(a.Cells, c.Peak)
	}
	if a.Category == store.AboutQuality { // it is no hotspot
		a.Cells = nil
	}
	if c.Whole {
		return
	}
	a.Cell, a.Area = c.Peak, r.study.areaOf(c.Peak)
	if center, err := c.Peak.Center(); err == nil { // an alert without its point is better than none
		a.Point = center
	}
}

// around returns as many of the cells, which are in ascending order, as an alert
// may have, the peak among them.
func around(cells []grid.Cell, peak grid.Cell) []grid.Cell {
	at := 0
	for at < len(cells) && cells[at] < peak {
		at++
	}
	from := min(max(at-store.MaxAlertCells/2, 0), len(cells)-store.MaxAlertCells)
	return cells[from : from+store.MaxAlertCells]
}

// cover takes in what share of the sensors of cells work; cells that are not named
// are watched by all of theirs.
func (r *hotspotRule) cover(shares map[grid.Cell]float64) {
	for cell, share := range shares {
		if i, in := r.study.lattice.Index(cell); in {
			r.detector.Cover(i, share)
		}
	}
	for cell := range r.covered {
		if _, still := shares[cell]; !still {
			if i, in := r.study.lattice.Index(cell); in {
				r.detector.Cover(i, 1)
			}
		}
	}
	r.covered = shares
}

// unmaintained returns shares with 0 for the cells that are under maintenance at a
// time: what comes from there is not judged.
func (r *hotspotRule) unmaintained(shares map[grid.Cell]float64, mutes *store.MuteSet, at int64) map[grid.Cell]float64 {
	asked := grid.Placed{Observation: sensors.Observation{Kind: r.kind.Key, At: fromMicros(at)}}
	copied := false
	for i, cell := range r.study.lattice.Cells() {
		asked.Cell, asked.Area = cell, r.study.areas[i]
		if mutes.Maintenance(&asked) == nil {
			continue
		}
		if !copied {
			shares, copied = maps.Clone(shares), true
		}
		if shares == nil {
			shares = make(map[grid.Cell]float64)
		}
		shares[cell] = 0
	}
	return shares
}

// restore takes back an open alert. Those that the detector does not know when it
// goes live are closed by settle.
func (r *hotspotRule) restore(a store.Alert) bool {
	if a.Kind != r.kind.Key {
		return false
	}
	switch {
	case a.State != store.AlertOpen:
	case strings.HasPrefix(a.Place, kindPlace):
		r.day = &a
	default:
		r.open[a.ID] = &a
	}
	return true
}

// settle closes the alerts whose hotspots the detector does not know: what it knew
// was lost.
func (r *hotspotRule) settle(j *judge, now time.Time) {
	known := make(map[string]bool)
	for _, h := range r.detector.Open() {
		known[h.ID] = true
	}
	for id, a := range r.open {
		if known[id] {
			continue
		}
		delete(r.open, id)
		a.Phase = ""
		a.Reason = sensors.Names{ZH: r.Names.ZH + "：检测器重新开始学习，此前的热点不再跟踪，警报关闭。",
			EN: r.Names.EN + ": the detector began anew and no longer follows this hotspot; the alert is closed."}
		j.closed(a, now)
	}
}

// evidenceSize is how many of the newest events of a kind are kept to say who saw
// what.
const evidenceSize = 4096

// evidence is the newest events of one kind: a ring, the oldest give way.
type evidence struct {
	ring []seen
	next int
}

// seen is what is kept of an event.
type seen struct {
	cell     grid.Cell
	withheld bool // it says nothing of the city
	store.Evidence
}

func (e *evidence) add(o *grid.Placed) {
	s := seen{cell: o.Cell, Evidence: evidenceOf(o)}
	if len(e.ring) < evidenceSize {
		e.ring = append(e.ring, s)
		return
	}
	e.ring[e.next] = s
	e.next = (e.next + 1) % evidenceSize
}

// withhold says whether the event of a device at a time is evidence.
func (e *evidence) withhold(d sensors.DeviceID, at int64, withheld bool) {
	for i := range e.ring {
		if s := &e.ring[i]; s.Device == d && s.At.UnixMicro() == at {
			s.withheld = withheld
		}
	}
}

// evidenceOf keeps what an alert says of an observation, whose entry is let go of.
func evidenceOf(o *grid.Placed) store.Evidence {
	device := sensors.DeviceID(strings.Clone(string(o.Device)))
	return store.Evidence{Device: device, At: o.At.UTC(), Value: o.Value, Point: o.Point, Link: linkOf(o.Attrs)}
}

// of returns the devices with most events in the cells since a time, and the newest
// events there.
func (e *evidence) of(cells []grid.Cell, all bool, since time.Time) ([]sensors.DeviceID, []store.Evidence) {
	inside := make(map[grid.Cell]bool, len(cells))
	for _, c := range cells {
		inside[c] = true
	}
	counts := make(map[sensors.DeviceID]int)
	var newest []store.Evidence
	for _, s := range e.ring {
		if s.withheld || s.At.Before(since) || !all && !inside[s.cell] {
			continue
		}
		counts[s.Device]++
		newest = append(newest, s.Evidence)
	}
	return mostOf(counts, store.MaxAlertDevices), latest(newest, store.MaxEvidence)
}

// linkOf returns the address of the picture that an observation's attributes name,
// "" when they name none.
func linkOf(attrs string) string {
	if !strings.Contains(attrs, "snapshot") {
		return ""
	}
	var named struct {
		Snapshot string `json:"snapshot"`
	}
	if err := json.Unmarshal([]byte(attrs), &named); err != nil {
		return "" // attributes are the device's own and may be anything
	}
	return named.Snapshot
}
