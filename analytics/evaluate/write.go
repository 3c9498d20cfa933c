package evaluate

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// WriteJSON writes the whole result.
func (r *Result) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	if err := enc.Encode(r); err != nil {
		return fmt.Errorf("write evaluation: %w", err)
	}
	return nil
}

// WriteMarkdown writes the result for people. command is what made it.
func (r *Result) WriteMarkdown(w io.Writer, command string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# 检测质量评估 · Quality of detection\n\nMade by `%s`, seed %d.\n\n", command, r.Seed)
	table(&b, "约定 · Promises", []string{"promise", "want", "got", "kept"}, r.Checks, func(c Check) []string {
		return []string{c.Promise, c.Want, short(c.Got), yes(c.Kept)}
	})
	table(&b, "平静期误报 · False episodes on quiet replay", []string{"weeks", "alerts", "a week", "95 % interval", "merged within 3 h", "of the whole area", "threshold (least, mean, most)"}, r.Quiet, func(q Quiet) []string {
		return []string{short(q.Weeks), strconv.Itoa(q.Alerts), short(q.PerWeek), short(q.Low) + "–" + short(q.High), strconv.Itoa(q.Merged), strconv.Itoa(q.Whole),
			short(q.LowestT) + ", " + short(q.MeanT) + ", " + short(q.TopT)}
	})
	table(&b, "注入事件 · Injected incidents", []string{"type", "n", "found (overlap required) ± SE", "EBP column", "within 2 h", "median minutes", "median Jaccard", "median rings off", "PPV", "found by chance", "hourly scan here (anywhere / overlap)"}, r.Injections, func(q Quality) []string {
		return []string{q.Type, strconv.Itoa(q.Replicates), short(q.Found) + " ± " + short(q.FoundSE), maybe(q.Published), short(q.Within2h), maybe(q.MedianMinutes),
			maybe(q.Jaccard), maybe(q.Rings), maybe(q.PPV), short(q.Chance), maybe(q.Scan) + " / " + maybe(q.ScanOverlap)}
	})
	table(&b, "故障 · Faults", []string{"fault", "n", "hours", "city alerts there", "without the fault", "allowed by chance", "quality alerts", "city alerts elsewhere (without)", "kept", "what happens"}, r.Faults, func(f Fault) []string {
		return []string{f.Type, strconv.Itoa(f.Replicates), short(f.Hours), strconv.Itoa(f.Overlapping), strconv.Itoa(f.Chance), short(f.Allowed), strconv.Itoa(f.Quality),
			fmt.Sprintf("%d (%d)", f.Elsewhere, f.ChanceElsewhere), yes(f.Kept), f.Says}
	})
	table(&b, "AMOC", []string{"type", "threshold", "false episodes a week", "found ± SE", "within 2 h", "median minutes"}, r.Curve, func(p Point) []string {
		return []string{p.Type, short(p.Threshold), short(p.PerWeek), short(p.Found) + " ± " + short(p.FoundSE), short(p.Within2h), maybe(p.MedianMinutes)}
	})
	table(&b, "参数 · Settings", []string{"name", "value", "what it is"}, r.Settings, func(s Setting) []string {
		return []string{s.Name, short(s.Value), s.Says}
	})
	if _, err := io.WriteString(w, strings.TrimRight(b.String(), "\n")+"\n"); err != nil {
		return fmt.Errorf("write evaluation: %w", err)
	}
	return nil
}

// table writes rows under a heading, nothing when there are none.
func table[T any](b *strings.Builder, heading string, columns []string, rows []T, cells func(T) []string) {
	if len(rows) == 0 {
		return
	}
	fmt.Fprintf(b, "## %s\n\n| %s |\n|%s\n", heading, strings.Join(columns, " | "), strings.Repeat("---|", len(columns)))
	for _, row := range rows {
		fmt.Fprintf(b, "| %s |\n", strings.Join(cells(row), " | "))
	}
	b.WriteByte('\n')
}

// short writes at most three decimals.
func short(v float64) string {
	s := strconv.FormatFloat(v, 'f', 3, 64)
	return strings.TrimRight(strings.TrimRight(s, "0"), ".")
}

func maybe(v *float64) string {
	if v == nil {
		return "–"
	}
	return short(*v)
}

func yes(v bool) string {
	if v {
		return "是 yes"
	}
	return "否 no"
}

// WriteCurve writes the curve as CSV.
func (r *Result) WriteCurve(w io.Writer) error {
	out := csv.NewWriter(w)
	rows := [][]string{{"type", "threshold", r.often().column, "sensitivity", "sensitivity_se", "detected_within_2h", "median_minutes", "replicates"}}
	for _, p := range r.Curve {
		minutes := ""
		if p.MedianMinutes != nil {
			minutes = short(*p.MedianMinutes)
		}
		rows = append(rows, []string{p.Type, short(p.Threshold), short(p.PerWeek), short(p.Found), short(p.FoundSE), short(p.Within2h), minutes, strconv.Itoa(p.Replicates)})
	}
	if err := out.WriteAll(rows); err != nil {
		return fmt.Errorf("write curve: %w", err)
	}
	return nil
}
