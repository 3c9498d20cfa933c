package analytics

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// History is where a preview finds what was observed; see [store.Series].
type History interface {
	Observations(ctx context.Context, q store.ObservationQuery) (page []grid.Placed, next string, err error)
}

// Fired is where a preview finds the alerts that there were; see [store.Alerts].
type Fired interface {
	FindAlerts(ctx context.Context, q store.AlertQuery) ([]store.Alert, error)
}

// PreviewRequest asks what a changed rule would have done.
type PreviewRequest struct {
	Rule    Rule // as it would be
	Present Rule // as it is
	// PresentOff says that the rule as it is judges nothing: it has no episodes.
	PresentOff bool
	// Others are the rules in force; those of the kind that the two stand on, such as
	// the hotspots whose expectation a drift is held against, are judged with them.
	Others   []Rule
	From, To time.Time
	Days     *time.Location   // of the days that are counted; nil means UTC
	Mutes    *store.MuteSet   // maintenance between From and To is left out; nil is none
	Now      func() time.Time // nil means time.Now
}

// Preview is what came of it. Episodes are alerts that were raised in [From, To).
type Preview struct {
	Rule         Rule
	From, To     time.Time
	LearnedFrom  time.Time // of the first observation, before From where the rule has to learn
	Observations int64     // that were judged, those to learn from among them
	Days         []PreviewDay
	Changed      Episodes // by the rule as it would be
	Present      Episodes // by the rule as it is, from the same observations; none when it is off
	Fired        Episodes // that people were told of, from the records
}

// PreviewDay is how many episodes began on a day of the district.
type PreviewDay struct {
	Day                     time.Time // its beginning, cut to From
	Changed, Present, Fired int
}

// MaxEpisodes bounds a list of episodes; all are counted.
const MaxEpisodes = 500

// Episodes are alerts, the newest first.
type Episodes struct {
	Total  int
	Open   int // at the end
	Listed []Episode
}

// Episode is one alert in short.
type Episode struct {
	Place     string // as [store.Alert.Place], a hotspot by its peak
	Area      grid.AreaCode
	Device    sensors.DeviceID
	Cell      grid.Cell
	Severity  store.Severity // the worst of its life
	Category  store.AlertCategory
	Value     float64 // the newest
	Reason    sensors.Names
	RaisedAt  time.Time
	ClearedAt time.Time // zero when it was open at the end
}

// Lead is how long before a time a rule must have watched to judge then as it would
// have: the time it learns in, as far as a preview can wait for it.
func (r Rule) Lead() time.Duration {
	switch r.Detector() {
	case DetectThreshold, DetectChange:
		return MaxHold + 5*time.Minute
	case DetectExceedance:
		return 24 * time.Hour
	}
	return 14 * 24 * time.Hour
}

// previewStep is how much phenomenon time is read at once at most.
const previewStep = time.Hour

// PreviewRule reads what was observed of the rule's kind once and judges it by the
// rule as it would be and as it is. Observations are taken as if each had come when
// it was made, so none is late; what devices say of themselves (that
// they are going offline) is not stored and is left out; the coverage of cells is
// taken as whole. tell is called with the share that is done, 0 to 1.
//
// The judges have nothing to do with those that run.
func (e *Engine) PreviewRule(ctx context.Context, q PreviewRequest, from History, fired Fired, tell func(done float64)) (Preview, error) {
	if q.Days == nil {
		q.Days = time.UTC
	}
	changed, err := e.replay(q.Rule, q)
	if err != nil {
		return Preview{}, err
	}
	judges, present := []*replay{changed}, (*replay)(nil)
	if !q.PresentOff {
		if present, err = e.replay(q.Present, q); err != nil {
			return Preview{}, err
		}
		judges = append(judges, present)
	}
	p := Preview{Rule: q.Rule, From: q.From, To: q.To}
	start := q.From.Add(-max(q.Rule.Lead(), q.Present.Lead()))
	err = eachInOrder(ctx, from, q.Rule.Kind, start, q.To, func(obs []grid.Placed, upTo time.Time) {
		if len(obs) > 0 && p.LearnedFrom.IsZero() {
			p.LearnedFrom = obs[0].At
		}
		p.Observations += int64(len(obs))
		for _, r := range judges {
			r.take(obs)
		}
		tell(float64(upTo.Sub(start)) / float64(q.To.Sub(start)))
	})
	if err != nil {
		return Preview{}, fmt.Errorf("preview of rule %q: %w", q.Rule.Name, err)
	}
	told, err := alertsOf(ctx, fired, q.Present.Name, q.Present.Kind, q.From, q.To)
	if err != nil {
		return Preview{}, fmt.Errorf("preview of rule %q: %w", q.Rule.Name, err)
	}
	var now []store.Alert
	if present != nil {
		now = present.alerts(q.Present.Name, q.From, q.To)
	}
	p.count(q.Days, changed.alerts(q.Rule.Name, q.From, q.To), now, told)
	return p, nil
}

// count fills in days and episodes.
func (p *Preview) count(days *time.Location, changed, present, fired []store.Alert) {
	for day := p.From; day.Before(p.To); {
		p.Days = append(p.Days, PreviewDay{Day: day})
		y, m, d := day.In(days).Date()
		day = time.Date(y, m, d+1, 0, 0, 0, 0, days)
	}
	add := func(alerts []store.Alert, to func(*PreviewDay) *int) {
		for _, a := range alerts {
			i, found := slices.BinarySearchFunc(p.Days, a.RaisedAt, func(d PreviewDay, t time.Time) int { return d.Day.Compare(t) })
			if !found {
				i--
			}
			if i >= 0 {
				*to(&p.Days[i])++
			}
		}
	}
	add(changed, func(d *PreviewDay) *int { return &d.Changed })
	add(present, func(d *PreviewDay) *int { return &d.Present })
	add(fired, func(d *PreviewDay) *int { return &d.Fired })
	p.Changed, p.Present, p.Fired = episodes(changed), episodes(present), episodes(fired)
}

func episodes(alerts []store.Alert) Episodes {
	slices.SortFunc(alerts, func(a, b store.Alert) int {
		return cmp.Or(b.RaisedAt.Compare(a.RaisedAt), cmp.Compare(a.Place, b.Place))
	})
	e := Episodes{Total: len(alerts)}
	for _, a := range alerts {
		if a.State == store.AlertOpen {
			e.Open++
		}
		if len(e.Listed) < MaxEpisodes {
			e.Listed = append(e.Listed, episode(a))
		}
	}
	return e
}

func episode(a store.Alert) Episode {
	return Episode{Place: a.Place, Area: a.Area, Device: a.Device, Cell: a.Cell, Severity: a.Severity, Category: cmp.Or(a.Category, store.AboutCity),
		Value: a.Value, Reason: a.Reason, RaisedAt: a.RaisedAt, ClearedAt: a.ClearedAt}
}

// alertsOf returns the alerts of a rule that were raised in [from, to).
func alertsOf(ctx context.Context, fired Fired, rule string, kind sensors.KindKey, from, to time.Time) ([]store.Alert, error) {
	var of []store.Alert
	q := store.AlertQuery{Kind: kind, Limit: store.MaxAlerts}
	for {
		page, err := fired.FindAlerts(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, a := range page {
			if a.Rule == rule && a.MergedInto == "" && !a.RaisedAt.Before(from) && a.RaisedAt.Before(to) {
				of = append(of, a)
			}
		}
		if len(page) < q.Limit || page[len(page)-1].RaisedAt.Before(from) {
			return of, nil
		}
		q.Before = page[len(page)-1].ID
	}
}
