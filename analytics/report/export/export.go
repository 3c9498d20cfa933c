// Package export writes reports as files: JSON for programs, CSV and XLSX for
// people with a spreadsheet, GeoJSON for maps, and text for a terminal.
package export

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/urbangrid/urbangrid/analytics/report"
	"github.com/urbangrid/urbangrid/sensors"
)

// ErrNoPlaces says that a report has no rows with a place, so that it cannot be
// GeoJSON.
var ErrNoPlaces = errors.New("the report has no places: it cannot be GeoJSON")

// ErrOneReport says that a form is for one report, and there are several.
var ErrOneReport = errors.New("several reports together are JSON or XLSX alone")

// Format is a form of file.
type Format string

// The formats.
const (
	JSON    Format = "json"
	CSV     Format = "csv"
	XLSX    Format = "xlsx"
	GeoJSON Format = "geojson"
	Text    Format = "txt" // for a terminal
)

// Files are the formats that a report can be saved in.
var Files = [...]Format{JSON, CSV, XLSX, GeoJSON, Text}

// ContentType returns the media type of the format.
func (f Format) ContentType() string {
	switch f {
	case JSON:
		return "application/json"
	case CSV:
		return "text/csv; charset=utf-8"
	case XLSX:
		return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	case GeoJSON:
		return "application/geo+json"
	}
	return "text/plain; charset=utf-8"
}

// FormatOf returns the format of a file by the end of its name.
func FormatOf(name string) (Format, error) {
	end := Format(strings.TrimPrefix(strings.ToLower(filepath.Ext(name)), "."))
	for _, f := range Files {
		if f == end {
			return f, nil
		}
	}
	return "", fmt.Errorf("%s ends in none of .json, .csv, .xlsx, .geojson, .txt", name)
}

// Write writes r in a format. JSON and GeoJSON have every language, the others
// that of lang. Errors: ErrNoPlaces, before anything was written; those of w.
func Write(w io.Writer, f Format, r *report.Result, lang report.Lang) error {
	var err error
	switch f {
	case JSON:
		err = writeJSON(w, r)
	case CSV:
		err = writeCSV(w, r, lang)
	case XLSX:
		err = writeXLSX(w, r, lang)
	case GeoJSON:
		err = writeGeoJSON(w, r)
	case Text:
		err = writeText(w, r, lang)
	default:
		err = errors.New("no such format")
	}
	if err != nil {
		return fmt.Errorf("write report as %s: %w", f, err)
	}
	return nil
}

// words are those of the frame around a report.
var words = map[string]sensors.Names{
	"about":        {ZH: "说明", EN: "About"},
	"report":       {ZH: "报告", EN: "Report"},
	"period":       {ZH: "数据时段", EN: "Data period"},
	"windows":      {ZH: "时间窗", EN: "Windows"},
	"generated":    {ZH: "生成时间", EN: "Generated"},
	"version":      {ZH: "版本", EN: "Version"},
	"observations": {ZH: "观测数", EN: "Observations"},
	"alerts":       {ZH: "告警数", EN: "Alerts"},
	"fingerprint":  {ZH: "数据指纹", EN: "Data fingerprint"},
	"method":       {ZH: "方法", EN: "Method"},
	"parameter":    {ZH: "参数", EN: "Parameter"},
	"definition":   {ZH: "定义", EN: "Definition"},
	"note":         {ZH: "备注", EN: "Note"},
	"missing":      {ZH: "%d 个数值缺失", EN: "%d values missing"},
	"table":        {ZH: "表", EN: "Table"},
	"contents":     {ZH: "目录", EN: "Contents"},
	"number":       {ZH: "编号", EN: "Number"},
	"sheets":       {ZH: "工作表", EN: "Sheets"},
	"rows":         {ZH: "行数", EN: "Rows"},
	"empty":        {ZH: "（无）", EN: "(none)"},
}

// line is one line of what stands around the tables: what it is, its name, and
// what it says.
type line struct{ head, name, text string }

// about lists everything that a report says of itself.
func about(r *report.Result, lang report.Lang) []line {
	word := func(key string) string { return lang.Of(words[key]) }
	zone := r.Period.Location()
	stamp := "2006-01-02 15:04:05 -07:00"
	out := []line{
		{word("report"), lang.Of(r.Title), ""},
		{word("period"), r.Period.From.In(zone).Format(stamp), r.Period.To.In(zone).Format(stamp)},
		{word("windows"), fmt.Sprintf("%d × %s", r.Period.Count, lang.Of(r.Period.Every.Names())), r.Period.Zone},
		{word("observations"), fmt.Sprint(r.Data.Observations), ""},
	}
	if r.Data.Alerts != nil {
		out = append(out, line{word("alerts"), fmt.Sprint(*r.Data.Alerts), ""})
	}
	out = append(out,
		line{word("fingerprint"), r.Data.Fingerprint, ""},
		line{word("generated"), r.GeneratedAt.In(zone).Format(stamp), ""},
		line{word("version"), "UrbanGrid " + r.Version.Program, r.Version.Format})
	for _, p := range r.Parameters {
		out = append(out, line{word("parameter"), lang.Of(p.Names), p.Value.In(lang, zone)})
	}
	for _, m := range r.Methods {
		out = append(out, line{word("method"), lang.Of(m.Names), m.Reference})
	}
	for _, d := range r.Definitions {
		out = append(out, line{word("definition"), lang.Of(d.Names), lang.Of(d.Text)})
	}
	for _, n := range r.Notes {
		name := ""
		if n.Count > 0 {
			name = fmt.Sprintf(word("missing"), n.Count)
		}
		out = append(out, line{word("note"), name, noteText(r, n, lang)})
	}
	return out
}

// noteText is a note, with whose section it belongs to before it.
func noteText(r *report.Result, n report.Note, lang report.Lang) string {
	of := lang.Of(r.SectionName(n.Kind))
	switch {
	case of == "":
		return lang.Of(n.Text)
	case lang == report.EN:
		return of + ": " + lang.Of(n.Text)
	}
	return of + "：" + lang.Of(n.Text)
}

// header is the names of the columns, with the unit where there is one.
func header(t report.Table, lang report.Lang) []string {
	out := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		out[i] = lang.Of(c.Names)
		switch unit := lang.Of(c.UnitLabel); {
		case unit == "":
		case lang == report.EN:
			out[i] += " (" + unit + ")"
		default:
			out[i] += "（" + unit + "）"
		}
	}
	return out
}
