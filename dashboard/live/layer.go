package live

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/urbangrid/urbangrid/grid"
)

// layer is the cells of one kind at one resolution. A cell remembers the number of
// the second in which it last changed, so the changes since any number can be told
// without a history, in memory that depends on the number of cells alone. It
// belongs to its board, whose mutex guards it.
type layer struct {
	resolution int
	base       *Table // of the district
	table      *Table
	tableSeq   uint64 // the first number that goes by table
	seq        uint64 // of the newest change
	at         time.Time
	nodes      map[grid.Cell]*node
	order      []*node // ascending by cell, unless unsorted
	unsorted   bool
	views      map[viewKey]*view // that somebody watches
}

type node struct {
	cell     grid.Cell
	index    int32 // in the layer's table, -1 when it is not there: then it shows nothing
	parent   *node
	children []*node // ascending by cell, so that sums are always made in the same order
	rollup   grid.Rollup
	shown    face
	changed  uint64 // number of the second in which shown last changed
	dirty    bool
}

func compareCell(n *node, c grid.Cell) int { return cmp.Compare(n.cell, c) }

// settle moves the layer to its next number when one of its dirty nodes shows
// something else than before, and returns the dirty nodes of the next layer.
func (l *layer) settle(show shower, tables *tableSet, now time.Time, dirty []*node) (parents []*node) {
	next, grow := l.seq, false
	for _, n := range dirty {
		n.dirty = false
		if len(n.children) > 0 {
			n.rollup = grid.Rollup{}
			for _, c := range n.children {
				n.rollup.Merge(c.rollup)
			}
		}
		if f := show(n.rollup); f != n.shown {
			n.shown, n.changed, next = f, l.seq+1, l.seq+1
			grow = grow || n.index < 0
		}
		if p := n.parent; p != nil && !p.dirty {
			p.dirty = true
			parents = append(parents, p)
		}
	}
	if next == l.seq {
		return parents
	}
	l.advance(now)
	if grow {
		l.retable(tables)
	}
	l.refresh(tables)
	return parents
}

// advance moves the layer to its next number.
func (l *layer) advance(now time.Time) {
	l.seq, l.at = l.seq+1, now
	l.sort()
}

func (l *layer) sort() {
	if l.unsorted {
		slices.SortFunc(l.order, func(a, b *node) int { return cmp.Compare(a.cell, b.cell) })
		l.unsorted = false
	}
}

// refresh brings the views to the layer's number and wakes those who watch what
// has changed.
func (l *layer) refresh(tables *tableSet) {
	for _, v := range l.views {
		if !v.refresh(tables) {
			continue
		}
		for c := range v.watchers {
			c.wakeUp()
		}
	}
}

// forgetSilent forgets the cells outside the district that show nothing. It returns
// how many there were and whether one of them was in the table.
func (l *layer) forgetSilent() (forgotten int, inTable bool) {
	before := len(l.order)
	l.order = slices.DeleteFunc(l.order, func(n *node) bool {
		if n.shown.count > 0 || len(n.children) > 0 || l.base.index(n.cell) >= 0 {
			return false
		}
		inTable = inTable || n.index >= 0
		delete(l.nodes, n.cell)
		if p := n.parent; p != nil {
			p.children = slices.DeleteFunc(p.children, func(c *node) bool { return c == n })
		}
		return true
	})
	return before - len(l.order), inTable
}

// retable gives the layer a table of the district's cells and the live cells
// outside it.
func (l *layer) retable(tables *tableSet) {
	cells := slices.Clone(l.base.Cells)
	for _, n := range l.order {
		if n.shown.count > 0 && l.base.index(n.cell) < 0 {
			cells = append(cells, n.cell)
		}
	}
	slices.Sort(cells)
	old := l.table
	l.table = tables.adopt(newTable(l.resolution, cells))
	tables.release(old)
	l.tableSeq = l.seq
	for _, n := range l.order {
		n.index = l.table.index(n.cell)
	}
}

// millis is t as frames carry it.
func millis(t time.Time) string {
	if t.IsZero() {
		return "0"
	}
	return strconv.FormatInt(t.UnixMilli(), 10)
}
