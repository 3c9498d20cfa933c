package report

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/urbangrid/urbangrid/analytics/count"
	"github.com/urbangrid/urbangrid/analytics/report/jobs"
	"github.com/urbangrid/urbangrid/analytics/trend"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// season is how many windows a season has: the week, of hours or days. Weeks have
// none within them.
func (s Step) season() int {
	switch s {
	case Hour:
		return 168
	case Day:
		return 7
	}
	return 0
}

// farringtonOf is the setting for windows of a length, and how many windows before
// a window it looks at. Hours and days are held against the same time of the week
// in the eight weeks before, weeks against the same weeks of two years.
func farringtonOf(s Step) (opts count.FarringtonOptions, history int) {
	switch s {
	case Hour:
		opts = count.HourlyFarrington()
	case Day:
		opts = count.FarringtonOptions{Season: 7, Seasons: 8, HalfWindow: 1, Levels: 1, SkipLast: 7, TrendP: 0.05}
	default:
		opts = count.FarringtonOptions{Season: 52, Seasons: 2, HalfWindow: 3}
	}
	return opts, opts.Season*opts.Seasons + opts.HalfWindow
}

// trendWindows returns the windows of the period after those that Farrington looks
// back at, and how many these are.
func (r *Reporter) trendWindows(req Request) (bounds []time.Time, history int, err error) {
	_, history = farringtonOf(req.Every)
	from := req.Every.Add(req.From, -history, r.opts.Zone)
	bounds, err = req.Every.Bounds(from, req.To, r.opts.Zone, limits[req.Every]+history)
	return bounds, history, err
}

// lastYear is how far back the same weeks of last year are.
const lastYear = -52

// comparison is two times that are held against each other, and the same time of
// last year.
type comparison struct {
	span             sensors.Names
	from, to         time.Time
	previous         time.Time // where the time of the same length before begins
	yearFrom, yearTo time.Time
}

// comparisons are those of the period, and of the last whole week of it.
func (r *Reporter) comparisons(req Request, windows int) []comparison {
	z := r.opts.Zone
	out := []comparison{{
		span: names("所选时段", "the period"), from: req.From, to: req.To, previous: req.Every.Add(req.From, -windows, z),
		yearFrom: yearBefore(req.From, z), yearTo: yearBefore(req.To, z),
	}}
	end := Week.Floor(req.To, z)
	start := Week.Add(end, -1, z)
	same := start.Equal(req.From) && end.Equal(req.To)
	if !same && !start.Before(req.From) {
		out = append(out, comparison{
			span: names("最近一周", "the last week"), from: start, to: end, previous: Week.Add(start, -1, z),
			yearFrom: yearBefore(start, z), yearTo: yearBefore(end, z),
		})
	}
	return out
}

// yearBefore is the same time of the week 52 weeks before.
func yearBefore(t time.Time, zone *time.Location) time.Time {
	return t.In(zone).AddDate(0, 0, 7*lastYear)
}

// cubesOf are the cubes behind an answer, as questions for their state.
func (r *Reporter) cubesOf(req Request) []store.CubeQuery {
	var spans [][]time.Time
	switch req.Report {
	case Trend:
		if req.By.ofCases() {
			return nil
		}
		bounds, history, err := r.trendWindows(req)
		if err != nil {
			return nil // Answer says so
		}
		n := len(bounds) - 1 - history
		all := r.comparisons(req, n)[0]
		from := bounds[0]
		if all.previous.Before(from) {
			from = all.previous
		}
		// And the weeks before last year's, which say whether counting had begun.
		spans = [][]time.Time{{from, req.To}, {dayAfter(all.yearFrom, -7*nearbyWeeks, r.opts.Zone).UTC(), all.yearTo}}
	case Stubborn:
		if req.Source == FromAlerts {
			return nil
		}
		spans = [][]time.Time{{req.From, req.To}}
	case Hotspots, Emerging:
		spans = [][]time.Time{{req.From, req.To}}
	}
	var out []store.CubeQuery
	for _, k := range r.kindsOf(req) {
		for _, s := range spans {
			// The state of several areas is that of the whole city: to ask for each would
			// cost more than an answer that is made once too often.
			out = append(out, store.CubeQuery{Kind: k.Key, By: store.ByCity, Area: req.Areas.Only(), Bounds: s})
		}
	}
	return out
}

// maxTrendValues bounds the series of a trend: windows times lines.
const maxTrendValues = 120_000

func (r *Reporter) trend(ctx context.Context, req Request, tell Tell, out *Result) error {
	bounds, history, err := r.trendWindows(req)
	if err != nil {
		return err
	}
	var lines []line
	if req.By.ofCases() {
		out.note(NoteNoCases)
	} else {
		lines, err = r.lines(ctx, req, bounds)
	}
	if err != nil {
		return err
	}
	windows := len(bounds) - 1 - history
	if n := len(lines) * windows; n > maxTrendValues {
		return fmt.Errorf("%w: %d lines of %d windows are more than %d values; ask for a shorter period, longer windows or fewer kinds", ErrTooMuch, len(lines), windows, maxTrendValues)
	}
	t := newTrendTables(req, windows)
	ears := false
	for i := range lines {
		if err := ctx.Err(); err != nil {
			return err
		}
		tell(jobs.Progress{Step: names("检验趋势", "testing trends"), Done: i, Total: len(lines)})
		out.Data.Observations += lines[i].total(history, windows+history).n
		ears = t.add(r, &lines[i], bounds, history) || ears
	}
	if t.comparisons.Rows, err = r.compare(ctx, req, bounds, windows, lines); err != nil {
		return err
	}
	for _, table := range []*Table{&t.summary, &t.comparisons, &t.series} {
		table.prune(NoteNotALevel, NoteNotACount, NoteLevelNoRate)
	}
	out.Tables = []Table{t.summary, t.comparisons, t.changes, t.exceedances, t.series}
	for i := range lines {
		if lines[i].area != nil {
			out.Features = append(out.Features, AreaFeature("summary", i, *lines[i].area))
		}
	}
	out.use("mann_kendall", "theil_sen", "hamed_rao", "hirsch_slack", "stl", "partition", "farrington")
	out.define("count", "level", "beyond", "per_km2", "per_device", "trend_p", "slope", "seasonal", "stl", "change", "exceedance", "previous", "last_year")
	if ears {
		out.use("ears")
		out.define("ears")
	}
	return nil
}

// analysis is what the methods say of one line.
type analysis struct {
	x        []float64
	verdict  *trend.Trend // nil below trend.MinSteps values
	seasonal *trend.Kendall
	stl      *trend.Decomposition
	stlFrom  int // first window with a value, at which the decomposition begins
	stlWhy   NoteCode
	cuts     *trend.Segmentation
	exceeds  []exceedance
	judged   int  // windows that there is an upper bound for
	ears     bool // some of them by EARS
}

// analyse applies the methods to a line. history windows come before the period.
func (r *Reporter) analyse(l *line, every Step, bounds []time.Time, history int) analysis {
	a := analysis{x: l.values(history)}
	if v, err := trend.Of(a.x, trend.Options{}); err == nil {
		a.verdict = &v
	}
	season := every.season()
	a.decompose(l.kind, season)
	if season > 1 && a.verdict != nil && len(a.x)-a.stlFrom >= 2*season {
		k := trend.Seasonal(a.x, season)
		a.seasonal = &k
	}
	if a.verdict != nil && l.kind.Type == sensors.Event {
		if s, err := trend.Partition(a.x, trend.PartitionOptions{Cost: trend.PoissonCost, MinLength: 2}); err == nil {
			a.cuts = &s
		}
	}
	if l.kind.Type == sensors.Event {
		a.exceed(l, watch{every: every, bounds: bounds, history: history, days: r.days(), zone: r.opts.Zone})
	}
	return a
}

// decompose runs STL from the first value on. Counts become logarithms.
func (a *analysis) decompose(kind sensors.Kind, season int) {
	for a.stlFrom < len(a.x) && math.IsNaN(a.x[a.stlFrom]) {
		a.stlFrom++
	}
	x := a.x[a.stlFrom:]
	switch {
	case season < 2:
		a.stlWhy = NoteNoSeason
		return
	case len(x) < 2*season:
		a.stlWhy = NoteTooFewPeriods
		return
	}
	y := make([]float64, len(x))
	for i, v := range x {
		if y[i] = v; kind.Type == sensors.Event {
			y[i] = math.Log1p(v)
		}
	}
	d, err := trend.STL(y, trend.STLOptions{Period: season, Robust: true})
	switch {
	case errors.Is(err, trend.ErrTooFew):
		a.stlWhy = NoteTooFewPeriods
	case err != nil:
		a.stlWhy = NoteGaps // the one thing that is wrong with values of ours
	default:
		a.stl = &d
	}
}
