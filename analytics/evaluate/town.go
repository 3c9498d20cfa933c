package evaluate

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/urbangrid/urbangrid/analytics/lattice"
	"github.com/urbangrid/urbangrid/grid"
)

// Town is a simulated district in which events of one kind happen:
//
//	count(cell, hour) ~ NegBin(mean rate(cell) · rhythm(hour of the week) · city(hour), size)
//
// with rates that fall off from the middle and differ from cell to cell, and city
// a lognormal of mean 1 that all cells share. It does not change after NewTown.
type Town struct {
	lattice *lattice.Lattice
	center  grid.Cell
	rates   []float64 // events an hour of rhythm 1
	opts    TownOptions
}

// TownOptions describe a Town. Zero fields are those of benchmark_spatial.json.
type TownOptions struct {
	Center      grid.Point // zero is in Putuo
	Resolution  int        // 0 means 9
	Radius      int        // of the district in cells; 0 means 11, which are 397 cells
	PerCellHour float64    // events of the mean cell in the mean hour; 0 means 0.4285
	Size        float64    // of the negative binomial; 0 means 8
	City        float64    // standard deviation of the logarithm of city; 0 means 0.08
}

func (o TownOptions) withDefaults() TownOptions {
	if o.Center == (grid.Point{}) {
		o.Center = grid.Point{LatDegrees: 31.2497, LonDegrees: 121.3975}
	}
	o.Resolution, o.Radius = cmp.Or(o.Resolution, 9), cmp.Or(o.Radius, 11)
	o.PerCellHour, o.Size, o.City = cmp.Or(o.PerCellHour, 0.4285), cmp.Or(o.Size, 8), cmp.Or(o.City, 0.08)
	return o
}

// How rates differ: they fall to 1/e over so many cells from the middle, and cells
// beside each other differ by a lognormal of this width.
const (
	falloffCells = 14.0
	unevenness   = 0.5
)

// NewTown returns the town of a seed.
func NewTown(seed uint64, opts TownOptions) (*Town, error) {
	opts = opts.withDefaults()
	center, err := grid.CellAt(opts.Center, opts.Resolution)
	if err != nil {
		return nil, fmt.Errorf("simulated district: %w", err)
	}
	disk, err := center.Disk(opts.Radius)
	if err != nil {
		return nil, fmt.Errorf("simulated district: %w", err)
	}
	l, err := lattice.New(slices.Concat(disk...), 2)
	if err != nil {
		return nil, fmt.Errorf("simulated district: %w", err)
	}
	w := &Town{lattice: l, center: center, rates: make([]float64, l.Len()), opts: opts}
	rng := rand.New(rand.NewPCG(seed, streamTown))
	total := 0.0
	for ring, cells := range disk {
		for _, c := range cells {
			i, _ := l.Index(c) // it was made of them
			w.rates[i] = math.Exp(unevenness*rng.NormFloat64() - float64(ring)/falloffCells)
			total += w.rates[i]
		}
	}
	for i := range w.rates {
		w.rates[i] *= opts.PerCellHour * float64(l.Len()) / total
	}
	return w, nil
}

// What random numbers are for, so that one never shifts another.
const (
	streamTown = iota + 1
	streamHistory
	streamQuiet
	streamReplicate
	streamEvent
	streamPlace
	streamFault
)

// rhythms are the shares of the day's twelve two-hour stretches of working days,
// Saturdays and Sundays: two rush hours and quiet nights, late Saturdays, Sundays
// in the afternoon.
var rhythms = [3][12]float64{
	{0.35, 0.25, 0.40, 1.10, 1.75, 1.05, 0.95, 0.90, 1.20, 1.90, 1.20, 0.70},
	{0.60, 0.40, 0.30, 0.50, 0.80, 1.10, 1.20, 1.15, 1.20, 1.35, 1.50, 1.25},
	{0.70, 0.40, 0.25, 0.35, 0.60, 0.90, 1.05, 1.15, 1.10, 0.95, 0.70, 0.45},
}

// meanRhythm makes the mean of rhythm 1.
var meanRhythm = func() float64 {
	total := 0.0
	for h := range 12 {
		total += 5*rhythms[0][h] + rhythms[1][h] + rhythms[2][h]
	}
	return total / (7 * 12)
}()

// rhythm returns how busy an hour of the week is, 0 to 167 from Monday on; its mean
// is 1.
func rhythm(slot int) float64 {
	day, h := slot/24, slot%24
	kind := max(day-4, 0)
	from, to := rhythms[kind][h/2], rhythms[kind][(h/2+1)%12]
	if h%2 == 1 {
		from = (from + to) / 2
	}
	return from / meanRhythm
}

// hourOfWeek counts from Monday 0 h UTC.
func hourOfWeek(t time.Time) int { return (int(t.Weekday())+6)%7*24 + t.Hour() }

// incident is one event of a cell of the lattice.
type incident struct {
	cell int
	at   time.Time
}

// play is a stretch of a town's life.
type play struct {
	town *Town
	rng  *rand.Rand // of what is ordinary
	// slot is whose hour of the week is lived; nil is the date's own.
	slot func(time.Time) int
	// silent says that nobody sees a cell at a time; nil is never.
	silent func(cell int, at time.Time) bool
	event  *happening // nil is none
}

// hour returns what is seen in the hour that begins at from, in order of time.
func (p *play) hour(from time.Time) []incident {
	w := p.town
	slot := hourOfWeek(from)
	if p.slot != nil {
		slot = p.slot(from)
	}
	all := rhythm(slot) * math.Exp(w.opts.City*p.rng.NormFloat64()-w.opts.City*w.opts.City/2)
	var out []incident
	for i, rate := range w.rates {
		mean := rate * all * distuv.Gamma{Alpha: w.opts.Size, Beta: w.opts.Size, Src: p.rng}.Rand()
		for range poisson(p.rng, mean) {
			at := from.Add(time.Duration(p.rng.Int64N(int64(time.Hour/time.Microsecond))) * time.Microsecond)
			out = append(out, incident{i, at})
		}
		out = p.event.add(out, i, mean, from)
	}
	if p.silent != nil {
		out = slices.DeleteFunc(out, func(e incident) bool { return p.silent(e.cell, e.at) })
	}
	slices.SortStableFunc(out, func(a, b incident) int { return a.at.Compare(b.at) })
	return out
}

func poisson(rng *rand.Rand, mean float64) int {
	if mean <= 0 {
		return 0
	}
	return int(distuv.Poisson{Lambda: mean, Src: rng}.Rand())
}
