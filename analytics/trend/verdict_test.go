package trend_test

import (
	"errors"
	"math"
	"testing"

	"github.com/urbangrid/urbangrid/analytics/trend"
)

func TestOf_RefusesWhatIsTooShort(t *testing.T) {
	gap := math.NaN()
	short := []float64{1, 2, gap, 3, 4, 5, gap, 6, 7, gap, gap}
	if _, err := trend.Of(short, trend.Options{}); !errors.Is(err, trend.ErrTooFew) {
		t.Errorf("seven values: error %v, want ErrTooFew", err)
	}
	if _, err := trend.Of(append(short, 8), trend.Options{}); err != nil {
		t.Errorf("eight values: %v", err)
	}
	if _, err := trend.Of(make([]float64, 47), trend.Options{Period: 24}); !errors.Is(err, trend.ErrTooFew) {
		t.Errorf("less than two days: error %v, want ErrTooFew", err)
	}
	// A day and a half, before and after which nothing is known.
	gaps := make([]float64, 72)
	for i := range gaps {
		if gaps[i] = float64(i % 5); i < 20 || i >= 56 {
			gaps[i] = gap
		}
	}
	if _, err := trend.Of(gaps, trend.Options{Period: 24}); !errors.Is(err, trend.ErrTooFew) {
		t.Errorf("a day and a half within three: error %v, want ErrTooFew", err)
	}
}

func TestOf_QuotesTheExactChanceOfShortSeries(t *testing.T) {
	got, err := trend.Of([]float64{8, 7, 6, 5, 4, 3, 2, 1}, trend.Options{})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "P", got.P, 2.0/40320, 1e-12)
	if got.Direction != trend.Falling || got.Slope.PerStep != -1 {
		t.Errorf("%+v, want falling by 1 a step", got)
	}
}

func TestOf_IsNotCarriedAwayByStepsThatResembleEachOther(t *testing.T) {
	walk := load[kendallFile](t, "mannkendall.json").Series["ar1_07_notrend_120"].X
	got, err := trend.Of(walk, trend.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got.P != got.Corrected.P || got.P <= got.Raw.P || got.Corrected.Factor < 3 || got.Direction != trend.Steady {
		t.Errorf("%+v, want the corrected p and no direction", got)
	}
}

func TestOf_SeesThroughASeason(t *testing.T) {
	x := make([]float64, 24*10)
	for i := range x {
		x[i] = 20*math.Sin(2*math.Pi*float64(i)/24) + 0.02*float64(i) + float64(i*7%5)/10
	}
	got, err := trend.Of(x, trend.Options{Period: 24})
	if err != nil {
		t.Fatal(err)
	}
	if got.Direction != trend.Rising || math.Abs(got.Slope.PerStep-0.02) > 0.002 || got.Slope.Low > 0.02 || got.Slope.High < 0.02 {
		t.Errorf("%+v, want rising by 0.02 a step", got)
	}
}

func TestOf_ConstantSeriesIsSteadyForCertain(t *testing.T) {
	got, err := trend.Of(make([]float64, 30), trend.Options{})
	if err != nil || got.P != 1 || got.Direction != trend.Steady {
		t.Errorf("%+v, %v, want steady with P 1", got, err)
	}
}
