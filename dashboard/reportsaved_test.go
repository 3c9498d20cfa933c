package dashboard_test

import (
	"bytes"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"github.com/urbangrid/urbangrid/analytics/report"
	"github.com/urbangrid/urbangrid/analytics/report/saved"
	"github.com/urbangrid/urbangrid/sensors"
)

// newSavedSite is a server that keeps a report of the night and a book of the week.
func newSavedSite(t *testing.T) *site {
	t.Helper()
	library, err := saved.Open(t.TempDir(), nil, saved.Options{})
	if err != nil {
		t.Fatal(err)
	}
	a := &analyst{saved: library}
	s := newReportSite(t, a)
	req, err := report.Parse(report.Trend, map[string][]string{"kind": {"smoke"}}, a.district)
	if err != nil {
		t.Fatal(err)
	}
	zone := a.district.Zone
	a.district.Zone = mustLoad(t, "Asia/Shanghai") // a name that can be read again
	r, err := a.Answer(t.Context(), req, "s1", nil)
	a.district.Zone = zone
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range []saved.Item{
		{ID: "nightly-1-trend", Schedule: "nightly", DueAt: clock, Report: report.Trend, Kind: "smoke", Title: report.Trend.Title()},
		{ID: "weekly-1-book", Schedule: "weekly", DueAt: clock.AddDate(0, 0, -1), Title: sensors.Names{ZH: "周报", EN: "Weekly report"}},
	} {
		results := []*report.Result{r}
		if i.Report == "" {
			results = append(results, r)
		}
		if err := library.Save(i, results); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func TestSavedReports_AreListedAndFetched(t *testing.T) {
	s := newSavedSite(t)
	type list struct {
		Saved []struct {
			ID, Schedule, Href string
			Formats            []string
			Results            int
		}
	}
	var all, night list
	s.get(t, "/api/v1/reports/saved", &all)
	s.get(t, "/api/v1/reports/saved?schedule=nightly&kind=smoke", &night)
	if len(all.Saved) != 2 || all.Saved[0].ID != "nightly-1-trend" || !slices.Equal(all.Saved[1].Formats, []string{"json", "xlsx"}) || all.Saved[1].Results != 2 {
		t.Errorf("the list is %+v", all)
	}
	if len(night.Saved) != 1 || night.Saved[0].Schedule != "nightly" || !slices.Contains(night.Saved[0].Formats, "csv") {
		t.Errorf("of the night there is %+v", night)
	}
	var one struct{ Report string }
	s.get(t, all.Saved[0].Href, &one)
	if one.Report != "trend" {
		t.Errorf("the report is %+v", one)
	}
	if a := s.do(t, http.MethodGet, all.Saved[0].Href+"?format=csv&lang=en", ""); !bytes.HasPrefix(a.body, []byte("\ufeffReport,Trends")) {
		t.Errorf("as CSV: %d %.60q", a.status, a.body)
	}
	var book struct{ Reports []struct{ Report string } }
	s.get(t, all.Saved[1].Href, &book)
	if len(book.Reports) != 2 {
		t.Errorf("the book has %+v", book)
	}
	a := s.do(t, http.MethodGet, all.Saved[1].Href+"?format=xlsx", "")
	f, err := excelize.OpenReader(bytes.NewReader(a.body))
	if err != nil || a.header.Get("Content-Disposition") != `attachment; filename="weekly-1-book.xlsx"` {
		t.Fatalf("the workbook: %v, %s", err, a.header.Get("Content-Disposition"))
	}
	if n := len(f.GetSheetList()); n != 5 {
		t.Errorf("%d sheets, want the contents and two for each report", n)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

func TestSavedReports_SayWhatCannotBe(t *testing.T) {
	s := newSavedSite(t)
	s.do(t, http.MethodGet, "/api/v1/reports/saved/nothing", "").wantProblem(t, http.StatusNotFound)
	s.do(t, http.MethodGet, "/api/v1/reports/saved/..%2Findex.json", "").wantProblem(t, http.StatusNotFound)
	s.do(t, http.MethodGet, "/api/v1/reports/saved/weekly-1-book?format=csv", "").wantProblem(t, http.StatusUnprocessableEntity)
	s.do(t, http.MethodGet, "/api/v1/reports/saved?schedule=yearly", "").wantProblem(t, http.StatusUnprocessableEntity)
}

func mustLoad(t *testing.T, zone string) *time.Location {
	t.Helper()
	l, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	return l
}
