package evaluate

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/urbangrid/urbangrid/analytics/lattice"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

// Design is a way in which more happens than usual.
type Design struct {
	Name  string
	Rings int     // radius of the disk in cells
	Times float64 // as many events as usual at full strength; 0 means once
	Extra float64 // events a cell and hour besides, at full strength
	Lasts time.Duration
	// Shape is the share of the full strength, 0 to 1, at a share of the duration;
	// nil is the full strength all the time.
	Shape func(share float64) float64
	Moves time.Duration // the disk goes on by a cell so often; 0 means never
	Whole bool          // the whole district, Rings aside
	// Published is the sensitivity of scan_EBP_k012_d1to6 in benchmark_spatial.json
	// at one false episode a week, 120 replicates; 0 means none.
	Published float64
	// Published2h is the share that it finds within two hours.
	Published2h float64
}

// Designs returns what `urbangrid evaluate` makes to happen: the five designs of
// benchmark_spatial.json, two ramps, one that moves and one that is everywhere.
func Designs() []Design {
	return []Design{
		{Name: "k1_RR3_6h", Rings: 1, Times: 3, Lasts: 6 * time.Hour, Published: 0.6333, Published2h: 0.2333},
		{Name: "k1_RR5_6h", Rings: 1, Times: 5, Lasts: 6 * time.Hour, Published: 0.9667, Published2h: 0.75},
		{Name: "k0_add3_6h", Rings: 0, Extra: 3, Lasts: 6 * time.Hour, Published: 0.9417, Published2h: 0.475},
		{Name: "k2_RR2_12h", Rings: 2, Times: 2, Lasts: 12 * time.Hour, Published: 0.8333, Published2h: 0.1667},
		{Name: "k1_add1_6h", Rings: 1, Extra: 1, Lasts: 6 * time.Hour, Published: 0.9417, Published2h: 0.4417},
		{Name: "ramp_linear_k1_RR5_6h", Rings: 1, Times: 5, Lasts: 6 * time.Hour, Shape: linear},
		{Name: "ramp_lognormal_k1_RR5_8h", Rings: 1, Times: 5, Lasts: 8 * time.Hour, Shape: lognormal},
		{Name: "moving_k1_RR5_6h", Rings: 1, Times: 5, Lasts: 6 * time.Hour, Moves: 90 * time.Minute},
		{Name: "city_RR1.6_6h", Times: 1.6, Lasts: 6 * time.Hour, Whole: true},
	}
}

func linear(share float64) float64 { return share }

// lognormal is the curve of an outbreak (Sartwell 1950): its height at a third of
// the duration is 1.
func lognormal(share float64) float64 {
	const mode, width = 1.0 / 3, 0.6
	if share <= 0 {
		return 0
	}
	z := (math.Log(share/mode) - width*width) / width // -width at the mode
	return mode / share * math.Exp((width*width-z*z)/2)
}

// happening is a design at a place and a time.
type happening struct {
	design Design
	truth  Truth
	from   map[int]time.Time // of the cells of the lattice, when each is reached
	until  map[int]time.Time // and left
	rng    *rand.Rand
}

// stage makes a design happen around a cell of a town that has all of its
// neighbours.
func (w *Town) stage(d Design, kind sensors.KindKey, center int, start time.Time, rng *rand.Rand) *happening {
	return stage(w.lattice, d, kind, center, start, rng)
}

func stage(l *lattice.Lattice, d Design, kind sensors.KindKey, center int, start time.Time, rng *rand.Rand) *happening {
	start = start.Truncate(time.Second)
	h := &happening{design: d, rng: rng, from: make(map[int]time.Time), until: make(map[int]time.Time),
		truth: Truth{Type: d.Name, Kind: kind, Start: start, End: start.Add(d.Lasts), Whole: d.Whole}}
	if d.Whole {
		return h
	}
	at, end := center, h.truth.End
	for from := start; from.Before(end); {
		until := end
		if d.Moves > 0 && from.Add(d.Moves).Before(end) {
			until = from.Add(d.Moves)
		}
		for _, c := range l.Disk(at, d.Rings) {
			if _, known := h.from[int(c)]; !known {
				h.from[int(c)] = from
			}
			h.until[int(c)] = until
		}
		from, at = until, next(l, at, rng)
	}
	h.tell(l.Cells())
	return h
}

// next returns a neighbour of a cell that is itself amid neighbours, or the cell
// when it has none.
func next(l *lattice.Lattice, at int, rng *rand.Rand) int {
	ring := slices.Clone(l.Ring(at, 1))
	rng.Shuffle(len(ring), func(i, j int) { ring[i], ring[j] = ring[j], ring[i] })
	for _, c := range ring {
		if len(l.Ring(int(c), 1)) == 6 {
			return int(c)
		}
	}
	return at
}

func (h *happening) tell(cells []grid.Cell) {
	var reached []int
	for c := range h.from {
		reached = append(reached, c)
	}
	slices.Sort(reached) // cells of a lattice ascend
	for _, c := range reached {
		h.truth.Cells = append(h.truth.Cells, cells[c])
		if h.design.Moves > 0 {
			h.truth.From = append(h.truth.From, h.from[c])
		}
	}
}

// inner returns the cells of a town whose disks of two rings are whole.
func (w *Town) inner() []int {
	var all []int
	for i := range w.lattice.Len() {
		if len(w.lattice.Disk(i, 2)) == 19 {
			all = append(all, i)
		}
	}
	return all
}

// add appends what the happening does to a cell in the hour from from, where usual
// events are expected. A nil happening does nothing.
func (h *happening) add(out []incident, cell int, usual float64, from time.Time) []incident {
	if h == nil || !from.Before(h.truth.End) || !from.Add(time.Hour).After(h.truth.Start) {
		return out
	}
	begin, end := h.truth.Start, h.truth.End
	if !h.design.Whole {
		var there bool
		if begin, there = h.from[cell]; !there {
			return out
		}
		end = h.until[cell]
	}
	full := h.design.Extra
	if h.design.Times > 0 {
		full += (h.design.Times - 1) * usual
	}
	for range poisson(h.rng, full) {
		at := from.Add(time.Duration(h.rng.Int64N(int64(time.Hour/time.Microsecond))) * time.Microsecond)
		if at.Before(begin) || !at.Before(end) {
			continue
		}
		if h.design.Shape != nil {
			share := float64(at.Sub(h.truth.Start)) / float64(h.truth.End.Sub(h.truth.Start))
			if h.rng.Float64() >= h.design.Shape(share) {
				continue
			}
		}
		out = append(out, incident{cell, at})
	}
	return out
}
