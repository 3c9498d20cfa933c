package report

import (
	"cmp"
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/urbangrid/urbangrid/analytics/lattice"
	"github.com/urbangrid/urbangrid/analytics/report/jobs"
	"github.com/urbangrid/urbangrid/analytics/scan"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

// scanRings is how far the disks of a scan reach.
const scanRings = 2

// scanSteps is how many of the last steps a scan looks back: a week of days or a
// day of hours, but no more than half of what there is.
func scanSteps(every Step, all int) int {
	if every == Hour {
		return min(24, all/2)
	}
	return min(7, all/2)
}

// zone is a disk and a duration that ends with the period.
type zone struct {
	center, rings, steps int
	count, expected      float64
	score                float64
}

// scanner looks for the zones that stand out among the last steps.
type scanner struct {
	lattice  *lattice.Lattice
	steps    int
	expected [][]float64 // by step back from the end and cell, cumulative over steps
}

// newScanner takes what each cell is expected to have in each of the last steps,
// the last one first.
func newScanner(l *lattice.Lattice, expected [][]float64) *scanner {
	return &scanner{lattice: l, steps: len(expected), expected: cumulative(expected)}
}

// cumulative adds to each step those that come before it in the list.
func cumulative(x [][]float64) [][]float64 {
	out := make([][]float64, len(x))
	for d := range x {
		out[d] = slices.Clone(x[d])
		for i := range out[d] {
			if d > 0 {
				out[d][i] += out[d-1][i]
			}
		}
	}
	return out
}

// each calls found with the zone of every disk and duration, for counts that are
// given like the expected ones.
func (s *scanner) each(counts [][]float64, found func(zone)) {
	cum := cumulative(counts)
	for d := range s.steps {
		for i := range s.lattice.Len() {
			var c, b float64
			for k := 0; k <= scanRings; k++ {
				for _, j := range s.lattice.Ring(i, k) {
					c += cum[d][j]
					b += s.expected[d][j]
				}
				if c > b {
					found(zone{center: i, rings: k, steps: d + 1, count: c, expected: b, score: scan.Poisson(c, b)})
				}
			}
		}
	}
}

// highest is the score of the zone that stands out most.
func (s *scanner) highest(counts [][]float64) float64 {
	most := 0.0
	s.each(counts, func(z zone) { most = max(most, z.score) })
	return most
}

// ranked are the zones that share no cell, those that stand out most first, at
// most n.
func (s *scanner) ranked(counts [][]float64, n int) []zone {
	var all []zone
	s.each(counts, func(z zone) { all = append(all, z) })
	slices.SortFunc(all, func(a, b zone) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.rings, b.rings), cmp.Compare(a.steps, b.steps), cmp.Compare(a.center, b.center))
	})
	taken := make([]bool, s.lattice.Len())
	var out []zone
	for _, z := range all {
		disk := s.lattice.Disk(z.center, z.rings)
		if len(out) == n || slices.ContainsFunc(disk, func(j int32) bool { return taken[j] }) {
			continue
		}
		for _, j := range disk {
			taken[j] = true
		}
		out = append(out, z)
	}
	return out
}

// simulate returns the highest scores of replicates in which every cell and step
// has a Poisson count of what is expected.
func (s *scanner) simulate(ctx context.Context, expected [][]float64, replicates int, seed uint64, tell Tell) ([]float64, error) {
	source := rand.New(rand.NewPCG(seed, 0x5ca9))
	counts := make([][]float64, len(expected))
	for d := range counts {
		counts[d] = make([]float64, s.lattice.Len())
	}
	out := make([]float64, replicates)
	for n := range out {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		tell(jobs.Progress{Step: names("模拟", "simulating"), Done: n, Total: replicates})
		for d := range counts {
			for i, mean := range expected[d] {
				counts[d][i] = distuv.Poisson{Lambda: mean, Src: source}.Rand()
			}
		}
		out[n] = s.highest(counts)
	}
	return out, nil
}

// gumbelP is the probability of a score or more by the Gumbel distribution with the
// moments of the simulated ones. It reaches below 1/(R+1).
func gumbelP(simulated []float64, score float64) float64 {
	var mean, square float64
	for _, v := range simulated {
		mean += v / float64(len(simulated))
	}
	for _, v := range simulated {
		square += (v - mean) * (v - mean) / float64(len(simulated)-1)
	}
	beta := math.Sqrt(6*square) / math.Pi
	mu := mean - 0.5772156649015329*beta
	return -math.Expm1(-math.Exp(-(score - mu) / beta))
}

// baseline is what each cell is expected to have in each of the last steps, the
// last first: its rate before, shrunk towards that of all cells, times the profile
// of the week.
func (s *study) baseline(every Step, last int, zone *time.Location) [][]float64 {
	history := len(s.count) - last
	n := s.lattice.Len()
	total, rate := 0.0, make([]float64, n)
	for w := s.begin; w < history; w++ {
		for i, c := range s.count[w] {
			rate[i] += float64(c)
			total += float64(c)
		}
	}
	known := float64(history - s.begin)
	profile := s.profile(every, history, total, zone)
	out := make([][]float64, last)
	for d := range out {
		out[d] = make([]float64, n)
		f := profile[slot(every, s.bounds[len(s.count)-1-d], zone)]
		for i := range rate {
			// A Gamma prior with the mean of all cells that weighs as much as one event.
			mean := total / float64(n)
			out[d][i] = (rate[i] + 1) / (mean + 1) * mean / known * f
		}
	}
	return out
}

// slot is the time of the week that a window is like: the hour of the day and
// whether it is a weekend, or the day of the week.
func slot(every Step, t time.Time, zone *time.Location) int {
	l := t.In(zone)
	weekend := l.Weekday() == time.Saturday || l.Weekday() == time.Sunday
	if every == Hour {
		if weekend {
			return 24 + l.Hour()
		}
		return l.Hour()
	}
	return int(l.Weekday())
}

// profile is how much a slot of the week has of the mean over all windows of the
// history. A slot that was never seen is like the mean.
func (s *study) profile(every Step, history int, total float64, zone *time.Location) map[int]float64 {
	sum, windows := map[int]float64{}, map[int]float64{}
	for w := s.begin; w < history; w++ {
		k := slot(every, s.bounds[w], zone)
		windows[k]++
		for _, c := range s.count[w] {
			sum[k] += float64(c)
		}
	}
	out := map[int]float64{}
	for k := range 48 {
		out[k] = 1
		if mean := total / float64(history-s.begin); windows[k] > 0 && mean > 0 {
			// One mean window of prior keeps a slot with few windows from 0.
			out[k] = (sum[k] + mean) / (windows[k] + 1) / mean
		}
	}
	return out
}

// scanTable asks for the cube by steps and ranks the zones that stand out.
func (r *Reporter) scanTable(ctx context.Context, req Request, tell Tell, out *Result) (Table, error) {
	t := Table{Key: "scan", Title: names("时空扫描", "Space-time scan"), Columns: []Column{
		plain("rank", "排名", "Rank", 0), textual("center", "中心网格", "Center"), plain("rings", "环数", "Rings", 0), plain("cells", "网格数", "Cells", 0), textual("areas", "责任网格", "Areas"),
		momentary("from", "开始", "From"), momentary("to", "结束", "To"), plain("count", "观测数", "Observed", 0), plain("expected", "期望值", "Expected", 2), plain("ratio", "相对风险", "Relative risk", 2),
		plain("score", "对数似然比", "Log-likelihood ratio", 3), plain("p", "蒙特卡洛 p", "Monte Carlo p", 4), plain("p_gumbel", "Gumbel p", "Gumbel p", 6),
		column("recurrence", names("重现期", "Recurrence"), "d", names("天", "days"), 1),
	}}
	bounds, err := r.bounds(req)
	if err != nil {
		return t, err
	}
	s, err := r.study(ctx, req, bounds, scanRings)
	if err != nil {
		return t, err
	}
	steps := scanSteps(req.Every, len(s.count)-s.begin)
	if s.kind.Type == sensors.Measure || steps < 1 || len(s.count)-s.begin < minScanSteps || s.lattice.Len() < minPlaces {
		out.note(NoteNoScan)
		return t, nil
	}
	expected := s.baseline(req.Every, steps, r.opts.Zone)
	if !slices.ContainsFunc(expected[0], func(mean float64) bool { return mean > 0 }) {
		out.note(NoteNoScan)
		return t, nil
	}
	counts := make([][]float64, steps)
	for d := range counts {
		for _, c := range s.count[len(s.count)-1-d] {
			counts[d] = append(counts[d], float64(c))
		}
	}
	sc := newScanner(s.lattice, expected)
	found := sc.ranked(counts, req.Top)
	simulated, err := sc.simulate(ctx, expected, req.Replicates, uint64(req.Seed), tell) //nolint:gosec // Parse keeps it from below 0
	if err != nil {
		return t, err
	}
	for n, z := range found {
		if err := r.scanRow(&t, s, req, n, z, simulated, out); err != nil {
			return t, err
		}
	}
	return t, nil
}

// minScanSteps is the least number of steps from which a scan knows what to expect.
const minScanSteps = 14

func (r *Reporter) scanRow(t *Table, s *study, req Request, n int, z zone, simulated []float64, out *Result) error {
	reached := 0
	for _, v := range simulated {
		if v >= z.score {
			reached++
		}
	}
	p := float64(reached+1) / float64(len(simulated)+1)
	var cells []grid.Cell
	c := cluster{}
	for _, j := range s.lattice.Disk(z.center, z.rings) {
		cells, c.cells = append(cells, s.lattice.Cells()[j]), append(c.cells, int(j))
	}
	areas, err := r.areasOf(s, c)
	if err != nil {
		return err
	}
	step := 1.0
	if req.Every == Hour {
		step = 1. / 24
	}
	t.Rows = append(t.Rows, []Value{
		Count(n + 1), Text(s.lattice.Cells()[z.center].String()), Count(z.rings), Count(len(cells)), Named(areas),
		Moment(s.bounds[len(s.count)-z.steps]), Moment(s.bounds[len(s.count)]), Number(z.count), Number(z.expected), per(z.count, z.expected, NoteZeroBase),
		Number(z.score), Number(p), Number(gumbelP(simulated, z.score)), Number(step / p),
	})
	out.Features = append(out.Features, CellFeature("scan", n, cells...))
	return nil
}
