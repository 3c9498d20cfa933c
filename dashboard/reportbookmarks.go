package dashboard

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/urbangrid/urbangrid/analytics/report"
	"github.com/urbangrid/urbangrid/analytics/report/export"
	"github.com/urbangrid/urbangrid/store"
)

// BookmarkBody is what people say of a question that they save.
type BookmarkBody struct {
	Name   string      `json:"name" minLength:"1" maxLength:"100" doc:"Unique among all: spaces, capitals and small letters do not tell names apart" example:"曹杨烟雾周报"`
	Report report.Name `json:"report" enum:"trend,hotspots,stubborn,emerging,quality,health" example:"trend"`
	Query  string      `json:"query" maxLength:"4000" doc:"The question as it stands in the address of the report: with period it moves with time, with from and to it stays" example:"kind=smoke&by=area&period=4w"`
	View   string      `json:"view,omitempty" maxLength:"500" doc:"What only a page knows of it, as a query; kept as it is given" example:"compare=last_year"`
	Note   string      `json:"note,omitempty" maxLength:"1000" doc:"What it is for" example:"周一例会"`
}

type bookmarkView struct {
	ID string `json:"id" example:"0199e2f0-7a4c-7cc1-9a01-4d1f0c6f7a11"`
	BookmarkBody
	Version   int64     `json:"version" doc:"The ETag in quotes"`
	CreatedBy string    `json:"created_by"`
	CreatedAt time.Time `json:"created_at"`
	By        string    `json:"by" doc:"Who changed it last"`
	At        time.Time `json:"at"`
	Result    string    `json:"result" doc:"Where its report is, made anew" example:"/api/v1/reports/bookmarks/0199e2f0-7a4c-7cc1-9a01-4d1f0c6f7a11/result"`
}

func viewBookmark(b store.Bookmark) bookmarkView {
	return bookmarkView{
		ID: b.ID, BookmarkBody: BookmarkBody{Name: b.Name, Report: report.Name(b.Report), Query: b.Query, View: b.View, Note: b.Note},
		Version: b.Version, CreatedBy: b.CreatedBy, CreatedAt: b.CreatedAt, By: b.By, At: b.At, Result: root + "/reports/bookmarks/" + b.ID + "/result",
	}
}

type bookmarkOutput struct {
	ETag     string `header:"ETag" doc:"Version in quotes: give it as If-Match to change it"`
	Location string `header:"Location"`
	Body     bookmarkView
}

func bookmarkAnswer(b store.Bookmark) *bookmarkOutput {
	return &bookmarkOutput{ETag: etag(b.Version), Body: viewBookmark(b)}
}

type bookmarksOutput struct {
	Body struct {
		Bookmarks []bookmarkView `json:"bookmarks" nullable:"false" doc:"All of them by their names"`
		Most      int            `json:"most" doc:"How many are kept at most"`
	}
}

type addBookmarkInput struct {
	Body struct {
		BookmarkBody
		By Person `json:"by" minLength:"1" maxLength:"100" doc:"Who saves it" example:"王芳"`
	}
}

type bookmarkInput struct {
	ID string `path:"id" maxLength:"100"`
}

type putBookmarkInput struct {
	ID      string `path:"id" maxLength:"100"`
	IfMatch string `header:"If-Match" required:"true" doc:"ETag of what was seen" example:"\"1\""`
	Body    struct {
		BookmarkBody
		By Person `json:"by" minLength:"1" maxLength:"100" doc:"Who changes it" example:"王芳"`
	}
}

type removeBookmarkInput struct {
	ID      string `path:"id" maxLength:"100"`
	IfMatch string `header:"If-Match" required:"true" doc:"ETag of what was seen" example:"\"1\""`
	By      Person `query:"by" required:"true" minLength:"1" maxLength:"100" doc:"Who removes it" example:"王芳"`
}

type bookmarkResultInput struct {
	ID     string `path:"id" maxLength:"100"`
	Format string `query:"format" enum:"json,csv,xlsx,geojson,txt" default:"json" doc:"Form of the answer" example:"xlsx"`
	Lang   string `query:"lang" enum:"zh,en" default:"zh" doc:"Language of CSV, XLSX and text" example:"zh"`
}

type bookmarkChangesInput struct {
	Bookmark string `query:"bookmark" maxLength:"100" doc:"Narrow to one, also to one that is removed"`
	Before   int64  `query:"before" doc:"Only changes with a smaller id: the next of the page before"`
	Limit    int    `query:"limit" minimum:"1" maximum:"500" default:"50"`
}

type bookmarkChangeView struct {
	ID       int64  `json:"id"`
	Bookmark string `json:"bookmark" doc:"Its id"`
	BookmarkBody
	Version int64     `json:"version"`
	By      string    `json:"by"`
	At      time.Time `json:"at"`
	Removed bool      `json:"removed" doc:"It was removed: the rest is what it was"`
}

type bookmarkChangesOutput struct {
	Body struct {
		Changes []bookmarkChangeView `json:"changes" nullable:"false" doc:"Newest first, as it was from then on"`
		Next    int64                `json:"next" doc:"Give this as before for the next page; 0 after the last"`
	}
}

var errNoBookmarks = huma.Error501NotImplemented("this server keeps no questions under a name")

// bookmarks is where questions are kept under a name.
func (s *Server) bookmarks() (store.Bookmarks, error) {
	if s.deps.Reports == nil || s.deps.Reports.Bookmarks() == nil {
		return nil, errNoBookmarks
	}
	return s.deps.Reports.Bookmarks(), nil
}

// bookmark is what is to be kept of what was said. It refuses a question that cannot
// be asked, because it would never be answered.
func (s *Server) bookmark(body *BookmarkBody, by string) (store.Bookmark, error) {
	b := store.Bookmark{Name: store.TidyName(body.Name), Report: string(body.Report), View: body.View, Note: body.Note, By: store.TidyName(by), At: s.deps.Now()}
	if err := cmp.Or(said("body.name", b.Name), said("body.by", b.By)); err != nil {
		return b, err
	}
	query, err := url.ParseQuery(body.Query)
	if err != nil {
		return b, huma.Error422UnprocessableEntity("the question is no query of an address", &huma.ErrorDetail{Message: err.Error(), Location: "body.query", Value: body.Query})
	}
	for key, values := range query {
		if query[key] = slices.DeleteFunc(values, func(v string) bool { return v == "" }); len(query[key]) == 0 {
			delete(query, key)
		}
	}
	b.Query = query.Encode()
	return b, s.checkQuestion(body.Report, query)
}

// said refuses a text of spaces alone.
func said(location, tidy string) error {
	if tidy != "" {
		return nil
	}
	return huma.Error422UnprocessableEntity(location+" is empty", &huma.ErrorDetail{Message: "has spaces alone", Location: location, Value: tidy})
}

// checkQuestion returns a problem that names everything that is wrong with a question.
// How it is answered, format and lang, is no part of it.
func (s *Server) checkQuestion(name report.Name, query url.Values) error {
	var faults report.Faults
	if name == healthReport {
		for key, values := range query {
			if key != "kind" && key != "area" {
				faults = append(faults, report.Fault{Param: key, Given: values[0], Detail: "is no parameter of this report"})
			}
		}
	} else if _, err := report.Parse(name, query, s.deps.Reports.District()); err != nil && !errors.As(err, &faults) {
		return err
	}
	if len(faults) == 0 {
		return nil
	}
	slices.SortFunc(faults, func(a, b report.Fault) int { return cmp.Compare(a.Param, b.Param) })
	details := make([]error, len(faults))
	for i, f := range faults {
		details[i] = &huma.ErrorDetail{Message: f.Param + " " + f.Detail, Location: "body.query", Value: f.Given}
	}
	return huma.Error422UnprocessableEntity("this cannot be asked: "+faults.Error(), details...)
}

// bookmarkProblem tells somebody who could not save what is there instead.
func (s *Server) bookmarkProblem(ctx context.Context, kept store.Bookmark, err error) error {
	switch {
	case errors.Is(err, store.ErrNameTaken):
		return huma.Error409Conflict(fmt.Sprintf("another saved report is called %q", kept.Name),
			&huma.ErrorDetail{Message: "the one that has the name", Location: "taken", Value: viewBookmark(kept)})
	case errors.Is(err, store.ErrTooMany):
		return huma.Error409Conflict(fmt.Sprintf("%d saved reports are the most: remove one first", store.MaxBookmarks),
			&huma.ErrorDetail{Message: "how many are kept at most", Location: "most", Value: store.MaxBookmarks})
	case isConflict(err):
		return changedMeanwhile("the saved report", viewBookmark(kept), kept.Version)
	}
	return s.problem(ctx, err)
}

func (s *Server) listBookmarks(ctx context.Context, _ *struct{}) (*bookmarksOutput, error) {
	kept, err := s.bookmarks()
	if err != nil {
		return nil, err
	}
	all, err := kept.ListBookmarks(ctx)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out := &bookmarksOutput{}
	out.Body.Most = store.MaxBookmarks
	out.Body.Bookmarks = make([]bookmarkView, len(all))
	for i, b := range all {
		out.Body.Bookmarks[i] = viewBookmark(b)
	}
	return out, nil
}

func (s *Server) addBookmark(ctx context.Context, in *addBookmarkInput) (*bookmarkOutput, error) {
	kept, err := s.bookmarks()
	if err != nil {
		return nil, err
	}
	b, err := s.bookmark(&in.Body.BookmarkBody, string(in.Body.By))
	if err != nil {
		return nil, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	b.ID = id.String()
	saved, err := kept.AddBookmark(ctx, b)
	if err != nil {
		return nil, s.bookmarkProblem(ctx, saved, err)
	}
	out := bookmarkAnswer(saved)
	out.Location = root + "/reports/bookmarks/" + saved.ID
	return out, nil
}

func (s *Server) getBookmark(ctx context.Context, in *bookmarkInput) (*bookmarkOutput, error) {
	kept, err := s.bookmarks()
	if err != nil {
		return nil, err
	}
	b, err := kept.FindBookmark(ctx, in.ID)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return bookmarkAnswer(b), nil
}

func (s *Server) putBookmark(ctx context.Context, in *putBookmarkInput) (*bookmarkOutput, error) {
	kept, err := s.bookmarks()
	if err != nil {
		return nil, err
	}
	b, err := s.bookmark(&in.Body.BookmarkBody, string(in.Body.By))
	if err != nil {
		return nil, err
	}
	if b.Version, err = versionOf(in.IfMatch); err != nil {
		return nil, err
	}
	b.ID = in.ID
	saved, err := kept.ChangeBookmark(ctx, b)
	if err != nil {
		return nil, s.bookmarkProblem(ctx, saved, err)
	}
	return bookmarkAnswer(saved), nil
}

func (s *Server) removeBookmark(ctx context.Context, in *removeBookmarkInput) (*bookmarkOutput, error) {
	kept, err := s.bookmarks()
	if err != nil {
		return nil, err
	}
	version, err := versionOf(in.IfMatch)
	if err != nil {
		return nil, err
	}
	was, err := kept.RemoveBookmark(ctx, store.Bookmark{ID: in.ID, Version: version, By: string(in.By), At: s.deps.Now()})
	if err != nil {
		return nil, s.bookmarkProblem(ctx, was, err)
	}
	return &bookmarkOutput{Body: viewBookmark(was)}, nil
}

// bookmarkResult answers a saved question as of now.
func (s *Server) bookmarkResult(ctx context.Context, in *bookmarkResultInput) (*reportOutput, error) {
	kept, err := s.bookmarks()
	if err != nil {
		return nil, err
	}
	b, err := kept.FindBookmark(ctx, in.ID)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	query, err := url.ParseQuery(b.Query)
	if err != nil {
		return nil, s.problem(ctx, fmt.Errorf("bookmark %s: %w", b.ID, err))
	}
	if report.Name(b.Report) == healthReport {
		return s.getHealth(ctx, &healthInput{Kind: query["kind"], Area: query["area"], Format: in.Format, Lang: in.Lang})
	}
	query.Set("format", string(export.Format(in.Format)))
	query.Set("lang", in.Lang)
	return s.getReport(ctx, report.Name(b.Report), &reportInput{query: query})
}

func (s *Server) listBookmarkChanges(ctx context.Context, in *bookmarkChangesInput) (*bookmarkChangesOutput, error) {
	kept, err := s.bookmarks()
	if err != nil {
		return nil, err
	}
	found, err := kept.BookmarkChanges(ctx, store.BookmarkQuery{Bookmark: in.Bookmark, Before: in.Before, Limit: in.Limit})
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out := &bookmarkChangesOutput{}
	out.Body.Changes = make([]bookmarkChangeView, len(found))
	for i, c := range found {
		v := viewBookmark(c.Bookmark)
		out.Body.Changes[i] = bookmarkChangeView{ID: c.ID, Bookmark: v.ID, BookmarkBody: v.BookmarkBody, Version: v.Version, By: v.By, At: v.At, Removed: c.Removed}
	}
	if len(found) == in.Limit {
		out.Body.Next = found[len(found)-1].ID
	}
	return out, nil
}

func (s *Server) bookmarkOperations(api huma.API, file map[string]*huma.Response) {
	op := func(method, id, path, summary, text string, errs ...int) huma.Operation {
		o := operation(id, "/reports/bookmarks"+path, reportTag, summary, text)
		o.Method = method
		o.Errors = append(append(o.Errors, http.StatusNotImplemented), errs...)
		return o
	}
	huma.Register(api, op(http.MethodGet, "list-report-bookmarks", "", "Questions that people saved",
		"Under a name, for the whole team. At most 500 are kept, so that the list is whole. What the server made by the clock is under /reports/saved."), s.listBookmarks)
	add := op(http.MethodPost, "add-report-bookmark", "", "Save a question", "Refused with 409 when another has the name, or 500 are kept. Sent twice it is saved once: the second finds the name taken.", http.StatusConflict)
	add.DefaultStatus = http.StatusCreated
	huma.Register(api, add, s.addBookmark)
	huma.Register(api, op(http.MethodGet, "list-report-bookmark-changes", "/changes", "Who saved, changed and removed questions", ""), s.listBookmarkChanges)
	huma.Register(api, op(http.MethodGet, "get-report-bookmark", "/{id}", "A saved question", "", http.StatusNotFound), s.getBookmark)
	huma.Register(api, op(http.MethodPut, "change-report-bookmark", "/{id}", "Change a saved question", "Its name, its note or what it asks. Refused with 412, which shows what somebody else made of it meanwhile.",
		http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed), s.putBookmark)
	huma.Register(api, op(http.MethodDelete, "remove-report-bookmark", "/{id}", "Remove a saved question", "Answers with what it was.",
		http.StatusNotFound, http.StatusPreconditionFailed), s.removeBookmark)
	result := op(http.MethodGet, "get-report-bookmark-result", "/{id}/result", "The report of a saved question", "Made now: a period that moves ends now. A scan takes too long for it: ask for that as a job.", http.StatusNotFound)
	result.Responses = file
	huma.Register(api, result, s.bookmarkResult)
}
