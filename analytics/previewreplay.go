package analytics

import (
	"context"
	"slices"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// replay is one judge of stored observations and the alerts it has raised, each as
// it is now.
type replay struct {
	judge *judge
	of    map[string]store.Alert // by ID
}

// replay returns a judge of rule and of those that it stands on.
func (e *Engine) replay(rule Rule, q PreviewRequest) (*replay, error) {
	rules := []Rule{rule}
	for _, r := range q.Others {
		if r.Kind == rule.Kind && r.Name != rule.Name && rule.standsOn(r) {
			rules = append(rules, r)
		}
	}
	if err := checkRules(e.catalog, rules); err != nil {
		return nil, err
	}
	m, err := newMetrics(nil, rules)
	if err != nil {
		return nil, err
	}
	opts := e.opts
	j, err := newJudge(e.catalog, rules, e.study, opts, m)
	if err != nil {
		return nil, err
	}
	j.mutes = q.Mutes
	j.seq = 1
	j.goLive(q.From)
	return &replay{judge: j, of: make(map[string]store.Alert)}, nil
}

// standsOn reports whether what r says depends on another rule of its kind: on what
// its hotspots expect, on what its baseline is, on what its outliers are.
func (r Rule) standsOn(other Rule) bool {
	switch r.Detector() {
	case DetectDrift, DetectSilence:
		return other.Hotspot != nil || other.Outlier != nil
	case DetectOutlier:
		return other.Hotspot != nil || other.Baseline != nil
	case DetectHotspot, DetectBaseline:
		return other.Outlier != nil
	}
	return false
}

// take judges observations in ascending order of At, each as if it had come when it
// was made: what was late, or was brought in later as history, is judged too.
func (r *replay) take(obs []grid.Placed) {
	minute := noTime
	for i := range obs {
		o := obs[i]
		if o.Received.After(o.At) {
			o.Received = o.At
		}
		r.judge.observe(&o)
		// Cells and devices of which nothing is left to know are let go of.
		if m := obs[i].At.UnixMicro() / minuteMicros; m != minute {
			minute = m
			r.judge.changedCells(noTime)
		}
	}
	for _, a := range r.judge.changes {
		r.of[a.ID] = a
	}
	clear(r.judge.changes)
	r.judge.changes = r.judge.changes[:0]
	r.judge.count()
}

// alerts returns those of a rule that were raised in [from, to) and became a part of
// no other.
func (r *replay) alerts(rule string, from, to time.Time) []store.Alert {
	var of []store.Alert
	for _, a := range r.of {
		if a.Rule == rule && !a.RaisedAt.Before(from) && a.RaisedAt.Before(to) && a.MergedInto == "" {
			of = append(of, a)
		}
	}
	return of
}

// leastStretch is the shortest stretch of time that is asked for by itself.
const leastStretch = time.Second

// eachInOrder calls do with the observations of a kind in [from, to), a stretch of
// time after the other, each in ascending order. A stretch is as long as one page
// holds: a store finds a short time quickly, but every further page of a long one
// costs as much as the first. What do is given is valid until it returns.
func eachInOrder(ctx context.Context, h History, kind sensors.KindKey, from, to time.Time, do func(obs []grid.Placed, upTo time.Time)) error {
	step := previewStep
	for from.Before(to) {
		end := from.Add(step)
		if end.After(to) {
			end = to
		}
		obs, fits, err := stretch(ctx, h, kind, from, end)
		if err != nil {
			return err
		}
		if fits < end.Sub(from) && step > leastStretch {
			step = max(min(fits, step/2), leastStretch)
			continue
		}
		do(obs, end)
		if len(obs) < store.MaxObservations/2 {
			step = min(2*step, previewStep)
		}
		from = end
	}
	return nil
}

// stretch reads the observations of a kind in [from, to) in ascending order. When
// they are more than a page it gives up and returns how much time a page holds,
// unless the time is as short as leastStretch.
func stretch(ctx context.Context, h History, kind sensors.KindKey, from, to time.Time) (obs []grid.Placed, fits time.Duration, err error) {
	q := store.ObservationQuery{Kind: kind, From: from, To: to, Limit: store.MaxObservations}
	for {
		if err := ctx.Err(); err != nil {
			return nil, 0, err
		}
		page, next, err := h.Observations(ctx, q)
		if err != nil {
			return nil, 0, err
		}
		obs = append(obs, page...)
		if next == "" {
			break
		}
		if to.Sub(from) > leastStretch && len(page) > 0 {
			const margin = 0.8 // the next stretch may be busier
			return nil, time.Duration(margin * float64(to.Sub(page[len(page)-1].At))), nil
		}
		q.Cursor = next
	}
	slices.Reverse(obs)
	return obs, to.Sub(from), nil
}
