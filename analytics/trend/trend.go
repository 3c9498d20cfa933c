// Package trend says whether a series of equal time steps goes up, down or
// breaks, and how sure one may be: the Mann-Kendall family and Theil-Sen's
// slope, decomposition by Loess (STL), exact change points, and the charts that
// watch a series as it grows (CUSUM, EWMA, run lengths).
//
// A series is a []float64 in time order, one value a step. A step without a
// value is NaN and keeps its place: slopes are over the steps that really went
// by. Infinite values do not belong into a series. No function keeps or changes
// the slices it is given, and all are safe for concurrent use.
//
// docs/analytics/trend.md has each definition with its source, and what it does
// not say.
package trend

import (
	"errors"
	"math"
)

// MinSteps is the least number of values that [Of] makes a statement about.
const MinSteps = 8

// ErrTooFew marks a series that is too short for the question asked. Show "not
// enough data" instead of a number; more history is the only cure.
var ErrTooFew = errors.New("not enough data")

// ErrInvalid marks a question that a method does not answer: options that
// contradict each other, or a series with a hole where none may be. The message
// says which; the same question will be refused again.
var ErrInvalid = errors.New("invalid")

// present returns the values of x that are not missing and the step each is
// from.
func present(x []float64) (values []float64, steps []int) {
	values = make([]float64, 0, len(x))
	steps = make([]int, 0, len(x))
	for i, v := range x {
		if !math.IsNaN(v) {
			values = append(values, v)
			steps = append(steps, i)
		}
	}
	return values, steps
}
