package hotspot

import (
	"math"
	"time"
)

// learnDelay is how old an hour is when it is learned: by then a hotspot that
// began in it has been found, and it teaches nothing.
const learnDelay = 12 // hours

// maxFrozen is for how long a hotspot keeps its cells from learning. What has
// lasted so long is how the place is now.
const maxFrozen = 72 * time.Hour

// maxGap is the longest silence of a kind that is looked at step by step; a longer
// one is skipped.
const maxGap = 7 * 24 * time.Hour

// hourCounts are the events of one hour that is not learned yet.
type hourCounts struct {
	hour  int64           // since the Unix epoch
	cells map[int32]int32 // events by slot
}

// hourOf returns the counts of an hour, nil when the hour has been learned.
func (d *Detector) hourOf(hour int64) *hourCounts {
	if hour < d.nextHour {
		return nil
	}
	for i := range d.hours {
		if d.hours[i].hour == hour {
			return &d.hours[i]
		}
	}
	d.hours = append(d.hours, hourCounts{hour: hour, cells: make(map[int32]int32)})
	return &d.hours[len(d.hours)-1]
}

// takeHour removes the counts of an hour and returns them, nil when it had none.
func (d *Detector) takeHour(hour int64) map[int32]int32 {
	for i := range d.hours {
		if d.hours[i].hour == hour {
			cells := d.hours[i].cells
			d.hours = append(d.hours[:i], d.hours[i+1:]...)
			return cells
		}
	}
	return nil
}

// comeOfAge returns the newest hour that is to be learned at a time.
func comeOfAge(now time.Time) int64 { return now.Unix()/3600 - learnDelay }

// learnUpTo learns every hour that has come of age at a time.
func (d *Detector) learnUpTo(now time.Time) {
	due := comeOfAge(now)
	if due-d.nextHour > int64(maxGap/time.Hour) {
		d.skipHours(due)
	}
	d.learnThrough(due)
}

// learnThrough learns an hour and all before it.
func (d *Detector) learnThrough(hour int64) {
	for ; d.nextHour <= hour; d.nextHour++ {
		d.learn(d.nextHour)
		if at := time.Unix((d.nextHour+1)*3600, 0); d.refitDue(at) {
			d.refit()
		}
	}
}

// skipHours gives up the hours up to due, which are those of a pause and of what is
// told of them too late.
func (d *Detector) skipHours(due int64) {
	kept := d.hours[:0]
	for _, h := range d.hours {
		if h.hour > due {
			kept = append(kept, h)
			continue
		}
		for at, n := range h.cells {
			d.counts.slots[at].held -= n
		}
	}
	clear(d.hours[len(kept):])
	d.hours = kept
	d.nextHour = due + 1
}

// learn takes in one hour that has come of age. An hour in which nobody watched
// teaches nothing; nor, for the time being, does one in which the whole area was a
// hotspot.
func (d *Detector) learn(hour int64) {
	cells := d.takeHour(hour)
	for at, n := range cells {
		d.counts.slots[at].held -= n
	}
	from := time.Unix(hour*3600, 0).UTC()
	d.forgetPauses(from)
	d.forgetFrozen(from)
	d.forgetWithheld()
	if d.missed(from) > time.Hour/2 || d.heardNothing(from, cells) {
		return
	}
	frozen, whole := d.frozenIn(from)
	if whole {
		d.withholdWhole(hour, cells)
		return
	}
	d.learnHour(hour, cells, frozen)
}

// learnHour takes the events of one hour, by slot, into the expectation. Cells that
// were in a hotspot during it neither count as watched nor teach, for the time being.
func (d *Detector) learnHour(hour int64, cells map[int32]int32, frozen map[int32]bool) {
	e, from := &d.expect, time.Unix(hour*3600, 0).UTC()
	keep, s := math.Exp(-1/d.opts.Memory.Hours()), d.slotAt(from)
	e.fade(keep)
	for g := range e.exposure {
		e.exposure[g] += e.profile[g*hoursOfWeek+s]
		d.silent[g] = e.cells[g]
		d.left[g] = 0
	}

	var h hourSum
	for i := range d.counts.slots {
		c := &d.counts.slots[i]
		if c.cell < 0 {
			continue
		}
		g := int(c.group)
		v, n := e.profile[g*hoursOfWeek+s], cells[int32(i)] //nolint:gosec // a slot's number
		d.silent[g]--
		c.learned, c.missed = c.learned*keep, c.missed*keep
		if frozen[c.cell] {
			c.missed += v
			d.left[g] += c.rate
			d.withhold(hour, withheldCell{cell: c.cell, events: n, hours: v, rate: c.rate})
			continue
		}
		watched := 1.0
		if len(d.gaps) > 0 {
			watched = d.watchedDuring(c.cell, from)
			c.missed += v * (1 - watched)
			d.left[g] += c.rate * (1 - watched)
		}
		h.add(1, float64(n), c.rate*v*watched, e.level)
		c.learned += float64(n)
		e.events[g*hoursOfWeek+s] += float64(n)
	}
	for g, n := range d.silent {
		h.add(n, 0, d.cold[g].rate*e.profile[g*hoursOfWeek+s], e.level)
		if all := d.area[g].rate; all > 0 {
			e.watched[g*hoursOfWeek+s] += max(1-d.left[g]/all, 0)
		}
	}
	e.learnDispersion(h, d.opts.Windows)
	e.learnLevel(h.got, h.want)
	d.hoursLearned++
}

// hourSum is what the cells of an hour had, against what was expected of them.
type hourSum struct {
	got, want        float64 // want is without the level
	squares, expects float64 // of the difference, and what Poisson says of it
}

// add takes in cells that each had n events where mean were expected, level left
// out.
func (h *hourSum) add(cells, n, mean, level float64) {
	h.got += cells * n
	h.want += cells * mean
	h.squares += cells * (n - mean*level) * (n - mean*level)
	h.expects += cells * mean * level
}

// refitDue reports whether the expectation is made anew after an hour: every hour
// on the first two days, then nightly.
func (d *Detector) refitDue(at time.Time) bool {
	return d.hoursLearned <= 48 || d.opts.Slot(at)%24 == refitHour
}

// refitHour is the hour of the day in which least is going on.
const refitHour = 3

// refit makes rates, profiles, prior and threshold anew from what was learned,
// and lets go of cells that say nothing.
func (d *Detector) refit() {
	e := &d.expect
	e.refit()
	e.refitPrior(d.opts, func(yield func(int, float64, float64)) {
		for i := range d.counts.slots {
			if c := &d.counts.slots[i]; c.cell >= 0 {
				yield(int(c.group), c.learned, e.exposure[c.group]-c.missed)
			}
		}
	})
	for i := range d.counts.slots {
		c := &d.counts.slots[i]
		if c.cell < 0 {
			continue
		}
		if c.held == 0 && c.learned < negligible && d.gaps[c.cell] == nil {
			d.counts.release(int32(i)) //nolint:gosec // a slot's number
			continue
		}
		c.rate, c.variance = e.rate(int(c.group), c.learned, c.missed)
	}
	d.refitArea()
	d.recalibrate()
}

// refitArea makes what silent cells, and all cells of a group together, are
// expected to have.
func (d *Detector) refitArea() {
	d.refitCold()
	d.sumArea()
}

func (d *Detector) refitCold() {
	for g := range d.cold {
		d.cold[g].rate, d.cold[g].variance = d.expect.rate(g, 0, 0)
	}
}

// sumArea adds up what all cells of each group have.
func (d *Detector) sumArea() {
	for g, n := range d.expect.cells {
		d.area[g] = coldCell{rate: n * d.cold[g].rate, variance: n * d.cold[g].variance}
	}
	for i := range d.counts.slots {
		if c := &d.counts.slots[i]; c.cell >= 0 {
			d.area[c.group].rate += c.rate - d.cold[c.group].rate
			d.area[c.group].variance += c.variance - d.cold[c.group].variance
		}
	}
}

// negligible is how many learned events are as good as none.
const negligible = 0.01
