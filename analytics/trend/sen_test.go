package trend_test

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/urbangrid/urbangrid/analytics/trend"
)

func TestSen_MatchesTheReferences(t *testing.T) {
	for name, c := range load[kendallFile](t, "mannkendall.json").Series {
		t.Run(name, func(t *testing.T) {
			got := trend.Sen(c.X, 0.95)
			near(t, "slope", got.PerStep, float64(c.Original.Slope), 1e-9)
			near(t, "intercept", got.Intercept, float64(c.Original.Intercept), 1e-9)
			if c.R.Sen != nil {
				near(t, "R's slope", got.PerStep, float64(c.R.Sen.Slope), 1e-9)
				near(t, "R's low", got.Low, float64(c.R.Sen.Low), 1e-9)
				near(t, "R's high", got.High, float64(c.R.Sen.High), 1e-9)
			}
			if c.Scipy != nil {
				near(t, "scipy's slope", got.PerStep, c.Scipy.Slope, 1e-9)
				near(t, "scipy's intercept", got.Intercept, c.Scipy.Intercept, 1e-9)
				if !math.IsNaN(got.Low) { // scipy takes the outermost pair where R has none
					near(t, "scipy's low", got.Low, c.Scipy.Low, 1e-9)
					near(t, "scipy's high", got.High, c.Scipy.High, 1e-9)
				}
			}
		})
	}
}

func TestSen_HasNoIntervalWhereTooFewPairsBoundIt(t *testing.T) {
	if got := trend.Sen([]float64{1, 2, 3, 4}, 0.95); !math.IsNaN(got.Low) || !math.IsNaN(got.High) {
		t.Errorf("four values: %+v, want no interval", got)
	}
	if got := trend.Sen([]float64{1}, 0.95); !math.IsNaN(got.PerStep) || got.Pairs != 0 {
		t.Errorf("one value: %+v, want no slope", got)
	}
}

func TestSen_CountsMissingStepsAsTime(t *testing.T) {
	gap := math.NaN()
	if got := trend.Sen([]float64{0, 2, gap, gap, 8, 10, gap, 14}, 0); got.PerStep != 2 || got.Intercept != 0 {
		t.Errorf("%+v, want slope 2 from 0", got)
	}
}

func TestSen_OfConstantSeriesIsFlat(t *testing.T) {
	got := trend.Sen([]float64{5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5}, 0)
	if got.PerStep != 0 || got.Intercept != 5 || got.Low != 0 {
		t.Errorf("%+v, want flat at 5", got)
	}
}

// Above the length at which all slopes are held, the answer comes from a
// bracket of order statistics; it is the same answer.
func TestSen_IsExactAlsoAboveWhatIsHeld(t *testing.T) {
	x := counts(2500)
	for i := 7; i < len(x); i += 31 {
		x[i] = math.NaN()
	}
	got := trend.Sen(x, 0.9)
	var all []float64
	for i := range x {
		for j := i + 1; j < len(x); j++ {
			if !math.IsNaN(x[i]) && !math.IsNaN(x[j]) {
				all = append(all, (x[j]-x[i])/float64(j-i))
			}
		}
	}
	slices.Sort(all)
	if len(all) != got.Pairs {
		t.Fatalf("%d pairs, want %d", got.Pairs, len(all))
	}
	want := all[len(all)/2]
	if len(all)%2 == 0 {
		want = (all[len(all)/2-1] + want) / 2
	}
	reach := 1.6448536269514722 * math.Sqrt(trend.MannKendall(x).Var)
	low := all[int(math.RoundToEven((float64(len(all))-reach)/2))-1]
	high := all[int(math.RoundToEven((float64(len(all))+reach)/2))]
	if got.PerStep != want || got.Low != low || got.High != high {
		t.Errorf("%+v, want %v in [%v, %v]", got, want, low, high)
	}
}

// Rises of 0 fill half of all pairs: the bracket ends on them.
func TestSen_IsExactAlsoWhereMostSlopesAreEqual(t *testing.T) {
	x := make([]float64, 2400)
	for i := range x {
		if i%9 == 0 {
			x[i] = 1
		}
	}
	if got := trend.Sen(x, 0); got.PerStep != 0 || got.Low != 0 || got.High != 0 {
		t.Errorf("%+v, want 0 throughout", got)
	}
}

func TestSen_FollowsScaleAndTilt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := anySeries(2).Draw(t, "x")
		a := rapid.Float64Range(0.1, 10).Draw(t, "a")
		b := rapid.Float64Range(-5, 5).Draw(t, "b")
		tilted := make([]float64, len(x))
		for i, v := range x {
			tilted[i] = a*v + b*float64(i)
		}
		got, plain := trend.Sen(tilted, 0), trend.Sen(x, 0)
		if want := a*plain.PerStep + b; !same(got.PerStep, want) {
			t.Fatalf("slope of a·x+b·t = %v, want %v", got.PerStep, want)
		}
		scaled := make([]float64, len(x))
		for i, v := range x {
			scaled[i] = a*v + b
		}
		if got, want := trend.Sen(scaled, 0).Intercept, a*plain.Intercept+b; !same(got, want) {
			t.Fatalf("intercept of a·x+b = %v, want %v", got, want)
		}
	})
}

// same is equality but for rounding of values up to a thousand or so.
func same(a, b float64) bool {
	return math.IsNaN(a) && math.IsNaN(b) || math.Abs(a-b) < 1e-9
}

func TestSeasonalSen_MatchesTheReference(t *testing.T) {
	for name, c := range load[kendallFile](t, "mannkendall.json").Series {
		if c.SeasonSen == nil {
			continue
		}
		got := trend.SeasonalSen(c.X, 12, 0)
		near(t, name+" slope per period", 12*got.PerStep, c.SeasonSen.Slope, 1e-9)
		near(t, name+" intercept", got.Intercept, c.SeasonSen.Intercept, 1e-9)
	}
}

func TestSeasonalSen_IsNotTiltedByTheSeason(t *testing.T) {
	x := make([]float64, 24*6)
	for i := range x {
		x[i] = 0.25*float64(i) + 100*math.Sin(float64(i%24))
	}
	if got := trend.SeasonalSen(x, 24, 0); !same(got.PerStep, 0.25) || !same(got.Low, 0.25) || !same(got.High, 0.25) {
		t.Errorf("%+v, want 0.25 a step", got)
	}
}

func BenchmarkSen(b *testing.B) {
	for _, n := range []int{24, 168, 2000, 5000} {
		x := counts(n)
		b.Run(size(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				trend.Sen(x, 0)
			}
		})
	}
}
