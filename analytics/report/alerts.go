package report

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// Verdicts are what operators said of alerts; store.Verdicts says how.
type Verdicts interface {
	VerdictsOn(ctx context.Context, alerts []string) (map[string]store.Verdict, error)
}

// maxAlertPages bounds how many alerts a report looks at: the newest.
const maxAlertPages = 100

// alertsOf returns the alerts that were open at some time of the period, oldest
// first: those raised in it, and those raised before that were not over when it
// began. Alerts that became a part of another are left out. cut says that older
// ones were left out too.
func (r *Reporter) alertsOf(ctx context.Context, req Request) (out []store.Alert, cut bool, err error) {
	q := store.AlertQuery{Kind: req.Kinds.Only(), Area: req.Areas.Only(), ClearedFrom: req.From, RaisedBefore: req.To, Limit: store.MaxAlerts}
	for n := 0; ; n++ {
		if n == maxAlertPages {
			cut = true
			break
		}
		page, err := r.src.Alerts.FindAlerts(ctx, q)
		if err != nil {
			return nil, false, fmt.Errorf("alerts of the period: %w", err)
		}
		for _, a := range page {
			if a.MergedInto == "" && req.asksFor(&a) {
				out = append(out, a)
			}
		}
		if len(page) < q.Limit {
			break
		}
		q.Before = page[len(page)-1].ID
	}
	slices.Reverse(out)
	return out, cut, nil
}

// asksFor reports whether an alert is of the kinds and in the areas of a request, or
// in areas within them.
func (r *Request) asksFor(a *store.Alert) bool {
	if !r.Kinds.Admit(a.Kind) {
		return false
	}
	return r.Areas.Len() == 0 || slices.ContainsFunc(r.Areas.All(), func(code grid.AreaCode) bool { return store.AreaWithin(a.Area, code) })
}

// end is the end of the period, or now while it runs. What was cleared later is
// open for a report: the answer about a closed period stays what it is.
func (r *Reporter) end(req Request) time.Time {
	if now := r.opts.Now(); now.Before(req.To) {
		return now.UTC()
	}
	return req.To
}

// clearedBy is when an alert was cleared, zero while it was open at end.
func clearedBy(a store.Alert, end time.Time) time.Time {
	if a.ClearedAt.After(end) {
		return time.Time{}
	}
	return a.ClearedAt
}

// verdictsOn returns what operators said of alerts, by their IDs.
func (r *Reporter) verdictsOn(ctx context.Context, alerts []store.Alert) (map[string]store.Answer, error) {
	out := map[string]store.Answer{}
	if r.src.Verdicts == nil {
		return out, nil
	}
	for part := range slices.Chunk(alerts, store.MaxAlerts) {
		ids := make([]string, len(part))
		for i, a := range part {
			ids[i] = a.ID
		}
		found, err := r.src.Verdicts.VerdictsOn(ctx, ids)
		if err != nil {
			return nil, fmt.Errorf("verdicts on alerts: %w", err)
		}
		for id, v := range found {
			out[id] = v.Answer
		}
	}
	return out, nil
}

// alertState names the state of the alerts of a period and of the verdicts on
// them.
func (r *Reporter) alertState(ctx context.Context, req Request) (string, error) {
	alerts, _, err := r.alertsOf(ctx, req)
	if err != nil {
		return "", err
	}
	answers, err := r.verdictsOn(ctx, alerts)
	if err != nil {
		return "", err
	}
	h := xxhash.New()
	for _, a := range alerts {
		_, _ = fmt.Fprintln(h, a.ID, a.Revision, a.Handling.Version, answers[a.ID]) // a hash takes everything
	}
	return fmt.Sprintf("%x", h.Sum64()), nil
}

var categories = map[store.AlertCategory]sensors.Names{
	store.AboutCity:    {ZH: "城市", EN: "city"},
	store.AboutQuality: {ZH: "数据质量", EN: "data quality"},
}

// categoryOf reads the empty category as that of the city.
func categoryOf(a store.Alert) store.AlertCategory {
	if a.Category == "" {
		return store.AboutCity
	}
	return a.Category
}

var severities = map[store.Severity]sensors.Names{
	store.Notice:   {ZH: "提示", EN: "notice"},
	store.Warning:  {ZH: "警告", EN: "warning"},
	store.Critical: {ZH: "严重", EN: "critical"},
}

// graver returns the graver of two severities.
func graver(a, b store.Severity) store.Severity {
	order := []store.Severity{"", store.Notice, store.Warning, store.Critical}
	if slices.Index(order, b) > slices.Index(order, a) {
		return b
	}
	return a
}

// kindName is what people call a kind, also one that left the catalogue.
func (r *Reporter) kindName(key sensors.KindKey) sensors.Names {
	if k, ok := r.src.Kinds.Kind(key); ok {
		return k.Names
	}
	return sensors.Names{ZH: string(key), EN: string(key)}
}
