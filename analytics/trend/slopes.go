package trend

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
)

// maxHeld is the number of pairs whose slopes are held in memory: 2,000 values
// of one series.
const maxHeld = 2_000_000

// slopes answers for order statistics of the slopes of all pairs within each
// track.
type slopes struct {
	tracks []track
	pairs  int
	held   []float64 // every slope in any order, or nil when there are too many
}

func newSlopes(tracks []track) *slopes {
	s := &slopes{tracks: tracks}
	for _, t := range tracks {
		s.pairs += pairsOf(len(t.values))
	}
	if s.pairs > maxHeld {
		return s
	}
	s.held = make([]float64, 0, s.pairs)
	for _, t := range tracks {
		for i, v := range t.values {
			from := t.steps[i]
			for j := i + 1; j < len(t.values); j++ {
				s.held = append(s.held, (t.values[j]-v)/(t.steps[j]-from))
			}
		}
	}
	return s
}

// median returns the middle slope, or the mean of the two. There is a pair.
func (s *slopes) median() float64 {
	upper := s.rank(s.pairs / 2)
	if s.pairs%2 == 1 {
		return upper
	}
	return (s.rank(s.pairs/2-1) + upper) / 2
}

// rank returns the slope that k slopes stand before in ascending order.
func (s *slopes) rank(k int) float64 {
	if s.held != nil {
		return nth(s.held, k)
	}
	// A sample says between which two values the slope must lie; one pass over
	// all pairs then counts what is below and keeps what is between (Floyd and
	// Rivest 1975). The seed has no say in the answer, only in the time.
	rng := rand.New(rand.NewPCG(1, uint64(k)))
	sample := s.sample(rng)
	for reach := 5.0; ; reach *= 4 {
		low, high := bracket(sample, float64(k)/float64(s.pairs), reach)
		if v, ok := s.between(low, high, k); ok {
			return v
		}
	}
}

// sample returns the slopes of randomly drawn pairs in ascending order. Pairs
// of one track are as likely as the track has pairs.
func (s *slopes) sample(rng *rand.Rand) []float64 {
	size := int(math.Cbrt(float64(s.pairs) * float64(s.pairs)))
	out := make([]float64, 0, size)
	for _, t := range s.tracks {
		n := len(t.values)
		share := int(float64(size) * float64(pairsOf(n)) / float64(s.pairs))
		for range share {
			i, j := rng.IntN(n), rng.IntN(n-1)
			if j >= i {
				j++
			}
			out = append(out, (t.values[j]-t.values[i])/(t.steps[j]-t.steps[i]))
		}
	}
	slices.Sort(out)
	return out
}

// bracket returns two values of the sample between which the quantile q of all
// slopes lies unless chance is more than reach standard deviations off.
func bracket(sample []float64, q, reach float64) (low, high float64) {
	size := float64(len(sample))
	room := reach * (math.Sqrt(size*q*(1-q)) + 1)
	low, high = math.Inf(-1), math.Inf(1)
	if i := int(q*size - room); i >= 0 {
		low = sample[i]
	}
	if i := int(math.Ceil(q*size + room)); i < len(sample) {
		high = sample[i]
	}
	return low, high
}

// between returns the slope of rank k if it lies from low to high.
func (s *slopes) between(low, high float64, k int) (float64, bool) {
	var below, atLow int
	var inside []float64
	for _, t := range s.tracks {
		for i, v := range t.values {
			from := t.steps[i]
			for j := i + 1; j < len(t.values); j++ {
				slope := (t.values[j] - v) / (t.steps[j] - from)
				switch {
				case slope >= high: // counted by what is left
				case slope > low:
					inside = append(inside, slope)
				case slope == low:
					atLow++
				default:
					below++
				}
			}
		}
	}
	switch {
	case k < below:
		return 0, false
	case k < below+atLow:
		return low, true
	case k < below+atLow+len(inside):
		return nth(inside, k-below-atLow), true
	}
	return high, s.atMost(high) > k
}

// atMost counts the slopes that are not above limit.
func (s *slopes) atMost(limit float64) (count int) {
	for _, t := range s.tracks {
		for i, v := range t.values {
			from := t.steps[i]
			for j := i + 1; j < len(t.values); j++ {
				if (t.values[j]-v)/(t.steps[j]-from) <= limit {
					count++
				}
			}
		}
	}
	return count
}

// nth returns the value that k values of a stand before in ascending order, and
// reorders a.
func nth(a []float64, k int) float64 {
	for rounds := 2 * bits.Len(uint(len(a))); rounds > 0 && len(a) > 16; rounds-- {
		pivot := middle(a[0], a[len(a)/2], a[len(a)-1])
		less, upTo := threeWay(a, pivot)
		switch {
		case k < less:
			a = a[:less]
		case k < upTo:
			return pivot
		default:
			a, k = a[upTo:], k-upTo
		}
	}
	slices.Sort(a)
	return a[k]
}

// threeWay brings a into three parts: below the pivot, up to less; equal, up
// to upTo; above. Slopes of counts are equal by the thousand.
func threeWay(a []float64, pivot float64) (less, upTo int) {
	upTo = len(a)
	for i := 0; i < upTo; {
		switch v := a[i]; {
		case v < pivot:
			a[less], a[i] = v, a[less]
			less++
			i++
		case v > pivot:
			upTo--
			a[upTo], a[i] = v, a[upTo]
		default:
			i++
		}
	}
	return less, upTo
}

func middle(a, b, c float64) float64 {
	return max(min(a, b), min(max(a, b), c))
}
