package report

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/urbangrid/urbangrid/analytics/fdr"
	"github.com/urbangrid/urbangrid/analytics/report/jobs"
	"github.com/urbangrid/urbangrid/analytics/spatial"
	"github.com/urbangrid/urbangrid/sensors"
)

// significant is the adjusted p up to which a cell is called hot or cold.
const significant = 0.05

// minPlaces is the least number of cells that spatial scores are made of.
const minPlaces = 8

// scores are what the methods say of each cell of a study.
type scores struct {
	value, expected []float64 // of the quantity; expected of the counts, or the mean level
	count           []float64
	gi              spatial.Scores
	q               []float64
	moran           spatial.LocalMoran
	density         []float64 // events per km², smoothed
	why             NoteCode  // why a cell without a score has none
	overall         spatial.Global
	general         spatial.Global
}

func (r *Reporter) hotspots(ctx context.Context, req Request, tell Tell, out *Result) error {
	tell(jobs.Progress{Step: names("读取网格数据", "reading cells")})
	s, err := r.study(ctx, req, []time.Time{req.From, req.To}, max(req.Rings, 2))
	if err != nil {
		return err
	}
	out.Data.Observations = s.observations()
	q := s.quantity(req.Of)
	out.note(s.quantityNote(q))
	if s.covered || s.kind.Type == sensors.Measure {
		out.note(NoteStudyDevices)
	} else {
		out.note(NoteStudyAreas)
	}
	sc, err := s.score(q, req.Rings)
	if err != nil {
		return err
	}
	if s.sparse(sc, req.Rings) {
		out.note(NoteSparse)
	}
	clusters := s.clusters(sc)
	if len(clusters) > req.Top {
		out.note(NoteCut)
		clusters = clusters[:req.Top]
	}
	ct, dt, err := r.clusterTables(ctx, req, s, sc, clusters, out)
	if err != nil {
		return err
	}
	cells, err := r.cellTable(s, sc, out)
	if err != nil {
		return err
	}
	out.Tables = []Table{ct}
	if req.Devices {
		out.Tables = append(out.Tables, dt)
	}
	out.Tables = append(out.Tables, globalTable(sc), cells)
	out.use("gi_star", "fdr", "local_moran", "moran")
	out.define("count", "level", "gi", "expected", "cluster", "moran")
	if s.kind.Type == sensors.Event {
		out.use("kde")
		out.define("kde")
	}
	if req.Scan {
		return r.addScan(ctx, req, tell, out)
	}
	return nil
}

// score applies the methods to a study.
func (s *study) score(q Quantity, rings int) (*scores, error) {
	n := s.lattice.Len()
	count, sum := s.totals()
	sc := &scores{value: make([]float64, n), expected: make([]float64, n), count: count, density: make([]float64, n)}
	var all, exposure, level float64
	for i := range count {
		all += count[i]
		exposure += float64(s.devices[i])
		if count[i] > 0 {
			level += sum[i] / count[i] / float64(n)
		}
	}
	for i := range count {
		switch {
		case s.kind.Type == sensors.Measure:
			sc.value[i], sc.expected[i] = sum[i]/count[i], level
		case q == Rates:
			sc.value[i], sc.expected[i] = count[i]/float64(s.devices[i]), all*float64(s.devices[i])/exposure
		default:
			sc.value[i], sc.expected[i] = count[i], all/float64(n)
		}
	}
	sc.why = NoteTooFewPlaces
	if n > 1 && slices.Min(sc.value) == slices.Max(sc.value) {
		sc.why = NoteConstant
	}
	return sc, s.compute(sc, rings)
}

// compute fills in the scores; those that are not defined are NaN.
func (s *study) compute(sc *scores, rings int) error {
	n := s.lattice.Len()
	if n < minPlaces {
		none := slices.Repeat([]float64{math.NaN()}, n)
		sc.gi = spatial.Scores{Z: none, P: none}
		sc.q, sc.moran = none, spatial.LocalMoran{I: none, Quadrant: make([]spatial.Quadrant, n), Scores: sc.gi}
		sc.overall, sc.general = spatial.Global{Value: math.NaN(), Z: math.NaN(), P: math.NaN()}, spatial.Global{Value: math.NaN(), Z: math.NaN(), P: math.NaN()}
		return nil
	}
	g, err := spatial.Disks(s.lattice, rings)
	if err != nil {
		return err
	}
	if sc.gi, err = g.GiStar(sc.value); err != nil {
		return err
	}
	sc.q = fdr.BH(sc.gi.P)
	if sc.moran, err = g.LocalMoran(sc.value); err != nil {
		return err
	}
	if sc.overall, err = g.Moran(sc.value); err != nil {
		return err
	}
	sc.general = spatial.Global{Value: math.NaN(), Z: math.NaN(), P: math.NaN()}
	if slices.Min(sc.value) >= 0 {
		if sc.general, err = g.GeneralG(sc.value); err != nil {
			return err
		}
	}
	return s.smooth(sc, rings)
}

// smooth fills in the density of events.
func (s *study) smooth(sc *scores, rings int) error {
	if s.kind.Type != sensors.Event {
		return nil
	}
	weights := make([]float64, rings+1)
	for k := range weights {
		d := float64(k) / float64(rings+1)
		weights[k] = (1 - d*d) * (1 - d*d)
	}
	smooth, err := spatial.Smooth(s.lattice, sc.count, weights)
	if err != nil {
		return err
	}
	for i, c := range s.lattice.Cells() {
		km2, err := squareKilometers(c)
		if err != nil {
			return err
		}
		sc.density[i] = smooth[i] / km2
	}
	return nil
}

// sparse reports whether a disk expects so few events that p by the normal
// distribution is not to be relied on.
func (s *study) sparse(sc *scores, rings int) bool {
	if s.kind.Type != sensors.Event || s.lattice.Len() == 0 {
		return false
	}
	total := 0.0
	for _, n := range sc.count {
		total += n
	}
	return total/float64(s.lattice.Len())*float64(1+3*rings*(rings+1)) < 5
}

// hot reports whether a cell is significantly hot.
func (sc *scores) hot(i int) bool { return sc.q[i] <= significant && sc.gi.Z[i] > 0 }

// cluster is hot cells that touch.
type cluster struct {
	cells           []int
	peak            int // the one that stands out most
	count, expected float64
}

// clusters are ranked by what they have beyond what is expected; of a measure by
// the score of the peak.
func (s *study) clusters(sc *scores) []cluster {
	seen := make([]bool, s.lattice.Len())
	var out []cluster
	for i := range seen {
		if seen[i] || !sc.hot(i) {
			continue
		}
		seen[i] = true
		c := cluster{cells: []int{i}, peak: i}
		for k := 0; k < len(c.cells); k++ {
			for _, j := range s.lattice.Ring(c.cells[k], 1) {
				if !seen[j] && sc.hot(int(j)) {
					seen[j] = true
					c.cells = append(c.cells, int(j))
				}
			}
		}
		for _, k := range c.cells {
			c.count += sc.count[k]
			c.expected += sc.expected[k]
			if sc.gi.Z[k] > sc.gi.Z[c.peak] {
				c.peak = k
			}
		}
		slices.Sort(c.cells)
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b cluster) int {
		if s.kind.Type == sensors.Measure {
			return cmp.Or(cmp.Compare(sc.gi.Z[b.peak], sc.gi.Z[a.peak]), cmp.Compare(a.peak, b.peak))
		}
		return cmp.Or(cmp.Compare(b.count-b.expected, a.count-a.expected), cmp.Compare(a.peak, b.peak))
	})
	return out
}

var quadrants = map[spatial.Quadrant]sensors.Names{
	spatial.HighHigh: {ZH: "高-高", EN: "high-high"}, spatial.LowHigh: {ZH: "低-高", EN: "low-high"},
	spatial.LowLow: {ZH: "低-低", EN: "low-low"}, spatial.HighLow: {ZH: "高-低", EN: "high-low"},
}

// scored is a number, or why there is none.
func (sc *scores) scored(f float64) Value {
	if math.IsNaN(f) {
		return Missing(sc.why)
	}
	return Number(f)
}

// class says whether a cell is hot or cold.
func (sc *scores) class(i int) Value {
	switch {
	case math.IsNaN(sc.q[i]):
		return Missing(sc.why)
	case sc.q[i] > significant:
		return Named(names("不显著", "not significant"))
	case sc.gi.Z[i] > 0:
		return Named(names("热", "hot"))
	}
	return Named(names("冷", "cold"))
}

// quadrant is that of local Moran where it is significant by itself.
func (sc *scores) quadrant(i int, adjusted []float64) Value {
	switch {
	case math.IsNaN(sc.moran.Z[i]):
		return Missing(sc.why)
	case adjusted[i] > significant:
		return Named(names("不显著", "not significant"))
	}
	return Named(quadrants[sc.moran.Quadrant[i]])
}

// unitColumn is the value of a kind: events, or a level in its unit.
func (s *study) valueColumn(q string, zh, en string) Column {
	if s.kind.Type == sensors.Measure {
		return column(q, names(zh, en), s.kind.Unit, s.kind.UnitLabel, 2)
	}
	return plain(q, zh, en, 3)
}

// cellTable has every cell of the study area, the hottest first.
func (r *Reporter) cellTable(s *study, sc *scores, out *Result) (Table, error) {
	t := Table{Key: "cells", Title: names("网格", "Cells"), Columns: []Column{
		textual("cell", "网格", "Cell"), textual("area", "责任网格编号", "Area code"), textual("area_name", "责任网格", "Area"),
		plain("count", "观测数", "Observations", 0), s.valueColumn("value", "数值", "Value"), s.valueColumn("expected", "期望值", "Expected"), plain("devices", "设备数", "Devices", 0),
		plain("z", "Gi* z", "Gi* z", 3), plain("p", "p 值", "p", 6), plain("q", "FDR q", "FDR q", 6), textual("class", "冷热", "Class"),
		plain("moran", "局部莫兰", "Local Moran", 4), plain("moran_q", "局部莫兰 q", "Local Moran q", 6), textual("quadrant", "象限", "Quadrant"),
		column("density", names("核密度", "Density"), "1/km2", names("次/平方公里", "events/km²"), 2),
	}}
	order := make([]int, s.lattice.Len())
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(rankable(sc.gi.Z[b]), rankable(sc.gi.Z[a])) })
	adjusted := fdr.BH(sc.moran.P)
	for row, i := range order {
		c := s.lattice.Cells()[i]
		area, err := r.areaOf(c)
		if err != nil {
			return t, err
		}
		density := Number(sc.density[i])
		if s.kind.Type == sensors.Measure {
			density = Missing(NoteNotACount)
		} else if s.lattice.Len() < minPlaces {
			density = Missing(NoteTooFewPlaces)
		}
		t.Rows = append(t.Rows, []Value{
			Text(c.String()), Text(string(area)), Named(r.areaLabel(area)), Number(sc.count[i]), Number(sc.value[i]), Number(sc.expected[i]), Count(s.devices[i]),
			sc.scored(sc.gi.Z[i]), sc.scored(sc.gi.P[i]), sc.scored(sc.q[i]), sc.class(i),
			sc.scored(sc.moran.I[i]), sc.scored(adjusted[i]), sc.quadrant(i, adjusted), density,
		})
		out.Features = append(out.Features, CellFeature("cells", row, c))
	}
	t.prune(NoteNotACount)
	return t, nil
}

// rankable puts cells without a score last.
func rankable(z float64) float64 {
	if math.IsNaN(z) {
		return math.Inf(-1)
	}
	return z
}

func globalTable(sc *scores) Table {
	t := Table{Key: "global", Title: names("全局统计量", "Whole study area"), Columns: []Column{
		textual("statistic", "统计量", "Statistic"), plain("value", "数值", "Value", 4), plain("expected", "期望值", "Expected", 4), plain("z", "z", "z", 3), plain("p", "p 值", "p", 6),
	}}
	for _, g := range []struct {
		name sensors.Names
		spatial.Global
	}{{names("全局莫兰指数 I", "Moran's I"), sc.overall}, {names("General G", "General G"), sc.general}} {
		expected := Missing(sc.why)
		if !math.IsNaN(g.Z) {
			expected = Number(g.Expected)
		}
		t.Rows = append(t.Rows, []Value{Named(g.name), sc.scored(g.Value), expected, sc.scored(g.Z), sc.scored(g.P)})
	}
	return t
}

// addScan adds the table of the space-time scan.
func (r *Reporter) addScan(ctx context.Context, req Request, tell Tell, out *Result) error {
	t, err := r.scanTable(ctx, req, tell, out)
	if err != nil {
		return fmt.Errorf("scan: %w", err)
	}
	out.Tables = slices.Insert(out.Tables, 1, t)
	out.use("scan")
	out.define("scan")
	return nil
}
