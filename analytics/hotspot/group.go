package hotspot

import (
	"slices"
)

// component is zones that stand out next to each other.
type component struct {
	zones   []zone  // best first
	centers []int32 // of the zones, ascending
	cells   []int32 // what is said to be hot, ascending; nil for the whole area
}

// components groups the zones of d.hot, which stand out, by neighbouring centers.
// A component is there when at least one of its zones reaches the floor of what is
// asked; they come in the order of their best zones.
func (d *Detector) components(threshold float64) []component {
	at := make(map[int32]int, len(d.hot))
	for i := range d.hot {
		at[d.hot[i].center] = i
	}
	var all []component
	for i := range d.hot {
		if _, left := at[d.hot[i].center]; !left {
			continue
		}
		c := d.collect(d.hot[i].center, at)
		c.cells = d.disks(c.zones, threshold)
		all = append(all, c)
	}
	return all
}

// collect takes the zones that hang together with a center out of at.
func (d *Detector) collect(center int32, at map[int32]int) (c component) {
	front := []int32{center}
	c.zones = append(c.zones, d.hot[at[center]])
	delete(at, center)
	for len(front) > 0 {
		next := front[len(front)-1]
		front = front[:len(front)-1]
		c.centers = append(c.centers, next)
		for _, n := range d.lattice.Ring(int(next), 1) {
			if i, hot := at[n]; hot {
				c.zones = append(c.zones, d.hot[i])
				delete(at, n)
				front = append(front, n)
			}
		}
	}
	slices.Sort(c.centers)
	slices.SortFunc(c.zones, better)
	return c
}

// disks returns the cells of the best disk, and of each further one that reaches
// the threshold and shares no cell with those before: the report of Kulldorff's
// secondary clusters.
func (d *Detector) disks(zones []zone, threshold float64) []int32 {
	var cells []int32
	for i, z := range zones {
		if i > 0 && z.score < threshold {
			break
		}
		disk := d.lattice.Disk(int(z.center), int(z.ring))
		if i > 0 && slices.ContainsFunc(disk, func(c int32) bool { return holds(cells, c) }) {
			continue
		}
		cells = append(cells, disk...)
		slices.Sort(cells)
	}
	return cells
}

// match gives each hotspot the component that carries it on, -1 for none, and
// returns the hotspots of each component, oldest first. A hotspot goes on in the
// component that holds its peak, else in the one that shares most of its cells.
func (d *Detector) match(all []component) (owners [][]*cluster, lost []*cluster) {
	owners = make([][]*cluster, len(all))
	for _, c := range d.clusters {
		if c.whole() {
			continue
		}
		best, share := -1, 0.0
		for i := range all {
			j := jaccard(c.cells, all[i].cells)
			if holds(all[i].cells, c.peak) || holds(all[i].centers, c.peak) {
				j++ // holding the peak comes before any share
			}
			if j >= overlap && j > share {
				best, share = i, j
			}
		}
		if best < 0 {
			lost = append(lost, c)
			continue
		}
		owners[best] = append(owners[best], c)
	}
	return owners, lost
}
