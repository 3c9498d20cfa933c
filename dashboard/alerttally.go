package dashboard

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/store"
)

// maxTallied bounds the alerts that are counted, the newest first: five pages of them.
const maxTallied = 5 * store.MaxAlerts

type tallyInput struct {
	Hours int `query:"hours" minimum:"1" maximum:"168" default:"24" doc:"How far back alerts were raised"`
}

type areaTally struct {
	Area     grid.AreaCode `json:"area" doc:"Its code; empty for what lies in no area, or in all of them"`
	Critical int           `json:"critical"`
	Warning  int           `json:"warning"`
	Notice   int           `json:"notice"`
	Open     int           `json:"open" doc:"Of all of these, those that are open still"`
}

func (t *areaTally) all() int { return t.Critical + t.Warning + t.Notice }

type tallyOutput struct {
	Body struct {
		From      time.Time   `json:"from"`
		To        time.Time   `json:"to"`
		Areas     []areaTally `json:"areas" nullable:"false" doc:"Those with an alert, the one with most first"`
		Truncated bool        `json:"truncated" doc:"There are more than are counted: only the newest are"`
	}
}

func (s *Server) tallyOperations(api huma.API) {
	huma.Register(api, operation("tally-alerts", "/alerts/tally", "alerts", "Alerts by area and severity",
		"How many alerts about the city were raised lately, by area and by the severity that they have or had at last. Those that became part of another one, and those that are muted, are left out."), s.tallyAlerts)
}

func (s *Server) tallyAlerts(ctx context.Context, in *tallyInput) (*tallyOutput, error) {
	out := &tallyOutput{}
	out.Body.To = s.deps.Now().UTC()
	out.Body.From = out.Body.To.Add(-time.Duration(in.Hours) * time.Hour)
	byArea, truncated, err := s.tally(ctx, out.Body.From)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out.Body.Truncated = truncated
	out.Body.Areas = slices.AppendSeq([]areaTally{}, maps.Values(byArea))
	slices.SortFunc(out.Body.Areas, func(a, b areaTally) int {
		return cmp.Or(cmp.Compare(b.all(), a.all()), cmp.Compare(b.Critical, a.Critical), cmp.Compare(a.Area, b.Area))
	})
	return out, nil
}

// tally counts the alerts that were raised since a time, page by page.
func (s *Server) tally(ctx context.Context, from time.Time) (byArea map[grid.AreaCode]areaTally, truncated bool, err error) {
	byArea = make(map[grid.AreaCode]areaTally)
	q := store.AlertQuery{Category: store.AboutCity, Muted: new(false), ClearedFrom: from, Limit: store.MaxAlerts}
	for range maxTallied / store.MaxAlerts {
		page, err := s.deps.Alerts.FindAlerts(ctx, q)
		if err != nil {
			return nil, false, err
		}
		for i := range page {
			a := &page[i]
			if a.RaisedAt.Before(from) {
				return byArea, false, nil
			}
			if a.MergedInto == "" {
				byArea[a.Area] = counted(byArea[a.Area], a)
			}
		}
		if len(page) < q.Limit {
			return byArea, false, nil
		}
		q.Before = page[len(page)-1].ID
	}
	return byArea, true, nil
}

func counted(t areaTally, a *store.Alert) areaTally {
	t.Area = a.Area
	switch a.Severity {
	case store.Critical:
		t.Critical++
	case store.Warning:
		t.Warning++
	case store.Notice:
		t.Notice++
	}
	if a.State == store.AlertOpen {
		t.Open++
	}
	return t
}
