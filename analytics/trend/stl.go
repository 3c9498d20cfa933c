package trend

import (
	"fmt"
	"math"
	"slices"
)

// Degree says what Loess fits in its window.
type Degree int

// Line is a straight line, Level a mean.
const (
	Line Degree = iota
	Level
)

// Smoothing is one of the three Loess smoothers in [STL].
type Smoothing struct {
	Window int // values that bear on one; odd and at least 3; 0 means what [STLOptions] says for each
	Degree Degree
	Jump   int // fit every Jump-th value and draw lines between; 0 means 1, every value
}

// STLOptions are those of Cleveland et al. (1990). Only Period has to be set.
type STLOptions struct {
	Period   int       // steps in a season, at least 2
	Seasonal Smoothing // over the same season of successive periods; a Window of 0 means 7
	Trend    Smoothing // a Window of 0 means the least odd one from 1.5·Period/(1-1.5/Seasonal.Window) on
	LowPass  Smoothing // what keeps the trend out of the seasons; a Window of 0 means the least odd one above Period

	// Robust gives outliers less weight, round by round until nothing changes:
	// less than 1e-8 of the range of the series, or 100 rounds. Before
	// that the answer of a robust STL hangs on rounding errors.
	Robust bool

	Outer int // exactly so many robust rounds, as R and statsmodels do (15); 0 leaves it to Robust
	Inner int // passes in a round; 0 means 2 with robust rounds and 5 without
}

const (
	maxRounds   = 100
	convergence = 1e-8  // of the range of the series
	rounding    = 1e-12 // of the largest value
)

// Decomposition is a series as the sum of three; each has its length.
type Decomposition struct {
	Seasonal  []float64
	Trend     []float64
	Rest      []float64
	Weights   []float64 // how far each value was trusted, 0 to 1; all 1 without robust rounds
	Rounds    int       // robust rounds made
	Converged bool      // robust rounds came to rest; true without Robust. If not, prefer a plain STL or a wider Seasonal.Window
}

// STL splits x into seasons, trend and rest by Loess, in the way of the Fortran
// of the paper, of R's stl and of statsmodels. For counts take log1p first: the
// sum of the parts becomes a product.
//
// The error is [ErrTooFew] below two periods, and [ErrInvalid] for options out
// of range or a missing value: STL has no place for holes.
func STL(x []float64, opts STLOptions) (Decomposition, error) {
	if err := opts.fill(); err != nil {
		return Decomposition{}, err
	}
	if len(x) < 2*opts.Period {
		return Decomposition{}, fmt.Errorf("stl of %d steps, at least two periods of %d are needed: %w", len(x), opts.Period, ErrTooFew)
	}
	for i, v := range x {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return Decomposition{}, fmt.Errorf("stl: no number at step %d: %w", i, ErrInvalid)
		}
	}
	s := newSTL(x, opts)
	s.run()
	for i := range x {
		s.out.Rest[i] = x[i] - s.out.Seasonal[i] - s.out.Trend[i]
	}
	return s.out, nil
}

// fill puts in the defaults and checks what was set.
func (o *STLOptions) fill() error {
	if o.Period < 2 {
		return fmt.Errorf("stl: a period of %d steps, at least 2 are needed: %w", o.Period, ErrInvalid)
	}
	if o.Inner < 0 || o.Outer < 0 {
		return fmt.Errorf("stl: %d passes in %d rounds: %w", o.Inner, o.Outer, ErrInvalid)
	}
	if o.Inner == 0 {
		o.Inner = 5
		if o.Robust || o.Outer > 0 {
			o.Inner = 2
		}
	}
	if err := o.Seasonal.fill("seasonal", 7, 3); err != nil {
		return err
	}
	share := 1 - 1.5/float64(o.Seasonal.Window)
	if err := o.Trend.fill("trend", odd(int(math.Ceil(1.5*float64(o.Period)/share))), 3); err != nil {
		return err
	}
	return o.LowPass.fill("low-pass", odd(o.Period+1), o.Period)
}

func (s *Smoothing) fill(name string, window, least int) error {
	if s.Window == 0 {
		s.Window = window
	}
	if s.Jump == 0 {
		s.Jump = 1
	}
	if s.Window < least || s.Window%2 == 0 {
		return fmt.Errorf("stl: a %s window of %d, it must be odd and at least %d: %w", name, s.Window, least, ErrInvalid)
	}
	if s.Jump < 0 || s.Degree != Line && s.Degree != Level {
		return fmt.Errorf("stl: %s degree %d, jump %d: %w", name, s.Degree, s.Jump, ErrInvalid)
	}
	return nil
}

// odd is the least odd number from n on.
func odd(n int) int { return n | 1 }

// stl is one decomposition under way.
type stl struct {
	opts STLOptions
	x    []float64
	out  Decomposition

	largest float64 // largest distance of a value from 0

	seasonal, trend, lowPass loess

	cycle    []float64 // the smoothed seasons, one period longer at each end
	filtered []float64 // scratch of the low-pass filter, as long as cycle
	buffer   []float64 // scratch, as long as cycle
	one      season    // scratch for one season
}

// season is the values of one season through the periods.
type season struct{ values, trust, smooth []float64 }

func newSTL(x []float64, opts STLOptions) *stl {
	n := len(x)
	long := n + 2*opts.Period
	weight := make([]float64, long)
	through := func(s Smoothing) loess {
		return loess{window: s.Window, degree: s.Degree, jump: s.Jump, weight: weight}
	}
	periods := (n + opts.Period - 1) / opts.Period
	return &stl{
		largest: largest(x),

		opts: opts,
		x:    x,
		out: Decomposition{
			Seasonal:  make([]float64, n),
			Trend:     make([]float64, n),
			Rest:      make([]float64, n),
			Weights:   slices.Repeat([]float64{1}, n),
			Converged: true,
		},
		seasonal: through(opts.Seasonal),
		trend:    through(opts.Trend),
		lowPass:  through(opts.LowPass),
		cycle:    make([]float64, long),
		filtered: make([]float64, long),
		buffer:   make([]float64, long),
		one: season{
			values: make([]float64, periods),
			trust:  make([]float64, periods),
			smooth: make([]float64, periods+2),
		},
	}
}

func (s *stl) run() {
	s.round(nil)
	switch {
	case s.opts.Outer > 0:
		for range s.opts.Outer {
			s.robustRound()
		}
	case s.opts.Robust:
		s.out.Converged = s.settle()
	}
}

// settle makes robust rounds until one changes nothing any more. It reports
// false when there were too many, or when one made seasons that the series does
// not have: weights of 0 side by side leave lines that nothing holds. That round
// is taken back.
func (s *stl) settle() bool {
	spread := slices.Max(s.x) - slices.Min(s.x)
	noise := rounding * s.largest
	for s.out.Rounds < maxRounds {
		seasonal, trend, weights := slices.Clone(s.out.Seasonal), slices.Clone(s.out.Trend), slices.Clone(s.out.Weights)
		s.robustRound()
		change := max(distance(seasonal, s.out.Seasonal), distance(trend, s.out.Trend))
		switch {
		case change <= convergence*spread+noise:
			return true
		case !(largest(s.out.Seasonal) <= 2*spread+noise):
			s.out.Seasonal, s.out.Trend, s.out.Weights = seasonal, trend, weights
			s.out.Rounds--
			return false
		}
	}
	return false
}

// robustRound trusts each value by how well it was fitted, and fits again.
func (s *stl) robustRound() {
	s.trust()
	s.round(s.out.Weights)
	s.out.Rounds++
}

func distance(a, b []float64) (far float64) {
	for i := range a {
		far = max(far, math.Abs(a[i]-b[i]))
	}
	return far
}

func largest(a []float64) (far float64) {
	for _, v := range a {
		far = max(far, math.Abs(v))
	}
	return far
}

// round makes the inner passes of the paper: seasons, low-pass filter, trend.
func (s *stl) round(trust []float64) {
	n, period := len(s.x), s.opts.Period
	for range s.opts.Inner {
		rest := s.out.Rest
		for i, v := range s.x {
			rest[i] = v - s.out.Trend[i]
		}
		s.seasons(rest, trust)
		low := s.filter()
		for i := range n {
			s.out.Seasonal[i] = s.cycle[period+i] - low[i]
			rest[i] = s.x[i] - s.out.Seasonal[i]
		}
		s.trend.smooth(rest, trust, s.out.Trend)
	}
}

// seasons smooths each season through the periods, and extends it by one period
// to either side.
func (s *stl) seasons(x, trust []float64) {
	period := s.opts.Period
	for first := range period {
		k := 0
		for i := first; i < len(x); i += period {
			s.one.values[k] = x[i]
			if trust != nil {
				s.one.trust[k] = trust[i]
			}
			k++
		}
		values, smooth := s.one.values[:k], s.one.smooth[:k+2]
		var weights []float64
		if trust != nil {
			weights = s.one.trust[:k]
		}
		s.seasonal.smooth(values, weights, smooth[1:k+1])
		s.extend(values, weights, smooth)
		for i, v := range smooth {
			s.cycle[first+i*period] = v
		}
	}
}

// extend fits one value before and one after a season.
func (s *stl) extend(values, trust, smooth []float64) {
	k, window := len(values), s.opts.Seasonal.Window
	var ok bool
	if smooth[0], ok = s.seasonal.fit(values, trust, -1, 0, min(window, k)-1); !ok {
		smooth[0] = smooth[1]
	}
	if smooth[k+1], ok = s.seasonal.fit(values, trust, float64(k), max(0, k-window), k-1); !ok {
		smooth[k+1] = smooth[k]
	}
}

// filter returns what is slow in the smoothed seasons, as long as the series.
func (s *stl) filter() []float64 {
	n, period := len(s.x), s.opts.Period
	a := movingAverage(s.cycle, period, s.buffer)
	b := movingAverage(a, period, s.filtered)
	c := movingAverage(b, 3, s.buffer)
	low := s.filtered[:n]
	s.lowPass.smooth(c[:n], nil, low)
	return low
}

// movingAverage writes the means of length successive values to out and returns
// the part that it filled.
func movingAverage(x []float64, length int, out []float64) []float64 {
	out = out[:len(x)-length+1]
	var sum float64
	for _, v := range x[:length] {
		sum += v
	}
	out[0] = sum / float64(length)
	for i := 1; i < len(out); i++ {
		sum += x[i+length-1] - x[i-1]
		out[i] = sum / float64(length)
	}
	return out
}

// trust sets the bisquare weight of each value: 0 from six median deviations on.
func (s *stl) trust() {
	deviation := s.buffer[:len(s.x)]
	for i, v := range s.x {
		deviation[i] = math.Abs(v - s.out.Seasonal[i] - s.out.Trend[i])
	}
	// What a float64 cannot tell from a perfect fit is one: else a series
	// without noise would be weighted by its rounding errors.
	limit := max(6*median(deviation), rounding*s.largest)
	for i, d := range deviation {
		switch {
		case d <= .001*limit:
			s.out.Weights[i] = 1
		case d <= .999*limit:
			q := d / limit
			q = 1 - q*q
			s.out.Weights[i] = q * q
		default:
			s.out.Weights[i] = 0
		}
	}
}
