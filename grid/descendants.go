package grid

import "fmt"

// digitBits is how many bits of an H3 index each resolution's digit takes; the
// digit of resolution r is at bit (maxResolution-r)*digitBits.
const (
	digitBits      = 3
	maxResolution  = 15
	lastDigit      = 6 // 7 marks a digit that is not used
	resolutionBit  = 52
	resolutionMask = uint64(0xf) << resolutionBit
)

// Descendants returns the smallest and the greatest index of the cells of
// resolution res within c. Every cell of that resolution whose index lies
// between the two, ends included, is within c, so that a store can find them
// by comparing numbers. It returns an error when c is not a cell or res is
// coarser than c.
func (c Cell) Descendants(res int) (first, last Cell, err error) {
	if _, err := ParseCell(c.String()); err != nil {
		return 0, 0, err
	}
	if res < c.Resolution() || res > maxResolution {
		return 0, 0, fmt.Errorf("cells of resolution %d within %s, which has resolution %d", res, c, c.Resolution())
	}
	base := uint64(c)&^resolutionMask | uint64(res)<<resolutionBit
	lo, hi := base, base
	for r := c.Resolution() + 1; r <= res; r++ {
		shift := (maxResolution - r) * digitBits
		lo &^= uint64(7) << shift
		hi = hi&^(uint64(7)<<shift) | uint64(lastDigit)<<shift
	}
	return Cell(lo), Cell(hi), nil
}
