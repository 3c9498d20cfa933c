// Package scan finds the places and the last hours where more happened than
// was to be expected: scores of an excess, for the detectors that run in the
// stream, and the prospective space-time scan statistic that an analyst asks for.
//
// New takes zones and counts, Clusters ranks what stands out, Simulate says how
// often chance does as much. What the statistics say and do not say is in
// docs/analytics/scan.md.
package scan
