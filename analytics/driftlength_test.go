package analytics_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/urbangrid/urbangrid/analytics/trend"
)

// The limit of 12 that drift has when a rule states none: an ordinary cell with
// over-dispersed counts raises less than one alarm in five years, a rise of the mean by
// one and a half standard deviations is found within a day.
func TestDrift_IsSeldomByChanceAndFoundWithinADay(t *testing.T) {
	rule := trend.CusumRule{Limit: 12, Clip: 4}
	const dispersion = 1.3
	for _, mean := range []float64{0.05, 0.5, 2, 8} {
		rng := rand.New(rand.NewPCG(7, uint64(mean*100)))
		spread := math.Max(math.Sqrt(dispersion*mean), 1)
		z := func(actual float64) float64 {
			rate := distuv.Gamma{Alpha: actual / (dispersion - 1), Beta: 1 / (dispersion - 1), Src: rng}.Rand()
			return (distuv.Poisson{Lambda: math.Max(rate, 1e-9), Src: rng}.Rand() - mean) / spread
		}
		const hours = 3_000_000
		alarms := 0
		var chart trend.Cusum
		for range hours {
			if chart.Add(z(mean), rule) == trend.Up {
				alarms++
			}
		}
		t.Logf("mean %g: %d alarms in %d cell hours", mean, alarms, hours)
		if perYear := float64(alarms) / hours * 8766; perYear > 0.2 {
			t.Errorf("mean %g: %.2g alarms a cell and year by chance, want at most 0.2", mean, perYear)
		}
		total := 0
		for range 200 {
			chart = trend.Cusum{}
			for n := 1; ; n++ {
				if chart.Add(z(mean+1.5*spread), rule) == trend.Up {
					total += n
					break
				}
			}
		}
		t.Logf("mean %g: found after %.1f h", mean, float64(total)/200)
		if total > 24*200 {
			t.Errorf("mean %g: found after %.1f h, want a day", mean, float64(total)/200)
		}
	}
}
