package dashboard

import (
	"context"
	"encoding/base64"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// RejectFilter narrows the quarantine. Fields that are left out do not narrow.
type RejectFilter struct {
	Reason string    `query:"reason" json:"reason,omitempty" maxLength:"64" doc:"Narrow to one reason" example:"no_position"`
	Device string    `query:"device" json:"device,omitempty" maxLength:"128" doc:"Narrow to one device"`
	Q      string    `query:"q" json:"q,omitempty" maxLength:"200" doc:"Narrow to those with this text in topic or detail, small letters and capitals alike"`
	From   time.Time `query:"from" json:"from,omitzero" doc:"Narrow to those received then or later"`
	To     time.Time `query:"to" json:"to,omitzero" doc:"Narrow to those received before"`
}

func (f *RejectFilter) query() store.RejectQuery {
	return store.RejectQuery{Reason: f.Reason, Device: sensors.DeviceID(f.Device), Text: f.Q, From: f.From, To: f.To}
}

type quarantineInput struct {
	RejectFilter
	Limit  int   `query:"limit" minimum:"1" maximum:"1000" default:"50"`
	Before int64 `query:"before" minimum:"0" doc:"List rejects older than this id"`
}

// RejectView is one thing that could not become an observation.
type RejectView struct {
	ID       int64            `json:"id"`
	At       time.Time        `json:"at" doc:"When it was received"`
	Reason   string           `json:"reason"`
	Detail   string           `json:"detail" doc:"What exactly was wrong"`
	Topic    string           `json:"topic" doc:"MQTT topic"`
	Device   sensors.DeviceID `json:"device" doc:"Whose message it was, empty when nobody can tell"`
	Size     int              `json:"size" doc:"Bytes of the whole payload"`
	Payload  string           `json:"payload" doc:"Its first bytes, or those of the part at fault"`
	Encoding string           `json:"encoding" enum:"text,base64" doc:"base64 when the bytes are not UTF-8"`
}

type keptView struct {
	Kept     int64 `json:"kept" doc:"Those that can be looked at"`
	Readable int64 `json:"readable" doc:"Messages among them that can be read again"`
}

type quarantineOutput struct {
	Body struct {
		Counts  map[string]int64    `json:"counts" doc:"How many were ever quarantined, by reason"`
		Total   int64               `json:"total" doc:"How many were ever quarantined"`
		Kept    map[string]keptView `json:"kept" doc:"How many of those that are asked for are kept, by reason; the reason that is asked for does not narrow here"`
		Rejects []RejectView        `json:"rejects" nullable:"false" doc:"Newest first"`
		Next    int64               `json:"next" doc:"Give this as before for the next page; 0 after the last"`
	}
}

type rejectInput struct {
	ID int64 `path:"id" minimum:"1"`
}

type rejectOutput struct {
	Body struct {
		RejectView
		Message []byte `json:"message" doc:"The whole message in base64; null when it was too long or private to be kept, and then it cannot be read again"`
	}
}

func (s *Server) quarantineOperations(api huma.API) {
	const tag = "quarantine"
	huma.Register(api, operation("list-quarantine", "/quarantine", tag, "Quarantine",
		"What could not become an observation, and why."), s.listQuarantine)
	one := operation("get-reject", "/quarantine/{id}", tag, "One reject with its message", "")
	one.Errors = append(one.Errors, http.StatusNotFound)
	huma.Register(api, one, s.getReject)
}

func (s *Server) listQuarantine(ctx context.Context, in *quarantineInput) (*quarantineOutput, error) {
	counts, err := s.deps.Quarantine.RejectCounts(ctx)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	q := in.query()
	rejects, err := s.deps.Quarantine.Rejects(ctx, q, in.Before, in.Limit)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	q.Reason = ""
	kept, err := s.deps.Quarantine.KeptRejects(ctx, q)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out := &quarantineOutput{}
	out.Body.Counts, out.Body.Kept, out.Body.Rejects = map[string]int64{}, map[string]keptView{}, make([]RejectView, len(rejects))
	for reason, n := range counts {
		out.Body.Counts[reason] = n
		out.Body.Total += n
	}
	for reason, n := range kept {
		out.Body.Kept[reason] = keptView(n)
	}
	for i := range rejects {
		out.Body.Rejects[i] = viewReject(&rejects[i])
	}
	if len(rejects) == in.Limit {
		out.Body.Next = rejects[len(rejects)-1].ID
	}
	return out, nil
}

func (s *Server) getReject(ctx context.Context, in *rejectInput) (*rejectOutput, error) {
	one, err := store.FindReject(ctx, s.deps.Quarantine, in.ID)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	bearer, err := store.MessageBearer(ctx, s.deps.Quarantine, in.ID)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out := &rejectOutput{}
	out.Body.RejectView = viewReject(&one)
	if len(bearer.Message) > 0 {
		out.Body.Message = bearer.Message
	}
	return out, nil
}

func viewReject(r *store.QuarantinedReject) RejectView {
	v := RejectView{ID: r.ID, At: r.At.UTC(), Reason: r.Reason, Detail: r.Detail, Topic: r.Topic, Device: r.Device, Size: r.Size}
	v.Payload, v.Encoding = readable(r.Payload, r.Size > len(r.Payload))
	return v
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
