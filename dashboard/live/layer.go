package live

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

// board is what the map shows of one kind, at every display resolution. It is
// safe for concurrent use.
type board struct {
	kind     sensors.Kind
	heat     bool // it shows how far cells stand out, not what they have
	decimals int
	tables   *tableSet
	maxCells int // bound on the cells outside the district

	mu      sync.Mutex // guards all below and the layers
	outside int        // cells of the finest layer that are not the district's
	swept   time.Time  // when silent cells outside the district last made room
	layers  []*layer   // as grid.DisplayResolutions: finest first
}

// layer is one topic: the cells of one kind at one resolution. A cell remembers
// the number of the second in which it last changed, so the changes since any
// number can be told without a history, in memory that depends on the number of
// cells alone.
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
	snap       *columns
	deltas     map[uint64]*columns // by the number they build on; all lead to seq
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

// face is what a viewer sees of a cell; the zero face is an empty cell.
type face struct {
	value float64
	count int64
}

// CellNow is one live cell.
type CellNow struct {
	Cell   grid.Cell
	Rollup grid.Rollup
}

func newBoard(k sensors.Kind, bases []*Table, tables *tableSet, maxCells int) *board {
	b := &board{kind: k, decimals: decimalsOf(k), tables: tables, maxCells: maxCells}
	for i, res := range grid.DisplayResolutions {
		b.layers = append(b.layers, &layer{
			resolution: res,
			base:       bases[i],
			table:      tables.adopt(bases[i], nil),
			nodes:      make(map[grid.Cell]*node),
			deltas:     make(map[uint64]*columns),
		})
	}
	return b
}

// decimalsOf returns how many decimals tell the colours of a legend apart: its
// range has at least 500 steps.
func decimalsOf(k sensors.Kind) int {
	if k.Type == sensors.Event {
		return 0
	}
	span := k.Scale[1] - k.Scale[0]
	if !(span > 0) {
		return 2
	}
	return int(min(3, max(0, math.Ceil(-math.Log10(span/500)))))
}

// newHeatBoard returns a board of [analytics.HeatState]s. A roll-up stands for
// cells: Count of them, Sum of which are significant, Min and Max are their scores.
func newHeatBoard(k sensors.Kind, bases []*Table, tables *tableSet, maxCells int) *board {
	b := newBoard(k, bases, tables, maxCells)
	b.heat = true
	return b
}

// heatRollup is the roll-up of one cell on a heat board.
func heatRollup(s analytics.HeatState) grid.Rollup {
	if math.IsNaN(s.Z) {
		return grid.Rollup{}
	}
	r := grid.Rollup{Count: 1, Min: s.Z, Max: s.Z}
	if s.Significant {
		r.Sum = 1
	}
	return r
}

// Counts of a heat board.
const (
	heatUsual       = 1
	heatSignificant = 2
)

// showHeat shows a cell by its score, a coarser one by that of its cells which is
// farthest from 0.
func showHeat(r grid.Rollup) face {
	if r.Count == 0 {
		return face{}
	}
	f := face{value: r.Max, count: heatUsual}
	if -r.Min > r.Max {
		f.value = r.Min
	}
	if r.Sum > 0 {
		f.count = heatSignificant
	}
	return f
}

// show returns what a viewer sees of r.
func (b *board) show(r grid.Rollup) face {
	if b.heat {
		return showHeat(r)
	}
	mean, ok := r.Mean()
	if !ok {
		return face{}
	}
	if b.kind.Type == sensors.Event {
		return face{value: float64(r.Count), count: r.Count}
	}
	scale := math.Pow10(b.decimals)
	return face{value: math.Round(mean*scale) / scale, count: r.Count}
}

// apply takes in what has changed in one second and returns how many states it
// could not take in.
func (b *board) apply(now time.Time, changed []analytics.CellState) (refused int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.outside >= b.maxCells && now.Sub(b.swept) >= sweepEvery {
		b.sweep(now)
	}
	var dirty []*node
	for i := range changed {
		n := b.node(0, changed[i].Cell)
		if n == nil {
			refused++
			continue
		}
		n.rollup = changed[i].Rollup
		if !n.dirty {
			n.dirty = true
			dirty = append(dirty, n)
		}
	}
	for _, l := range b.layers {
		dirty = b.settle(l, now, dirty)
	}
	return refused
}

// settle moves one layer to its next number when one of its dirty nodes shows
// something else than before, and returns the dirty nodes of the next layer.
func (b *board) settle(l *layer, now time.Time, dirty []*node) (parents []*node) {
	next, grow := l.seq, false
	for _, n := range dirty {
		n.dirty = false
		if len(n.children) > 0 {
			n.rollup = grid.Rollup{}
			for _, c := range n.children {
				n.rollup.Merge(c.rollup)
			}
		}
		if f := b.show(n.rollup); f != n.shown {
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
		l.retable(b.tables)
	}
	return parents
}

// advance moves the layer to its next number.
func (l *layer) advance(now time.Time) {
	l.seq, l.at, l.snap = l.seq+1, now, nil
	clear(l.deltas)
	if l.unsorted {
		slices.SortFunc(l.order, func(a, b *node) int { return cmp.Compare(a.cell, b.cell) })
		l.unsorted = false
	}
}

// sweepEvery is how often silent cells outside the district may make room for
// others, because each time may cost every viewer a snapshot.
const sweepEvery = time.Minute

// sweep forgets the cells outside the district that show nothing.
func (b *board) sweep(now time.Time) {
	b.swept = now
	for i, l := range b.layers {
		inTable := false
		silent := func(n *node) bool {
			if n.shown.count > 0 || len(n.children) > 0 || l.base.index(n.cell) >= 0 {
				return false
			}
			inTable = inTable || n.index >= 0
			delete(l.nodes, n.cell)
			if p := n.parent; p != nil {
				p.children = slices.DeleteFunc(p.children, func(c *node) bool { return c == n })
			}
			return true
		}
		before := len(l.order)
		l.order = slices.DeleteFunc(l.order, silent)
		if i == 0 {
			b.outside -= before - len(l.order)
		}
		if inTable {
			l.advance(now)
			l.retable(b.tables)
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
		at, _ := slices.BinarySearchFunc(n.parent.children, c, func(n *node, c grid.Cell) int { return cmp.Compare(n.cell, c) })
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
	l.table = tables.adopt(newTable(l.resolution, cells), l.table)
	l.tableSeq = l.seq
	for _, n := range l.order {
		n.index = l.table.index(n.cell)
	}
}

// now returns the live cells of layer i in ascending order.
func (b *board) now(i int) []CellNow {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []CellNow
	for _, n := range b.layers[i].order {
		if n.rollup.Count > 0 {
			out = append(out, CellNow{Cell: n.cell, Rollup: n.rollup})
		}
	}
	return out
}

// seq returns the number of layer i's newest change.
func (b *board) seq(i int) uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.layers[i].seq
}

// columns is the part of a cells frame that is the same for everyone who goes
// from one number to another.
type columns struct {
	head     string          // between the frame's id and i
	body     []byte          // from i to the closing brace
	prepared map[int64]frame // by the subscription's id
}

// sharedFrames bounds how many frames of one columns are kept to be shared.
// Pages of the same version choose the same ids, so few are needed.
const sharedFrames = 8

// frame returns the frame for a subscription, shared with others of the same
// id. The caller holds the board's mutex.
func (c *columns) frame(kind string, id int64) (frame, error) {
	if f, ok := c.prepared[id]; ok {
		return f, nil
	}
	b := make([]byte, 0, len(c.body)+len(c.head)+40)
	b = append(b, `{"t":"`...)
	b = append(b, kind...)
	b = append(b, `","id":`...)
	b = strconv.AppendInt(b, id, 10)
	b = append(b, c.head...)
	b = append(b, c.body...)
	m, err := websocket.NewPreparedMessage(websocket.TextMessage, b)
	if err != nil {
		return frame{}, err
	}
	f := frame{kind: kind, size: len(b), prepared: m}
	if len(c.prepared) < sharedFrames {
		c.prepared[id] = f
	}
	return f, nil
}

// snapshot returns a snap frame of layer i and the number it has.
func (b *board) snapshot(i int, id int64, epoch string) (frame, uint64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.layers[i]
	if l.snap == nil {
		head := `,"epoch":` + strconv.Quote(epoch) + `,"seq":` + strconv.FormatUint(l.seq, 10) +
			`,"tbl":"` + l.table.Hash + `","ts":` + millis(l.at)
		l.snap = l.columns(head, func(n *node) bool { return n.shown.count > 0 })
	}
	f, err := l.snap.frame("snap", id)
	return f, l.seq, err
}

// delta returns a d frame of layer i that builds on from, and the number it
// leads to. It reports false when the table has changed since from, or from lies
// in the future: then only a snapshot helps.
func (b *board) delta(i int, id int64, from uint64) (f frame, seq uint64, ok bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.layers[i]
	if from < l.tableSeq || from > l.seq {
		return frame{}, 0, false, nil
	}
	c := l.deltas[from]
	if c == nil {
		head := `,"seq":` + strconv.FormatUint(l.seq, 10) + `,"from":` + strconv.FormatUint(from, 10) +
			`,"ts":` + millis(l.at)
		c = l.columns(head, func(n *node) bool { return n.changed > from })
		if len(l.deltas) < sharedFrames {
			l.deltas[from] = c
		}
	}
	f, err = c.frame("d", id)
	return f, l.seq, true, err
}

// columns lists the nodes that are wanted and in the table.
func (l *layer) columns(head string, wanted func(*node) bool) *columns {
	i, v, n := []byte(`,"i":[`), []byte(`],"v":[`), []byte(`],"n":[`)
	var last int32
	first := true
	for _, nd := range l.order {
		if nd.index < 0 || !wanted(nd) {
			continue
		}
		if !first {
			i, v, n = append(i, ','), append(v, ','), append(n, ',')
		}
		i = strconv.AppendInt(i, int64(nd.index-last), 10)
		last, first = nd.index, false
		if nd.shown.count == 0 {
			v = append(v, "null"...)
		} else {
			v = strconv.AppendFloat(v, nd.shown.value, 'f', -1, 64)
		}
		n = strconv.AppendInt(n, nd.shown.count, 10)
	}
	body := append(append(append(i, v...), n...), `]}`...)
	return &columns{head: head, body: body, prepared: make(map[int64]frame)}
}

// millis is t as frames carry it.
func millis(t time.Time) string {
	if t.IsZero() {
		return "0"
	}
	return strconv.FormatInt(t.UnixMilli(), 10)
}
