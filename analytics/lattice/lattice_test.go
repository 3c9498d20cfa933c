package lattice_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/urbangrid/urbangrid/analytics/lattice"
	"github.com/urbangrid/urbangrid/grid"
)

// pentagon is a cell of resolution 9 with five neighbours.
const pentagon = grid.Cell(0x89080000003ffff)

func disk(t testing.TB, c grid.Cell, k int) []grid.Cell {
	t.Helper()
	rings, err := c.Disk(k)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Concat(rings...)
}

func mustNew(t testing.TB, cells []grid.Cell, rings int) *lattice.Lattice {
	t.Helper()
	l, err := lattice.New(cells, rings)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestLattice_DiskIsWhatGridSaysWithinTheArea(t *testing.T) {
	const rings = 3
	for _, center := range []grid.Cell{pentagon, 0x891f1d48823ffff} {
		cells := disk(t, center, 5)
		rapid.Check(t, func(t *rapid.T) {
			in := rapid.SliceOfN(rapid.SampledFrom(cells), 1, 200).Draw(t, "cells")
			l, err := lattice.New(in, rings)
			if err != nil {
				t.Fatal(err)
			}
			for i, c := range l.Cells() {
				if at, ok := l.Index(c); !ok || at != i {
					t.Fatalf("Index(%s) = %d, %v, want %d", c, at, ok, i)
				}
				around, err := c.Disk(rings)
				if err != nil {
					t.Fatal(err)
				}
				var want []int32
				for k := range around {
					var ring []int32
					for _, n := range around[k] {
						if at, in := l.Index(n); in {
							ring = append(ring, int32(at))
						}
					}
					slices.Sort(ring)
					want = append(want, ring...)
					if got := l.Ring(i, k); !slices.Equal(got, ring) {
						t.Fatalf("Ring(%d, %d) = %v, want %v", i, k, got, ring)
					}
					if got := l.Disk(i, k); !slices.Equal(got, want) {
						t.Fatalf("Disk(%d, %d) = %v, want %v", i, k, got, want)
					}
				}
			}
		})
	}
}

func TestLattice_CellsAreAscendingAndOnce(t *testing.T) {
	cells := disk(t, pentagon, 1)
	given := slices.Concat(cells, cells)
	slices.Reverse(given)
	before := slices.Clone(given)
	l := mustNew(t, given, 1)
	want := slices.Clone(cells)
	slices.Sort(want)
	if !slices.Equal(l.Cells(), want) || l.Len() != 6 || l.Rings() != 1 {
		t.Errorf("%d cells %v with %d rings, want %v with 1", l.Len(), l.Cells(), l.Rings(), want)
	}
	if !slices.Equal(given, before) {
		t.Error("the slice that was passed has changed")
	}
	at, ok := l.Index(pentagon)
	if got := len(l.Disk(at, 1)); !ok || got != 6 {
		t.Errorf("the disk of the pentagon has %d cells, want 6", got)
	}
	if at, ok = l.Index(0x891f1d48823ffff); ok {
		t.Errorf("a cell elsewhere has index %d", at)
	}
}

func TestLattice_OfNothingIsEmpty(t *testing.T) {
	if l := mustNew(t, nil, 2); l.Len() != 0 || l.Rings() != 2 {
		t.Errorf("lattice of no cells has %d cells and %d rings", l.Len(), l.Rings())
	}
}

func TestLattice_OfNoRingsIsAlone(t *testing.T) {
	l := mustNew(t, disk(t, pentagon, 2), 0)
	for i := range l.Len() {
		if got := l.Disk(i, 0); !slices.Equal(got, []int32{int32(i)}) {
			t.Errorf("Disk(%d, 0) = %v", i, got)
		}
	}
}

func TestNew_RefusesWhatIsNoLattice(t *testing.T) {
	parent, err := pentagon.Parent(8)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		cells []grid.Cell
		rings int
	}{
		"two resolutions": {[]grid.Cell{pentagon, parent}, 1},
		"no cell":         {[]grid.Cell{0}, 1},
		"no cell, alone":  {[]grid.Cell{0}, 0},
		"an edge":         {[]grid.Cell{0x119080000003ffff}, 0},
		"negative rings":  {[]grid.Cell{pentagon}, -1},
	} {
		if _, err := lattice.New(test.cells, test.rings); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// A study area is built once, when the cells with coverage change: 600,000 cells
// of two rings within three seconds.
func BenchmarkNew(b *testing.B) {
	for _, size := range []struct {
		name string
		k    int
	}{{"4k", 36}, {"60k", 141}, {"600k", 447}} {
		cells := disk(b, 0x891f1d48823ffff, size.k)
		b.Run(size.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := lattice.New(cells, 2); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(cells))*float64(b.N)/b.Elapsed().Seconds(), "cells/s")
		})
	}
}
