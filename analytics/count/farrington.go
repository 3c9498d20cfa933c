package count

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mathext"
)

// ErrNotEnough says that a series is too short, or has too little in it, for the
// method to give a number that means something. Wait for more data, or look at a
// larger area.
var ErrNotEnough = errors.New("not enough data")

// FarringtonOptions tune [FarringtonFlexible]. The zero value is the setting of
// Noufaily and others (2013) for weekly counts; [HourlyFarrington] is for hours.
type FarringtonOptions struct {
	Season      int       // steps until the season returns; 0 means 52
	Seasons     int       // how many of them to look back; 0 means 5
	HalfWindow  int       // steps on each side of the same step of the season; 0 means 3, negative none
	Levels      int       // levels of the season, the window's own included; 0 means 10, 1 looks at the windows only
	SkipLast    int       // last steps before the present to leave out, lest an outbreak teaches the model; 0 means 26, negative none
	TrendP      float64   // keep the trend when its p is below; 0 means 1: whenever it is plausible; negative never
	Outlier     float64   // Anscombe residual above which a step weighs residual⁻²; 0 means 2.58, +Inf never
	Alpha       float64   // one-sided share of false alarms; 0 means 0.005
	MinCases    int       // fewer events than that within CasesWithin steps raise no alarm; 0 means 5, negative any
	CasesWithin int       // 0 means 4
	Threshold   Threshold // how the limit comes from the fit; the zero value is the one to use
}

// HourlyFarrington is the setting for hourly counts: the same hour of the week and
// its two neighbours in the last eight weeks, and a trend where it is
// significant. Between the windows nothing is used: ten levels are too few for
// the course of a week, and what they leave unexplained would pass for
// over-dispersion.
func HourlyFarrington() FarringtonOptions {
	return FarringtonOptions{Season: 168, Seasons: 8, HalfWindow: 1, Levels: 1, TrendP: 0.05}
}

// Farrington is the judgement on one step.
type Farrington struct {
	Expected   float64 // mean of the step by the model
	StdErr     float64 // standard error of ln Expected
	Dispersion float64 // variance over mean, 1 at least
	Trend      float64 // change of ln mean by step; 0 without a trend
	HasTrend   bool
	Upper      float64 // a count above it raises the alarm
	P          float64 // probability of the count or more by the model
	Score      float64 // (count − Expected)/(Upper − Expected): above 1 is above the limit; where no count is expected +Inf then and 0 else
	Enough     bool    // there were MinCases within CasesWithin steps, this one included
	Alarm      bool
	Steps      int // of the past that the model was fitted to
}

// FarringtonFlexible judges step t of a series of counts against its own past
// (Farrington, Andrews, Beale and Catchpole 1996; Noufaily, Enki, Farrington,
// Garthwaite, Andrews and Charlett 2013): a quasi-Poisson regression with log
// link on a linear trend and a seasonal factor, fitted again with past outbreaks
// weighed down. The trend is kept only with three seasons or more, a p below
// TrendP, and an expectation not above every count that it was fitted to. Only
// x[:t+1] is read; NaN are steps without data. The seasonal factor has the steps
// around the same step of the season as one level, and what lies between cut in
// equal parts.
//
// It returns an error that wraps [ErrNotEnough] when the past does not reach back
// Seasons seasons and HalfWindow steps, the window is empty or no model can be
// fitted, and another when the options contradict each other or a count is
// negative. Memory and time are those of a few regressions of
// Season·Seasons rows.
func FarringtonFlexible(x []float64, t int, opts FarringtonOptions) (Farrington, error) {
	opts = opts.filled()
	past, err := opts.past(x, t)
	if err != nil {
		return Farrington{}, fmt.Errorf("farrington at step %d: %w", t, err)
	}
	m, err := opts.model(past)
	if err != nil {
		return Farrington{}, fmt.Errorf("farrington at step %d: %w: %w", t, ErrNotEnough, err)
	}
	f := Farrington{
		Expected: math.Exp(m.coef[0]), Dispersion: m.phi,
		StdErr: math.Sqrt(m.phi * m.unscaled(0)), HasTrend: m.trend, Steps: len(past.y),
	}
	if m.trend {
		f.Trend = m.coef[1]
	}
	f.Upper, f.P = opts.Threshold.limit(f.Expected, f.StdErr, f.Dispersion, opts.Alpha, x[t])
	switch {
	case f.Upper > f.Expected:
		f.Score = (x[t] - f.Expected) / (f.Upper - f.Expected)
	case x[t] > f.Upper:
		f.Score = math.Inf(1)
	}
	f.Enough = opts.enough(x[:t+1])
	f.Alarm = f.Enough && x[t] > 0 && x[t] > f.Upper
	return f, nil
}

func (o FarringtonOptions) filled() FarringtonOptions {
	defaults := []struct {
		field *int
		value int
	}{{&o.Season, 52}, {&o.Seasons, 5}, {&o.HalfWindow, 3}, {&o.Levels, 10}, {&o.SkipLast, 26}, {&o.MinCases, 5}, {&o.CasesWithin, 4}}
	for _, d := range defaults {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	o.HalfWindow, o.SkipLast = max(o.HalfWindow, 0), max(o.SkipLast, 0)
	if o.TrendP == 0 {
		o.TrendP = 1
	}
	if o.Outlier == 0 {
		o.Outlier = 2.58
	}
	if o.Alpha == 0 {
		o.Alpha = 0.005
	}
	return o
}

func (o FarringtonOptions) enough(x []float64) bool {
	var sum float64
	for _, v := range x[max(0, len(x)-o.CasesWithin):] {
		if !math.IsNaN(v) {
			sum += v
		}
	}
	return sum >= float64(o.MinCases)
}

// seasonModel is the last fit and what was settled on the way to it. Its first
// coefficient is ln of the expectation of the judged step, the second, with a
// trend, the change by step.
type seasonModel struct {
	*regression
	phi   float64
	trend bool
}

// model fits with a trend if it may have one, and without if the trend does not
// converge, is not significant, or expects more than was ever seen.
func (o FarringtonOptions) model(p past) (seasonModel, error) {
	if o.TrendP > 0 && o.Seasons >= 3 {
		m, err := o.fit(p, true)
		if err == nil && o.believes(m, p) {
			return m, nil
		}
	}
	return o.fit(p, false)
}

func (o FarringtonOptions) believes(m seasonModel, p past) bool {
	t := m.coef[1] / math.Sqrt(m.phi*m.unscaled(1))
	return studentP(t, m.freedom()) < o.TrendP && math.Exp(m.coef[0]) <= p.highest()
}

// studentP is the two-sided p of a t statistic.
func studentP(t float64, freedom int) float64 {
	n := float64(freedom)
	return mathext.RegIncBeta(n/2, 0.5, n/(n+t*t))
}

// fit fits twice: the second time with the weights that the residuals of the
// first give.
func (o FarringtonOptions) fit(p past, trend bool) (seasonModel, error) {
	design := p.design(trend)
	if len(p.y) <= len(design) {
		return seasonModel{}, fmt.Errorf("%d steps for %d coefficients", len(p.y), len(design))
	}
	even := make([]float64, len(p.y))
	for i := range even {
		even[i] = 1
	}
	r, err := regress(design, p.y, even)
	if err != nil {
		return seasonModel{}, err
	}
	if !math.IsInf(o.Outlier, 1) {
		s := anscombe(p.y, r.means, r.leverage(), max(r.dispersion(), 1))
		if r, err = regress(design, p.y, weights(s, o.Outlier)); err != nil {
			return seasonModel{}, err
		}
	}
	return seasonModel{regression: r, phi: max(r.dispersion(), 1), trend: trend}, nil
}

// anscombe returns the standardised Anscombe residuals of Poisson counts.
func anscombe(y, means, leverage []float64, phi float64) []float64 {
	s := make([]float64, len(y))
	for i, v := range y {
		if free := phi * (1 - leverage[i]); free > 0 {
			s[i] = 1.5 * (math.Pow(v, 2./3)*math.Pow(means[i], -1./6) - math.Sqrt(means[i])) / math.Sqrt(free)
		}
	}
	return s
}

// weights returns one weight for each residual, s⁻² above the limit and 1 else,
// scaled so that they add up to their number.
func weights(s []float64, limit float64) []float64 {
	w := make([]float64, len(s))
	var sum float64
	for i, v := range s {
		w[i] = 1
		if v > limit {
			w[i] = 1 / (v * v)
		}
		sum += w[i]
	}
	for i := range w {
		w[i] *= float64(len(s)) / sum
	}
	return w
}
