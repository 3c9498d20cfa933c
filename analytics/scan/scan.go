// Package scan finds the places and the last hours where more happened than
// was to be expected: scores of an excess, for the detectors that run in the
// stream, and the prospective space-time scan statistic that an analyst asks for.
package scan
