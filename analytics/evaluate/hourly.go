package evaluate

import (
	"slices"
	"time"

	"github.com/urbangrid/urbangrid/analytics/lattice"
	"github.com/urbangrid/urbangrid/analytics/scan"
)

// scanner is the scan that benchmark_spatial.json has in its EBP column, as a
// measure of how hard these simulated districts are: counts of whole hours against
// cell mean × hour of the week of the history, disks of 0 to 2 rings, the last 1 to
// 6 hours, Poisson.
type scanner struct {
	lattice *lattice.Lattice
	cells   []float64 // events in the history; after fit the mean of an hour
	slots   [168]float64
	hours   float64
}

const scanHours = 6

func newScanner(l *lattice.Lattice) *scanner {
	return &scanner{lattice: l, cells: make([]float64, l.Len())}
}

func (s *scanner) learn(from time.Time, events []incident) {
	for _, e := range events {
		s.cells[e.cell]++
		s.slots[hourOfWeek(from)]++
	}
	s.hours++
}

func (s *scanner) fit() {
	total := 0.0
	for _, n := range s.slots {
		total += n
	}
	for i := range s.cells {
		s.cells[i] /= s.hours
	}
	for i := range s.slots {
		s.slots[i] *= 168 / total
	}
}

// follower holds the last hours of one stretch.
type follower struct {
	*scanner
	counts [scanHours][]float64 // newest first
	usual  [scanHours]float64   // the slot's share of each
	best   []scanned            // of each center as of the last hour
}

// scanned is the best zone around a cell.
type scanned struct {
	ring  int
	score float64
}

func (s *scanner) follow() *follower {
	f := &follower{scanner: s, best: make([]scanned, s.lattice.Len())}
	for i := range f.counts {
		f.counts[i] = make([]float64, s.lattice.Len())
	}
	return f
}

// hour takes in an hour and returns the best zone that ends with it.
func (f *follower) hour(from time.Time, events []incident) scanned {
	oldest := f.counts[scanHours-1]
	copy(f.counts[1:], f.counts[:scanHours-1])
	copy(f.usual[1:], f.usual[:scanHours-1])
	clear(oldest)
	for _, e := range events {
		oldest[e.cell]++
	}
	f.counts[0], f.usual[0] = oldest, f.slots[hourOfWeek(from)]
	var top scanned
	for center := range f.best {
		f.best[center] = f.around(center)
		if f.best[center].score > top.score {
			top = f.best[center]
		}
	}
	return top
}

func (f *follower) around(center int) (best scanned) {
	var count [scanHours]float64
	rate := 0.0
	for ring := 0; ring <= 2; ring++ {
		for _, c := range f.lattice.Ring(center, ring) {
			rate += f.cells[c]
			for h := range count {
				count[h] += f.counts[h][c]
			}
		}
		c, b := 0.0, 0.0
		for h := range count {
			c, b = c+count[h], b+rate*f.usual[h]
			if s := scan.Poisson(c, b); s > best.score {
				best = scanned{ring, s}
			}
		}
	}
	return best
}

// overlapping returns the best score of the zones that hold a cell of a happening.
func (f *follower) overlapping(h *happening) (best float64) {
	for center, z := range f.best {
		if z.score <= best {
			continue
		}
		if h.design.Whole || slices.ContainsFunc(f.lattice.Disk(center, z.ring), func(c int32) bool {
			_, there := h.from[int(c)]
			return there
		}) {
			best = z.score
		}
	}
	return best
}

// quietThreshold returns the lowest score that the hours of quiet stretches reach
// in at most one episode a week.
func quietThreshold(stretches [][]float64, weeks int) float64 {
	all := slices.Concat(stretches...)
	slices.Sort(all)
	i, _ := slices.BinarySearchFunc(all, weeks, func(score float64, weeks int) int {
		if n := episodesOver(stretches, score); n > weeks {
			return -1
		}
		return 1
	})
	if i == len(all) {
		return 0
	}
	return all[i]
}

// episodesOver counts stretches of hours that reach a score, with mergeGap or less
// between them as one.
func episodesOver(stretches [][]float64, score float64) (n int) {
	for _, s := range stretches {
		last := -100
		for h, v := range s {
			if v < score {
				continue
			}
			if h-last > int(mergeGap/time.Hour) {
				n++
			}
			last = h
		}
	}
	return n
}
