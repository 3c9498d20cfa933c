package trend_test

import (
	"errors"
	"math"
	"testing"

	"github.com/urbangrid/urbangrid/analytics/trend"
)

func TestMSTL_TellsTheDayFromTheWeek(t *testing.T) {
	x := make([]float64, 168*6)
	day := make([]float64, len(x))
	week := make([]float64, len(x))
	line := make([]float64, len(x))
	for i := range x {
		day[i] = 5 * math.Sin(2*math.Pi*float64(i)/24)
		week[i] = 2 * math.Cos(2*math.Pi*float64(i)/168)
		line[i] = 30 + 0.01*float64(i)
		x[i] = day[i] + week[i] + line[i]
	}
	x[400] += 40
	got, err := trend.MSTL(x, []int{168, 24}, trend.STLOptions{Robust: true})
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
