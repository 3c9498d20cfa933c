package hotspot

import (
	"fmt"
	"math"
	"time"

	"github.com/urbangrid/urbangrid/analytics/lattice"
)

// Space is scratch that detectors of one lattice may share when one goroutine
// drives them all, so that each further kind costs nothing for it.
type Space struct {
	visited []uint32
	stamp   uint32
}

// NewSpace returns scratch for a lattice.
func NewSpace(l *lattice.Lattice) *Space { return &Space{visited: make([]uint32, l.Len())} }

// mark returns a number that no cell has been visited with.
func (s *Space) mark() uint32 {
	s.stamp++
	if s.stamp == 0 { // after 2³² evaluations
		clear(s.visited)
		s.stamp = 1
	}
	return s.stamp
}

// Detector watches one kind of event over a study area. It belongs to one
// goroutine. What it costs grows with the cells that have events, besides four
// bytes for each cell of the lattice.
type Detector struct {
	opts    Options
	lattice *lattice.Lattice
	space   *Space

	started bool
	now     int64 // the step that is filling
	heard   int64 // the newest step with an event of the kind, wherever it was
	born    int64 // hotspots so far
	counts  counts
	touched []int32 // cells with additions since the last evaluation
	gaps    map[int32]*coverage
	full    [maxWindows]float64

	expect       expectation
	cold         []coldCell // of each group
	area         []coldCell // each group's cells together
	hours        []hourCounts
	nextHour     int64 // the first that is not learned
	hoursLearned int
	silent, left []float64 // scratch of learn: silent cells, and the rate that was not watched, of each group

	hoursIn   []float64 // [window·groups+group] profile hours, as of the last evaluation
	phi       float64
	variation [maxWindows]float64
	areaMean  [maxWindows]float64 // events that the whole area should have, as of the last evaluation
	heldCells []int32             // that hotspots hold, as of the last evaluation
	held      []bool              // of each cell of the lattice
	free      []int32             // scratch
	freeCount [maxWindows]float64 // events outside of heldCells
	freeMean  [maxWindows]float64 // as many as there should be
	hot       []zone
	nextHot   []zone

	day      running
	borrowed []borrowed // oldest first

	clusters []*cluster // oldest first
	frozen   []frozen
	withheld []withheldHour // ascending
	pauses   []pause        // oldest first

	quiet       quiet
	threshold   float64
	offset      float64   // of the threshold, from what people answered
	fed         time.Time // of the last Feedback
	unconfirmed []int     // hotspots of each week since Feedback last moved the threshold
}

// New returns a detector over the cells of a lattice that holds at least
// Options.Rings rings. Detectors that share a Space must be driven by one
// goroutine; nil means one of its own. Errors: ErrOptions.
func New(l *lattice.Lattice, space *Space, opts Options) (*Detector, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	if l.Rings() < opts.Rings {
		return nil, fmt.Errorf("%w: the lattice has %d rings, %d are needed", ErrOptions, l.Rings(), opts.Rings)
	}
	if space == nil {
		space = NewSpace(l)
	}
	windows := make([]int64, len(opts.Windows))
	for i, w := range opts.Windows {
		windows[i] = int64(w / opts.Step)
	}
	cells := make([]float64, opts.Groups)
	for i := range l.Len() {
		g := opts.Group(i)
		if g < 0 || g >= opts.Groups {
			return nil, fmt.Errorf("%w: cell %d is of group %d, there are %d", ErrOptions, i, g, opts.Groups)
		}
		cells[g]++
	}
	d := &Detector{
		opts: opts, lattice: l, space: space,
		counts: newCounts(l.Len(), windows), gaps: make(map[int32]*coverage), full: fullyWatched,
		expect: newExpectation(opts, cells),
		cold:   make([]coldCell, opts.Groups), area: make([]coldCell, opts.Groups), silent: make([]float64, opts.Groups), left: make([]float64, opts.Groups),
		hoursIn: make([]float64, len(windows)*opts.Groups), held: make([]bool, l.Len()),
	}
	d.refit()
	return d, nil
}

func (d *Detector) groupOf(cell int32) int { return d.opts.Group(int(cell)) }

// stepOf returns the step that a time is in.
func (d *Detector) stepOf(t time.Time) int64 {
	return int64(math.Floor(float64(t.UnixMicro()) / float64(d.opts.Step.Microseconds())))
}

// endOf returns the end of a step.
func (d *Detector) endOf(step int64) time.Time {
	return time.UnixMicro((step + 1) * d.opts.Step.Microseconds()).UTC()
}

// Advance moves time on to a phenomenon time and returns what happened at the
// steps that ended meanwhile, in order. An earlier time changes nothing.
func (d *Detector) Advance(to time.Time) (changes []Change) {
	step := d.stepOf(to)
	if !d.started {
		d.started, d.now, d.heard = true, step, step
		d.nextHour = d.endOf(step-1).Unix() / 3600
		return nil
	}
	if step-d.now > int64(maxGap/d.opts.Step) {
		return d.Skip(to)
	}
	for d.now < step {
		changes = append(changes, d.close()...)
	}
	return changes
}

// close evaluates the step that was filling and begins the next.
func (d *Detector) close() (changes []Change) {
	end, best := d.endOf(d.now), 0.0
	d.judgeDay(end)
	if len(d.touched) > 0 || len(d.hot) > 0 || len(d.clusters) > 0 {
		best = d.evaluate(end)
		changes = d.live(end)
	}
	if d.hoursLearned >= learnBeforeQuiet && !d.deaf(end) {
		d.quiet.record(end.Add(-d.opts.Step), end, best)
	}
	d.slide()
	return changes
}

// learnBeforeQuiet is how many hours are learned before scores are history: every
// hour of the week once.
const learnBeforeQuiet = hoursOfWeek

// slide begins the next step.
func (d *Detector) slide() {
	d.now++
	d.counts.slide(d.now)
	if len(d.gaps) > 0 {
		d.slideGaps()
	}
	if begin := d.endOf(d.now - 1); begin.Unix()/3600-learnDelay > d.nextHour {
		d.learnUpTo(begin)
	}
}

// Add takes in n events of a cell of the lattice at a phenomenon time that Advance
// has reached. It reports false, and takes in nothing, when the time is later than
// that, or older than both the longest window and the hours that are still to be
// learned.
func (d *Detector) Add(cell int, at time.Time, n int) bool {
	step := d.stepOf(at)
	if !d.started || step > d.now || n <= 0 {
		return false
	}
	inWindow := d.now-step < int64(len(d.counts.ring))
	hour := d.hourOf(at.Unix() / 3600)
	if !inWindow && hour == nil {
		return false
	}
	c := int32(cell)   //nolint:gosec // a lattice has fewer cells
	events := int32(n) //nolint:gosec // an observation is one event
	slot := d.activate(c)
	d.day.count(at.Unix()/3600, float64(n))
	d.heard = max(d.heard, step)
	if inWindow {
		d.counts.add(slot, step, d.now, events)
		d.touched = append(d.touched, c)
	}
	if hour != nil {
		hour.cells[slot] += events
		d.counts.slots[slot].held += events
	}
	return true
}

// Withdraw takes back one event that Add took in: it was none of the city's. It
// reports false, and changes nothing, when no event of that cell and step is in the
// longest window.
func (d *Detector) Withdraw(cell int, at time.Time) bool {
	slot, step := d.counts.slotOf[cell], d.stepOf(at)
	if slot < 0 || !d.started || !d.counts.take(slot, step, d.now) {
		return false
	}
	d.day.count(at.Unix()/3600, -1)
	for i := range d.hours {
		if h := &d.hours[i]; h.hour == at.Unix()/3600 && h.cells[slot] > 0 {
			h.cells[slot]--
			d.counts.slots[slot].held--
		}
	}
	return true
}

func (d *Detector) activate(cell int32) int32 {
	group := d.groupOf(cell)
	at, isNew := d.counts.activate(cell, int32(group)) //nolint:gosec // small
	if isNew {
		s := &d.counts.slots[at]
		s.rate, s.variance = d.cold[group].rate, d.cold[group].variance
	}
	return at
}

// Open returns the hotspots that are open, oldest first.
func (d *Detector) Open() []Hotspot {
	var all []Hotspot
	for _, c := range d.clusters {
		if !c.pending {
			h := c.Hotspot
			h.Cells = d.cellsOf(c.cells)
			all = append(all, h)
		}
	}
	return all
}

// Expected returns how many events are ordinary in a cell of the lattice in the
// window that ends with the step that is filling, and how sure that is, as the
// standard deviation of a count around it.
func (d *Detector) Expected(cell int, window time.Duration) (mean, deviation float64) {
	group, known := d.rateOf(int32(cell)) //nolint:gosec // a lattice has fewer cells
	hours := make([]float64, d.expect.groups)
	d.expect.profileHours(hours, d.endOf(d.now), window, d.slotAt)
	h := hours[group] * d.expect.level
	mean = known.rate * h
	return mean, math.Sqrt(d.expect.dispersion()*mean + known.variance*h*h)
}

// ExpectedAll sets how many events are ordinary in each cell of the lattice in the
// window that ends with the step that is filling.
func (d *Detector) ExpectedAll(into []float64, window time.Duration) {
	hours := make([]float64, d.expect.groups)
	d.expect.profileHours(hours, d.endOf(d.now), window, d.slotAt)
	for i, at := range d.counts.slotOf {
		group := d.groupOf(int32(i)) //nolint:gosec // a lattice has fewer cells
		rate := d.cold[group].rate
		if at >= 0 {
			rate = d.counts.slots[at].rate
		}
		into[i] = rate * hours[group] * d.expect.level
	}
}

// Knowledge is how much a detector knows, for people to judge it by.
type Knowledge struct {
	Hours       int     // learned
	Dispersion  float64 // variance of a cell's hourly count over its mean
	Level       float64 // of the last days against what was learned
	QuietWeeks  float64 // of history that the threshold comes from
	Threshold   float64
	ActiveCells int
}

// Knowledge tells how much the detector knows.
func (d *Detector) Knowledge() Knowledge {
	return Knowledge{
		Hours: d.hoursLearned, Dispersion: d.expect.dispersion(), Level: d.expect.level,
		QuietWeeks: d.quiet.weeks(), Threshold: d.Threshold(), ActiveCells: len(d.counts.slots) - len(d.counts.free),
	}
}

// Active reports whether a cell of the lattice has events in a window, or has
// taught something.
func (d *Detector) Active(cell int) bool { return d.counts.slotOf[cell] >= 0 }
