package dashboard

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/urbangrid/urbangrid/analytics/report"
	"github.com/urbangrid/urbangrid/analytics/report/export"
	"github.com/urbangrid/urbangrid/analytics/report/saved"
	"github.com/urbangrid/urbangrid/sensors"
)

type savedInput struct {
	Schedule string `query:"schedule" enum:"hourly,nightly,weekly" doc:"Only what this schedule made" example:"nightly"`
	Report   string `query:"report" enum:"trend,hotspots,emerging,stubborn,quality" doc:"Only this report" example:"emerging"`
	Kind     string `query:"kind" doc:"Only reports of this kind alone" maxLength:"100" example:"smoke"`
	Limit    int    `query:"limit" minimum:"1" maximum:"2000" default:"500" doc:"How many at most, the newest" example:"50"`
}

type savedOutput struct {
	Body struct {
		Saved []savedView `json:"saved" nullable:"false" doc:"Newest run first"`
	}
}

// savedView is a saved report with the forms it comes in.
type savedView struct {
	saved.Item
	Formats []string `json:"formats" nullable:"false" doc:"Forms it can be fetched in; of several reports together json and xlsx" example:"[\"json\",\"xlsx\"]"`
	Href    string   `json:"href" doc:"Where it is" example:"/api/v1/reports/saved/nightly-20261122T1830Z-emerging-smoke"`
}

func viewSaved(i saved.Item) savedView {
	v := savedView{Item: i, Href: root + "/reports/saved/" + i.ID, Formats: []string{string(export.JSON), string(export.XLSX)}}
	if i.Results == 1 {
		v.Formats = nil
		for _, f := range export.Files {
			if f == export.GeoJSON && i.Report == report.Quality {
				continue // has no places
			}
			v.Formats = append(v.Formats, string(f))
		}
	}
	return v
}

type savedResultInput struct {
	ID     string `path:"id" doc:"Identity of the saved report" maxLength:"200" example:"weekly-20261122T2200Z-book"`
	Format string `query:"format" enum:"json,csv,xlsx,geojson,txt" default:"json" doc:"Form of the answer" example:"xlsx"`
	Lang   string `query:"lang" enum:"zh,en" default:"zh" doc:"Language of CSV, XLSX and text" example:"zh"`
}

var errNothingSaved = huma.Error501NotImplemented("this server keeps no reports")

// library is where saved reports are.
func (s *Server) library() (*saved.Library, error) {
	if s.deps.Reports == nil || s.deps.Reports.Saved() == nil {
		return nil, errNothingSaved
	}
	return s.deps.Reports.Saved(), nil
}

func (s *Server) listSaved(_ context.Context, in *savedInput) (*savedOutput, error) {
	library, err := s.library()
	if err != nil {
		return nil, err
	}
	out := &savedOutput{}
	out.Body.Saved = []savedView{}
	q := saved.Query{Schedule: in.Schedule, Report: report.Name(in.Report), Kind: sensors.KindKey(in.Kind), Limit: in.Limit}
	for _, i := range library.List(q) {
		out.Body.Saved = append(out.Body.Saved, viewSaved(i))
	}
	return out, nil
}

func (s *Server) getSaved(ctx context.Context, in *savedResultInput) (*reportOutput, error) {
	library, err := s.library()
	if err != nil {
		return nil, err
	}
	item, results, err := library.Load(in.ID)
	if errors.Is(err, saved.ErrNotFound) {
		return nil, huma.Error404NotFound(err.Error())
	}
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return savedFile(item, results, export.Format(in.Format), report.Lang(in.Lang))
}

// savedFile writes a saved report in the form that was asked for.
func savedFile(item saved.Item, results []*report.Result, f export.Format, lang report.Lang) (*reportOutput, error) {
	var b bytes.Buffer
	err := export.WriteBook(&b, f, item.Title, results, lang)
	for _, refused := range []error{export.ErrOneReport, export.ErrNoPlaces} {
		if errors.Is(err, refused) {
			return nil, huma.Error422UnprocessableEntity(refused.Error(), &huma.ErrorDetail{Message: refused.Error(), Location: "query.format", Value: f})
		}
	}
	if err != nil {
		return nil, err
	}
	out := &reportOutput{ContentType: f.ContentType(), Body: b.Bytes()}
	if f != export.JSON && f != export.Text {
		out.Disposition = fmt.Sprintf(`attachment; filename="%s.%s"`, item.ID, f)
	}
	return out, nil
}

func (s *Server) savedOperations(api huma.API, file map[string]*huma.Response) {
	list := operation("list-saved-reports", "/reports/saved", reportTag, "Saved reports",
		"What was made by the clock: emerging hot spots of every kind by the hour; emerging hot spots by the day, trends by area and kind, stubborn problems and the quality of detection every night; every Monday one book of all reports of the week before. Two days of hours, 35 nights and 53 weeks are kept.")
	list.Errors = append(list.Errors, http.StatusNotImplemented)
	huma.Register(api, list, s.listSaved)
	one := operation("get-saved-report", "/reports/saved/{id}", reportTag, "A saved report",
		"As it was when it was made. A book of several reports is JSON, {\"title\", \"reports\": […]}, or one workbook.")
	one.Responses = file
	one.Errors = append(one.Errors, http.StatusNotFound, http.StatusNotImplemented)
	huma.Register(api, one, s.getSaved)
}
