package trend_test

import (
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/urbangrid/urbangrid/analytics/trend"
)

type stlFile struct {
	X     []float64          `json:"x"`
	Cases map[string]stlCase `json:"cases"`
}

type stlCase struct {
	Params struct {
		Period       int  `json:"period"`
		Seasonal     int  `json:"seasonal"`
		Robust       bool `json:"robust"`
		Inner        int  `json:"inner_iter"`
		Outer        int  `json:"outer_iter"`
		SeasonalJump int  `json:"seasonal_jump"`
		TrendJump    int  `json:"trend_jump"`
		LowPassJump  int  `json:"low_pass_jump"`
	} `json:"params"`
	Trend    []float64 `json:"trend"`
	Seasonal []float64 `json:"seasonal"`
	Resid    []float64 `json:"resid"`
	Weights  []float64 `json:"weights"`
}

func (c stlCase) options() trend.STLOptions {
	outer := c.Params.Outer
	if c.Params.Robust && outer == 0 {
		outer = 15 // what the reference does
	}
	return trend.STLOptions{
		Period:   c.Params.Period,
		Seasonal: trend.Smoothing{Window: c.Params.Seasonal, Jump: c.Params.SeasonalJump},
		Trend:    trend.Smoothing{Jump: c.Params.TrendJump},
		LowPass:  trend.Smoothing{Jump: c.Params.LowPassJump},
		Inner:    c.Params.Inner,
		Outer:    outer,
	}
}

func decompose(t testing.TB, x []float64, opts trend.STLOptions) trend.Decomposition {
	t.Helper()
	d, err := trend.STL(x, opts)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// furthest is the largest distance between two series.
func furthest(t *testing.T, a, b []float64) (far float64) {
	t.Helper()
	if len(a) != len(b) {
		t.Fatalf("%d values, want %d", len(a), len(b))
	}
	for i := range a {
		far = max(far, math.Abs(a[i]-b[i]))
	}
	return far
}

func TestSTL_MatchesTheReference(t *testing.T) {
	file := load[stlFile](t, "stl.json")
	for name, c := range file.Cases {
		t.Run(name, func(t *testing.T) {
			tolerance := 1e-9
			if c.options().Outer > 3 {
				// R and statsmodels are as far apart before it converges: see
				// docs/analytics/trend.md.
				tolerance = 5e-3
			}
			got := decompose(t, file.X, c.options())
			for part, pair := range map[string][2][]float64{
				"trend":    {got.Trend, c.Trend},
				"seasonal": {got.Seasonal, c.Seasonal},
				"rest":     {got.Rest, c.Resid},
				"weights":  {got.Weights, c.Weights},
			} {
				if far := furthest(t, pair[0], pair[1]); far > tolerance {
					t.Errorf("%s is %.3g off, more than %g", part, far, tolerance)
				}
			}
		})
	}
}

func TestSTL_RobustIteratesUntilNothingChanges(t *testing.T) {
	x := load[stlFile](t, "stl.json").X
	got := decompose(t, x, trend.STLOptions{Period: 24, Robust: true})
	if !got.Converged || got.Rounds <= 3 {
		t.Fatalf("converged %v after %d rounds", got.Converged, got.Rounds)
	}
	long := decompose(t, x, trend.STLOptions{Period: 24, Outer: 300}) // where R and statsmodels agree again
	if far := furthest(t, got.Seasonal, long.Seasonal); far > 1e-5 {
		t.Errorf("seasons are %.3g from those of 300 rounds", far)
	}
	if far := furthest(t, got.Trend, long.Trend); far > 1e-5 {
		t.Errorf("trend is %.3g from that of 300 rounds", far)
	}
}

func TestSTL_RobustDoesNotHangOnRounding(t *testing.T) {
	x := load[stlFile](t, "stl.json").X
	touched := make([]float64, len(x))
	for i, v := range x {
		touched[i] = v * (1 + 1e-14*float64(i%7-3))
	}
	opts := trend.STLOptions{Period: 24, Robust: true}
	a, b := decompose(t, x, opts), decompose(t, touched, opts)
	if far := furthest(t, a.Seasonal, b.Seasonal); far > 1e-5 {
		t.Errorf("seasons moved by %.3g with the fourteenth digit", far)
	}
}

func TestSTL_RefusesWhatItCannotAnswer(t *testing.T) {
	hole := make([]float64, 48)
	hole[7] = math.NaN()
	flat := make([]float64, 48)
	for name, c := range map[string]struct {
		x    []float64
		opts trend.STLOptions
		want error
	}{
		"less than two periods":  {flat[:47], trend.STLOptions{Period: 24}, trend.ErrTooFew},
		"a missing value":        {hole, trend.STLOptions{Period: 24}, trend.ErrInvalid},
		"no period":              {flat, trend.STLOptions{}, trend.ErrInvalid},
		"an even window":         {flat, trend.STLOptions{Period: 24, Seasonal: trend.Smoothing{Window: 8}}, trend.ErrInvalid},
		"a tiny window":          {flat, trend.STLOptions{Period: 24, Trend: trend.Smoothing{Window: 1}}, trend.ErrInvalid},
		"low-pass below period":  {flat, trend.STLOptions{Period: 24, LowPass: trend.Smoothing{Window: 23}}, trend.ErrInvalid},
		"a jump back":            {flat, trend.STLOptions{Period: 24, Trend: trend.Smoothing{Jump: -1}}, trend.ErrInvalid},
		"a negative round":       {flat, trend.STLOptions{Period: 24, Outer: -1}, trend.ErrInvalid},
		"a degree there is none": {flat, trend.STLOptions{Period: 24, Trend: trend.Smoothing{Degree: 2}}, trend.ErrInvalid},
	} {
		if _, err := trend.STL(c.x, c.opts); !errors.Is(err, c.want) {
			t.Errorf("%s: error %v, want %v", name, err, c.want)
		}
	}
}

func TestSTL_FindsTheSeasonAndTheLineItIsMadeOf(t *testing.T) {
	x := make([]float64, 24*8)
	season := make([]float64, len(x))
	line := make([]float64, len(x))
	for i := range x {
		season[i] = 5 * math.Sin(2*math.Pi*float64(i)/24)
		line[i] = 10 + 0.05*float64(i)
		x[i] = season[i] + line[i]
	}
	x[100] += 50 // one sensor shouts once
	got := decompose(t, x, trend.STLOptions{Period: 24, Robust: true})
	if far := furthest(t, got.Seasonal, season); far > 1e-3 {
		t.Errorf("seasons are %.3g off", far)
	}
	if far := furthest(t, got.Trend, line); far > 1e-3 {
		t.Errorf("trend is %.3g off", far)
	}
	if got.Weights[100] != 0 {
		t.Errorf("the outlier has weight %v, want 0", got.Weights[100])
	}
}

func TestSTL_PartsSumToTheSeries(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		period := rapid.IntRange(2, 9).Draw(t, "period")
		x := rapid.SliceOfN(rapid.Float64Range(-50, 50), 2*period, 5*period).Draw(t, "x")
		opts := trend.STLOptions{
			Period:   period,
			Seasonal: trend.Smoothing{Degree: trend.Degree(rapid.IntRange(0, 1).Draw(t, "degree")), Jump: rapid.IntRange(0, 3).Draw(t, "jump")},
			Trend:    trend.Smoothing{Jump: rapid.IntRange(0, 5).Draw(t, "trend jump")},
			Robust:   rapid.Bool().Draw(t, "robust"),
		}
		got, err := trend.STL(x, opts)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range x {
			if sum := got.Seasonal[i] + got.Trend[i] + got.Rest[i]; !(math.Abs(sum-v) < 1e-9) {
				t.Fatalf("step %d: parts sum to %v, series has %v", i, sum, v)
			}
			if opts.Robust && got.Rounds > 0 && math.Abs(got.Seasonal[i]) > 201 {
				t.Fatalf("step %d: a season of %v in a series from -50 to 50", i, got.Seasonal[i])
			}
			if got.Weights[i] < 0 || got.Weights[i] > 1 {
				t.Fatalf("weight %v", got.Weights[i])
			}
		}
	})
}

func BenchmarkSTL(b *testing.B) {
	x := counts(336)
	for i := range x {
		x[i] += 5 * math.Sin(2*math.Pi*float64(i)/24)
	}
	for name, opts := range map[string]trend.STLOptions{
		"plain":  {Period: 24},
		"robust": {Period: 24, Robust: true},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			rounds := 0
			for b.Loop() {
				rounds = decompose(b, x, opts).Rounds
			}
			b.ReportMetric(float64(rounds), "rounds")
		})
	}
}
