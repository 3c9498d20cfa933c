package store

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"math"
	"slices"
	"sort"
	"time"

	"github.com/urbangrid/urbangrid/grid"
)

// CubeBuilder makes the Cube that answers a query from roll-ups that come in any
// order, field by field: it is how a Series implements Cube. It is not safe for
// concurrent use.
type CubeBuilder struct {
	q      CubeQuery
	cells  map[grid.Cell]int
	areas  map[grid.AreaCode]int
	places int
	cube   Cube
	lastAt []int64 // beside Last, µs since the Unix epoch

	within map[grid.Cell]int // the place of each cell that was asked for, at its own resolution
	window int               // that the call before found
}

// NewCubeBuilder returns a builder of the answer to a valid query that is made
// from roll-ups of span.
func NewCubeBuilder(q CubeQuery, span grid.Span) *CubeBuilder {
	b := &CubeBuilder{q: q, cells: make(map[grid.Cell]int), areas: make(map[grid.AreaCode]int), within: make(map[grid.Cell]int)}
	b.cube.Span = span
	b.cube.City = q.By == ByCity
	for _, t := range q.Bounds {
		b.cube.Bounds = append(b.cube.Bounds, t.UTC())
	}
	return b
}

// Place returns the number of the place that holds cell and area: what the
// grouping does not ask for may be zero. The cell is of the query's resolution
// or finer. It returns an ErrInvalidQuery when the cube has grown too large.
func (b *CubeBuilder) Place(cell grid.Cell, area grid.AreaCode) (int, error) {
	switch b.q.By {
	case ByCell:
		if n, ok := b.within[cell]; ok {
			return n, nil
		}
		parent, err := cell.Parent(b.q.CellResolution())
		if err != nil {
			return 0, err
		}
		n, err := numberFor(b, b.cells, parent)
		if err == nil {
			b.within[cell] = n
		}
		return n, err
	case ByArea:
		return numberFor(b, b.areas, area)
	}
	if b.places == 0 {
		return 0, b.grow()
	}
	return 0, nil
}

func numberFor[K comparable](b *CubeBuilder, known map[K]int, key K) (int, error) {
	if n, ok := known[key]; ok {
		return n, nil
	}
	n := b.places
	if err := b.grow(); err != nil {
		return 0, err
	}
	known[key] = n
	return n, nil
}

// grow adds a place.
func (b *CubeBuilder) grow() error {
	windows := b.cube.Windows()
	if (b.places+1)*windows > MaxCube {
		return tooLarge(b.places+1, windows)
	}
	b.places++
	b.cube.Count = append(b.cube.Count, make([]int64, windows)...)
	for _, c := range b.columns() {
		*c.values = slices.Grow(*c.values, windows)
		for range windows {
			*c.values = append(*c.values, c.empty)
		}
	}
	if b.q.Has(Last) {
		b.lastAt = append(b.lastAt, make([]int64, windows)...)
	}
	return nil
}

// column is a column beside Count and what it holds before anything was added.
type column struct {
	values *[]float64
	empty  float64
}

func (b *CubeBuilder) columns() []column {
	all := map[Aggregate]column{
		Sum: {&b.cube.Sum, 0}, Min: {&b.cube.Min, math.Inf(1)}, Max: {&b.cube.Max, math.Inf(-1)}, Last: {&b.cube.Last, math.Inf(-1)},
	}
	var out []column
	for a, c := range all {
		if b.q.Has(a) {
			out = append(out, c)
		}
	}
	return out
}

// Window returns the number of the window that contains t, and false when none
// does.
func (b *CubeBuilder) Window(t time.Time) (int, bool) {
	bounds := b.cube.Bounds
	for _, n := range [2]int{b.window, b.window + 1} { // most often the same again or the next
		if n+1 < len(bounds) && !t.Before(bounds[n]) && t.Before(bounds[n+1]) {
			b.window = n
			return n, true
		}
	}
	n := sort.Search(len(bounds), func(i int) bool { return t.Before(bounds[i]) }) - 1
	if n < 0 || n+1 >= len(bounds) {
		return 0, false
	}
	b.window = n
	return n, true
}

// Index returns where a place and window are, for the calls below.
func (b *CubeBuilder) Index(place, window int) int { return b.cube.Index(place, window) }

// AddCount adds to the count at an index.
func (b *CubeBuilder) AddCount(i int, n int64) { b.cube.Count[i] += n }

// AddSum adds to a sum. It and those below are for columns that the query has.
func (b *CubeBuilder) AddSum(i int, v float64) { b.cube.Sum[i] += v }

// AddMin takes in the least value of a part.
func (b *CubeBuilder) AddMin(i int, v float64) { b.cube.Min[i] = min(b.cube.Min[i], v) }

// AddMax takes in the greatest value of a part.
func (b *CubeBuilder) AddMax(i int, v float64) { b.cube.Max[i] = max(b.cube.Max[i], v) }

// AddLast takes in the last value of a part, which is of at.
func (b *CubeBuilder) AddLast(i int, v float64, at time.Time) {
	us := at.UnixMicro()
	first := math.IsInf(b.cube.Last[i], -1)
	if first || us > b.lastAt[i] || us == b.lastAt[i] && v > b.cube.Last[i] {
		b.cube.Last[i], b.lastAt[i] = v, us
	}
}

// Cube returns what was added. The builder must not be used after it.
func (b *CubeBuilder) Cube() Cube {
	c := &b.cube
	for _, column := range b.columns() {
		for i := range *column.values {
			if c.Count[i] == 0 {
				(*column.values)[i] = 0
			}
		}
	}
	var order []int
	c.Cells, order = ascending(b.cells)
	if b.q.By == ByArea {
		c.Areas, order = ascending(b.areas)
	}
	if !slices.IsSorted(order) {
		c.Count = arranged(c.Count, order, c.Windows())
		for _, column := range b.columns() {
			*column.values = arranged(*column.values, order, c.Windows())
		}
	}
	return *c
}

// ascending returns the keys in order, and the number of each.
func ascending[K cmp.Ordered](numbers map[K]int) (keys []K, order []int) {
	if len(numbers) == 0 {
		return nil, nil
	}
	for k := range numbers {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		order = append(order, numbers[k])
	}
	return keys, order
}

// arranged returns the rows of width values in the order given.
func arranged[V any](values []V, order []int, width int) []V {
	out := make([]V, 0, len(values))
	for _, n := range order {
		out = append(out, values[n*width:(n+1)*width]...)
	}
	return out
}

// StateHash makes the name that CubeState returns from how many observations
// each roll-up window counts, in ascending order of start. Observations are only
// ever added, and deleted by whole windows, so equal counts are equal data.
type StateHash struct{ sum hash.Hash }

// NewStateHash returns a StateHash that tells apart answers of different spans.
func NewStateHash(span grid.Span) *StateHash {
	h := &StateHash{sha256.New()}
	h.Add(time.Unix(0, 0), int64(span))
	return h
}

// Add takes in a window.
func (h *StateHash) Add(start time.Time, count int64) {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], uint64(start.UnixMicro()))
	binary.BigEndian.PutUint64(b[8:], uint64(count))
	_, _ = h.sum.Write(b[:]) // never fails
}

// String returns the name.
func (h *StateHash) String() string { return base64.RawURLEncoding.EncodeToString(h.sum.Sum(nil)[:15]) }
