package dashboard

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

type verdictView struct {
	Answer  store.Answer `json:"answer" enum:"confirmed,false_alarm"`
	By      string       `json:"by" doc:"Who answered"`
	Note    string       `json:"note"`
	At      time.Time    `json:"at" doc:"When it was answered, UTC"`
	Version int64        `json:"version" doc:"1 for the first answer, grows with every change; the ETag in quotes"`
}

func viewVerdict(v store.Verdict) verdictView {
	return verdictView{Answer: v.Answer, By: v.By, Note: v.Note, At: v.At.UTC(), Version: v.Version}
}

type verdictOutput struct {
	ETag string `header:"ETag" doc:"The version in quotes: give it as If-Match to change the answer"`
	Body verdictView
}

type putVerdictInput struct {
	ID      string `path:"id" doc:"UUID of the alert" maxLength:"100"`
	IfMatch string `header:"If-Match" doc:"ETag of the answer that this one replaces; left out for the first answer" example:"\"1\""`
	Body    struct {
		Answer store.Answer `json:"answer" enum:"confirmed,false_alarm" doc:"Whether it was so, or nothing was the matter"`
		By     Person       `json:"by" minLength:"1" maxLength:"100" doc:"Who answers" example:"王芳"`
		Note   string       `json:"note,omitempty" maxLength:"1000"`
	}
}

type verdictsInput struct {
	Rule  string    `query:"rule" doc:"Narrow to alerts of one rule"`
	Kind  string    `query:"kind" doc:"Narrow to alerts of one kind by its key"`
	From  time.Time `query:"from" doc:"Narrow to alerts that were raised then or later"`
	To    time.Time `query:"to" doc:"Narrow to alerts that were raised before"`
	Limit int       `query:"limit" minimum:"1" maximum:"1000" default:"200" doc:"How many verdicts to list; all are counted"`
}

type tallyView struct {
	Rule            string          `json:"rule"`
	Kind            sensors.KindKey `json:"kind"`
	Raised          int             `json:"raised" doc:"Alerts; those that became a part of another are not counted"`
	Confirmed       int             `json:"confirmed"`
	FalseAlarms     int             `json:"false_alarms"`
	FalseAlarmShare *float64        `json:"false_alarm_share" doc:"Share of false alarms in those answered, 0 to 1; null when none is"`
}

type alertVerdictView struct {
	Alert   string      `json:"alert" doc:"UUID of the alert"`
	Verdict verdictView `json:"verdict"`
}

type verdictsOutput struct {
	Body struct {
		Tallies  []tallyView        `json:"tallies" nullable:"false" doc:"By rule and kind"`
		Verdicts []alertVerdictView `json:"verdicts" nullable:"false" doc:"The newest first"`
	}
}

func (s *Server) verdictOperations(api huma.API) {
	const tag = "alerts"
	read := operation("read-verdict", "/alerts/{id}/verdict", tag, "What people say of an alert", "404 while nobody has answered.")
	read.Errors = append(read.Errors, http.StatusNotFound, http.StatusNotImplemented)
	huma.Register(api, read, s.readVerdict)
	put := operation("answer-alert", "/alerts/{id}/verdict", tag, "Answer an alert",
		"Says whether an alert was right. Two people who answer at once do not overwrite each other: the second is refused with 412 and shown the present answer.")
	put.Method = http.MethodPut
	put.Errors = append(put.Errors, http.StatusForbidden, http.StatusNotFound, http.StatusPreconditionFailed, http.StatusNotImplemented)
	huma.Register(api, put, s.putVerdict)
	list := operation("list-verdicts", "/verdicts", tag, "Answers to alerts", "How many alerts were right, by rule and kind, and the newest answers.")
	list.Errors = append(list.Errors, http.StatusNotImplemented)
	huma.Register(api, list, s.listVerdicts)
}

// answers returns an error when none are kept here.
func (s *Server) answers() (Verdicts, error) {
	if s.deps.Verdicts == nil {
		return nil, huma.Error501NotImplemented("no answers are kept here")
	}
	return s.deps.Verdicts, nil
}

func (s *Server) readVerdict(ctx context.Context, in *alertInput) (*verdictOutput, error) {
	kept, err := s.answers()
	if err != nil {
		return nil, err
	}
	found, err := kept.VerdictsOn(ctx, []string{in.ID})
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	v, ok := found[in.ID]
	if !ok {
		return nil, huma.Error404NotFound(fmt.Sprintf("nobody has answered alert %q", in.ID))
	}
	return &verdictOutput{ETag: etag(v.Version), Body: viewVerdict(v)}, nil
}

func (s *Server) putVerdict(ctx context.Context, in *putVerdictInput) (*verdictOutput, error) {
	kept, err := s.answers()
	if err != nil {
		return nil, err
	}
	known, err := versionOf(in.IfMatch)
	if err != nil {
		return nil, err
	}
	saved, err := kept.SaveVerdict(ctx, store.Verdict{
		AlertID: in.ID, Answer: in.Body.Answer, By: string(in.Body.By), Note: in.Body.Note, At: s.deps.Now(), Version: known,
	})
	if errors.Is(err, store.ErrConflict) {
		return nil, answeredMeanwhile(saved)
	}
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	s.verdicts.WithLabelValues(string(saved.Answer)).Inc()
	s.alertsChanged()
	return &verdictOutput{ETag: etag(saved.Version), Body: viewVerdict(saved)}, nil
}

// answeredMeanwhile tells the second of two who answer what the first said.
func answeredMeanwhile(present store.Verdict) error {
	if present.Version == 0 {
		return huma.Error412PreconditionFailed("nobody has answered this alert yet: leave out If-Match")
	}
	return conflict{
		message: "the alert was answered meanwhile", about: "the present answer",
		part: "verdict", present: viewVerdict(present), tag: etag(present.Version),
	}.problem()
}

func (s *Server) listVerdicts(ctx context.Context, in *verdictsInput) (*verdictsOutput, error) {
	kept, err := s.answers()
	if err != nil {
		return nil, err
	}
	q := store.VerdictQuery{Rule: in.Rule, Kind: sensors.KindKey(in.Kind), From: in.From, To: in.To}
	tallies, err := kept.TallyVerdicts(ctx, q)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	found, err := kept.VerdictsOf(ctx, q, in.Limit)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out := &verdictsOutput{}
	out.Body.Tallies, out.Body.Verdicts = make([]tallyView, len(tallies)), make([]alertVerdictView, len(found))
	for i, t := range tallies {
		out.Body.Tallies[i] = tallyView{Rule: t.Rule, Kind: t.Kind, Raised: t.Raised, Confirmed: t.Confirmed, FalseAlarms: t.FalseAlarms}
		if share, ok := t.FalseAlarmShare(); ok {
			out.Body.Tallies[i].FalseAlarmShare = &share
		}
	}
	for i, v := range found {
		out.Body.Verdicts[i] = alertVerdictView{Alert: v.AlertID, Verdict: viewVerdict(v)}
	}
	return out, nil
}

func newVerdictMetric(reg prometheus.Registerer) (*prometheus.CounterVec, error) {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "urbangrid_dashboard_verdicts_total",
		Help: "Answers of people to alerts, changed ones among them, by answer.",
	}, []string{"answer"})
	for _, a := range store.Answers {
		c.WithLabelValues(string(a))
	}
	return c, reg.Register(c)
}
