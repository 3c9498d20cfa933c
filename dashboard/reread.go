package dashboard

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/urbangrid/urbangrid/store"
)

// Reread is what came of giving quarantined messages to ingest once more.
type Reread struct {
	Total        int            `json:"total" doc:"Messages that were to be read when it began"`
	Read         int            `json:"read" doc:"Messages that were read again and have left the quarantine; what is still at fault in them is there anew"`
	Unread       int            `json:"unread" doc:"Messages whose topic no format accepts; they stay"`
	Observations int            `json:"observations" doc:"Good observations in them, those that were known before among them"`
	Refused      map[string]int `json:"refused" doc:"What is still at fault in them, by reason"`
}

// Rereader gives those messages of q that were kept whole to ingest once more. It
// calls progress now and then, and returns when what came of them is durable.
// Errors: store.ErrConflict while another run is under way, store.ErrNotFound when
// q names a reject that is not there.
type Rereader func(ctx context.Context, q store.RejectQuery, progress func(Reread)) (Reread, error)

type rereadInput struct {
	Reason string `query:"reason" doc:"Only messages with this reason; all when it is left out" example:"unknown_kind"`
	By     Person `query:"by" maxLength:"100" doc:"Who asks for it; it is told in the server's log"`
}

type rereadOneInput struct {
	ID int64  `path:"id" minimum:"1"`
	By Person `query:"by" maxLength:"100" doc:"Who asks for it; it is kept with the changes of the device"`
}

type rereadOutput struct{ Body Reread }

func (s *Server) rereadOperations(api huma.API) {
	const tag = "quarantine"
	post := func(id, path, summary, description string) huma.Operation {
		op := operation(id, path, tag, summary, description)
		op.Method = http.MethodPost
		op.Errors = append(op.Errors, http.StatusForbidden, http.StatusConflict, http.StatusNotImplemented)
		return op
	}
	huma.Register(api, post("reread-quarantine", "/quarantine/reread", "Read quarantined messages again",
		"Gives messages that were kept whole to ingest once more, after a mapping was mended, a kind added or a device adopted. It answers when all is done: for many start a job."), s.reread)
	one := post("reread-reject", "/quarantine/{id}/reread", "Read one message again", "The message that the reject came with, in one step.")
	one.Errors = append(one.Errors, http.StatusNotFound)
	huma.Register(api, one, s.rereadOne)
	s.rereadJobOperations(api, post)
}

// rereader returns an error when none is here.
func (s *Server) rereader() (Rereader, error) {
	if s.deps.Reread == nil {
		return nil, huma.Error501NotImplemented("this server does not take observations in")
	}
	return s.deps.Reread, nil
}

func (s *Server) reread(ctx context.Context, in *rereadInput) (*rereadOutput, error) {
	out, err := s.rereadNow(ctx, store.RejectQuery{Reason: in.Reason})
	if err == nil {
		s.log.Info("quarantine read again", "by", string(in.By), "messages", out.Body.Read, "observations", out.Body.Observations)
	}
	return out, err
}

func (s *Server) rereadOne(ctx context.Context, in *rereadOneInput) (*rereadOutput, error) {
	one, err := store.FindReject(ctx, s.deps.Quarantine, in.ID)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out, err := s.rereadNow(ctx, store.RejectQuery{ID: in.ID})
	if err == nil && one.Device != "" {
		err = s.problem(ctx, s.deps.Devices.NoteDevice(ctx, one.Device, string(in.By), store.MessageReread))
	}
	return out, err
}

func (s *Server) rereadNow(ctx context.Context, q store.RejectQuery) (*rereadOutput, error) {
	reread, err := s.rereader()
	if err != nil {
		return nil, err
	}
	done, err := reread(ctx, q, func(Reread) {})
	s.rereads.count(done, err)
	if errors.Is(err, store.ErrConflict) {
		return nil, huma.Error409Conflict("the quarantine is being read again at the moment")
	}
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	if done.Refused == nil {
		done.Refused = map[string]int{}
	}
	return &rereadOutput{Body: done}, nil
}

func newRereadMetric(reg prometheus.Registerer) (*prometheus.CounterVec, error) {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "urbangrid_dashboard_reread_messages_total",
		Help: "Quarantined messages that people gave to ingest again, by outcome; a failed run is one more.",
	}, []string{"outcome"})
	for _, outcome := range []string{"read", "unread", "failed"} {
		c.WithLabelValues(outcome)
	}
	return c, reg.Register(c)
}
