package trend

import "fmt"

// Direction says which way a series goes.
type Direction string

// The directions a [Trend] has.
const (
	Rising  Direction = "rising"
	Falling Direction = "falling"
	Steady  Direction = "steady" // nothing that chance would not do as well
)

// Options say how [Of] looks at a series. The zero value works.
type Options struct {
	Confidence float64 // of the slope's interval; P below one less it makes a direction; 0 means 0.95
	MaxLag     int     // longest lag that HamedRao looks at; 0 means 3
	Period     int     // steps in a season; 0 or 1 means no season
}

// Trend is what a report says about a series: the test as it is, the test as
// corrected for steps that resemble each other, and the slope.
type Trend struct {
	Direction Direction
	P         float64   // the one to quote: exact for a short series of independent steps, else that of Corrected
	Raw       Kendall   // MannKendall, or Seasonal with a Period
	Corrected Corrected // HamedRao, its factor at least 1; equal to Raw with a Period
	Slope     Slope     // Sen, or SeasonalSen; its interval is not corrected
}

// Of tests x for a trend. The error is [ErrTooFew] below [MinSteps] values, or
// two periods of a season from the first value to the last.
func Of(x []float64, opts Options) (Trend, error) {
	values, _ := present(x)
	if len(values) < MinSteps {
		return Trend{}, fmt.Errorf("trend of %d values, at least %d are needed: %w", len(values), MinSteps, ErrTooFew)
	}
	if opts.Confidence == 0 {
		opts.Confidence = 0.95
	}
	var t Trend
	if opts.Period > 1 {
		if n := known(x); n < 2*opts.Period {
			return Trend{}, fmt.Errorf("seasonal trend of %d steps, at least two periods of %d are needed: %w", n, opts.Period, ErrTooFew)
		}
		t.Raw = Seasonal(x, opts.Period)
		t.Corrected = Corrected{Kendall: t.Raw, Factor: 1}
		t.Slope = SeasonalSen(x, opts.Period, opts.Confidence)
	} else {
		t.Raw = MannKendall(x)
		t.Corrected = HamedRao(x, Lags{Max: opts.MaxLag})
		t.Slope = Sen(x, opts.Confidence)
	}
	t.P = t.quotable(opts.Period > 1)
	t.Direction = direction(t.Raw.S, t.P, 1-opts.Confidence)
	return t, nil
}

// known is how many steps there are from the first value to the last.
func known(x []float64) int {
	_, steps := present(x)
	if len(steps) == 0 {
		return 0
	}
	return steps[len(steps)-1] - steps[0] + 1
}

func (t Trend) quotable(seasonal bool) float64 {
	if exact, ok := t.Raw.ExactP(); ok && !seasonal && t.Corrected.Factor == 1 {
		return exact
	}
	return t.Corrected.P
}

func direction(s, p, level float64) Direction {
	switch {
	case p >= level || s == 0:
		return Steady
	case s > 0:
		return Rising
	}
	return Falling
}
