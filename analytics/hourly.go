package analytics

import (
	"time"

	"github.com/urbangrid/urbangrid/grid"
)

// hourly counts the events of each cell by the hour, and holds each hour against
// what the detector of the kind's hotspots expects, once late events are in.
type hourly struct {
	counts map[int64]map[int32]int32 // by hour since the Unix epoch and cell of the lattice
	next   int64                     // the first hour that was not judged; noTime before the first event
	cells  map[int32]*cellHours
}

// cellHours is one cell of the lattice, hour by hour.
type cellHours struct {
	drift cellDrift
	quiet cellQuiet
}

// settled is how long after its end an hour is judged: no event of the live window
// is missing then.
const settled = 15 // minutes

// leastHours is how many hours a detector has learned before hours are held against
// it: every hour of the week once.
const leastHours = 168

func newHourly() hourly {
	return hourly{counts: make(map[int64]map[int32]int32), next: noTime, cells: make(map[int32]*cellHours)}
}

func (h *hourly) cell(i int32) *cellHours {
	c := h.cells[i]
	if c == nil {
		c = &cellHours{drift: cellDrift{watch: newWatch()}, quiet: cellQuiet{watch: newWatch()}}
		h.cells[i] = c
	}
	return c
}

// add counts an event. What lies outside of the study area is not counted.
func (h *hourly) add(j *judge, s *secondary, o *grid.Placed, seen int64) {
	at, in := s.study.lattice.Index(o.Cell)
	if !in {
		return
	}
	i, hour := int32(at), seen/hourMicros //nolint:gosec // a lattice has fewer cells
	if h.next == noTime {
		h.next = hour + 1 // the hour that has begun is not whole
	}
	if c := h.cells[i]; c != nil && s.silence != nil {
		s.silence.heardCell(j, c, fromMicros(seen))
	}
	if hour < h.next {
		return
	}
	if h.counts[hour] == nil {
		h.counts[hour] = make(map[int32]int32)
	}
	h.counts[hour][i]++
}

// change makes a cell have more or fewer events in the hour of a time, while that is
// not judged.
func (h *hourly) change(s *secondary, c grid.Cell, at int64, by int32) {
	hour := at / hourMicros
	i, in := s.study.lattice.Index(c)
	if !in || hour < h.next || h.counts[hour] == nil {
		return
	}
	counts, cell := h.counts[hour], int32(i) //nolint:gosec // a lattice has fewer cells
	if counts[cell] = max(counts[cell]+by, 0); counts[cell] == 0 {
		delete(counts, cell)
	}
}

// advance judges the hours that have settled.
func (h *hourly) advance(j *judge, s *secondary) {
	if h.next == noTime || len(s.kind.hotspots) == 0 {
		return
	}
	for due := (s.minute - settled) / 60; h.next < due; h.next++ {
		if h.next < due-longestGap { // nobody watched for so long
			delete(h.counts, h.next)
			continue
		}
		counts := h.counts[h.next]
		delete(h.counts, h.next)
		if len(counts) == 0 {
			continue // nothing was heard of the kind: that says nothing of its cells
		}
		h.judge(j, s, counts)
	}
}

// longestGap is how many hours may be judged late.
const longestGap = 48

// hourOf is one hour of a kind.
type hourOf struct {
	begin      time.Time
	end        time.Time
	got, want  float64 // events of all cells, and how many are expected
	dispersion float64
	excused    map[int32]bool // cells that are part of a hotspot, or not fully watched
}

// elsewhere is how the events of all other cells compare to what is expected of them:
// below 1 when the whole city is quiet, above when it is busy. A few events say little.
func (h *hourOf) elsewhere(n, mean float64) float64 {
	return (h.got - n + elsewherePrior) / (h.want - mean + elsewherePrior)
}

// elsewherePrior is how many events, as many as expected, weigh against those seen.
const elsewherePrior = 5

// judge holds the counts of the hour h.next against what is expected.
func (h *hourly) judge(j *judge, s *secondary, counts map[int32]int32) {
	spots := s.kind.hotspots[0]
	known := spots.detector.Knowledge()
	if known.Hours < leastHours {
		return
	}
	hour := hourOf{begin: time.Unix(h.next*3600, 0).UTC(), end: time.Unix((h.next+1)*3600, 0).UTC(), dispersion: known.Dispersion}
	hour.excused = spots.excused()
	means, deviations, total := spots.detector.ExpectedHour(hour.begin)
	hour.want = total
	for _, n := range counts {
		hour.got += float64(n)
	}
	for i := range means {
		cell := int32(i) //nolint:gosec // a lattice has fewer cells
		n := float64(counts[cell])
		if c := h.cells[cell]; c == nil && n == 0 && means[i] < negligible {
			continue
		}
		c := h.cell(cell)
		if s.drift != nil {
			s.drift.judge(j, cell, c, &hour, n, means[i], deviations[i])
		}
		if s.silence != nil && s.silence.Silence.Chance > 0 {
			s.silence.judgeCell(j, cell, c, &hour, n, means[i], deviations[i])
		}
		if c.drift.idle() && c.quiet.idle() {
			delete(h.cells, cell)
		}
	}
}

// excused returns the cells that are part of an open hotspot, and those that are
// not fully watched.
func (r *hotspotRule) excused() map[int32]bool {
	out := make(map[int32]bool)
	mark := func(c grid.Cell) {
		if i, in := r.study.lattice.Index(c); in {
			out[int32(i)] = true //nolint:gosec // a lattice has fewer cells
		}
	}
	for _, a := range r.open {
		for _, c := range a.Cells {
			mark(c)
		}
	}
	for c, share := range r.covered {
		if share < 1 {
			mark(c)
		}
	}
	return out
}
