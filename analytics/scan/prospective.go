package scan

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Scan is a prospective space-time scan: every zone with every window that ends now,
// scored (Kulldorff 2001; Neill 2009). It never changes and is safe for concurrent
// use.
type Scan struct {
	zones  *Zones
	rule   rule
	weight weighing
	draw   func() drawing // a new one for each simulation
	counts [][]float64    // by step back from now and place, like all below
	mean   [][]float64
	base   [][]float64 // what rule takes as b, by length of the window less 1 and zone
	total  float64     // events of the period, or 0 where the statistic does not ask
}

// Cluster is a zone and a window in which more happened than was to be expected.
type Cluster struct {
	Zone          int     // its number among the zones
	Center, Rings int     // of a disk; -1 for a zone of another form
	Places        []int32 // ring by ring for a disk
	Steps         int     // the last ones of the period
	Count         int64
	Expected      float64
	// Elsewhere is observed over expected in all the rest of the period and area,
	// (N−C)/(N−B); 1 for statistics that hold against an expectation of their own.
	Elsewhere float64
	Score     float64
}

// Ratio is observed over expected.
func (c Cluster) Ratio() float64 { return float64(c.Count) / c.Expected }

// New returns a scan of data. It returns an error for data or options that do not fit
// the statistic or the zones. The data are copied; the zones are shared.
func New(z *Zones, d Data, o Options) (*Scan, error) {
	steps, err := o.window(d)
	if err != nil {
		return nil, err
	}
	return build(z, d, o.Statistic, steps)
}

func build(z *Zones, d Data, statistic Statistic, steps int) (*Scan, error) {
	if err := d.check(statistic, z.places); err != nil {
		return nil, err
	}
	s := &Scan{zones: z, counts: newestFirst(d.Counts, steps), rule: expectation{}}
	switch statistic {
	case ExpectationPoisson:
		s.mean = newestFirst(d.Expected, steps)
		s.draw = func() drawing { return poisson{s.mean} }
	case Kulldorff:
		if err := s.byShare(d, steps); err != nil {
			return nil, err
		}
	case Permutation:
		s.byMargins(d, steps)
	case NegBinHotspot, NegBinEmerging:
		s.mean = newestFirst(d.Expected, steps)
		sizes := newestFirst(d.Sizes, steps)
		s.rule, s.weight = tango{}, weighing{mean: s.mean, inflation: inflation(s.mean, sizes), ramp: statistic == NegBinEmerging}
		s.draw = func() drawing { return negBin{s.mean, sizes} }
	default:
		return nil, fmt.Errorf("scan: no statistic %d", statistic)
	}
	s.base = make([][]float64, steps)
	for n, row := range s.weight.variances(s.mean) {
		s.base[n] = make([]float64, z.Len())
		z.sums(s.base[n], row)
	}
	return s, nil
}

// byShare makes the expectation Kulldorff's: the total by the proportions of Expected.
func (s *Scan) byShare(d Data, steps int) error {
	_, _, s.total = d.margins(s.zones.places)
	var all float64
	for _, row := range d.Expected {
		for _, v := range row {
			all += v
		}
	}
	if !(all > 0) {
		return fmt.Errorf("scan: nothing is expected anywhere")
	}
	s.mean = newestFirst(d.Expected, steps)
	for _, row := range s.mean {
		for i := range row {
			row[i] *= s.total / all
		}
	}
	s.rule = kulldorff{s.total}
	s.draw = func() drawing { return multinomial{s.mean, s.total} }
	return nil
}

// byMargins makes the expectation that of independence, place total times step total
// over total.
func (s *Scan) byMargins(d Data, steps int) {
	byPlace, byStep, total := d.margins(s.zones.places)
	s.total = total
	s.mean = make([][]float64, steps)
	for n := range s.mean {
		s.mean[n] = make([]float64, s.zones.places)
		for i, c := range byPlace {
			if total > 0 {
				s.mean[n][i] = c * byStep[len(byStep)-1-n] / total
			}
		}
	}
	s.rule = kulldorff{total}
	newest := slices.Clone(byStep[len(byStep)-steps:])
	slices.Reverse(newest)
	s.draw = func() drawing { return newShuffle(byPlace, newest) }
}

// Clusters returns the zones and windows that stand out most, by falling score, at
// most n. No two share a place; of equal scores the zone of fewer places and the
// shorter window comes first.
func (s *Scan) Clusters(n int) []Cluster {
	best := s.best()
	slices.SortFunc(best, func(a, b scored) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.places, b.places), cmp.Compare(a.steps, b.steps), cmp.Compare(a.zone, b.zone))
	})
	taken := make([]bool, s.zones.places)
	var out []Cluster
	for _, b := range best {
		if len(out) >= n {
			break
		}
		places := s.zones.Members(b.zone)
		if slices.ContainsFunc(places, func(p int32) bool { return taken[p] }) {
			continue
		}
		for _, p := range places {
			taken[p] = true
		}
		out = append(out, s.cluster(b, places))
	}
	return out
}

// scored is a zone with the window in which it scores highest.
type scored struct {
	zone, steps int
	places      int32
	score       float64
}

func (s *Scan) best() []scored {
	all := make([]scored, s.zones.Len())
	for n, row := range s.scores() {
		for i, score := range row {
			if score > all[i].score {
				all[i] = scored{zone: i, steps: n + 1, places: s.zones.zones[i].size, score: score}
			}
		}
	}
	all = slices.DeleteFunc(all, func(b scored) bool { return b.score == 0 })
	return all
}

// scores has the score of each window, the shortest first, and zone.
func (s *Scan) scores() [][]float64 {
	x := emptied(s.counts)
	s.weight.signals(x, s.counts)
	for n := range x {
		row := make([]float64, s.zones.Len())
		s.zones.sums(row, x[n])
		for i := range row {
			row[i] = s.rule.score(row[i], s.base[n][i])
		}
		x[n] = row
	}
	return x
}

func (s *Scan) cluster(b scored, places []int32) Cluster {
	at := s.zones.zones[b.zone]
	c := Cluster{Zone: b.zone, Center: int(at.center), Rings: int(at.rings), Places: places, Steps: b.steps, Elsewhere: 1, Score: b.score}
	for n := range b.steps {
		for _, p := range places {
			c.Count += int64(s.counts[n][p])
			c.Expected += s.mean[n][p]
		}
	}
	if s.total > c.Expected {
		c.Elsewhere = (s.total - float64(c.Count)) / (s.total - c.Expected)
	} else if s.total > 0 {
		c.Elsewhere = math.NaN()
	}
	return c
}

// emptied has the shape of x and zeros.
func emptied(x [][]float64) [][]float64 {
	out := make([][]float64, len(x))
	for n := range out {
		out[n] = make([]float64, len(x[n]))
	}
	return out
}
