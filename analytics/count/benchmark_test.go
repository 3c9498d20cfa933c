package count_test

import (
	"math"
	"testing"

	"github.com/urbangrid/urbangrid/analytics/count"
)

// The weeks that the benchmark judges, from 0.
const firstJudged, lastJudged = 575, 623

type temporalBenchmark struct {
	Summary []struct {
		Method      string  `json:"method"`
		FPR         float64 `json:"FPR"`
		POD         float64 `json:"POD"`
		FirstWeek   float64 `json:"POD_first_week"`
		Sensitivity float64 `json:"sensitivity_weeks"`
		PPV         float64 `json:"PPV_weeks"`
		Delay       float64 `json:"mean_delay_weeks_if_detected"`
	} `json:"summary"`
	ByScenario []struct {
		Method   string  `json:"method"`
		Scenario string  `json:"scenario"`
		FPR      float64 `json:"FPR"`
		POD      float64 `json:"POD"`
	} `json:"by_scenario"`
	Series []outbreakSeries `json:"example_series"`
}

type outbreakSeries struct {
	Scenario   string    `json:"scenario"`
	X          []float64 `json:"x"`
	Start      int       `json:"start"` // week of the outbreak, from 1
	End        int       `json:"end"`
	Farrington []float64 `json:"farrington_upper_576_624"`
	Alarm      []int     `json:"farrington_alarm"`
}

func TestFarrington_GivesTheLimitsOfTheBenchmark(t *testing.T) {
	var v temporalBenchmark
	vectors(t, "benchmark_temporal.json", &v)
	if len(v.Series) != 12 {
		t.Fatalf("read %d series", len(v.Series))
	}
	for n, s := range v.Series {
		for i, upper := range s.Farrington {
			f, err := count.FarringtonFlexible(s.X, firstJudged+i, count.FarringtonOptions{MinCases: -1})
			if err != nil {
				t.Fatalf("series %d: %v", n, err)
			}
			if f.Upper != upper || f.Alarm != (s.Alarm[i] == 1) {
				t.Errorf("series %d (%s) week %d, count %v: got %+v, want upper %v, alarm %d", n, s.Scenario, firstJudged+i, s.X[firstJudged+i], f, upper, s.Alarm[i])
			}
		}
	}
}

// detector tells whether a step of a series raises an alarm. It must not look
// further than that step.
type detector func(t *testing.T, x []float64, at int) bool

func earsDetector(judge func([]float64, count.EARSOptions) []count.EARS, limit float64) detector {
	return func(_ *testing.T, x []float64, at int) bool {
		return judge(x[:at+1], count.EARSOptions{Limit: limit})[at].Alarm
	}
}

// seasonalWindow is the exceedance of the mean of the same week ±3 in five past
// years, with the variance of those weeks or with that of Poisson.
func seasonalWindow(overdispersed bool) detector {
	return func(_ *testing.T, x []float64, at int) bool {
		var n, sum, squares float64
		for year := 1; year <= 5; year++ {
			for week := -3; week <= 3; week++ {
				v := x[at-52*year+week]
				n, sum, squares = n+1, sum+v, squares+v*v
			}
		}
		mean := sum / n
		size := math.Inf(1)
		if variance := (squares - n*mean*mean) / (n - 1); overdispersed && variance > mean {
			size = mean * mean / (variance - mean)
		}
		return x[at] > 0 && count.NegBinTail(int(x[at]), mean, size) < 0.005
	}
}

// watched is what a detector does on series with an outbreak each.
type watched struct {
	series, found, first float64 // outbreaks, those detected, those in their first week
	delay                float64 // weeks until detection, of those detected
	outbreak, caught     float64 // weeks of outbreaks, those with an alarm
	quiet, falseAlarms   float64 // other weeks, those with an alarm
}

func watch(t *testing.T, detect detector, series []outbreakSeries) (w watched) {
	t.Helper()
	for _, s := range series {
		w.series++
		found := false
		for at := firstJudged; at <= lastJudged; at++ {
			alarm := 0.0
			if detect(t, s.X, at) {
				alarm = 1
			}
			if at < s.Start-1 || at > s.End-1 {
				w.quiet++
				w.falseAlarms += alarm
				continue
			}
			w.outbreak++
			w.caught += alarm
			if alarm == 0 || found {
				continue
			}
			found = true
			w.found++
			w.delay += float64(at - (s.Start - 1))
			if at == s.Start-1 {
				w.first++
			}
		}
	}
	return w
}

// within fails unless a share of n trials is within so many standard errors of what
// was published, at a multiple of the binomial variance. A count of its own is added,
// so that a share of 0 of few trials has a width too.
func within(t *testing.T, what string, got, want, n, errors, variance float64) {
	t.Helper()
	if limit := errors*math.Sqrt(variance*want*(1-want)/n) + 1/n; n == 0 || math.Abs(got-want) > limit {
		t.Errorf("%s is %v of %v, want %v ± %v", what, got, n, want, limit)
	}
}

// The published figures come from 96 series, of which these 12 are a part. So the
// comparison is between a part and the whole: shares of outbreaks within three standard
// errors of a share of 12; shares of weeks, which come in runs and differ by scenario,
// within four at three times the binomial variance; the mean delay within three standard
// errors of a geometric one.
func TestDetectors_StandWhereTheBenchmarkHasThem(t *testing.T) {
	var v temporalBenchmark
	vectors(t, "benchmark_temporal.json", &v)
	detectors := map[string]detector{
		"EARS C1 a=0.001 minSigma=0.5":              earsDetector(count.C1, 3.090232306167813),
		"EARS C2 a=0.001 minSigma=0.5":              earsDetector(count.C2, 3.090232306167813),
		"EARS C3 (definition) a=0.025 minSigma=0.5": earsDetector(count.C3, 1.959963984540054),
		"farringtonFlexible nbPlugin a=0.005": func(t *testing.T, x []float64, at int) bool {
			f, err := count.FarringtonFlexible(x, at, count.FarringtonOptions{MinCases: -1})
			if err != nil {
				t.Fatal(err)
			}
			return f.Alarm
		},
		"seasonal-window NegBin(moments) p<0.005": seasonalWindow(true),
		"seasonal-window Poisson p<0.005":         seasonalWindow(false),
	}
	if len(v.Summary) != len(detectors) || len(v.ByScenario) != 6*len(detectors) {
		t.Fatalf("%d summaries, %d by scenario", len(v.Summary), len(v.ByScenario))
	}
	rates := map[string]float64{}
	for _, s := range v.Summary {
		detect := detectors[s.Method]
		if detect == nil {
			t.Fatalf("no detector is called %q", s.Method)
		}
		w := watch(t, detect, v.Series)
		fpr := w.falseAlarms / w.quiet
		rates[s.Method] = fpr
		t.Logf("%-42s false alarms %.4f (96 series: %.4f), detected %.2f (%.2f), first week %.2f (%.2f), weeks %.2f (%.2f), PPV %.2f (%.2f), delay %.2f (%.2f)",
			s.Method, fpr, s.FPR, w.found/w.series, s.POD, w.first/w.series, s.FirstWeek, w.caught/w.outbreak, s.Sensitivity,
			w.caught/(w.caught+w.falseAlarms), s.PPV, w.delay/w.found, s.Delay)
		within(t, s.Method+": share of false alarms", fpr, s.FPR, w.quiet, 4, 3)
		within(t, s.Method+": detected", w.found/w.series, s.POD, w.series, 3, 1)
		within(t, s.Method+": detected in the first week", w.first/w.series, s.FirstWeek, w.series, 3, 1)
		within(t, s.Method+": weeks of outbreaks with an alarm", w.caught/w.outbreak, s.Sensitivity, w.outbreak, 4, 3)
		within(t, s.Method+": alarms that are of an outbreak", w.caught/(w.caught+w.falseAlarms), s.PPV, w.caught+w.falseAlarms, 4, 3)
		if got, limit := w.delay/w.found, 3*math.Sqrt((s.Delay+s.Delay*s.Delay)/w.found); math.Abs(got-s.Delay) > limit {
			t.Errorf("%s: mean delay %v weeks, want %v ± %v", s.Method, got, s.Delay, limit)
		}
	}
	if rates["farringtonFlexible nbPlugin a=0.005"] >= rates["seasonal-window Poisson p<0.005"] {
		t.Error("a Poisson limit on over-dispersed counts should raise more false alarms than Farrington flexible")
	}
	if rates["EARS C3 (definition) a=0.025 minSigma=0.5"] <= rates["EARS C1 a=0.001 minSigma=0.5"] {
		t.Error("C3 should raise more false alarms than C1")
	}
}
