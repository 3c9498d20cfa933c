package trend_test

import (
	"slices"
	"testing"

	"github.com/urbangrid/urbangrid/analytics/trend"
)

type publishedFile struct {
	Rain     series               `json:"rain_360"`
	Water    []series             `json:"water_80x2"`
	Expected map[string]reference `json:"expected"`
}

// What the reference holds itself to: gaps, hundreds of ties, and a Hamed-Rao
// variance that its own newest version gets wrong.
func TestFamily_MatchesThePublishedTests(t *testing.T) {
	f := load[publishedFile](t, "pymannkendall.json")
	sites := [][]float64{f.Water[0], f.Water[1]}
	got := map[string]trend.Kendall{
		"mann_kendall":                 trend.MannKendall(f.Rain),
		"hamed_rao_all_lags":           trend.HamedRao(f.Rain, everyLag).Kendall,
		"hamed_rao_lag3":               trend.HamedRao(f.Rain, trend.Lags{}).Kendall,
		"yue_wang_all_lags":            trend.YueWang(f.Rain, everyLag).Kendall,
		"yue_wang_lag1":                trend.YueWang(f.Rain, trend.Lags{Max: 1}).Kendall,
		"pre_whitening":                trend.PreWhitened(f.Rain),
		"trend_free_pre_whitening":     trend.TrendFreePreWhitened(f.Rain),
		"seasonal_period12":            trend.Seasonal(f.Rain, 12),
		"correlated_seasonal_period12": trend.CorrelatedSeasonal(f.Rain, 12),
		"regional":                     trend.Regional(sites),
		"correlated_multivariate":      trend.CorrelatedRegional(sites),
		"partial":                      trend.Partial(sites[0], sites[1]),
	}
	for name, want := range f.Expected {
		t.Run(name, func(t *testing.T) { sameTest(t, got[name], want) })
	}
	if len(got) != len(f.Expected) {
		t.Errorf("%d tests, want %d", len(got), len(f.Expected))
	}
}

func TestSlopes_MatchThePublishedTests(t *testing.T) {
	f := load[publishedFile](t, "pymannkendall.json")
	rain := trend.Sen(f.Rain, 0)
	near(t, "rain", rain.PerStep, float64(f.Expected["mann_kendall"].Slope), 1e-12)
	near(t, "rain from", rain.Intercept, float64(f.Expected["mann_kendall"].Intercept), 1e-12)
	month := trend.SeasonalSen(f.Rain, 12, 0)
	near(t, "rain of a month", 12*month.PerStep, float64(f.Expected["seasonal_period12"].Slope), 1e-12)
	near(t, "rain of a month from", month.Intercept, float64(f.Expected["seasonal_period12"].Intercept), 1e-12)
	near(t, "sites", trend.RegionalSen([][]float64{f.Water[0], f.Water[1]}, 0).PerStep, float64(f.Expected["regional"].Slope), 1e-12)
	water := trend.Sen(f.Water[0], 0)
	near(t, "water", water.PerStep, float64(f.Expected["partial"].Slope), 1e-12)
	near(t, "water from", water.Intercept, float64(f.Expected["partial"].Intercept), 1e-12)
}

// deepcharles/ruptures, pull request 383: pruning at once loses the optimum.
func TestPartition_PassesTheCounterExampleToPruningAtOnce(t *testing.T) {
	got, err := trend.Partition([]float64{0, 1, 0, 0, 1}, trend.PartitionOptions{Cost: trend.SquaredCost, MinLength: 2, Penalty: 0.1})
	if err != nil || !slices.Equal(got.Ends, []int{5}) {
		t.Errorf("ends %v, %v, want [5]", got.Ends, err)
	}
}

// Eight values in order: one of 40,320 orders rises throughout, one falls.
func TestMannKendall_ExactChanceIsFarBelowTheNormalOne(t *testing.T) {
	got := trend.MannKendall([]float64{1, 2, 3, 4, 5, 6, 7, 8})
	exact, _ := got.ExactP()
	near(t, "exact", exact, 2.0/40320, 1e-12)
	near(t, "normal", got.P, 8.36627131e-4, 1e-8)
}
