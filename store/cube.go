package store

import (
	"slices"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

// Grouping is what the places of a Cube are.
type Grouping int

// The groupings that can be asked for.
const (
	ByCell Grouping = iota + 1 // the cells of CubeQuery.Resolution
	ByArea                     // responsibility areas, and "" for outside all of them
	ByCity                     // all places as one
)

// MaxCube bounds places times windows of a Cube: 96 MB a column.
const MaxCube = 12_000_000

// CubeQuery asks for one kind in many places and windows at once. The answer
// comes from roll-ups, of the coarsest span of which every bound begins a window:
// calendar days of the Series' zone, hours, or minutes.
type CubeQuery struct {
	Kind       sensors.KindKey
	By         Grouping
	Area       grid.AreaCode // only what lies in this area; "" for all
	Cell       grid.Cell     // only what lies in this cell of grid.Resolution or coarser; 0 for all
	Resolution int           // of the cells of ByCell, at most grid.Resolution; 0 means grid.Resolution
	// Bounds are the windows: the nth is [Bounds[n], Bounds[n+1]). They ascend and
	// are whole minutes since the Unix epoch; see grid.Calendar.Days.
	Bounds []time.Time
	// With are the columns beside Count: any of Sum, Min, Max and Last.
	With []Aggregate
}

// Cube is what was observed of a kind, by place and window. It is dense: each
// column has Places times Windows values, those of the first place first; see
// Index. A column that was not asked for is nil, and a value of a window without
// observations is 0.
type Cube struct {
	Bounds []time.Time     // in UTC
	Cells  []grid.Cell     // of ByCell, ascending: those with an observation
	Areas  []grid.AreaCode // of ByArea, ascending: those with an observation
	City   bool            // of ByCity: there is one place, unless there is no observation
	Span   grid.Span       // of the roll-ups that it was made from

	Count []int64
	Sum   []float64
	Min   []float64
	Max   []float64
	Last  []float64
}

// Windows returns how many windows there are.
func (c *Cube) Windows() int { return max(0, len(c.Bounds)-1) }

// Places returns how many places there are.
func (c *Cube) Places() int {
	if c.Windows() == 0 {
		return 0
	}
	return len(c.Count) / c.Windows()
}

// Index returns where in each column the value of a place and window is.
func (c *Cube) Index(place, window int) int { return place*c.Windows() + window }

// Counts returns the counts of a place, one a window. They share memory with c.
func (c *Cube) Counts(place int) []int64 {
	return c.Count[c.Index(place, 0):c.Index(place+1, 0):c.Index(place+1, 0)]
}

// Validate returns an ErrInvalidQuery that says what is wrong with q, nil when
// it can be answered.
func (q CubeQuery) Validate() error {
	if q.Kind == "" {
		return invalid("kind is missing")
	}
	switch q.By {
	case ByCell, ByArea, ByCity:
	default:
		return invalid("places are neither cells, areas nor the city")
	}
	if err := validateCell(q.Cell); err != nil {
		return err
	}
	if q.Resolution < 0 || q.Resolution > grid.Resolution {
		return invalid("resolution %d is not 1 to %d", q.Resolution, grid.Resolution)
	}
	if q.By != ByCell && q.Resolution != 0 {
		return invalid("a resolution is for cells alone")
	}
	for _, a := range q.With {
		switch a {
		case Count, Sum, Min, Max, Last:
		default:
			return invalid("column %q is none of count, sum, min, max, last", string(a))
		}
	}
	return q.validateBounds()
}

func (q CubeQuery) validateBounds() error {
	if len(q.Bounds) < 2 {
		return invalid("%d bounds make no window", len(q.Bounds))
	}
	if n := len(q.Bounds) - 1; n > MaxCube {
		return tooLarge(1, n)
	}
	for i, b := range q.Bounds {
		if !grid.OneMinute.Start(b).Equal(b) {
			return invalid("bound %s is not a whole minute", b.Format(time.RFC3339Nano))
		}
		if i > 0 && !q.Bounds[i-1].Before(b) {
			return invalid("bound %s does not come after the one before", b.Format(time.RFC3339Nano))
		}
	}
	if q.Bounds[0].Before(Earliest) || q.Bounds[len(q.Bounds)-1].After(Latest) {
		return invalid("bounds lie outside %d to %d", Earliest.Year(), Latest.Year())
	}
	return nil
}

func tooLarge(places, windows int) error {
	return invalid("%d windows of %d places or more are more than %d values; ask for fewer or longer windows, for a part of the city, or for coarser cells",
		windows, places, MaxCube)
}

// Span returns the coarsest of days, hours and minutes of which every bound of
// a valid q begins a window.
func (q CubeQuery) Span(days grid.Calendar) grid.Span {
	if q.aligned(days.Day) {
		return grid.OneDay
	}
	return q.FineSpan()
}

// FineSpan is Span without days.
func (q CubeQuery) FineSpan() grid.Span {
	if q.aligned(grid.OneHour.Start) {
		return grid.OneHour
	}
	return grid.OneMinute
}

func (q CubeQuery) aligned(start func(time.Time) time.Time) bool {
	return !slices.ContainsFunc(q.Bounds, func(b time.Time) bool { return !start(b).Equal(b) })
}

// Range returns the first and the last bound of a valid q.
func (q CubeQuery) Range() (from, to time.Time) { return q.Bounds[0], q.Bounds[len(q.Bounds)-1] }

// CellResolution returns the resolution of the cells of ByCell.
func (q CubeQuery) CellResolution() int {
	if q.Resolution == 0 {
		return grid.Resolution
	}
	return q.Resolution
}

// Has reports whether q asks for a column; Count is always one.
func (q CubeQuery) Has(a Aggregate) bool { return a == Count || slices.Contains(q.With, a) }
