package bench_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/analytics/hotspot"
	"github.com/urbangrid/urbangrid/analytics/lattice"
	"github.com/urbangrid/urbangrid/analytics/spatial"
	"github.com/urbangrid/urbangrid/bench"
	"github.com/urbangrid/urbangrid/grid"
)

// scanKinds is how many kinds of events a district has.
const scanKinds = 12

// scanRate is how many events a cell has in an hour: each sixth cell has been
// active in the longest window.
const scanRate = 0.03

// latticeOf returns about so many cells around Putuo.
func latticeOf(b *testing.B, cells int) *lattice.Lattice {
	b.Helper()
	center, err := grid.CellAt(grid.Point{LatDegrees: 31.25, LonDegrees: 121.40}, grid.Resolution)
	if err != nil {
		b.Fatal(err)
	}
	radius := 1
	for 3*radius*(radius+1)+1 < cells {
		radius++
	}
	rings, err := center.Disk(radius)
	if err != nil {
		b.Fatal(err)
	}
	var all []grid.Cell
	for _, r := range rings {
		all = append(all, r...)
	}
	l, err := lattice.New(all[:cells], 2)
	if err != nil {
		b.Fatal(err)
	}
	return l
}

// minute gives each detector the events of one minute and closes it.
func minute(ds []*hotspot.Detector, rng *rand.Rand, cells int, at time.Time) (events int) {
	mean := scanRate * float64(cells) / 60
	for _, d := range ds {
		n := int(mean) // and the fraction by chance
		if rng.Float64() < mean-float64(n) {
			n++
		}
		for range n {
			d.Add(rng.IntN(cells), at, 1)
		}
		events += n
		d.Advance(at.Add(time.Minute))
	}
	return events
}

// BenchmarkScan measures one evaluation of all kinds: as it is each minute, where
// new events reach a few cells, and at its worst, where every active cell has a new
// event at once.
func BenchmarkScan(b *testing.B) {
	for _, cells := range []int{4_000, 60_000, 600_000} {
		b.Run(fmt.Sprint(cells), func(b *testing.B) {
			l := latticeOf(b, cells)
			hold(b, func() []bench.Figure { return measureScan(b, l, cells) })
		})
	}
}

func measureScan(b *testing.B, l *lattice.Lattice, cells int) []bench.Figure {
	b.Helper()
	space := hotspot.NewSpace(l)
	before := heapMB()
	ds := make([]*hotspot.Detector, scanKinds)
	for i := range ds {
		var err error
		if ds[i], err = hotspot.New(l, space, hotspot.Options{Name: fmt.Sprint(i)}); err != nil {
			b.Fatal(err)
		}
	}
	rng := rand.New(rand.NewPCG(1, uint64(cells)))
	at := time.Date(2026, 3, 2, 6, 0, 0, 0, time.UTC)
	for _, d := range ds {
		d.Advance(at)
	}
	for range 6 * 60 { // fill the longest window
		minute(ds, rng, cells, at)
		at = at.Add(time.Minute)
	}
	active := 0
	for _, d := range ds {
		active += d.Knowledge().ActiveCells
	}
	used := heapMB() - before

	const steps = 20
	began, events := time.Now(), 0
	for range steps {
		events += minute(ds, rng, cells, at)
		at = at.Add(time.Minute)
	}
	usual := time.Since(began).Seconds() * 1000 / steps

	for _, d := range ds {
		for c := range cells {
			if d.Active(c) {
				d.Add(c, at, 1)
			}
		}
	}
	began = time.Now()
	for _, d := range ds {
		d.Advance(at.Add(time.Minute))
	}
	worst := time.Since(began).Seconds() * 1000
	runtime.KeepAlive(ds)
	name := fmt.Sprintf("scan.%d", cells)
	return []bench.Figure{
		{Name: name + ".ms", Value: usual, Unit: "ms", Note: fmt.Sprintf("one evaluation of %d kinds, %d new events, %d active cells", scanKinds, events/steps, active)},
		{Name: name + ".worst.ms", Value: worst, Unit: "ms", Note: "every active cell has a new event"},
		{Name: name + ".mb", Value: used, Unit: "MB", Note: fmt.Sprintf("%.0f bytes an active cell", used*1e6/float64(active))},
	}
}

func heapMB() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / 1e6
}

// BenchmarkGetisOrd measures Gi* with the neighbours of each cell, of all kinds.
func BenchmarkGetisOrd(b *testing.B) {
	for _, cells := range []int{4_000, 60_000, 600_000} {
		b.Run(fmt.Sprint(cells), func(b *testing.B) {
			graph, err := spatial.Disks(latticeOf(b, cells), 1)
			if err != nil {
				b.Fatal(err)
			}
			scores := spatial.NewMap[float64](graph)
			rng := rand.New(rand.NewPCG(2, uint64(cells)))
			x, z := make([]float64, cells), make([]float64, cells)
			for i := range x {
				x[i] = rng.ExpFloat64()
			}
			hold(b, func() []bench.Figure {
				const rounds = 5
				began := time.Now()
				for range rounds * scanKinds {
					if !scores.Score(z, x) {
						b.Fatal("no scores")
					}
				}
				return []bench.Figure{{Name: fmt.Sprintf("gistar.%d.ms", cells), Value: time.Since(began).Seconds() * 1000 / rounds, Unit: "ms",
					Note: fmt.Sprintf("%d kinds, every cell with its neighbours", scanKinds)}}
			})
		})
	}
}
