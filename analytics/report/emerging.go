package report

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"

	"github.com/urbangrid/urbangrid/analytics/lattice"
	"github.com/urbangrid/urbangrid/analytics/report/jobs"
	"github.com/urbangrid/urbangrid/analytics/spatial"
	"github.com/urbangrid/urbangrid/analytics/trend"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

// categoryNames are the 17 categories in the order in which they are listed.
var categoryNames = []struct {
	category spatial.Category
	names    sensors.Names
}{
	{spatial.NewHot, sensors.Names{ZH: "新增热点", EN: "new hot spot"}},
	{spatial.ConsecutiveHot, sensors.Names{ZH: "连续热点", EN: "consecutive hot spot"}},
	{spatial.IntensifyingHot, sensors.Names{ZH: "加强热点", EN: "intensifying hot spot"}},
	{spatial.PersistentHot, sensors.Names{ZH: "持续热点", EN: "persistent hot spot"}},
	{spatial.DiminishingHot, sensors.Names{ZH: "减弱热点", EN: "diminishing hot spot"}},
	{spatial.SporadicHot, sensors.Names{ZH: "零星热点", EN: "sporadic hot spot"}},
	{spatial.OscillatingHot, sensors.Names{ZH: "振荡热点", EN: "oscillating hot spot"}},
	{spatial.HistoricalHot, sensors.Names{ZH: "历史热点", EN: "historical hot spot"}},
	{spatial.NewCold, sensors.Names{ZH: "新增冷点", EN: "new cold spot"}},
	{spatial.ConsecutiveCold, sensors.Names{ZH: "连续冷点", EN: "consecutive cold spot"}},
	{spatial.IntensifyingCold, sensors.Names{ZH: "加强冷点", EN: "intensifying cold spot"}},
	{spatial.PersistentCold, sensors.Names{ZH: "持续冷点", EN: "persistent cold spot"}},
	{spatial.DiminishingCold, sensors.Names{ZH: "减弱冷点", EN: "diminishing cold spot"}},
	{spatial.SporadicCold, sensors.Names{ZH: "零星冷点", EN: "sporadic cold spot"}},
	{spatial.OscillatingCold, sensors.Names{ZH: "振荡冷点", EN: "oscillating cold spot"}},
	{spatial.HistoricalCold, sensors.Names{ZH: "历史冷点", EN: "historical cold spot"}},
	{spatial.NoPattern, sensors.Names{ZH: "无模式", EN: "no pattern"}},
}

func (r *Reporter) emerging(ctx context.Context, req Request, tell Tell, out *Result) error {
	bounds, err := r.bounds(req)
	if err != nil {
		return err
	}
	tell(jobs.Progress{Step: names("读取时空立方体", "reading the cube"), Total: 2})
	s, err := r.study(ctx, req, bounds, req.Rings)
	if err != nil {
		return err
	}
	out.Data.Observations = s.observations()
	if s.covered || s.kind.Type == sensors.Measure {
		out.note(NoteStudyDevices)
	} else {
		out.note(NoteStudyAreas)
	}
	out.use("ehsa", "gi_star", "fdr", "mann_kendall", "hamed_rao")
	out.define("count", "gi", "ehsa", "trend_p")
	if s.kind.Type == sensors.Measure {
		if s, err = s.whole(); err != nil {
			return err
		}
		out.note(NoteLevels)
		out.define("level")
	}
	g, err := spatial.Disks(s.lattice, req.Rings)
	if err != nil {
		return err
	}
	x := s.cube()
	tell(jobs.Progress{Step: names("分类", "classifying"), Done: 1, Total: 2})
	var e *spatial.Emerging
	why := NoteConstant
	switch {
	case len(x) < spatial.MinSteps:
		why = NoteTooFewSteps
	case s.lattice.Len() < minPlaces:
		why = NoteTooFewPlaces
	case !constant(x):
		if e, err = g.Emerging(x, spatial.EmergingOptions{}); err != nil && !errors.Is(err, spatial.ErrShort) {
			return err
		}
	}
	out.Tables = []Table{categoryTable(e, why)}
	cells, err := r.emergingTable(ctx, s, e, why, out)
	if err != nil {
		return err
	}
	out.Tables = append(out.Tables, cells)
	return nil
}

// whole narrows a study of levels to the cells with an observation in every
// window from the first on: a level that nobody measured is not zero.
func (s *study) whole() (*study, error) {
	var cells []grid.Cell
	var keep []int
	for i, c := range s.lattice.Cells() {
		ok := true
		for w := s.begin; w < len(s.count); w++ {
			ok = ok && s.count[w][i] > 0
		}
		if ok {
			cells, keep = append(cells, c), append(keep, i)
		}
	}
	out := *s
	var err error
	if out.lattice, err = lattice.New(cells, s.lattice.Rings()); err != nil {
		return nil, err
	}
	out.count, out.sum, out.devices = make([][]int64, len(s.count)), make([][]float64, len(s.count)), nil
	for w := range s.count {
		for _, i := range keep {
			out.count[w], out.sum[w] = append(out.count[w], s.count[w][i]), append(out.sum[w], s.sum[w][i])
		}
	}
	for _, i := range keep {
		out.devices = append(out.devices, s.devices[i])
	}
	return &out, nil
}

// cube is the values by step and cell, from the first window with an observation
// on.
func (s *study) cube() [][]float64 {
	var out [][]float64
	for w := s.begin; w < len(s.count); w++ {
		row := make([]float64, s.lattice.Len())
		for i := range row {
			row[i] = float64(s.count[w][i])
			if s.kind.Type == sensors.Measure {
				row[i] = s.sum[w][i] / row[i]
			}
		}
		out = append(out, row)
	}
	return out
}

func constant(x [][]float64) bool {
	for _, row := range x {
		for _, v := range row {
			if v != x[0][0] {
				return false
			}
		}
	}
	return true
}

func categoryTable(e *spatial.Emerging, why NoteCode) Table {
	t := Table{Key: "categories", Title: names("各类数量", "Categories"), Columns: []Column{
		textual("category", "类别键", "Category key"), textual("name", "类别", "Category"), plain("cells", "网格数", "Cells", 0),
	}}
	for _, c := range categoryNames {
		n := Missing(why)
		if e != nil {
			k := 0
			for _, got := range e.Category {
				if got == c.category {
					k++
				}
			}
			n = Count(k)
		}
		t.Rows = append(t.Rows, []Value{Text(c.category.String()), Named(c.names), n})
	}
	return t
}

// emergingTable has every cell, the patterns first.
func (r *Reporter) emergingTable(ctx context.Context, s *study, e *spatial.Emerging, why NoteCode, out *Result) (Table, error) {
	t := Table{Key: "cells", Title: names("网格", "Cells"), Columns: []Column{
		textual("cell", "网格", "Cell"), textual("area", "责任网格编号", "Area code"), textual("area_name", "责任网格", "Area"),
		textual("category", "类别键", "Category key"), textual("name", "类别", "Category"), plain("code", "类别代码", "Category code", 0),
		plain("count", "观测数", "Observations", 0), plain("hot", "热的时间步", "Hot steps", 0), plain("cold", "冷的时间步", "Cold steps", 0),
		plain("z", "最近 z", "Last z", 3), plain("bin", "最近置信级", "Last confidence bin", 0),
		plain("trend_z", "趋势 z", "Trend z", 3), plain("trend_p", "趋势 p", "Trend p", 6), plain("trend_p_hamed_rao", "趋势 Hamed-Rao p", "Trend Hamed-Rao p", 6),
	}}
	count, _ := s.totals()
	order := make([]int, s.lattice.Len())
	for i := range order {
		order[i] = i
	}
	if e != nil {
		slices.SortStableFunc(order, func(a, b int) int {
			return cmp.Or(cmp.Compare(place(e.Category[a]), place(e.Category[b])), cmp.Compare(rankable(e.Z[len(e.Z)-1][b]), rankable(e.Z[len(e.Z)-1][a])))
		})
	}
	for row, i := range order {
		if err := ctx.Err(); err != nil {
			return t, err
		}
		c := s.lattice.Cells()[i]
		area, err := r.areaOf(c)
		if err != nil {
			return t, err
		}
		values := []Value{Text(c.String()), Text(string(area)), Named(r.areaLabel(area))}
		t.Rows = append(t.Rows, append(values, emergingValues(e, i, count[i], why)...))
		out.Features = append(out.Features, CellFeature("cells", row, c))
	}
	return t, nil
}

// place is where a category stands in the list.
func place(c spatial.Category) int {
	for i, n := range categoryNames {
		if n.category == c {
			return i
		}
	}
	return len(categoryNames)
}

// emergingValues are those of a cell from its category on.
func emergingValues(e *spatial.Emerging, i int, count float64, why NoteCode) []Value {
	if e == nil {
		m := Missing(why)
		return []Value{m, m, m, Number(count), m, m, m, m, m, m, m}
	}
	hot, cold := 0, 0
	z := make([]float64, len(e.Z))
	for t := range e.Z {
		z[t] = e.Z[t][i]
		switch e.State[t][i] {
		case 1:
			hot++
		case -1:
			cold++
		}
	}
	last := len(z) - 1
	lastZ := Missing(NoteTooFewPlaces)
	if !math.IsNaN(z[last]) {
		lastZ = Number(z[last])
	}
	corrected := Number(trend.HamedRao(z, trend.Lags{}).P)
	c := e.Category[i]
	return []Value{
		Text(c.String()), Named(categoryNames[place(c)].names), Count(int(c)), Number(count), Count(hot), Count(cold),
		lastZ, Count(int(e.Bin[last][i])), Number(e.Trend[i].Z), Number(e.Trend[i].P), corrected,
	}
}
