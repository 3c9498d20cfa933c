package trend_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"github.com/urbangrid/urbangrid/analytics/trend"
)

func TestRunLengths_OfCountsMatchTheReference(t *testing.T) {
	for name, c := range load[chartFile](t, "changepoint_charts.json").Series {
		if c.Gamma == nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			opts := trend.RunOptions{Between: 1 / c.Gamma.Hazard, Prune: -1}
			runs := trend.NewRunLengths(trend.GammaPoisson{Shape: c.Gamma.A, Exposure: c.Gamma.B}, opts)
			for i, v := range c.X {
				runs.Add(v)
				near(t, "AtMost(5)", runs.AtMost(5), c.Gamma.AtMost5[i], 1e-9)
				if got := runs.MostLikely(); got != c.Gamma.MostLikely[i] {
					t.Errorf("step %d: most likely %d, want %d", i, got, c.Gamma.MostLikely[i])
				}
			}
		})
	}
}

func TestRunLengths_OfMeasuresMatchTheReference(t *testing.T) {
	for name, c := range load[chartFile](t, "changepoint_charts.json").Series {
		if c.Student == nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			prior := trend.StudentT{Mean: c.Student.Mu, Weight: c.Student.Kappa, Shape: c.Student.Alpha, Rate: c.Student.Beta}
			runs := trend.NewRunLengths(prior, trend.RunOptions{Between: c.Student.Usual, Prune: -1})
			for i, v := range c.X {
				runs.Add(v)
				if i >= 10 {
					near(t, "Chance(10)", runs.Chance(10), c.Student.P10Delayed[i-10], 1e-9)
				}
				near(t, "Chance(0)", runs.Chance(0), c.Student.P0[i], 1e-9)
				if got := runs.MostLikely(); got != c.Student.MostLikely[i] {
					t.Errorf("step %d: most likely %d, want %d", i, got, c.Student.MostLikely[i])
				}
			}
			for length, want := range c.Student.FinalColumn {
				near(t, "last chance", runs.Chance(length), want, 1e-9)
			}
		})
	}
}

func TestRunLengths_ForgetWhatIsUnlikelyWithoutChangingTheirMind(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	prior := trend.GammaPoisson{Shape: 1, Exposure: 1}
	lean := trend.NewRunLengths(prior, trend.RunOptions{})
	full := trend.NewRunLengths(prior, trend.RunOptions{Prune: -1})
	most, worst := 0, 0.0
	for i := range 1000 {
		x := poisson(rng, 3+float64(i/250*6))
		lean.Add(x)
		full.Add(x)
		most = max(most, lean.Kept())
		worst = max(worst, math.Abs(lean.AtMost(5)-full.AtMost(5)))
	}
	if worst > 0.05 {
		t.Errorf("chances of a level within 5 steps differ by %v", worst)
	}
	if most > 400 || full.Kept() != 1001 {
		t.Errorf("at most %d kept, of %d", most, full.Kept())
	}
}

// poisson draws a count by the waiting times between events.
func poisson(rng *rand.Rand, mean float64) (count float64) {
	for left := mean - rng.ExpFloat64(); left > 0; left -= rng.ExpFloat64() {
		count++
	}
	return count
}

func TestRunLengths_SeeAJumpWithinAFewSteps(t *testing.T) {
	runs := trend.NewRunLengths(trend.GammaPoisson{Shape: 1, Exposure: 1}, trend.RunOptions{})
	for i := range 60 {
		runs.Add(float64(i % 3))
	}
	if p := runs.AtMost(5); p > 0.2 {
		t.Fatalf("before the jump the level is new with %v", p)
	}
	for range 3 {
		runs.Add(12)
	}
	if p, length := runs.AtMost(5), runs.MostLikely(); p < 0.95 || length != 3 {
		t.Errorf("three steps after the jump: new with %v, most likely for %d steps, want 3", p, length)
	}
}

func TestRunLengths_AreChancesWhateverComes(t *testing.T) {
	priors := []trend.Prior{
		trend.GammaPoisson{Shape: 1, Exposure: 1},
		trend.StudentT{Weight: 1, Shape: 0.1, Rate: 0.01},
	}
	rapid.Check(t, func(t *rapid.T) {
		runs := trend.NewRunLengths(rapid.SampledFrom(priors).Draw(t, "prior"), trend.RunOptions{})
		values := rapid.OneOf(
			rapid.Map(rapid.IntRange(0, 20), func(i int) float64 { return float64(i) }),
			rapid.SampledFrom([]float64{math.NaN(), math.Inf(1), -3, 1e9}),
		)
		for _, x := range rapid.SliceOfN(values, 1, 80).Draw(t, "x") {
			runs.Add(x)
			var sum float64
			for length := range 81 {
				sum += runs.Chance(length)
			}
			if !(math.Abs(sum-1) < 1e-9) {
				t.Fatalf("after %v the chances sum to %v", x, sum)
			}
		}
	})
}

func BenchmarkRunLengths(b *testing.B) {
	x := counts(1024)
	runs := trend.NewRunLengths(trend.GammaPoisson{Shape: 1, Exposure: 1}, trend.RunOptions{})
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		runs.Add(x[i&1023])
		i++
	}
	b.ReportMetric(float64(runs.Kept()), "runs")
}
