package dashboard_test

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/urbangrid/urbangrid/dashboard"
	"github.com/urbangrid/urbangrid/store"
	"github.com/urbangrid/urbangrid/store/sqlite"
)

// newOffice returns a site on real records.
func newOffice(t *testing.T) (*site, *sqlite.Records) {
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
	return newSiteWith(t, dashboard.Options{}, func(d *dashboard.Deps) {
		d.Alerts, d.Verdicts, d.Mutes, d.Handlings = records, records, records, records
	}), records
}

// raise saves an alert of a rule about noise.
func raise(t *testing.T, records *sqlite.Records, id, rule string) {
	t.Helper()
	err := records.SaveAlerts(t.Context(), store.Position{}, []store.Alert{{
		ID: id, Revision: 1, Rule: rule, Kind: "noise", Place: "device/" + id, State: store.AlertOpen,
		Severity: store.Warning, RaisedAt: clock, UpdatedAt: clock,
	}})
	if err != nil {
		t.Fatal(err)
	}
}

type verdictAnswer struct {
	Answer, By, Note string
	At               time.Time
	Version          int64
}

const confirmedByWang = `{"answer":"confirmed","by":"王芳","note":"有人施工"}`

func TestAPI_AnAlertCarriesItsAnswer(t *testing.T) {
	s, records := newOffice(t)
	raise(t, records, "a-1", "noise_loud")
	raise(t, records, "a-2", "noise_loud")
	put := s.do(t, http.MethodPut, "/api/v1/alerts/a-1/verdict", confirmedByWang, "Content-Type", jsonType)
	if put.status != http.StatusOK || put.header.Get("ETag") != `"1"` {
		t.Fatalf("PUT: %d %s with ETag %s", put.status, put.body, put.header.Get("ETag"))
	}
	want := verdictAnswer{Answer: "confirmed", By: "王芳", Note: "有人施工", At: clock, Version: 1}
	var verdict verdictAnswer
	if a := s.get(t, "/api/v1/alerts/a-1/verdict", &verdict); verdict != want || a.header.Get("ETag") != `"1"` {
		t.Errorf("verdict %+v with ETag %s, want %+v", verdict, a.header.Get("ETag"), want)
	}
	var one struct {
		ID, Rule string
		Verdict  *verdictAnswer
	}
	s.get(t, "/api/v1/alerts/a-1", &one)
	if one.ID != "a-1" || one.Rule != "noise_loud" || one.Verdict == nil || *one.Verdict != want {
		t.Errorf("alert %+v, want its verdict", one)
	}
	var list struct {
		Alerts []struct {
			ID      string
			Verdict *verdictAnswer
		}
	}
	s.get(t, "/api/v1/alerts", &list)
	if len(list.Alerts) != 2 || list.Alerts[0].ID != "a-2" || list.Alerts[0].Verdict != nil || list.Alerts[1].Verdict == nil || *list.Alerts[1].Verdict != want {
		t.Errorf("alerts %+v, want a-2 without and a-1 with a verdict", list.Alerts)
	}
	s.do(t, http.MethodGet, "/api/v1/alerts/a-2/verdict", "").wantProblem(t, http.StatusNotFound)
	s.do(t, http.MethodGet, "/api/v1/alerts/nobody", "").wantProblem(t, http.StatusNotFound)
	s.do(t, http.MethodPut, "/api/v1/alerts/nobody/verdict", confirmedByWang, "Content-Type", jsonType).wantProblem(t, http.StatusNotFound)
}

func TestAPI_TheSecondToAnswerSeesTheFirst(t *testing.T) {
	s, records := newOffice(t)
	raise(t, records, "a-1", "noise_loud")
	const path = "/api/v1/alerts/a-1/verdict"
	s.do(t, http.MethodPut, path, confirmedByWang, "Content-Type", jsonType, "If-Match", `"1"`).wantProblem(t, http.StatusPreconditionFailed)
	if a := s.do(t, http.MethodPut, path, confirmedByWang, "Content-Type", jsonType); a.status != http.StatusOK {
		t.Fatalf("PUT: %d %s", a.status, a.body)
	}
	const falseByLi = `{"answer":"false_alarm","by":"李强"}`
	late := s.do(t, http.MethodPut, path, falseByLi, "Content-Type", jsonType)
	late.wantProblem(t, http.StatusPreconditionFailed)
	var problem struct {
		Errors []struct {
			Location string
			Value    verdictAnswer
		}
	}
	if err := json.Unmarshal(late.body, &problem); err != nil || len(problem.Errors) != 1 || problem.Errors[0].Value.By != "王芳" || late.header.Get("ETag") != `"1"` {
		t.Errorf("the loser sees %s with ETag %s (%v), want the first answer", late.body, late.header.Get("ETag"), err)
	}
	if a := s.do(t, http.MethodPut, path, falseByLi, "Content-Type", jsonType, "If-Match", `"1"`); a.status != http.StatusOK || a.header.Get("ETag") != `"2"` {
		t.Errorf("with the ETag: %d %s, want version 2", a.status, a.body)
	}
	for _, tag := range []string{"1", `"0"`, `"x"`, "*", `W/"1"`} {
		s.do(t, http.MethodPut, path, falseByLi, "Content-Type", jsonType, "If-Match", tag).wantProblem(t, http.StatusUnprocessableEntity)
	}
	for _, body := range []string{`{"answer":"maybe","by":"x"}`, `{"answer":"confirmed","by":""}`, `{"answer":"confirmed"}`} {
		s.do(t, http.MethodPut, path, body, "Content-Type", jsonType, "If-Match", `"2"`).wantProblem(t, http.StatusUnprocessableEntity)
	}
	metric := `
# HELP urbangrid_dashboard_verdicts_total Answers of people to alerts, changed ones among them, by answer.
# TYPE urbangrid_dashboard_verdicts_total counter
urbangrid_dashboard_verdicts_total{answer="confirmed"} 1
urbangrid_dashboard_verdicts_total{answer="false_alarm"} 1
`
	if err := testutil.GatherAndCompare(s.metrics, strings.NewReader(metric), "urbangrid_dashboard_verdicts_total"); err != nil {
		t.Error(err)
	}
}

func TestAPI_TalliesAnswersByRuleAndKind(t *testing.T) {
	s, records := newOffice(t)
	for id, rule := range map[string]string{"a-1": "noise_loud", "a-2": "noise_loud", "a-3": "noise_night"} {
		raise(t, records, id, rule)
	}
	if a := s.do(t, http.MethodPut, "/api/v1/alerts/a-1/verdict", `{"answer":"false_alarm","by":"王芳"}`, "Content-Type", jsonType); a.status != http.StatusOK {
		t.Fatalf("PUT: %d %s", a.status, a.body)
	}
	type tally struct {
		Rule, Kind        string
		Raised, Confirmed int
		FalseAlarms       int      `json:"false_alarms"`
		FalseAlarmShare   *float64 `json:"false_alarm_share"`
	}
	var got struct {
		Tallies  []tally
		Verdicts []struct {
			Alert   string
			Verdict verdictAnswer
		}
	}
	s.get(t, "/api/v1/verdicts?kind=noise&from=2026-11-22T00:00:00Z", &got)
	if len(got.Tallies) != 2 || got.Tallies[0].Raised != 2 || got.Tallies[0].FalseAlarms != 1 || got.Tallies[0].FalseAlarmShare == nil ||
		*got.Tallies[0].FalseAlarmShare != 1 || got.Tallies[1].Rule != "noise_night" || got.Tallies[1].FalseAlarmShare != nil {
		t.Errorf("tallies %+v", got.Tallies)
	}
	if len(got.Verdicts) != 1 || got.Verdicts[0].Alert != "a-1" || got.Verdicts[0].Verdict.Answer != "false_alarm" {
		t.Errorf("verdicts %+v, want that on a-1", got.Verdicts)
	}
	s.get(t, "/api/v1/verdicts?to=2026-11-22T00:00:00Z", &got)
	if len(got.Tallies) != 0 || len(got.Verdicts) != 0 {
		t.Errorf("before the first alert: %+v, want nothing", got)
	}
}

func TestAPI_SaysWhenAnswersAndMutesAreNotKept(t *testing.T) {
	s := newSite(t, dashboard.Options{})
	for path, method := range map[string]string{
		"/api/v1/alerts/a-1/verdict": http.MethodGet, "/api/v1/verdicts": http.MethodGet, "/api/v1/mutes": http.MethodGet, "/api/v1/mutes/m-1?by=b": http.MethodDelete,
	} {
		s.do(t, method, path, "").wantProblem(t, http.StatusNotImplemented)
	}
	s.do(t, http.MethodPut, "/api/v1/alerts/a-1/verdict", confirmedByWang, "Content-Type", jsonType).wantProblem(t, http.StatusNotImplemented)
	s.do(t, http.MethodPost, "/api/v1/mutes", `{"purpose":"mute","all":true,"to":"2026-11-22T09:00:00Z","reason":"r","by":"b"}`, "Content-Type", jsonType).
		wantProblem(t, http.StatusNotImplemented)
}
