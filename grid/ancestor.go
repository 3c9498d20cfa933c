package grid

// Ancestor returns the cell of the coarser resolution res that contains c, or c
// itself when res is its own; false when res is finer, or c is the zero Cell. It
// is Parent for hot paths: it neither calls the driver nor checks that c is valid.
func (c Cell) Ancestor(res int) (Cell, bool) {
	own := int(uint64(c) & resolutionMask >> resolutionBit)
	if c == 0 || res < 0 || res > own {
		return 0, false
	}
	unused := uint64(1)<<((maxResolution-res)*digitBits) - 1
	return Cell(uint64(c)&^resolutionMask | uint64(res)<<resolutionBit | unused), true
}

// Within reports whether c is o or lies in it. No cell lies in the zero Cell.
func (c Cell) Within(o Cell) bool {
	a, ok := c.Ancestor(int(uint64(o) & resolutionMask >> resolutionBit))
	return ok && a == o
}
