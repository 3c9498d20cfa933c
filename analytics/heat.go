package analytics

import (
	"math"
	"slices"
	"time"

	"github.com/urbangrid/urbangrid/analytics/fdr"
	"github.com/urbangrid/urbangrid/analytics/lattice"
	"github.com/urbangrid/urbangrid/analytics/spatial"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

// heatWindow is how far back the comparison of cells looks.
const heatWindow = 15 * time.Minute

// heatShare is the share of the engine's time that comparing cells may take: what
// took long is done more seldom.
const heatShare = 0.05

// Scores are told in steps of heatStep, and those within heatNear of 0 as 0, since
// every event moves every score a little and nobody sees it.
const (
	heatStep = 0.1
	heatNear = 1.0
)

// heatMap compares the cells of a kind with each other. Kinds share it: it is
// scratch, four bytes a cell for each kind that was heard of apart.
//
// The study area is what is known to be watched: of a measure the cells that have a
// value, of events all cells of the district for which there is an expectation, else
// those that the kind was heard of from. What is compared are means of a measure,
// and of events how many more there are than expected, so that the busy places are
// not hot for being busy.
type heatMap struct {
	study       *study
	whole       *spatial.Map[float64] // for when every cell is compared
	values      []float64             // NaN where nothing is compared
	scores      []float64
	significant []bool
	p           []float64
	states      []HeatState
	excess      []float64
	exceeded    []ExcessState
}

// heatFace is what is told of a cell: its score in heatSteps above two flags. The
// zero face is nothing.
type heatFace int32

const (
	heatShown       heatFace = 1
	heatSignificant heatFace = 2
	heatFlags                = 2 // bits
)

func faceOf(z float64, significant bool) heatFace {
	if math.IsNaN(z) {
		return 0
	}
	f := heatShown
	if math.Abs(z) >= heatNear {
		f |= heatFace(math.Round(z/heatStep)) << heatFlags
	}
	if significant {
		f |= heatSignificant
	}
	return f
}

func newHeatMap(s *study) *heatMap {
	n := s.lattice.Len()
	return &heatMap{study: s, whole: s.scores, values: make([]float64, n), scores: make([]float64, n),
		significant: make([]bool, n), excess: make([]float64, n)}
}

// changed compares the cells of k as they are at slot now and returns what is other
// than last told. The result is valid until the next call.
func (h *heatMap) changed(k *kind, now int64) []HeatState {
	if k.heat == nil {
		k.heat = make([]heatFace, h.study.lattice.Len())
	}
	h.fill(k, now)
	h.compare()
	h.states = h.states[:0]
	for i, z := range h.scores {
		face := faceOf(z, h.significant[i])
		if face == k.heat[i] {
			continue
		}
		k.heat[i] = face
		s := HeatState{Kind: k.Key, Cell: h.study.lattice.Cells()[i], Z: math.NaN()}
		if face != 0 {
			s.Z, s.Significant = float64(face>>heatFlags)*heatStep, face&heatSignificant != 0
		}
		h.states = append(h.states, s)
	}
	return h.states
}

// fill sets the values that are compared.
func (h *heatMap) fill(k *kind, now int64) {
	fillNaN(h.values)
	if len(k.hotspots) > 0 {
		k.hotspots[0].detector.ExpectedAll(h.values, heatWindow)
		for i := range h.values {
			h.values[i] = -h.values[i]
		}
		h.uncover(k.hotspots[0].covered)
	}
	horizon := now - keptSlots
	for id, c := range k.cells {
		i, in := h.study.lattice.Index(id)
		if !in {
			continue
		}
		var r grid.Rollup
		for b := range c.buckets {
			if c.buckets[b].slot > horizon {
				r.Count += c.buckets[b].count
				r.Sum += c.buckets[b].sum
			}
		}
		switch {
		case !k.event() && r.Count > 0:
			h.values[i] = r.Sum / float64(r.Count)
		case k.event() && len(k.hotspots) > 0:
			h.values[i] += float64(r.Count)
		case k.event():
			h.values[i] = float64(r.Count)
		}
	}
}

// uncover expects less of cells of which not all sensors work, and leaves out those
// of which most do not: where nobody watches it is not quiet.
func (h *heatMap) uncover(shares map[grid.Cell]float64) {
	for cell, share := range shares {
		i, in := h.study.lattice.Index(cell)
		switch {
		case !in:
		case share < leastCovered:
			h.values[i] = math.NaN()
		default:
			h.values[i] *= share
		}
	}
}

// leastCovered is the share of a cell's sensors that work where it is compared.
const leastCovered = 0.5

func (k *kind) event() bool { return k.Type == sensors.Event }

// falseDiscovery is the share of cells that may be called significant by chance.
const falseDiscovery = 0.05

// compare makes scores of the values: Getis-Ord Gi* with the neighbours of a cell,
// two-sided, with the false discovery rate over all cells that are compared
// (Benjamini and Hochberg 1995).
func (h *heatMap) compare() {
	if slices.ContainsFunc(h.values, math.IsNaN) {
		giStar(h.study.lattice, h.values, h.scores)
	} else {
		h.whole.Score(h.scores, h.values)
	}
	p, n := h.p[:0], 0
	for _, z := range h.scores {
		if math.IsNaN(z) {
			continue
		}
		n++
		if q := math.Erfc(math.Abs(z) / math.Sqrt2); q <= falseDiscovery {
			p = append(p, q)
		}
	}
	slices.Sort(p)
	h.p = p
	cut, any := fdr.Cut(p, n, falseDiscovery)
	for i, z := range h.scores {
		h.significant[i] = any && !math.IsNaN(z) && math.Erfc(math.Abs(z)/math.Sqrt2) <= cut
	}
}

// giStar sets the Gi* of each value with its neighbours; values that are NaN are
// not there. A score is NaN where there is none: of what is not there, and of all
// when the values do not differ.
func giStar(l *lattice.Lattice, x, z []float64) {
	var n, sum, squares float64
	for i, v := range x {
		z[i] = math.NaN()
		if !math.IsNaN(v) {
			n, sum, squares = n+1, sum+v, squares+v*v
		}
	}
	mean := sum / n
	spread := math.Sqrt(max(squares/n-mean*mean, 0))
	if n < 2 || !(spread > 1e-12*math.Abs(mean)) {
		return
	}
	for i, v := range x {
		if math.IsNaN(v) {
			continue
		}
		var w, local float64
		for _, j := range l.Disk(i, 1) {
			if u := x[j]; !math.IsNaN(u) {
				w, local = w+1, local+u
			}
		}
		if d := (n*w - w*w) / (n - 1); d > 0 {
			z[i] = (local - mean*w) / (spread * math.Sqrt(d))
		}
	}
}
