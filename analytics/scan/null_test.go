package scan_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/analytics/lattice"
	"github.com/urbangrid/urbangrid/analytics/scan"
)

func simulate(t testing.TB, s *scan.Scan, o scan.Simulation) *scan.Null {
	t.Helper()
	null, err := s.Simulate(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return null
}

func TestNull_CountsTies(t *testing.T) {
	null := &scan.Null{Scores: []float64{0, 0, 0, 1, 2, 2, 3, 4, 5}}
	for score, want := range map[float64]float64{0: 1, 0.5: 0.7, 2: 0.6, 5: 0.2, 5.1: 0.1, math.Inf(1): 0.1} {
		if got := null.P(score); got != want {
			t.Errorf("p of %v is %v, want %v", score, got, want)
		}
	}
	if p := (&scan.Null{Scores: []float64{0, 0}}).GumbelP(0); !math.IsNaN(p) {
		t.Errorf("scores that do not differ have a Gumbel p of %v", p)
	}
}

func TestNull_GumbelHasTheMomentsOfTheScores(t *testing.T) {
	null := &scan.Null{Scores: []float64{1, 2, 4, 7}}
	mu, beta := null.Gumbel()
	if mean := mu + 0.57721566490153286*beta; !near(mean, 3.5, 1e-14) {
		t.Errorf("mean %v", mean)
	}
	if variance := math.Pi * math.Pi * beta * beta / 6; !near(variance, 7, 1e-14) {
		t.Errorf("variance %v", variance)
	}
	if p, want := null.GumbelP(mu+40*beta), math.Exp(-40); !near(p, want, 1e-12) {
		t.Errorf("p far out is %v, want %v", p, want)
	}
}

func TestRecurrence_IsTheStepOverP(t *testing.T) {
	if got := scan.Recurrence(0.01, 24*time.Hour); got != 2400*time.Hour {
		t.Errorf("once in %v", got)
	}
	for _, p := range []float64{0, 1e-300} {
		if got := scan.Recurrence(p, time.Hour); got != math.MaxInt64 {
			t.Errorf("p of %v: once in %v", p, got)
		}
	}
}

// town is what nothing happened in, drawn anew for each statistic from its own null.
type town struct {
	zones *scan.Zones
	mean  [][]float64
	sizes [][]float64
}

func newTown(t testing.TB, rings, steps int) town {
	t.Helper()
	disk, err := mustCell(t).Disk(rings)
	if err != nil {
		t.Fatal(err)
	}
	l, err := lattice.New(slices.Concat(disk...), 2)
	if err != nil {
		t.Fatal(err)
	}
	z, err := scan.Disks(l, 2)
	if err != nil {
		t.Fatal(err)
	}
	w := town{zones: z}
	for n := range steps {
		mean, sizes := make([]float64, l.Len()), make([]float64, l.Len())
		for i := range mean {
			mean[i] = 0.2 + float64((i*7+n*3)%11)/5
			sizes[i] = 0.5 + float64(i%4)
		}
		w.mean, w.sizes = append(w.mean, mean), append(w.sizes, sizes)
	}
	return w
}

func (w town) data(s scan.Statistic, r *rand.Rand) scan.Data {
	d := scan.Data{Expected: w.mean}
	if s == scan.Permutation {
		d.Expected = nil
		w.mean = separable(w.mean)
	}
	if s == scan.NegBinHotspot || s == scan.NegBinEmerging {
		d.Sizes = w.sizes
	}
	for n, row := range w.mean {
		counts := make([]int64, len(row))
		for i, mean := range row {
			if d.Sizes != nil {
				mean *= gamma(w.sizes[n][i], r) / w.sizes[n][i]
			}
			// Times of arrival, so that nothing is shared with the code under test.
			for at := r.ExpFloat64(); at < mean; at += r.ExpFloat64() {
				counts[i]++
			}
		}
		d.Counts = append(d.Counts, counts)
	}
	return d
}

// separable has the first row of means in all steps, times a factor of the step: what
// the permutation scan takes for nothing.
func separable(mean [][]float64) [][]float64 {
	out := make([][]float64, len(mean))
	for n := range out {
		for _, m := range mean[0] {
			out[n] = append(out[n], m*float64(1+n%3)/2)
		}
	}
	return out
}

// gamma is a gamma variate of a size that is a whole number and a half: half a
// chi-squared of an odd number of normals.
func gamma(size float64, r *rand.Rand) float64 {
	var sum float64
	for range int(2 * size) {
		z := r.NormFloat64()
		sum += z * z / 2
	}
	return sum
}

var statistics = map[string]scan.Statistic{
	"expectation": scan.ExpectationPoisson, "kulldorff": scan.Kulldorff, "permutation": scan.Permutation,
	"hotspot": scan.NegBinHotspot, "emerging": scan.NegBinEmerging,
}

// Where nothing happens p is even on (0, 1]: as many towns have 0.05 or less as should.
func TestSimulate_PIsEvenWhereNothingHappens(t *testing.T) {
	const towns, replicates = 400, 39
	w := newTown(t, 2, 8)
	for name, statistic := range statistics {
		r := rand.New(rand.NewPCG(11, uint64(statistic)))
		low, sum := 0.0, 0.0
		for n := range towns {
			s, err := scan.New(w.zones, w.data(statistic, r), scan.Options{Statistic: statistic})
			if err != nil {
				t.Fatal(err)
			}
			p := simulate(t, s, scan.Simulation{Replicates: replicates, Seed: uint64(n)}).P(s.Highest())
			sum += p
			if p <= 0.05 {
				low++
			}
		}
		if share := low / towns; math.Abs(share-0.05) > 4*math.Sqrt(0.05*0.95/towns) {
			t.Errorf("%s: %v of the towns have p of 0.05 or less", name, share)
		}
		// The mean of 1/40, …, 40/40 is 0.5125, their variance 1/12.
		if mean := sum / towns; math.Abs(mean-0.5125) > 4*math.Sqrt(1./12/towns) {
			t.Errorf("%s: the mean p is %v", name, mean)
		}
	}
}

func TestSimulate_TheSameSeedGivesTheSameScores(t *testing.T) {
	w := newTown(t, 3, 6)
	for name, statistic := range statistics {
		s, err := scan.New(w.zones, w.data(statistic, rand.New(rand.NewPCG(1, 2))), scan.Options{Statistic: statistic})
		if err != nil {
			t.Fatal(err)
		}
		a, b := simulate(t, s, scan.Simulation{Replicates: 20, Seed: 5}), simulate(t, s, scan.Simulation{Replicates: 20, Seed: 5})
		other := simulate(t, s, scan.Simulation{Replicates: 20, Seed: 6})
		if !slices.Equal(a.Scores, b.Scores) || slices.Equal(a.Scores, other.Scores) || !slices.IsSorted(a.Scores) {
			t.Errorf("%s: %v, again %v, by another seed %v", name, a.Scores, b.Scores, other.Scores)
		}
	}
}

func TestSimulate_TellsAndEndsWithItsContext(t *testing.T) {
	w := newTown(t, 2, 6)
	s, err := scan.New(w.zones, w.data(scan.Kulldorff, rand.New(rand.NewPCG(1, 2))), scan.Options{Statistic: scan.Kulldorff})
	if err != nil {
		t.Fatal(err)
	}
	var told []int
	ctx, cancel := context.WithCancel(context.Background())
	_, err = s.Simulate(ctx, scan.Simulation{Replicates: 50, Progress: func(done, total int) {
		if total != 50 {
			t.Errorf("%d in all", total)
		}
		if told = append(told, done); done == 3 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) || !slices.Equal(told, []int{0, 1, 2, 3}) {
		t.Errorf("told %v, then %v", told, err)
	}
	told = nil
	null := simulate(t, s, scan.Simulation{Progress: func(done, _ int) { told = append(told, done) }})
	if len(null.Scores) != 999 || len(told) != 1000 || told[999] != 999 {
		t.Errorf("%d replicates, told %d times", len(null.Scores), len(told))
	}
	if _, err := s.Simulate(context.Background(), scan.Simulation{Replicates: -1}); err == nil {
		t.Error("-1 replicates are taken")
	}
}

// A binomial is drawn in two ways, and turned round above one half.
func TestBinomial_HasItsDistribution(t *testing.T) {
	const draws = 200_000
	for _, row := range []struct{ n, p float64 }{{1, 0.3}, {5, 0.9}, {40, 0.2}, {40, 0.3}, {200, 0.5}, {100, 0.85}, {1e6, 2e-5}, {1e6, 3e-6}} {
		r := rand.New(rand.NewPCG(3, 4))
		seen := map[float64]float64{}
		for range draws {
			seen[scan.Binomial(row.n, row.p, r)]++
		}
		var chi, degrees, pooledGot, pooledWant float64
		for k := 0.0; k <= min(row.n, 400); k++ {
			top, _ := math.Lgamma(row.n + 1)
			a, _ := math.Lgamma(k + 1)
			b, _ := math.Lgamma(row.n - k + 1)
			want := draws * math.Exp(top-a-b+k*math.Log(row.p)+(row.n-k)*math.Log1p(-row.p))
			pooledGot, pooledWant = pooledGot+seen[k], pooledWant+want
			if pooledWant >= 20 {
				chi += (pooledGot - pooledWant) * (pooledGot - pooledWant) / pooledWant
				degrees++
				pooledGot, pooledWant = 0, 0
			}
		}
		if degrees--; chi > degrees+5*math.Sqrt(2*degrees)+5 {
			t.Errorf("binomial of %v and %v: chi-squared %v of %v degrees", row.n, row.p, chi, degrees)
		}
	}
	if got := scan.Binomial(7, 1.0000001, rand.New(rand.NewPCG(1, 1))); got != 7 {
		t.Errorf("what rounding brought above 1 draws %v of 7", got)
	}
}

// 4,000 cells, k = 0 to 2, windows of 1 to 6 steps. Budget of a replicate: 4 ms, so
// that 999 of them take an analyst four seconds.
func BenchmarkReplicate(b *testing.B) {
	w := newTown(b, 36, 12)
	for name, statistic := range statistics {
		b.Run(name, func(b *testing.B) {
			s, err := scan.New(w.zones, w.data(statistic, rand.New(rand.NewPCG(1, 2))), scan.Options{Statistic: statistic})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			const each = 10
			for b.Loop() {
				simulate(b, s, scan.Simulation{Replicates: each})
			}
			b.ReportMetric(float64(w.zones.Places()), "cells")
			b.ReportMetric(float64(b.N*each)/b.Elapsed().Seconds(), "replicates/s")
		})
	}
}

func BenchmarkClusters(b *testing.B) {
	w := newTown(b, 36, 12)
	d := w.data(scan.ExpectationPoisson, rand.New(rand.NewPCG(1, 2)))
	for b.Loop() {
		s, err := scan.New(w.zones, d, scan.Options{})
		if err != nil {
			b.Fatal(err)
		}
		if len(s.Clusters(20)) != 20 {
			b.Fatal("fewer than 20 clusters")
		}
	}
	b.ReportMetric(float64(w.zones.Places()), "cells")
}
