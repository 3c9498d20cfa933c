package trend_test

import (
	"errors"
	"math"
	"testing"

	"github.com/urbangrid/urbangrid/analytics/trend"
)

func TestMSTL_TellsTheDayFromTheWeek(t *testing.T) {
	// Days of six steps keep the test short.
	x := make([]float64, 42*8)
	day := make([]float64, len(x))
	week := make([]float64, len(x))
	line := make([]float64, len(x))
	for i := range x {
		day[i] = 5 * math.Sin(2*math.Pi*float64(i)/6)
		week[i] = 2 * math.Cos(2*math.Pi*float64(i)/42)
		line[i] = 30 + 0.01*float64(i)
		x[i] = day[i] + week[i] + line[i]
	}
	got, err := trend.MSTL(x, []int{42, 6}, trend.STLOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for what, pair := range map[string][2][]float64{
		"day": {got.Seasonal[0], day}, "week": {got.Seasonal[1], week}, "line": {got.Trend, line},
	} {
		if far := furthest(t, pair[0], pair[1]); far > 0.1 {
			t.Errorf("%s is %.3g off", what, far)
		}
	}
	for i, v := range x {
		if sum := got.Seasonal[0][i] + got.Seasonal[1][i] + got.Trend[i] + got.Rest[i]; !same(sum, v) {
			t.Fatalf("step %d: parts sum to %v, series has %v", i, sum, v)
		}
	}
}

// What the day leaves here is so smooth that robust weights of 0 stand side by
// side; without a check the seasons grow by orders of magnitude.
func TestMSTL_RobustSaysWhenItDoesNotComeToRest(t *testing.T) {
	x := make([]float64, 42*8)
	for i := range x {
		x[i] = 30 + 5*math.Sin(2*math.Pi*float64(i)/6) + 2*math.Cos(2*math.Pi*float64(i)/42) + 0.01*float64(i)
	}
	x[200] += 40
	got, err := trend.MSTL(x, []int{6, 42}, trend.STLOptions{Robust: true})
	if err != nil {
		t.Fatal(err)
	}
	if got.Converged {
		t.Error("it did come to rest: the series does not show what it is for")
	}
	for _, seasonal := range got.Seasonal {
		for i, v := range seasonal {
			if !(math.Abs(v) < 100) {
				t.Fatalf("a season of %v at step %d, in a series from 25 to 80", v, i)
			}
		}
	}
}

func TestMSTL_OfOnePeriodIsSTL(t *testing.T) {
	x := load[stlFile](t, "stl.json").X
	got, err := trend.MSTL(x, []int{24, 24}, trend.STLOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := decompose(t, x, trend.STLOptions{Period: 24, Seasonal: trend.Smoothing{Window: 11}})
	if far := furthest(t, got.Seasonal[0], want.Seasonal); far != 0 || furthest(t, got.Trend, want.Trend) != 0 {
		t.Errorf("differs from STL by %v", far)
	}
	if far := furthest(t, got.Rest, want.Rest); far > 1e-12 {
		t.Errorf("rest differs by %v", far)
	}
}

func TestMSTL_RefusesWhatItCannotAnswer(t *testing.T) {
	flat := make([]float64, 335)
	if _, err := trend.MSTL(flat, []int{24, 168}, trend.STLOptions{}); !errors.Is(err, trend.ErrTooFew) {
		t.Errorf("less than two weeks: %v, want ErrTooFew", err)
	}
	for _, periods := range [][]int{nil, {1, 24}} {
		if _, err := trend.MSTL(flat, periods, trend.STLOptions{}); !errors.Is(err, trend.ErrInvalid) {
			t.Errorf("periods %v: %v, want ErrInvalid", periods, err)
		}
	}
}
