package dashboard

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// Reread is what came of giving quarantined messages to ingest once more.
type Reread struct {
	Read   int `json:"read" doc:"Messages that were read again and have left the quarantine; what is still at fault in them is there anew"`
	Unread int `json:"unread" doc:"Messages whose topic no format accepts; they stay"`
}

type rereadInput struct {
	Reason string `query:"reason" doc:"Only messages with this reason; all when it is left out" example:"unknown_kind"`
}

type rereadOutput struct{ Body Reread }

func (s *Server) rereadOperations(api huma.API) {
	op := operation("reread-quarantine", "/quarantine/reread", "quarantine", "Read quarantined messages again",
		"Gives messages that were kept whole to ingest once more, after a mapping was mended, a kind added or a device adopted.")
	op.Method = http.MethodPost
	huma.Register(api, op, s.reread)
}

func (s *Server) reread(ctx context.Context, in *rereadInput) (*rereadOutput, error) {
	if s.deps.Reread == nil {
		return nil, huma.Error501NotImplemented("this server does not take observations in")
	}
	done, err := s.deps.Reread(ctx, in.Reason)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return &rereadOutput{Body: done}, nil
}
