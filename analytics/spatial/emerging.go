package spatial

import (
	"cmp"
	"errors"
	"fmt"
	"math"

	"github.com/urbangrid/urbangrid/analytics/fdr"
	"github.com/urbangrid/urbangrid/analytics/trend"
)

// MinSteps is the least number of time steps that [Graph.Emerging] speaks of.
const MinSteps = 10

// ErrShort is for a history of less than [MinSteps] steps: wait, or take shorter ones.
var ErrShort = errors.New("too few time steps")

// EmergingOptions tune [Graph.Emerging]. The zero value is ArcGIS' default.
type EmergingOptions struct {
	Preceding    int     // steps before its own that a bin's neighbours are taken from; 0 means 1, below 0 none
	Alpha        float64 // adjusted p up to which a bin is hot or cold; 0 means 0.05
	TrendAlpha   float64 // p below which z rises or falls; 0 means 0.05
	SporadicEver bool    // the older text of Sporadic, see [Categorize]
}

// Emerging is a history of hot and cold spots. Bins are indexed by step, oldest first,
// and place.
type Emerging struct {
	Z        [][]float64 // space-time Gi*
	Q        [][]float64 // its two-sided p, adjusted over all bins by [fdr.BH]
	State    [][]int8    // +1 hot, −1 cold, 0 neither, by Alpha
	Bin      [][]int8    // ±3, ±2, ±1 for 99 %, 95 %, 90 % confidence by Q, 0 for less
	Trend    []trend.Kendall
	Category []Category
}

// Emerging is the emerging hot spot analysis of x, a value for each step, oldest
// first, and place. Each bin gets the Gi* of its disk in its own and the preceding
// steps, compared with the mean and the population standard deviation of the entire
// cube; the places' z are tested for a trend by Mann-Kendall, and each place gets a
// category. It returns [ErrShort] below [MinSteps] and [ErrValues] when a step does
// not have a value for each place. A constant cube has no scores and no pattern.
//
// It follows ESRI's text "How Emerging Hot Spot Analysis works" (see [Categorize]);
// ESRI names no level for "significant", and ArcGIS was not run beside it. As
// neighbouring bins overlap, z is autocorrelated and the trend too easily significant:
// show [trend.HamedRao] of a place's z beside it.
func (g *Graph) Emerging(x [][]float64, opts EmergingOptions) (*Emerging, error) {
	if len(x) < MinSteps {
		return nil, fmt.Errorf("%w: %d of %d", ErrShort, len(x), MinSteps)
	}
	for step, values := range x {
		if err := g.fits(values); err != nil {
			return nil, fmt.Errorf("step %d: %w", step, err)
		}
	}
	preceding := max(0, cmp.Or(opts.Preceding, 1))
	places := g.Len()
	z := g.spaceTime(x, preceding)
	q := fdr.BH(twoSided(z))
	e := &Emerging{Trend: make([]trend.Kendall, places), Category: make([]Category, places)}
	state, bin := make([]int8, len(z)), make([]int8, len(z))
	alpha := cmp.Or(opts.Alpha, 0.05)
	for i := range z {
		state[i] = sign(z[i], q[i] <= alpha)
		bin[i] = sign(z[i], true) * confidence(q[i])
	}
	for step := range x {
		from, to := step*places, (step+1)*places
		e.Z, e.Q = append(e.Z, z[from:to:to]), append(e.Q, q[from:to:to])
		e.State, e.Bin = append(e.State, state[from:to:to]), append(e.Bin, bin[from:to:to])
	}
	trendAlpha := cmp.Or(opts.TrendAlpha, 0.05)
	series, states := make([]float64, len(x)), make([]int8, len(x))
	for i := range places {
		for step := range x {
			series[step], states[step] = e.Z[step][i], e.State[step][i]
		}
		k := trend.MannKendall(series)
		e.Trend[i] = k
		e.Category[i] = Categorize(states, sign(k.S, k.P < trendAlpha), opts.SporadicEver)
	}
	return e, nil
}

// spaceTime returns Gi* of every bin, step by step.
func (g *Graph) spaceTime(x [][]float64, preceding int) []float64 {
	places := g.Len()
	cube := make([]float64, 0, len(x)*places)
	for _, values := range x {
		cube = append(cube, values...)
	}
	f := newField(cube)
	z := noScores(len(cube))
	if f.flat {
		return z
	}
	// Sums over disks in space. They are of the values as they came: those of counts
	// are exact, so that equal sums give equal z, a tie to Mann-Kendall.
	disks := make([]float64, len(cube))
	for step, values := range x {
		for i := range places {
			disks[step*places+i] = sum(values, g.disk(i))
		}
	}
	n, variance := float64(len(cube)), f.variance()
	for step := range x {
		first := max(0, step-preceding)
		for i := range places {
			total := 0.0
			for s := first; s <= step; s++ {
				total += disks[s*places+i]
			}
			size := float64(len(g.disk(i)) * (step - first + 1))
			z[step*places+i] = ratio(total-f.mean*size, variance*size*(n-size)/(n-1))
		}
	}
	return z
}

// sign is that of v as a state; 0 when it does not count.
func sign(v float64, counts bool) int8 {
	switch {
	case counts && v > 0:
		return 1
	case counts && v < 0:
		return -1
	default:
		return 0
	}
}

// confidence is ArcGIS' bin of an adjusted p, without its sign.
func confidence(q float64) int8 {
	switch {
	case math.IsNaN(q) || q > 0.10:
		return 0
	case q > 0.05:
		return 1
	case q > 0.01:
		return 2
	default:
		return 3
	}
}
