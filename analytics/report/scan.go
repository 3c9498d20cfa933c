package report

import (
	"context"
	"slices"
	"time"

	"github.com/urbangrid/urbangrid/analytics/calendar"
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

// baseline is what each cell is expected to have in each of the last steps, the
// oldest first: its rate before, shrunk towards that of all cells, times the profile
// of the week, in which holidays are Sundays.
func (s *study) baseline(every Step, last int, days *calendar.Calendar) [][]float64 {
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
	profile := s.profile(every, history, total, days)
	out := make([][]float64, last)
	for d := range out {
		out[d] = make([]float64, n)
		f := profile[slot(every, s.bounds[history+d], days)]
		for i := range rate {
			// A Gamma prior with the mean of all cells that weighs as much as one event.
			mean := total / float64(n)
			out[d][i] = (rate[i] + 1) / (mean + 1) * mean / known * f
		}
	}
	return out
}

// slot is the time of the week that a window is like: the hour of the day and
// whether people work, or the day of the week. A holiday is like a weekend or a
// Sunday, a day that is worked instead like a working day or a Wednesday.
func slot(every Step, t time.Time, days *calendar.Calendar) int {
	of := days.Slot(t) // from Monday on
	if every != Hour {
		return of / 24
	}
	if of/24 >= 5 {
		return 24 + of%24
	}
	return of % 24
}

// profile is how much a slot of the week has of the mean over all windows of the
// history. A slot that was never seen is like the mean.
func (s *study) profile(every Step, history int, total float64, days *calendar.Calendar) map[int]float64 {
	sum, windows := map[int]float64{}, map[int]float64{}
	for w := s.begin; w < history; w++ {
		k := slot(every, s.bounds[w], days)
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
	expected := s.baseline(req.Every, steps, r.days())
	if !slices.ContainsFunc(expected[0], func(mean float64) bool { return mean > 0 }) {
		out.note(NoteNoScan)
		return t, nil
	}
	sc, err := s.scan(expected)
	if err != nil {
		return t, err
	}
	null, err := sc.Simulate(ctx, scan.Simulation{
		Replicates: req.Replicates,
		Seed:       uint64(req.Seed), //nolint:gosec // Parse keeps it from below 0
		Progress: func(done, total int) {
			tell(jobs.Progress{Step: names("模拟", "simulating"), Done: done, Total: total})
		},
	})
	if err != nil {
		return t, err
	}
	for n, z := range sc.Clusters(req.Top) {
		if err := r.scanRow(&t, s, req, n, z, null, out); err != nil {
			return t, err
		}
	}
	return t, nil
}

// minScanSteps is the least number of steps from which a scan knows what to expect.
const minScanSteps = 14

// scan looks at the disks of the lattice over the steps that something is expected of.
func (s *study) scan(expected [][]float64) (*scan.Scan, error) {
	disks, err := scan.Disks(s.lattice, scanRings)
	if err != nil {
		return nil, err
	}
	data := scan.Data{Counts: s.count[len(s.count)-len(expected):], Expected: expected}
	return scan.New(disks, data, scan.Options{Steps: len(expected), Period: len(s.count) - s.begin})
}

func (r *Reporter) scanRow(t *Table, s *study, req Request, n int, z scan.Cluster, null *scan.Null, out *Result) error {
	p := null.P(z.Score)
	var cells []grid.Cell
	c := cluster{}
	for _, j := range z.Places {
		cells, c.cells = append(cells, s.lattice.Cells()[j]), append(c.cells, int(j))
	}
	areas, err := r.areasOf(s, c)
	if err != nil {
		return err
	}
	step := 24 * time.Hour
	if req.Every == Hour {
		step = time.Hour
	}
	t.Rows = append(t.Rows, []Value{
		Count(n + 1), Text(s.lattice.Cells()[z.Center].String()), Count(z.Rings), Count(len(cells)), Named(areas),
		Moment(s.bounds[len(s.count)-z.Steps]), Moment(s.bounds[len(s.count)]), Count(z.Count), Number(z.Expected), per(float64(z.Count), z.Expected, NoteZeroBase),
		Number(z.Score), Number(p), Number(null.GumbelP(z.Score)), Number(scan.Recurrence(p, step).Hours() / 24),
	})
	out.Features = append(out.Features, CellFeature("scan", n, cells...))
	return nil
}
