package trend

import (
	"fmt"
	"slices"
)

// Seasons is a series as the sum of several seasons, a trend and a rest; each
// has its length.
type Seasons struct {
	Periods   []int       // in ascending order
	Seasonal  [][]float64 // one for each period
	Trend     []float64
	Rest      []float64
	Converged bool // each STL of the last pass did
}

// multiPasses is how often MSTL goes through its periods.
const multiPasses = 2

// MSTL is [STL] for seasons within seasons, such as the day (24) and the week
// (168) of hourly values, after Bandara, Hyndman and Bergmeir (2021): each
// season in turn is taken from what the others leave, the shortest first. The
// options hold for all; Period is not looked at, and a Seasonal.Window of 0
// means 11 for the shortest period and 4 more for each longer one. The errors
// are those of STL; two of the longest period are needed. Robust rounds come to
// rest less often than in one STL: look at Converged.
func MSTL(x []float64, periods []int, opts STLOptions) (Seasons, error) {
	out := Seasons{Periods: slices.Compact(slices.Sorted(slices.Values(periods)))}
	if len(out.Periods) == 0 {
		return Seasons{}, fmt.Errorf("mstl without a period: %w", ErrInvalid)
	}
	if longest := out.Periods[len(out.Periods)-1]; len(x) < 2*longest {
		return Seasons{}, fmt.Errorf("mstl of %d steps, at least two periods of %d are needed: %w", len(x), longest, ErrTooFew)
	}
	for range out.Periods {
		out.Seasonal = append(out.Seasonal, make([]float64, len(x)))
	}
	out.Rest = slices.Clone(x)
	passes := multiPasses
	if len(out.Periods) == 1 {
		passes = 1
	}
	for range passes {
		out.Converged = true
		for i := range out.Periods {
			if err := out.refine(i, opts); err != nil {
				return Seasons{}, fmt.Errorf("mstl of period %d: %w", out.Periods[i], err)
			}
		}
	}
	for i := range out.Rest {
		out.Rest[i] -= out.Trend[i]
	}
	return out, nil
}

// refine takes one season anew from what the others leave. Until MSTL is done
// the trend is still in Rest.
func (s *Seasons) refine(i int, opts STLOptions) error {
	opts.Period = s.Periods[i]
	if opts.Seasonal.Window == 0 {
		opts.Seasonal.Window = 11 + 4*i
	}
	for t, v := range s.Seasonal[i] {
		s.Rest[t] += v
	}
	d, err := STL(s.Rest, opts)
	if err != nil {
		return err
	}
	for t, v := range d.Seasonal {
		s.Rest[t] -= v
	}
	s.Seasonal[i], s.Trend = d.Seasonal, d.Trend
	s.Converged = s.Converged && d.Converged
	return nil
}
