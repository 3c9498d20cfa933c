package hotspot

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// answeredWithin is how old what a hotspot held back may be to be learned when
// people say that it was none: over a weekend they may not have looked.
const answeredWithin = 72 * time.Hour

// withheldHour is what hotspots kept from being learned of one hour.
type withheldHour struct {
	hour  int64 // since the Unix epoch
	whole bool  // nothing was learned of it; cells are then those with events
	cells []withheldCell
}

type withheldCell struct {
	cell   int32 // of the lattice
	events int32
	hours  float64 // profile hours that it counts as not watched for
	rate   float64 // of the cell then
}

// withholding returns what was withheld of an hour, to add to.
func (d *Detector) withholding(hour int64) *withheldHour {
	at, there := slices.BinarySearchFunc(d.withheld, hour, func(h withheldHour, hour int64) int { return cmp.Compare(h.hour, hour) })
	if !there {
		d.withheld = slices.Insert(d.withheld, at, withheldHour{hour: hour})
	}
	return &d.withheld[at]
}

// withhold notes what a cell did not teach.
func (d *Detector) withhold(hour int64, c withheldCell) {
	h := d.withholding(hour)
	h.cells = append(h.cells, c)
}

// withholdWhole notes an hour of which nothing was learned, with its events by slot.
func (d *Detector) withholdWhole(hour int64, events map[int32]int32) {
	h := d.withholding(hour)
	h.whole = true
	for at, n := range events {
		h.cells = append(h.cells, withheldCell{cell: d.counts.slots[at].cell, events: n})
	}
	slices.SortFunc(h.cells, func(a, b withheldCell) int { return cmp.Compare(a.cell, b.cell) })
}

// learnWithheld learns what no hotspot holds back any more.
func (d *Detector) learnWithheld() {
	hours := d.withheld
	d.withheld = nil // learnHour may withhold again
	learned := false
	for _, h := range hours {
		if h.hour < d.nextHour-int64(answeredWithin/time.Hour) {
			continue
		}
		frozen, whole := d.frozenIn(time.Unix(h.hour*3600, 0).UTC())
		switch {
		case h.whole && whole:
			*d.withholding(h.hour) = h
			continue
		case h.whole:
			d.learnHour(h.hour, d.bySlot(h.cells), frozen)
			learned = true
			continue
		}
		for _, c := range h.cells {
			if frozen[c.cell] {
				d.withhold(h.hour, c)
				continue
			}
			d.learnLate(h.hour, c)
			learned = true
		}
	}
	if learned {
		d.refit()
	}
}

// bySlot returns the events of cells by their slots.
func (d *Detector) bySlot(cells []withheldCell) map[int32]int32 {
	events := make(map[int32]int32, len(cells))
	for _, c := range cells {
		events[d.activate(c.cell)] = c.events
	}
	return events
}

// learnLate takes in one cell of an hour of which the others were learned in time,
// with the weight that it would have by now. The level and the dispersion, which are
// about all cells, stay what they were made of.
func (d *Detector) learnLate(hour int64, cell withheldCell) {
	e, s := &d.expect, d.slotAt(time.Unix(hour*3600, 0).UTC())
	weight := math.Exp(-float64(d.nextHour-1-hour) / d.opts.Memory.Hours())
	n := float64(cell.events) * weight
	c := &d.counts.slots[d.activate(cell.cell)]
	c.learned += n
	c.missed = max(c.missed-cell.hours*weight, 0)
	i := int(c.group)*hoursOfWeek + s
	e.events[i] += n
	if all := d.area[c.group].rate; all > 0 {
		e.watched[i] += min(cell.rate/all, 1) * weight
	}
}

// forgetWithheld forgets what is so old that no answer about it is awaited.
func (d *Detector) forgetWithheld() {
	oldest := d.nextHour - int64(answeredWithin/time.Hour)
	d.withheld = slices.DeleteFunc(d.withheld, func(h withheldHour) bool { return h.hour < oldest })
}

func (d *Detector) saveWithheld() (all []savedWithheld) {
	cells := d.lattice.Cells()
	for _, h := range d.withheld {
		saved := savedWithheld{Hour: h.hour, Whole: h.whole}
		for _, c := range h.cells {
			saved.Cells, saved.Events = append(saved.Cells, cells[c.cell]), append(saved.Events, c.events)
			saved.Hours, saved.Rates = append(saved.Hours, c.hours), append(saved.Rates, c.rate)
		}
		all = append(all, saved)
	}
	return all
}

func (d *Detector) restoreWithheld(all []savedWithheld) {
	for _, saved := range all {
		h := withheldHour{hour: saved.Hour, whole: saved.Whole}
		for i, cell := range saved.Cells {
			if at, known := d.lattice.Index(cell); known {
				h.cells = append(h.cells, withheldCell{cell: int32(at), events: saved.Events[i], hours: saved.Hours[i], rate: saved.Rates[i]}) //nolint:gosec // a lattice has fewer cells
			}
		}
		d.withheld = append(d.withheld, h)
	}
}
