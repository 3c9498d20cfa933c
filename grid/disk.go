package grid

import (
	"fmt"

	"github.com/uber/h3-go/v4"
)

// Disk returns the cells within distance k of c, ring by ring: [0] is c alone,
// [1] its neighbours, six of them or five around a pentagon, and so on. It returns
// an error when c is no cell or k is negative.
func (c Cell) Disk(k int) ([][]Cell, error) {
	rings, err := h3.Cell(c).GridDiskDistances(k)
	if err != nil {
		return nil, fmt.Errorf("cells within distance %d of %s: %w", k, c, err)
	}
	out := make([][]Cell, len(rings))
	for i, ring := range rings {
		out[i] = make([]Cell, len(ring))
		for j, cell := range ring {
			out[i][j] = Cell(cell)
		}
	}
	return out, nil
}
