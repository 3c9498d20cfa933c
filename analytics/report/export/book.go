package export

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/xuri/excelize/v2"

	"github.com/urbangrid/urbangrid/analytics/report"
	"github.com/urbangrid/urbangrid/sensors"
)

// book is several reports as JSON.
type book struct {
	Title   sensors.Names    `json:"title"`
	Reports []*report.Result `json:"reports"`
}

// WriteBook writes several reports as one file: JSON has them in a list, a workbook
// has a sheet of contents and then the sheets of each, which begin with its number.
// A single one can be written in every format. Errors: ErrOneReport and ErrNoPlaces,
// before anything was written; those of w.
func WriteBook(w io.Writer, f Format, title sensors.Names, results []*report.Result, lang report.Lang) error {
	if len(results) == 1 {
		return Write(w, f, results[0], lang)
	}
	var err error
	switch f {
	case JSON:
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		err = enc.Encode(book{Title: title, Reports: results})
	case XLSX:
		err = writeBook(w, title, results, lang)
	default:
		return ErrOneReport
	}
	if err != nil {
		return fmt.Errorf("write %d reports as %s: %w", len(results), f, err)
	}
	return nil
}

func writeBook(w io.Writer, title sensors.Names, results []*report.Result, lang report.Lang) error {
	return workbook(w, lang.Of(title), results[len(results)-1], func(f *excelize.File, s styles) error {
		contents := lang.Of(words["contents"])
		if err := f.SetSheetName(firstSheet, contents); err != nil {
			return err
		}
		taken := map[string]bool{contents: true}
		lines := [][]string{}
		for i, r := range results {
			names := titlesOfSheets(r, lang, fmt.Sprintf("%02d ", i+1), taken)
			if _, err := f.NewSheet(names[0]); err != nil {
				return err
			}
			if err := reportSheets(f, names, r, lang, s); err != nil {
				return err
			}
			lines = append(lines, contentsLine(i+1, r, names, lang))
		}
		return contentsSheet(f, contents, lines, lang, s)
	})
}

// contentsLine says of a report its number, its title, its period, and the first and
// last of its sheets.
func contentsLine(n int, r *report.Result, sheets []string, lang report.Lang) []string {
	zone := r.Period.Location()
	rows := 0
	for _, t := range r.Tables {
		rows += len(t.Rows)
	}
	return []string{
		fmt.Sprintf("%02d", n), lang.Of(r.Title), r.Period.From.In(zone).Format(time.DateTime), r.Period.To.In(zone).Format(time.DateTime),
		fmt.Sprint(len(sheets)), fmt.Sprint(rows),
	}
}

func contentsSheet(f *excelize.File, name string, lines [][]string, lang report.Lang, s styles) error {
	sw, err := f.NewStreamWriter(name)
	if err != nil {
		return err
	}
	for i, width := range []float64{8, 40, 22, 22, 10, 10} {
		if err := sw.SetColWidth(i+1, i+1, width); err != nil {
			return err
		}
	}
	var head []any
	for _, key := range []string{"number", "report", "period", "period", "sheets", "rows"} {
		head = append(head, excelize.Cell{StyleID: s.head, Value: lang.Of(words[key])})
	}
	if err := sw.SetRow("A1", head); err != nil {
		return err
	}
	for i, line := range lines {
		row := make([]any, len(line))
		for k, text := range line {
			row[k] = excelize.Cell{Value: cut(text)}
		}
		if err := sw.SetRow(fmt.Sprintf("A%d", i+2), row); err != nil {
			return err
		}
	}
	return sw.Flush()
}
