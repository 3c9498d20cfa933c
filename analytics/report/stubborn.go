package report

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/urbangrid/urbangrid/analytics/report/jobs"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// Handling says how the cases that came of alerts were handled. Until there are
// cases nobody implements it, and what depends on it is missing with the note
// [NoteWithCases].
type Handling interface {
	// HandlingOf returns how the case of each alert was handled, by the ID of the
	// alert. Alerts without a case are not in it.
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
}

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
	end := req.To
	if now := r.opts.Now(); now.Before(end) {
		end = now.UTC()
	}
	ranked := rank(found, time.Duration(req.WithinDays)*24*time.Hour, end)
	if len(ranked) > req.Top {
		out.note(NoteCut)
		ranked = ranked[:req.Top]
	}
	handled, err := r.handled(ctx, ranked)
	if err != nil {
		return err
	}
	if err := r.stubbornTables(ctx, req, ranked, end, handled, out); err != nil {
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
	out.Data.Alerts = len(alerts)
	if cut {
		out.note(NoteAlertsCut)
	}
	if len(alerts) == 0 {
		out.note(NoteNoAlerts)
	}
	found := map[placeKey]*problem{}
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
		p.take(episode{from: a.RaisedAt, to: a.ClearedAt, severity: a.Severity, value: a.Value, expected: a.Baseline, reason: a.Reason, alerts: []string{a.ID}})
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

// eventEpisodes makes an episode of every run of days with events.
func (r *Reporter) eventEpisodes(ctx context.Context, req Request, out *Result) (map[placeKey]*problem, error) {
	bounds, err := r.bounds(req)
	if err != nil {
		return nil, err
	}
	found := map[placeKey]*problem{}
	for _, k := range r.src.Kinds.All() {
		if k.Type != sensors.Event || req.Kind != "" && k.Key != req.Kind {
			continue
		}
		c, err := r.src.Series.Cube(ctx, store.CubeQuery{Kind: k.Key, By: store.ByCell, Area: req.Area, Resolution: req.Resolution, Bounds: bounds})
		if err != nil {
			return nil, fmt.Errorf("cube of %s: %w", k.Key, err)
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

// rank returns the problems that are stubborn, the worst first.
func rank(found map[placeKey]*problem, within time.Duration, end time.Time) []*problem {
	var out []*problem
	for _, p := range found {
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
		if p.returns > 0 || p.open {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b *problem) int {
		return cmp.Or(cmp.Compare(b.returns, a.returns), cmp.Compare(b.lasted, a.lasted), cmp.Compare(b.longest, a.longest),
			cmp.Compare(a.kind, b.kind), cmp.Compare(a.device, b.device), cmp.Compare(a.cell, b.cell), cmp.Compare(a.category, b.category))
	})
	return out
}

// lasted is how long an episode lasted, until end when it has not ended.
func (e *episode) lasted(end time.Time) time.Duration {
	to := e.to
	if to.IsZero() {
		to = end
	}
	return max(0, to.Sub(e.from))
}

// handled asks for the handling of all alerts of the problems; nil when nobody
// knows.
func (r *Reporter) handled(ctx context.Context, list []*problem) (map[string]Handled, error) {
	if r.src.Handling == nil {
		return nil, nil
	}
	var ids []string
	for _, p := range list {
		for _, e := range p.episodes {
			ids = append(ids, e.alerts...)
		}
	}
	out := map[string]Handled{}
	for part := range slices.Chunk(ids, store.MaxAlerts) {
		found, err := r.src.Handling.HandlingOf(ctx, part)
		if err != nil {
			return nil, fmt.Errorf("handling of cases: %w", err)
		}
		for id, h := range found {
			out[id] = h
		}
	}
	return out, nil
}
