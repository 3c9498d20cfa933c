package grid_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/urbangrid/urbangrid/grid"
)

// pentagon is one of the twelve cells of resolution 9 that have five neighbours.
const pentagon = grid.Cell(0x89080000003ffff)

func TestCell_DiskIsRingByRing(t *testing.T) {
	for _, test := range []struct {
		name  string
		cell  grid.Cell
		sizes []int
	}{
		{"a hexagon has six around it, then twelve", 0x891f1d48823ffff, []int{1, 6, 12, 18}},
		{"a pentagon has five around it, then ten", pentagon, []int{1, 5, 10, 15}},
	} {
		t.Run(test.name, func(t *testing.T) {
			rings, err := test.cell.Disk(3)
			if err != nil {
				t.Fatal(err)
			}
			seen := map[grid.Cell]bool{}
			for k, ring := range rings {
				if len(ring) != test.sizes[k] {
					t.Errorf("ring %d has %d cells, want %d", k, len(ring), test.sizes[k])
				}
				for _, c := range ring {
					if seen[c] || c.Resolution() != test.cell.Resolution() {
						t.Errorf("ring %d holds %s, which is there already or of another resolution", k, c)
					}
					seen[c] = true
				}
			}
			if rings[0][0] != test.cell {
				t.Errorf("ring 0 is %s, want the cell itself", rings[0][0])
			}
		})
	}
}

func TestCell_DiskIsMutual(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cell, err := grid.CellAt(grid.Point{
			LatDegrees: rapid.Float64Range(-89, 89).Draw(t, "lat"),
			LonDegrees: rapid.Float64Range(-179, 179).Draw(t, "lon"),
		}, rapid.IntRange(2, grid.Resolution).Draw(t, "res"))
		if err != nil {
			t.Fatal(err)
		}
		rings, err := cell.Disk(2)
		if err != nil {
			t.Fatal(err)
		}
		for k, ring := range rings {
			for _, c := range ring {
				back, err := c.Disk(2)
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Contains(back[k], cell) {
					t.Errorf("%s is at distance %d of %s, but not the other way round", c, k, cell)
				}
			}
		}
	})
}

func TestCell_DiskRefusesWhatHasNone(t *testing.T) {
	for _, test := range []struct {
		cell grid.Cell
		k    int
	}{{0, 1}, {12345, 1}, {pentagon, -1}} {
		if rings, err := test.cell.Disk(test.k); err == nil {
			t.Errorf("Disk(%d) of %x is %v, want an error", test.k, uint64(test.cell), rings)
		}
	}
}
