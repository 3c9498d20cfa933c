package dashboard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/urbangrid/urbangrid/store"
)

// rereadState is how a job does.
type rereadState string

const (
	rereadRunning   rereadState = "running"
	rereadDone      rereadState = "done"
	rereadFailed    rereadState = "failed"
	rereadCancelled rereadState = "cancelled"
)

type rereadJobView struct {
	ID        string       `json:"id"`
	State     rereadState  `json:"state" enum:"running,done,failed,cancelled"`
	Filter    RejectFilter `json:"filter" doc:"Which messages"`
	By        string       `json:"by" doc:"Who asked for it"`
	Canceller string       `json:"cancelled_by" doc:"Who ended it before it was done, empty while nobody has"`
	StartedAt time.Time    `json:"started_at"`
	EndedAt   *time.Time   `json:"ended_at"`
	Error     string       `json:"error" doc:"Why it failed, empty for no reason"`
	Progress  Reread       `json:"progress"`
}

// rereadJobs reads the quarantine again in the background, one job at a time. It
// remembers the newest maxRereadJobs. It is safe for concurrent use.
type rereadJobs struct {
	reread Rereader
	log    *slog.Logger
	now    func() time.Time
	done   *prometheus.CounterVec

	wanted chan *rereadJob // room for one, and at most one waits or runs

	mu     sync.Mutex   // guards what follows, and the views of jobs
	jobs   []*rereadJob // oldest first
	number int
}

type rereadJob struct {
	view   rereadJobView
	key    string        // of the request that asked for it
	cancel chan struct{} // closed when nobody wants it any more
	given  bool          // cancel is closed
}

const maxRereadJobs = 20

func newRereadJobs(deps *Deps, log *slog.Logger) (*rereadJobs, error) {
	done, err := newRereadMetric(deps.Registerer)
	return &rereadJobs{reread: deps.Reread, log: log, now: deps.Now, done: done, wanted: make(chan *rereadJob, 1)}, err
}

func (r *rereadJobs) count(done Reread, err error) {
	r.done.WithLabelValues("read").Add(float64(done.Read))
	r.done.WithLabelValues("unread").Add(float64(done.Unread))
	if err != nil {
		r.done.WithLabelValues("failed").Inc()
	}
}

// start begins a job unless one is under way; then it returns that one and
// false. A request with the key of an earlier one gets the job of that.
func (r *rereadJobs) start(filter RejectFilter, by, key string) (rereadJobView, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, j := range r.jobs {
		if key != "" && j.key == key {
			return j.view, true
		}
	}
	if n := len(r.jobs); n > 0 && r.jobs[n-1].view.State == rereadRunning {
		return r.jobs[n-1].view, false
	}
	r.number++
	j := &rereadJob{key: key, cancel: make(chan struct{}), view: rereadJobView{
		ID: strconv.Itoa(r.number), State: rereadRunning, Filter: filter, By: by, StartedAt: r.now().UTC(),
		Progress: Reread{Refused: map[string]int{}},
	}}
	r.jobs = append(r.jobs, j)
	if len(r.jobs) > maxRereadJobs {
		r.jobs = slices.Delete(r.jobs, 0, 1)
	}
	r.wanted <- j // nothing else waits: the job before has ended
	return j.view, true
}

// run does the jobs until ctx ends, and returns after the last has.
func (r *rereadJobs) run(ctx context.Context) {
	for {
		select {
		case j := <-r.wanted:
			r.do(ctx, j)
		case <-ctx.Done():
			return
		}
	}
}

func (r *rereadJobs) do(ctx context.Context, j *rereadJob) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		select {
		case <-j.cancel:
			stop()
		case <-ctx.Done():
		}
	}()
	tell := func(p Reread) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if p.Refused == nil {
			p.Refused = map[string]int{}
		}
		j.view.Progress = p
	}
	done, err := r.reread(ctx, j.view.Filter.query(), tell)
	tell(done)
	r.count(done, err)
	r.end(j, err)
}

func (r *rereadJobs) end(j *rereadJob, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now().UTC()
	j.view.EndedAt, j.view.State = &now, rereadDone
	switch {
	case err == nil:
	case j.given || errors.Is(err, context.Canceled):
		j.view.State = rereadCancelled
	case errors.Is(err, store.ErrConflict):
		j.view.State, j.view.Error = rereadFailed, "the quarantine was being read again already"
	default:
		j.view.State, j.view.Error = rereadFailed, "something went wrong; the server's log says what"
		r.log.Error("quarantine not read again", "job", j.view.ID, "by", j.view.By, "error", err)
	}
	r.log.Info("quarantine read again", "job", j.view.ID, "by", j.view.By, "cancelled_by", j.view.Canceller, "state", j.view.State,
		"messages", j.view.Progress.Read, "observations", j.view.Progress.Observations)
}

// cancel ends the job for a person when it runs, and returns it.
func (r *rereadJobs) cancel(id, by string) (rereadJobView, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	j, err := r.find(id)
	if err != nil {
		return rereadJobView{}, err
	}
	if j.view.State == rereadRunning && !j.given {
		j.given, j.view.Canceller = true, by
		close(j.cancel)
	}
	return j.view, nil
}

func (r *rereadJobs) find(id string) (*rereadJob, error) {
	for _, j := range r.jobs {
		if j.view.ID == id {
			return j, nil
		}
	}
	return nil, fmt.Errorf("job %q: %w", id, store.ErrNotFound)
}

func (r *rereadJobs) view(id string) (rereadJobView, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	j, err := r.find(id)
	if err != nil {
		return rereadJobView{}, err
	}
	return j.view, nil
}

// list returns the newest first.
func (r *rereadJobs) list() []rereadJobView {
	r.mu.Lock()
	defer r.mu.Unlock()
	views := make([]rereadJobView, 0, len(r.jobs))
	for _, j := range slices.Backward(r.jobs) {
		views = append(views, j.view)
	}
	return views
}

type startJobInput struct {
	Key  string `header:"Idempotency-Key" maxLength:"100" doc:"A request with the key of an earlier one starts nothing and gets that one's job"`
	Body struct {
		RejectFilter
		By Person `json:"by,omitempty" maxLength:"100" doc:"Who asks for it" example:"王芳"`
	}
}

type rereadJobInput struct {
	Job string `path:"job" maxLength:"20"`
}

type cancelJobInput struct {
	Job string `path:"job" maxLength:"20"`
	By  Person `query:"by" required:"true" minLength:"1" maxLength:"100" doc:"Who ends it" example:"王芳"`
}

type rereadJobOutput struct {
	Location string `header:"Location"`
	Body     rereadJobView
}

type rereadJobsOutput struct {
	Body struct {
		Jobs []rereadJobView `json:"jobs" nullable:"false" doc:"Newest first, at most 20; they are forgotten when the server ends"`
	}
}

func (s *Server) rereadJobOperations(api huma.API, post func(id, path, summary, description string) huma.Operation) {
	const tag = "quarantine"
	start := post("start-reread-job", "/quarantine/jobs", "Read many messages again in the background",
		"One job runs at a time: while another does the answer is 409 with that one.")
	start.DefaultStatus = http.StatusAccepted
	huma.Register(api, start, s.startReread)
	huma.Register(api, operation("list-reread-jobs", "/quarantine/jobs", tag, "Jobs that read the quarantine again", ""),
		func(context.Context, *struct{}) (*rereadJobsOutput, error) {
			out := &rereadJobsOutput{}
			out.Body.Jobs = s.rereads.list()
			return out, nil
		})
	one := operation("get-reread-job", "/quarantine/jobs/{job}", tag, "How a job does", "")
	one.Errors = append(one.Errors, http.StatusNotFound)
	huma.Register(api, one, func(ctx context.Context, in *rereadJobInput) (*rereadJobOutput, error) {
		return s.jobAnswer(ctx)(s.rereads.view(in.Job))
	})
	cancel := operation("cancel-reread-job", "/quarantine/jobs/{job}", tag, "End a job", "What it has read stays read.")
	cancel.Method = http.MethodDelete
	cancel.DefaultStatus = http.StatusOK
	cancel.Errors = append(cancel.Errors, http.StatusForbidden, http.StatusNotFound)
	huma.Register(api, cancel, func(ctx context.Context, in *cancelJobInput) (*rereadJobOutput, error) {
		return s.jobAnswer(ctx)(s.rereads.cancel(in.Job, string(in.By)))
	})
}

func (s *Server) startReread(ctx context.Context, in *startJobInput) (*rereadJobOutput, error) {
	if _, err := s.rereader(); err != nil {
		return nil, err
	}
	view, started := s.rereads.start(in.Body.RejectFilter, string(in.Body.By), in.Key)
	if !started {
		return nil, huma.Error409Conflict("the quarantine is being read again at the moment",
			&huma.ErrorDetail{Message: "the job that runs", Location: "job", Value: view})
	}
	return s.jobAnswer(ctx)(view, nil)
}

func (s *Server) jobAnswer(ctx context.Context) func(rereadJobView, error) (*rereadJobOutput, error) {
	return func(view rereadJobView, err error) (*rereadJobOutput, error) {
		if err != nil {
			return nil, s.problem(ctx, err)
		}
		return &rereadJobOutput{Location: root + "/quarantine/jobs/" + view.ID, Body: view}, nil
	}
}
