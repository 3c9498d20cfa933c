package scan

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/urbangrid/urbangrid/analytics/lattice"
)

// Zones are the sets of places that a scan looks at. Places are numbered from 0. A
// Zones never changes and is safe for concurrent use.
type Zones struct {
	places int
	zones  []zone
	extra  []int32 // the places of all zones that their parents do not have
}

// zone is its parent's places and those of extra[from:to].
type zone struct {
	center, rings int32 // -1 for a zone that is no disk
	parent        int32 // an earlier zone, or -1
	from, to      int32
	size          int32 // places, with those of the parent
}

// Disks returns the disks of 0 to rings rings around each place of a study area. Of
// disks with the same places, as around a cell that has no neighbour, only the first
// is kept. It returns an error when the lattice has fewer rings.
func Disks(l *lattice.Lattice, rings int) (*Zones, error) {
	if rings < 0 || rings > l.Rings() {
		return nil, fmt.Errorf("scan: disks of %d rings on a lattice of %d", rings, l.Rings())
	}
	z := &Zones{places: l.Len()}
	seen := map[string]bool{}
	var key []byte
	for i := range l.Len() {
		parent, from := int32(-1), len(z.extra)
		for k := range rings + 1 {
			z.extra = append(z.extra, l.Ring(i, k)...)
			key = setKey(key[:0], l.Disk(i, k))
			if seen[string(key)] {
				continue
			}
			seen[string(key)] = true
			z.zones = append(z.zones, zone{center: int32(i), rings: int32(k), parent: parent, from: int32(from), to: int32(len(z.extra)), size: int32(len(l.Disk(i, k)))}) //nolint:gosec // cells of a city
			parent, from = int32(len(z.zones)-1), len(z.extra)                                                                                                             //nolint:gosec // cells of a city
		}
		z.extra = z.extra[:from]
	}
	return z, nil
}

// setKey appends the places in ascending order.
func setKey(key []byte, places []int32) []byte {
	sorted := slices.Sorted(slices.Values(places))
	for _, p := range sorted {
		key = binary.BigEndian.AppendUint32(key, uint32(p)) //nolint:gosec // not negative
	}
	return key
}

// NewZones returns zones of any form, in their order, on places 0 to places−1. It
// returns an error for a zone that is empty, has a place twice or one that is not
// there. The members are copied.
func NewZones(places int, members [][]int32) (*Zones, error) {
	z := &Zones{places: places}
	for n, m := range members {
		sorted := slices.Sorted(slices.Values(m))
		switch {
		case len(m) == 0:
			return nil, fmt.Errorf("scan: zone %d is empty", n)
		case sorted[0] < 0 || int(sorted[len(sorted)-1]) >= places:
			return nil, fmt.Errorf("scan: zone %d has a place outside 0 to %d", n, places-1)
		case len(slices.Compact(sorted)) < len(m):
			return nil, fmt.Errorf("scan: zone %d has a place twice", n)
		}
		from := len(z.extra)
		z.extra = append(z.extra, m...)
		z.zones = append(z.zones, zone{center: -1, rings: -1, parent: -1, from: int32(from), to: int32(len(z.extra)), size: int32(len(m))}) //nolint:gosec // cells of a city
	}
	return z, nil
}

// Len returns how many zones there are.
func (z *Zones) Len() int { return len(z.zones) }

// Places returns how many places there are.
func (z *Zones) Places() int { return z.places }

// Members returns the places of zone i, those of a disk ring by ring. The caller owns
// them.
func (z *Zones) Members(i int) []int32 {
	at := z.zones[i]
	out := make([]int32, at.size)
	for end := at.size; ; at = z.zones[at.parent] {
		end -= at.to - at.from
		copy(out[end:], z.extra[at.from:at.to])
		if at.parent < 0 {
			return out
		}
	}
}

// sums puts the sum of x over the places of each zone into out.
func (z *Zones) sums(out, x []float64) {
	for i := range z.zones {
		at := &z.zones[i]
		var sum float64
		if at.parent >= 0 {
			sum = out[at.parent]
		}
		for _, p := range z.extra[at.from:at.to] {
			sum += x[p]
		}
		out[i] = sum
	}
}
