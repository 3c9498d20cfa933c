package dashboard_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/urbangrid/urbangrid/analytics/report"
	"github.com/urbangrid/urbangrid/store/sqlite"
)

// newBookmarkSite is a server that keeps questions under a name.
func newBookmarkSite(t *testing.T) (*site, *counting) {
	t.Helper()
	records, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "records.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := records.Close(); err != nil {
			t.Error(err)
		}
	})
	c := &counting{analyst: &analyst{marks: records}}
	return newReportSiteOf(t, c, c.analyst), c
}

// mark is a saved question as the API tells of it.
type mark struct {
	ID, Name, Report, Query, View, Note, By, Result string
	CreatedBy                                       string `json:"created_by"`
	Version                                         int
}

const bookmarksPath = "/api/v1/reports/bookmarks"

func (s *site) saveQuestion(t *testing.T, body string) mark {
	t.Helper()
	a := s.do(t, http.MethodPost, bookmarksPath, body, "Content-Type", jsonType)
	var m mark
	if err := json.Unmarshal(a.body, &m); err != nil || a.status != http.StatusCreated || a.header.Get("Location") != bookmarksPath+"/"+m.ID || a.header.Get("ETag") != `"1"` {
		t.Fatalf("POST: %d %q %s", a.status, a.header, a.body)
	}
	return m
}

const weeklySmoke = `{"name":" 烟雾  周报 ","report":"trend","query":"period=4w&kind=smoke&by=area&area=","view":"compare=last_year","note":"例会","by":"王芳"}`

func TestBookmarks_AreSavedListedChangedAndRemoved(t *testing.T) {
	s, _ := newBookmarkSite(t)
	m := s.saveQuestion(t, weeklySmoke)
	want := mark{ID: m.ID, Name: "烟雾 周报", Report: "trend", Query: "by=area&kind=smoke&period=4w", View: "compare=last_year", Note: "例会", By: "王芳", CreatedBy: "王芳", Version: 1, Result: bookmarksPath + "/" + m.ID + "/result"}
	if diff := cmp.Diff(want, m); diff != "" {
		t.Errorf("saved (-want +got):\n%s", diff)
	}
	other := s.saveQuestion(t, `{"name":"Noise","report":"health","query":"kind=noise","by":"李明"}`)
	var list struct {
		Bookmarks []mark
		Most      int
	}
	s.get(t, bookmarksPath, &list)
	if diff := cmp.Diff([]mark{other, m}, list.Bookmarks); diff != "" || list.Most != 500 {
		t.Errorf("at most %d (-want +got):\n%s", list.Most, diff)
	}
	// Two rename it: the second is shown what the first did.
	renamed := strings.Replace(weeklySmoke, " 烟雾  周报 ", "例会", 1)
	a := s.do(t, http.MethodPut, bookmarksPath+"/"+m.ID, strings.Replace(renamed, "王芳", "李明", 1), "Content-Type", jsonType, "If-Match", `"1"`)
	if a.status != http.StatusOK || a.header.Get("ETag") != `"2"` {
		t.Fatalf("PUT: %d %s", a.status, a.body)
	}
	a = s.do(t, http.MethodPut, bookmarksPath+"/"+m.ID, weeklySmoke, "Content-Type", jsonType, "If-Match", `"1"`)
	if a.status != http.StatusPreconditionFailed || a.header.Get("ETag") != `"2"` || !strings.Contains(string(a.body), `"location":"present"`) || !strings.Contains(string(a.body), `"by":"李明"`) {
		t.Errorf("the second is told %d %s", a.status, a.body)
	}
	s.do(t, http.MethodDelete, bookmarksPath+"/"+m.ID+"?by=x", "", "If-Match", `"1"`).wantProblem(t, http.StatusPreconditionFailed)
	s.do(t, http.MethodDelete, bookmarksPath+"/"+m.ID+"?by=+", "", "If-Match", `"2"`).wantProblem(t, http.StatusUnprocessableEntity)
	a = s.do(t, http.MethodDelete, bookmarksPath+"/"+m.ID+"?by="+"chen", "", "If-Match", `"2"`)
	if a.status != http.StatusOK || !strings.Contains(string(a.body), `"name":"例会"`) {
		t.Errorf("DELETE: %d %s", a.status, a.body)
	}
	s.do(t, http.MethodGet, bookmarksPath+"/"+m.ID, "").wantProblem(t, http.StatusNotFound)
	// Who did what.
	var log struct {
		Changes []struct {
			Bookmark, Name, By string
			Version            int
			Removed            bool
		}
		Next int64
	}
	s.get(t, bookmarksPath+"/changes?limit=2&bookmark="+m.ID, &log)
	if got := fmt.Sprint(log.Changes); got != fmt.Sprintf("[{%s 例会 chen 3 true} {%s 例会 李明 2 false}]", m.ID, m.ID) || log.Next == 0 {
		t.Errorf("changes are %s, next %d", got, log.Next)
	}
	s.get(t, fmt.Sprintf("%s/changes?bookmark=%s&before=%d", bookmarksPath, m.ID, log.Next), &log)
	if len(log.Changes) != 1 || log.Changes[0].By != "王芳" || log.Next != 0 {
		t.Errorf("the rest is %+v", log)
	}
}

func TestBookmarks_RefuseATakenNameAndWhatCannotBeAsked(t *testing.T) {
	s, _ := newBookmarkSite(t)
	s.saveQuestion(t, weeklySmoke)
	a := s.do(t, http.MethodPost, bookmarksPath, weeklySmoke, "Content-Type", jsonType)
	if a.status != http.StatusConflict || !strings.Contains(string(a.body), "烟雾 周报") || !strings.Contains(string(a.body), `"location":"taken"`) {
		t.Errorf("a taken name: %d %s", a.status, a.body)
	}
	for body, status := range map[string]int{
		`{"name":"a","report":"trend","query":"kind=ufo","by":"x"}`:                         http.StatusUnprocessableEntity,
		`{"name":"a","report":"trend","query":"kind=smoke&format=xlsx","by":"x"}`:           http.StatusUnprocessableEntity,
		`{"name":"a","report":"health","query":"kind=smoke&period=4w","by":"x"}`:            http.StatusUnprocessableEntity,
		`{"name":"a","report":"trend","query":"%zz","by":"x"}`:                              http.StatusUnprocessableEntity,
		`{"name":"  ","report":"trend","query":"kind=smoke","by":"x"}`:                      http.StatusUnprocessableEntity,
		`{"name":"a","report":"weather","query":"kind=smoke","by":"x"}`:                     http.StatusUnprocessableEntity,
		`{"name":"a","report":"trend","query":"kind=smoke"}`:                                http.StatusUnprocessableEntity,
		`{"name":"` + strings.Repeat("名", 101) + `","report":"health","query":"","by":"x"}`: http.StatusUnprocessableEntity,
	} {
		s.do(t, http.MethodPost, bookmarksPath, body, "Content-Type", jsonType).wantProblem(t, status)
	}
	s.do(t, http.MethodPut, bookmarksPath+"/nothing", weeklySmoke, "Content-Type", jsonType, "If-Match", `"1"`).wantProblem(t, http.StatusConflict)
	s.do(t, http.MethodPut, bookmarksPath+"/nothing", strings.Replace(weeklySmoke, "烟雾", "噪声", 1), "Content-Type", jsonType, "If-Match", `"1"`).wantProblem(t, http.StatusNotFound)
	newReportSite(t, &analyst{}).do(t, http.MethodGet, bookmarksPath, "").wantProblem(t, http.StatusNotImplemented)
}

func TestBookmarks_AreAnsweredAsOfNow(t *testing.T) {
	s, c := newBookmarkSite(t)
	m := s.saveQuestion(t, weeklySmoke)
	a := s.do(t, http.MethodGet, m.Result+"?format=csv&lang=en", "")
	if a.status != http.StatusOK || !strings.HasPrefix(string(a.body), "\ufeffReport,Trends") {
		t.Fatalf("result: %d %.80s", a.status, a.body)
	}
	asked := c.last.Load()
	want, err := report.Parse(report.Trend, map[string][]string{"kind": {"smoke"}, "by": {"area"}, "period": {"4w"}}, c.district)
	if err != nil || *asked != want {
		t.Errorf("asked %+v, want %+v, %v", asked, want, err)
	}
	health := s.saveQuestion(t, `{"name":"设备","report":"health","query":"kind=smoke&kind=noise","by":"李明"}`)
	if a := s.do(t, http.MethodGet, health.Result, ""); a.status != http.StatusOK || !strings.Contains(string(a.body), `"noise,smoke"`) {
		t.Errorf("device health: %d %.200s", a.status, a.body)
	}
	s.do(t, http.MethodGet, bookmarksPath+"/nothing/result", "").wantProblem(t, http.StatusNotFound)
}
