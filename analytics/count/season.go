package count

import (
	"fmt"
	"math"
	"slices"
)

// past is what a model of the judged step may learn from.
type past struct {
	y     []float64
	time  []float64 // steps before the judged one, negative
	level []int     // of the season; 0 is that of the judged step
}

// past gathers the steps that the options admit.
func (o FarringtonOptions) past(x []float64, t int) (past, error) {
	reach := o.Season*o.Seasons + o.HalfWindow
	between := o.Season - 2*o.HalfWindow - 1
	switch {
	case t < 0 || t >= len(x):
		return past{}, fmt.Errorf("the series has %d steps", len(x))
	case o.Season < 1 || o.Seasons < 1 || o.CasesWithin < 1 || between < 0 || o.Levels < 1 || between < o.Levels-1:
		return past{}, fmt.Errorf("a season of %d steps has no room for a window of %d and %d levels", o.Season, 2*o.HalfWindow+1, o.Levels)
	case !(o.Alpha > 0 && o.Alpha < 1):
		return past{}, fmt.Errorf("alpha is %v, want between 0 and 1", o.Alpha)
	case math.IsNaN(x[t]):
		return past{}, fmt.Errorf("%w: the step itself is missing", ErrNotEnough)
	case t < reach:
		return past{}, fmt.Errorf("%w: %d steps of history, want %d", ErrNotEnough, t, reach)
	}
	var p past
	for s := t - reach; s < t-o.SkipLast; s++ {
		level := o.level(t - s)
		switch {
		case x[s] < 0 || math.IsInf(x[s], 1):
			return past{}, fmt.Errorf("the count of step %d is %v", s, x[s])
		case math.IsNaN(x[s]) || level > 0 && o.Levels == 1:
			continue
		}
		p.y = append(p.y, x[s])
		p.time = append(p.time, float64(s-t))
		p.level = append(p.level, level)
	}
	switch {
	case !slices.Contains(p.level, 0):
		return past{}, fmt.Errorf("%w: no count at the same time of earlier seasons", ErrNotEnough)
	case p.highest() == 0:
		return past{}, fmt.Errorf("%w: there never was an event", ErrNotEnough)
	}
	return p, nil
}

// level returns the level of the step that lies ago steps back: 0 within the
// window around the same step of a season, and from 1 the part of what lies
// between two windows, oldest first. When it does not divide evenly the first
// parts are one step longer.
func (o FarringtonOptions) level(ago int) int {
	back := ago % o.Season
	ahead := o.Season - back // steps after the window's middle
	if back <= o.HalfWindow || ahead <= o.HalfWindow {
		return 0
	}
	if o.Levels == 1 {
		return 1
	}
	at := ahead - o.HalfWindow - 1
	length, longer := (o.Season-2*o.HalfWindow-1)/(o.Levels-1), (o.Season-2*o.HalfWindow-1)%(o.Levels-1)
	if at < longer*(length+1) {
		return 1 + at/(length+1)
	}
	return 1 + longer + (at-longer*(length+1))/length
}

// design returns the columns of the model: one, the time, and whether a step is of
// a level, for each level but 0 that there is.
func (p past) design(trend bool) [][]float64 {
	one := make([]float64, len(p.y))
	for i := range one {
		one[i] = 1
	}
	columns := [][]float64{one}
	if trend {
		columns = append(columns, p.time)
	}
	for level := 1; level <= slices.Max(p.level); level++ {
		if !slices.Contains(p.level, level) {
			continue
		}
		column := make([]float64, len(p.y))
		for i, l := range p.level {
			if l == level {
				column[i] = 1
			}
		}
		columns = append(columns, column)
	}
	return columns
}

func (p past) highest() float64 { return slices.Max(p.y) }
