package export_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"

	"github.com/urbangrid/urbangrid/analytics/report"
	"github.com/urbangrid/urbangrid/analytics/report/export"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

var update = flag.Bool("update", false, "rewrite golden files")

// sample has one value of every sort, a formula among them.
func sample(t testing.TB) *report.Result {
	t.Helper()
	zone, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	cell, err := grid.ParseCell("89309930a0fffff")
	if err != nil {
		t.Fatal(err)
	}
	names := func(zh, en string) sensors.Names { return sensors.Names{ZH: zh, EN: en} }
	from := time.Date(2026, 11, 16, 0, 0, 0, 0, zone)
	area := grid.Area{Code: "310107005", Polygons: []grid.Polygon{{{{LatDegrees: 31.2, LonDegrees: 121.4}, {LatDegrees: 31.2, LonDegrees: 121.5}, {LatDegrees: 31.3, LonDegrees: 121.5}}}}}
	two := 2
	return &report.Result{
		Report: report.Trend, Title: names("趋势：烟雾报警", "Trend: smoke alarms"),
		Version:     report.Version{Program: "1.2", Format: report.FormatVersion},
		GeneratedAt: time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC),
		Period:      report.NewPeriod(from, from.AddDate(0, 0, 7), zone, report.Day, 7),
		Data:        report.Data{Observations: 17, Alerts: &two, Fingerprint: "f00d"},
		Methods:     []report.Method{{Key: "mk", Names: names("Mann-Kendall 检验", "Mann-Kendall test"), Reference: "Mann 1945; Kendall 1975"}},
		Parameters:  []report.Parameter{{Key: "kind", Names: names("类型", "Kind"), Text: "smoke", Value: report.Named(names("烟雾报警", "Smoke alarm"))}},
		Definitions: []report.Definition{{Key: "p", Names: names("p 值", "p"), Text: names("没有趋势时出现这种结果的概率。", "Probability of this without a trend.")}},
		Notes:       []report.Note{{Code: report.NoteNoLastYear, Text: report.NoteNoLastYear.Text(), Count: 2}},
		Tables: []report.Table{
			{
				Key: "summary", Title: names("汇总", "Summary"),
				Columns: []report.Column{
					{Key: "area", Names: names("责任网格", "Area"), Type: report.TextColumn},
					{Key: "count", Names: names("事件数", "Events"), Type: report.NumberColumn, Unit: "1"},
					{Key: "slope", Names: names("斜率", "Slope"), Type: report.NumberColumn, Unit: "1/d", UnitLabel: names("个/天", "events/day"), Digits: 3},
					{Key: "p", Names: names("p 值", "p"), Type: report.NumberColumn, Unit: "1", Digits: 4},
					{Key: "yoy", Names: names("同比", "Year on year"), Type: report.NumberColumn, Unit: "%", UnitLabel: names("%", "%"), Digits: 1},
					{Key: "last", Names: names("最近一次", "Last"), Type: report.TimeColumn},
				},
				Rows: [][]report.Value{
					{report.Named(names("曹杨新村街道", "Caoyang Xincun")), report.Count(12), report.Number(-0.25), report.Number(0.0000213), report.Missing(report.NoteNoLastYear), report.Moment(time.Date(2026, 11, 22, 16, 5, 0, 0, time.UTC))},
					{report.Text(`=HYPERLINK("http://evil.example","x")`), report.Count(5), report.Number(0), report.Number(1), report.Missing(report.NoteNoLastYear), report.Moment(time.Time{})},
				},
			},
			{Key: "cells", Title: names("网格/热点", "Cells/hot"), Columns: []report.Column{{Key: "cell", Names: names("网格", "Cell"), Type: report.TextColumn}},
				Rows: [][]report.Value{{report.Text("89309930a0fffff")}}},
			{Key: "none", Title: names("空表", "Nothing"), Columns: []report.Column{{Key: "x", Names: names("甲", "X"), Type: report.TextColumn}}, Rows: [][]report.Value{}},
		},
		Features: []report.Feature{
			report.AreaFeature("summary", 0, area), report.CellFeature("cells", 0, cell),
			{Table: "summary", Row: 1, Point: &report.Point{Lat: 31.25, Lon: 121.4}},
		},
	}
}

func write(t testing.TB, f export.Format, r *report.Result, lang report.Lang) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := export.Write(&b, f, r, lang); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s differs; look at it and run go test -update (-want +got):\n%s", path, d)
	}
}

func TestWrite_IsWhatThePeopleOfADistrictRead(t *testing.T) {
	r := sample(t)
	golden(t, "report.zh.csv", write(t, export.CSV, r, report.ZH))
	golden(t, "report.en.csv", write(t, export.CSV, r, report.EN))
	golden(t, "report.zh.txt", write(t, export.Text, r, report.ZH))
	golden(t, "report.en.txt", write(t, export.Text, r, report.EN))
	for _, f := range []export.Format{export.JSON, export.GeoJSON} {
		var b bytes.Buffer
		if err := json.Indent(&b, write(t, f, r, report.ZH), "", "  "); err != nil {
			t.Fatal(err)
		}
		golden(t, "report."+string(f), b.Bytes())
	}
}

func TestJSON_ComesBackAsItWas(t *testing.T) {
	r := sample(t)
	var back report.Result
	if err := json.Unmarshal(write(t, export.JSON, r, report.ZH), &back); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(r.Notes, back.Notes); d != "" {
		t.Errorf("notes (-want +got):\n%s", d)
	}
	for i, t1 := range r.Tables {
		for j, row := range t1.Rows {
			for k, v := range row {
				want := v
				if at, ok := v.Moment(); ok {
					want = report.Text(at.Format(time.RFC3339))
				}
				if got := back.Tables[i].Rows[j][k]; got != want {
					t.Errorf("table %s, row %d, column %s: got %v, want %v", t1.Key, j, t1.Columns[k].Key, got, want)
				}
			}
		}
	}
}

// What Excel would show: read again by the library, numbers as numbers.
func TestXLSX_CanBeOpenedAndReckonedWith(t *testing.T) {
	r := sample(t)
	f, err := excelize.OpenReader(bytes.NewReader(write(t, export.XLSX, r, report.ZH)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}()
	if got, want := f.GetSheetList(), []string{"说明", "汇总", "网格 热点", "空表"}; !slices.Equal(got, want) {
		t.Fatalf("sheets are %q, want %q", got, want)
	}
	rows, err := f.GetRows("汇总", excelize.Options{RawCellValue: true})
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{
		{"责任网格", "事件数", "斜率（个/天）", "p 值", "同比（%）", "最近一次"},
		{"曹杨新村街道", "12", "-0.25", "0.0000213", "数据不足", "46349.003472222219"},
		{`=HYPERLINK("http://evil.example","x")`, "5", "0", "1", "数据不足"},
	}
	for i := range want {
		for j, w := range want[i] {
			got := rows[i][j]
			// Numbers may be written with another last digit.
			same := got == w || j == 5 && strings.HasPrefix(got, "46349.0034722") || j == 3 && got == "2.13E-05"
			if !same {
				t.Errorf("row %d, column %d: got %q, want %q", i, j, got, w)
			}
		}
	}
	for cell, sort := range map[string]excelize.CellType{"A2": excelize.CellTypeInlineString, "A3": excelize.CellTypeInlineString, "E2": excelize.CellTypeInlineString} {
		got, err := f.GetCellType("汇总", cell)
		if err != nil {
			t.Fatal(err)
		}
		if got != sort {
			t.Errorf("cell %s is of type %v, want text", cell, got)
		}
	}
	if formula, err := f.GetCellFormula("汇总", "A3"); err != nil || formula != "" {
		t.Errorf("cell A3 has the formula %q (%v)", formula, err)
	}
	shown, err := f.GetCellValue("汇总", "F2")
	if err != nil {
		t.Fatal(err)
	}
	if shown != "2026-11-23 00:05:00" {
		t.Errorf("the time is shown as %q, want that of Shanghai's clocks", shown)
	}
	about, err := f.GetRows("说明")
	if err != nil {
		t.Fatal(err)
	}
	var heads []string
	for _, row := range about {
		heads = append(heads, row[0])
	}
	for _, want := range []string{"报告", "数据时段", "版本", "方法", "参数", "定义", "备注"} {
		if !slices.Contains(heads, want) {
			t.Errorf("the first sheet says nothing of %s", want)
		}
	}
}

func TestCSV_NoTextIsAFormula(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := sample(t)
		given := rapid.StringMatching(`['= +\-@＝＋－＠\t]{0,4}[a-z=+0-9|!]{0,8}`).Draw(rt, "text")
		r.Tables = r.Tables[:1]
		r.Tables[0].Rows[1][0] = report.Text(given)
		r.Title.ZH = given
		text := strings.TrimPrefix(string(write(t, export.CSV, r, report.ZH)), "\ufeff")
		in := csv.NewReader(strings.NewReader(text))
		in.FieldsPerRecord = -1
		records, err := in.ReadAll()
		if err != nil {
			rt.Fatal(err)
		}
		for _, rec := range records {
			for _, cell := range rec {
				bare := strings.TrimLeft(cell, " ")
				if bare == "" || !strings.ContainsAny(bare[:1], "=+-@\t") && !strings.HasPrefix(bare, "＝") && !strings.HasPrefix(bare, "＋") && !strings.HasPrefix(bare, "－") && !strings.HasPrefix(bare, "＠") {
					continue
				}
				if cell != "-0.25" { // a number
					rt.Fatalf("cell %q of %q begins a formula", cell, rec)
				}
			}
		}
	})
}

func TestGeoJSON_NeedsPlaces(t *testing.T) {
	r := sample(t)
	r.Features = nil
	var b bytes.Buffer
	if err := export.Write(&b, export.GeoJSON, r, report.ZH); !errors.Is(err, export.ErrNoPlaces) || b.Len() != 0 {
		t.Errorf("got %v and %d bytes, want ErrNoPlaces and none", err, b.Len())
	}
}

func TestFormatOf(t *testing.T) {
	for name, want := range map[string]export.Format{"a.xlsx": export.XLSX, "/tmp/趋势.CSV": export.CSV, "b.geojson": export.GeoJSON, "c.json": export.JSON} {
		if got, err := export.FormatOf(name); err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", name, got, err, want)
		}
	}
	if _, err := export.FormatOf("a.pdf"); err == nil {
		t.Error("a.pdf was accepted")
	}
}

// A report of several kinds says in every form whose section a table, a note and a
// place belong to, and names all of the kinds.
func TestWrite_SectionsNameTheirKind(t *testing.T) {
	r := sample(t)
	names := func(zh, en string) sensors.Names { return sensors.Names{ZH: zh, EN: en} }
	r.Sections = []report.Section{{Kind: "smoke", Names: names("烟雾报警", "Smoke alarm")}, {Kind: "stall", Names: names("占道经营", "Street stall")}}
	r.Parameters[0].Text, r.Parameters[0].Value = "smoke,stall", report.Named(names("烟雾报警、占道经营", "Smoke alarm, Street stall"))
	r.Notes[0].Kind = "stall"
	r.Tables[1].Key, r.Tables[1].Kind, r.Tables[1].Title = "cells.stall", "stall", names("网格：占道经营", "Cells: Street stall")
	r.Features[1].Table = "cells.stall"
	for lang, want := range map[report.Lang][]string{
		report.ZH: {"烟雾报警、占道经营", "占道经营：", "网格：占道经营"}, report.EN: {"Smoke alarm, Street stall", "Street stall: ", "Cells: Street stall"},
	} {
		for _, f := range []export.Format{export.CSV, export.Text} {
			text := string(write(t, f, r, lang))
			for _, words := range want {
				if !strings.Contains(text, words) {
					t.Errorf("%s in %s says nothing of %q:\n%s", f, lang, words, text)
				}
			}
		}
	}
	book, err := excelize.OpenReader(bytes.NewReader(write(t, export.XLSX, r, report.ZH)))
	if err != nil {
		t.Fatal(err)
	}
	if sheets := book.GetSheetList(); !slices.Contains(sheets, "网格：占道经营") {
		t.Errorf("the sheets are %q", sheets)
	}
	var places struct {
		Report   struct{ Parameters []struct{ Text string } }
		Features []struct {
			Properties struct{ Table, Section string }
		}
	}
	if err := json.Unmarshal(write(t, export.GeoJSON, r, report.ZH), &places); err != nil {
		t.Fatal(err)
	}
	if p := places.Features[1].Properties; p.Table != "cells.stall" || p.Section != "stall" || places.Features[0].Properties.Section != "" || places.Report.Parameters[0].Text != "smoke,stall" {
		t.Errorf("places are %+v", places)
	}
	back, err := report.Restore(write(t, export.JSON, r, report.ZH), nil)
	if err != nil || back.SectionName("stall").EN != "Street stall" || back.Tables[1].Kind != "stall" || back.Notes[0].Kind != "stall" {
		t.Errorf("read again: %+v, %v", back, err)
	}
}
