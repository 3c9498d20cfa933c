package trend

import (
	"fmt"
	"math"
	"slices"
)

// Cost says what a stretch of a series costs that has one level.
type Cost int

// SquaredCost is the sum of (x-mean)², for values of variance 1: on counts it
// sees changes where there are none. PoissonCost is 2(S - S·ln(S/n)) for n
// counts that sum to S: minus twice the log-likelihood, but for what all
// partitions share.
const (
	PoissonCost Cost = iota
	SquaredCost
)

// PartitionOptions say what [Partition] prefers. The zero value works for
// counts.
type PartitionOptions struct {
	Cost      Cost
	Penalty   float64 // what each change costs; 0 means 3·ln n
	MinLength int     // fewest values of a segment; 0 means 1
}

// Segmentation cuts a series into segments of one level each.
type Segmentation struct {
	Ends   []int     // step after each segment; the last is the length of the series
	Levels []float64 // mean of each segment
	Total  float64   // cost of all segments, and the penalty of every change
}

// Partition finds the segmentation of least total cost, exactly: optimal
// partitioning (Jackson et al. 2005) with the pruning of PELT (Killick et al.
// 2012), delayed by the least length. Missing values belong to no segment's
// cost and do not count for its length. Of several that are equally good it
// returns one.
//
// The time grows with the square of the length where nothing changes, and with
// the length where changes come regularly. The error is [ErrTooFew] below
// MinLength values, or none, and [ErrInvalid] for options out of range, an
// infinite value, or a negative one with PoissonCost.
func Partition(x []float64, opts PartitionOptions) (Segmentation, error) {
	values, steps := present(x)
	if opts.MinLength == 0 {
		opts.MinLength = 1
	}
	if opts.MinLength < 0 || opts.Penalty < 0 || opts.Cost != PoissonCost && opts.Cost != SquaredCost {
		return Segmentation{}, fmt.Errorf("partition with cost %d, penalty %v, least length %d: %w", opts.Cost, opts.Penalty, opts.MinLength, ErrInvalid)
	}
	if len(values) < opts.MinLength {
		return Segmentation{}, fmt.Errorf("partition of %d values, at least %d are needed: %w", len(values), opts.MinLength, ErrTooFew)
	}
	if opts.Penalty == 0 {
		opts.Penalty = 3 * math.Log(float64(len(values)))
	}
	for i, v := range values {
		if math.IsInf(v, 0) || v < 0 && opts.Cost == PoissonCost {
			return Segmentation{}, fmt.Errorf("partition: %v at step %d: %w", v, steps[i], ErrInvalid)
		}
	}
	cost := newSegmentCost(values, opts.Cost)
	ends, total := partition(cost, opts)
	out := Segmentation{Total: total}
	from := 0
	for _, end := range ends {
		out.Levels = append(out.Levels, cost.mean(from, end))
		at := len(x)
		if end < len(values) {
			at = steps[end]
		}
		out.Ends = append(out.Ends, at)
		from = end
	}
	return out, nil
}

// partition returns the ends of the best segments and their total.
func partition(cost segmentCost, opts PartitionOptions) (ends []int, total float64) {
	n, least := len(cost.sum)-1, opts.MinLength
	best := make([]float64, n+1) // total of the best segmentation up to here
	from := make([]int, n+1)     // where its last segment begins
	best[0] = -opts.Penalty
	candidates := []candidate{{dropAt: n + 1}}
	for end := least; end <= n; end++ {
		best[end] = math.Inf(1)
		for i := range candidates {
			c := &candidates[i]
			c.total = best[c.start] + cost.between(c.start, end)
			if t := c.total + opts.Penalty; t < best[end] {
				best[end], from[end] = t, c.start
			}
		}
		// A start that is no better than a change right here never becomes
		// better, but the change is there only for segments that begin here and
		// are long enough: until then the start must stay.
		kept := candidates[:0]
		for _, c := range candidates {
			if c.total >= best[end] {
				c.dropAt = min(c.dropAt, end+least)
			}
			if c.dropAt > end+1 {
				kept = append(kept, c)
			}
		}
		candidates = kept
		if start := end + 1 - least; start >= least {
			candidates = append(candidates, candidate{start: start, dropAt: n + 1})
		}
	}
	for end := n; end > 0; end = from[end] {
		ends = append(ends, end)
	}
	slices.Reverse(ends)
	return ends, best[n]
}

// candidate is where the last segment may begin.
type candidate struct {
	start  int
	dropAt int     // end from which on it cannot be best
	total  float64 // with the segment from start to the end at hand
}

// segmentCost answers for any stretch in constant time.
type segmentCost struct {
	kind   Cost
	center float64   // taken off every value of a SquaredCost, for its digits
	sum    []float64 // of the first i values
	square []float64 // of the first i values' squares
	log    []float64 // ln i
}

func newSegmentCost(values []float64, kind Cost) segmentCost {
	n := len(values)
	c := segmentCost{kind: kind, sum: make([]float64, n+1), square: make([]float64, n+1), log: make([]float64, n+1)}
	if kind == SquaredCost && n > 0 {
		for _, v := range values {
			c.center += v / float64(n)
		}
	}
	for i, v := range values {
		v -= c.center
		c.sum[i+1] = c.sum[i] + v
		c.square[i+1] = c.square[i] + v*v
		c.log[i+1] = math.Log(float64(i + 1))
	}
	return c
}

// between is the cost of the values from start up to, not including, end.
func (c segmentCost) between(start, end int) float64 {
	sum := c.sum[end] - c.sum[start]
	if c.kind == SquaredCost {
		return max(0, c.square[end]-c.square[start]-sum*sum/float64(end-start))
	}
	if sum <= 0 {
		return 0
	}
	return 2 * sum * (1 - math.Log(sum) + c.log[end-start])
}

func (c segmentCost) mean(start, end int) float64 {
	return c.center + (c.sum[end]-c.sum[start])/float64(end-start)
}
