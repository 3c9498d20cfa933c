package scan

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/stat/distuv"
)

// drawing deals out the counts of a replicate by step back from now and place.
type drawing interface {
	into(counts [][]float64, r *rand.Rand)
}

// poisson draws independent counts of the means.
type poisson struct{ mean [][]float64 }

func (p poisson) into(counts [][]float64, r *rand.Rand) {
	for n, row := range p.mean {
		for i, mean := range row {
			counts[n][i] = poissonCount(mean, r)
		}
	}
}

func poissonCount(mean float64, r *rand.Rand) float64 {
	if mean == 0 {
		return 0
	}
	return distuv.Poisson{Lambda: mean, Src: r}.Rand()
}

// negBin draws independent negative binomials: Poisson counts of gamma means.
type negBin struct{ mean, sizes [][]float64 }

func (b negBin) into(counts [][]float64, r *rand.Rand) {
	for n, row := range b.mean {
		for i, mean := range row {
			size := b.sizes[n][i]
			if mean > 0 && !math.IsInf(size, 1) {
				mean = distuv.Gamma{Alpha: size, Beta: size / mean, Src: r}.Rand()
			}
			counts[n][i] = poissonCount(mean, r)
		}
	}
}

// multinomial deals total events out in proportion to the means, which are of the last
// steps only: what is left belongs to the steps before.
type multinomial struct {
	mean  [][]float64
	total float64
}

func (m multinomial) into(counts [][]float64, r *rand.Rand) {
	left, share := m.total, m.total
	for n, row := range m.mean {
		for i, mean := range row {
			counts[n][i] = 0
			if left > 0 && mean > 0 {
				counts[n][i] = binomial(left, mean/share, r)
			}
			left -= counts[n][i]
			share -= mean
		}
	}
}

// shuffle deals the events of the last steps to places, each event of the period with
// the same chance: what dealing all times out anew gives for these steps.
type shuffle struct {
	place  []int32 // of each event of the period
	newest []int   // events by step back from now
}

func newShuffle(byPlace, newest []float64) *shuffle {
	s := &shuffle{}
	for i, c := range byPlace {
		for range int(c) {
			s.place = append(s.place, int32(i)) //nolint:gosec // cells of a city
		}
	}
	for _, c := range newest {
		s.newest = append(s.newest, int(c))
	}
	return s
}

func (s *shuffle) into(counts [][]float64, r *rand.Rand) {
	next := 0
	for n, events := range s.newest {
		clear(counts[n])
		for range events {
			// Fisher and Yates from wherever the last replicate left the order.
			k := next + r.IntN(len(s.place)-next)
			s.place[next], s.place[k] = s.place[k], s.place[next]
			counts[n][s.place[next]]++
			next++
		}
	}
}
