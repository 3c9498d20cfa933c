package live

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urbangrid/urbangrid/grid"
)

// tileSteps is how many resolutions a tile is coarser than the cells in it: a tile
// has at most 2,401 of them.
const tileSteps = 4

// viewKey names what of a layer somebody watches.
type viewKey struct {
	tile   grid.Cell // whose cells; the zero Cell means all
	counts bool      // how many observations there are, in place of the value
}

// view is what a group of subscriptions watches of a layer: one topic, encoded once
// for all of them. Tiles are fixed, so that those who look at the same part of the
// city share what they get, however their windows differ. It goes by the layer's
// numbers, of which it skips those that changed nothing in it. It belongs to its
// layer.
type view struct {
	viewKey
	layer       *layer
	first, last grid.Cell // every cell between them, ends included, is the tile's
	offset      int32     // of the view's table in the layer's
	table       *Table
	tableSeq    uint64 // the first number that goes by table
	seq         uint64 // of the newest change
	before      uint64 // of the change before that
	at          time.Time
	watchers    map[*conn]int // how many of its subscriptions watch
	snap        *message
	deltas      map[uint64]*message // by the number they build on; all lead to seq
}

// sharedDeltas bounds how many deltas that lead to the same number are kept to be
// shared. Who keeps up builds on the number before, so few are needed.
const sharedDeltas = 8

// view returns the view of a key, making it when nobody watches it yet. The tile
// of the key is valid.
func (l *layer) view(key viewKey, tables *tableSet) *view {
	if v := l.views[key]; v != nil {
		return v
	}
	v := &view{
		viewKey: key, layer: l, last: ^grid.Cell(0), tableSeq: l.tableSeq, seq: l.seq, before: l.seq, at: l.at,
		watchers: make(map[*conn]int), deltas: make(map[uint64]*message),
	}
	if key.tile != 0 {
		// A tile of the topic's resolution is valid, so that it has descendants.
		v.first, v.last, _ = key.tile.Descendants(l.resolution)
	}
	v.table = tables.adopt(v.cutTable())
	l.views[key] = v
	return v
}

// cutTable returns the part of the layer's table that is the view's.
func (v *view) cutTable() *Table {
	if v.tile == 0 {
		return v.layer.table
	}
	from, cells := v.tableRange()
	v.offset = int32(from) //nolint:gosec // a layer has fewer cells
	return newTable(v.layer.resolution, slices.Clone(cells))
}

func (v *view) tableRange() (from int, cells []grid.Cell) {
	all := v.layer.table.Cells
	from, _ = slices.BinarySearch(all, v.first)
	to, found := slices.BinarySearch(all, v.last)
	if found {
		to++
	}
	return from, all[from:to]
}

// nodes returns the view's part of the layer, in ascending order.
func (v *view) nodes() []*node {
	v.layer.sort()
	all := v.layer.order
	if v.tile == 0 {
		return all
	}
	from, _ := slices.BinarySearchFunc(all, v.first, compareCell)
	to, found := slices.BinarySearchFunc(all, v.last, compareCell)
	if found {
		to++
	}
	return all[from:to]
}

// refresh brings the view to the layer's number and reports whether anything in it
// has changed.
func (v *view) refresh(tables *tableSet) (changed bool) {
	l := v.layer
	if l.tableSeq == l.seq {
		changed = v.retable(tables)
	}
	if !changed {
		changed = v.tile == 0 || slices.ContainsFunc(v.nodes(), func(n *node) bool { return n.changed > v.seq })
	}
	if changed {
		v.before, v.seq, v.at, v.snap = v.seq, l.seq, l.at, nil
		clear(v.deltas)
	}
	return changed
}

// retable follows the layer to its new table and reports whether the view's is
// another.
func (v *view) retable(tables *tableSet) bool {
	next := v.cutTable()
	if next.Hash == v.table.Hash {
		return false
	}
	old := v.table
	v.table, v.tableSeq = tables.adopt(next), v.layer.seq
	tables.release(old)
	return true
}

// snapshot returns a snap of what the view shows.
func (v *view) snapshot(epoch string) *message {
	if v.snap == nil {
		head := `,"epoch":` + strconv.Quote(epoch) + `,"seq":` + strconv.FormatUint(v.seq, 10) +
			`,"tbl":"` + v.table.Hash + `","ts":` + millis(v.at)
		v.snap = newMessage("snap", v.columns(head, func(n *node) bool { return n.shown.count > 0 }))
	}
	return v.snap
}

// delta returns a d that builds on from, nil when only a snapshot helps.
func (v *view) delta(from uint64) *message {
	if from < v.tableSeq || from > v.seq {
		return nil
	}
	m := v.deltas[from]
	if m == nil {
		head := `,"seq":` + strconv.FormatUint(v.seq, 10) + `,"from":` + strconv.FormatUint(from, 10) +
			`,"ts":` + millis(v.at)
		m = newMessage("d", v.columns(head, func(n *node) bool { return n.changed > from }))
		if len(v.deltas) < sharedDeltas {
			v.deltas[from] = m
		}
	}
	return m
}

// columns lists the nodes that are wanted and in the table, after head.
func (v *view) columns(head string, wanted func(*node) bool) string {
	var values, counts []byte
	var out strings.Builder
	out.WriteString(head)
	out.WriteString(`,"i":[`)
	last, first := v.offset, true
	var scratch [24]byte
	for _, n := range v.nodes() {
		if n.index < 0 || !wanted(n) {
			continue
		}
		if !first {
			out.WriteByte(',')
			values, counts = append(values, ','), append(counts, ',')
		}
		out.Write(strconv.AppendInt(scratch[:0], int64(n.index-last), 10))
		last, first = n.index, false
		values = v.appendValue(values, n.shown)
		counts = strconv.AppendInt(counts, n.shown.count, 10)
	}
	out.WriteString(`],"v":[`)
	out.Write(values)
	out.WriteString(`],"n":[`)
	out.Write(counts)
	out.WriteString(`]}`)
	return out.String()
}

func (v *view) appendValue(b []byte, f face) []byte {
	switch {
	case f.count == 0:
		return append(b, "null"...)
	case v.counts:
		return strconv.AppendInt(b, f.count, 10)
	}
	return strconv.AppendFloat(b, f.value, 'f', -1, 64)
}
