package trend_test

import (
	"math"
	"slices"
	"testing"
	"unsafe"

	"pgregory.net/rapid"

	"github.com/urbangrid/urbangrid/analytics/trend"
)

// standard is the series as the reference charts it.
func (c chartCase) standard() []float64 {
	z := make([]float64, len(c.X))
	for i, v := range c.X {
		z[i] = (v - c.Charts.Mean) / c.Charts.Deviation
	}
	return z
}

func sameSeries(t *testing.T, what string, got, want []float64) {
	t.Helper()
	if far := furthest(t, got, want); far > 1e-9 {
		t.Errorf("%s is %.3g off", what, far)
	}
}

// sameFirst compares the first alarm with one that counts steps from 1.
func sameFirst(t *testing.T, what string, alarms []int, want *int) {
	t.Helper()
	switch {
	case want == nil && len(alarms) > 0:
		t.Errorf("%s alarms at %v, want none", what, alarms)
	case want != nil && (len(alarms) == 0 || alarms[0]+1 != *want):
		t.Errorf("%s alarms at %v, want first %d", what, alarms, *want-1)
	}
}

func TestCusums_MatchTheReference(t *testing.T) {
	for name, c := range load[chartFile](t, "changepoint_charts.json").Series {
		t.Run(name, func(t *testing.T) {
			rule := trend.CusumRule{Allowance: c.Charts.K, Limit: c.Charts.H, Clip: math.Inf(1), KeepOn: true}
			got := trend.Cusums(c.standard(), rule)
			sameSeries(t, "High", got.High, c.Charts.Up)
			sameSeries(t, "Low", got.Low, c.Charts.Down)
			sameFirst(t, "CUSUM", got.Alarms, c.Charts.CusumAlarm)

			rule.KeepOn = false // up to the first alarm a reset changes nothing
			sameFirst(t, "CUSUM with reset", trend.Cusums(c.standard(), rule).Alarms, c.Charts.CusumAlarm)
		})
	}
}

func TestPoissonCusum_MatchesTheReference(t *testing.T) {
	for name, c := range load[chartFile](t, "changepoint_charts.json").Series {
		t.Run(name, func(t *testing.T) {
			near(t, "allowance", trend.PoissonAllowance(c.Poisson.Usual, c.Poisson.Unusual), c.Poisson.K, 1e-12)
			sums, alarms := trend.PoissonCusum(c.X, c.Poisson.Usual, c.Poisson.Unusual, math.Inf(1))
			sameSeries(t, "path", sums, c.Poisson.Path)
			if alarms != nil {
				t.Errorf("alarms %v without a limit", alarms)
			}
		})
	}
}

func TestPoissonCusum_BeginsAgainAfterAnAlarm(t *testing.T) {
	x := []float64{0, 9, 9, math.NaN(), 9, 0, 0}
	k := trend.PoissonAllowance(1, 2)
	sums, alarms := trend.PoissonCusum(x, 1, 2, 10)
	sameSeries(t, "sums", sums, []float64{0, 9 - k, 18 - 2*k, 0, 9 - k, 9 - 2*k, 9 - 3*k})
	if !slices.Equal(alarms, []int{2}) {
		t.Errorf("alarms %v, want [2]", alarms)
	}
}

func TestCusum_IsEightBytesAndSeesWhatTheChartSees(t *testing.T) {
	if size := unsafe.Sizeof(trend.Cusum{}); size != 8 {
		t.Errorf("%d bytes a cell, want 8", size)
	}
	rapid.Check(t, func(t *rapid.T) {
		// Steps of a quarter are exact also in the chart's short memory.
		z := rapid.SliceOf(rapid.Map(rapid.IntRange(-40, 40), func(i int) float64 { return float64(i) / 4 })).Draw(t, "z")
		rule := trend.CusumRule{KeepOn: rapid.Bool().Draw(t, "keep on")}
		chart := trend.Cusums(z, rule)
		var cell trend.Cusum
		var alarms []int
		for i, v := range z {
			alarm := cell.Add(v, rule)
			if alarm != trend.Quiet {
				alarms = append(alarms, i)
			}
			if alarm == trend.Quiet && (float64(cell.High) != chart.High[i] || float64(cell.Low) != chart.Low[i]) {
				t.Fatalf("step %d: %+v, chart %v and %v", i, cell, chart.High[i], chart.Low[i])
			}
		}
		if !slices.Equal(alarms, chart.Alarms) {
			t.Fatalf("alarms at %v, chart %v", alarms, chart.Alarms)
		}
	})
}

func TestCusum_FindsASlowDriftAndItsEnd(t *testing.T) {
	var cell trend.Cusum
	var rule trend.CusumRule
	steps := 0
	for cell.Add(1, rule) == trend.Quiet {
		steps++
	}
	if steps != 10 {
		t.Errorf("a shift of one took %d steps, want 10", steps)
	}
	if cell != (trend.Cusum{}) {
		t.Errorf("after the alarm %+v, want it to begin again", cell)
	}
	for cell.Add(-1, rule) == trend.Quiet {
		steps--
	}
	if steps != 0 {
		t.Error("down is not as fast as up")
	}
}

// One broken reading is worth one alarm at most, and is forgotten.
func TestCusum_IsNotHeldByASpike(t *testing.T) {
	rule := trend.CusumRule{Limit: 8}
	var cell trend.Cusum
	if alarm := cell.Add(1e9, rule); alarm != trend.Quiet || cell.High != 5.5 {
		t.Fatalf("%v with %+v, want the spike to count 6 less the allowance", alarm, cell)
	}
	for range 11 {
		cell.Add(0, rule)
	}
	if cell != (trend.Cusum{}) {
		t.Errorf("eleven steps later %+v, want nothing left", cell)
	}
}

func TestCusum_FadesAsIfNothingHadHappened(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rule := trend.CusumRule{Limit: 100}
		start := trend.Cusum{
			High: float32(rapid.IntRange(0, 40).Draw(t, "high")) / 4,
			Low:  float32(rapid.IntRange(0, 40).Draw(t, "low")) / 4,
		}
		steps := rapid.IntRange(0, 30).Draw(t, "steps")
		one, all := start, start
		for range steps {
			one.Add(0, rule)
		}
		if all.Fade(steps, rule); one != all {
			t.Fatalf("step by step %+v, at once %+v", one, all)
		}
	})
}

func TestCusum_DoesNotTakeSilenceForRecovery(t *testing.T) {
	cell := trend.Cusum{High: 3, Low: 1}
	if alarm := cell.Add(math.NaN(), trend.CusumRule{}); alarm != trend.Quiet || cell != (trend.Cusum{High: 3, Low: 1}) {
		t.Errorf("%v, %+v, want nothing changed", alarm, cell)
	}
}

func TestEWMA_MatchesTheReference(t *testing.T) {
	for name, c := range load[chartFile](t, "changepoint_charts.json").Series {
		t.Run(name, func(t *testing.T) {
			got := trend.EWMA(c.standard(), trend.EWMARule{Lambda: c.Charts.Lambda, Width: c.Charts.L})
			sameSeries(t, "Average", got.Average, c.Charts.EWMA)
			sameSeries(t, "Limit", got.Limit, c.Charts.Limit)
			sameFirst(t, "EWMA", got.Alarms, c.Charts.EWMAAlarm)
		})
	}
}

func TestEWMA_LeavesMissingStepsOut(t *testing.T) {
	with := trend.EWMA([]float64{1, math.NaN(), 2}, trend.EWMARule{})
	without := trend.EWMA([]float64{1, 2}, trend.EWMARule{})
	if with.Average[2] != without.Average[1] || with.Limit[2] != without.Limit[1] || with.Average[1] != with.Average[0] {
		t.Errorf("with %+v, without %+v", with, without)
	}
}

// The live engine updates every cell and kind of a city within one window:
// 720,000 of them in a few milliseconds.
func BenchmarkCusum_City(b *testing.B) {
	const cells = 720_000
	city := make([]trend.Cusum, cells)
	z := counts(1024)
	rule := trend.CusumRule{Limit: 1e9}
	b.ReportAllocs()
	for b.Loop() {
		for i := range city {
			city[i].Add(z[i&1023]-3, rule)
		}
	}
	b.ReportMetric(float64(b.N)*cells/b.Elapsed().Seconds(), "cells/s")
}
