package count_test

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/urbangrid/urbangrid/analytics/count"
	"pgregory.net/rapid"
)

type earsBlock struct {
	Limit float64   `json:"z_alpha"`
	T     []int     `json:"t_1based"`
	Upper []float64 `json:"upperbound"`
	Alarm []int     `json:"alarm"`
}

type earsDefinition struct {
	C1, C2, C3 []*float64
}

// earsSeries reads the series of ears.json, each with its blocks by name.
func earsSeries(t *testing.T) map[string]map[string]json.RawMessage {
	t.Helper()
	var v struct {
		Series map[string]map[string]json.RawMessage `json:"series"`
	}
	vectors(t, "ears.json", &v)
	if len(v.Series) != 4 {
		t.Fatalf("read %d series", len(v.Series))
	}
	return v.Series
}

func decode[T any](t *testing.T, raw json.RawMessage) T {
	t.Helper()
	var out T
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestC1AndC2_AgreeWithSurveillance(t *testing.T) {
	checked := 0
	for name, series := range earsSeries(t) {
		x := decode[[]float64](t, series["x"])
		for method, judge := range map[string]func([]float64, count.EARSOptions) []count.EARS{"C1": count.C1, "C2": count.C2} {
			for _, baseline := range []int{7, 14} {
				for sigma, floor := range map[string]float64{"0": -1, "0.5": 0.5} {
					key := fmt.Sprintf("%s_b%d_ms%s", method, baseline, sigma)
					if series[key] == nil {
						continue
					}
					want := decode[earsBlock](t, series[key])
					got := judge(x, count.EARSOptions{Baseline: baseline, MinSigma: floor, Limit: want.Limit})
					for i, at := range want.T {
						g := got[at-1]
						if !near(g.Upper, want.Upper[i], 1e-12) || g.Alarm != (want.Alarm[i] == 1) {
							t.Errorf("%s %s at %d: got %+v, want upper %v, alarm %d", name, key, at, g, want.Upper[i], want.Alarm[i])
						}
						checked++
					}
				}
			}
		}
	}
	if checked < 900 {
		t.Errorf("compared %d steps only", checked)
	}
}

func TestEARS_FollowTheDocumentedStatistics(t *testing.T) {
	for name, series := range earsSeries(t) {
		x := decode[[]float64](t, series["x"])
		want := decode[earsDefinition](t, series["statistic_definition"])
		opts := count.EARSOptions{MinSigma: -1}
		for method, pair := range map[string]struct {
			got  []count.EARS
			want []*float64
		}{"C1": {count.C1(x, opts), want.C1}, "C2": {count.C2(x, opts), want.C2}, "C3": {count.C3(x, opts), want.C3}} {
			for i, w := range pair.want {
				g := pair.got[i].Statistic
				if w == nil && !math.IsNaN(g) && !math.IsInf(g, 0) || w != nil && math.Abs(g-*w) > 1e-12*(1+math.Abs(*w)) {
					t.Errorf("%s %s at %d: got %v, want %v", name, method, i, g, w)
				}
			}
		}
	}
}

// The limits of surveillance's own C3 follow from the documented statistic and its
// fault: the present count stands where the mean belongs, and 1 is missing.
func TestC3_DiffersFromSurveillanceByItsFaultAlone(t *testing.T) {
	compared, apart := 0, 0
	for name, series := range earsSeries(t) {
		x := decode[[]float64](t, series["x"])
		for _, baseline := range []int{7, 14} {
			for sigma, floor := range map[string]float64{"0": -1, "0.5": 0.5} {
				key := fmt.Sprintf("C3_b%d_ms%s", baseline, sigma)
				if series[key] == nil {
					continue
				}
				block := decode[earsBlock](t, series[key])
				opts := count.EARSOptions{Baseline: baseline, MinSigma: floor, Limit: block.Limit}
				got, c2 := count.C3(x, opts), count.C2(x, opts)
				for i, at := range block.T {
					now := at - 1
					carried := math.Max(0, c2[now-2].Statistic-1) + math.Max(0, c2[now-1].Statistic-1)
					if math.IsNaN(carried) || math.IsInf(carried, 0) {
						continue
					}
					if faulty := math.Max(0, x[now]+c2[now].Sigma*(block.Limit-carried)); math.Abs(faulty-block.Upper[i]) > 1e-12*(1+faulty) {
						t.Errorf("%s %s at %d: the fault would give %v, the block holds %v", name, key, at, faulty, block.Upper[i])
					}
					compared++
					if got[now].Alarm != (block.Alarm[i] == 1) {
						apart++
					}
				}
			}
		}
	}
	if compared < 300 || apart == 0 {
		t.Errorf("compared %d steps, %d judged differently", compared, apart)
	}
}

func TestC3_SeesTheJumpThatSurveillanceMisses(t *testing.T) {
	for _, jump := range []float64{3, 50, 5000} {
		x := []float64{2, 3, 4, 3, 2, 3, 4, 3, 2, 3, 4, 3, jump}
		last := count.C3(x, count.EARSOptions{})[len(x)-1]
		if want := jump > 10; last.Alarm != want {
			t.Errorf("jump to %v: %+v", jump, last)
		}
	}
}

func TestC1_IsMeanAndDeviationByHand(t *testing.T) {
	x := []float64{0, 1, 0, 2, 1, 0, 3, 0, 1}
	got := count.C1(x, count.EARSOptions{Limit: 1.6448536269514722, MinSigma: -1})
	mean, sigma := 1.0, math.Sqrt(8./6)
	want := count.EARS{Mean: mean, Sigma: sigma, Statistic: -mean / sigma, Upper: mean + 1.6448536269514722*sigma}
	if diff := cmp.Diff(want, got[7], cmp.Comparer(func(a, b float64) bool { return near(a, b, 1e-14) })); diff != "" {
		t.Error(diff)
	}
}

func TestEARS_SayNothingWithoutABaseline(t *testing.T) {
	x := []float64{1, 2, 1, 2, 1, 2, 1, 900, 1, math.NaN(), 900, 900}
	for method, judge := range map[string]func([]float64, count.EARSOptions) []count.EARS{"C1": count.C1, "C2": count.C2, "C3": count.C3} {
		first := map[string]int{"C1": 7, "C2": 9, "C3": 11}[method]
		for i, e := range judge(x, count.EARSOptions{}) {
			if (i < first || i == 9) && (e.Alarm || !math.IsNaN(e.Statistic)) {
				t.Errorf("%s at %d: %+v", method, i, e)
			}
		}
	}
	if got := count.C1(x, count.EARSOptions{})[7]; !got.Alarm {
		t.Errorf("900 after seven of 1 and 2: %+v", got)
	}
}

func TestEARS_AlarmExactlyAboveTheirLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.SliceOfN(rapid.Map(rapid.IntRange(0, 30), func(v int) float64 { return float64(v) }), 12, 40).Draw(t, "x")
		opts := count.EARSOptions{Baseline: rapid.IntRange(2, 9).Draw(t, "baseline")}
		for name, judge := range map[string]func([]float64, count.EARSOptions) []count.EARS{"C1": count.C1, "C2": count.C2, "C3": count.C3} {
			for i, e := range judge(x, opts) {
				if math.Abs(x[i]-e.Upper) < 1e-9 || math.IsNaN(e.Upper) {
					continue
				}
				if e.Alarm != (x[i] > e.Upper) {
					t.Fatalf("%s at %d: count %v, %+v", name, i, x[i], e)
				}
			}
		}
	})
}
