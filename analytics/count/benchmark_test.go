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
		Method string  `json:"method"`
		FPR    float64 `json:"FPR"`
		POD    float64 `json:"POD"`
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

// The published figures come from 96 series, of which these 12 are a part. So the
// comparison is between a part and the whole: false alarms within four standard
// errors at three times the binomial variance, because alarms come in runs and
// scenarios differ; detections within three standard errors of a share of 12.
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
		found, falseAlarms, quiet := 0.0, 0.0, 0.0
		for _, series := range v.Series {
			caught := false
			for at := firstJudged; at <= lastJudged; at++ {
				alarm := detect(t, series.X, at)
				if at >= series.Start-1 && at <= series.End-1 {
					caught = caught || alarm
					continue
				}
				quiet++
				if alarm {
					falseAlarms++
				}
			}
			if caught {
				found++
			}
		}
		pod, fpr := found/float64(len(v.Series)), falseAlarms/quiet
		rates[s.Method] = fpr
		t.Logf("%-42s false alarms %.4f (96 series: %.4f), detected %.2f (%.2f)", s.Method, fpr, s.FPR, pod, s.POD)
		if limit := 4 * math.Sqrt(3*s.FPR*(1-s.FPR)/quiet); math.Abs(fpr-s.FPR) > limit {
			t.Errorf("%s: share of false alarms %v, want %v ± %v", s.Method, fpr, s.FPR, limit)
		}
		if limit := 3 * math.Sqrt(s.POD*(1-s.POD)/float64(len(v.Series))); math.Abs(pod-s.POD) > limit {
			t.Errorf("%s: detected %v, want %v ± %v", s.Method, pod, s.POD, limit)
		}
	}
	if rates["farringtonFlexible nbPlugin a=0.005"] >= rates["seasonal-window Poisson p<0.005"] {
		t.Error("a Poisson limit on over-dispersed counts should raise more false alarms than Farrington flexible")
	}
	if rates["EARS C3 (definition) a=0.025 minSigma=0.5"] <= rates["EARS C1 a=0.001 minSigma=0.5"] {
		t.Error("C3 should raise more false alarms than C1")
	}
}
