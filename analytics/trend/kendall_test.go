package trend_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/urbangrid/urbangrid/analytics/trend"
)

// series is how the reference files write one: null is a missing value.
type series []float64

func (s *series) UnmarshalJSON(b []byte) error {
	var raw []*float64
	if err := json.Unmarshal(b, &raw); err != nil {
		return err
	}
	*s = make(series, len(raw))
	for i, v := range raw {
		(*s)[i] = math.NaN()
		if v != nil {
			(*s)[i] = *v
		}
	}
	return nil
}

// number is NaN where the reference file has null.
type number float64

func (n *number) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*n = number(math.NaN())
		return nil
	}
	return json.Unmarshal(b, (*float64)(n))
}

func load[T any](t *testing.T, name string) T {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var v T
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return v
}

// near holds got to want within a relative tolerance, or 1e-12 beside 0. NaN
// wants NaN.
func near(t *testing.T, what string, got, want, relative float64) {
	t.Helper()
	if math.IsNaN(want) != math.IsNaN(got) || math.Abs(got-want) > relative*math.Abs(want)+1e-12 {
		t.Errorf("%s = %.15g, want %.15g", what, got, want)
	}
}

// reference is what pyMannKendall answers.
type reference struct {
	P         number `json:"p"`
	Z         number `json:"z"`
	Tau       number `json:"Tau"`
	S         number `json:"s"`
	Var       number `json:"var_s"`
	Slope     number `json:"slope"`
	Intercept number `json:"intercept"`
}

// sameTest compares all but p to nine digits. pyMannKendall's p is 1 less a
// distribution function and has lost its digits below 1e-15.
func sameTest(t *testing.T, got trend.Kendall, want reference) {
	t.Helper()
	near(t, "S", got.S, float64(want.S), 1e-9)
	near(t, "Var", got.Var, float64(want.Var), 1e-9)
	near(t, "Z", got.Z, float64(want.Z), 1e-9)
	near(t, "P", got.P, float64(want.P), 1e-9)
	near(t, "Tau", got.Tau, float64(want.Tau), 1e-9)
}

type kendallCase struct {
	X          series     `json:"x"`
	Original   reference  `json:"original"`
	TauB       *number    `json:"scipy_kendalltau_b"`
	ExactP     *float64   `json:"exact_two_sided_p"`
	ScipyExact *float64   `json:"scipy_kendalltau_exact_p"`
	Scipy      *scipySen  `json:"theil_sen_scipy"`
	HamedAll   *reference `json:"hamed_rao_all_lags"`
	Hamed3     *reference `json:"hamed_rao_lag3"`
	HeadAll    *reference `json:"hamed_rao_all_lags_HEAD_abs_variant"`
	Head3      *reference `json:"hamed_rao_lag3_HEAD_abs_variant"`
	YueAll     *reference `json:"yue_wang_all_lags"`
	Yue1       *reference `json:"yue_wang_lag1"`
	Whitened   *reference `json:"pre_whitening"`
	TrendFree  *reference `json:"trend_free_pre_whitening"`
	Seasonal   *reference `json:"seasonal_period12"`
	Correlated *reference `json:"correlated_seasonal_period12"`
	SeasonSen  *struct {
		Slope     float64 `json:"slope_per_period"`
		Intercept float64 `json:"intercept"`
	} `json:"seasonal_sen_period12"`
	R rBlocks `json:"R"`
}

type scipySen struct {
	Slope     float64 `json:"slope"`
	Intercept float64 `json:"intercept_scipy"`
	Low       float64 `json:"lo"`
	High      float64 `json:"hi"`
}

// rBlocks is what R's packages trend and modifiedmk answer. R writes an empty
// list where there is nothing.
type rBlocks struct {
	Sen *struct {
		Slope number `json:"slope"`
		Low   number `json:"lo"`
		High  number `json:"hi"`
		Z     number `json:"z"`
		P     number `json:"p"`
	} `json:"sen_slope_ci95"`
	HamedAll modifiedMK `json:"modifiedmk_mmkh"`
	Hamed3   modifiedMK `json:"modifiedmk_mmkh3"`
	Pettitt  *struct {
		U float64 `json:"U"`
		K []int   `json:"K_1based"`
		P float64 `json:"p"`
	} `json:"pettitt"`
	Seasonal *struct {
		Period int     `json:"period"`
		S      float64 `json:"S"`
		Var    float64 `json:"varS"`
		Z      float64 `json:"z"`
		P      float64 `json:"p"`
	} `json:"trend_smk"`
}

// modifiedMK has names that a struct tag cannot hold.
type modifiedMK map[string]number

func (r *rBlocks) UnmarshalJSON(b []byte) error {
	if string(b) == "[]" {
		return nil
	}
	type plain rBlocks
	return json.Unmarshal(b, (*plain)(r))
}

type kendallFile struct {
	Series map[string]kendallCase `json:"series"`
	Multi  struct {
		Columns    []series  `json:"x_columns"`
		Regional   reference `json:"regional"`
		Correlated reference `json:"correlated_multivariate"`
		Partial    reference `json:"partial"`
	} `json:"multivariate_2d_48x2"`
}

func TestMannKendall_MatchesTheReferences(t *testing.T) {
	for name, c := range load[kendallFile](t, "mannkendall.json").Series {
		t.Run(name, func(t *testing.T) {
			got := trend.MannKendall(c.X)
			sameTest(t, got, c.Original)
			if c.TauB != nil {
				near(t, "TauB", got.TauB, float64(*c.TauB), 1e-9)
			}
			if c.ExactP != nil {
				p, ok := got.ExactP()
				if !ok {
					t.Fatal("no exact p-value for a short series without ties")
				}
				near(t, "exact p", p, *c.ExactP, 1e-12)
				near(t, "exact p", p, *c.ScipyExact, 1e-12)
			}
		})
	}
}

func TestMannKendall_MatchesR(t *testing.T) {
	for name, c := range load[kendallFile](t, "mannkendall.json").Series {
		if c.R.Sen == nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			got := trend.MannKendall(c.X)
			near(t, "Z", got.Z, float64(c.R.Sen.Z), 1e-9)
			near(t, "P", got.P, float64(c.R.Sen.P), 1e-9)
		})
	}
}

func TestMannKendall_OfConstantOrEmptySeriesIsNoTrend(t *testing.T) {
	for _, x := range [][]float64{nil, {3}, {math.NaN(), math.NaN()}, {5, 5, 5, 5, 5, 5, 5, 5, 5}} {
		got := trend.MannKendall(x)
		if got.S != 0 || got.Var != 0 || got.Z != 0 || got.P != 1 || got.Tau != 0 || got.TauB != 0 {
			t.Errorf("MannKendall(%v) = %+v, want S 0, Var 0, Z 0, P 1, Tau 0", x, got)
		}
	}
}

func TestMannKendall_ExactPExistsOnlyForShortSeriesWithoutTies(t *testing.T) {
	for _, x := range [][]float64{{1, 2, 2, 3, 4, 5, 6, 7}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}} {
		if p, ok := trend.MannKendall(x).ExactP(); ok {
			t.Errorf("ExactP of %v = %v, want none", x, p)
		}
	}
}

// naive is the definition, pair by pair.
func naive(x []float64) (s float64, pairs int) {
	for i := range x {
		for j := i + 1; j < len(x); j++ {
			if !math.IsNaN(x[i]) && !math.IsNaN(x[j]) {
				pairs++
				s += float64(sign(x[j] - x[i]))
			}
		}
	}
	return s, pairs
}

func sign(v float64) int {
	switch {
	case v > 0:
		return 1
	case v < 0:
		return -1
	}
	return 0
}

// anySeries draws values that often tie and are sometimes missing.
func anySeries(least int) *rapid.Generator[[]float64] {
	value := rapid.OneOf(
		rapid.Map(rapid.IntRange(0, 6), func(i int) float64 { return float64(i) }),
		rapid.Float64Range(-100, 100),
		rapid.Just(math.NaN()),
	)
	return rapid.SliceOfN(value, least, 60)
}

func TestMannKendall_CountsEveryPair(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := anySeries(0).Draw(t, "x")
		got := trend.MannKendall(x)
		if s, _ := naive(x); got.S != s {
			t.Fatalf("S = %v, by pairs %v", got.S, s)
		}
		if p, ok := got.ExactP(); ok && (p <= 0 || p > 1) {
			t.Fatalf("exact p %v is no probability", p)
		}
	})
}

func TestMannKendall_TurnsItsSignWithTimeAndValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := anySeries(0).Draw(t, "x")
		back := make([]float64, len(x))
		negative := make([]float64, len(x))
		for i, v := range x {
			back[len(x)-1-i] = v
			negative[i] = -v
		}
		want := trend.MannKendall(x)
		for _, got := range []trend.Kendall{trend.MannKendall(back), trend.MannKendall(negative)} {
			if got.S != -want.S || got.Z != -want.Z || got.P != want.P || got.Var != want.Var {
				t.Fatalf("turned %+v, straight %+v", got, want)
			}
		}
	})
}

func TestMannKendall_SeesOnlyTheOrderOfValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := anySeries(0).Draw(t, "x")
		bent := make([]float64, len(x))
		for i, v := range x {
			bent[i] = 3*v*v*v + 4*v // strictly rising
		}
		if got, want := trend.MannKendall(bent), trend.MannKendall(x); got != want {
			t.Fatalf("bent %+v, straight %+v", got, want)
		}
	})
}

// counts is a week of hourly counts with a slow rise.
func counts(n int) []float64 {
	rng := rand.New(rand.NewPCG(1, 2))
	x := make([]float64, n)
	for i := range x {
		x[i] = math.Floor(6*rng.Float64() + float64(i)/100)
	}
	return x
}

func BenchmarkMannKendall(b *testing.B) {
	for _, n := range []int{24, 168, 10_000} {
		x := counts(n)
		b.Run(size(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				trend.MannKendall(x)
			}
		})
	}
}

func size(n int) string { return "n=" + strconv.Itoa(n) }
