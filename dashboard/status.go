package dashboard

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/urbangrid/urbangrid/sensors"
)

type statusOutput struct {
	Body struct {
		Version   string        `json:"version"`
		Epoch     string        `json:"epoch" doc:"Changes when the server restarts"`
		District  sensors.Names `json:"district" doc:"What the district is called; both empty when nobody has said it"`
		TimeZone  string        `json:"time_zone" doc:"Zone of the district" example:"Asia/Shanghai"`
		Demo      bool          `json:"demo" doc:"The server is open to everyone on its machine"`
		StartedAt time.Time     `json:"started_at"`
		Now       time.Time     `json:"now"`
		Stages    Progress      `json:"stages"`
	}
}

func (s *Server) statusOperations(api huma.API) {
	huma.Register(api, operation("get-status", "/status", "status", "Status", "What runs here and how far each stage has come."), s.status)
}

func (s *Server) status(ctx context.Context, _ *struct{}) (*statusOutput, error) {
	progress, err := s.deps.Progress(ctx)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out := &statusOutput{}
	b := &out.Body
	b.Version, b.Epoch, b.District, b.TimeZone, b.Demo = s.opts.Version, s.hub.Epoch(), s.opts.District, s.opts.Zone.String(), s.opts.Demo
	b.StartedAt, b.Now, b.Stages = s.started.UTC(), s.deps.Now().UTC(), progress
	return out, nil
}

type checkView struct {
	OK    bool   `json:"ok"`
	Error string `json:"error,omitempty"`
}

// healthz says that the process serves requests; nothing else is asked.
func healthz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	// A client that has gone is no error of ours.
	_, _ = w.Write([]byte(`{"alive":true}` + "\n"))
}

// readyz asks every check at once and answers 503 when one fails.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	views, ready := s.check(r.Context())
	b, err := json.Marshal(map[string]any{"ready": ready, "checks": views})
	if err != nil {
		writeProblem(w, http.StatusInternalServerError, err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if !ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	// A client that has gone is no error of ours.
	_, _ = w.Write(append(b, '\n'))
}

// check asks every check at once, for at most Options.CheckWait.
func (s *Server) check(ctx context.Context) (views map[string]checkView, ready bool) {
	ctx, cancel := context.WithTimeout(ctx, s.opts.CheckWait)
	defer cancel()
	type result struct {
		name string
		err  error
	}
	// It has room for all, so that a check that answers late does not wait.
	results := make(chan result, len(s.deps.Checks))
	views = make(map[string]checkView, len(s.deps.Checks))
	for name, check := range s.deps.Checks {
		views[name] = checkView{Error: "no answer within " + s.opts.CheckWait.String()}
		go func() { results <- result{name, check(ctx)} }()
	}
	ready = true
	for range s.deps.Checks {
		select {
		case res := <-results:
			if res.err == nil {
				views[res.name] = checkView{OK: true}
			} else if !errors.Is(res.err, context.DeadlineExceeded) {
				views[res.name] = checkView{Error: res.err.Error()}
			}
			ready = ready && res.err == nil
		case <-ctx.Done():
			ready = false
		}
	}
	return views, ready
}
