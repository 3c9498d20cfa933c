package scan_test

import (
	"math"
	"math/big"
	"testing"

	"github.com/urbangrid/urbangrid/analytics/scan"
	"pgregory.net/rapid"
)

func TestPoisson_IsTheClosedForm(t *testing.T) {
	for _, row := range []struct{ c, b, want float64 }{
		{0, 0, 0},
		{0, 3, 0},
		{3, 3, 0},
		{2.9, 3, 0},
		{21, 6, 21*math.Log(3.5) - 15},
		{1, 0.5, math.Ln2 - 0.5},
		{1, 1e-300, 300*math.Ln10 - 1},
		{5, 1e-320, 5*(math.Log(5)-math.Log(1e-320)) - 5},
		{1, 0, math.Inf(1)},
		{1, -2, math.Inf(1)},
		{0, -2, 0},
		{math.NaN(), 1, 0},
		{1, math.NaN(), 0},
	} {
		if got := scan.Poisson(row.c, row.b); !near(got, row.want, 1e-14) {
			t.Errorf("Poisson(%v, %v) = %v, want %v", row.c, row.b, got, row.want)
		}
	}
}

func TestNegBin_AtItsEdges(t *testing.T) {
	for _, row := range []struct{ c, b, size, want float64 }{
		{0, 0, 2, 0},
		{3, 3, 2, 0},
		{3, 4, 2, 0},
		{3, 1, 0, 0},
		{3, 1, -1, 0},
		{3, 1, math.NaN(), 0},
		{1, 0, 2, math.Inf(1)},
		{3, 1, 2, 3*math.Log(3) - 5*math.Log(5./3)},
		{3, 1, math.Inf(1), scan.Poisson(3, 1)},
		{3, 1, 1e300, scan.Poisson(3, 1)},
		{5, 1e-320, 2, 5*(math.Log(5)-math.Log(1e-320)) - 7*math.Log(3.5)},
	} {
		if got := scan.NegBin(row.c, row.b, row.size); !near(got, row.want, 1e-13) {
			t.Errorf("NegBin(%v, %v, %v) = %v, want %v", row.c, row.b, row.size, got, row.want)
		}
	}
}

// Excesses of a millionth of the baseline are where a closed form in float64 has
// no digit left; the reference is the same form in 400 bits.
func TestScores_KeepTheirDigitsForASmallExcess(t *testing.T) {
	for _, b := range []float64{1e-3, 0.7, 42, 1e6} {
		for _, share := range []float64{1e-6, 1e-3, 0.05, 0.1999, 0.2001, 1, 50} {
			c := b * (1 + share)
			if got, want := scan.Poisson(c, b), exact(c, b, 0); !near(got, want, 1e-14) {
				t.Errorf("Poisson(%v, %v) = %v, want %v", c, b, got, want)
			}
			for _, size := range []float64{1e-4, 0.5, 10, 1e5, 1e12} {
				if got, want := scan.NegBin(c, b, size), exact(c, b, size); !near(got, want, 3e-14) {
					t.Errorf("NegBin(%v, %v, %v) = %v, want %v", c, b, size, got, want)
				}
			}
		}
	}
}

// exact is the closed form in 400 bits; a size of 0 means Poisson.
func exact(c, b, size float64) float64 {
	x, m, r := wide(c), wide(b), wide(size)
	score := times(x, logarithm(over(x, m)))
	if size == 0 {
		score.Sub(score, new(big.Float).Sub(x, m))
	} else {
		xr, mr := new(big.Float).Add(x, r), new(big.Float).Add(m, r)
		score.Sub(score, times(xr, logarithm(over(xr, mr))))
	}
	out, _ := score.Float64()
	return out
}

func wide(x float64) *big.Float        { return new(big.Float).SetPrec(400).SetFloat64(x) }
func times(a, b *big.Float) *big.Float { return new(big.Float).Mul(a, b) }
func over(a, b *big.Float) *big.Float  { return new(big.Float).Quo(a, b) }

// logarithm is ln q by 2·artanh((q−1)/(q+1)), after square roots have brought q
// near 1.
func logarithm(q *big.Float) *big.Float {
	scale := 2.0
	for range 12 {
		q = new(big.Float).Sqrt(q)
		scale *= 2
	}
	one := wide(1)
	v := over(new(big.Float).Sub(q, one), new(big.Float).Add(q, one))
	square, power, sum := times(v, v), v, wide(0)
	for n := 1.0; n < 200; n += 2 {
		sum.Add(sum, over(power, wide(n)))
		power = times(power, square)
	}
	return sum.Mul(sum, wide(scale))
}

func near(got, want, tolerance float64) bool {
	return got == want || math.Abs(got-want) <= tolerance*math.Max(math.Abs(got), math.Abs(want))
}

func TestScores_GrowWithTheCountAndFallWithTheBaseline(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := math.Pow(10, rapid.Float64Range(-6, 6).Draw(t, "log10 b"))
		c := b * rapid.Float64Range(0, 20).Draw(t, "c/b")
		more := rapid.Float64Range(1.0001, 3).Draw(t, "more")
		size := math.Pow(10, rapid.Float64Range(-3, 9).Draw(t, "log10 size"))
		for name, score := range map[string]func(c, b float64) float64{
			"Poisson": scan.Poisson,
			"NegBin":  func(c, b float64) float64 { return scan.NegBin(c, b, size) },
		} {
			s := score(c, b)
			if s < 0 || s == 0 && c > b {
				t.Fatalf("%s(%v, %v) = %v", name, c, b, s)
			}
			if up := score(c*more, b); up < s || c > b && up <= s {
				t.Fatalf("%s(%v, %v) = %v, not above %v at count %v", name, c*more, b, up, s, c)
			}
			if down := score(c, b*more); down > s || c > b*more && down >= s {
				t.Fatalf("%s(%v, %v) = %v, not below %v at baseline %v", name, c, b*more, down, s, b)
			}
		}
	})
}

func TestNegBin_IsBelowPoissonAndTendsToIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := math.Pow(10, rapid.Float64Range(-6, 6).Draw(t, "log10 b"))
		c := b * rapid.Float64Range(1.0001, 20).Draw(t, "c/b")
		poisson := scan.Poisson(c, b)
		before := 0.0
		for exponent := -3.0; exponent <= 12; exponent++ {
			size := math.Pow(10, exponent)
			score := scan.NegBin(c, b, size)
			if score < before*(1-1e-14) || score > poisson*(1+1e-14) {
				t.Fatalf("NegBin(%v, %v, %v) = %v, after %v at a tenth of the size, Poisson %v", c, b, size, score, before, poisson)
			}
			// The share that is missing is below (c+b)/size.
			if gap := 1 - score/poisson; gap > (c+b)/size+1e-13 {
				t.Fatalf("NegBin(%v, %v, %v) = %v, a share of %v below Poisson", c, b, size, score, gap)
			}
			before = score
		}
	})
}

// The stream spends one score for each zone and duration of each active cell:
// budget 150 ns.
func BenchmarkPoisson(b *testing.B) {
	benchmarkScore(b, func(c, base float64) float64 { return scan.Poisson(c, base) })
}

func BenchmarkNegBin(b *testing.B) {
	benchmarkScore(b, func(c, base float64) float64 { return scan.NegBin(c, base, 3.5) })
}

func benchmarkScore(b *testing.B, score func(c, base float64) float64) {
	for _, at := range []struct {
		name    string
		c, base float64
	}{{"none", 1, 2}, {"small", 105, 100}, {"large", 9, 2.5}} {
		b.Run(at.name, func(b *testing.B) {
			b.ReportAllocs()
			var sum float64
			for b.Loop() {
				sum += score(at.c, at.base)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "scores/s")
			if math.IsNaN(sum) {
				b.Fatal("a score is not a number")
			}
		})
	}
}
