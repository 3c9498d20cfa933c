package analytics

import (
	"sort"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// Time inside the engine is microseconds since the Unix epoch. A slot is the
// number of a 10-second window; a live window is its newest slots.
const (
	slotMicros   = int64(grid.TenSeconds) / 1_000
	keptSlots    = int64(heatWindow / time.Duration(grid.TenSeconds)) // that are kept of a cell, at least those of its live window
	minuteMicros = int64(time.Minute / time.Microsecond)
	noTime       = int64(-1 << 63)
	memorySlots  = float64(24 * time.Hour / time.Duration(grid.TenSeconds)) // e-folding time of baselines
)

// kind is one kind of the catalogue and all that is known of it live.
type kind struct {
	sensors.Kind
	slots  int64 // in the live window
	newest int64 // greatest time judged live, noTime before the first
	slot   int64 // of newest
	first  int64 // the first slot judged live
	cells  map[grid.Cell]*cell

	thresholds []*thresholdRule
	exceedance *exceedanceRule // nil without one
	hotspots   []*hotspotRule
	changes    []*changeRule
	secondary  *secondary // nil without rules about baselines, drift, silence and outliers
	heat       []heatFace // what the watcher knows of each cell of the study area; nil before the first comparison
	excess     []float32  // what the watcher knows of each cell of the study area, NaN for nothing; nil before the first comparison
	news       bool       // something changed since the cells were last compared
	areaNames  func(grid.AreaCode) sensors.Names
}

func newKind(k sensors.Kind) *kind {
	return &kind{
		Kind:   k,
		slots:  int64(LiveWindow(k.Type) / time.Duration(grid.TenSeconds)),
		newest: noTime,
		slot:   noTime,
		first:  noTime,
		cells:  make(map[grid.Cell]*cell),
	}
}

// advance moves the watermark to at if that is later, and reports whether a new
// slot began.
func (k *kind) advance(at int64) bool {
	if at <= k.newest {
		return false
	}
	k.newest = at
	slot := at / slotMicros
	if slot == k.slot {
		return false
	}
	if k.first == noTime {
		k.first = slot
	}
	k.slot = slot
	return true
}

// cell returns the state of c, making it when c speaks for the first time.
func (k *kind) cell(c grid.Cell) *cell {
	s := k.cells[c]
	if s == nil {
		s = &cell{id: c, kind: k, baseline: baseline{learnedTo: noTime}, clearSince: noTime, openSince: noTime}
		k.cells[c] = s
	}
	return s
}

// bucket is a roll-up of one slot.
type bucket struct {
	slot           int64
	count          int64
	sum            float64
	min, max, last float64
	lastAt         int64
}

// cell is one cell for one kind. Its buckets are sparse and sorted by slot;
// those that have left what is judged, shown and compared are removed.
type cell struct {
	id      grid.Cell
	kind    *kind
	area    grid.AreaCode // of the newest addition
	buckets []bucket
	dirty   bool // changed since the Watcher was told
	shown   bool // the Watcher was last told of a count above 0

	baseline
	count      int64 // events in the judged window
	open       *store.Alert
	openSince  int64 // RaisedAt of open
	lookedAt   int64 // end of the window in which it was last looked whether open is over
	reviseAt   int64 // count from which open is worth a revision; 0 for not yet known
	closed     []span
	clearSince int64 // noTime while the count speaks for the alert
}

// span is a time in which an alert was open, both ends included.
type span struct{ from, to int64 }

// add takes in one value of the given slot, which lies in the live window.
func (c *cell) add(slot int64, value float64, at int64) {
	n := len(c.buckets)
	i := n - 1
	for i >= 0 && c.buckets[i].slot > slot {
		i--
	}
	if i >= 0 && c.buckets[i].slot == slot {
		b := &c.buckets[i]
		b.count++
		b.sum += value
		b.min = min(b.min, value)
		b.max = max(b.max, value)
		if at > b.lastAt || at == b.lastAt && value > b.last {
			b.last, b.lastAt = value, at
		}
		return
	}
	c.buckets = append(c.buckets, bucket{})
	copy(c.buckets[i+2:], c.buckets[i+1:])
	c.buckets[i+1] = bucket{slot: slot, count: 1, sum: value, min: value, max: value, last: value, lastAt: at}
}

// left reports whether a bucket has left the window whose horizon moved from one
// slot to a later one.
func (c *cell) left(from, to int64) bool {
	i := sort.Search(len(c.buckets), func(i int) bool { return c.buckets[i].slot > from })
	return i < len(c.buckets) && c.buckets[i].slot <= to
}

// expire removes the buckets up to and including horizon.
func (c *cell) expire(horizon int64) {
	n := 0
	for n < len(c.buckets) && c.buckets[n].slot <= horizon {
		n++
	}
	if n > 0 {
		c.buckets = c.buckets[:copy(c.buckets, c.buckets[n:])]
	}
}

// state rolls up the buckets after horizon.
func (c *cell) state(horizon int64) CellState {
	s := CellState{Kind: c.kind.Key, Cell: c.id}
	for i := range c.buckets {
		b := &c.buckets[i]
		if b.slot > horizon {
			s.Rollup.Merge(grid.Rollup{Count: b.count, Sum: b.sum, Min: b.min, Max: b.max,
				Last: b.last, LastAt: fromMicros(b.lastAt)})
		}
	}
	return s
}

func fromMicros(us int64) time.Time { return time.UnixMicro(us).UTC() }
