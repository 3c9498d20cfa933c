package evaluate

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// designReal is the Design of a result on real days.
const designReal = "real"

// frequency is how people and programs read how often hotspots are raised: on real
// days real causes are among them.
type frequency struct{ column, label string }

func (r *Result) often() frequency {
	if r.Design == designReal {
		return frequency{"episodes_a_week_on_real_days", "真实日期每周热点数 · episodes a week on the real days"}
	}
	return frequency{"false_episodes_a_week", "每周误报次数 · false episodes a week"}
}

// WriteJSON writes the whole result, requests included.
func (r *RealResult) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	if err := enc.Encode(r); err != nil {
		return fmt.Errorf("write evaluation: %w", err)
	}
	return nil
}

// WriteMarkdown writes the figures for people, no request among them. command is
// what made it.
func (r *RealResult) WriteMarkdown(w io.Writer, command string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# 真实诉求上的检测质量 · Quality of detection on real requests\n\nMade by `%s`, seed %d.\n\n", command, r.Seed)
	table(&b, "真实日期 · The real days alone", []string{"kind", "learned", "judged", "repeats left out", "weeks", "hotspots", "of the whole area", "episodes a week on the real days", "95 % interval", "with places exchanged (whole area)", "a week", "hours learned", "variance over mean", "threshold"}, r.Kinds, func(k RealKind) []string {
		return []string{string(k.Kind), strconv.Itoa(k.Learned), strconv.Itoa(k.Judged), strconv.Itoa(k.Repeats), short(k.Weeks), strconv.Itoa(k.Hotspots), strconv.Itoa(k.Whole),
			short(k.PerWeek), short(k.Low) + "–" + short(k.High), fmt.Sprintf("%d (%d) in %s weeks", k.Shuffled, k.OfWhole, short(k.ShufWeeks)), short(k.ByChance), strconv.Itoa(k.Hours), short(k.Dispersion), short(k.Threshold)}
	})
	columns := []string{"type", "n", "found (overlap required) ± SE", "within 2 h", "median minutes", "median Jaccard", "median rings off", "PPV", "found by chance"}
	row := func(q Quality) []string {
		return []string{q.Type, strconv.Itoa(q.Replicates), short(q.Found) + " ± " + short(q.FoundSE), short(q.Within2h), maybe(q.MedianMinutes),
			maybe(q.Jaccard), maybe(q.Rings), maybe(q.PPV), short(q.Chance)}
	}
	table(&b, "注入事件 · Injected clusters", append(columns, "the design in the benchmark, EBP"), r.Injections, func(q Quality) []string {
		return append(row(q), maybe(q.Published))
	})
	table(&b, "按类别 · The same by kind", append([]string{"kind"}, columns...), r.ByKind, func(q RealQuality) []string {
		return append([]string{string(q.Kind)}, row(q.Quality)...)
	})
	table(&b, "强度 · How strong they are", []string{"type", "kind", "surprise in the benchmark", "usual there", "times", "extra a cell and hour", "requests added an event"}, r.Scaled, func(s Scaling) []string {
		return []string{s.Type, string(s.Kind), short(s.Surprise), short(s.Usual), orNone(s.Times), orNone(s.Extra), short(s.Added)}
	})
	table(&b, "AMOC", []string{"type", "threshold", "episodes a week and kind on the real days", "found ± SE", "within 2 h", "median minutes"}, r.Curve, func(p Point) []string {
		return []string{p.Type, short(p.Threshold), short(p.PerWeek), short(p.Found) + " ± " + short(p.FoundSE), short(p.Within2h), maybe(p.MedianMinutes)}
	})
	table(&b, "参数 · Settings", []string{"name", "value", "what it is"}, r.Settings, func(s Setting) []string {
		return []string{s.Name, short(s.Value), s.Says}
	})
	return writeText(w, b.String())
}

func orNone(v float64) string {
	if v == 0 {
		return "–"
	}
	return short(v)
}

// WriteHotspots writes each hotspot of the real days with its requests, times in
// the zone of the days, as Markdown that reads as plain text too.
func (r *RealResult) WriteHotspots(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# 真实日期的热点 · Hot spots of the real days\n\n%d hot spots. Times are those of %s.\n\n", len(r.Hotspots), r.zone)
	for i := range r.Hotspots {
		r.writeHotspot(&b, i+1, &r.Hotspots[i])
	}
	return writeText(w, b.String())
}

func writeText(w io.Writer, text string) error {
	if _, err := io.WriteString(w, strings.TrimRight(text, "\n")+"\n"); err != nil {
		return fmt.Errorf("write evaluation: %w", err)
	}
	return nil
}

func (r *RealResult) writeHotspot(b *strings.Builder, number int, h *RealHotspot) {
	when := func(t time.Time) string { return t.In(r.zone).Format("2006-01-02 15:04") }
	fmt.Fprintf(b, "## %d. %s, %s\n\n", number, h.Kind, when(h.RaisedAt))
	if h.Whole {
		b.WriteString("- where: the whole area\n")
	} else {
		fmt.Fprintf(b, "- where: around %s (cell %s), %d cells, %.1f km²\n", position(h.Center.LatDegrees, h.Center.LonDegrees), h.Peak, len(h.Cells), h.Extent)
	}
	fmt.Fprintf(b, "- when: since %s, raised %s, strongest %s, until %s\n", when(h.Since), when(h.RaisedAt), when(h.At), when(h.Until))
	fmt.Fprintf(b, "- seen %s in %s, expected %s; score %.1f, threshold %.1f\n", short(h.Count), h.Window, short(h.Expected), h.Score, h.Threshold)
	fmt.Fprintf(b, "- recurrence by quiet history: %s; with places exchanged: %s\n", weeks(h.Recurrence, "not known yet"), weeks(h.ByChance, "never"))
	if len(h.Requests) == 0 {
		b.WriteByte('\n')
		return
	}
	fmt.Fprintf(b, "- %d requests at %d points, %d repeats besides", len(h.Requests), h.Points, h.Repeats)
	for _, s := range h.Shares {
		if s.Share >= 0.5 {
			fmt.Fprintf(b, "; %.0f %% %s %s", 100*s.Share, s.Name, s.Value)
		}
	}
	b.WriteString("\n\n")
	names := make([]string, 0, len(h.Shares))
	for _, s := range h.Shares {
		names = append(names, s.Name)
	}
	fmt.Fprintf(b, "| time | id | position | repeats |%s\n|%s\n", joined(names), strings.Repeat("---|", 4+len(names)))
	for _, q := range h.Requests {
		values := make([]string, len(names))
		for i, name := range names {
			values[i] = strings.ReplaceAll(q.Attrs[name], "|", "/")
		}
		fmt.Fprintf(b, "| %s | %s | %s | %d |%s\n", q.At.In(r.zone).Format("01-02 15:04:05"), q.ID, position(q.Point.LatDegrees, q.Point.LonDegrees), q.Repeats, joined(values))
	}
	b.WriteByte('\n')
}

func joined(cells []string) (out string) {
	for _, c := range cells {
		out += " " + c + " |"
	}
	return out
}

// position writes a place with latitude first.
func position(latDegrees, lonDegrees float64) string {
	return fmt.Sprintf("%.4f, %.4f", latDegrees, lonDegrees)
}

func weeks(v *float64, none string) string {
	if v == nil {
		return none
	}
	return fmt.Sprintf("once in %.1f weeks", *v)
}
