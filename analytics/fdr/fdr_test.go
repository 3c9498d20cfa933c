package fdr_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/urbangrid/urbangrid/analytics/fdr"
)

type outcome struct {
	Adjusted []float64 `json:"adjusted"`
	Reject   []bool    `json:"reject_0.05"`
}

// reference is one case of testdata/fdr.json, which statsmodels 0.13.5 produced.
type reference struct {
	P          []float64 `json:"p"`
	BH         outcome   `json:"fdr_bh"`
	BY         outcome   `json:"fdr_by"`
	Holm       outcome   `json:"holm"`
	Bonferroni outcome   `json:"bonferroni"`
	TwoStage   outcome   `json:"fdr_tsbh"`
	Cut        *float64  `json:"bh_critical_p_0.05"`
}

const alpha = 0.05

func references(t *testing.T) map[string]reference {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "fdr.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases map[string]reference `json:"cases"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) == 0 {
		t.Fatal("no cases")
	}
	return file.Cases
}

func TestAdjusted_MatchesStatsmodels(t *testing.T) {
	for name, ref := range references(t) {
		t.Run(name, func(t *testing.T) {
			check(t, "BH", fdr.BH(ref.P), ref.BH)
			check(t, "BY", fdr.BY(ref.P), ref.BY)
			check(t, "Holm", fdr.Holm(ref.P), ref.Holm)
			check(t, "Bonferroni", fdr.Bonferroni(ref.P), ref.Bonferroni)
			check(t, "TwoStage", fdr.TwoStage(ref.P, alpha), ref.TwoStage)
			cut, any := fdr.Cut(slices.Sorted(slices.Values(ref.P)), len(ref.P), alpha)
			if any != (ref.Cut != nil) || any && cut != *ref.Cut {
				t.Errorf("cut is %v, %v, want %v", cut, any, ref.Cut)
			}
		})
	}
}

func check(t *testing.T, method string, got []float64, want outcome) {
	t.Helper()
	if len(got) != len(want.Adjusted) {
		t.Fatalf("%s: %d values, want %d", method, len(got), len(want.Adjusted))
	}
	for i, v := range want.Adjusted {
		if math.Abs(got[i]-v) > 1e-12*v {
			t.Errorf("%s: test %d has adjusted p %v, want %v", method, i, got[i], v)
		}
		if rejected := got[i] <= alpha; rejected != want.Reject[i] {
			t.Errorf("%s: test %d rejected: %v, want %v", method, i, rejected, want.Reject[i])
		}
	}
}

// pValues draws p-values with ties, zeros, ones and tests that were not made.
func pValues(t *rapid.T) []float64 {
	return rapid.SliceOfN(rapid.OneOf(
		rapid.Float64Range(0, 1),
		rapid.Float64Range(0, 0.02),
		rapid.SampledFrom([]float64{0, 0.01, 0.025, 0.05, 1, math.NaN()}),
	), 0, 60).Draw(t, "p")
}

func TestBH_RejectsAsTheStepUpSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := pValues(t)
		level := rapid.Float64Range(0.001, 0.5).Draw(t, "alpha")
		adjusted := fdr.BH(p)

		// The definition, with the product on the other side: the largest k with
		// p(k) ≤ αk/m, and all that are no larger.
		var made []float64
		for _, v := range p {
			if !math.IsNaN(v) {
				made = append(made, v)
			}
		}
		slices.Sort(made)
		limit, found := 0.0, false
		for k := range made {
			if made[k]*float64(len(made))/float64(k+1) <= level {
				limit, found = made[k], true
			}
		}
		small := slices.DeleteFunc(slices.Clone(made), func(v float64) bool { return v > level })
		if cut, any := fdr.Cut(small, len(made), level); cut != limit || any != found {
			t.Errorf("cut of the small ones is %v, %v, want %v, %v", cut, any, limit, found)
		}
		for i, v := range p {
			if math.IsNaN(v) {
				if !math.IsNaN(adjusted[i]) {
					t.Errorf("a test that was not made has adjusted p %v", adjusted[i])
				}
				continue
			}
			if rejected, want := adjusted[i] <= level, found && v <= limit; rejected != want {
				t.Errorf("p %v adjusted to %v is rejected at %v: %v, want %v", v, adjusted[i], level, rejected, want)
			}
		}
	})
}

func TestAdjusted_KeepsOrderAndIsOrdered(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := pValues(t)
		bh, by, holm, bonferroni := fdr.BH(p), fdr.BY(p), fdr.Holm(p), fdr.Bonferroni(p)
		two := fdr.TwoStage(p, alpha)
		const ulps = 1 + 1e-12
		for i := range p {
			if math.IsNaN(p[i]) {
				continue
			}
			for j := range p {
				if p[i] <= p[j] && (bh[i] > bh[j] || by[i] > by[j] || holm[i] > holm[j] || bonferroni[i] > bonferroni[j] || two[i] > two[j]) {
					t.Fatalf("p %v ≤ %v, but not once adjusted", p[i], p[j])
				}
			}
			if p[i] > bh[i]*ulps || bh[i] > by[i]*ulps || bh[i] > holm[i]*ulps || holm[i] > bonferroni[i]*ulps || two[i] > bh[i] || by[i] > 1 || bonferroni[i] > 1 {
				t.Errorf("p %v: BH %v, BY %v, Holm %v, Bonferroni %v, two-stage %v", p[i], bh[i], by[i], holm[i], bonferroni[i], two[i])
			}
		}
	})
}

func TestAdjusted_OfNothingIsNothing(t *testing.T) {
	for _, p := range [][]float64{nil, {math.NaN()}} {
		for name, got := range map[string][]float64{
			"BH": fdr.BH(p), "BY": fdr.BY(p), "Holm": fdr.Holm(p), "Bonferroni": fdr.Bonferroni(p), "TwoStage": fdr.TwoStage(p, alpha),
		} {
			if len(got) != len(p) || len(got) == 1 && !math.IsNaN(got[0]) {
				t.Errorf("%s of %v is %v", name, p, got)
			}
		}
	}
	if cut, any := fdr.Cut(nil, 100, alpha); any {
		t.Errorf("cut of nothing is %v", cut)
	}
}

// The map asks for the cut of 12 kinds × 60,000 cells once a second: only what is
// at most α is sorted, within 15 ms.
func BenchmarkCut(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	p := make([]float64, 720_000)
	for i := range p {
		p[i] = random.Float64()
	}
	small := make([]float64, 0, len(p))
	b.ReportAllocs()
	for b.Loop() {
		small = small[:0]
		for _, v := range p {
			if v <= alpha {
				small = append(small, v)
			}
		}
		slices.Sort(small)
		fdr.Cut(small, len(p), alpha)
	}
}

func BenchmarkBH(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	p := make([]float64, 438_300)
	for i := range p {
		p[i] = random.Float64()
	}
	b.ReportAllocs()
	for b.Loop() {
		fdr.BH(p)
	}
}
