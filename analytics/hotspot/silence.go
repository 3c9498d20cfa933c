package hotspot

import (
	"math"
	"slices"
	"time"
)

// implausible is how improbable it must be that nothing at all happened for that to
// be taken for nobody having watched.
const implausible = 1e-3

// none returns the probability of no event where mean are expected: of a negative
// binomial whose variance is excess above that of the Poisson.
func none(mean, excess float64) float64 {
	if excess <= 1e-9*mean {
		return math.Exp(-mean)
	}
	size := mean * mean / excess
	return math.Exp(-size * math.Log1p(mean/size))
}

// deaf reports whether nothing has been heard of the kind, wherever it was, for so
// long before the end of a step that its line rather than the city is silent.
func (d *Detector) deaf(end time.Time) bool {
	length := end.Sub(d.endOf(d.heard))
	if length <= 0 {
		return false
	}
	hours := make([]float64, d.expect.groups)
	d.expect.profileHours(hours, end, min(length, maxGap), d.slotAt)
	return d.noneAnywhere(hours, length) < implausible
}

// noneAnywhere returns the probability that the whole area has no event in a time of
// that many profile hours of each group.
func (d *Detector) noneAnywhere(hours []float64, length time.Duration) float64 {
	var mean, variance float64
	for g, h := range hours {
		h *= d.expect.level
		mean += d.area[g].rate * h
		variance += d.area[g].variance * h * h
	}
	window := 0
	for w, of := range d.opts.Windows {
		if of <= length {
			window = w
		}
	}
	return none(mean, (d.expect.dispersion()-1)*mean+variance+mean*mean*d.expect.cityVariation(window))
}

// heardNothing reports whether an hour without any event of the kind is one in which
// nobody watched. Until it knows the week the detector cannot tell, and learns.
func (d *Detector) heardNothing(from time.Time, cells map[int32]int32) bool {
	for _, n := range cells {
		if n > 0 {
			return false
		}
	}
	if d.hoursLearned < trustCells {
		return false
	}
	hours, s := make([]float64, d.expect.groups), d.slotAt(from)
	for g := range hours {
		hours[g] = d.expect.profile[g*hoursOfWeek+s]
	}
	return d.noneAnywhere(hours, time.Hour) < implausible
}

// blind reports whether the cells of a hotspot have had no event in some window
// although, by what the rest of the area has, that is implausible: what watches them
// has failed and nobody has noticed yet.
func (d *Detector) blind(c *cluster) bool {
	if c.whole() {
		return false
	}
	var counts [maxWindows]int32
	var mean, variance [maxWindows]float64
	d.sumRing(c.cells, &counts, &mean, &variance)
	for w := range d.opts.Windows {
		if counts[w] > 0 {
			continue
		}
		b := mean[w] * d.expect.level
		calm := min((float64(d.counts.total[w])+calmPrior)/(max(d.areaMean[w]-b, 0)+calmPrior), 1)
		spread := d.expect.level * calm
		b *= calm
		if none(b, (d.phi-1)*b+variance[w]*spread*spread+b*b*d.variation[w]) < implausible {
			return true
		}
	}
	return false
}

const (
	// calmPrior is how many events, as many as expected, weigh against those seen
	// where the whole area is quieter than usual.
	calmPrior = 5
	// maxBlind is for how long a hotspot waits for a sign of life from its cells. A
	// sensor that was silent for so long is known to be gone; see [Detector.Cover].
	maxBlind = 72 * time.Hour
)

// pause is a time in which nobody watched anything.
type pause struct{ From, To time.Time }

// Skip is Advance over a time in which nobody watched: UrbanGrid did not run, or
// nothing of any kind arrived. That time teaches nothing, is no quiet history and
// brings no hotspot closer to its end; what was watched before it is learned.
func (d *Detector) Skip(to time.Time) (changes []Change) {
	step := d.stepOf(to)
	if !d.started || step <= d.now {
		return d.Advance(to)
	}
	changes = d.close()
	begin := d.endOf(d.now - 1)
	d.pauses = append(d.pauses, pause{From: begin, To: d.endOf(step - 1)})
	for _, c := range d.clusters {
		c.wait(step - d.now)
	}
	d.heard += step - d.now
	for range min(step-d.now, int64(len(d.counts.ring))) {
		d.slide()
	}
	if d.now < step { // every window is empty
		// What comes of age meanwhile is learned while it is still known how much of it
		// was watched.
		d.learnThrough(min(begin.Unix()/3600, comeOfAge(d.endOf(step-1))))
		d.now = step - 1
		d.slide()
	}
	return changes
}

// Reached returns the begin of the step that is filling: what Advance was last told,
// by steps. It is zero before the first call of Advance.
func (d *Detector) Reached() time.Time {
	if !d.started {
		return time.Time{}
	}
	return d.endOf(d.now - 1)
}

// missed returns for how long nobody watched in the hour that begins at from.
func (d *Detector) missed(from time.Time) (missed time.Duration) {
	to := from.Add(time.Hour)
	for _, p := range d.pauses {
		begin, end := p.From, p.To
		if begin.Before(from) {
			begin = from
		}
		if end.After(to) {
			end = to
		}
		missed += max(end.Sub(begin), 0)
	}
	return missed
}

// forgetPauses forgets the pauses that ended a day before from: neither what is still
// to be learned nor the day that is running goes back so far.
func (d *Detector) forgetPauses(from time.Time) {
	d.pauses = slices.DeleteFunc(d.pauses, func(p pause) bool { return p.To.Before(from.Add(-dayHours * time.Hour)) })
}
