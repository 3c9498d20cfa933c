package hotspot_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/urbangrid/urbangrid/analytics/hotspot"
	"github.com/urbangrid/urbangrid/analytics/lattice"
	"github.com/urbangrid/urbangrid/grid"
)

// town is a simulated background: cells with rates of their own, a rhythm of the
// week, over-dispersed hours, and hours in which all is a little more or less.
type town struct {
	lattice *lattice.Lattice
	center  grid.Cell
	rates   []float64
	rng     *rand.Rand
	size    float64 // of the negative binomial
	common  float64 // standard deviation of the logarithm
}

func newTown(t testing.TB, seed uint64, radius int, perCellHour float64) *town {
	t.Helper()
	center, err := grid.CellAt(grid.Point{LatDegrees: 31.25, LonDegrees: 121.40}, 9)
	if err != nil {
		t.Fatal(err)
	}
	rings, err := center.Disk(radius)
	if err != nil {
		t.Fatal(err)
	}
	var cells []grid.Cell
	for _, r := range rings {
		cells = append(cells, r...)
	}
	l, err := lattice.New(cells, 2)
	if err != nil {
		t.Fatal(err)
	}
	w := &town{lattice: l, center: center, rates: make([]float64, l.Len()), rng: rand.New(rand.NewPCG(seed, 1)), size: 8, common: 0.08}
	g := distuv.Gamma{Alpha: 2, Beta: 2, Src: w.rng}
	for i := range w.rates {
		w.rates[i] = perCellHour * g.Rand()
	}
	return w
}

func rhythm(t time.Time) float64 {
	h := float64(t.Hour())
	v := 0.55 + 0.9*math.Exp(-(h-13)*(h-13)/(2*16)) + 0.3*math.Exp(-(h-19)*(h-19)/4)
	if wd := t.Weekday(); wd == time.Saturday || wd == time.Sunday {
		v *= 0.8
	}
	return v
}

type injection struct {
	cells map[int]bool
	times float64
	extra float64
	from  time.Time
	to    time.Time
}

func poisson(r *rand.Rand, mean float64) int {
	return int(distuv.Poisson{Lambda: mean, Src: r}.Rand())
}

type event struct {
	cell int
	at   time.Time
}

// hour returns the events of one hour in order of time.
func (w *town) hour(from time.Time, in *injection) []event {
	all := math.Exp(w.common*w.rng.NormFloat64() - w.common*w.common/2)
	var out []event
	for i, rate := range w.rates {
		mu := rate * rhythm(from) * all
		if in != nil && in.cells[i] && !from.Before(in.from) && from.Before(in.to) && in.times > 0 {
			mu *= in.times
		}
		lambda := distuv.Gamma{Alpha: w.size, Beta: w.size / mu, Src: w.rng}.Rand()
		n := 0
		if lambda > 0 {
			n = poisson(w.rng, lambda)
		}
		if in != nil && in.cells[i] && !from.Before(in.from) && from.Before(in.to) && in.extra > 0 {
			n += poisson(w.rng, in.extra)
		}
		for range n {
			out = append(out, event{i, from.Add(time.Duration(w.rng.Int64N(int64(time.Hour))))})
		}
	}
	slices.SortStableFunc(out, func(a, b event) int { return a.at.Compare(b.at) })
	return out
}

var monday = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

func feed(d *hotspot.Detector, events []event, changes *[]hotspot.Change) {
	for _, e := range events {
		*changes = append(*changes, d.Advance(e.at)...)
		if !d.Add(e.cell, e.at, 1) {
			panic("refused")
		}
	}
}
