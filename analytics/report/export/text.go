package export

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"

	"github.com/urbangrid/urbangrid/analytics/report"
)

// terminalRows is how many rows of a table a terminal shows; files have all.
const terminalRows = 60

// writeText writes a report for a terminal: tables in columns, long ones cut,
// the definitions left to the files.
func writeText(w io.Writer, r *report.Result, lang report.Lang) error {
	b := bufio.NewWriter(w)
	zone := r.Period.Location()
	fmt.Fprintf(b, "%s\n%s – %s  %s  (%d × %s)\n", lang.Of(r.Title),
		r.Period.From.In(zone).Format("2006-01-02 15:04"), r.Period.To.In(zone).Format("2006-01-02 15:04"),
		r.Period.Zone, r.Period.Count, lang.Of(r.Period.Every.Names()))
	for _, p := range r.Parameters {
		fmt.Fprintf(b, "  %s: %s\n", lang.Of(p.Names), p.Value.In(lang, zone))
	}
	for _, t := range r.Tables {
		fmt.Fprintf(b, "\n%s\n", lang.Of(t.Title))
		tableText(b, t, lang, r)
	}
	if len(r.Notes) > 0 {
		fmt.Fprintln(b)
	}
	for _, n := range r.Notes {
		fmt.Fprintf(b, "* %s\n", noteText(r, n, lang))
	}
	fmt.Fprintf(b, "\nUrbanGrid %s\n", r.Version.Program)
	return b.Flush()
}

func tableText(b *bufio.Writer, t report.Table, lang report.Lang, r *report.Result) {
	if len(t.Rows) == 0 {
		fmt.Fprintf(b, "  %s\n", lang.Of(words["empty"]))
		return
	}
	t = withoutEmpty(t)
	shown := t.Rows[:min(len(t.Rows), terminalRows)]
	lines := [][]string{header(t, lang)}
	for _, row := range shown {
		cells := make([]string, len(row))
		for i, v := range row {
			cells[i] = printable(text(v, t.Columns[i], lang, r.Period.Location()))
		}
		lines = append(lines, cells)
	}
	widths := make([]int, len(t.Columns))
	for _, cells := range lines {
		for i, c := range cells {
			widths[i] = max(widths[i], width(c))
		}
	}
	for _, cells := range lines {
		var l strings.Builder
		for i, c := range cells {
			pad := strings.Repeat(" ", widths[i]-width(c))
			if t.Columns[i].Type == report.NumberColumn {
				l.WriteString("  " + pad + c)
			} else {
				l.WriteString("  " + c + pad)
			}
		}
		fmt.Fprintln(b, strings.TrimRight(l.String(), " "))
	}
	if n := len(t.Rows) - len(shown); n > 0 {
		fmt.Fprintf(b, "  … %d\n", n)
	}
}

// withoutEmpty leaves out the columns without any value: the notes say why they
// have none, and a terminal is narrow.
func withoutEmpty(t report.Table) report.Table {
	out := t
	out.Columns, out.Rows = nil, make([][]report.Value, len(t.Rows))
	for i, c := range t.Columns {
		has := slices.ContainsFunc(t.Rows, func(row []report.Value) bool {
			_, missing := row[i].Why()
			return !missing && row[i] != report.Text("") && row[i] != report.Value{}
		})
		if !has {
			continue
		}
		out.Columns = append(out.Columns, c)
		for n, row := range t.Rows {
			out.Rows[n] = append(out.Rows[n], row[i])
		}
	}
	return out
}

// printable takes away what would move a terminal's cursor.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
}

// width is how many columns of a terminal s takes: two for what is East Asian
// wide (UAX #11), none for marks that combine.
func width(s string) int {
	n := 0
	for _, r := range s {
		switch {
		case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		case wide(r):
			n += 2
		default:
			n++
		}
	}
	return n
}

func wide(r rune) bool {
	return r >= 0x1100 && r <= 0x115f || r >= 0x2e80 && r <= 0xa4cf && r != 0x303f || r >= 0xac00 && r <= 0xd7a3 ||
		r >= 0xf900 && r <= 0xfaff || r >= 0xfe30 && r <= 0xfe6f || r >= 0xff00 && r <= 0xff60 || r >= 0xffe0 && r <= 0xffe6 ||
		r >= 0x1f300 && r <= 0x1faff || r >= 0x20000 && r <= 0x3fffd
}
