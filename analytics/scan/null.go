package scan

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"time"
)

// Simulation says how the chance of a score is found.
type Simulation struct {
	Replicates int    // 0 means 999
	Seed       uint64 // the same seed gives the same scores
	// Progress, when it is not nil, is told before each replicate and after the last
	// how many are done. It is called by the goroutine of Simulate.
	Progress func(done, total int)
}

// Null are the highest scores of replicates in which nothing happens.
type Null struct {
	// Scores are in ascending order. They must not be changed.
	Scores []float64
}

// Simulate draws replicates under the null of the statistic and scans each like the
// data. It returns an error when the context ends.
func (s *Scan) Simulate(ctx context.Context, o Simulation) (*Null, error) {
	if o.Replicates == 0 {
		o.Replicates = 999
	}
	if o.Replicates < 0 {
		return nil, fmt.Errorf("scan: %d replicates", o.Replicates)
	}
	tell := o.Progress
	if tell == nil {
		tell = func(int, int) {}
	}
	random := rand.New(rand.NewPCG(o.Seed, 0x5ca9)) //nolint:gosec // repeatable by its seed
	draw, w := s.draw(), s.workspace()
	scores := make([]float64, o.Replicates)
	for n := range scores {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("scan: replicate %d of %d: %w", n, o.Replicates, err)
		}
		tell(n, o.Replicates)
		draw.into(w.counts, random)
		scores[n] = s.highest(w)
	}
	tell(o.Replicates, o.Replicates)
	slices.Sort(scores)
	return &Null{Scores: scores}, nil
}

// workspace is what one replicate needs.
type workspace struct {
	counts, signals [][]float64
	sums            []float64
}

func (s *Scan) workspace() *workspace {
	return &workspace{counts: emptied(s.counts), signals: emptied(s.counts), sums: make([]float64, s.zones.Len())}
}

// highest is the highest score of w.counts. Most zones are passed over by their bound.
func (s *Scan) highest(w *workspace) float64 {
	s.weight.signals(w.signals, w.counts)
	most := 0.0
	for n, base := range s.base {
		s.zones.sums(w.sums, w.signals[n])
		for i, x := range w.sums {
			if s.rule.bound(x, base[i]) > most {
				most = max(most, s.rule.score(x, base[i]))
			}
		}
	}
	return most
}

// P is the Monte Carlo probability of a score or more, (1 + replicates that reach it)
// over (1 + replicates). A tie counts: leaving it out is wrong in the dangerous
// direction where counts are few and scores repeat.
func (n *Null) P(score float64) float64 {
	reached := len(n.Scores) - sort.SearchFloat64s(n.Scores, score)
	return float64(1+reached) / float64(1+len(n.Scores))
}

// Gumbel returns location and scale of the Gumbel distribution with the mean and the
// standard deviation of the scores. Both are NaN for fewer than two.
func (n *Null) Gumbel() (mu, beta float64) {
	count := float64(len(n.Scores))
	if count < 2 {
		return math.NaN(), math.NaN()
	}
	var mean, square float64
	for _, v := range n.Scores {
		mean += v / count
	}
	for _, v := range n.Scores {
		square += (v - mean) * (v - mean)
	}
	beta = math.Sqrt(6*square/(count-1)) / math.Pi
	return mean - eulerGamma*beta, beta
}

// eulerGamma is the Euler-Mascheroni constant, the mean of the standard Gumbel.
const eulerGamma = 0.57721566490153286061

// GumbelP is the probability of a score or more by [Null.Gumbel]. It reaches below
// 1/(1 + replicates), where it is an extrapolation (Abrams, Kulldorff and Kleinman
// 2010). It is NaN where the scores do not differ.
func (n *Null) GumbelP(score float64) float64 {
	mu, beta := n.Gumbel()
	if !(beta > 0) {
		return math.NaN()
	}
	return -math.Expm1(-math.Exp(-(score - mu) / beta))
}

// Recurrence is how often a scan that is made once every step finds, where nothing
// happens, something with a probability of p or less: once in step/p. It is at most
// the longest time.Duration, 292 years.
func Recurrence(p float64, step time.Duration) time.Duration {
	interval := float64(step) / p
	if !(interval < math.MaxInt64) {
		return math.MaxInt64
	}
	return time.Duration(interval)
}
