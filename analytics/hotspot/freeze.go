package hotspot

import (
	"slices"
	"time"
)

// frozen is where and when a hotspot keeps cells from learning.
type frozen struct {
	ID    string
	Whole bool
	Cells []int32 // ascending: all that the hotspot ever held
	From  time.Time
	To    time.Time // zero while the hotspot is open
}

// freeze notes what a hotspot holds.
func (d *Detector) freeze(c *cluster) {
	if c.ordinary {
		return
	}
	at := slices.IndexFunc(d.frozen, func(f frozen) bool { return f.ID == c.ID })
	if at < 0 {
		if c.Phase == Closed {
			return // released, or merged before it was noted
		}
		d.frozen = append(d.frozen, frozen{ID: c.ID, Whole: c.Whole, From: c.Since})
		at = len(d.frozen) - 1
	}
	f := &d.frozen[at]
	f.To = c.ClosedAt
	for _, cell := range c.cells {
		if i, there := slices.BinarySearch(f.Cells, cell); !there {
			f.Cells = slices.Insert(f.Cells, i, cell)
		}
	}
}

// thaw forgets what a hotspot held.
func (d *Detector) thaw(id string) {
	d.frozen = slices.DeleteFunc(d.frozen, func(f frozen) bool { return f.ID == id })
}

// Before so many hours are learned, what stands out is more likely what the
// detector does not know yet, and it learns from all of it.
const (
	trustCells = hoursOfWeek
	trustWhole = 2 * hoursOfWeek
)

// forgetFrozen forgets what ended so long before from that no answer about it is
// awaited.
func (d *Detector) forgetFrozen(from time.Time) {
	d.frozen = slices.DeleteFunc(d.frozen, func(f frozen) bool { return !f.To.IsZero() && f.To.Before(from.Add(-answeredWithin)) })
}

// frozenIn returns the cells of the lattice that learn nothing from the hour that
// begins at from, and whether none does.
func (d *Detector) frozenIn(from time.Time) (cells map[int32]bool, whole bool) {
	for _, f := range d.frozen {
		ended := !f.To.IsZero() && f.To.Before(from)
		if ended || !f.From.Before(from.Add(time.Hour)) || from.Sub(f.From) >= maxFrozen {
			continue
		}
		whole = whole || f.Whole && d.hoursLearned >= trustWhole
		if d.hoursLearned < trustCells {
			continue
		}
		for _, c := range f.Cells {
			if cells == nil {
				cells = make(map[int32]bool)
			}
			cells[c] = true
		}
	}
	return cells, whole
}
