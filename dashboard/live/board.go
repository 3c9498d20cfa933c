package live

import (
	"slices"
	"sync"
	"time"

	"github.com/urbangrid/urbangrid/grid"
)

// board is what the map shows of one kind in one way, at every display resolution.
// It is safe for concurrent use.
type board struct {
	show     shower
	tables   *tableSet
	maxCells int // bound on the cells outside the district

	mu      sync.Mutex // guards all below, the layers and their views
	outside int        // cells of the finest layer that are not the district's
	swept   time.Time  // when silent cells outside the district last made room
	layers  []*layer   // as grid.DisplayResolutions: finest first
}

// CellNow is one live cell.
type CellNow struct {
	Cell   grid.Cell
	Rollup grid.Rollup
}

// cellChange is a new roll-up of a cell of grid.Resolution.
type cellChange struct {
	cell   grid.Cell
	rollup grid.Rollup
}

func newBoard(show shower, bases []*Table, tables *tableSet, maxCells int) *board {
	b := &board{show: show, tables: tables, maxCells: maxCells}
	for i, res := range grid.DisplayResolutions {
		b.layers = append(b.layers, &layer{
			resolution: res,
			base:       bases[i],
			table:      tables.adopt(bases[i]),
			nodes:      make(map[grid.Cell]*node),
			views:      make(map[viewKey]*view),
		})
	}
	return b
}

// apply takes in what has changed in one second, wakes the connections that watch
// it, and returns how many changes it could not take in.
func (b *board) apply(now time.Time, changed []cellChange) (refused int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.outside >= b.maxCells && now.Sub(b.swept) >= sweepEvery {
		b.sweep(now)
	}
	var dirty []*node
	for i := range changed {
		n := b.node(0, changed[i].cell)
		if n == nil {
			refused++
			continue
		}
		n.rollup = changed[i].rollup
		if !n.dirty {
			n.dirty = true
			dirty = append(dirty, n)
		}
	}
	for _, l := range b.layers {
		dirty = l.settle(b.show, b.tables, now, dirty)
	}
	return refused
}

// sweepEvery is how often silent cells outside the district may make room for
// others, because each time may cost every viewer a snapshot.
const sweepEvery = time.Minute

// sweep forgets the cells outside the district that show nothing.
func (b *board) sweep(now time.Time) {
	b.swept = now
	for i, l := range b.layers {
		forgotten, inTable := l.forgetSilent()
		if i == 0 {
			b.outside -= forgotten
		}
		if inTable {
			l.advance(now)
			l.retable(b.tables)
			l.refresh(b.tables)
		}
	}
}

// node returns the node of c in layer i, making it and its parents when it is
// new. It returns nil for what is no cell of that resolution, and when there are
// too many cells outside the district.
func (b *board) node(i int, c grid.Cell) *node {
	l := b.layers[i]
	if n := l.nodes[c]; n != nil {
		return n
	}
	if c.Resolution() != l.resolution {
		return nil
	}
	n := &node{cell: c, index: l.table.index(c)}
	outside := i == 0 && l.base.index(c) < 0
	if outside && b.outside >= b.maxCells {
		return nil
	}
	if i+1 < len(b.layers) {
		pc, err := c.Parent(b.layers[i+1].resolution)
		if err != nil {
			return nil
		}
		if n.parent = b.node(i+1, pc); n.parent == nil {
			return nil
		}
		at, _ := slices.BinarySearchFunc(n.parent.children, c, compareCell)
		n.parent.children = slices.Insert(n.parent.children, at, n)
	}
	if outside {
		b.outside++
	}
	l.nodes[c] = n
	l.order = append(l.order, n)
	l.unsorted = true
	return n
}

// now returns the live cells of layer i in ascending order.
func (b *board) now(i int) []CellNow {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.layers[i].sort()
	var out []CellNow
	for _, n := range b.layers[i].order {
		if n.rollup.Count > 0 {
			out = append(out, CellNow{Cell: n.cell, Rollup: n.rollup})
		}
	}
	return out
}

// watch makes c a watcher of a view, making the view when c is its first.
func (b *board) watch(i int, key viewKey, c *conn) *view {
	b.mu.Lock()
	defer b.mu.Unlock()
	v := b.layers[i].view(key, b.tables)
	v.watchers[c]++
	return v
}

// unwatch undoes a watch. A view that nobody watches is forgotten: whoever comes
// back finds the same numbers.
func (b *board) unwatch(v *view, c *conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if v.watchers[c]--; v.watchers[c] > 0 {
		return
	}
	if delete(v.watchers, c); len(v.watchers) == 0 {
		delete(v.layer.views, v.viewKey)
		b.tables.release(v.table)
	}
}

// seq returns the number of the newest change of a view.
func (b *board) seq(v *view) uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return v.seq
}

// snapshot returns a snap frame of a view and the number it has.
func (b *board) snapshot(v *view, id int64, epoch string) (frame, uint64, error) {
	m, seq := b.snapshotMessage(v, epoch)
	f, err := m.frame(id)
	return f, seq, err
}

func (b *board) snapshotMessage(v *view, epoch string) (*message, uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return v.snapshot(epoch), v.seq
}

// step is a way from one number of a view to its newest.
type step struct {
	seq    uint64 // that it leads to
	merged bool   // it sums up more than one change
}

// delta returns a d frame of a view that builds on from. It reports false when the
// table has changed since from, or from lies in the future: then only a snapshot
// helps.
func (b *board) delta(v *view, id int64, from uint64) (f frame, s step, ok bool, err error) {
	m, s := b.deltaMessage(v, from)
	if m == nil {
		return frame{}, s, false, nil
	}
	f, err = m.frame(id)
	return f, s, true, err
}

func (b *board) deltaMessage(v *view, from uint64) (*message, step) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return v.delta(from), step{seq: v.seq, merged: from < v.before}
}
