package hotspot

import "slices"

// counts are the events of the windows, of cells that have any, and what those
// cells have learned. What a cell costs that says nothing is one int32.
//
// A step is the number of a stretch of Options.Step since the Unix epoch; a window
// of d steps that ends with step t holds the steps t-d+1 to t.
type counts struct {
	windows []int64 // in steps, ascending
	ring    [][]addition
	total   [maxWindows]int64

	slotOf []int32 // of a cell, -1 for none
	slots  []slot
	free   []int32
}

type addition struct {
	slot int32
	n    int32
}

// slot is the state of one active cell.
type slot struct {
	cell   int32 // -1 while free
	group  int32
	counts [maxWindows]int32 // parallel to windows
	held   int32             // events in the ring and in hours that are not learned yet

	learned float64 // events, fading
	missed  float64 // profile hours of its group's exposure in which it was not watched, fading

	rate, variance float64 // of learned and missed, as of the last refit
}

func newCounts(cells int, windows []int64) counts {
	c := counts{windows: windows, ring: make([][]addition, windows[len(windows)-1]), slotOf: make([]int32, cells)}
	for i := range c.slotOf {
		c.slotOf[i] = -1
	}
	return c
}

// activate returns the slot of a cell, taking one when it has none.
func (c *counts) activate(cell, group int32) (at int32, isNew bool) {
	if s := c.slotOf[cell]; s >= 0 {
		return s, false
	}
	if n := len(c.free); n > 0 {
		at, c.free = c.free[n-1], c.free[:n-1]
	} else {
		at = int32(len(c.slots)) //nolint:gosec // bounded by the number of cells
		c.slots = append(c.slots, slot{})
	}
	c.slots[at] = slot{cell: cell, group: group}
	c.slotOf[cell] = at
	return at, true
}

// release gives back the slot of a cell of which nothing is held.
func (c *counts) release(at int32) {
	c.slotOf[c.slots[at].cell] = -1
	c.slots[at] = slot{cell: -1}
	c.free = append(c.free, at)
}

// add takes in n events of a step that is not after now and in the longest window.
func (c *counts) add(at int32, step, now int64, n int32) {
	bucket := &c.ring[step%int64(len(c.ring))]
	*bucket = append(*bucket, addition{at, n})
	s := &c.slots[at]
	s.held += n
	for i, w := range c.windows {
		if now-step < w {
			s.counts[i] += n
			c.total[i] += int64(n)
		}
	}
}

// take undoes one event that add took in, and reports whether there is one.
func (c *counts) take(at int32, step, now int64) bool {
	if step > now || now-step >= int64(len(c.ring)) {
		return false
	}
	bucket := &c.ring[mod(step, int64(len(c.ring)))]
	i := slices.IndexFunc(*bucket, func(a addition) bool { return a.slot == at })
	if i < 0 {
		return false
	}
	if (*bucket)[i].n--; (*bucket)[i].n == 0 {
		*bucket = slices.Delete(*bucket, i, i+1)
	}
	s := &c.slots[at]
	s.held--
	for w, steps := range c.windows {
		if now-step < steps {
			s.counts[w]--
			c.total[w]--
		}
	}
	return true
}

// slide makes now the newest step, which is one after the newest before.
func (c *counts) slide(now int64) {
	for i, w := range c.windows {
		for _, a := range c.ring[mod(now-w, int64(len(c.ring)))] {
			c.slots[a.slot].counts[i] -= a.n
			c.total[i] -= int64(a.n)
		}
	}
	// The step that the longest window has left shares its bucket with now.
	bucket := &c.ring[mod(now, int64(len(c.ring)))]
	for _, a := range *bucket {
		c.slots[a.slot].held -= a.n
	}
	*bucket = (*bucket)[:0]
}

func mod(a, n int64) int64 { return (a%n + n) % n }
