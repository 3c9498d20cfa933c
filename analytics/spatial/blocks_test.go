package spatial_test

import (
	"math"
	"testing"

	"github.com/urbangrid/urbangrid/analytics/spatial"
)

// furtherResults are the parts of testdata/gistar_h3.json beside the scores themselves.
type furtherResults struct {
	Moran *struct {
		VI float64 `json:"VI_norm"`
		ZI float64 `json:"z_norm"`
	} `json:"global_moran_k1_rowstd"`
	Local struct {
		I numbers `json:"I"`
		Z numbers `json:"z_conditional"`
	} `json:"local_moran_k1_rowstd"`
	Simulated struct {
		Permutations int `json:"permutations"`
		P            struct {
			Directed numbers `json:"directed"`
		} `json:"p_sim"`
		E  numbers `json:"EG_sim"`
		SE numbers `json:"seG_sim"`
		Z  numbers `json:"z_sim"`
	} `json:"gistar_k1_conditional_permutation"`
	Spdep struct {
		Moran struct{ I, E, Var, Z float64 } `json:"moran_test"`
	} `json:"spdep_1.2.7"`
}

func furtherOf(t *testing.T) map[string]furtherResults {
	t.Helper()
	var file struct {
		Results map[string]furtherResults `json:"results"`
	}
	read(t, "gistar_h3.json", &file)
	return file.Results
}

// The sum of the weights is the size of a disk, and the sum with weights is what the
// disk holds: G times the sum of all.
func TestDisks_HaveTheWeightsAndSumsOfTheReference(t *testing.T) {
	for _, c := range areaCases(t) {
		l := latticeOf(t, c.Cells, 2)
		x, total := c.ordered(c.Y), 0.0
		for _, v := range x {
			total += v
		}
		for k, want := range map[int]scores{1: c.GiStar1, 2: c.GiStar2} {
			weights := make([]float64, len(x))
			for i := range weights {
				weights[i] = float64(len(l.Disk(i, k)))
			}
			same(t, c.Name+": W", c.back(weights), want.W)
			sums := must[spatial.Conditional](t)(c.graph[k].Conditional(x)).G
			for i := range sums {
				sums[i] *= total
			}
			same(t, c.Name+": sums over disks", c.back(sums), want.Sum)
		}
	}
}

func TestMoran_MatchesSpdepsTestAndTheVarianceUnderNormality(t *testing.T) {
	checked := 0
	further := furtherOf(t)
	for _, c := range areaCases(t) {
		want := further[c.Name]
		x := c.ordered(c.Y)
		normal := must[spatial.Global](t)(c.graph[1].MoranNormal(x))
		if want.Moran == nil {
			if !math.IsNaN(normal.Z) {
				t.Errorf("a constant field has %+v", normal)
			}
			continue
		}
		checked++
		same(t, c.Name+": V and z under normality", []float64{normal.Variance, normal.Z}, []float64{want.Moran.VI, want.Moran.ZI})
		got := must[spatial.Global](t)(c.graph[1].Moran(x))
		same(t, c.Name+": moran.test", []float64{got.Value, got.Expected, got.Variance, got.Z}, []float64{want.Spdep.Moran.I, want.Spdep.Moran.E, want.Spdep.Moran.Var, want.Spdep.Moran.Z})
		local := must[spatial.LocalMoran](t)(c.graph[1].LocalMoran(x))
		// esda has n−1 where spdep has n, but holds its I against moments with n: its z is
		// not ours, and follows from ours.
		n := float64(len(x))
		scaled, z := c.back(local.I), c.back(local.Z)
		for i := range scaled {
			z[i] += (scaled[i]*(n-1)/n - scaled[i]) / math.Sqrt(c.back(local.Variance)[i])
			scaled[i] *= (n - 1) / n
		}
		same(t, c.Name+": local I of esda", scaled, want.Local.I)
		same(t, c.Name+": z of local I of esda", z, want.Local.Z)
	}
	if checked == 0 {
		t.Fatal("nothing to compare with")
	}
}

// esda's moments are those of 9,999 draws; ours are exact, so they differ by what
// draws differ: five standard errors, of a deviation of values that may be skewed.
func TestConditional_AgreesWithTheMomentsThatWereSimulated(t *testing.T) {
	checked := 0
	further := furtherOf(t)
	for _, c := range areaCases(t) {
		want := further[c.Name].Simulated
		if want.E == nil {
			continue
		}
		checked++
		exact := must[spatial.Conditional](t)(c.graph[1].Conditional(c.ordered(c.Y)))
		mean, sd, z := c.back(exact.Mean), c.back(exact.SD), c.back(exact.Z)
		step := 5 / math.Sqrt(float64(want.Permutations))
		for i := range mean {
			if limit := step * sd[i]; math.Abs(mean[i]-want.E[i]) > limit {
				t.Errorf("mean of place %d is %v, simulated %v ± %v", i, mean[i], want.E[i], limit)
			}
			if limit := step * sd[i]; math.Abs(sd[i]-want.SE[i]) > limit {
				t.Errorf("SD of place %d is %v, simulated %v ± %v", i, sd[i], want.SE[i], limit)
			}
			if limit := step * (1 + math.Abs(z[i])); math.Abs(z[i]-want.Z[i]) > limit {
				t.Errorf("z of place %d is %v, simulated %v ± %v", i, z[i], want.Z[i], limit)
			}
		}
	}
	if checked == 0 {
		t.Fatal("nothing to compare with")
	}
}

// Our two-sided p is twice the smaller tail, which esda calls directed. Its own
// "two-sided" counts what lies beyond two percentiles, ties on both sides included, and
// is another number where sums tie (0.91 for 0.78 in the first place); it is not
// compared.
func TestPermute_TwoSidedIsTwiceTheSmallerTailOfEsda(t *testing.T) {
	checked := 0
	further := furtherOf(t)
	for _, c := range areaCases(t) {
		want := further[c.Name].Simulated
		if want.P.Directed == nil {
			continue
		}
		checked++
		rounds := float64(want.Permutations)
		got := must[spatial.Permuted](t)(c.graph[1].Permute(t.Context(), c.ordered(c.Y), want.Permutations, 1))
		for i, p := range c.back(got.P) {
			tail := want.P.Directed[i]
			q := max(tail, 1/rounds)
			// Ties count for both tails here, and for one there.
			tie := c.back(got.Upper)[i] + c.back(got.Lower)[i] - 1
			if limit := 2*5*math.Sqrt(2*q*(1-q)/rounds) + 2*max(0, tie); math.Abs(p-min(1, 2*tail)) > limit+1e-12 {
				t.Errorf("p of place %d is %v, want %v ± %v", i, p, min(1, 2*tail), limit)
			}
		}
	}
	if checked == 0 {
		t.Fatal("nothing to compare with")
	}
}
