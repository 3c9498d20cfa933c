package analytics

import (
	"time"

	"github.com/urbangrid/urbangrid/analytics/count"
	"github.com/urbangrid/urbangrid/analytics/hotspot"
	"github.com/urbangrid/urbangrid/grid"
)

// lowTail is the share of what is usual below Low, and above High.
const lowTail = 0.1

// countWindows makes windows of what counts are held against. Neighbours are mostly
// alike.
func countWindows(q LearnedRequest, counts []hotspot.Ordinary) []LearnedWindow {
	windows := make([]LearnedWindow, len(counts))
	for i, o := range counts {
		if i > 0 && o == counts[i-1] {
			windows[i] = windows[i-1]
		} else {
			windows[i] = LearnedWindow{
				Low:      float64(count.NegBinQuantile(1-lowTail, o.Mean, o.Size)),
				Expected: o.Mean,
				High:     float64(count.NegBinQuantile(lowTail, o.Mean, o.Size)),
			}
		}
		windows[i].Begin = q.begin(i)
	}
	return windows
}

// learned tells what the detector knows.
func (r *hotspotRule) learned(q LearnedRequest) (Learned, []hotspot.Ordinary) {
	cells := r.study.within(q.Cell)
	known := Learned{
		Rule: r.Name, Habits: WeekHabits, Cells: len(cells), Observations: r.detector.Learned(cells),
		For: time.Duration(r.detector.Knowledge().Hours) * time.Hour, Full: leastHours * time.Hour,
	}
	switch {
	case len(cells) == 0:
		known.Why = OutsideDistrict
	case known.For < leastLearned:
		known.Why = TooSoon
	default:
		return known, r.detector.Ordinary(cells, q.From, q.Every, q.Windows)
	}
	return known, nil
}

// learned tells what the prediction of the next window says of windows of another
// length: the rate is the same, and as unknown. Cells that have shown nothing count
// as they would be judged.
func (r *exceedanceRule) learned(q LearnedRequest, study *study) (Learned, []hotspot.Ordinary) {
	live := LiveWindow(r.kind.Type)
	known := Learned{Rule: r.Name, Habits: NoHabits, Full: time.Duration(r.Exceedance.PriorWindows * float64(live))}
	var mean, uncertain float64
	for _, b := range r.baselinesWithin(q.Cell, study) {
		size, m := r.predict(&b)
		m *= float64(q.Every) / float64(live)
		mean += m
		uncertain += m * m / size
		known.Cells++
		known.Observations += b.learned
		known.For = max(known.For, time.Duration(b.exposure*float64(live)))
	}
	switch {
	case known.Cells == 0:
		known.Why = OutsideDistrict
	case known.For < leastLearned:
		known.Why = TooSoon
	default:
		counts := make([]hotspot.Ordinary, q.Windows)
		for i := range counts {
			counts[i] = hotspot.Ordinary{Mean: mean, Size: mean * mean / uncertain}
		}
		return known, counts
	}
	return known, nil
}

// baselinesWithin returns the baselines of the cells of the district within one, and
// of those beyond it that have spoken.
func (r *exceedanceRule) baselinesWithin(within grid.Cell, study *study) []baseline {
	silent := baseline{}
	if r.kind.slot != noTime {
		silent.exposure = r.kind.exposure(r.kind.slot - r.kind.slots)
	}
	var all []baseline
	for _, i := range study.within(within) {
		if r.kind.cells[study.lattice.Cells()[i]] == nil {
			all = append(all, silent)
		}
	}
	for id, c := range r.kind.cells {
		if id.Within(within) {
			c.settle()
			all = append(all, c.baseline)
		}
	}
	if len(all) == 0 && within.Resolution() == grid.Resolution { // it is judged wherever it is
		all = append(all, silent)
	}
	return all
}

// within returns the cells of the lattice in a cell, as its indices.
func (s *study) within(c grid.Cell) (cells []int) {
	first, last, err := c.Descendants(grid.Resolution)
	if err != nil { // it is no cell, or finer than those of the lattice
		return nil
	}
	i, _ := s.lattice.Index(first)
	for ; i < s.lattice.Len() && s.lattice.Cells()[i] <= last; i++ {
		cells = append(cells, i)
	}
	return cells
}
