package hotspot

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/urbangrid/urbangrid/analytics/scan"
)

// zone is the best disk around a cell: that whose count chance explains least.
type zone struct {
	center int32 // a cell of the lattice, wholeArea for all of them
	ring   int8  // radius of the disk in cells
	window int8  // index of the window
	count  float64
	mean   float64 // expected events
	score  float64 // log-likelihood ratio, natural
}

// wholeArea is the center of the zone that is the whole study area.
const wholeArea = int32(-1)

// better orders zones by score, equal ones by where they are.
func better(a, b zone) int {
	if c := cmp.Compare(b.score, a.score); c != 0 {
		return c
	}
	return cmp.Compare(a.center, b.center)
}

// coldCell is what is expected of a cell that has shown nothing, in events a
// profile hour.
type coldCell struct{ rate, variance float64 }

// evaluate scans the disks that new events have reached and those that stood out
// at the step before, and leaves those that stand out now in d.hot, best first. A
// disk that is neither cannot have come to stand out: without a new event its
// counts can only have fallen.
func (d *Detector) evaluate(end time.Time) (best float64) {
	d.prepare(end)
	floor := d.floor()
	seen := d.space.mark()
	hot := d.nextHot[:0]
	look := func(center int32) {
		if d.space.visited[center] == seen {
			return
		}
		d.space.visited[center] = seen
		if z := d.scanAround(center); z.score > 0 {
			best = max(best, z.score)
			if z.score >= floor {
				hot = append(hot, z)
			}
		}
	}
	for _, cell := range d.touched {
		for _, center := range d.lattice.Disk(int(cell), d.opts.Rings) {
			look(center)
		}
	}
	for i := range d.hot {
		look(d.hot[i].center)
	}
	d.touched = d.touched[:0]
	slices.SortFunc(hot, better)
	d.hot, d.nextHot = hot, d.hot
	return best
}

// prepare computes how many profile hours each window has, for each group.
func (d *Detector) prepare(end time.Time) {
	groups := d.expect.groups
	for i, w := range d.opts.Windows {
		d.expect.profileHours(d.hoursIn[i*groups:(i+1)*groups], end, w, d.slotAt)
	}
	d.phi = d.expect.dispersion()
	for w := range d.opts.Windows {
		d.variation[w] = d.expect.cityVariation(w)
		d.areaMean[w] = 0
		for g := range groups {
			d.areaMean[w] += d.area[g].rate * d.hoursIn[w*groups+g] * d.expect.level
		}
	}
	d.prepareHeld(end)
}

// prepareHeld notes what hotspots hold, and what there is and should be elsewhere.
func (d *Detector) prepareHeld(end time.Time) {
	for _, cell := range d.heldCells {
		d.held[cell] = false
	}
	d.heldCells = d.heldSince(end.Add(-d.opts.Windows[len(d.opts.Windows)-1]))
	for _, cell := range d.heldCells {
		d.held[cell] = true
	}
	var counts [maxWindows]int32
	var mean, variance [maxWindows]float64
	d.sumRing(d.heldCells, &counts, &mean, &variance)
	for w := range d.opts.Windows {
		d.freeCount[w] = float64(d.counts.total[w]) - float64(counts[w])
		d.freeMean[w] = d.areaMean[w] - mean[w]*d.expect.level
	}
}

// everywhere returns how many times as many events as expected there are outside of
// hotspots and of a disk, which has c where b are expected outside of hotspots, by the
// lower end of what chance lets that be; 1 when it is not more than expected. What a
// city does as a whole, on a holiday that nobody announced or in a storm, is one hotspot
// of the whole area and no reason to call each of its places one.
func (d *Detector) everywhere(c, b float64, window int) float64 {
	const deviations = 2
	seen, usual := d.freeCount[window]-c, d.freeMean[window]-b
	if usual <= 0 || seen <= usual {
		return 1
	}
	return max((seen-deviations*math.Sqrt(d.phi*seen))/usual, 1)
}

// sumFree adds the cells of a ring that no hotspot holds to what such cells of the
// disk have and should have, where the disk has counts and mean.
func (d *Detector) sumFree(cells []int32, counts *[maxWindows]int32, mean *[maxWindows]float64) {
	var variance [maxWindows]float64
	free := d.free[:0]
	for _, cell := range cells {
		if !d.held[cell] {
			free = append(free, cell)
		}
	}
	d.free = free
	d.sumRing(free, counts, mean, &variance)
}

// scanAround returns the best of the disks around a cell.
func (d *Detector) scanAround(center int32) zone {
	best := zone{center: center}
	var counts, freeCounts [maxWindows]int32
	var mean, variance, freeMean [maxWindows]float64
	windows := len(d.opts.Windows)
	for ring := 0; ring <= d.opts.Rings; ring++ {
		cells := d.lattice.Ring(int(center), ring)
		if len(cells) == 0 {
			break
		}
		changed := d.sumRing(cells, &counts, &mean, &variance)
		if len(d.heldCells) > 0 {
			d.sumFree(cells, &freeCounts, &freeMean)
		} else {
			freeCounts, freeMean = counts, mean
		}
		if !changed && ring > 0 {
			continue // a larger disk with as many events is less of a surprise
		}
		for w := range windows {
			c, b := float64(counts[w]), mean[w]*d.expect.level
			if counts[w] < int32(d.opts.MinCount) || c <= b { //nolint:gosec // small
				continue
			}
			all := d.everywhere(float64(freeCounts[w]), freeMean[w]*d.expect.level, w)
			b *= all
			if s := d.score(c, b, variance[w]*d.expect.level*d.expect.level*all*all, w); s > best.score {
				best.ring, best.window, best.count, best.mean, best.score = int8(ring), int8(w), c, b, s //nolint:gosec // both small
			}
		}
	}
	return best
}

// sumRing adds the cells of a ring to what the disk has and should have, and
// reports whether any of them has an event.
func (d *Detector) sumRing(cells []int32, counts *[maxWindows]int32, mean, variance *[maxWindows]float64) (found bool) {
	windows, groups := len(d.opts.Windows), d.expect.groups
	for _, cell := range cells {
		var rate, spread float64
		var group int
		if at := d.counts.slotOf[cell]; at >= 0 {
			c := &d.counts.slots[at]
			rate, spread, group = c.rate, c.variance, int(c.group)
			for w := range windows {
				counts[w] += c.counts[w]
			}
			found = found || c.counts[windows-1] > 0
		} else {
			group = d.groupOf(cell)
			rate, spread = d.cold[group].rate, d.cold[group].variance
		}
		watched := d.watchedIn(cell)
		for w := range windows {
			hours := d.hoursIn[w*groups+group] * watched[w]
			mean[w] += rate * hours
			variance[w] += spread * hours * hours
		}
	}
	return found
}

// score is how little chance explains c events where b are expected; variance is
// that of b itself.
func (d *Detector) score(c, b, variance float64, window int) float64 {
	size := sizeOf(b, variance, d.phi, d.variation[window])
	if math.IsInf(size, 1) {
		return scan.Poisson(c, b)
	}
	return scan.NegBin(c, b, size)
}

// heldSince returns the cells that hotspots have held since a time, each once: those
// that are open, people knowing of them or not, and those that have ended or moved on.
func (d *Detector) heldSince(from time.Time) []int32 {
	var cells []int32
	seen := d.space.mark()
	for _, f := range d.frozen {
		if f.Whole || !f.To.IsZero() && f.To.Before(from) {
			continue
		}
		for _, cell := range f.Cells {
			if d.space.visited[cell] != seen {
				d.space.visited[cell] = seen
				cells = append(cells, cell)
			}
		}
	}
	return cells
}

// scanWhole returns the best window of the whole area that ends with a step. What
// hotspots have held in the longest window is left out: a hotspot that has ended is
// no reason to call the whole area one.
func (d *Detector) scanWhole(end time.Time) zone {
	best := zone{center: wholeArea}
	var counts [maxWindows]int32
	var mean, variance [maxWindows]float64
	d.sumRing(d.heldSince(end.Add(-d.opts.Windows[len(d.opts.Windows)-1])), &counts, &mean, &variance)
	groups := d.expect.groups
	for w := range d.opts.Windows {
		count, b, spread := float64(d.counts.total[w])-float64(counts[w]), -mean[w], -variance[w]
		for g := range groups {
			hours := d.hoursIn[w*groups+g]
			b += d.area[g].rate * hours
			spread += d.area[g].variance * hours * hours
		}
		b *= d.expect.level
		if count < float64(d.opts.MinCount) || count <= b {
			continue
		}
		if s := d.score(count, b, max(spread, 0)*d.expect.level*d.expect.level, w); s > best.score {
			best.window, best.count, best.mean, best.score = int8(w), count, b, s //nolint:gosec // small
		}
	}
	return best
}
