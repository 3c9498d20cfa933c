package export

import (
	"encoding/csv"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/urbangrid/urbangrid/analytics/report"
)

// bom lets Excel read UTF-8.
const bom = "\ufeff"

// writeCSV writes what the report says of itself, then each table after an
// empty line under its title. Times are in the zone of the report.
func writeCSV(w io.Writer, r *report.Result, lang report.Lang) error {
	if _, err := io.WriteString(w, bom); err != nil {
		return err
	}
	c := csv.NewWriter(w)
	c.UseCRLF = true // as Excel writes it, RFC 4180
	write := func(cells ...string) {
		for i := range cells {
			cells[i] = Guard(cells[i])
		}
		_ = c.Write(cells) // the writer keeps its first error
	}
	for _, l := range about(r, lang) {
		write(l.head, l.name, l.text)
	}
	for _, t := range r.Tables {
		_ = c.Write([]string{""}) // likewise
		write(lang.Of(words["table"]), lang.Of(t.Title), strconv.Itoa(len(t.Rows)))
		write(header(t, lang)...)
		row := make([]string, len(t.Columns))
		for _, values := range t.Rows {
			for i, v := range values {
				if f, ok := v.Number(); ok {
					row[i] = decimal(f, t.Columns[i].Digits)
				} else {
					row[i] = Guard(v.In(lang, r.Period.Location()))
				}
			}
			_ = c.Write(row) // likewise
		}
	}
	c.Flush()
	return c.Error()
}

// formula are the characters with which a spreadsheet's formula begins, also in
// full width (OWASP, CSV injection).
const formula = "=+-@\t\r\n＝＋－＠"

// Guard puts a ' before a text that a spreadsheet would run. Numbers do not
// come here: a minus sign of theirs stays.
func Guard(s string) string {
	bare := strings.TrimLeft(s, "' ")
	if first, n := utf8.DecodeRuneInString(bare); n > 0 && strings.ContainsRune(formula, first) {
		return "'" + s
	}
	return s
}

// decimal writes f with a number of digits after the point; a small number that
// would become 0 keeps two significant digits instead.
func decimal(f float64, digits int) string {
	if f == math.Trunc(f) && math.Abs(f) < 1e15 {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	if math.Abs(f) < 0.5*math.Pow10(-digits) {
		return strconv.FormatFloat(f, 'g', 2, 64)
	}
	s := strconv.FormatFloat(f, 'f', digits, 64)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// text is v as a person reads it in a column.
func text(v report.Value, c report.Column, lang report.Lang, zone *time.Location) string {
	if f, ok := v.Number(); ok {
		return decimal(f, c.Digits)
	}
	return v.In(lang, zone)
}
