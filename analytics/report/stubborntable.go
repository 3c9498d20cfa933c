package report

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/urbangrid/urbangrid/sensors"
)

func (r *Reporter) stubbornTables(ctx context.Context, req Request, list []*problem, end time.Time, out *Result) error {
	reg, err := r.devices(ctx)
	if err != nil {
		return err
	}
	hours := names("小时", "hours")
	problems := Table{Key: "problems", Title: names("难点排名", "Stubborn problems"), Columns: []Column{
		plain("rank", "排名", "Rank", 0), textual("sort", "对象", "Of"), textual("place", "地点", "Place"), textual("name", "名称", "Name"),
		textual("area", "责任网格编号", "Area code"), textual("area_name", "责任网格", "Area"),
		textual("kind", "类型键", "Kind key"), textual("kind_name", "类型", "Kind"), textual("category", "类别", "Category"),
		plain("episodes", "次数", "Episodes", 0), plain("returns", "复发次数", "Returns", 0), textual("open", "时段末未解除", "Open at the end"),
		column("lasted", names("总时长", "Lasted"), "h", hours, 1), column("longest", names("最长一次", "Longest"), "h", hours, 1),
		column("gap", names("复发间隔中位数", "Median time to return"), "d", names("天", "days"), 1),
		momentary("first", "第一次", "First"), momentary("last", "最近一次", "Last"), textual("severity", "最高级别", "Gravest"),
		plain("late", "超时处置", "Handled late", 0), plain("reopened", "重新打开", "Reopened", 0),
	}}
	history := Table{Key: "history", Title: names("历史记录", "History"), Columns: []Column{
		plain("rank", "排名", "Rank", 0), textual("place", "地点", "Place"), textual("kind", "类型键", "Kind key"),
		momentary("from", "开始", "From"), momentary("to", "结束", "To"), column("lasted", names("时长", "Lasted"), "h", hours, 1),
		column("returned", names("距上次结束", "Since the one before"), "d", names("天", "days"), 1),
		textual("severity", "级别", "Severity"), plain("value", "数值", "Value", 2), plain("expected", "基准", "Baseline", 2),
		textual("reason", "说明", "Why"), textual("alerts", "告警编号", "Alerts"),
	}}
	label := map[sensors.DeviceID]string{}
	for _, d := range reg.all {
		label[d.ID] = d.Name
	}
	for i, p := range list {
		place, sort, name := Text(p.cell.String()), names("网格", "cell"), ""
		if p.device != "" {
			place, sort, name = Text(string(p.device)), names("设备（部件）", "device (component)"), label[p.device]
		}
		late, reopened := r.handledValues(p)
		problems.Rows = append(problems.Rows, []Value{
			Count(i + 1), Named(sort), place, Text(name), Text(string(p.area)), Named(r.areaLabel(p.area)), Text(string(p.kind)), Named(r.kindName(p.kind)),
			Named(categories[p.category]), Count(len(p.episodes)), Count(p.returns), YesNo(p.open), Number(p.lasted.Hours()), Number(p.longest.Hours()), p.medianGap(),
			Moment(p.episodes[0].from), Moment(p.episodes[len(p.episodes)-1].from), p.gravest(), late, reopened,
		})
		if p.cell != 0 {
			out.Features = append(out.Features, CellFeature("problems", i, p.cell))
		} else if f, ok := deviceFeature("problems", i, p.device, reg.all); ok {
			out.Features = append(out.Features, f)
		}
		listed := p.episodes
		if n := len(listed) - req.Episodes; n > 0 {
			listed = listed[n:]
			out.note(NoteHistoryCut)
		}
		for _, e := range slices.Backward(listed) {
			history.Rows = append(history.Rows, append([]Value{Count(i + 1), place, Text(string(p.kind))}, e.values(end)...))
		}
	}
	out.Tables = []Table{problems, history}
	return nil
}

// values are those of an episode's row, from its beginning on.
func (e *episode) values(end time.Time) []Value {
	to, returned, severity := Moment(e.to), Missing(NoteNotReturned), Value{}
	if e.to.IsZero() {
		to = Missing(NoteStillOpen)
	}
	if e.returned > 0 {
		returned = Number(e.returned.Hours() / 24)
	}
	if e.severity != "" {
		severity = Named(severities[e.severity])
	}
	expected := Missing(NoteNotAsked)
	if len(e.alerts) > 0 {
		expected = Number(e.expected)
	}
	return []Value{Moment(e.from), to, Number(e.lasted(end).Hours()), returned, severity, Number(e.value), expected, Named(e.reason), Text(strings.Join(e.alerts, " "))}
}

// medianGap is the median of the times to return, in days.
func (p *problem) medianGap() Value {
	var gaps []float64
	for _, e := range p.episodes {
		if e.returned > 0 {
			gaps = append(gaps, e.returned.Hours()/24)
		}
	}
	if len(gaps) == 0 {
		return Missing(NoteNotReturned)
	}
	return Number(median(gaps))
}

func (p *problem) gravest() Value {
	var worst Value
	best := p.episodes[0].severity
	for _, e := range p.episodes {
		best = graver(best, e.severity)
	}
	if best != "" {
		worst = Named(severities[best])
	}
	return worst
}

// handledValues are how often the cases of a problem were late and reopened.
func (r *Reporter) handledValues(p *problem) (late, reopened Value) {
	if r.src.Handling == nil {
		return Missing(NoteWithCases), Missing(NoteWithCases)
	}
	return Count(p.late), Count(p.reopened)
}

// median sorts values, of which there is one at least.
func median(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}
