package count_test

import (
	"math"
	"math/big"
	"testing"

	"github.com/urbangrid/urbangrid/analytics/count"
	"pgregory.net/rapid"
)

type exceedance struct {
	Tails []struct {
		Mean     float64 `json:"mu"`
		Y        int     `json:"y"`
		Poisson  float64 `json:"pois_upper_geq"`
		Log      float64 `json:"pois_logsf_geq"`
		MidP     float64 `json:"pois_midp"`
		NegBin05 float64 `json:"nb_size0.5_upper_geq"`
		NegBin2  float64 `json:"nb_size2_upper_geq"`
		NegBin10 float64 `json:"nb_size10_upper_geq"`
	} `json:"tails"`
	Quantiles []struct {
		Mean     float64 `json:"mu"`
		Alpha    float64 `json:"alpha"`
		Poisson  int     `json:"pois_q"`
		NegBin05 int     `json:"nb_size0.5_q"`
		NegBin2  int     `json:"nb_size2_q"`
		NegBin10 int     `json:"nb_size10_q"`
	} `json:"quantiles"`
	Predictive []struct {
		Total       float64 `json:"S"`
		Exposure    float64 `json:"E"`
		Next        float64 `json:"e"`
		Y           int     `json:"y"`
		Tail        float64 `json:"p_geq"`
		Conditional float64 `json:"binomial_conditional_p"`
	} `json:"gamma_poisson_predictive"`
}

func TestTails_AgreeWithTheReference(t *testing.T) {
	var v exceedance
	vectors(t, "count_exceedance.json", &v)
	if len(v.Tails) < 18 {
		t.Fatalf("read %d rows", len(v.Tails))
	}
	for _, r := range v.Tails {
		for name, pair := range map[string][2]float64{
			"Poisson":   {count.PoissonTail(r.Y, r.Mean), r.Poisson},
			"size 0.5":  {count.NegBinTail(r.Y, r.Mean, 0.5), r.NegBin05},
			"size 2":    {count.NegBinTail(r.Y, r.Mean, 2), r.NegBin2},
			"size 10":   {count.NegBinTail(r.Y, r.Mean, 10), r.NegBin10},
			"mid-p":     {count.PoissonMidP(r.Y, r.Mean), r.MidP},
			"logarithm": {math.Log(count.PoissonTail(r.Y, r.Mean)), r.Log},
			"head":      {count.PoissonHead(r.Y-1, r.Mean), -math.Expm1(r.Log)},
		} {
			tolerance := 1e-11
			if name == "head" { // one minus the reference has the error of one
				tolerance += 1e-15 / math.Max(pair[1], 1e-300)
			}
			if !near(pair[0], pair[1], tolerance) {
				t.Errorf("mean %v, y %d, %s: got %v, want %v", r.Mean, r.Y, name, pair[0], pair[1])
			}
		}
	}
}

func TestQuantiles_AgreeWithTheReference(t *testing.T) {
	var v exceedance
	vectors(t, "count_exceedance.json", &v)
	if len(v.Quantiles) < 20 {
		t.Fatalf("read %d rows", len(v.Quantiles))
	}
	for _, r := range v.Quantiles {
		got := [4]int{
			count.PoissonQuantile(r.Alpha, r.Mean),
			count.NegBinQuantile(r.Alpha, r.Mean, 0.5),
			count.NegBinQuantile(r.Alpha, r.Mean, 2),
			count.NegBinQuantile(r.Alpha, r.Mean, 10),
		}
		if want := [4]int{r.Poisson, r.NegBin05, r.NegBin2, r.NegBin10}; got != want {
			t.Errorf("mean %v, alpha %v: got %v, want %v", r.Mean, r.Alpha, got, want)
		}
	}
}

func TestTailsOfAnUncertainRate_AgreeWithTheReference(t *testing.T) {
	var v exceedance
	vectors(t, "count_exceedance.json", &v)
	if len(v.Predictive) < 7 {
		t.Fatalf("read %d rows", len(v.Predictive))
	}
	for _, r := range v.Predictive {
		if got := count.PredictiveTail(r.Y, r.Total, r.Exposure, r.Next); !near(got, r.Tail, 1e-11) {
			t.Errorf("%+v: predictive %v", r, got)
		}
		if got := count.ConditionalTail(r.Y, r.Total, r.Exposure, r.Next); !near(got, r.Conditional, 1e-11) {
			t.Errorf("%+v: conditional %v", r, got)
		}
	}
}

func TestTails_AtTheirEdges(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, row := range []struct {
		name      string
		got, want float64
	}{
		{"no count", count.PoissonTail(0, 3), 1},
		{"a negative count", count.NegBinTail(-4, 3, 2), 1},
		{"no mean", count.PoissonTail(1, 0), 0},
		{"no mean, no count", count.PoissonTail(0, 0), 1},
		{"no mean, negative binomial", count.NegBinTail(1, 0, 2), 0},
		{"no size", count.NegBinTail(1, 3, 0), 0},
		{"any mean", count.PoissonTail(1, inf), 1},
		{"any mean, negative binomial", count.NegBinTail(1, inf, 1), 1},
		{"unknown mean", count.PoissonTail(1, nan), nan},
		{"unknown size", count.NegBinTail(1, 1, nan), nan},
		{"infinite size", count.NegBinTail(7, 2, inf), count.PoissonTail(7, 2)},
		{"nothing or less", count.PoissonHead(0, 2), math.Exp(-2)},
		{"below nothing", count.PoissonHead(-1, 2), 0},
		{"certain silence", count.PoissonHead(0, 0), 1},
		{"silence of an endless rate", count.PoissonHead(9, inf), 0},
		{"silence of an unknown rate", count.PoissonHead(9, nan), nan},
		{"first window of a place", count.PredictiveTail(5, 0, 0, 1), 1},
		{"first window, conditional", count.ConditionalTail(5, 0, 0, 1), 1},
		{"mid-p", count.NegBinMidP(0, 3, 2), 1 - 0.5*0.4*0.4},
		{"all is allowed", float64(count.PoissonQuantile(1, 9)), 0},
		{"nothing is allowed", float64(count.PoissonQuantile(0, 9)), math.MaxInt},
		{"quantile of no mean", float64(count.NegBinQuantile(0.01, 0, 2)), 0},
	} {
		if !near(row.got, row.want, 1e-14) {
			t.Errorf("%s: got %v, want %v", row.name, row.got, row.want)
		}
	}
}

// The reference is the sum of the probabilities themselves in 300 bits. The rows
// with a large size are where an incomplete beta function in float64 has no
// correct digit left.
func TestTails_KeepTheirDigitsFarOut(t *testing.T) {
	for _, size := range []int{0, 1, 3, 40, 1e4, 1e9, 1e15} {
		for _, mean := range []float64{1e-4, 0.3, 7, 400} {
			for _, deviations := range []float64{0, 3, 10, 25} {
				y := 1 + int(mean+deviations*(1+math.Sqrt(mean)))
				got := count.NegBinTail(y, mean, float64(size))
				if size == 0 {
					got = count.PoissonTail(y, mean)
				}
				want := summed(y, mean, size)
				if want < 1e-300 {
					continue
				}
				if !near(got, want, 1e-11) {
					t.Errorf("P(Y ≥ %d) of mean %v, size %d = %v, want %v", y, mean, size, got, want)
				}
			}
		}
	}
}

// summed adds up the probabilities from y on; a size of 0 means Poisson. It
// starts from (size/(size+mean))^size or e^−mean, and goes on by the ratio of
// neighbours.
func summed(y int, mean float64, size int) float64 {
	m, r := wide(mean), wide(float64(size))
	p := exponential(wide(-mean))
	share := m
	if size > 0 {
		all := new(big.Float).Add(r, m)
		p = whole(new(big.Float).Quo(r, all), size)
		share = new(big.Float).Quo(m, all)
	}
	sum := wide(0)
	for k := 0; ; k++ {
		if k >= y {
			before := new(big.Float).Set(sum)
			sum.Add(sum, p)
			if float64(k) > mean && new(big.Float).Quo(new(big.Float).Sub(sum, before), sum).Cmp(wide(1e-25)) < 0 {
				out, _ := sum.Float64()
				return out
			}
		}
		if size > 0 {
			p.Mul(p, wide(float64(size+k)))
		}
		p.Mul(p, share).Quo(p, wide(float64(k+1)))
	}
}

func wide(x float64) *big.Float { return new(big.Float).SetPrec(300).SetFloat64(x) }

func whole(base *big.Float, power int) *big.Float {
	out := wide(1)
	for ; power > 0; power /= 2 {
		if power%2 == 1 {
			out.Mul(out, base)
		}
		base = new(big.Float).Mul(base, base)
	}
	return out
}

// exponential halves x until its series is short, and squares as often.
func exponential(x *big.Float) *big.Float {
	const halvings = 20
	x = new(big.Float).Quo(x, wide(1<<halvings))
	term, sum := wide(1), wide(1)
	for k := 1.0; k < 40; k++ {
		term.Mul(term, x).Quo(term, wide(k))
		sum.Add(sum, term)
	}
	return whole(sum, 1<<halvings)
}

func TestTails_FallWithTheCountAndGrowWithTheMean(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mean := math.Pow(10, rapid.Float64Range(-4, 4).Draw(t, "log10 mean"))
		size := math.Pow(10, rapid.Float64Range(-2, 9).Draw(t, "log10 size"))
		y := 1 + int(rapid.Float64Range(0, 4).Draw(t, "y/mean")*mean)
		if rapid.Bool().Draw(t, "Poisson") {
			size = math.Inf(1)
		}
		p := count.NegBinTail(y, mean, size)
		if !(p > 0 && p <= 1) && y < 1000 {
			t.Fatalf("P(Y ≥ %d) of mean %v, size %v = %v", y, mean, size, p)
		}
		if next := count.NegBinTail(y+1, mean, size); next > p || next == p && p < 0.999 && p > 0 {
			t.Fatalf("P(Y ≥ %d) = %v after %v, mean %v, size %v", y+1, next, p, mean, size)
		}
		if more := count.NegBinTail(y, mean*1.01, size); more < p*(1-1e-11) {
			t.Fatalf("P(Y ≥ %d) = %v at mean %v, %v at 1.01 times it, size %v", y, p, mean, more, size)
		}
	})
}

func TestQuantile_IsTheFirstCountThatIsRareEnough(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mean := math.Pow(10, rapid.Float64Range(-4, 5).Draw(t, "log10 mean"))
		size := math.Pow(10, rapid.Float64Range(-1, 9).Draw(t, "log10 size"))
		alpha := math.Pow(10, rapid.Float64Range(-200, -0.01).Draw(t, "log10 alpha"))
		q := count.NegBinQuantile(alpha, mean, size)
		if p := count.NegBinTail(q+1, mean, size); p > alpha {
			t.Fatalf("P(Y > %d) = %v, alpha %v", q, p, alpha)
		}
		if q > 0 {
			if p := count.NegBinTail(q, mean, size); p <= alpha {
				t.Fatalf("P(Y > %d) = %v is rare enough for %v already", q-1, p, alpha)
			}
		}
	})
}

func TestPredictiveTail_IsWiderThanPoissonAndTendsToIt(t *testing.T) {
	for _, y := range []int{8, 12, 20} {
		before := 1.0
		for _, exposure := range []float64{1, 10, 100, 1e4, 1e8} {
			p := count.PredictiveTail(y, 3*exposure, exposure, 1)
			if p >= before {
				t.Errorf("P(Y ≥ %d) after exposure %v = %v, not below %v", y, exposure, p, before)
			}
			before = p
		}
		if want := count.PoissonTail(y, 3); before <= want || !near(before, want, 1e-6) {
			t.Errorf("P(Y ≥ %d) = %v, want just above %v", y, before, want)
		}
	}
}

// One tail is spent for each cell and kind that an analyst looks at: budget 2 µs.
func BenchmarkTail(b *testing.B) {
	for _, at := range []struct {
		name       string
		y          int
		mean, size float64
	}{
		{"Poisson", 9, 2.5, math.Inf(1)},
		{"NegBin", 9, 2.5, 3.5},
		{"NegBinLargeMean", 1300, 1000, 20},
		{"NegBinLargeSize", 9, 2.5, 1e12},
	} {
		b.Run(at.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if p := count.NegBinTail(at.y, at.mean, at.size); p <= 0 {
					b.Fatal(p)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tails/s")
		})
	}
}
