// Package lattice says who is around whom in a study area of H3 cells. Local
// statistics, scans and detectors stand on it.
package lattice

import (
	"fmt"
	"slices"

	"github.com/urbangrid/urbangrid/grid"
)

// Lattice is a study area: its cells in ascending order and who is around each, at
// one resolution. Only cells of the area are anybody's neighbours. It takes four
// bytes for each cell of each disk (76 a cell for two rings) and is safe for
// concurrent use.
type Lattice struct {
	cells []grid.Cell
	rings int
	// The disk of cell i is around[start[i*(rings+1)] : start[(i+1)*(rings+1)]], its
	// ring k begins at start[i*(rings+1)+k].
	start  []int32
	around []int32
}

// New returns the lattice of the cells, duplicates removed, with disks of up to
// rings rings. It returns an error when the resolutions differ, a cell is invalid
// or rings is negative.
func New(cells []grid.Cell, rings int) (*Lattice, error) {
	if rings < 0 {
		return nil, fmt.Errorf("lattice of %d rings", rings)
	}
	l := &Lattice{cells: slices.Clone(cells), rings: rings}
	slices.Sort(l.cells)
	l.cells = slices.Compact(l.cells)
	for _, c := range l.cells {
		if c.Resolution() != l.cells[0].Resolution() {
			return nil, fmt.Errorf("lattice of resolution %d holds %s of resolution %d", l.cells[0].Resolution(), c, c.Resolution())
		}
	}
	l.start = make([]int32, 0, len(l.cells)*(rings+1)+1)
	l.around = make([]int32, 0, len(l.cells)*(1+3*rings*(rings+1)))
	for _, c := range l.cells {
		disk, err := c.Disk(rings)
		if err != nil {
			return nil, fmt.Errorf("lattice: %w", err)
		}
		for _, ring := range disk {
			from := len(l.around)
			l.start = append(l.start, int32(from)) //nolint:gosec // cells of a city
			for _, n := range ring {
				if i, in := l.Index(n); in {
					l.around = append(l.around, int32(i)) //nolint:gosec // cells of a city
				}
			}
			slices.Sort(l.around[from:])
		}
	}
	l.start = append(l.start, int32(len(l.around))) //nolint:gosec // cells of a city
	return l, nil
}

// Len returns how many cells there are.
func (l *Lattice) Len() int { return len(l.cells) }

// Rings returns how many rings a disk can have.
func (l *Lattice) Rings() int { return l.rings }

// Cells returns the cells in ascending order. They must not be changed.
func (l *Lattice) Cells() []grid.Cell { return l.cells }

// Index returns where a cell is in Cells, and false when it is not in the area.
func (l *Lattice) Index(c grid.Cell) (int, bool) { return slices.BinarySearch(l.cells, c) }

// Disk returns the cells within distance k ≤ Rings of cell i, as indices of Cells:
// i first, ring by ring, each ring in ascending order. It must not be changed.
func (l *Lattice) Disk(i, k int) []int32 {
	at := i * (l.rings + 1)
	return l.around[l.start[at]:l.start[at+k+1]]
}

// Ring returns the cells at distance k ≤ Rings of cell i, in ascending order. It
// must not be changed.
func (l *Lattice) Ring(i, k int) []int32 {
	at := i*(l.rings+1) + k
	return l.around[l.start[at]:l.start[at+1]]
}
