package dashboard_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/urbangrid/urbangrid/dashboard"
	"github.com/urbangrid/urbangrid/store"
)

type handlingAnswer struct {
	State   string
	Version int64
	By      string
	At      *time.Time
	To      struct{ Area, Unit string }
	Answer  string
}

type entryAnswer struct {
	Seq                    int64
	At                     time.Time
	By, Action, Note, Mute string
	State                  string
	To                     struct{ Area, Unit string }
}

type actAnswer struct {
	Handling handlingAnswer
	Entry    entryAnswer
	Repeated bool
}

func (s *site) act(t *testing.T, id, body string, headers ...string) answer {
	t.Helper()
	return s.do(t, http.MethodPost, "/api/v1/alerts/"+id+"/actions", body, append(headers, "Content-Type", jsonType)...)
}

func (a answer) decode(t *testing.T, into any) {
	t.Helper()
	if a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if err := json.Unmarshal(a.body, into); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
}

const acknowledgedByWang = `{"action":"acknowledge","by":"王芳","note":"去看看"}`

func TestAPI_AnAlertIsWorkedFromNewToDone(t *testing.T) {
	s, records := newOffice(t)
	raise(t, records, "a-1", "noise_loud")
	var one struct{ Handling handlingAnswer }
	read := s.get(t, "/api/v1/alerts/a-1", &one)
	if one.Handling.State != "new" || one.Handling.Version != 0 || one.Handling.At != nil || read.header.Get("ETag") != `"0"` {
		t.Fatalf("handling %+v with ETag %s, want new and version 0", one.Handling, read.header.Get("ETag"))
	}
	steps := []string{
		acknowledgedByWang,
		`{"action":"dispatch","by":"王芳","to":{"area":"310107","unit":"城管中队"}}`,
		`{"action":"comment","by":"李强","note":"到了"}`,
		`{"action":"confirmed","by":"李强"}`,
		`{"action":"close","by":"李强","note":"施工已停"}`,
	}
	for i, body := range steps {
		var got actAnswer
		a := s.act(t, "a-1", body, "If-Match", fmt.Sprintf(`"%d"`, i))
		a.decode(t, &got)
		if want := fmt.Sprintf(`"%d"`, i+1); a.header.Get("ETag") != want || got.Entry.Seq != int64(i+1) || got.Repeated {
			t.Errorf("step %d: %+v with ETag %s, want %s", i, got, a.header.Get("ETag"), want)
		}
	}
	s.get(t, "/api/v1/alerts/a-1", &one)
	want := handlingAnswer{State: "done", Version: 5, By: "李强", At: &clock, Answer: "confirmed"}
	want.To.Area, want.To.Unit = "310107", "城管中队"
	if d := cmp.Diff(want, one.Handling); d != "" {
		t.Errorf("handling differs (-want +got):\n%s", d)
	}
	var log struct {
		Entries []entryAnswer
		Next    int64
	}
	if a := s.get(t, "/api/v1/alerts/a-1/log?limit=2&after=1", &log); len(log.Entries) != 2 || log.Next != 3 ||
		log.Entries[0].Action != "dispatch" || log.Entries[1].Note != "到了" || log.Entries[1].State != "dispatched" || a.header.Get("ETag") != `"5"` {
		t.Errorf("log %+v with ETag %s, want entries 2 and 3", log, a.header.Get("ETag"))
	}
	s.do(t, http.MethodGet, "/api/v1/alerts/nobody/log", "").wantProblem(t, http.StatusNotFound)
}

func TestAPI_TheSecondToActSeesWhatTheFirstDid(t *testing.T) {
	s, records := newOffice(t)
	raise(t, records, "a-1", "noise_loud")
	s.act(t, "a-1", acknowledgedByWang, "If-Match", `"0"`).decode(t, &actAnswer{})
	late := s.act(t, "a-1", `{"action":"false_alarm","by":"李强"}`, "If-Match", `"0"`)
	late.wantProblem(t, http.StatusPreconditionFailed)
	var problem struct {
		Errors []struct {
			Location string
			Value    json.RawMessage
		}
	}
	if err := json.Unmarshal(late.body, &problem); err != nil || len(problem.Errors) != 2 || late.header.Get("ETag") != `"1"` {
		t.Fatalf("the loser sees %s with ETag %s (%v)", late.body, late.header.Get("ETag"), err)
	}
	var present handlingAnswer
	var entry entryAnswer
	if err := json.Unmarshal(problem.Errors[0].Value, &present); err != nil || present.State != "acknowledged" || present.By != "王芳" {
		t.Errorf("present handling %+v (%v), want that of 王芳", present, err)
	}
	if err := json.Unmarshal(problem.Errors[1].Value, &entry); err != nil || entry.By != "王芳" || entry.Note != "去看看" {
		t.Errorf("entry %+v (%v), want what 王芳 did", entry, err)
	}
	s.act(t, "a-1", `{"action":"false_alarm","by":"李强"}`, "If-Match", `"1"`).decode(t, &actAnswer{})
	s.act(t, "a-1", `{"action":"dispatch","by":"李强","to":{"unit":"x"}}`, "If-Match", `"2"`).wantProblem(t, http.StatusConflict)

	metric := `
# HELP urbangrid_dashboard_alert_actions_total What people did about alerts, each alert by itself, by action and by what became of it.
# TYPE urbangrid_dashboard_alert_actions_total counter
`
	for _, action := range []string{"acknowledge", "close", "comment", "confirmed", "dispatch", "false_alarm", "mute", "reopen"} {
		for _, outcome := range []string{"conflict", "done", "failed", "refused", "repeated"} {
			n := 0
			switch action + " " + outcome {
			case "acknowledge done", "false_alarm done", "false_alarm conflict", "dispatch conflict":
				n = 1
			}
			metric += fmt.Sprintf("urbangrid_dashboard_alert_actions_total{action=%q,outcome=%q} %d\n", action, outcome, n)
		}
	}
	if err := testutil.GatherAndCompare(s.metrics, strings.NewReader(metric), "urbangrid_dashboard_alert_actions_total"); err != nil {
		t.Error(err)
	}
}

func TestAPI_AnActionThatIsSentTwiceIsDoneOnce(t *testing.T) {
	s, records := newOffice(t)
	raise(t, records, "a-1", "noise_loud")
	body := `{"action":"mute","by":"王芳","mute":{"scope":"place","to":"2026-11-22T12:00:00Z"}}`
	var first, second actAnswer
	s.act(t, "a-1", body, "If-Match", `"0"`, "Idempotency-Key", "k-1").decode(t, &first)
	s.act(t, "a-1", body, "If-Match", `"0"`, "Idempotency-Key", "k-1").decode(t, &second)
	if first.Repeated || !second.Repeated || second.Entry != first.Entry || second.Handling.Version != 1 {
		t.Errorf("first %+v, second %+v, want the same entry", first, second)
	}
	mutes, err := records.ListMutes(t.Context(), store.MuteQuery{})
	if err != nil || len(mutes) != 1 || mutes[0].ID != first.Entry.Mute || mutes[0].Rule != "noise_loud" || mutes[0].By != "王芳" {
		t.Errorf("mutes %+v (%v), want one of the rule", mutes, err)
	}
	s.act(t, "a-1", acknowledgedByWang, "If-Match", `"1"`, "Idempotency-Key", "k-1").wantProblem(t, http.StatusUnprocessableEntity)
}

func TestAPI_ManyAlertsAreTakenOrRefusedEachByItself(t *testing.T) {
	s, records := newOffice(t)
	for _, id := range []string{"a-1", "a-2", "a-3"} {
		raise(t, records, id, "noise_loud")
	}
	s.act(t, "a-2", acknowledgedByWang, "If-Match", `"0"`).decode(t, &actAnswer{})
	var got struct {
		Results []struct {
			ID       string
			Status   int
			Detail   string
			Handling *handlingAnswer
		}
	}
	s.do(t, http.MethodPost, "/api/v1/alerts/actions", `{"action":"close","by":"李强","note":"同一施工","alerts":[
		{"id":"a-1","version":0},{"id":"a-2","version":0},{"id":"nobody","version":0},{"id":"a-3","version":0}]}`,
		"Content-Type", jsonType, "Idempotency-Key", "bulk-1").decode(t, &got)
	var statuses []int
	for _, r := range got.Results {
		statuses = append(statuses, r.Status)
		if (r.Detail == "") != (r.Status == http.StatusOK) {
			t.Errorf("%s: status %d with detail %q", r.ID, r.Status, r.Detail)
		}
	}
	if d := cmp.Diff([]int{200, 412, 404, 200}, statuses); d != "" {
		t.Fatalf("statuses differ (-want +got):\n%s", d)
	}
	if h := got.Results[1].Handling; h == nil || h.By != "王芳" || h.State != "acknowledged" {
		t.Errorf("refused alert shows %+v, want what 王芳 did", h)
	}
	if got.Results[2].Handling != nil || got.Results[3].Handling.State != "done" {
		t.Errorf("results %+v", got.Results)
	}
	var many []string
	for i := range 201 {
		many = append(many, fmt.Sprintf(`{"id":"x-%d","version":0}`, i))
	}
	s.do(t, http.MethodPost, "/api/v1/alerts/actions", `{"action":"close","by":"b","alerts":[`+strings.Join(many, ",")+`]}`, "Content-Type", jsonType).
		wantProblem(t, http.StatusUnprocessableEntity)
}

func TestAPI_RefusesActionsThatSayTooLittle(t *testing.T) {
	s, records := newOffice(t)
	raise(t, records, "a-1", "noise_loud")
	s.act(t, "a-1", acknowledgedByWang).wantProblem(t, http.StatusPreconditionRequired)
	for _, tag := range []string{"1", "*", `W/"0"`, `"-1"`} {
		s.act(t, "a-1", acknowledgedByWang, "If-Match", tag).wantProblem(t, http.StatusUnprocessableEntity)
	}
	for _, body := range []string{
		`{"action":"comment","by":"b","note":" "}`,
		`{"action":"dispatch","by":"b"}`,
		`{"action":"dispatch","by":"b","to":{}}`,
		`{"action":"dispatch","by":"b","to":{"area":"999999"}}`,
		`{"action":"close","by":"b","to":{"unit":"x"}}`,
		`{"action":"mute","by":"b"}`,
		`{"action":"mute","by":"b","mute":{"scope":"place","to":"2020-01-01T00:00:00Z"}}`,
		`{"action":"mute","by":"b","mute":{"scope":"area","to":"2026-11-22T12:00:00Z"}}`,
		`{"action":"acknowledge","by":""}`,
		`{"action":"forget","by":"b"}`,
	} {
		s.act(t, "a-1", body, "If-Match", `"0"`).wantProblem(t, http.StatusUnprocessableEntity)
	}
	s.act(t, "nobody", acknowledgedByWang, "If-Match", `"0"`).wantProblem(t, http.StatusNotFound)
	var got actAnswer
	s.act(t, "a-1", `{"action":"comment","by":"b","note":"without a version"}`).decode(t, &got)
	if got.Handling.State != "new" || got.Handling.Version != 1 {
		t.Errorf("handling after a comment %+v, want new", got.Handling)
	}
	bare := newSite(t, dashboard.Options{})
	bare.act(t, "a-1", acknowledgedByWang, "If-Match", `"0"`).wantProblem(t, http.StatusNotImplemented)
	bare.do(t, http.MethodGet, "/api/v1/alerts/a-1/log", "").wantProblem(t, http.StatusNotImplemented)
}

func TestAPI_AlertsAreFilteredAndPagedByTheServer(t *testing.T) {
	s, records := newOffice(t)
	for i := range 5 {
		raise(t, records, fmt.Sprintf("a-%d", i), "noise_loud")
	}
	s.act(t, "a-1", acknowledgedByWang, "If-Match", `"0"`).decode(t, &actAnswer{})
	s.act(t, "a-3", `{"action":"close","by":"李强"}`, "If-Match", `"0"`).decode(t, &actAnswer{})
	ids := func(query string) (got []string, next string) {
		var list struct {
			Alerts []struct{ ID string }
			Next   string
		}
		s.get(t, "/api/v1/alerts?"+query, &list)
		for _, a := range list.Alerts {
			got = append(got, a.ID)
		}
		return got, list.Next
	}
	for query, want := range map[string][]string{
		"handling=new":                              {"a-4", "a-2", "a-0"},
		"handling=acknowledged,dispatched":          {"a-1"},
		"by=李强":                                     {"a-3"},
		"severity=warning&text=A-2":                 {"a-2"},
		"severity=notice,critical":                  nil,
		"muted=true":                                nil,
		"rule=noise_loud&muted=false&handling=done": {"a-3"},
	} {
		if got, _ := ids(query); cmp.Diff(want, got) != "" {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
	var all []string
	page, next := ids("limit=2")
	for len(page) > 0 {
		all = append(all, page...)
		if next == "" {
			break
		}
		page, next = ids("limit=2&before=" + next)
	}
	if d := cmp.Diff([]string{"a-4", "a-3", "a-2", "a-1", "a-0"}, all); d != "" {
		t.Errorf("pages differ (-want +got):\n%s", d)
	}
}
