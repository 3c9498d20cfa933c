package hotspot

import (
	"slices"
	"time"

	"github.com/urbangrid/urbangrid/grid"
)

// Phase is where a hotspot is in its life.
type Phase string

// The phases of a hotspot that is known outside of the detector. What stands out
// for the first time is pending and nobody is told.
const (
	Active  Phase = "active"  // it stands out
	Cooling Phase = "cooling" // it does not any more, but may again
	Closed  Phase = "closed"
)

// Hotspot is a place and a time with more events than chance explains.
type Hotspot struct {
	ID       string
	Revision int64 // 1 when it was raised, grows with every Change
	Phase    Phase

	// Whole says that it is the whole study area; Cells is nil then.
	Whole bool
	Cells []grid.Cell // ascending
	Peak  grid.Cell   // the center of the disk that stands out most, 0 for the whole area

	Window     time.Duration // the window in which it stands out most
	Count      float64       // events of the best disk in the window
	Expected   float64       // events that are ordinary there and then
	Score      float64       // log-likelihood ratio
	Threshold  float64       // the score from which places stood out then
	Recurrence time.Duration // how seldom quiet history reaches the score; 0 when not known

	Since      time.Time // begin of the window in which it was first seen
	RaisedAt   time.Time
	At         time.Time // of this revision
	ClosedAt   time.Time // zero while it is open
	Flapping   bool      // it stands out and does not in turn: nobody is to be told
	Severe     bool      // its score is SevereScore times the threshold or more
	MergedInto string    // the older hotspot that it became a part of, "" for none
}

// Why says what a Change is about.
type Why string

// The reasons of a Change.
const (
	Raised    Why = "raised"
	Grown     Why = "grown"     // half as many events or cells again as when last told, or severe now
	Moved     Why = "moved"     // it holds other cells than when last told
	Cooled    Why = "cooled"    // it entered Cooling
	Rekindled Why = "rekindled" // it stands out again
	Ended     Why = "ended"     // Closed
	Merged    Why = "merged"    // Closed, because an older one holds it
)

// Change is a hotspot after something happened to it.
type Change struct {
	Why Why
	Hotspot
}

const (
	// offShare of the threshold is where a hotspot stops to stand out: two
	// thresholds, because one flaps.
	offShare = 0.6
	// atOnce times the threshold needs no second look.
	atOnce = 2
	// SevereScore times the threshold makes a hotspot severe.
	SevereScore = 3

	confirmOf   = 3 // looks of which
	confirmWith = 2 // must stand out before a hotspot is raised
	coolLooks   = 3 // looks that must not stand out before it can close
	maxCooling  = time.Hour
	growth      = 1.5
	overlap     = 0.3 // of cells, Jaccard, that makes two looks the same hotspot
)

// cluster is a hotspot inside of the detector.
type cluster struct {
	Hotspot
	pending bool
	cells   []int32 // of the lattice, ascending
	peak    int32
	zone    zone // as of the last look, its score 0 when it does not stand out

	looks     uint32 // newest look in bit 0: whether the score reached the threshold
	looked    int    // looks so far, at most 32
	coldSince int64  // the step from which it has not stood out, minStep while it does
	coldLooks int
	told      told   // what the last Change said
	ordinary  bool   // people say that it is none: its cells learn
	real      bool   // people say that it is one: its time is not quiet history
	flips     uint32 // newest look in bit 0: whether active and cooling changed places
}

// told is what people know of a hotspot.
type told struct {
	Count  float64
	Cells  []int32
	Severe bool
}

func (c *cluster) whole() bool { return c.peak == wholeArea }

// look notes whether the hotspot reached the threshold at this step.
func (c *cluster) look(reached bool) {
	c.looks <<= 1
	if reached {
		c.looks |= 1
	}
	c.looked = min(c.looked+1, 32)
}

// confirmed reports whether a pending hotspot is to be raised.
func (c *cluster) confirmed(threshold float64) bool {
	if c.zone.score >= atOnce*threshold {
		return true
	}
	n := 0
	for i := range confirmOf {
		n += int(c.looks >> i & 1)
	}
	return n >= confirmWith
}

// The flap guard of Nagios: changes of state among the last looks, newer ones
// weighing up to half more than older ones, above flapHigh begin and below flapLow
// end the flapping.
const (
	flapLooks = 21
	flapHigh  = 0.20
	flapLow   = 0.05
)

func (c *cluster) flip(changed bool) {
	c.flips <<= 1
	if changed {
		c.flips |= 1
	}
	share := 0.0
	for i := range flapLooks - 1 {
		if c.flips>>i&1 == 1 {
			share += 1.2 - 0.4*float64(i)/(flapLooks-2)
		}
	}
	share /= flapLooks - 1
	switch {
	case share > flapHigh:
		c.Flapping = true
	case share < flapLow:
		c.Flapping = false
	}
}

// flipIsNews notes that active and cooling changed places, and reports whether people
// are told: not while the hotspot flaps, but once that it does.
func (c *cluster) flipIsNews() bool {
	was := c.Flapping
	c.flip(true)
	return !c.Flapping || !was
}

// jaccard is the share of two ascending sets that both hold.
func jaccard(a, b []int32) float64 {
	both := intersection(a, b)
	if all := len(a) + len(b) - both; all > 0 {
		return float64(both) / float64(all)
	}
	return 0
}

func intersection(a, b []int32) (n int) {
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] == b[j]:
			n, i, j = n+1, i+1, j+1
		case a[i] < b[j]:
			i++
		default:
			j++
		}
	}
	return n
}

func holds(cells []int32, cell int32) bool {
	_, found := slices.BinarySearch(cells, cell)
	return found
}
