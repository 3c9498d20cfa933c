package analytics

import (
	"math"

	"github.com/urbangrid/urbangrid/grid"
)

// excessStep is by how much the excess of a cell must move before it is told again,
// since what is expected moves a little all the time and nobody sees it.
const excessStep = 0.05

// excessOf sets by how much the cells of k exceed what is usual at slot now, NaN
// where that is not known. It follows fill, whose values are, of events, how many
// more there are than expected.
func (h *heatMap) excessOf(k *kind, now int64, into []float64) {
	if k.event() {
		if len(k.hotspots) > 0 {
			copy(into, h.values)
			return
		}
		fillNaN(into)
		return
	}
	fillNaN(into)
	if k.secondary == nil || k.secondary.baseline == nil {
		return
	}
	hour := habitHour(h.study.hourOfWeek(fromMicros(now * slotMicros)))
	for id, c := range k.cells {
		i, in := h.study.lattice.Index(id)
		if !in {
			continue
		}
		mean, heard := c.state(now - k.slots).Rollup.Mean()
		if !heard {
			continue
		}
		if u, known := k.secondary.usualAt(id, hour); known {
			into[i] = (mean - u.level) / u.spread
		}
	}
}

// usualAt returns what is usual of a measure in a cell: the habit of the cell, or of
// the one device that stands there.
func (s *secondary) usualAt(c grid.Cell, hour int) (u usual, known bool) {
	h := s.habitAt(c)
	if h == nil {
		return u, false
	}
	return h.expect(hour, s.baseline.priors)
}

// habitAt returns the habit of a cell that says something, else that of the one device
// that stands there; nil when there is neither.
func (s *secondary) habitAt(c grid.Cell) *habit {
	p := s.places[c]
	switch {
	case p == nil:
		return nil
	case len(p.members) != 1 || p.habit != nil && p.habit.all.weight >= firstSteps:
		return p.habit
	}
	return p.members[0].habit
}

// exceeding returns by how much cells of k exceed what is usual otherwise than last
// told; it is called after changed, and its result is valid until the next call.
func (h *heatMap) exceeding(k *kind, now int64) []ExcessState {
	if k.excess == nil {
		k.excess = make([]float32, h.study.lattice.Len())
		for i := range k.excess {
			k.excess[i] = float32(math.NaN())
		}
	}
	h.excessOf(k, now, h.excess)
	h.exceeded = h.exceeded[:0]
	for i, x := range h.excess {
		told := float64(k.excess[i])
		if math.IsNaN(x) == math.IsNaN(told) && !(math.Abs(x-told) >= excessStep) {
			continue
		}
		k.excess[i] = float32(x)
		h.exceeded = append(h.exceeded, ExcessState{Kind: k.Key, Cell: h.study.lattice.Cells()[i], Excess: x})
	}
	return h.exceeded
}

func fillNaN(x []float64) {
	for i := range x {
		x[i] = math.NaN()
	}
}
