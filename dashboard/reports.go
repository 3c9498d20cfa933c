package dashboard

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/urbangrid/urbangrid/analytics/report"
	"github.com/urbangrid/urbangrid/analytics/report/export"
	"github.com/urbangrid/urbangrid/analytics/report/jobs"
	"github.com/urbangrid/urbangrid/store"
)

// reportInput is the whole query: report.Parse reads it and names every fault at
// once.
type reportInput struct {
	query url.Values
}

// Resolve implements huma.Resolver.
func (in *reportInput) Resolve(ctx huma.Context) []error {
	u := ctx.URL()
	in.query = u.Query()
	return nil
}

var _ huma.Resolver = (*reportInput)(nil)

// reportOutput is a report in one of its forms.
type reportOutput struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

type jobInput struct {
	ID string `path:"id" doc:"Identity of the job" example:"4f6c2d0e-6d0b-4b57-9d6e-0f3c3f0f7c11"`
}

type jobResultInput struct {
	ID     string `path:"id" doc:"Identity of the job" example:"4f6c2d0e-6d0b-4b57-9d6e-0f3c3f0f7c11"`
	Format string `query:"format" enum:"json,csv,xlsx,geojson,txt" default:"json" doc:"Form of the answer" example:"xlsx"`
	Lang   string `query:"lang" enum:"zh,en" default:"zh" doc:"Language of CSV, XLSX and text" example:"zh"`
}

type jobOutput struct {
	Location   string `header:"Location"`
	RetryAfter string `header:"Retry-After"`
	Body       jobView
}

type jobsOutput struct {
	Body struct {
		Jobs []jobView `json:"jobs" nullable:"false" doc:"Newest first"`
	}
}

type reportsOutput struct {
	Body struct {
		Reports []reportKindView `json:"reports" nullable:"false"`
	}
}

// asked is a question with the form of its answer.
type asked struct {
	report.Request
	format export.Format
	lang   report.Lang
}

// readReport reads a question. The problem names every fault of it.
func (s *Server) readReport(name report.Name, query url.Values) (asked, error) {
	out := asked{format: export.JSON, lang: report.ZH}
	var faults report.Faults
	rest := url.Values{}
	for key, values := range query {
		switch key {
		case "format":
			out.format = export.Format(values[0])
			if !isFile(out.format) {
				faults = append(faults, report.Fault{Param: key, Given: values[0], Detail: "is none of json, csv, xlsx, geojson, txt"})
			}
		case "lang":
			if out.lang = report.Lang(values[0]); out.lang != report.ZH && out.lang != report.EN {
				faults = append(faults, report.Fault{Param: key, Given: values[0], Detail: "is neither zh nor en"})
			}
		default:
			rest[key] = values
		}
	}
	req, err := report.Parse(name, rest, s.deps.Reports.District())
	var more report.Faults
	if errors.As(err, &more) {
		faults = append(faults, more...)
	}
	if len(faults) > 0 {
		return out, faultsProblem(faults)
	}
	out.Request = req
	return out, err
}

func isFile(f export.Format) bool {
	for _, known := range export.Files {
		if f == known {
			return true
		}
	}
	return false
}

func faultsProblem(faults report.Faults) error {
	details := make([]error, len(faults))
	for i, f := range faults {
		details[i] = &huma.ErrorDetail{Message: f.Detail, Location: "query." + f.Param, Value: f.Given}
	}
	return huma.Error422UnprocessableEntity("the report cannot be made so: "+faults.Error(), details...)
}

var errNoReports = huma.Error501NotImplemented("this server makes no reports")

func (s *Server) getReport(ctx context.Context, name report.Name, in *reportInput) (*reportOutput, error) {
	if s.deps.Reports == nil {
		return nil, errNoReports
	}
	q, err := s.readReport(name, in.query)
	if err != nil {
		return nil, err
	}
	if q.Long() {
		return nil, huma.Error422UnprocessableEntity("the answer takes long: ask for it as a job, with POST "+root+"/reports/"+string(name)+"/jobs",
			&huma.ErrorDetail{Message: "makes the answer take long", Location: "query.scan", Value: q.Scan})
	}
	result, err := s.deps.Reports.Ask(ctx, q.Request)
	if err != nil {
		return nil, s.reportProblem(ctx, err)
	}
	return reportFile(result, q.format, q.lang)
}

// reportFile writes a report in the form that was asked for.
func reportFile(r *report.Result, f export.Format, lang report.Lang) (*reportOutput, error) {
	var b bytes.Buffer
	err := export.Write(&b, f, r, lang)
	if errors.Is(err, export.ErrNoPlaces) {
		return nil, huma.Error422UnprocessableEntity(export.ErrNoPlaces.Error(), &huma.ErrorDetail{Message: "has no geometry", Location: "query.format", Value: f})
	}
	if err != nil {
		return nil, err
	}
	out := &reportOutput{ContentType: f.ContentType(), Body: b.Bytes()}
	if f != export.JSON && f != export.Text {
		zone := r.Period.Location()
		out.Disposition = fmt.Sprintf(`attachment; filename="%s-%s.%s"`, r.Report, r.Period.To.In(zone).Format(time.DateOnly), f)
	}
	return out, nil
}

// reportProblem turns what went wrong with a report into what the asker is told.
func (s *Server) reportProblem(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, report.ErrTooMuch):
		return huma.Error422UnprocessableEntity(err.Error())
	case errors.Is(err, jobs.ErrNotFound):
		return huma.Error404NotFound(err.Error())
	case errors.Is(err, jobs.ErrFull):
		return huma.ErrorWithHeaders(huma.Error429TooManyRequests(err.Error()), http.Header{"Retry-After": {"30"}})
	case errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, store.ErrUnavailable):
		return huma.Error503ServiceUnavailable("the report was not ready in time: ask for it as a job")
	}
	return s.problem(ctx, err)
}

func (s *Server) submitReport(name report.Name, in *reportInput) (*jobOutput, error) {
	if s.deps.Reports == nil {
		return nil, errNoReports
	}
	q, err := s.readReport(name, in.query)
	if err != nil {
		return nil, err
	}
	job, err := s.deps.Reports.Submit(q.Request)
	if err != nil {
		return nil, s.reportProblem(context.Background(), err)
	}
	out := s.jobOutput(job)
	out.Location = root + "/reports/jobs/" + job.ID
	return out, nil
}

func (s *Server) getJob(ctx context.Context, in *jobInput) (*jobOutput, error) {
	if s.deps.Reports == nil {
		return nil, errNoReports
	}
	job, err := s.deps.Reports.Job(in.ID)
	if err != nil {
		return nil, s.reportProblem(ctx, err)
	}
	return s.jobOutput(job), nil
}

func (s *Server) listJobs(context.Context, *struct{}) (*jobsOutput, error) {
	if s.deps.Reports == nil {
		return nil, errNoReports
	}
	out := &jobsOutput{}
	out.Body.Jobs = []jobView{}
	for _, j := range s.deps.Reports.Jobs() {
		out.Body.Jobs = append(out.Body.Jobs, viewJob(j))
	}
	return out, nil
}

func (s *Server) cancelJob(ctx context.Context, in *jobInput) (*jobOutput, error) {
	if s.deps.Reports == nil {
		return nil, errNoReports
	}
	job, err := s.deps.Reports.Cancel(in.ID)
	if err != nil {
		return nil, s.reportProblem(ctx, err)
	}
	return s.jobOutput(job), nil
}

func (s *Server) jobResult(ctx context.Context, in *jobResultInput) (*reportOutput, error) {
	if s.deps.Reports == nil {
		return nil, errNoReports
	}
	job, err := s.deps.Reports.Job(in.ID)
	if err != nil {
		return nil, s.reportProblem(ctx, err)
	}
	switch job.State {
	case jobs.Done:
		return reportFile(job.Result, export.Format(in.Format), report.Lang(in.Lang))
	case jobs.Failed:
		return nil, s.reportProblem(ctx, job.Err)
	}
	return nil, huma.Error409Conflict("the job is " + string(job.State) + ": it has no result")
}

// jobPause is when those who wait for a job should look again.
const jobPause = 1

func (s *Server) jobOutput(job jobs.Job[*report.Result]) *jobOutput {
	out := &jobOutput{Body: viewJob(job)}
	if !job.State.Ended() {
		out.RetryAfter = strconv.Itoa(jobPause)
	}
	return out
}
