package grid

// ParentBits returns how a store that can only calculate finds the parent of
// resolution res of a cell of Resolution: the bits of clear are taken out of the
// index and those of set put in. It is for a res of 0 to Resolution.
func ParentBits(res int) (set, clear uint64) {
	digits := uint64(1)<<((maxResolution-res)*digitBits) - 1
	return uint64(res)<<resolutionBit | digits, resolutionMask | digits
}
