package scan

// NewUnbounded is New for windows of up to the whole period, as the reference has them.
func NewUnbounded(z *Zones, d Data, s Statistic) (*Scan, error) {
	return build(z, d, s, len(d.Counts))
}

// EveryScore has the score of each length of the window, less 1, and zone.
func (s *Scan) EveryScore() [][]float64 { return s.scores() }

// Highest is the highest score as a replicate finds its own.
func (s *Scan) Highest() float64 {
	w := s.workspace()
	for n := range w.counts {
		copy(w.counts[n], s.counts[n])
	}
	return s.highest(w)
}

// Mean is the expectation by step back from now and place.
func (s *Scan) Mean() [][]float64 { return s.mean }

// Binomial draws a binomial.
var Binomial = binomial
