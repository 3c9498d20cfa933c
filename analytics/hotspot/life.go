package hotspot

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/urbangrid/urbangrid/grid"
)

// live carries the hotspots on by one step that ends at end.
func (d *Detector) live(end time.Time) []Change {
	threshold := d.Threshold()
	var changes []Change
	tell := func(c *cluster, why Why) {
		if c.pending {
			return
		}
		c.Revision++
		c.At = end
		c.told = told{Count: c.Count, Cells: slices.Clone(c.cells), Severe: c.Severe}
		h := c.Hotspot
		h.Cells = d.cellsOf(c.cells)
		changes = append(changes, Change{Why: why, Hotspot: h})
	}
	all := d.components(threshold)
	owners, lost := d.match(all)
	for i, owned := range owners {
		best := all[i].zones[0]
		if len(owned) == 0 {
			if best.score >= threshold {
				d.begin(all[i], end, threshold, tell)
			}
			continue
		}
		for _, younger := range owned[1:] {
			d.merge(younger, owned[0], end, tell)
		}
		d.carryOn(owned[0], all[i], end, threshold, tell)
	}
	for _, c := range lost {
		d.rest(c, end, tell)
	}
	d.liveWhole(end, threshold, tell)
	d.clusters = slices.DeleteFunc(d.clusters, func(c *cluster) bool { return c.Phase == Closed })
	return changes
}

// liveWhole is live for the zone that is the whole area.
func (d *Detector) liveWhole(end time.Time, threshold float64, tell func(*cluster, Why)) {
	z := d.scanWhole(end)
	at := slices.IndexFunc(d.clusters, (*cluster).whole)
	part := component{zones: []zone{z}}
	switch {
	case at >= 0 && z.score >= d.floor():
		d.carryOn(d.clusters[at], part, end, threshold, tell)
	case at >= 0:
		d.rest(d.clusters[at], end, tell)
	case z.score >= threshold:
		d.begin(part, end, threshold, tell)
	}
}

// begin takes in a hotspot that was not there.
func (d *Detector) begin(part component, end time.Time, threshold float64, tell func(*cluster, Why)) {
	z := part.zones[0]
	c := &cluster{pending: true, coldSince: minStep}
	c.Since = end.Add(-d.opts.Windows[z.window])
	c.Phase, c.Whole = Active, z.center == wholeArea
	c.ID = d.newID(z.center)
	d.clusters = append(d.clusters, c)
	d.carryOn(c, part, end, threshold, tell)
}

// carryOn gives a hotspot the component that it is now.
func (d *Detector) carryOn(c *cluster, part component, end time.Time, threshold float64, tell func(*cluster, Why)) {
	z := part.zones[0]
	c.zone, c.peak, c.cells = z, z.center, part.cells
	c.Window, c.Count, c.Expected, c.Score = d.opts.Windows[z.window], z.count, z.mean, z.score
	c.Threshold, c.Recurrence = threshold, d.quiet.recurrence(z.score)
	if z.center != wholeArea {
		c.Peak = d.lattice.Cells()[z.center]
	}
	c.coldSince, c.coldLooks = minStep, 0
	reached := z.score >= threshold
	c.look(reached)
	c.Severe = c.Severe || z.score >= SevereScore*threshold
	d.freeze(c)
	switch {
	case c.pending && c.confirmed(threshold):
		c.pending, c.RaisedAt = false, end
		tell(c, Raised)
	case c.pending && c.looked >= confirmOf && c.looks&(1<<confirmOf-1) == 0:
		c.Phase = Closed
		d.thaw(c.ID)
	case c.pending:
	case c.Phase == Cooling && reached:
		c.Phase = Active
		if c.flipIsNews() {
			tell(c, Rekindled)
		}
	default:
		c.flip(false)
		d.tellNews(c, tell)
	}
}

// tellNews tells of a hotspot that is more or elsewhere than people know. While it
// flaps only that it has become severe is news.
func (d *Detector) tellNews(c *cluster, tell func(*cluster, Why)) {
	severe := c.Severe && !c.told.Severe
	switch {
	case severe:
		tell(c, Grown)
	case c.Flapping:
	case c.Count >= growth*c.told.Count, len(c.cells) > 0 && float64(len(c.cells)) >= growth*float64(len(c.told.Cells)):
		tell(c, Grown)
	case !c.whole() && jaccard(c.cells, c.told.Cells) < overlap:
		tell(c, Moved)
	}
}

// rest is a step at which a hotspot does not stand out.
func (d *Detector) rest(c *cluster, end time.Time, tell func(*cluster, Why)) {
	c.zone.score = 0
	c.look(false)
	if c.pending {
		if c.looked >= confirmOf {
			c.Phase = Closed
			d.thaw(c.ID)
		}
		return
	}
	if d.unwatched(c.cells) || d.deaf(end) {
		c.wait(1) // nobody looks, so nothing is over
		return
	}
	if c.coldSince == minStep {
		c.coldSince = d.now
	}
	c.coldLooks++
	if c.Phase == Active {
		c.Phase = Cooling
		if c.flipIsNews() {
			tell(c, Cooled)
		}
		return
	}
	c.flip(false)
	cold := time.Duration(d.now-c.coldSince+1) * d.opts.Step
	if c.coldLooks < coolLooks || cold < min(c.Window, maxCooling) || c.Flapping || cold < maxBlind && d.blind(c) {
		return
	}
	c.Phase, c.ClosedAt = Closed, end
	d.freeze(c)
	d.excludeReal(c)
	tell(c, Ended)
}

// wait lets steps pass that do not count towards the end of a hotspot.
func (c *cluster) wait(steps int64) {
	if c.coldSince != minStep {
		c.coldSince += steps
	}
}

// merge ends a hotspot that an older one holds.
func (d *Detector) merge(c, into *cluster, end time.Time, tell func(*cluster, Why)) {
	if into.pending && !c.pending { // the one that people know goes on under its own name
		into.Hotspot, c.Hotspot = c.Hotspot, into.Hotspot
		into.pending, c.pending = false, true
		into.told, into.flips = c.told, c.flips
		into.Phase = Active
	}
	c.Phase, c.ClosedAt = Closed, end
	c.MergedInto = into.ID
	d.freeze(c)
	d.excludeReal(c)
	tell(c, Merged)
}

// newID makes a UUID of version 7 from when and where a hotspot begins, so that
// reading the same events again gives the same.
func (d *Detector) newID(center int32) string {
	var b [24]byte
	binary.BigEndian.PutUint64(b[:], uint64(d.now))   //nolint:gosec // bits are bits
	binary.BigEndian.PutUint64(b[8:], uint64(d.born)) //nolint:gosec // bits are bits
	if center != wholeArea {
		binary.BigEndian.PutUint64(b[16:], uint64(d.lattice.Cells()[center]))
	}
	d.born++
	h := sha256.Sum256(append(b[:], d.opts.Name...))
	ms := uint64(d.endOf(d.now).UnixMilli()) //nolint:gosec // after 1970
	var id uuid.UUID
	copy(id[:], h[:])
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return id.String()
}

// cellsOf names cells of the lattice, in ascending order.
func (d *Detector) cellsOf(at []int32) []grid.Cell {
	if at == nil {
		return nil
	}
	out := make([]grid.Cell, len(at))
	for i, a := range at {
		out[i] = d.lattice.Cells()[a]
	}
	return out
}
