package report

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/urbangrid/urbangrid/analytics/report/jobs"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// Handling says how alerts, and the cases that came of them, were handled:
// [AlertHandling] until there are cases. Where there is none, what depends on it
// is missing with the note [NoteWithCases].
type Handling interface {
	// HandlingOf returns how each alert was handled, by its ID. Alerts of which it
	// knows nothing are not in it.
	HandlingOf(ctx context.Context, alerts []string) (map[string]Handled, error)
}

// Handled is how one case was handled.
type Handled struct {
	Late     bool // after its time
	Reopened int  // how often
}

// Source is what stubborn problems are made from.
type Source string

// The sources.
const (
	FromAlerts Source = "alerts"
	FromEvents Source = "events" // days with observations of an event
)

// placeKey names where and what keeps coming back.
type placeKey struct {
	category store.AlertCategory
	kind     sensors.KindKey
	device   sensors.DeviceID // "" for a cell
	cell     grid.Cell
}

// episode is one time that something lasted.
type episode struct {
	from, to time.Time // to is zero while it lasts
	severity store.Severity
	value    float64 // what was seen, or the number of events
	expected float64 // NaN-free: 0 when nothing was expected
	reason   sensors.Names
	alerts   []string
	returned time.Duration // since the end of the one before, 0 for none within the days
}

// problem is the episodes of one place.
type problem struct {
	placeKey
	area     grid.AreaCode
	episodes []episode // oldest first, without overlap
	returns  int
	open     bool
	lasted   time.Duration // altogether
	longest  time.Duration
	late     int // cases that were handled late
	reopened int // how often cases were
}

// Ranking says which problems come first.
type Ranking string

// The rankings. Whatever leads, the others of them break ties in this order.
const (
	ByReturns Ranking = "returns"
	ByLasted  Ranking = "lasted"
	ByLongest Ranking = "longest"
	ByLate    Ranking = "late" // handled late or reopened
)

func (r *Reporter) stubborn(ctx context.Context, req Request, tell Tell, out *Result) error {
	tell(jobs.Progress{Step: names("读取历史", "reading the history")})
	var found map[placeKey]*problem
	var err error
	if req.Source == FromEvents {
		found, err = r.eventEpisodes(ctx, req, out)
	} else {
		found, err = r.alertEpisodes(ctx, req, out)
	}
	if err != nil {
		return err
	}
	if err := r.handle(ctx, found); err != nil {
		return err
	}
	end := r.end(req)
	for _, p := range found {
		p.measure(time.Duration(req.WithinDays)*24*time.Hour, end)
	}
	ranked := rank(found, time.Duration(req.LongDays)*24*time.Hour, req.Rank)
	if len(ranked) > req.Top {
		out.note(NoteCut)
		ranked = ranked[:req.Top]
	}
	if err := r.stubbornTables(ctx, req, ranked, end, out); err != nil {
		return err
	}
	out.use("returns")
	out.define("stubborn", "episode", "return")
	return nil
}

// alertEpisodes gathers alerts by what they are of and where.
func (r *Reporter) alertEpisodes(ctx context.Context, req Request, out *Result) (map[placeKey]*problem, error) {
	alerts, cut, err := r.alertsOf(ctx, req)
	if err != nil {
		return nil, err
	}
	out.Data.read(len(alerts))
	if cut {
		out.note(NoteAlertsCut)
	}
	if len(alerts) == 0 {
		out.note(NoteNoAlerts)
	}
	found, end := map[placeKey]*problem{}, r.end(req)
	for _, a := range alerts {
		key := placeKey{category: categoryOf(a), kind: a.Kind}
		switch {
		case a.Device != "" && req.By != ByCell:
			key.device = a.Device
		case a.Cell != 0 && req.By != ByDevice:
			if key.cell, err = a.Cell.Parent(min(req.Resolution, a.Cell.Resolution())); err != nil {
				return nil, err
			}
		default:
			continue // about another sort of place
		}
		p := found[key]
		if p == nil {
			p = &problem{placeKey: key, area: a.Area}
			found[key] = p
		}
		p.take(episode{from: a.RaisedAt, to: clearedBy(a, end), severity: a.Severity, value: a.Value, expected: a.Baseline, reason: a.Reason, alerts: []string{a.ID}})
	}
	return found, nil
}

// take adds an episode that begins no earlier than those before; what overlaps the
// last becomes a part of it.
func (p *problem) take(e episode) {
	if n := len(p.episodes); n > 0 {
		last := &p.episodes[n-1]
		if last.to.IsZero() || !e.from.After(last.to) {
			if last.to.IsZero() || e.to.IsZero() {
				last.to = time.Time{}
			} else if e.to.After(last.to) {
				last.to = e.to
			}
			if e.value > last.value {
				last.value, last.expected, last.reason = e.value, e.expected, e.reason
			}
			last.severity = graver(last.severity, e.severity)
			last.alerts = append(last.alerts, e.alerts...)
			return
		}
	}
	p.episodes = append(p.episodes, e)
}

// eventEpisodes makes an episode of every run of days with events of the period.
func (r *Reporter) eventEpisodes(ctx context.Context, req Request, out *Result) (map[placeKey]*problem, error) {
	bounds, err := r.bounds(req)
	if err != nil {
		return nil, err
	}
	found := map[placeKey]*problem{}
	for _, k := range r.kindsOf(req) {
		if k.Type != sensors.Event {
			continue
		}
		c, err := r.cube(ctx, store.CubeQuery{Kind: k.Key, By: store.ByCell, Resolution: req.Resolution, Bounds: bounds}, req.Areas)
		if err != nil {
			return nil, err
		}
		for i, cell := range c.Cells {
			p := &problem{placeKey: placeKey{category: store.AboutCity, kind: k.Key, cell: cell}}
			if p.area, err = r.areaOf(cell); err != nil {
				return nil, err
			}
			for w, n := range c.Counts(i) {
				if n == 0 {
					continue
				}
				out.Data.Observations += n
				p.day(c.Bounds[w], c.Bounds[w+1], n, w == c.Windows()-1 && req.To.After(r.opts.Now()))
			}
			found[p.placeKey] = p
		}
	}
	return found, nil
}

// day adds a day with events.
func (p *problem) day(from, to time.Time, n int64, running bool) {
	if running {
		to = time.Time{}
	}
	if k := len(p.episodes); k > 0 && p.episodes[k-1].to.Equal(from) {
		p.episodes[k-1].to = to
		p.episodes[k-1].value += float64(n)
		return
	}
	p.episodes = append(p.episodes, episode{from: from, to: to, value: float64(n)})
}

// measure counts what the episodes come to. What begins again within the time of
// the end of the one before has returned.
func (p *problem) measure(within time.Duration, end time.Time) {
	for i := range p.episodes {
		e := &p.episodes[i]
		lasted := e.lasted(end)
		p.lasted += lasted
		p.longest = max(p.longest, lasted)
		p.open = p.open || e.to.IsZero()
		if i > 0 {
			if gap := e.from.Sub(p.episodes[i-1].to); gap <= within {
				p.returns++
				e.returned = gap
			}
		}
	}
}

// stubborn reports whether a problem is one: it came back, is open, lasted long at
// a time, or its cases were handled late or reopened.
func (p *problem) stubborn(long time.Duration) bool {
	return p.returns > 0 || p.open || p.longest >= long || p.late > 0 || p.reopened > 0
}

// rank returns the problems that are stubborn, the worst first.
func rank(found map[placeKey]*problem, long time.Duration, by Ranking) []*problem {
	var out []*problem
	for _, p := range found {
		if p.stubborn(long) {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b *problem) int {
		return cmp.Or(lead(by, b, a), cmp.Compare(b.returns, a.returns), cmp.Compare(b.lasted, a.lasted), cmp.Compare(b.longest, a.longest), lead(ByLate, b, a),
			cmp.Compare(a.kind, b.kind), cmp.Compare(a.device, b.device), cmp.Compare(a.cell, b.cell), cmp.Compare(a.category, b.category))
	})
	return out
}

// lead compares two problems by what comes first.
func lead(by Ranking, a, b *problem) int {
	switch by {
	case ByLasted:
		return cmp.Compare(a.lasted, b.lasted)
	case ByLongest:
		return cmp.Compare(a.longest, b.longest)
	case ByLate:
		return cmp.Compare(a.late+a.reopened, b.late+b.reopened)
	}
	return cmp.Compare(a.returns, b.returns)
}

// lasted is how long an episode lasted, until end when it has not ended.
func (e *episode) lasted(end time.Time) time.Duration {
	to := e.to
	if to.IsZero() {
		to = end
	}
	return max(0, to.Sub(e.from))
}

// handle asks how the cases of all problems were handled. It does nothing while
// there are no cases.
func (r *Reporter) handle(ctx context.Context, found map[placeKey]*problem) error {
	if r.src.Handling == nil {
		return nil
	}
	of := map[string]*problem{}
	for _, p := range found {
		for _, e := range p.episodes {
			for _, id := range e.alerts {
				of[id] = p
			}
		}
	}
	for part := range slices.Chunk(slices.Sorted(maps.Keys(of)), store.MaxAlerts) {
		cases, err := r.src.Handling.HandlingOf(ctx, part)
		if err != nil {
			return fmt.Errorf("handling of cases: %w", err)
		}
		for id, h := range cases {
			p := of[id]
			if p == nil {
				continue // of an alert that was not asked for
			}
			if h.Late {
				p.late++
			}
			p.reopened += h.Reopened
		}
	}
	return nil
}
