package dashboard

import (
	"context"
	"encoding/base64"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/urbangrid/urbangrid/dashboard/live"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

type alertsInput struct {
	State string `query:"state" enum:"open,closed" doc:"Narrow to one state"`
	Kind  string `query:"kind" doc:"Narrow to one kind by its key"`
	Area  string `query:"area" doc:"Narrow to one responsibility area by its code"`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"200"`
}

type alertsOutput struct {
	Body struct {
		Alerts []live.Alert `json:"alerts" nullable:"false" doc:"Newest first"`
	}
}

func (s *Server) alertOperations(api huma.API) {
	huma.Register(api, operation("list-alerts", "/alerts", "alerts", "Alerts", "Newest first."), s.listAlerts)
}

func (s *Server) listAlerts(ctx context.Context, in *alertsInput) (*alertsOutput, error) {
	found, err := s.deps.Alerts.FindAlerts(ctx, store.AlertQuery{
		State: store.AlertState(in.State), Kind: sensors.KindKey(in.Kind), Area: grid.AreaCode(in.Area), Limit: in.Limit,
	})
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out := &alertsOutput{}
	out.Body.Alerts = make([]live.Alert, len(found))
	for i, a := range found {
		out.Body.Alerts[i] = live.AlertOf(a)
	}
	return out, nil
}

type quarantineInput struct {
	Reason string `query:"reason" doc:"Narrow the rejects to one reason" example:"no_position"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"50"`
	Before int64  `query:"before" minimum:"0" doc:"List rejects older than this id"`
}

type rejectView struct {
	ID       int64     `json:"id"`
	At       time.Time `json:"at" doc:"When it was received"`
	Reason   string    `json:"reason"`
	Detail   string    `json:"detail" doc:"What exactly was wrong"`
	Topic    string    `json:"topic" doc:"MQTT topic"`
	Size     int       `json:"size" doc:"Bytes of the whole payload"`
	Payload  string    `json:"payload" doc:"Its first bytes"`
	Encoding string    `json:"encoding" enum:"text,base64" doc:"base64 when the bytes are not UTF-8"`
}

type quarantineOutput struct {
	Body struct {
		Counts  map[string]int64 `json:"counts" doc:"How many were ever quarantined, by reason"`
		Total   int64            `json:"total" doc:"How many were ever quarantined"`
		Rejects []rejectView     `json:"rejects" nullable:"false" doc:"Newest first"`
		Next    int64            `json:"next" doc:"Give this as before for the next page; 0 after the last"`
	}
}

func (s *Server) quarantineOperations(api huma.API) {
	huma.Register(api, operation("list-quarantine", "/quarantine", "quarantine", "Quarantine",
		"What could not become an observation, and why."), s.listQuarantine)
}

func (s *Server) listQuarantine(ctx context.Context, in *quarantineInput) (*quarantineOutput, error) {
	counts, err := s.deps.Quarantine.RejectCounts(ctx)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	rejects, err := s.deps.Quarantine.Rejects(ctx, in.Reason, in.Before, in.Limit)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out := &quarantineOutput{}
	out.Body.Counts, out.Body.Rejects = map[string]int64{}, make([]rejectView, len(rejects))
	for reason, n := range counts {
		out.Body.Counts[reason] = n
		out.Body.Total += n
	}
	for i, r := range rejects {
		v := rejectView{ID: r.ID, At: r.At.UTC(), Reason: r.Reason, Detail: r.Detail, Topic: r.Topic, Size: r.Size}
		v.Payload, v.Encoding = readable(r.Payload, r.Size > len(r.Payload))
		out.Body.Rejects[i] = v
	}
	if len(rejects) == in.Limit {
		out.Body.Next = rejects[len(rejects)-1].ID
	}
	return out, nil
}

// readable returns payload as text when it is text, else as base64. Bytes that
// were cut may end within a character.
func readable(payload []byte, cut bool) (text, encoding string) {
	b := payload
	for i := 0; cut && i < utf8.UTFMax-1 && len(b) > 0 && !utf8.Valid(b); i++ {
		b = b[:len(b)-1]
	}
	if utf8.Valid(b) {
		return string(b), "text"
	}
	return base64.StdEncoding.EncodeToString(payload), "base64"
}
