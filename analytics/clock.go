package analytics

import (
	"math"
	"slices"

	"github.com/urbangrid/urbangrid/grid"
)

// A device that is stuck says the same again and again by its own timer. The city
// does not: gaps between events by chance are exponential, and so are hardly ever
// alike. What may be a clock's is kept from the detectors of the city until the clock
// misses a beat; what certainly is, for good.
//
// As soon as four alike events come at even gaps they are held back, or five that are
// even but for beats that are early and late in turn. Should they be the city's, they
// are given back when the next beat is overdue, so that what chance makes look like a
// clock comes late by one gap and [underWay] at most. In simulation that happens to 3 %
// of the events of a lone camera that sees them by chance, and that chance goes on to
// what is certain to less than one in ten thousand.
const (
	// clockTolerance is the share of a period by which a beat may be early or late.
	clockTolerance = 0.04
	// heldChance, evenChance and sureChance are the chances (see clock.chance) below
	// which events are held back, are said to be a clock's, and are so for certain:
	// four, five and eight beats with nothing in between, more where other events are.
	heldChance = 0.05
	evenChance = 1e-3
	sureChance = 1e-6
	// periodOf is how many gaps, at most, a period is looked for as the mean of: a single
	// gap is as wrong as the beats at both of its ends are together, so where beats are
	// early and late in turn none of them is the period. Timers are wrong by seconds, so
	// this is for periods up to unevenClock. meanChance is the chance below which beats of
	// a period that is not a single gap are held back: five with at most one other event
	// in between.
	periodOf    = 4
	unevenClock = 10 * minuteMicros
	meanChance  = 2e-3
	// fastestClock and slowestClock are the shortest and the longest period. What is
	// slower makes no hotspot.
	fastestClock = int64(1_000_000)
	slowestClock = hourMicros
	// missedBeats is how many beats in a row may be missing of a clock that is sure.
	missedBeats = 3
	// underWay is for how long a beat may be under way before it is missed.
	underWay = minuteMicros
)

// beat is what is kept of an event.
type beat struct {
	At   int64
	Like uint64 // equal for events of one value at one point
}

// clock is events of one device that are alike and come as a clock ticks.
type clock struct {
	Like   uint64
	Cell   grid.Cell
	First  int64 // time of the first beat
	Last   int64 // of the newest
	Period int64
	Beats  int
	Others int     // events of the device since the first beat that are none
	Held   []int64 // times of the beats that are given back should it be no clock; nil once it is sure
}

// chance is how many such runs end with an event where events come by chance, as many
// as there are here: as many as there are events a beat to begin with, and of each
// further beat the probability that an event is where it must be.
func (c *clock) chance() float64 {
	each := float64(c.Beats+c.Others-1) / float64(c.Beats-1) // events a beat
	return each * math.Pow(2*clockTolerance*each, float64(c.Beats-2))
}

func (c *clock) sure() bool { return c.Held == nil }

// slack is how far from its time a beat may be.
func (c *clock) slack() int64 { return int64(clockTolerance * float64(c.Period)) }

// due reports whether an event at a time is a beat.
func (c *clock) due(at int64) bool {
	n := (at - c.Last + c.Period/2) / c.Period // the nearest beat
	if n < 1 || n > c.patience() {
		return false
	}
	off := at - c.Last - n*c.Period
	return -c.slack() <= off && off <= c.slack()
}

// overdue reports whether the clock has ended by a time.
func (c *clock) overdue(now int64) bool { return now > c.Last+c.patience()*c.Period+c.slack() }

// patience is after how many periods without a beat the clock has ended.
func (c *clock) patience() int64 {
	if c.sure() {
		return missedBeats
	}
	return 1
}

// add takes in a beat.
func (c *clock) add(at int64) {
	c.Last = at
	c.Beats++
	if c.sure() {
		return
	}
	c.Held = append(c.Held, at)
	if c.chance() < sureChance {
		c.Held = nil
	}
}

// tick holds the newest event, which was in the cell, against the device's clock, or
// finds that there is one. It returns the times of the events that are to be kept from
// the city from now on, and of those that are not any more.
func (r *rhythm) tick(cell grid.Cell) (taken, freed []int64) {
	newest := r.Newest[r.Kept-1]
	if c := r.Clock; c != nil {
		if newest.Like == c.Like && c.due(newest.At) {
			c.add(newest.At)
			r.HourRegular = r.HourRegular || c.chance() < evenChance
			return []int64{newest.At}, nil
		}
		c.Others++
		if c.overdue(newest.At) {
			freed = r.stop()
		}
	}
	found := r.fit()
	if found == nil {
		return nil, freed
	}
	r.HourRegular = r.HourRegular || found.chance() < evenChance
	if !r.judged(newest.At) || r.Clock != nil && (r.Clock.sure() || r.Clock.chance() <= found.chance()) {
		return nil, freed
	}
	freed = append(freed, r.stop()...)
	found.Cell = cell
	r.Clock, taken, freed = found, without(found.Held, freed), without(freed, found.Held)
	if found.chance() < sureChance {
		found.Held = nil
	}
	return taken, freed
}

// without returns those of some times that are not among others.
func without(times, others []int64) []int64 {
	return slices.DeleteFunc(slices.Clone(times), func(at int64) bool { return slices.Contains(others, at) })
}

// stop forgets the clock and returns the times of the beats that are given back.
func (r *rhythm) stop() (freed []int64) {
	if r.Clock != nil {
		freed = r.Clock.Held
	}
	r.Clock = nil
	return freed
}

// judged reports whether enough is known of the device to hold its clock against it:
// one that has been as regular from its first day on is meant to be.
func (r *rhythm) judged(now int64) bool {
	return r.Events >= leastEvents && now-r.First >= leastLife && r.Regular < ofNature
}

// fit returns the run of beats that ends with the newest event and is the least likely
// by chance, nil when chance makes all of them too easily.
func (r *rhythm) fit() *clock {
	last := r.Kept - 1
	newest := r.Newest[last]
	best, least := clock{}, heldChance
	var times [beats]int64
	for i := last - 1; i >= 0; i-- {
		since := newest.At - r.Newest[i].At
		if since > slowestClock {
			break
		}
		if r.Newest[i].Like != newest.Like {
			continue
		}
		for gaps := int64(1); gaps <= periodOf; gaps++ {
			c := clock{Like: newest.Like, Period: since / gaps}
			if c.Period < fastestClock || gaps > 1 && c.Period > unevenClock {
				continue
			}
			r.run(&c, times[:0])
			if c.Beats > 2 && c.chance() < least && (gaps == 1 || c.chance() < meanChance) {
				best, least = c, c.chance()
			}
		}
	}
	if best.Beats == 0 {
		return nil
	}
	found := best
	found.Held = r.run(&found, nil)
	found.Period = (found.Last - found.First) / int64(found.Beats-1)
	return &found
}

// run counts the beats that end with the newest event at the clock's period, each
// measured from the one after it, and returns times with theirs, newest first.
func (r *rhythm) run(c *clock, times []int64) []int64 {
	first := r.Kept - 1
	c.Last, c.First, c.Beats = r.Newest[first].At, r.Newest[first].At, 1
	times = append(times, c.Last)
	for i := first - 1; i >= 0; i-- {
		off := r.Newest[i].At - (c.First - c.Period)
		if off < -c.slack() {
			break
		}
		if off <= c.slack() && r.Newest[i].Like == c.Like {
			first, c.First = i, r.Newest[i].At
			c.Beats++
			times = append(times, c.First)
		}
	}
	c.Others = r.Kept - first - c.Beats
	return times
}

// likeness returns a number that is equal for events of one value at one point.
func likeness(o *grid.Placed) uint64 {
	h := uint64(14695981039346656037) // FNV-1a, by words
	for _, v := range []float64{o.Value, o.Point.LatDegrees, o.Point.LonDegrees} {
		h = (h ^ math.Float64bits(v)) * 1099511628211
		h ^= h >> 29
	}
	return h
}
