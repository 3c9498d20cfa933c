package export

import (
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"

	"github.com/urbangrid/urbangrid/analytics/report"
)

// What a workbook holds at most (Excel specifications and limits).
const (
	maxSheetName = 31
	maxCellRunes = 32_767
)

// writeXLSX writes a workbook: one sheet with what the report says of itself,
// then one a table, with its first row frozen and filters on. Texts are stored
// as texts and never as formulas; times are in the zone of the report.
func writeXLSX(w io.Writer, r *report.Result, lang report.Lang) error {
	return workbook(w, lang.Of(r.Title), r, func(f *excelize.File, s styles) error {
		names := sheetNames(r, lang)
		if err := f.SetSheetName(firstSheet, names[0]); err != nil {
			return err
		}
		if err := reportSheets(f, names, r, lang, s); err != nil {
			return err
		}
		if len(r.Tables) > 0 {
			f.SetActiveSheet(1)
		}
		return nil
	})
}

// firstSheet is what a new workbook has.
const firstSheet = "Sheet1"

// workbook writes what fill puts into a new workbook. made says when and by what.
func workbook(w io.Writer, title string, made *report.Result, fill func(*excelize.File, styles) error) (err error) {
	f := excelize.NewFile()
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
	}()
	s, err := newStyles(f)
	if err != nil {
		return err
	}
	if err := fill(f, s); err != nil {
		return err
	}
	at := made.GeneratedAt.UTC().Format(time.RFC3339)
	if err := f.SetDocProps(&excelize.DocProperties{Title: title, Creator: "UrbanGrid " + made.Version.Program, Created: at, Modified: at}); err != nil {
		return err
	}
	return f.Write(w)
}

// reportSheets fills the sheet of what a report says of itself, which is there, and
// adds those of its tables.
func reportSheets(f *excelize.File, names []string, r *report.Result, lang report.Lang, s styles) error {
	if err := aboutSheet(f, names[0], about(r, lang), s); err != nil {
		return err
	}
	for i, t := range r.Tables {
		if _, err := f.NewSheet(names[i+1]); err != nil {
			return err
		}
		if err := tableSheet(f, names[i+1], t, lang, r.Period.Location(), s); err != nil {
			return fmt.Errorf("sheet %q: %w", names[i+1], err)
		}
	}
	return nil
}

// styles are the looks of cells.
type styles struct {
	head, stamp, wrap int
	numbers           [7]int // by digits after the point
}

func newStyles(f *excelize.File) (s styles, err error) {
	style := func(x excelize.Style) int {
		id, e := f.NewStyle(&x)
		if err == nil {
			err = e
		}
		return id
	}
	stamp := "yyyy-mm-dd hh:mm:ss"
	s.head = style(excelize.Style{
		Font: &excelize.Font{Bold: true}, Fill: excelize.Fill{Type: "pattern", Color: []string{"D9E5F2"}, Pattern: 1},
		Alignment: &excelize.Alignment{WrapText: true, Vertical: "center"},
	})
	s.wrap = style(excelize.Style{Alignment: &excelize.Alignment{WrapText: true, Vertical: "top"}})
	s.stamp = style(excelize.Style{CustomNumFmt: &stamp})
	for digits := range s.numbers {
		format := "0"
		if digits > 0 {
			format += "." + strings.Repeat("0", digits)
		}
		s.numbers[digits] = style(excelize.Style{CustomNumFmt: &format})
	}
	return s, err
}

// sheetNames are the titles as names of sheets: short, of allowed characters,
// and each once.
func sheetNames(r *report.Result, lang report.Lang) []string {
	return titlesOfSheets(r, lang, "", map[string]bool{})
}

// titlesOfSheets are sheetNames that begin with a prefix and are none of those that
// are taken.
func titlesOfSheets(r *report.Result, lang report.Lang, prefix string, taken map[string]bool) []string {
	out := make([]string, 0, len(r.Tables)+1)
	add := func(title string) {
		bare := []rune(prefix + strings.Trim(strings.Map(func(c rune) rune {
			if strings.ContainsRune(`:\/?*[]`, c) {
				return ' '
			}
			return c
		}, title), "' "))
		name := string(bare[:min(len(bare), maxSheetName)])
		for i := 2; taken[strings.ToLower(name)]; i++ {
			end := fmt.Sprintf(" %d", i)
			name = string(bare[:min(len(bare), maxSheetName-len(end))]) + end
		}
		taken[strings.ToLower(name)] = true
		out = append(out, name)
	}
	add(lang.Of(words["about"]))
	for _, t := range r.Tables {
		add(lang.Of(t.Title))
	}
	return out
}

func aboutSheet(f *excelize.File, name string, lines []line, s styles) error {
	sw, err := f.NewStreamWriter(name)
	if err != nil {
		return err
	}
	for i, w := range []float64{14, 32, 110} {
		if err := sw.SetColWidth(i+1, i+1, w); err != nil {
			return err
		}
	}
	for i, l := range lines {
		row := []any{
			excelize.Cell{StyleID: s.head, Value: cut(l.head)}, excelize.Cell{StyleID: s.wrap, Value: cut(l.name)},
			excelize.Cell{StyleID: s.wrap, Value: cut(l.text)},
		}
		if err := sw.SetRow(fmt.Sprintf("A%d", i+1), row); err != nil {
			return err
		}
	}
	return sw.Flush()
}

func tableSheet(f *excelize.File, name string, t report.Table, lang report.Lang, zone *time.Location, s styles) error {
	sw, err := f.NewStreamWriter(name)
	if err != nil {
		return err
	}
	heads := header(t, lang)
	for i, h := range heads {
		if err := sw.SetColWidth(i+1, i+1, columnWidth(t, i, h, lang, zone)); err != nil {
			return err
		}
	}
	if err := sw.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return err
	}
	row := make([]any, len(heads))
	for i, h := range heads {
		row[i] = excelize.Cell{StyleID: s.head, Value: cut(h)}
	}
	if err := sw.SetRow("A1", row); err != nil {
		return err
	}
	for n, values := range t.Rows {
		for i, v := range values {
			row[i] = cellOf(v, t.Columns[i], lang, zone, s)
		}
		if err := sw.SetRow(fmt.Sprintf("A%d", n+2), row); err != nil {
			return err
		}
	}
	if err := sw.Flush(); err != nil {
		return err
	}
	if len(heads) == 0 {
		return nil
	}
	last, err := excelize.CoordinatesToCellName(len(heads), len(t.Rows)+1)
	if err != nil {
		return err
	}
	return f.AutoFilter(name, "A1:"+last, nil)
}

// cellOf is the cell of a value: a number or a time stays one, so that people
// can reckon with it.
func cellOf(v report.Value, c report.Column, lang report.Lang, zone *time.Location, s styles) excelize.Cell {
	if f, ok := v.Number(); ok {
		digits := min(max(c.Digits, 0), len(s.numbers)-1)
		if f != 0 && math.Abs(f) < 0.5*math.Pow10(-digits) {
			return excelize.Cell{Value: f} // as it is, rather than as 0
		}
		return excelize.Cell{StyleID: s.numbers[digits], Value: f}
	}
	if at, ok := v.Moment(); ok {
		return excelize.Cell{StyleID: s.stamp, Value: wallClock(at, zone)}
	}
	return excelize.Cell{Value: cut(v.In(lang, zone))}
}

// wallClock is a time whose UTC reading is what clocks in zone show: workbooks
// know no zones.
func wallClock(t time.Time, zone *time.Location) time.Time {
	l := t.In(zone)
	return time.Date(l.Year(), l.Month(), l.Day(), l.Hour(), l.Minute(), l.Second(), l.Nanosecond(), time.UTC)
}

// columnWidth fits the header and the first rows, within reason.
func columnWidth(t report.Table, i int, head string, lang report.Lang, zone *time.Location) float64 {
	widest := min(width(head), 24)
	for _, row := range t.Rows[:min(len(t.Rows), 50)] {
		widest = max(widest, width(text(row[i], t.Columns[i], lang, zone)))
	}
	return float64(min(widest, 60) + 2)
}

// cut bounds a text to what a cell holds.
func cut(s string) string {
	if r := []rune(s); len(r) > maxCellRunes {
		return string(r[:maxCellRunes])
	}
	return s
}
