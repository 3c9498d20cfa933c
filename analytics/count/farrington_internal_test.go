package count

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"gonum.org/v1/gonum/mathext"
)

type farringtonVectors struct {
	Series struct {
		Seasonal struct {
			X        []float64       `json:"x"`
			Noufaily farringtonBlock `json:"flex_noufaily"`
			Muan     farringtonBlock `json:"flex_muan"`
			Delta    farringtonBlock `json:"flex_default_delta"`
			Plain    farringtonBlock `json:"flex_noreweight_notrend"`
		} `json:"sim_seasonal"`
		Worked     workedStep `json:"worked_step_sim_seasonal_k360"`
		Thresholds struct {
			Farrington map[string]thresholdValues `json:"farrington"`
			Noufaily   map[string]thresholdValues `json:"noufaily"`
		} `json:"threshold_function_unit"`
	} `json:"series"`
}

type workedStep struct {
	K    int `json:"k"`
	Data struct {
		T        []float64 `json:"t"`
		Response []float64 `json:"response"`
		Season   []int     `json:"seasgroup"`
	} `json:"data"`
	Fit1 struct {
		Coef     map[string]float64 `json:"coef"`
		Phi      float64            `json:"phi"`
		Anscombe []float64          `json:"anscombe"`
		Hat      []float64          `json:"hat"`
	} `json:"fit1"`
	Weights []float64 `json:"weights"`
	Fit2    struct {
		Coef        map[string]float64 `json:"coef"`
		Phi         float64            `json:"phi"`
		Link        float64            `json:"link_pred"`
		LinkErr     float64            `json:"link_se"`
		Mean        float64            `json:"resp_pred"`
		MeanErr     float64            `json:"resp_se"`
		LinkErrFlaw float64            `json:"link_se_as_in_farringtonFlexible"`
	} `json:"fit2"`
	Upper float64 `json:"threshold_nbPlugin_upper"`
}

type farringtonBlock struct {
	T        []int      `json:"t_1based"`
	Observed []float64  `json:"observed"`
	Upper    []float64  `json:"upperbound"`
	Alarm    []int      `json:"alarm"`
	Expected []float64  `json:"expected"`
	Phi      []float64  `json:"phi"`
	Mu0      []float64  `json:"mu0"`
	Trend    []*float64 `json:"trend_coef"`
	P        []float64  `json:"pvalue"`
	Score    []float64  `json:"score"`
}

type thresholdValues struct {
	Lower float64 `json:"lower"`
	Upper float64 `json:"upper"`
	P     float64 `json:"prob"`
	Score float64 `json:"score"`
}

func readFarrington(t *testing.T) farringtonVectors {
	t.Helper()
	raw, err := os.ReadFile("testdata/farrington_flexible.json")
	if err != nil {
		t.Fatal(err)
	}
	var v farringtonVectors
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func close9(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-9*math.Max(math.Abs(want), 1e-3) {
		t.Errorf("%s: got %.15g, want %.15g", what, got, want)
	}
}

func TestWorkedStep_AgreesInEachPart(t *testing.T) {
	v := readFarrington(t)
	w := v.Series.Worked
	opts := FarringtonOptions{Alpha: 0.01, MinCases: -1}.filled()
	p, err := opts.past(v.Series.Seasonal.X, w.K-1)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.y) != len(w.Data.Response) {
		t.Fatalf("%d steps of the past, want %d", len(p.y), len(w.Data.Response))
	}
	for i := range p.y {
		if p.y[i] != w.Data.Response[i] || p.time[i] != w.Data.T[i]-float64(w.K) || p.level[i] != w.Data.Season[i]%10 {
			t.Fatalf("step %d of the past: %v at %v, level %d", i, p.y[i], p.time[i], p.level[i])
		}
	}
	even := make([]float64, len(p.y))
	for i := range even {
		even[i] = 1
	}
	fit1, err := regress(p.design(true), p.y, even)
	if err != nil {
		t.Fatal(err)
	}
	compareCoefficients(t, "first fit", fit1.coef, w.Fit1.Coef, float64(w.K))
	close9(t, "first dispersion", fit1.dispersion(), w.Fit1.Phi)
	hat := fit1.leverage()
	s := anscombe(p.y, fit1.means, hat, fit1.dispersion())
	omega := weights(s, 2.58)
	for i := range s {
		close9(t, "leverage", hat[i], w.Fit1.Hat[i])
		close9(t, "Anscombe residual", s[i], w.Fit1.Anscombe[i])
		close9(t, "weight", omega[i], w.Weights[i])
	}
	m, err := opts.model(p)
	if err != nil {
		t.Fatal(err)
	}
	compareCoefficients(t, "second fit", m.coef, w.Fit2.Coef, float64(w.K))
	close9(t, "second dispersion", m.phi, w.Fit2.Phi)
	got, err := FarringtonFlexible(v.Series.Seasonal.X, w.K-1, opts)
	if err != nil {
		t.Fatal(err)
	}
	close9(t, "link", math.Log(got.Expected), w.Fit2.Link)
	close9(t, "standard error", got.StdErr, w.Fit2.LinkErr)
	close9(t, "mean", got.Expected, w.Fit2.Mean)
	close9(t, "standard error of the mean", got.Expected*got.StdErr, w.Fit2.MeanErr)
	close9(t, "limit", got.Upper, w.Upper)
	close9(t, "standard error of the reference", flawedStdErr(m), w.Fit2.LinkErrFlaw)
}

// compareCoefficients compares with a model whose time starts at 0 and whose
// levels are held against level 1.
func compareCoefficients(t *testing.T, what string, got []float64, want map[string]float64, now float64) {
	t.Helper()
	slope, tenth := want["wtime"], want["seasgroups10"]
	close9(t, what+": intercept", got[0], want["(Intercept)"]+slope*now+tenth)
	close9(t, what+": slope", got[1], slope)
	close9(t, what+": level 1", got[2], -tenth)
	for level := 2; level <= 9; level++ {
		close9(t, what+": level", got[1+level], want["seasgroups"+string(rune('0'+level))]-tenth)
	}
}

// flawedStdErr is the standard error as surveillance computes it: the dispersion
// of the weighted fit from the weights of the outbreaks alone, because they were
// written over the working weights. Limits "delta" and "muan" of its vectors
// stand on it.
func flawedStdErr(m seasonModel) float64 {
	return math.Sqrt(m.scale(m.prior) * m.unscaled(0))
}

// flawedTrendP returns the TrendP, always or never, that makes the choice which
// surveillance makes with the same wrong dispersion.
func flawedTrendP(t *testing.T, x []float64, at int, opts FarringtonOptions) float64 {
	t.Helper()
	o := opts.filled()
	p, err := o.past(x, at)
	if err != nil {
		t.Fatal(err)
	}
	m, err := o.fit(p, true)
	if err != nil {
		t.Fatal(err)
	}
	if studentP(m.coef[1]/math.Sqrt(m.scale(m.prior)*m.unscaled(1)), m.freedom()) < o.TrendP {
		return 1
	}
	return -1
}

func TestFarringtonFlexible_AgreesWithSurveillance(t *testing.T) {
	s := readFarrington(t).Series.Seasonal
	for name, c := range map[string]struct {
		block   farringtonBlock
		opts    FarringtonOptions
		flawed  bool // the reference's limit stands on its wrong standard error
		natural bool // its score has the expectation on the scale of the count
	}{
		"noufaily": {s.Noufaily, FarringtonOptions{Alpha: 0.01, MinCases: -1}, false, false},
		"muan":     {s.Muan, FarringtonOptions{Seasons: 4, Alpha: 0.01, MinCases: -1, Threshold: NegBinMuan}, true, false},
		"delta":    {s.Delta, FarringtonOptions{Seasons: 4, Levels: 1, SkipLast: 3, TrendP: 0.05, Alpha: 0.05, Threshold: TwoThirds}, true, true},
		"plain":    {s.Plain, FarringtonOptions{Seasons: 4, Levels: 1, TrendP: -1, Outlier: math.Inf(1), Alpha: 0.05, MinCases: -1}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			if len(c.block.T) != 30 {
				t.Fatalf("read %d steps", len(c.block.T))
			}
			for i := range c.block.T {
				compareStep(t, s.X, c.block, i, c.opts, c.flawed, c.natural)
			}
		})
	}
}

func compareStep(t *testing.T, x []float64, b farringtonBlock, i int, opts FarringtonOptions, flawed, natural bool) {
	t.Helper()
	at := b.T[i] - 1
	if flawed {
		opts.TrendP = flawedTrendP(t, x, at, opts)
	}
	got, err := FarringtonFlexible(x, at, opts)
	if err != nil {
		t.Fatal(err)
	}
	opts = opts.filled()
	upper, p := got.Upper, got.P
	z := mathext.NormalQuantile(1 - opts.Alpha)
	if flawed {
		past, err := opts.past(x, at)
		if err != nil {
			t.Fatal(err)
		}
		m, err := opts.model(past)
		if err != nil {
			t.Fatal(err)
		}
		upper, p = opts.Threshold.limit(got.Expected, flawedStdErr(m), got.Dispersion, opts.Alpha, x[at])
		mu0 := math.Exp(math.Log(got.Expected) + z*flawedStdErr(m))
		if natural { // there it raises e to the expectation itself
			mu0 = math.Exp(got.Expected + z*got.Expected*flawedStdErr(m))
		}
		close9(t, "mu0 of the reference", mu0, b.Mu0[i])
	} else {
		close9(t, "mean", got.Expected, b.Mu0[i])
	}
	close9(t, "expected", got.Expected, b.Expected[i])
	close9(t, "dispersion", got.Dispersion, b.Phi[i])
	close9(t, "limit of the reference", upper, b.Upper[i])
	close9(t, "p of the reference", p, b.P[i])
	middle := math.Log(got.Expected)
	if natural {
		middle = got.Expected
	}
	close9(t, "score of the reference", (x[at]-middle)/(upper-middle), b.Score[i])
	if got.HasTrend != (b.Trend[i] != nil) {
		t.Errorf("step %d: trend %v, reference %v", b.T[i], got.HasTrend, b.Trend[i])
	} else if got.HasTrend {
		close9(t, "trend", got.Trend, *b.Trend[i])
	}
	if alarm := got.Enough && x[at] > upper; alarm != (b.Alarm[i] == 1) {
		t.Errorf("step %d: alarm %v, reference %d", b.T[i], alarm, b.Alarm[i])
	}
}

func TestLimits_AgreeWithSurveillanceUnitTests(t *testing.T) {
	v := readFarrington(t).Series.Thresholds
	for name, threshold := range map[string]Threshold{"none": Untransformed, "half": SquareRoot, "twothirds": TwoThirds} {
		upper, p := threshold.limit(5, 0.2/5, 1, 0.05, 8)
		close9(t, name+" upper", upper, v.Farrington[name].Upper)
		close9(t, name+" p", p, v.Farrington[name].P)
		close9(t, name+" score", (8-5)/(upper-5), v.Farrington[name].Score)
	}
	for name, c := range map[string]struct {
		threshold Threshold
		phi       float64
	}{
		"muan_phi1.5": {NegBinMuan, 1.5}, "muan_phi1": {NegBinMuan, 1},
		"nb_phi1.5": {NegBinPlugin, 1.5}, "nb_phi1": {NegBinPlugin, 1},
	} {
		want := v.Noufaily[name]
		upper, p := c.threshold.limit(5, math.Log(2), c.phi, 0.05, 11)
		close9(t, name+" upper", upper, want.Upper)
		close9(t, name+" p", p, want.P)
		close9(t, name+" score", (11-math.Log(5))/(upper-math.Log(5)), want.Score)
		// The lower limit is the same quantile from the other side.
		lower, _ := c.threshold.limit(5, -math.Log(2), c.phi, 0.95, 11)
		close9(t, name+" lower", lower, want.Lower)
	}
}
