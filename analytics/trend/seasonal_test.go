package trend_test

import (
	"math"
	"testing"

	"github.com/urbangrid/urbangrid/analytics/trend"
)

func TestSeasonal_MatchesTheReferences(t *testing.T) {
	for name, c := range load[kendallFile](t, "mannkendall.json").Series {
		if c.Seasonal == nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			got := trend.Seasonal(c.X, 12)
			sameTest(t, got, *c.Seasonal)
			slope := trend.SeasonalSen(c.X, 12, 0)
			near(t, "slope", 12*slope.PerStep, float64(c.Seasonal.Slope), 1e-9)
			near(t, "intercept", slope.Intercept, float64(c.Seasonal.Intercept), 1e-9)

			r := trend.Seasonal(c.X, c.R.Seasonal.Period)
			near(t, "R's S", r.S, c.R.Seasonal.S, 1e-9)
			near(t, "R's Var", r.Var, c.R.Seasonal.Var, 1e-9)
			near(t, "R's Z", r.Z, c.R.Seasonal.Z, 1e-9)
			near(t, "R's P", r.P, c.R.Seasonal.P, 1e-9)
		})
	}
}

func TestCorrelatedSeasonal_MatchesTheReference(t *testing.T) {
	for name, c := range load[kendallFile](t, "mannkendall.json").Series {
		if c.Correlated != nil {
			t.Run(name, func(t *testing.T) { sameTest(t, trend.CorrelatedSeasonal(c.X, 12), *c.Correlated) })
		}
	}
}

func TestRegional_MatchesTheReference(t *testing.T) {
	m := load[kendallFile](t, "mannkendall.json").Multi
	columns := [][]float64{m.Columns[0], m.Columns[1]}
	sameTest(t, trend.Regional(columns), m.Regional)
	sameTest(t, trend.CorrelatedRegional(columns), m.Correlated)
	near(t, "slope", trend.RegionalSen(columns, 0).PerStep, float64(m.Regional.Slope), 1e-9)
	near(t, "slope", trend.RegionalSen(columns, 0).PerStep, float64(m.Correlated.Slope), 1e-9)

	// The reference reads the columns as seasons of one series when it places
	// the line.
	woven := make([]float64, 0, 2*len(columns[0]))
	for i := range columns[0] {
		woven = append(woven, columns[0][i], columns[1][i])
	}
	near(t, "intercept", trend.SeasonalSen(woven, 2, 0).Intercept, float64(m.Regional.Intercept), 1e-9)
}

func TestPartial_MatchesTheReference(t *testing.T) {
	m := load[kendallFile](t, "mannkendall.json").Multi
	sameTest(t, trend.Partial(m.Columns[0], m.Columns[1]), m.Partial)
	slope := trend.Sen(m.Columns[0], 0)
	near(t, "slope", slope.PerStep, float64(m.Partial.Slope), 1e-9)
	near(t, "intercept", slope.Intercept, float64(m.Partial.Intercept), 1e-9)
}

func TestPartial_LeavesNothingOfATrendThatTheCovariateHasToo(t *testing.T) {
	x := []float64{1, 3, 2, 4, 6, 5, 8, 7, 9}
	if got := trend.Partial(x, x); math.Abs(got.S) > 1e-9 || got.P != 1 {
		t.Errorf("x explained by itself: %+v, want no trend", got)
	}
}

func TestFamily_OfNothingIsNoTrend(t *testing.T) {
	gap := math.NaN()
	for what, got := range map[string]trend.Kendall{
		"seasonal":            trend.Seasonal(nil, 12),
		"correlated seasonal": trend.CorrelatedSeasonal([]float64{1, gap, gap, 2}, 2),
		"regional":            trend.Regional(nil),
		"correlated regional": trend.CorrelatedRegional(nil),
		"partial":             trend.Partial([]float64{1, gap}, []float64{gap, 2}),
		"yue-wang":            trend.YueWang([]float64{gap}, trend.Lags{}).Kendall,
	} {
		if got.S != 0 || got.Z != 0 || got.P != 1 {
			t.Errorf("%s: %+v, want S 0, Z 0, P 1", what, got)
		}
	}
	if got := trend.SeasonalSen(nil, 12, 0); !math.IsNaN(got.PerStep) || !math.IsNaN(got.Intercept) {
		t.Errorf("seasonal slope %+v, want none", got)
	}
}

func TestSeasonal_WithoutASeasonIsMannKendall(t *testing.T) {
	x := []float64{1, 3, 3, math.NaN(), 6, 5, 8, 7, 9}
	want := trend.MannKendall(x)
	for _, period := range []int{-1, 0, 1} {
		if got := trend.Seasonal(x, period); got != want {
			t.Errorf("period %d: %+v, want %+v", period, got, want)
		}
	}
	// With one series the covariance matrix is the variance, ties and all.
	near(t, "Var", trend.CorrelatedSeasonal(x, 1).Var, want.Var, 1e-12)
}

func TestPettitt_MatchesR(t *testing.T) {
	for name, c := range load[kendallFile](t, "mannkendall.json").Series {
		if c.R.Pettitt == nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			got := trend.Pettitt(c.X)
			near(t, "U", got.U, c.R.Pettitt.U, 1e-12)
			near(t, "P", got.P, c.R.Pettitt.P, 1e-9)
			// R counts the values before the change.
			if len(got.At) != len(c.R.Pettitt.K) || got.At[0] != c.R.Pettitt.K[0] {
				t.Errorf("At = %v, want %v", got.At, c.R.Pettitt.K)
			}
		})
	}
}

func TestPettitt_FindsTheFirstStepOfTheNewLevel(t *testing.T) {
	x := []float64{1, 2, 1, math.NaN(), 2, 1, 9, 8, 9, 9, 8}
	if got := trend.Pettitt(x); len(got.At) != 1 || got.At[0] != 6 {
		t.Errorf("At = %v, want [6]", got.At)
	}
	if got := trend.Pettitt([]float64{3, 3, 3, 3}); got.At != nil || got.P != 1 {
		t.Errorf("constant: %+v, want no shift and P 1", got)
	}
}
