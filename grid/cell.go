// Package grid says where and when: H3 cells, responsibility areas, datum
// conversion, windows and roll-ups as pure values.
package grid

import (
	"fmt"
	"strconv"

	"github.com/uber/h3-go/v4"
)

// Resolution is the H3 resolution that observations are indexed at. A cell of
// resolution 10 covers 11,459 m² in Shanghai: the 万米单元网格 of the standard.
const Resolution = 10

// DisplayResolutions are the resolutions that people can look at, finest first.
var DisplayResolutions = [...]int{10, 9, 8, 7}

// Cell is an H3 cell index. The zero Cell is no cell.
type Cell uint64

// String returns the 15-digit hexadecimal form, "" for the zero Cell.
func (c Cell) String() string {
	if c == 0 {
		return ""
	}
	return strconv.FormatUint(uint64(c), 16)
}

// ParseCell reads the hexadecimal form and rejects what is not a valid H3 cell.
func ParseCell(s string) (Cell, error) {
	n, err := strconv.ParseUint(s, 16, 64)
	if err != nil || !h3.Cell(n).IsValid() {
		return 0, fmt.Errorf("cell %q is not an H3 index", s)
	}
	return Cell(n), nil
}

// Resolution returns the cell's H3 resolution, 0 to 15.
func (c Cell) Resolution() int { return h3.Cell(c).Resolution() }

// Parent returns the cell of the coarser resolution res that contains c, or c
// itself when res is its own. It returns an error when res is finer than c.
func (c Cell) Parent(res int) (Cell, error) {
	p, err := h3.Cell(c).Parent(res)
	if err != nil {
		return 0, fmt.Errorf("parent of %s at resolution %d: %w", c, res, err)
	}
	return Cell(p), nil
}

// Point is a place in WGS-84 degrees, latitude first.
type Point struct {
	LatDegrees float64
	LonDegrees float64
}

// CellAt returns the cell of resolution res that contains p.
func CellAt(p Point, res int) (Cell, error) {
	c, err := h3.LatLngToCell(h3.LatLng{Lat: p.LatDegrees, Lng: p.LonDegrees}, res)
	if err != nil {
		return 0, fmt.Errorf("cell at %.5f, %.5f: %w", p.LatDegrees, p.LonDegrees, err)
	}
	return Cell(c), nil
}

// Boundary returns the corners of c in order, five or six of them, not closed.
func (c Cell) Boundary() ([]Point, error) {
	b, err := h3.Cell(c).Boundary()
	if err != nil {
		return nil, fmt.Errorf("boundary of %s: %w", c, err)
	}
	out := make([]Point, len(b))
	for i, ll := range b {
		out[i] = Point{LatDegrees: ll.Lat, LonDegrees: ll.Lng}
	}
	return out, nil
}
