package live

import (
	"math"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

// face is what a viewer sees of a cell; the zero face is an empty cell.
type face struct {
	value float64
	count int64
}

// shower says what a viewer sees of a roll-up.
type shower func(grid.Rollup) face

// showLevels shows what was observed: the mean of a measure, how many events.
func showLevels(k sensors.Kind) shower {
	if k.Type == sensors.Event {
		return func(r grid.Rollup) face { return face{value: float64(r.Count), count: r.Count} }
	}
	scale := math.Pow10(decimalsOf(k))
	return func(r grid.Rollup) face {
		mean, ok := r.Mean()
		if !ok {
			return face{}
		}
		return face{value: math.Round(mean*scale) / scale, count: r.Count}
	}
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

// Counts of a heat topic.
const (
	heatUsual       = 1
	heatSignificant = 2
)

// heatRollup is the roll-up of one cell of a heat topic. Roll-ups of heat stand for
// cells: Count of them, Sum of which are significant, Min and Max are their scores.
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

// showHeat shows a cell by its score, a coarser one by that of its cells which is
// farthest from 0.
func showHeat(r grid.Rollup) face {
	if r.Count == 0 {
		return face{}
	}
	f := face{value: farthest(r), count: heatUsual}
	if r.Sum > 0 {
		f.count = heatSignificant
	}
	return f
}

// excessRollup is the roll-up of one cell of an excess topic. Roll-ups of excess
// stand for cells: Count of them, Sum, Min and Max are of their excess.
func excessRollup(s analytics.ExcessState) grid.Rollup {
	if math.IsNaN(s.Excess) {
		return grid.Rollup{}
	}
	return grid.Rollup{Count: 1, Sum: s.Excess, Min: s.Excess, Max: s.Excess}
}

// showExcess shows by how many the events of a cell exceed what is expected, which
// adds up, and how many spreads a measure is from what is usual, which does not: a
// coarser cell shows that of its cells which is farthest from 0.
func showExcess(k sensors.Kind) shower {
	return func(r grid.Rollup) face {
		switch {
		case r.Count == 0:
			return face{}
		case k.Type == sensors.Event:
			return face{value: tenths(r.Sum), count: r.Count}
		}
		return face{value: tenths(farthest(r)), count: r.Count}
	}
}

// farthest returns the extreme of a roll-up that is farther from 0.
func farthest(r grid.Rollup) float64 {
	if -r.Min > r.Max {
		return r.Min
	}
	return r.Max
}

// tenths rounds to one decimal, without a negative zero.
func tenths(x float64) float64 { return math.Round(x*10)/10 + 0 }
