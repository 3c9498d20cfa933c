package count_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/urbangrid/urbangrid/analytics/count"
	"gonum.org/v1/gonum/stat/distuv"
	"pgregory.net/rapid"
)

// hours returns hourly counts with the course of a day and of a week.
func hours(n int, mean float64, seed uint64) []float64 {
	src := rand.NewPCG(seed, 4)
	x := make([]float64, n)
	for i := range x {
		day := 1 + 0.8*math.Sin(2*math.Pi*float64(i%24)/24)
		if i/24%7 >= 5 {
			day *= 0.6
		}
		x[i] = distuv.Poisson{Lambda: mean * day, Src: src}.Rand()
	}
	return x
}

func judge(t testing.TB, x []float64, at int, opts count.FarringtonOptions) count.Farrington {
	t.Helper()
	f, err := count.FarringtonFlexible(x, at, opts)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestHourlyFarrington_FindsTheExcessAndIsQuietElsewhere(t *testing.T) {
	const now = 9*7*24 + 30
	alarms, steps := 0, 0
	for seed := range uint64(20) {
		x := hours(now+48, 12, seed)
		for at := now; at < len(x); at++ {
			if judge(t, x, at, count.HourlyFarrington()).Alarm {
				alarms++
			}
			steps++
		}
		quiet := judge(t, x, now, count.HourlyFarrington())
		x[now] += 6 * math.Sqrt(quiet.Expected*quiet.Dispersion) // far beyond alpha = 0.005
		if f := judge(t, x, now, count.HourlyFarrington()); !f.Alarm || f.Score <= 1 || f.P >= 0.005 {
			t.Errorf("seed %d: %+v for %v", seed, f, x[now])
		}
	}
	// 24 steps of the past leave the limit uncertain by a fifth of a standard
	// deviation, which doubles the share of 0.005.
	if share := float64(alarms) / float64(steps); share > 0.015 {
		t.Errorf("%d false alarms in %d quiet hours", alarms, steps)
	}
}

func TestFarrington_DoesNotLearnAnOutbreak(t *testing.T) {
	x := weeks(420, 10)
	before := judge(t, x, 400, count.FarringtonOptions{})
	for i := 400 - 104; i < 400-100; i++ { // two years ago, in the same weeks
		x[i] += 60
	}
	after := judge(t, x, 400, count.FarringtonOptions{})
	blind := judge(t, x, 400, count.FarringtonOptions{Outlier: math.Inf(1)})
	if after.Expected > 1.15*before.Expected || blind.Expected < 1.3*before.Expected {
		t.Errorf("expected %v without the outbreak, %v with it, %v with it and unweighted", before.Expected, after.Expected, blind.Expected)
	}
}

func weeks(n int, mean float64) []float64 {
	src := rand.NewPCG(9, 9)
	x := make([]float64, n)
	for i := range x {
		x[i] = distuv.Poisson{Lambda: mean * (1 + 0.5*math.Sin(2*math.Pi*float64(i)/52)), Src: src}.Rand()
	}
	return x
}

func TestFarrington_LeavesOutWhatIsMissing(t *testing.T) {
	x := weeks(420, 10)
	whole := judge(t, x, 400, count.FarringtonOptions{})
	x[300], x[349] = math.NaN(), math.NaN()
	f := judge(t, x, 400, count.FarringtonOptions{})
	if f.Steps != whole.Steps-2 || f.Expected < 0.8*whole.Expected || f.Expected > 1.2*whole.Expected {
		t.Errorf("with two weeks missing %+v, before %+v", f, whole)
	}
}

func TestFarrington_AsksForEnoughCases(t *testing.T) {
	x := make([]float64, 400)
	for i := range x {
		x[i] = float64(i % 29 / 28) // one in 29 weeks
	}
	x[399] = 4
	if f := judge(t, x, 399, count.FarringtonOptions{}); f.Enough || f.Alarm || f.Score <= 1 {
		t.Errorf("4 events in 4 weeks: %+v", f)
	}
	x[397] = 1
	if f := judge(t, x, 399, count.FarringtonOptions{}); !f.Enough || !f.Alarm {
		t.Errorf("5 events in 4 weeks: %+v", f)
	}
	x[397] = 0
	if f := judge(t, x, 399, count.FarringtonOptions{MinCases: -1}); !f.Alarm {
		t.Errorf("4 events where any number may alarm: %+v", f)
	}
}

func TestFarrington_SaysWhenItCannotJudge(t *testing.T) {
	x := weeks(400, 10)
	gap := append([]float64(nil), x...)
	gap[399] = math.NaN()
	negative := append([]float64(nil), x...)
	negative[300] = -1
	noWindow := append([]float64(nil), x...)
	for i := range noWindow[:399] {
		if back := (399 - i) % 52; back <= 3 || back >= 49 {
			noWindow[i] = math.NaN()
		}
	}
	for name, c := range map[string]struct {
		x         []float64
		at        int
		opts      count.FarringtonOptions
		notEnough bool
	}{
		"a short past":           {x, 262, count.FarringtonOptions{}, true},
		"a missing step":         {gap, 399, count.FarringtonOptions{}, true},
		"an empty window":        {noWindow, 399, count.FarringtonOptions{}, true},
		"nothing ever":           {make([]float64, 400), 399, count.FarringtonOptions{}, true},
		"two steps of the past":  {x, 399, count.FarringtonOptions{Seasons: 1, HalfWindow: -1, Levels: 1}, true},
		"a step outside":         {x, 400, count.FarringtonOptions{}, false},
		"a negative count":       {negative, 399, count.FarringtonOptions{}, false},
		"a window past a season": {x, 399, count.FarringtonOptions{Season: 6}, false},
		"too many levels":        {x, 399, count.FarringtonOptions{Levels: 60}, false},
		"no such alpha":          {x, 399, count.FarringtonOptions{Alpha: 1}, false},
	} {
		_, err := count.FarringtonFlexible(c.x, c.at, c.opts)
		if err == nil || errors.Is(err, count.ErrNotEnough) != c.notEnough {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := count.FarringtonFlexible(x, 263, count.FarringtonOptions{}); err != nil {
		t.Errorf("the shortest past that is long enough: %v", err)
	}
}

func TestFarrington_ReadsOnlyThePastAndJudgesBySize(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		x := hours(1600, rapid.Float64Range(0.5, 30).Draw(t, "mean"), seed)
		at := rapid.IntRange(1400, 1590).Draw(t, "at")
		f, err := count.FarringtonFlexible(x, at, count.HourlyFarrington())
		if errors.Is(err, count.ErrNotEnough) {
			return // nights of a quiet place
		}
		if err != nil {
			t.Fatal(err)
		}
		if g, err := count.FarringtonFlexible(x[:at+1], at, count.HourlyFarrington()); err != nil || g != f {
			t.Fatalf("%+v, without the future %+v, %v", f, g, err)
		}
		x[at] += float64(rapid.IntRange(1, 50).Draw(t, "more"))
		g, err := count.FarringtonFlexible(x, at, count.HourlyFarrington())
		if err != nil || g.Upper != f.Upper || g.P > f.P || f.Alarm && !g.Alarm {
			t.Fatalf("%+v, with more now %+v, %v", f, g, err)
		}
		if g.Dispersion < 1 || !(g.P >= 0 && g.P <= 1) || g.Alarm != (g.Enough && x[at] > g.Upper) {
			t.Fatalf("%+v for %v", g, x[at])
		}
	})
}

// One area and kind is judged each hour, of some thousands: budget 10 ms.
func BenchmarkFarrington(b *testing.B) {
	x := hours(9*168, 12, 1)
	for name, c := range map[string]struct {
		x    []float64
		opts count.FarringtonOptions
	}{
		"weekly": {weeks(420, 10), count.FarringtonOptions{}},
		"hourly": {x, count.HourlyFarrington()},
		"levels": {x, count.FarringtonOptions{Season: 168, Seasons: 8, HalfWindow: 1}},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				judge(b, c.x, len(c.x)-1, c.opts)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "judgements/s")
		})
	}
}
