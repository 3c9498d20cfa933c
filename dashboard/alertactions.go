package dashboard

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/urbangrid/urbangrid/dashboard/live"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/store"
)

// Handlings keeps what people do about alerts; store.Handlings says how.
type Handlings interface {
	Handle(ctx context.Context, c store.HandlingCommand) (store.Handled, error)
	HandlingLog(ctx context.Context, alert string, after int64, limit int) ([]store.HandlingEntry, error)
}

// muteWish is what the mute of an alert covers, taken from the alert.
type muteWish struct {
	Scope string    `json:"scope" enum:"place,area,rule" doc:"place: the rule at the device or the cell of the alert; area: the rule in its area; rule: the rule everywhere"`
	To    time.Time `json:"to" doc:"Until when; at most a year from now"`
}

// AlertAction is what one person wants to do about alerts.
type AlertAction struct {
	Action store.HandlingAction `json:"action" enum:"acknowledge,dispatch,comment,confirmed,false_alarm,mute,close,reopen"`
	By     Person               `json:"by" minLength:"1" maxLength:"100" doc:"Who does it" example:"王芳"`
	Note   string               `json:"note,omitempty" maxLength:"1000" doc:"Needed for a comment"`
	To     *sendTo              `json:"to,omitempty" doc:"For dispatch: an area, a unit or both"`
	Mute   *muteWish            `json:"mute,omitempty" doc:"For mute"`
}

// sendTo is where an alert is to be sent.
type sendTo struct {
	Area grid.AreaCode `json:"area,omitempty" maxLength:"100" doc:"Code of a responsibility area, or of one that areas lie in"`
	Unit string        `json:"unit,omitempty" maxLength:"100" example:"曹杨新村街道城管中队"`
}

type entryView struct {
	Seq    int64                `json:"seq" doc:"1 for the first of the alert, without gaps"`
	At     time.Time            `json:"at" doc:"UTC"`
	By     string               `json:"by"`
	Action store.HandlingAction `json:"action" enum:"acknowledge,dispatch,comment,confirmed,false_alarm,mute,close,reopen"`
	Note   string               `json:"note"`
	To     live.Destination     `json:"to" doc:"Of a dispatch"`
	State  string               `json:"state" enum:"new,acknowledged,dispatched,done" doc:"Of the handling after it"`
	Mute   string               `json:"mute" doc:"ID of the mute that it asked for, empty for none"`
}

func viewEntry(e store.HandlingEntry) entryView {
	return entryView{
		Seq: e.Seq, At: e.At.UTC(), By: e.By, Action: e.Action, Note: e.Note,
		To: live.Destination(e.To), State: live.StateOf(e.State), Mute: e.Mute,
	}
}

type actInput struct {
	ID      string `path:"id" doc:"UUID of the alert" maxLength:"100"`
	IfMatch string `header:"If-Match" doc:"ETag of the alert as its author has seen it; may be left out for a comment" example:"\"1\""`
	Key     string `header:"Idempotency-Key" maxLength:"100" doc:"The same action on the same alert with the same key is done once"`
	Body    AlertAction
}

type actOutput struct {
	ETag string `header:"ETag" doc:"Version of the handling in quotes"`
	Body struct {
		Handling live.Handling `json:"handling" doc:"As it is now"`
		Entry    entryView     `json:"entry" doc:"What the action entered into the log"`
		Repeated bool          `json:"repeated" doc:"The action of this key had been done before"`
	}
}

type alertLogInput struct {
	ID    string `path:"id" doc:"UUID of the alert" maxLength:"100"`
	After int64  `query:"after" minimum:"0" doc:"List entries with a greater seq"`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"200"`
}

type alertLogOutput struct {
	ETag string `header:"ETag" doc:"Version of the handling in quotes: give it as If-Match with an action"`
	Body struct {
		Entries []entryView `json:"entries" nullable:"false" doc:"Oldest first"`
		Next    int64       `json:"next" doc:"Give this as after for the next page; 0 after the last"`
	}
}

func (s *Server) handlingOperations(api huma.API) {
	const tag = "alerts"
	act := operation("act-on-alert", "/alerts/{id}/actions", tag, "Do something about an alert",
		"Enters an action into the log of the alert and changes its handling. Two people who act at once do not overwrite each other: "+
			"the second is refused with 412 and shown what was done meanwhile, and by whom. 409: the action means nothing in the present state.")
	act.Method = http.MethodPost
	act.Errors = append(act.Errors, http.StatusForbidden, http.StatusNotFound, http.StatusConflict,
		http.StatusPreconditionFailed, http.StatusPreconditionRequired, http.StatusNotImplemented)
	huma.Register(api, act, s.actOnAlert)
	many := operation("act-on-alerts", "/alerts/actions", tag, "Do the same about many alerts",
		"Each alert is taken or refused by itself, and the answer says which.")
	many.Method = http.MethodPost
	many.Errors = append(many.Errors, http.StatusForbidden, http.StatusNotImplemented)
	huma.Register(api, many, s.actOnAlerts)
	log := operation("read-alert-log", "/alerts/{id}/log", tag, "Who did what about an alert, and when", "Oldest first.")
	log.Errors = append(log.Errors, http.StatusNotFound, http.StatusNotImplemented)
	huma.Register(api, log, s.readAlertLog)
}

// handlings returns an error when none are kept here.
func (s *Server) handlings() (Handlings, error) {
	if s.deps.Handlings == nil {
		return nil, huma.Error501NotImplemented("no handling of alerts is kept here")
	}
	return s.deps.Handlings, nil
}

func (s *Server) actOnAlert(ctx context.Context, in *actInput) (*actOutput, error) {
	known, err := knownHandling(in.IfMatch, in.Body.Action)
	if err != nil {
		return nil, err
	}
	done, err := s.act(ctx, &in.Body, in.ID, known, in.Key)
	if err != nil {
		return nil, err
	}
	out := &actOutput{ETag: etag(done.Alert.Handling.Version)}
	out.Body.Handling, out.Body.Entry = live.HandlingOf(done.Alert.Handling), viewEntry(done.Entry)
	out.Body.Repeated = done.Repeated
	return out, nil
}

// knownHandling reads the version of the handling that the author of an action
// has seen. Only a comment overwrites nothing, whatever was done meanwhile.
func knownHandling(tag string, action store.HandlingAction) (int64, error) {
	if tag == "" {
		if action == store.ActComment {
			return store.AnyVersion, nil
		}
		return 0, huma.NewError(http.StatusPreconditionRequired, "say with If-Match which version of the alert you have seen")
	}
	return parseETag(tag)
}

// act does one action on one alert and counts what became of it.
func (s *Server) act(ctx context.Context, a *AlertAction, id string, known int64, key string) (store.Handled, error) {
	kept, err := s.handlings()
	if err != nil {
		return store.Handled{}, err
	}
	outcome := func(name string) { s.actions.WithLabelValues(string(a.Action), name).Inc() }
	command, err := s.command(ctx, a, id)
	if err != nil {
		outcome("refused")
		return store.Handled{}, err
	}
	command.Known, command.Key = known, key
	done, err := kept.Handle(ctx, command)
	switch {
	case errors.Is(err, store.ErrConflict):
		outcome("conflict")
		return done, s.handledMeanwhile(ctx, kept, done.Alert, known, "the alert was handled meanwhile")
	case errors.Is(err, store.ErrNotApplicable):
		outcome("conflict")
		return done, handlingProblem(http.StatusConflict, done.Alert,
			fmt.Sprintf("%s means nothing for an alert that is %s", a.Action, live.StateOf(done.Alert.Handling.State)))
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrKeyReused):
		outcome("refused")
		return done, s.problem(ctx, err)
	case err != nil:
		outcome("failed")
		return done, s.problem(ctx, err)
	case done.Repeated:
		outcome("repeated")
		return done, nil
	}
	outcome("done")
	if answer := a.Action.Answer(); answer != "" {
		s.verdicts.WithLabelValues(string(answer)).Inc()
	}
	s.alertsChanged()
	return done, nil
}

// alertsChanged says that a change of alerts waits on the outbox.
func (s *Server) alertsChanged() {
	if s.deps.AlertsChanged != nil {
		s.deps.AlertsChanged()
	}
}

// command turns a wish into a command, refusing what the schema cannot.
func (s *Server) command(ctx context.Context, a *AlertAction, id string) (store.HandlingCommand, error) {
	c := store.HandlingCommand{AlertID: id, Action: a.Action, By: string(a.By), Note: strings.TrimSpace(a.Note), At: s.deps.Now()}
	refuse := func(field, message string) (store.HandlingCommand, error) {
		return c, huma.Error422UnprocessableEntity(message, &huma.ErrorDetail{Message: message, Location: "body." + field})
	}
	switch {
	case a.Action == store.ActComment && c.Note == "":
		return refuse("note", "a comment says something")
	case (a.To != nil) != (a.Action == store.ActDispatch):
		return refuse("to", "to goes with dispatch, and dispatch with to")
	case (a.Mute != nil) != (a.Action == store.ActMute):
		return refuse("mute", "mute goes with the action of this name, and that with mute")
	}
	if a.To != nil {
		c.To = store.Destination{Area: a.To.Area, Unit: strings.TrimSpace(a.To.Unit)}
		if c.To == (store.Destination{}) {
			return refuse("to", "an area or a unit must be named")
		}
		if c.To.Area != "" && !s.knownArea(c.To.Area) {
			return refuse("to.area", fmt.Sprintf("no area has the code %q or lies in one that has", c.To.Area))
		}
	}
	if a.Mute != nil {
		return s.muteCommand(ctx, c, a.Mute)
	}
	return c, nil
}

// muteCommand adds the mute of an alert to c.
func (s *Server) muteCommand(ctx context.Context, c store.HandlingCommand, wish *muteWish) (store.HandlingCommand, error) {
	found, err := s.deps.Alerts.FindAlerts(ctx, store.AlertQuery{ID: c.AlertID, Limit: 1})
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("alert %q: %w", c.AlertID, store.ErrNotFound)
	}
	if err != nil {
		return c, s.problem(ctx, err)
	}
	a := found[0]
	m := store.Mute{
		ID: newMuteID(), Purpose: store.MuteAlerts, Kind: a.Kind, Rule: a.Rule,
		From: c.At, To: wish.To, Reason: cmp.Or(c.Note, "alert "+a.ID), By: c.By, CreatedAt: c.At,
	}
	switch {
	case wish.Scope == "place" && a.Device != "":
		m.Device = a.Device
	case wish.Scope == "place":
		m.Cell = a.Cell
	case wish.Scope == "area" && a.Area == "":
		return c, huma.Error422UnprocessableEntity("the alert lies outside every area")
	case wish.Scope == "area":
		m.Area = a.Area
	}
	if err := m.Check(); err != nil {
		return c, s.problem(ctx, err)
	}
	c.Mute = &m
	return c, nil
}

// shownMeanwhile bounds what the second of two people is told of the first.
const shownMeanwhile = 20

// handledMeanwhile tells the second of two who act what the first has done.
func (s *Server) handledMeanwhile(ctx context.Context, kept Handlings, present store.Alert, known int64, message string) error {
	since, err := kept.HandlingLog(ctx, present.ID, max(known, 0), shownMeanwhile)
	if err != nil {
		return s.problem(ctx, err)
	}
	return handlingProblem(http.StatusPreconditionFailed, present, message, since...)
}

// handlingProblem shows the present handling of an alert and entries of its log.
func handlingProblem(status int, present store.Alert, message string, entries ...store.HandlingEntry) error {
	c := conflict{
		status: status, message: message, about: "the present handling",
		part: "handling", present: live.HandlingOf(present.Handling), tag: etag(present.Handling.Version),
	}
	for _, e := range entries {
		c.since = append(c.since, &huma.ErrorDetail{Message: "done meanwhile", Location: "log", Value: viewEntry(e)})
	}
	return c.problem()
}

func (s *Server) readAlertLog(ctx context.Context, in *alertLogInput) (*alertLogOutput, error) {
	kept, err := s.handlings()
	if err != nil {
		return nil, err
	}
	// The alert comes before the log: whoever acts on this ETag has seen at least
	// the entries up to it.
	found, err := s.deps.Alerts.FindAlerts(ctx, store.AlertQuery{ID: in.ID, Limit: 1})
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("alert %q: %w", in.ID, store.ErrNotFound)
	}
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	entries, err := kept.HandlingLog(ctx, in.ID, in.After, in.Limit)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out := &alertLogOutput{ETag: etag(found[0].Handling.Version)}
	out.Body.Entries = make([]entryView, len(entries))
	for i, e := range entries {
		out.Body.Entries[i] = viewEntry(e)
	}
	if len(entries) == in.Limit {
		out.Body.Next = entries[len(entries)-1].Seq
	}
	return out, nil
}

func newActionMetric(reg prometheus.Registerer) (*prometheus.CounterVec, error) {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "urbangrid_dashboard_alert_actions_total",
		Help: "What people did about alerts, each alert by itself, by action and by what became of it.",
	}, []string{"action", "outcome"})
	for _, a := range store.HandlingActions {
		for _, outcome := range [...]string{"done", "repeated", "conflict", "refused", "failed"} {
			c.WithLabelValues(string(a), outcome)
		}
	}
	return c, reg.Register(c)
}
