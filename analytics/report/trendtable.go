package report

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/urbangrid/urbangrid/analytics/calendar"
	"github.com/urbangrid/urbangrid/analytics/trend"
	"github.com/urbangrid/urbangrid/sensors"
)

// trendTables are the tables of a trend while lines are added to them.
type trendTables struct {
	every                                              Step
	kinds                                              bool // rows name their kind
	windows                                            int
	summary, comparisons, changes, exceedances, series Table
}

func newTrendTables(req Request, windows int) *trendTables {
	step := req.Every.Names()
	perStep := sensors.Names{ZH: "每" + step.ZH, EN: "per " + step.EN}
	who := []Column{textual("key", "编号", "Key"), textual("name", "名称", "Name")}
	if req.tellsKinds() {
		who = append(who, textual("kind", "类型键", "Kind key"), textual("kind_name", "类型", "Kind"))
	}
	with := func(more ...Column) []Column { return append(append([]Column{}, who...), more...) }
	value := column("value", names("数值", "Value"), "", sensors.Names{}, 2)
	return &trendTables{
		every: req.Every, windows: windows, kinds: req.tellsKinds(),
		summary: Table{Key: "summary", Title: names("趋势汇总", "Trends"), Columns: with(
			textual("unit", "单位", "Unit"), plain("count", "观测数", "Observations", 0), value,
			column("mean", names("平均", "Mean"), "", perStep, 2),
			plain("max", "最大值", "Highest", 1), percent("beyond", "超标时间窗占比", "Beyond the threshold"),
			column("per_km2", names("每平方公里", "Per km²"), "1/km2", sensors.Names{}, 3), plain("per_device", "每台设备", "Per device", 3),
			textual("direction", "趋势", "Direction"), plain("p", "p 值", "p", 4),
			plain("z", "Mann-Kendall z", "Mann-Kendall z", 2), plain("p_raw", "未修正 p", "p, not corrected", 4),
			plain("p_hamed_rao", "Hamed-Rao p", "Hamed-Rao p", 4), plain("factor", "修正系数", "Factor", 2),
			plain("p_seasonal", "季节性 p", "Seasonal p", 4),
			column("slope", names("斜率", "Slope"), "", perStep, 4), column("slope_low", names("斜率下限", "Slope, low"), "", perStep, 4),
			column("slope_high", names("斜率上限", "Slope, high"), "", perStep, 4),
			momentary("changed", "最近变点", "Last change"), plain("exceedances", "超阈值次数", "Exceedances", 0),
		)},
		comparisons: Table{Key: "comparisons", Title: names("环比与同比", "Comparisons"), Columns: with(
			textual("span", "时段", "Span"), momentary("from", "开始", "From"), momentary("to", "结束", "To"), textual("unit", "单位", "Unit"), value,
			column("per_km2", names("每平方公里", "Per km²"), "1/km2", sensors.Names{}, 3), plain("per_device", "每台设备", "Per device", 3),
			plain("previous", "上期", "Period before", 2), plain("previous_diff", "环比增减", "Difference", 2), percent("previous_change", "环比", "Change"),
			plain("last_year", "去年同期", "Last year", 2), plain("last_year_diff", "同比增减", "Difference from last year", 2), percent("last_year_change", "同比", "Change from last year"),
		)},
		changes: Table{Key: "changes", Title: names("变点", "Change points"), Columns: with(
			momentary("at", "发生时间", "At"), column("before", names("之前平均", "Before"), "", perStep, 2), column("after", names("之后平均", "After"), "", perStep, 2), plain("ratio", "倍数", "Ratio", 2))},
		exceedances: Table{Key: "exceedances", Title: names("超阈值时间窗", "Exceedances"), Columns: with(
			momentary("at", "时间窗", "Window"), plain("observed", "观测数", "Observed", 0), plain("expected", "期望值", "Expected", 2), plain("upper", "上限", "Upper bound", 1), plain("p", "p 值", "p", 6),
			textual("method", "方法", "Method"), textual("day", "日子", "Day"))},
		series: Table{Key: "series", Title: names("时间序列", "Series"), Columns: with(
			momentary("at", "时间窗", "Window"), value, plain("count", "观测数", "Observations", 0),
			column("per_km2", names("每平方公里", "Per km²"), "1/km2", sensors.Names{}, 3), plain("per_device", "每台设备", "Per device", 3), plain("max", "最大值", "Highest", 1),
			plain("stl_trend", "STL 趋势", "STL trend", 2), plain("stl_season", "STL 季节", "STL season", 3), plain("stl_rest", "STL 剩余", "STL rest", 2))},
	}
}

var directions = map[trend.Direction]sensors.Names{
	trend.Rising:  {ZH: "上升", EN: "rising"},
	trend.Falling: {ZH: "下降", EN: "falling"},
	trend.Steady:  {ZH: "无显著趋势", EN: "no clear trend"},
}

// tellsKinds reports whether the lines of a trend are told apart by place and by kind:
// kinds are never added up, so that each of several has lines of its own.
func (r *Request) tellsKinds() bool {
	return r.By == ByAreaKind || r.By.named() && r.Kinds.Len() > 1
}

// who says what a line is of, and of which kind where that differs.
func (l *line) who(kinds bool) []Value {
	out := []Value{Text(l.key), Named(l.names)}
	if kinds {
		out = append(out, Text(string(l.kind.Key)), Named(l.kind.Names))
	}
	return out
}

// add analyses a line and writes its rows. It reports whether windows were judged by
// EARS.
func (t *trendTables) add(r *Reporter, l *line, bounds []time.Time, history int) (ears bool) {
	a := r.analyse(l, t.every, bounds, history)
	who := l.who(t.kinds)
	with := func(more ...Value) []Value { return append(append([]Value{}, who...), more...) }
	t.summary.Rows = append(t.summary.Rows, with(t.summed(r, l, &a, bounds, history)...))
	if a.cuts != nil {
		for i := 0; i+1 < len(a.cuts.Ends); i++ {
			before, after := a.cuts.Levels[i], a.cuts.Levels[i+1]
			t.changes.Rows = append(t.changes.Rows, with(Moment(bounds[history+a.cuts.Ends[i]]), Number(before), Number(after), per(after, before, NoteZeroBase)))
		}
	}
	for _, e := range a.exceeds {
		t.exceedances.Rows = append(t.exceedances.Rows, with(t.exceeded(e, bounds[history+e.window])...))
	}
	for i, x := range a.x {
		t.series.Rows = append(t.series.Rows, with(t.window(l, &a, i, x, bounds, history)...))
	}
	return a.ears
}

// dayNames are what people call the sorts of days.
var dayNames = map[calendar.DayType]sensors.Names{
	calendar.Weekday: {ZH: "平日", EN: "weekday"}, calendar.Weekend: {ZH: "周末", EN: "weekend"},
	calendar.Holiday: {ZH: "节假日", EN: "holiday"}, calendar.Adjusted: {ZH: "调休上班", EN: "worked instead"},
}

// exceeded are the values of a row of the exceedances after the name.
func (t *trendTables) exceeded(e exceedance, at time.Time) []Value {
	p, method, day := Number(e.p), names("Farrington", "Farrington"), Named(dayNames[e.day])
	if e.ears {
		p, method = Missing(NoteNoP), names("EARS C2", "EARS C2")
	}
	if t.every == Week {
		day = Missing(NoteNoSeason)
	}
	return []Value{Moment(at), Number(e.observed), Number(e.expected), Number(e.upper), p, Named(method), day}
}

// summed are the values of a row of the summary after the name.
func (t *trendTables) summed(r *Reporter, l *line, a *analysis, bounds []time.Time, history int) []Value {
	sum := l.total(history, len(l.count))
	value, mean, highest := Missing(NoteNoData), Missing(NoteNoData), Missing(NoteNotALevel)
	if l.kind.Type == sensors.Measure {
		if sum.n > 0 {
			value, highest = Number(sum.sum/float64(sum.n)), Number(sum.max)
			mean = value
		} else {
			highest = Missing(NoteNoData)
		}
	} else if sum.windows > 0 {
		value, mean = Count(sum.n), Number(float64(sum.n)/float64(sum.windows))
	}
	out := []Value{Named(unitOf(l.kind)), Count(sum.n), value, mean, highest, r.beyond(l, history), l.perKm2(float64(sum.n)), l.perDevice(float64(sum.n))}
	out = append(out, a.verdictValues()...)
	changed := Missing(NoteTooFewWindows)
	switch {
	case l.kind.Type != sensors.Event:
		changed = Missing(NoteNotACount)
	case a.cuts != nil && len(a.cuts.Ends) > 1:
		changed = Moment(bounds[history+a.cuts.Ends[len(a.cuts.Ends)-2]])
	case a.cuts != nil:
		changed = Missing(NoteNoChange)
	}
	exceeded := Count(len(a.exceeds))
	switch {
	case l.kind.Type != sensors.Event:
		exceeded = Missing(NoteNotACount)
	case a.judged == 0:
		exceeded = Missing(NoteTooFewEvents)
	}
	return append(out, changed, exceeded)
}

// verdictValues are direction, p, z, raw p, Hamed-Rao p and factor, seasonal p,
// slope and its interval.
func (a *analysis) verdictValues() []Value {
	if a.verdict == nil {
		out := make([]Value, 10)
		for i := range out {
			out[i] = Missing(NoteTooFewWindows)
		}
		return out
	}
	v := a.verdict
	seasonal := Missing(NoteTooFewPeriods)
	switch {
	case a.seasonal != nil:
		seasonal = Number(a.seasonal.P)
	case a.stlWhy == NoteNoSeason:
		seasonal = Missing(NoteNoSeason)
	}
	return []Value{
		Named(directions[v.Direction]), Number(v.P), Number(v.Raw.Z), Number(v.Raw.P), Number(v.Corrected.P), Number(v.Corrected.Factor),
		seasonal, Number(v.Slope.PerStep), Number(v.Slope.Low), Number(v.Slope.High),
	}
}

// window are the values of a row of the series after the name.
func (t *trendTables) window(l *line, a *analysis, i int, x float64, bounds []time.Time, history int) []Value {
	w := history + i
	value, n, highest := Missing(NoteNoData), Count(l.count[w]), Missing(NoteNotALevel)
	if !math.IsNaN(x) {
		value = Number(x)
	} else if l.kind.Type == sensors.Event {
		n = Missing(NoteNoData)
	}
	if l.kind.Type == sensors.Measure {
		if highest = Missing(NoteNoData); l.count[w] > 0 {
			highest = Number(l.max[w])
		}
	}
	perKm2, perDevice := Missing(NoteNoData), Missing(NoteNoData)
	if !math.IsNaN(x) || l.kind.Type == sensors.Measure {
		perKm2, perDevice = l.perKm2(float64(l.count[w])), l.perDevice(float64(l.count[w]))
	}
	trended, season, rest := Missing(a.stlWhy), Missing(a.stlWhy), Missing(a.stlWhy)
	switch k := i - a.stlFrom; {
	case a.stl != nil && k < 0:
		trended, season, rest = Missing(NoteNoData), Missing(NoteNoData), Missing(NoteNoData)
	case a.stl != nil && l.kind.Type == sensors.Event:
		trended, season = Number(math.Expm1(a.stl.Trend[k])), Number(math.Exp(a.stl.Seasonal[k]))
		rest = Number(tidy(x - math.Expm1(a.stl.Trend[k]+a.stl.Seasonal[k])))
	case a.stl != nil:
		trended, season, rest = Number(a.stl.Trend[k]), Number(a.stl.Seasonal[k]), Number(tidy(a.stl.Rest[k]))
	}
	return []Value{Moment(bounds[w]), value, n, perKm2, perDevice, highest, trended, season, rest}
}

// tidy takes away what rounding leaves of a difference of equal numbers.
func tidy(f float64) float64 { return math.Round(f*1e9) / 1e9 }

// beyond is the share of windows whose extreme reached the threshold of the kind.
func (r *Reporter) beyond(l *line, history int) Value {
	limit, ok := r.src.Thresholds[l.kind.Key]
	switch {
	case l.kind.Type != sensors.Measure:
		return Missing(NoteNotALevel)
	case !ok:
		return Missing(NoteNoThreshold)
	}
	var with, all float64
	for w := history; w < len(l.count); w++ {
		if l.count[w] == 0 {
			continue
		}
		all++
		if l.kind.Bad == sensors.LowIsBad && l.min[w] <= limit || l.kind.Bad != sensors.LowIsBad && l.max[w] >= limit {
			with++
		}
	}
	return per(100*with, all, NoteNoData)
}

// perKm2 and perDevice are for events: so many observations of a measure say how
// often devices speak, not how the city does.
func (l *line) perKm2(n float64) Value {
	if l.kind.Type == sensors.Measure {
		return Missing(NoteLevelNoRate)
	}
	return per(n, l.km2, NoteNoSurface)
}

func (l *line) perDevice(n float64) Value {
	if l.kind.Type == sensors.Measure {
		return Missing(NoteLevelNoRate)
	}
	return per(n, float64(l.devices), NoteNoDevices)
}

// compare makes the rows of the comparisons: what the lines of bounds had against
// the time before and against last year. A time that had begun when the kind was
// first observed is not compared with: a part of it is no whole.
func (r *Reporter) compare(ctx context.Context, req Request, bounds []time.Time, windows int, lines []line) ([][]Value, error) {
	var rows [][]Value
	began := r.beginnings(req)
	for _, c := range r.comparisons(req, windows) {
		this, err := r.totals(ctx, req, lines, bounds, c.from, c.to)
		if err != nil {
			return nil, err
		}
		before, err := r.totals(ctx, req, lines, bounds, c.previous, c.from)
		if err != nil {
			return nil, err
		}
		year, err := r.totals(ctx, req, lines, bounds, c.yearFrom, c.yearTo)
		if err != nil {
			return nil, err
		}
		for i := range lines {
			l := &lines[i]
			now := l.compared(this[i], NoteNoData)
			row := append(l.who(req.tellsKinds()),
				Named(c.span), Moment(c.from), Moment(c.to), Named(unitOf(l.kind)),
				now, l.perKm2(float64(this[i].n)), l.perDevice(float64(this[i].n)))
			then, err := l.comparable(ctx, began, bounds, c.previous, before[i], NoteNoPrevious)
			if err != nil {
				return nil, err
			}
			last, err := l.comparable(ctx, began, bounds, c.yearFrom, year[i], NoteNoLastYear)
			if err != nil {
				return nil, err
			}
			rows = append(rows, append(append(row, against(now, then)...), against(now, last)...))
		}
	}
	return rows, nil
}

// totals returns what each line had in [from, to), from the lines themselves where
// their windows allow, else from the store. A total whose windows is 0 knows
// nothing of that time: the kind was observed nowhere.
func (r *Reporter) totals(ctx context.Context, req Request, lines []line, bounds []time.Time, from, to time.Time) ([]total, error) {
	i, ok := slices.BinarySearchFunc(bounds, from, time.Time.Compare)
	j, ok2 := slices.BinarySearchFunc(bounds, to, time.Time.Compare)
	if ok && ok2 {
		out := make([]total, len(lines))
		for k := range lines {
			out[k] = lines[k].total(i, j)
		}
		return out, nil
	}
	found, err := r.lines(ctx, req, []time.Time{from.UTC(), to.UTC()})
	if err != nil {
		return nil, err
	}
	type id struct {
		kind sensors.KindKey
		key  string
	}
	byID := make(map[id]total, len(found))
	known := map[sensors.KindKey]bool{}
	for i := range found {
		l := &found[i]
		t := l.total(0, 1)
		byID[id{l.kind.Key, l.key}] = t
		known[l.kind.Key] = known[l.kind.Key] || t.windows > 0
	}
	out := make([]total, len(lines))
	for i := range lines {
		t, ok := byID[id{lines[i].kind.Key, lines[i].key}]
		if !ok && known[lines[i].kind.Key] && (req.By == ByArea || req.By == ByAreaKind) {
			t.windows = 1 // the kind was observed, but not there
		}
		out[i] = t
	}
	return out, nil
}

// comparable is the value of a time that began at from, missing where it has none or
// the kind was first observed after it had begun.
func (l *line) comparable(ctx context.Context, began *beginnings, bounds []time.Time, from time.Time, t total, otherwise NoteCode) (Value, error) {
	v := l.compared(t, otherwise)
	if _, ok := v.Number(); !ok {
		return v, nil
	}
	whole, err := began.by(ctx, l, bounds, from)
	if err != nil {
		return Value{}, err
	}
	if !whole {
		return Missing(NoteBeganLater), nil
	}
	return v, nil
}

// compared is the value of a total: events, or the mean level.
func (l *line) compared(t total, otherwise NoteCode) Value {
	switch {
	case t.windows == 0 || l.kind.Type == sensors.Measure && t.n == 0:
		return Missing(otherwise)
	case l.kind.Type == sensors.Measure:
		return Number(t.sum / float64(t.n))
	}
	return Count(t.n)
}

// against is another time's value, the difference and the change in percent.
func against(now, then Value) []Value {
	n, ok := now.Number()
	t, ok2 := then.Number()
	switch {
	case !ok2:
		return []Value{then, then, then}
	case !ok:
		return []Value{then, now, now}
	}
	return []Value{then, Number(n - t), per(100*(n-t), t, NoteZeroBase)}
}
