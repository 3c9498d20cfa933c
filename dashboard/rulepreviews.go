package dashboard

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/analytics/report/jobs"
	"github.com/urbangrid/urbangrid/analytics/rulebook"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

type previewRuleInput struct {
	Name string `path:"name" maxLength:"100" example:"noise_loud"`
	Body struct {
		Rule ruleBody `json:"rule" doc:"The rule as it would be"`
		Days int      `json:"days,omitempty" minimum:"1" maximum:"28" default:"7" doc:"How far back it looks"`
	}
}

type previewInput struct {
	ID string `path:"id" doc:"Identity of the job" example:"4f6c2d0e-6d0b-4b57-9d6e-0f3c3f0f7c11"`
}

type previewDayView struct {
	Day     time.Time `json:"day" doc:"Beginning of the day of the district, that of the preview for the first"`
	Changed int       `json:"changed"`
	Present int       `json:"present"`
	Fired   int       `json:"fired"`
}

type episodeView struct {
	Place     string              `json:"place" doc:"device/<id>, cell/<H3 index>, hotspot/<id> or kind/<key>"`
	Area      grid.AreaCode       `json:"area"`
	Device    sensors.DeviceID    `json:"device"`
	Cell      string              `json:"cell"`
	Severity  store.Severity      `json:"severity" enum:"notice,warning,critical"`
	Category  store.AlertCategory `json:"category" enum:"city,quality"`
	Value     float64             `json:"value"`
	Reason    sensors.Names       `json:"reason"`
	RaisedAt  time.Time           `json:"raised_at"`
	ClearedAt *time.Time          `json:"cleared_at" doc:"null when it was open at the end"`
}

type episodesView struct {
	Total  int           `json:"total"`
	Open   int           `json:"open" doc:"At the end"`
	Listed []episodeView `json:"listed" nullable:"false" maxItems:"500" doc:"The newest first"`
}

type previewView struct {
	From         time.Time        `json:"from"`
	To           time.Time        `json:"to"`
	LearnedFrom  *time.Time       `json:"learned_from" doc:"Of the first observation that was found; null when there was none"`
	Observations int64            `json:"observations" doc:"That were judged, those to learn from among them"`
	Days         []previewDayView `json:"days" nullable:"false"`
	Changed      episodesView     `json:"changed" doc:"By the rule as it would be"`
	Present      episodesView     `json:"present" doc:"By the rule as it is, from the same observations"`
	Fired        episodesView     `json:"fired" doc:"That people were told of"`
}

type previewJobView struct {
	ID       string       `json:"id"`
	State    jobs.State   `json:"state" enum:"waiting,running,done,failed,cancelled"`
	Progress progressView `json:"progress"`
	Error    string       `json:"error,omitempty" doc:"Why it failed"`
	Preview  *previewView `json:"preview,omitempty" doc:"Of a job that is done"`
}

type previewOutput struct {
	Location   string `header:"Location"`
	RetryAfter string `header:"Retry-After"`
	Body       previewJobView
}

func (s *Server) rulePreviewOperations(api huma.API) {
	start := command(http.MethodPost, "preview-rule", "/rules/{name}/previews", "Try a changed rule",
		"A job that judges what was observed in the last days by the rule as it would be and as it is, beside what people were told. "+
			"The same question while one waits or runs is the same job.", http.StatusNotFound, http.StatusTooManyRequests)
	start.DefaultStatus = http.StatusAccepted
	huma.Register(api, start, s.startPreview)
	read := operation("get-rule-preview", "/rule-previews/{id}", settingsTag, "How a preview stands", "With its result when it is done.")
	read.Errors = append(read.Errors, http.StatusNotFound, http.StatusNotImplemented)
	huma.Register(api, read, s.getPreview)
	huma.Register(api, command(http.MethodDelete, "cancel-rule-preview", "/rule-previews/{id}", "Give a preview up", "", http.StatusNotFound), s.cancelPreview)
}

func (s *Server) previews() (*rulebook.Previews, error) {
	if s.deps.Settings.Previews == nil {
		return nil, huma.Error501NotImplemented("rules cannot be tried here")
	}
	return s.deps.Settings.Previews, nil
}

func (s *Server) startPreview(ctx context.Context, in *previewRuleInput) (*previewOutput, error) {
	previews, err := s.previews()
	if err != nil {
		return nil, err
	}
	book, err := s.rulebook()
	if err != nil {
		return nil, err
	}
	e, err := book.Entry(in.Name)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	job, err := previews.Submit(in.Name, in.Body.Rule.rule(e.File), max(in.Body.Days, 1))
	return s.previewAnswer(ctx, job, err)
}

func (s *Server) getPreview(ctx context.Context, in *previewInput) (*previewOutput, error) {
	previews, err := s.previews()
	if err != nil {
		return nil, err
	}
	job, err := previews.Job(in.ID)
	return s.previewAnswer(ctx, job, err)
}

func (s *Server) cancelPreview(ctx context.Context, in *previewInput) (*previewOutput, error) {
	previews, err := s.previews()
	if err != nil {
		return nil, err
	}
	job, err := previews.Cancel(in.ID)
	return s.previewAnswer(ctx, job, err)
}

func (s *Server) previewAnswer(ctx context.Context, job rulebook.Job, err error) (*previewOutput, error) {
	switch {
	case errors.Is(err, rulebook.ErrInvalid):
		return nil, invalid(err)
	case errors.Is(err, jobs.ErrNotFound):
		return nil, huma.Error404NotFound(err.Error())
	case errors.Is(err, jobs.ErrFull):
		return nil, huma.ErrorWithHeaders(huma.Error429TooManyRequests(err.Error()), http.Header{"Retry-After": {"30"}})
	case err != nil:
		return nil, s.problem(ctx, err)
	}
	out := &previewOutput{Location: root + "/rule-previews/" + job.ID}
	out.Body = previewJobView{ID: job.ID, State: job.State, Progress: progressView(job.Progress)}
	if !job.State.Ended() {
		out.RetryAfter = strconv.Itoa(jobPause)
	}
	switch job.State {
	case jobs.Done:
		out.Body.Preview = viewPreview(&job.Result)
	case jobs.Failed:
		out.Body.Error = "the observations could not be read; the server's log says why"
	}
	return out, nil
}

func viewPreview(p *analytics.Preview) *previewView {
	v := &previewView{From: p.From.UTC(), To: p.To.UTC(), LearnedFrom: orNull(p.LearnedFrom), Observations: p.Observations,
		Days: make([]previewDayView, len(p.Days)), Changed: viewEpisodes(p.Changed), Present: viewEpisodes(p.Present), Fired: viewEpisodes(p.Fired)}
	for i, d := range p.Days {
		v.Days[i] = previewDayView{Day: d.Day.UTC(), Changed: d.Changed, Present: d.Present, Fired: d.Fired}
	}
	return v
}

func viewEpisodes(e analytics.Episodes) episodesView {
	v := episodesView{Total: e.Total, Open: e.Open, Listed: make([]episodeView, len(e.Listed))}
	for i, l := range e.Listed {
		v.Listed[i] = episodeView{Place: l.Place, Area: l.Area, Device: l.Device, Cell: l.Cell.String(), Severity: l.Severity, Category: l.Category,
			Value: l.Value, Reason: l.Reason, RaisedAt: l.RaisedAt.UTC(), ClearedAt: orNull(l.ClearedAt)}
	}
	return v
}
