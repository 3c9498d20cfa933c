package dashboard

import (
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/urbangrid/urbangrid/analytics/report"
	"github.com/urbangrid/urbangrid/analytics/report/export"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// maxCSVAlerts bounds the alerts of one file.
const maxCSVAlerts = 50_000

type alertCSVInput struct {
	AlertFilter
	Lang report.Lang `query:"lang" enum:"zh,en" default:"zh" doc:"Language of the header, of names and of reasons"`
}

func (s *Server) alertCSVOperation(api huma.API) {
	op := operation("export-alerts-csv", "/alerts.csv", "alerts", "Alerts as CSV",
		"What list-alerts finds with the same filter, on all its pages: newest first, at most 50,000; a last line says so when there are more. "+
			"UTF-8 with a byte order mark, times in the zone of the district with their offset from UTC, and a ' before what a spreadsheet would run as a formula.")
	op.Responses = fileResponse("text/csv; charset=utf-8")
	huma.Register(api, op, s.exportAlerts)
}

// exportAlerts reads the first page before the answer begins, so that a store
// that is away is told as such.
func (s *Server) exportAlerts(ctx context.Context, in *alertCSVInput) (*huma.StreamResponse, error) {
	q := in.query()
	q.Limit = store.MaxAlerts
	page, err := s.answeredAlerts(ctx, q)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		hc.SetHeader("Content-Type", "text/csv; charset=utf-8")
		hc.SetHeader("Content-Disposition", `attachment; filename="alerts.csv"`)
		if err := s.writeAlerts(hc.Context(), hc.BodyWriter(), page, q, in.Lang); err != nil {
			s.log.Warn("export of alerts was cut off", "error", err)
			// Half a file must not look whole: the connection breaks instead.
			panic(http.ErrAbortHandler)
		}
	}}, nil
}

// writeAlerts writes page and the pages after it, of which one at a time is held.
func (s *Server) writeAlerts(ctx context.Context, to io.Writer, page []answeredAlert, q store.AlertQuery, lang report.Lang) error {
	t, err := s.newAlertTable(to, lang)
	if err != nil {
		return err
	}
	for written := 0; ; {
		for _, a := range page {
			t.write(a)
		}
		written += len(page)
		if len(page) < q.Limit {
			return t.end()
		}
		if written >= maxCSVAlerts {
			t.tellMore()
			return t.end()
		}
		q.Before = page[len(page)-1].ID
		if page, err = s.answeredAlerts(ctx, q); err != nil {
			return fmt.Errorf("alerts after %s: %w", q.Before, err)
		}
	}
}

// alertTable writes alerts as lines of a CSV file. The csv.Writer keeps its
// first error, which end returns.
type alertTable struct {
	w     *csv.Writer
	lang  report.Lang
	zone  *time.Location
	kinds *sensors.Catalog
	areas map[grid.AreaCode]sensors.Names
	rules map[string]sensors.Names
	cells []string // of one line, used again
}

// newAlertTable writes a byte order mark, by which spreadsheets know UTF-8, and
// the header.
func (s *Server) newAlertTable(to io.Writer, lang report.Lang) (*alertTable, error) {
	if _, err := io.WriteString(to, "\ufeff"); err != nil {
		return nil, err
	}
	t := &alertTable{
		w: csv.NewWriter(to), lang: lang, zone: s.opts.Zone, kinds: s.deps.Kinds,
		areas: map[grid.AreaCode]sensors.Names{}, rules: s.ruleNames(), cells: make([]string, len(alertColumns)),
	}
	t.w.UseCRLF = true // as Excel writes it, RFC 4180
	if s.deps.Areas != nil {
		for _, a := range s.deps.Areas.All() {
			t.areas[a.Code] = a.Names
		}
	}
	for i, c := range alertColumns {
		t.cells[i] = lang.Of(c.names)
	}
	return t, t.w.Write(t.cells)
}

func (t *alertTable) write(a answeredAlert) {
	for i, c := range alertColumns {
		t.cells[i] = c.cell(t, a)
	}
	_ = t.w.Write(t.cells) // end tells
}

// tellMore says in a last line that the file does not hold all.
func (t *alertTable) tellMore() {
	clear(t.cells)
	t.cells[0] = t.lang.Of(sensors.Names{
		ZH: fmt.Sprintf("仅列出最新 %d 条，请缩小筛选范围", maxCSVAlerts), EN: fmt.Sprintf("Only the newest %d: narrow the filter for the others", maxCSVAlerts),
	})
	_ = t.w.Write(t.cells) // end tells
}

func (t *alertTable) end() error {
	t.w.Flush()
	return t.w.Error()
}

// alertColumn is a column of the file; a cell of it is as it is to be written.
type alertColumn struct {
	names sensors.Names
	cell  func(t *alertTable, a answeredAlert) string
}

var alertColumns = [...]alertColumn{
	{sensors.Names{ZH: "编号", EN: "ID"}, func(_ *alertTable, a answeredAlert) string { return a.ID }},
	{sensors.Names{ZH: "发生时间", EN: "Raised"}, func(t *alertTable, a answeredAlert) string { return t.moment(&a.RaisedAt) }},
	{sensors.Names{ZH: "消失时间", EN: "Over"}, func(t *alertTable, a answeredAlert) string { return t.moment(a.ClearedAt) }},
	{sensors.Names{ZH: "现状", EN: "State"}, func(t *alertTable, a answeredAlert) string { return t.word(string(a.State)) }},
	{sensors.Names{ZH: "级别", EN: "Severity"}, func(t *alertTable, a answeredAlert) string { return t.word(string(a.Severity)) }},
	{sensors.Names{ZH: "类别", EN: "Category"}, func(t *alertTable, a answeredAlert) string { return t.word(string(a.Category)) }},
	{sensors.Names{ZH: "监测项", EN: "Kind"}, func(t *alertTable, a answeredAlert) string { return t.kind(a).name }},
	{sensors.Names{ZH: "实测", EN: "Value"}, func(_ *alertTable, a answeredAlert) string { return decimal(a.Value) }},
	{sensors.Names{ZH: "阈值或预期", EN: "Threshold or expected"}, func(_ *alertTable, a answeredAlert) string { return decimal(a.Baseline) }},
	{sensors.Names{ZH: "单位", EN: "Unit"}, func(t *alertTable, a answeredAlert) string { return t.kind(a).unit }},
	{sensors.Names{ZH: "原因", EN: "Reason"}, func(t *alertTable, a answeredAlert) string { return export.Guard(t.lang.Of(a.Reason)) }},
	{sensors.Names{ZH: "责任网格", EN: "Area"}, func(t *alertTable, a answeredAlert) string { return t.area(grid.AreaCode(a.Area)) }},
	{sensors.Names{ZH: "责任网格编码", EN: "Area code"}, func(_ *alertTable, a answeredAlert) string { return export.Guard(a.Area) }},
	{sensors.Names{ZH: "位置", EN: "Place"}, func(_ *alertTable, a answeredAlert) string { return export.Guard(a.Place) }},
	{sensors.Names{ZH: "设备", EN: "Device"}, func(_ *alertTable, a answeredAlert) string { return export.Guard(string(a.Device)) }},
	{sensors.Names{ZH: "网格", EN: "Cell"}, func(_ *alertTable, a answeredAlert) string { return a.Cell }},
	{sensors.Names{ZH: "纬度", EN: "Latitude"}, func(_ *alertTable, a answeredAlert) string { return decimal(a.Lat) }},
	{sensors.Names{ZH: "经度", EN: "Longitude"}, func(_ *alertTable, a answeredAlert) string { return decimal(a.Lon) }},
	{sensors.Names{ZH: "规则", EN: "Rule"}, func(t *alertTable, a answeredAlert) string { return t.rule(a.Rule) }},
	{sensors.Names{ZH: "规则代码", EN: "Rule key"}, func(_ *alertTable, a answeredAlert) string { return export.Guard(a.Rule) }},
	{sensors.Names{ZH: "静默", EN: "Muted"}, func(t *alertTable, a answeredAlert) string { return t.word(strconv.FormatBool(a.Muted)) }},
	{sensors.Names{ZH: "处置状态", EN: "Handling"}, func(t *alertTable, a answeredAlert) string { return t.word(a.Handling.State) }},
	{sensors.Names{ZH: "处置人", EN: "Handled by"}, func(_ *alertTable, a answeredAlert) string { return export.Guard(a.Handling.By) }},
	{sensors.Names{ZH: "处置时间", EN: "Handled at"}, func(t *alertTable, a answeredAlert) string { return t.moment(a.Handling.At) }},
	{sensors.Names{ZH: "派往网格", EN: "Sent to area"}, func(t *alertTable, a answeredAlert) string { return t.area(a.Handling.To.Area) }},
	{sensors.Names{ZH: "派往单位", EN: "Sent to unit"}, func(_ *alertTable, a answeredAlert) string { return export.Guard(a.Handling.To.Unit) }},
	{sensors.Names{ZH: "认定", EN: "Answer"}, func(t *alertTable, a answeredAlert) string { return t.word(string(a.Handling.Answer)) }},
	{sensors.Names{ZH: "并入", EN: "Merged into"}, func(_ *alertTable, a answeredAlert) string { return a.MergedInto }},
}

// alertWords are the words of the API as people say them.
var alertWords = map[string]sensors.Names{
	string(store.AlertOpen):    {ZH: "持续中", EN: "Open"},
	string(store.AlertClosed):  {ZH: "已消失", EN: "Closed"},
	string(store.Critical):     {ZH: "严重", EN: "Critical"},
	string(store.Warning):      {ZH: "警告", EN: "Warning"},
	string(store.Notice):       {ZH: "提示", EN: "Notice"},
	string(store.AboutCity):    {ZH: "城市事件", EN: "The city"},
	string(store.AboutQuality): {ZH: "数据质量", EN: "Data quality"},
	"new":                      {ZH: "待确认", EN: "New"},
	"acknowledged":             {ZH: "已确认", EN: "Acknowledged"},
	"dispatched":               {ZH: "已派单", EN: "Dispatched"},
	"done":                     {ZH: "已办结", EN: "Done"},
	"confirmed":                {ZH: "属实", EN: "Confirmed"},
	"false_alarm":              {ZH: "误报", EN: "False alarm"},
	"true":                     {ZH: "是", EN: "Yes"},
	"false":                    {ZH: "否", EN: "No"},
}

// word is a word of the API in the language of the table; one that has no other
// name stays as it is.
func (t *alertTable) word(w string) string {
	return cmp.Or(t.lang.Of(alertWords[w]), w)
}

// moment writes a time with its offset from UTC, nothing for none.
func (t *alertTable) moment(at *time.Time) string {
	if at == nil || at.IsZero() {
		return ""
	}
	return at.In(t.zone).Format("2006-01-02T15:04:05-07:00")
}

type kindText struct{ name, unit string }

// kind names the kind of an alert and the unit of its values; a kind that is not
// known any more keeps its key.
func (t *alertTable) kind(a answeredAlert) kindText {
	k, ok := t.kinds.Kind(a.Kind)
	if !ok {
		return kindText{name: export.Guard(string(a.Kind))}
	}
	return kindText{name: export.Guard(t.lang.Of(k.Names)), unit: export.Guard(t.lang.Of(k.UnitLabel))}
}

// area names an area, with its code when that is all there is.
func (t *alertTable) area(code grid.AreaCode) string {
	return export.Guard(cmp.Or(t.lang.Of(t.areas[code]), string(code)))
}

// rule names a rule; one that is not in the rules file any more keeps its key.
func (t *alertTable) rule(key string) string {
	return export.Guard(cmp.Or(t.lang.Of(t.rules[key]), key))
}

// ruleNames are the names of the rules as they hold, by key; none where no rules are kept.
func (s *Server) ruleNames() map[string]sensors.Names {
	names := map[string]sensors.Names{}
	if book := s.deps.Settings.Rules; book != nil {
		for _, e := range book.List() {
			names[e.Rule.Name] = e.Rule.Names
		}
	}
	return names
}

func decimal(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
