package hotspot

import "time"

// fullyWatched is the coverage of a cell that nobody said anything of.
var fullyWatched = func() (w [maxWindows]float64) {
	for i := range w {
		w[i] = 1
	}
	return w
}()

// coverage is how much of a cell was watched lately: a step function of time,
// oldest first. It exists for cells that were not always watched.
type coverage struct {
	Steps []coverageStep
	share [maxWindows]float64 // of each window, as of the last step of the detector
}

// coverageStep says what share of a cell's sensors works from a step on.
type coverageStep struct {
	From  int64 // a step
	Share float64
}

// Cover says what share of the sensors that watch a cell work from now on, 0 to 1.
// Until it is called all do. Less is expected of a cell that is watched less, and
// what is not watched never counts as quiet.
func (d *Detector) Cover(cell int, share float64) {
	share = min(max(share, 0), 1)
	c := d.gaps[int32(cell)] //nolint:gosec // a lattice has fewer cells
	if c == nil {
		if share == 1 {
			return
		}
		c = &coverage{Steps: []coverageStep{{From: minStep, Share: 1}}}
		d.gaps[int32(cell)] = c //nolint:gosec // see above
		d.activate(int32(cell)) //nolint:gosec // see above
	}
	last := &c.Steps[len(c.Steps)-1]
	switch {
	case last.Share == share:
	case last.From == d.now+1:
		last.Share = share
	default:
		c.Steps = append(c.Steps, coverageStep{From: d.now + 1, Share: share})
	}
	d.shareGap(c)
}

// minStep is before every step.
const minStep = int64(-1 << 62)

// between returns the mean share over the steps from..to.
func (c *coverage) between(from, to int64) float64 {
	covered := 0.0
	for i, s := range c.Steps {
		end := to + 1
		if i+1 < len(c.Steps) {
			end = min(end, c.Steps[i+1].From)
		}
		if begin := max(s.From, from); begin < end {
			covered += s.Share * float64(end-begin)
		}
	}
	return covered / float64(to-from+1)
}

// slideGaps brings the shares up to the newest step and forgets what is older than
// every question that is still to come.
func (d *Detector) slideGaps() {
	horizon := d.now - int64((maxWindow+learnDelay*time.Hour+time.Hour)/d.opts.Step)
	for cell, c := range d.gaps {
		for len(c.Steps) > 1 && c.Steps[1].From <= horizon {
			c.Steps = c.Steps[1:]
		}
		if len(c.Steps) == 1 && c.Steps[0].Share == 1 {
			delete(d.gaps, cell)
			continue
		}
		d.shareGap(c)
	}
}

func (d *Detector) shareGap(c *coverage) {
	for i, w := range d.counts.windows {
		c.share[i] = c.between(d.now-w+1, d.now)
	}
}

// watchedIn returns the share of each window in which a cell was watched.
func (d *Detector) watchedIn(cell int32) *[maxWindows]float64 {
	if len(d.gaps) > 0 {
		if c := d.gaps[cell]; c != nil {
			return &c.share
		}
	}
	return &d.full
}

// watchedDuring returns the share of an hour in which a cell was watched.
func (d *Detector) watchedDuring(cell int32, from time.Time) float64 {
	c := d.gaps[cell]
	if c == nil {
		return 1
	}
	first := d.stepOf(from)
	return c.between(first, max(first, d.stepOf(from.Add(time.Hour))-1))
}

// unwatched reports whether so little of the cells is watched now that their
// silence says nothing.
func (d *Detector) unwatched(cells []int32) bool {
	if len(d.gaps) == 0 || len(cells) == 0 {
		return false
	}
	share := 0.0
	for _, cell := range cells {
		if c := d.gaps[cell]; c != nil {
			share += c.Steps[len(c.Steps)-1].Share
		} else {
			share++
		}
	}
	return share < leastWatched*float64(len(cells))
}

// leastWatched is the share of a hotspot that has to be watched for it to be over.
const leastWatched = 0.5
