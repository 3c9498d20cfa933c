package grid

import (
	"time"

	"github.com/urbangrid/urbangrid/sensors"
)

// Span is the length of a roll-up window. Windows are aligned to the Unix epoch.
type Span time.Duration

// The spans that are kept.
const (
	TenSeconds = Span(10 * time.Second)
	OneMinute  = Span(time.Minute)
	OneHour    = Span(time.Hour)
)

// Spans are the kept spans, finest first. Each divides the next.
var Spans = [...]Span{TenSeconds, OneMinute, OneHour}

// Start returns the beginning of the window that contains t, in UTC.
func (s Span) Start(t time.Time) time.Time {
	us, w := t.UnixMicro(), time.Duration(s).Microseconds()
	n := us / w
	if us%w < 0 {
		n--
	}
	return time.UnixMicro(n * w).UTC()
}

// Rollup sums up the observations of one window. The zero Rollup is that of no
// observation. Merging is commutative and associative but for the rounding of
// Sum, so order and grouping do not matter; Last is the value with the greatest
// LastAt, of equals the greatest value.
type Rollup struct {
	Count  int64
	Sum    float64
	Min    float64
	Max    float64
	Last   float64
	LastAt time.Time
}

// Add takes in one observation's value.
func (r *Rollup) Add(value float64, at time.Time) {
	r.Merge(Rollup{Count: 1, Sum: value, Min: value, Max: value, Last: value, LastAt: at})
}

// Merge takes in another roll-up of the same window, or of a part of it.
func (r *Rollup) Merge(o Rollup) {
	if o.Count == 0 {
		return
	}
	if r.Count == 0 {
		*r = o
		return
	}
	r.Count += o.Count
	r.Sum += o.Sum
	r.Min = min(r.Min, o.Min)
	r.Max = max(r.Max, o.Max)
	if o.LastAt.After(r.LastAt) || (o.LastAt.Equal(r.LastAt) && o.Last > r.Last) {
		r.Last, r.LastAt = o.Last, o.LastAt
	}
}

// Mean returns Sum/Count, and false when there is nothing to average.
func (r Rollup) Mean() (float64, bool) {
	if r.Count == 0 {
		return 0, false
	}
	return r.Sum / float64(r.Count), true
}

// RollupKey names a roll-up. Area is part of it because a cell on a boundary
// has observations in both areas.
type RollupKey struct {
	Span  Span
	Start time.Time
	Kind  sensors.KindKey
	Cell  Cell
	Area  AreaCode
}
