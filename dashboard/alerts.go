package dashboard

import (
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/urbangrid/urbangrid/dashboard/live"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// AlertFilter narrows a list of alerts. Fields that are empty do not narrow.
type AlertFilter struct {
	State    string           `query:"state" enum:"open,closed" doc:"Narrow to one state"`
	Handling []string         `query:"handling" enum:"new,acknowledged,dispatched,done" doc:"Narrow to some states of handling"`
	Severity []store.Severity `query:"severity" enum:"notice,warning,critical" doc:"Narrow to some severities"`
	Category string           `query:"category" enum:"city,quality" doc:"Narrow to what is about the city, or about sensors and data"`
	Kind     string           `query:"kind" doc:"Narrow to one kind by its key"`
	Area     string           `query:"area" doc:"Narrow to one responsibility area by its code, and the areas within it by the codes of the standard"`
	Rule     string           `query:"rule" doc:"Narrow to one rule by its key"`
	By       string           `query:"by" maxLength:"100" doc:"Narrow to those whom that person has acknowledged, sent or closed last"`
	Text     string           `query:"text" maxLength:"200" doc:"Narrow to those with this in their reason, place or id"`
	Muted    string           `query:"muted" enum:"true,false" doc:"Narrow to those that are muted, or are not"`
}

type alertsInput struct {
	AlertFilter
	Before string `query:"before" maxLength:"100" doc:"List alerts after the one of this id in the order: the next page"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"200"`
}

// query is what in asks the records for: the first page.
func (in *AlertFilter) query() store.AlertQuery {
	q := store.AlertQuery{
		State: store.AlertState(in.State), Category: store.AlertCategory(in.Category),
		Kind: sensors.KindKey(in.Kind), Area: grid.AreaCode(in.Area), Rule: in.Rule,
		Severities: in.Severity, By: in.By, Text: in.Text,
	}
	for _, state := range in.Handling {
		h := store.HandlingState(state)
		if state == live.HandlingNew {
			h = store.HandlingNew
		}
		q.Handling = append(q.Handling, h)
	}
	if in.Muted != "" {
		q.Muted = new(in.Muted == "true")
	}
	return q
}

type alertsOutput struct {
	Body struct {
		Alerts []answeredAlert `json:"alerts" nullable:"false" doc:"Newest first"`
		Next   string          `json:"next" doc:"Give this as before for the next page; empty after the last"`
	}
}

// answeredAlert is an alert with what people say of it.
type answeredAlert struct {
	live.Alert
	Verdict *verdictView `json:"verdict" doc:"What people say of it; null while nobody has answered"`
}

type alertInput struct {
	ID string `path:"id" doc:"UUID of the alert" maxLength:"100"`
}

type alertCountOutput struct {
	Body struct {
		Count int `json:"count" doc:"How many alerts all pages of list-alerts with the same filter have together"`
	}
}

type alertOutput struct {
	ETag string `header:"ETag" doc:"Version of its handling in quotes: give it as If-Match with an action"`
	Body answeredAlert
}

func (s *Server) alertOperations(api huma.API) {
	huma.Register(api, operation("list-alerts", "/alerts", "alerts", "Alerts", "Newest first."), s.listAlerts)
	huma.Register(api, operation("count-alerts", "/alerts/count", "alerts", "How many alerts there are", "By the filter of list-alerts."), s.countAlerts)
	one := operation("read-alert", "/alerts/{id}", "alerts", "One alert", "As it is now.")
	one.Errors = append(one.Errors, http.StatusNotFound)
	huma.Register(api, one, s.readAlert)
	s.alertCSVOperation(api)
	s.handlingOperations(api)
}

func (s *Server) listAlerts(ctx context.Context, in *alertsInput) (*alertsOutput, error) {
	q := in.query()
	q.Before, q.Limit = in.Before, in.Limit
	found, err := s.answeredAlerts(ctx, q)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out := &alertsOutput{}
	out.Body.Alerts = found
	if len(found) == in.Limit {
		out.Body.Next = found[len(found)-1].ID
	}
	return out, nil
}

func (s *Server) countAlerts(ctx context.Context, in *AlertFilter) (*alertCountOutput, error) {
	n, err := s.deps.Alerts.CountAlerts(ctx, in.query())
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out := &alertCountOutput{}
	out.Body.Count = n
	return out, nil
}

func (s *Server) readAlert(ctx context.Context, in *alertInput) (*alertOutput, error) {
	found, err := s.answeredAlerts(ctx, store.AlertQuery{ID: in.ID, Limit: 1})
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("alert %q: %w", in.ID, store.ErrNotFound)
	}
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return &alertOutput{ETag: etag(found[0].Handling.Version), Body: found[0]}, nil
}

// answeredAlerts returns the alerts that q asks for with their verdicts.
func (s *Server) answeredAlerts(ctx context.Context, q store.AlertQuery) ([]answeredAlert, error) {
	found, err := s.deps.Alerts.FindAlerts(ctx, q)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(found))
	for i := range found {
		ids[i] = found[i].ID
	}
	var verdicts map[string]store.Verdict
	if s.deps.Verdicts != nil {
		if verdicts, err = s.deps.Verdicts.VerdictsOn(ctx, ids); err != nil {
			return nil, err
		}
	}
	out := make([]answeredAlert, len(found))
	for i, a := range found {
		out[i].Alert = live.AlertOf(a)
		if v, ok := verdicts[a.ID]; ok {
			out[i].Verdict = new(viewVerdict(v))
		}
	}
	return out, nil
}
