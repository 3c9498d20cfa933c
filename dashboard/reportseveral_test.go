package dashboard_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/urbangrid/urbangrid/analytics/report"
)

// counting counts the questions that were answered anew, and keeps the last.
type counting struct {
	*analyst
	answered atomic.Int64
	last     atomic.Pointer[report.Request]
}

func (c *counting) Answer(ctx context.Context, req report.Request, state string, tell report.Tell) (*report.Result, error) {
	c.answered.Add(1)
	c.last.Store(&req)
	return c.analyst.Answer(ctx, req, state, tell)
}

func TestReports_OfSeveralKindsAndAreasAreOneQuestionHoweverTheyAreAsked(t *testing.T) {
	c := &counting{analyst: &analyst{}}
	s := newReportSiteOf(t, c, c.analyst)
	for _, query := range []string{
		"kind=smoke,noise&area=310107005,310107014&period=4w",
		"kind=noise&kind=smoke&area=310107014&area=310107005&from=2026-10-25&to=2026-11-22",
		"kind=smoke&kind=noise,smoke&area=310107014,310107005&period=28d&every=day",
	} {
		if a := s.do(t, http.MethodGet, "/api/v1/reports/trend?by=kind&"+query, ""); a.status != http.StatusOK {
			t.Fatalf("%s: %d %s", query, a.status, a.body)
		}
	}
	if n := c.answered.Load(); n != 2 {
		// Four weeks end on a Monday, 28 days yesterday.
		t.Errorf("three addresses were computed %d times, want the weeks once and the days once", n)
	}
	if got := c.last.Load(); got.Kinds != report.KeysOf(got.Kinds.All()...) || got.Kinds.String() != "noise,smoke" || got.Areas.String() != "310107005,310107014" {
		t.Errorf("asked for %s in %s", got.Kinds, got.Areas)
	}
	// The old single form is the set of one.
	s.do(t, http.MethodGet, "/api/v1/reports/hotspots?kind=smoke&area=310107005", "")
	if got := c.last.Load(); got.Kinds != report.KeysOf(got.Kinds.Only()) || got.Kinds.Only() != "smoke" || got.Areas.Only() != "310107005" {
		t.Errorf("asked for %s in %s", got.Kinds, got.Areas)
	}
	s.do(t, http.MethodGet, "/api/v1/reports/trend?by=kind&kind=smoke,ufo", "").wantProblem(t, http.StatusUnprocessableEntity)
	s.do(t, http.MethodGet, "/api/v1/reports/trend?by=kind&kind="+strings.Repeat("smoke,", 3)+"&area="+strings.Repeat("x", 4), "").wantProblem(t, http.StatusUnprocessableEntity)
}

func TestReports_SayHowManyKindsAndAreasTheyTake(t *testing.T) {
	s := newReportSite(t, &analyst{})
	var list struct {
		Reports []struct {
			Name       string
			Parameters []struct {
				Key  string
				Many int
			}
		}
	}
	s.get(t, "/api/v1/reports", &list)
	for _, r := range list.Reports {
		many := map[string]int{}
		for _, p := range r.Parameters {
			many[p.Key] = p.Many
		}
		if many["kind"] != report.MaxKinds || many["area"] != report.MaxAreas || many["every"] != 0 {
			t.Errorf("%s takes %v", r.Name, many)
		}
	}
}

func TestHealth_OfSeveralKindsAndAreas(t *testing.T) {
	s := mixed(t)
	var all, some report.Result
	s.get(t, "/api/v1/reports/health", &all)
	s.get(t, "/api/v1/reports/health?kind=smoke,noise&kind=bin_fill", &some)
	if got := rowsOf(t, some, "kinds"); len(got) != 1 || got["smoke"] == nil {
		t.Errorf("of three kinds there are %v, want the smoke devices", got)
	}
	text, err := json.Marshal(some.Parameters[0])
	if err != nil || !strings.Contains(string(text), `"bin_fill,noise,smoke"`) {
		t.Errorf("the kinds are said as %s, %v", text, err)
	}
	area := ""
	for code := range rowsOf(t, all, "areas") {
		if code != "" {
			area = code
		}
	}
	var within report.Result
	s.get(t, "/api/v1/reports/health?area=310107999,"+area, &within)
	if got := rowsOf(t, within, "areas"); len(got) != 1 || got[area] == nil {
		t.Errorf("in two areas there are %v, want %s alone", got, area)
	}
}
