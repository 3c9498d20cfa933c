package grid

import (
	"fmt"

	"github.com/uber/h3-go/v4"
)

// Disk returns the cells within distance k of c, ring by ring: [0] is c alone,
// [1] its neighbours, six of them or five around a pentagon, and so on. Within a
// ring the order has no meaning. It returns an error when c is no cell or k is
// negative.
func (c Cell) Disk(k int) ([][]Cell, error) {
	if !h3.Cell(c).IsValid() {
		return nil, fmt.Errorf("cells around %#x: not an H3 cell", uint64(c))
	}
	if k < 0 {
		return nil, fmt.Errorf("cells within distance %d of %s: the distance is negative", k, c)
	}
	rings, err := h3.Cell(c).GridDiskDistances(k)
	if err != nil {
		return nil, fmt.Errorf("cells within distance %d of %s: %w", k, c, err)
	}
	out := make([][]Cell, len(rings))
	for i, ring := range rings {
		out[i] = make([]Cell, 0, len(ring))
		for _, cell := range ring {
			// Near a pentagon the driver fills the places that have no cell with
			// zeros, at distance 0.
			if cell != 0 {
				out[i] = append(out[i], Cell(cell))
			}
		}
	}
	return out, nil
}
