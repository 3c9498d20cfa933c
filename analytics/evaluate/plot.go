package evaluate

import (
	"fmt"
	"html"
	"io"
	"math"
	"slices"
	"strings"
)

// The drawing of a curve, in pixels.
const (
	plotWidth, plotHeight     = 720, 420
	plotLeft, plotTop         = 70, 30
	plotRight, plotBottom     = 500, 350
	leastPerWeek, mostPerWeek = 0.02, 50.0 // the horizontal axis, logarithmic
)

// plotColors are those of Okabe and Ito (2008), which the colour-blind can tell
// apart; each line has a mark of its own besides.
var plotColors = []string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00"}

// WritePlot draws the curve as SVG: the share of events that is found against the
// false episodes a week, each threshold a mark.
func (r *Result) WritePlot(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="13" role="img" aria-label="AMOC">`+"\n",
		plotWidth, plotHeight, plotWidth, plotHeight)
	b.WriteString(`<rect width="100%" height="100%" fill="#ffffff"/>` + "\n")
	plotAxes(&b, r.often().label)
	var types []string
	for _, p := range r.Curve {
		if !slices.Contains(types, p.Type) {
			types = append(types, p.Type)
		}
	}
	for i, t := range types {
		plotLine(&b, r.Curve, t, i)
	}
	b.WriteString("</svg>\n")
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("draw curve: %w", err)
	}
	return nil
}

func plotX(perWeek float64) float64 {
	share := math.Log(min(max(perWeek, leastPerWeek), mostPerWeek)/leastPerWeek) / math.Log(mostPerWeek/leastPerWeek)
	return plotLeft + share*(plotRight-plotLeft)
}

func plotY(found float64) float64 { return plotBottom - found*(plotBottom-plotTop) }

// plotAxes draws both, the horizontal one with a label.
func plotAxes(b *strings.Builder, often string) {
	for _, v := range []float64{0, 0.2, 0.4, 0.6, 0.8, 1} {
		y := plotY(v)
		fmt.Fprintf(b, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#dddddd"/><text x="%d" y="%.1f" text-anchor="end">%s</text>`+"\n", plotLeft, plotRight, y, y, plotLeft-8, y+4, short(v))
	}
	for _, v := range []float64{leastPerWeek, 0.1, 0.5, 1, 5, 10, mostPerWeek} {
		x := plotX(v)
		fmt.Fprintf(b, `<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke="#dddddd"/><text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", x, x, plotTop, plotBottom, x, plotBottom+18, short(v))
	}
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="middle">%s</text>`+"\n", (plotLeft+plotRight)/2, plotBottom+42, often)
	fmt.Fprintf(b, `<text transform="translate(20 %d) rotate(-90)" text-anchor="middle">检出率 · share found</text>`+"\n", (plotTop+plotBottom)/2)
}

func plotLine(b *strings.Builder, curve []Point, kind string, number int) {
	color := plotColors[number%len(plotColors)]
	var path []string
	for _, p := range curve {
		if p.Type != kind {
			continue
		}
		x, y := plotX(p.PerWeek), plotY(p.Found)
		path = append(path, fmt.Sprintf("%.1f,%.1f", x, y))
		plotMark(b, number, x, y, color)
	}
	fmt.Fprintf(b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="1.5"/>`+"\n", strings.Join(path, " "), color)
	y := float64(plotTop + 12 + 24*number)
	plotMark(b, number, plotRight+22, y, color)
	fmt.Fprintf(b, `<text x="%d" y="%.1f">%s</text>`+"\n", plotRight+36, y+4, html.EscapeString(kind))
}

// plotMark draws one of five marks.
func plotMark(b *strings.Builder, number int, x, y float64, color string) {
	switch number % 5 {
	case 0:
		fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="4" fill="%s"/>`, x, y, color)
	case 1:
		fmt.Fprintf(b, `<rect x="%.1f" y="%.1f" width="8" height="8" fill="%s"/>`, x-4, y-4, color)
	case 2:
		fmt.Fprintf(b, `<path d="M%.1f %.1fl5 9h-10z" fill="%s"/>`, x, y-5, color)
	case 3:
		fmt.Fprintf(b, `<path d="M%.1f %.1fl5 5-5 5-5-5z" fill="%s"/>`, x, y-5, color)
	default:
		fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="4" fill="none" stroke="%s" stroke-width="2"/>`, x, y, color)
	}
	b.WriteByte('\n')
}
