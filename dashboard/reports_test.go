package dashboard_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/xuri/excelize/v2"

	"github.com/urbangrid/urbangrid/analytics/report"
	"github.com/urbangrid/urbangrid/analytics/report/desk"
	"github.com/urbangrid/urbangrid/analytics/report/jobs"
	"github.com/urbangrid/urbangrid/analytics/report/saved"
	"github.com/urbangrid/urbangrid/dashboard"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// analyst answers every question with one row, when it is let go on.
type analyst struct {
	district report.District
	err      error
	hold     chan struct{} // nil means at once
	saved    *saved.Library
	marks    store.Bookmarks
}

func (a *analyst) District() report.District { return a.district }

func (a *analyst) State(context.Context, report.Request) (string, error) { return "s1", a.err }

func (a *analyst) Answer(ctx context.Context, req report.Request, state string, tell report.Tell) (*report.Result, error) {
	if tell != nil {
		tell(jobs.Progress{Step: sensors.Names{ZH: "扫描", EN: "scanning"}, Done: 3, Total: 9})
	}
	if a.hold != nil {
		select {
		case <-a.hold:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	r := &report.Result{
		Report: req.Report, Title: req.Report.Title(), Version: report.Version{Program: "test", Format: report.FormatVersion},
		Period: report.NewPeriod(req.From, req.To, a.district.Zone, req.Every, 1), Data: report.Data{Fingerprint: state},
		Tables: []report.Table{{
			Key: "summary", Title: sensors.Names{ZH: "汇总", EN: "Summary"},
			Columns: []report.Column{{Key: "name", Names: sensors.Names{ZH: "名称", EN: "Name"}, Type: report.TextColumn}},
			Rows:    [][]report.Value{{report.Text("=1+1")}},
		}},
	}
	if req.Report == report.Trend {
		r.Features = []report.Feature{report.CellFeature("summary", 0, 0x8a309930a0affff)}
	}
	return r, nil
}

// newReportSite is a server with reports by a.
func newReportSite(t *testing.T, a *analyst) *site {
	t.Helper()
	return newReportSiteOf(t, a, a)
}

// newReportSiteOf is a server with reports by r, which asks about the district of a.
func newReportSiteOf(t *testing.T, r desk.Reporter, a *analyst) *site {
	t.Helper()
	kinds, err := sensors.DefaultCatalog()
	if err != nil {
		t.Fatal(err)
	}
	areas, err := grid.Putuo()
	if err != nil {
		t.Fatal(err)
	}
	a.district = report.District{Kinds: kinds, Areas: areas.All(), Zone: time.FixedZone("Asia/Shanghai", 8*3600), Now: clock}
	reports := desk.New(r, desk.Options{Jobs: jobs.Options{Waiting: 1}, Saved: a.saved, Bookmarks: a.marks})
	s := &site{stores: &stores{}, metrics: prometheus.NewRegistry()}
	s.Server, err = dashboard.New(dashboard.Deps{
		Kinds: kinds, Areas: areas, Series: s.stores, Alerts: s.stores, Quarantine: s.stores, Devices: s.stores,
		AlertLog: quietLog{}, Gatherer: s.metrics, Registerer: s.metrics, Reports: reports,
		Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return clock },
	}, dashboard.Options{})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(s.Handler())
	s.url = srv.URL
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	go func() { ended <- s.Run(ctx) }()
	go func() { ended <- reports.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		for range 2 {
			if err := <-ended; err != nil {
				t.Errorf("Run ended with %v", err)
			}
		}
		srv.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	return s
}

func TestReports_ComeInEveryForm(t *testing.T) {
	s := newReportSite(t, &analyst{})
	for _, c := range []struct{ query, contentType, begins string }{
		{"", "application/json", `{"report":"trend"`},
		{"&format=csv", "text/csv; charset=utf-8", "\ufeff报告,趋势分析"},
		{"&format=csv&lang=en", "text/csv; charset=utf-8", "\ufeffReport,Trends"},
		{"&format=geojson", "application/geo+json", `{"type":"FeatureCollection"`},
		{"&format=xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "PK"},
	} {
		a := s.do(t, http.MethodGet, "/api/v1/reports/trend?kind=smoke"+c.query, "")
		if a.status != http.StatusOK || a.header.Get("Content-Type") != c.contentType || !strings.HasPrefix(string(a.body), c.begins) {
			t.Errorf("%q: %d %s %.60q, want %s beginning with %q", c.query, a.status, a.header.Get("Content-Type"), a.body, c.contentType, c.begins)
		}
		if c.query != "" && !strings.Contains(a.header.Get("Content-Disposition"), "trend-2026-11-22.") {
			t.Errorf("%q: disposition is %q", c.query, a.header.Get("Content-Disposition"))
		}
	}
	a := s.do(t, http.MethodGet, "/api/v1/reports/trend?kind=smoke&format=xlsx", "")
	f, err := excelize.OpenReader(bytes.NewReader(a.body))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := f.GetCellValue("汇总", "A2"); err != nil || got != "=1+1" {
		t.Errorf("cell A2 is %q, %v", got, err)
	}
	s.do(t, http.MethodGet, "/api/v1/reports/quality?format=geojson", "").wantProblem(t, http.StatusUnprocessableEntity)
}

func TestReports_NameEveryFaultAtOnce(t *testing.T) {
	s := newReportSite(t, &analyst{})
	for _, c := range []struct {
		path string
		want []string
	}{
		{"GET trend?kind=ufo&every=month&format=pdf&lang=de&colour=red", []string{"query.colour", "query.every", "query.format", "query.kind", "query.lang"}},
		{"GET hotspots?resolution=12&rings=0", []string{"query.kind", "query.resolution", "query.rings"}},
		{"GET hotspots?kind=smoke&scan=true", []string{"query.scan"}},
		{"POST stubborn/jobs?within_days=x&by=moon", []string{"query.by", "query.within_days"}},
	} {
		method, path, _ := strings.Cut(c.path, " ")
		a := s.do(t, method, "/api/v1/reports/"+path, "")
		a.wantProblem(t, http.StatusUnprocessableEntity)
		var p struct {
			Errors []struct{ Location, Message string }
		}
		if err := json.Unmarshal(a.body, &p); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range p.Errors {
			got = append(got, e.Location)
		}
		slices.Sort(got)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: faults of %q, want %q: %s", c.path, got, c.want, a.body)
		}
	}
}

type job struct {
	ID, State, Error, Result string
	Progress                 struct{ Done, Total int }
}

// submit asks for a job and fails when it is not taken in.
func (s *site) submit(t *testing.T, path string) job {
	t.Helper()
	a := s.do(t, http.MethodPost, "/api/v1/reports/"+path, "")
	var j job
	if err := json.Unmarshal(a.body, &j); err != nil || a.status != http.StatusAccepted || a.header.Get("Location") != "/api/v1/reports/jobs/"+j.ID {
		t.Fatalf("POST %s: %d %s %s", path, a.status, a.header.Get("Location"), a.body)
	}
	return j
}

// until asks how a job stands until it is in the state.
func (s *site) until(t *testing.T, id, state string) job {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		var j job
		s.get(t, "/api/v1/reports/jobs/"+id, &j)
		if j.State == state {
			return j
		}
		if time.Now().After(deadline) {
			t.Fatalf("job is %+v, want %s", j, state)
		}
	}
}

func TestReports_LongOnesAreJobs(t *testing.T) {
	a := &analyst{hold: make(chan struct{})}
	s := newReportSite(t, a)
	first := s.submit(t, "hotspots/jobs?kind=smoke&scan=true")
	if j := s.until(t, first.ID, "running"); j.Result != "" {
		t.Errorf("one that runs has the result %q", j.Result)
	}
	s.do(t, http.MethodGet, "/api/v1/reports/jobs/"+first.ID+"/result", "").wantProblem(t, http.StatusConflict)
	waiting := s.submit(t, "hotspots/jobs?kind=smoke&scan=true&top=5")
	full := s.do(t, http.MethodPost, "/api/v1/reports/hotspots/jobs?kind=smoke&scan=true&top=6", "")
	full.wantProblem(t, http.StatusTooManyRequests)
	if full.header.Get("Retry-After") == "" {
		t.Error("it is not said when to come back")
	}
	if a := s.do(t, http.MethodDelete, "/api/v1/reports/jobs/"+waiting.ID, ""); a.status != http.StatusOK {
		t.Errorf("cancel: %d %s", a.status, a.body)
	}
	s.until(t, waiting.ID, "cancelled")
	close(a.hold)
	done := s.until(t, first.ID, "done")
	var r struct{ Report string }
	s.get(t, done.Result, &r)
	if r.Report != "hotspots" {
		t.Errorf("result is %+v", r)
	}
	if a := s.do(t, http.MethodGet, done.Result+"?format=csv&lang=en", ""); !bytes.HasPrefix(a.body, []byte("\ufeffReport,Hot spots")) {
		t.Errorf("result as CSV: %d %.60q", a.status, a.body)
	}
	var list struct{ Jobs []job }
	s.get(t, "/api/v1/reports/jobs", &list)
	if len(list.Jobs) != 2 {
		t.Errorf("%d jobs are listed, want 2", len(list.Jobs))
	}
	s.do(t, http.MethodDelete, "/api/v1/reports/jobs/"+first.ID, "")
	s.do(t, http.MethodGet, "/api/v1/reports/jobs/"+first.ID, "").wantProblem(t, http.StatusNotFound)
	s.do(t, http.MethodDelete, "/api/v1/reports/jobs/nothing", "").wantProblem(t, http.StatusNotFound)
}

func TestReports_ARunningJobCanBeGivenUp(t *testing.T) {
	s := newReportSite(t, &analyst{hold: make(chan struct{})})
	j := s.submit(t, "hotspots/jobs?kind=smoke&scan=true")
	s.until(t, j.ID, "running")
	s.do(t, http.MethodDelete, "/api/v1/reports/jobs/"+j.ID, "")
	s.until(t, j.ID, "cancelled")
}

func TestReports_TellErrorsOfStoresApart(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
	}{{store.ErrUnavailable, 503}, {store.ErrInvalidQuery, 422}, {report.ErrTooMuch, 422}, {context.DeadlineExceeded, 503}} {
		s := newReportSite(t, &analyst{err: c.err})
		s.do(t, http.MethodGet, "/api/v1/reports/quality", "").wantProblem(t, c.status)
		j := s.submit(t, "quality/jobs")
		if j = s.until(t, j.ID, "failed"); j.Error == "" {
			t.Errorf("%v: the job does not say why it failed", c.err)
		}
		s.do(t, http.MethodGet, "/api/v1/reports/jobs/"+j.ID+"/result", "").wantProblem(t, c.status)
	}
}

func TestReports_AServerWithoutThemSaysSo(t *testing.T) {
	s := newSite(t, dashboard.Options{})
	for _, path := range []string{"GET /reports/trend?kind=smoke", "POST /reports/trend/jobs", "GET /reports/jobs", "GET /reports/jobs/x", "GET /reports/jobs/x/result", "DELETE /reports/jobs/x", "GET /reports/saved", "GET /reports/saved/x"} {
		method, path, _ := strings.Cut(path, " ")
		s.do(t, method, "/api/v1"+path, "").wantProblem(t, http.StatusNotImplemented)
	}
	var list struct {
		Reports []struct {
			Name       string
			Parameters []struct{ Key string }
		}
	}
	s.get(t, "/api/v1/reports", &list)
	if len(list.Reports) != 5 || list.Reports[0].Name != "trend" || len(list.Reports[0].Parameters) == 0 {
		t.Errorf("got %+v, want the five reports with their parameters", list)
	}
}
