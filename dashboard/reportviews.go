package dashboard

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/urbangrid/urbangrid/analytics/report"
	"github.com/urbangrid/urbangrid/analytics/report/export"
	"github.com/urbangrid/urbangrid/analytics/report/jobs"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

type jobView struct {
	ID        string        `json:"id" example:"4f6c2d0e-6d0b-4b57-9d6e-0f3c3f0f7c11"`
	Title     sensors.Names `json:"title"`
	State     jobs.State    `json:"state" enum:"waiting,running,done,failed,cancelled"`
	Progress  progressView  `json:"progress"`
	CreatedAt time.Time     `json:"created_at"`
	StartedAt *time.Time    `json:"started_at,omitempty"`
	EndedAt   *time.Time    `json:"ended_at,omitempty"`
	Error     string        `json:"error,omitempty" doc:"Why it failed"`
	Result    string        `json:"result,omitempty" doc:"Where the result of a job that is done lies" example:"/api/v1/reports/jobs/4f6c2d0e-6d0b-4b57-9d6e-0f3c3f0f7c11/result"`
}

type progressView struct {
	Step  sensors.Names `json:"step" doc:"What is being done"`
	Done  int           `json:"done"`
	Total int           `json:"total" doc:"0 when nobody knows"`
}

func viewJob(j jobs.Job[*report.Result]) jobView {
	v := jobView{
		ID: j.ID, Title: j.Title, State: j.State, Progress: progressView(j.Progress), CreatedAt: j.CreatedAt,
		StartedAt: orNull(j.StartedAt), EndedAt: orNull(j.EndedAt),
	}
	switch {
	case j.State == jobs.Done:
		v.Result = root + "/reports/jobs/" + j.ID + "/result"
	case errors.Is(j.Err, report.ErrTooMuch), errors.Is(j.Err, store.ErrInvalidQuery):
		v.Error = j.Err.Error()
	case errors.Is(j.Err, store.ErrUnavailable):
		v.Error = "the store does not answer at the moment"
	case j.Err != nil:
		v.Error = "something went wrong; the server's log says what"
	}
	return v
}

type reportKindView struct {
	Name       report.Name   `json:"name" example:"trend"`
	Title      sensors.Names `json:"title"`
	Parameters []paramView   `json:"parameters" nullable:"false"`
}

type paramView struct {
	Key     string           `json:"key" example:"every"`
	Names   sensors.Names    `json:"names"`
	Doc     sensors.Names    `json:"doc"`
	Type    report.ParamType `json:"type" enum:"string,time,integer,number,boolean"`
	Enum    []string         `json:"enum,omitempty"`
	Default string           `json:"default" doc:"Empty when there is none, or it depends on others"`
	Many    int              `json:"many,omitempty" doc:"How many values it takes, given several times or parted by commas; left out for one"`
}

func listReports(context.Context, *struct{}) (*reportsOutput, error) {
	out := &reportsOutput{}
	for _, name := range report.Names {
		v := reportKindView{Name: name, Title: name.Title(), Parameters: []paramView{}}
		for _, p := range report.Params(name) {
			v.Parameters = append(v.Parameters, paramView{Key: p.Key, Names: p.Names, Doc: p.Doc, Type: p.Type, Enum: p.Enum, Default: p.Default, Many: p.Many})
		}
		out.Body.Reports = append(out.Body.Reports, v)
	}
	return out, nil
}

const reportTag = "reports"

var reportDocs = map[report.Name]string{
	report.Trend:    "Counts and levels over time, with tests for trends, seasons, changes and exceedances, and comparisons with the period before and with last year.",
	report.Hotspots: "Where events or levels gather: Gi* with FDR, Moran's I, density, ranked clusters, and on request a space-time scan.",
	report.Emerging: "How hot spots come, stay and go: the 17 categories of emerging hot spot analysis.",
	report.Stubborn: "Places and devices where the same comes back within days or stays open longest, with the history behind each.",
	report.Quality:  "Alerts against the budget of false ones, verdicts of operators, times to clear, flapping, and the health of devices.",
}

func (s *Server) reportOperations(api huma.API) {
	huma.Register(api, operation("list-reports", "/reports", reportTag, "Reports", "What can be asked for, with the parameters of each."), listReports)
	file := reportResponses(api)
	for _, name := range report.Names {
		get := operation("get-report-"+string(name), "/reports/"+string(name), reportTag, name.Title().EN, reportDocs[name]+
			" Answered from memory while the data is the same. What there is not enough data for is missing with a note, never a number.")
		get.Parameters = append(reportParams(name), formParams()...)
		get.Responses = file
		get.Errors = append(get.Errors, http.StatusNotImplemented)
		huma.Register(api, get, func(ctx context.Context, in *reportInput) (*reportOutput, error) { return s.getReport(ctx, name, in) })

		post := operation("submit-report-"+string(name), "/reports/"+string(name)+"/jobs", reportTag, name.Title().EN+", as a job",
			"Takes the question in and answers at once. At most 16 jobs wait, another is refused with 429; the newest 32 results are kept for an hour. The same question asked again is the same job while it waits or runs.")
		post.Method, post.DefaultStatus = http.MethodPost, http.StatusAccepted
		post.Parameters = reportParams(name)
		post.Errors = append(post.Errors, http.StatusTooManyRequests, http.StatusNotImplemented)
		huma.Register(api, post, func(_ context.Context, in *reportInput) (*jobOutput, error) { return s.submitReport(name, in) })
	}
	s.jobOperations(api, file)
	s.savedOperations(api, file)
	s.bookmarkOperations(api, file)
	s.layerOperations(api)
	s.healthOperations(api, file)
}

func (s *Server) jobOperations(api huma.API, file map[string]*huma.Response) {
	huma.Register(api, operation("list-report-jobs", "/reports/jobs", reportTag, "Jobs", "Newest first."), s.listJobs)
	one := operation("get-report-job", "/reports/jobs/{id}", reportTag, "How a job stands", "Look again after Retry-After seconds while it waits or runs.")
	one.Errors = append(one.Errors, http.StatusNotFound)
	huma.Register(api, one, s.getJob)
	result := operation("get-report-job-result", "/reports/jobs/{id}/result", reportTag, "Result of a job", "409 while the job is not done.")
	result.Responses = file
	result.Errors = append(result.Errors, http.StatusNotFound, http.StatusConflict)
	huma.Register(api, result, s.jobResult)
	cancel := operation("cancel-report-job", "/reports/jobs/{id}", reportTag, "Cancel a job", "Gives up one that waits or runs, and forgets one that has ended.")
	cancel.Method = http.MethodDelete
	cancel.Errors = append(cancel.Errors, http.StatusNotFound)
	huma.Register(api, cancel, s.cancelJob)
}

// reportParams describes the parameters of a report.
func reportParams(name report.Name) []*huma.Param {
	var out []*huma.Param
	for _, p := range report.Params(name) {
		schema := &huma.Schema{Type: huma.TypeString}
		switch p.Type {
		case report.IntegerParam:
			low, high := float64(p.Min), float64(p.Max)
			schema = &huma.Schema{Type: huma.TypeInteger, Minimum: &low, Maximum: &high}
		case report.NumberParam:
			low, high := float64(p.Min), float64(p.Max)
			schema = &huma.Schema{Type: huma.TypeNumber, Minimum: &low, Maximum: &high}
		case report.YesNoParam:
			schema = &huma.Schema{Type: huma.TypeBoolean}
		}
		for _, e := range p.Enum {
			schema.Enum = append(schema.Enum, e)
		}
		var example any = p.Example
		if example == "" {
			example = p.Default
		}
		one := &huma.Param{Name: p.Key, In: "query", Description: p.Doc.EN + "; " + p.Doc.ZH + withDefault(p.Default), Schema: schema, Example: example}
		if p.Many > 0 {
			yes := true
			one.Schema, one.Style, one.Explode = &huma.Schema{Type: huma.TypeArray, Items: schema, MaxItems: &p.Many}, "form", &yes
			one.Description += "; several times, or parted by commas; at most " + strconv.Itoa(p.Many)
			one.Example = []any{example}
		}
		out = append(out, one)
	}
	return out
}

func withDefault(s string) string {
	if s == "" {
		return ""
	}
	return " (default " + s + ")"
}

// formParams describes the form of the answer.
func formParams() []*huma.Param {
	formats := &huma.Schema{Type: huma.TypeString}
	for _, f := range export.Files {
		formats.Enum = append(formats.Enum, string(f))
	}
	return []*huma.Param{
		{Name: "format", In: "query", Description: "Form of the answer (default json)", Schema: formats, Example: "xlsx"},
		{Name: "lang", In: "query", Description: "Language of CSV, XLSX and text (default zh)", Schema: &huma.Schema{Type: huma.TypeString, Enum: []any{"zh", "en"}}, Example: "zh"},
	}
}

// reportResponses describes a report in its forms.
func reportResponses(api huma.API) map[string]*huma.Response {
	schemas := api.OpenAPI().Components.Schemas
	body := schemas.Schema(reflect.TypeFor[report.Result](), true, "ReportResult")
	*schemas.Map()["Value"] = huma.Schema{
		Description: "A text, a number, a time (RFC 3339), names in both languages, or why there is no value",
		AnyOf: []*huma.Schema{
			{Type: huma.TypeString}, {Type: huma.TypeNumber}, schemas.Schema(reflect.TypeFor[sensors.Names](), true, "Names"),
			{Type: huma.TypeObject, Required: []string{"note"}, Properties: map[string]*huma.Schema{"note": {Type: huma.TypeString, Description: "Code of one of the notes"}}},
		},
	}
	content := map[string]*huma.MediaType{export.JSON.ContentType(): {Schema: body, Example: reportExample()}}
	for _, f := range export.Files {
		if f != export.JSON {
			content[f.ContentType()] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}
		}
	}
	return map[string]*huma.Response{"200": {Description: "The report, with its method, parameters, period, definitions and version", Content: content}}
}

// reportExample is a short report, as an answer looks.
func reportExample() *report.Result {
	zone := time.FixedZone("Asia/Shanghai", 8*60*60)
	from := time.Date(2026, 11, 9, 0, 0, 0, 0, zone)
	return &report.Result{
		Report: report.Trend, Title: sensors.Names{ZH: "趋势分析：烟雾报警", EN: "Trends: Smoke alarm"},
		Version: report.Version{Program: "1.0.0", Format: report.FormatVersion}, GeneratedAt: from.AddDate(0, 0, 15).UTC(),
		Period: report.NewPeriod(from, from.AddDate(0, 0, 14), zone, report.Day, 14), Data: report.Data{Observations: 105, Fingerprint: "2ae34aefdd770e60"},
		Methods:     []report.Method{{Key: "mann_kendall", Names: sensors.Names{ZH: "Mann-Kendall 检验", EN: "Mann-Kendall test"}, Reference: "Mann 1945, Econometrica 13:245; Kendall 1975"}},
		Parameters:  []report.Parameter{{Key: "kind", Names: sensors.Names{ZH: "类型", EN: "Kind"}, Text: "smoke", Value: report.Named(sensors.Names{ZH: "烟雾报警", EN: "Smoke alarm"})}},
		Definitions: []report.Definition{}, Notes: []report.Note{{Code: report.NoteNoLastYear, Text: report.NoteNoLastYear.Text(), Count: 1}},
		Tables: []report.Table{{
			Key: "summary", Title: sensors.Names{ZH: "趋势汇总", EN: "Trends"},
			Columns: []report.Column{
				{Key: "name", Names: sensors.Names{ZH: "名称", EN: "Name"}, Type: report.TextColumn},
				{Key: "value", Names: sensors.Names{ZH: "数值", EN: "Value"}, Type: report.NumberColumn, Unit: "1"},
				{Key: "last_year_change", Names: sensors.Names{ZH: "同比", EN: "Change from last year"}, Type: report.NumberColumn, Unit: "%", Digits: 1},
			},
			Rows: [][]report.Value{{report.Named(sensors.Names{ZH: "曹杨新村街道", EN: "Caoyang Xincun"}), report.Count(105), report.Missing(report.NoteNoLastYear)}},
		}},
		Features: []report.Feature{{Table: "summary", Row: 0, Area: "310107005"}},
	}
}
