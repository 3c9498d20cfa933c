package trend

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mathext"
)

// Slope is a robust straight line through a series, with the interval its
// steepness lies in: x ≈ Intercept + PerStep·t, t counted from the first step.
type Slope struct {
	PerStep   float64 // median of the slopes of all pairs, in units of the series per step; NaN without a pair
	Low       float64 // the interval; NaN when there are too few pairs to bound it at this confidence
	High      float64
	Intercept float64 // median of the values less PerStep times the median of their steps; NaN without a pair
	Pairs     int
}

// Sen is the slope of Theil (1950) and Sen (1968): the median over all pairs of
// (x_j-x_i)/(j-i), where i and j are steps, so that a missing value stretches
// the distance. The interval takes the order statistics that R's
// trend::sens.slope takes, from the variance of S with ties; it supposes
// independent steps as [MannKendall] does. A confidence of 0 means 0.95.
//
// The answer is exact at every length. The time grows with the square of it;
// above 2,000 values the memory does not.
func Sen(x []float64, confidence float64) Slope {
	values, steps := present(x)
	variance := tallyOf(values).variance
	return senOf([]track{newTrack(values, steps)}, variance, confidence)
}

// SeasonalSen is [Sen] over pairs of the same season only (Hirsch, Slack and
// Smith 1982; the interval after Gilbert 1987): what differs between the
// seasons does not tilt it. A season is the step modulo period. The slope is
// per step, not per period.
func SeasonalSen(x []float64, period int, confidence float64) Slope {
	tracks := make([]track, 0, max(period, 1))
	var variance float64
	for _, season := range seasons(x, period) {
		values, steps := present(season)
		variance += tallyOf(values).variance
		tracks = append(tracks, newTrack(values, steps))
	}
	s := senOf(tracks, variance, confidence)
	// Within a season the steps were counted in periods.
	s.PerStep /= float64(max(period, 1))
	s.Low /= float64(max(period, 1))
	s.High /= float64(max(period, 1))
	s.Intercept = intercept(x, s.PerStep)
	return s
}

// RegionalSen is [Sen] over the pairs within each of several series of the same
// steps: the slope that they have in common.
func RegionalSen(sites [][]float64, confidence float64) Slope {
	tracks := make([]track, 0, len(sites))
	var variance float64
	for _, x := range sites {
		values, steps := present(x)
		variance += tallyOf(values).variance
		tracks = append(tracks, newTrack(values, steps))
	}
	return senOf(tracks, variance, confidence)
}

// track is the values of one series with the steps they are from, none missing.
type track struct{ values, steps []float64 }

func newTrack(values []float64, steps []int) track {
	t := track{values: values, steps: make([]float64, len(steps))}
	for i, s := range steps {
		t.steps[i] = float64(s)
	}
	return t
}

func senOf(tracks []track, variance, confidence float64) Slope {
	if confidence == 0 {
		confidence = 0.95
	}
	pool := newSlopes(tracks)
	none := math.NaN()
	s := Slope{PerStep: none, Low: none, High: none, Intercept: none, Pairs: pool.pairs}
	if s.Pairs == 0 {
		return s
	}
	s.PerStep = pool.median()
	reach := mathext.NormalQuantile((1+confidence)/2) * math.Sqrt(variance)
	// R counts ranks from 1 and rounds halves to even.
	low := int(math.RoundToEven((float64(s.Pairs)-reach)/2)) - 1
	high := int(math.RoundToEven((float64(s.Pairs)+reach)/2+1)) - 1
	if low >= 0 {
		s.Low = pool.rank(low)
	}
	if high < s.Pairs {
		s.High = pool.rank(high)
	}
	s.Intercept = medianOf(tracks, func(t track) []float64 { return t.values }) -
		s.PerStep*medianOf(tracks, func(t track) []float64 { return t.steps })
	return s
}

// slopeOf is Sen's slope alone, 0 without a pair.
func slopeOf(values []float64, steps []int) float64 {
	if len(values) < 2 {
		return 0
	}
	return newSlopes([]track{newTrack(values, steps)}).median()
}

func medianOf(tracks []track, part func(track) []float64) float64 {
	var all []float64
	for _, t := range tracks {
		all = append(all, part(t)...)
	}
	return median(all)
}

// intercept is where a line of this slope through the medians of the values and
// of their steps begins.
func intercept(x []float64, perStep float64) float64 {
	values, steps := present(x)
	return median(values) - perStep*median(newTrack(nil, steps).steps)
}

// median returns the mean of the two middle values of an even number, and NaN
// of none. It leaves a as it is.
func median(a []float64) float64 {
	if len(a) == 0 {
		return math.NaN()
	}
	sorted := slices.Clone(a)
	slices.Sort(sorted)
	mid := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[mid]
	}
	return (sorted[mid-1] + sorted[mid]) / 2
}
