package dashboard_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/urbangrid/urbangrid/store"
)

// badNames are names that nobody could tell apart in a list later.
var badNames = map[string]string{
	"blanks":              "   ",
	"wide blanks":         "\u3000\u00a0",
	"nothing visible":     "\u200b\u200b",
	"a line break within": "王\n芳",
	"a null":              "王\u0000芳",
	"a bidi override":     "王芳\u202eecila",
	"a bidi isolate":      "\u2067王芳\u2069",
	"a line separator":    "王\u2028芳",
	"too long":            strings.Repeat("王", 101),
}

func TestAPI_RefusesNamesThatNobodyCouldTellApart(t *testing.T) {
	o := newBackRoom(t)
	for why, name := range badNames {
		quoted, err := json.Marshal(name)
		if err != nil {
			t.Fatal(err)
		}
		q := url.QueryEscape(name)
		for _, c := range []struct{ method, path, body string }{
			{http.MethodPost, "/alerts/a-1/actions", `{"action":"acknowledge","by":%s}`},
			{http.MethodPost, "/alerts/actions", `{"action":"acknowledge","by":%s,"alerts":[{"id":"a-1","version":0}]}`},
			{http.MethodPut, "/alerts/a-1/verdict", `{"answer":"confirmed","by":%s}`},
			{http.MethodPost, "/mutes", `{"purpose":"mute","all":true,"to":"2026-11-22T09:00:00Z","reason":"r","by":%s}`},
			{http.MethodDelete, "/mutes/m-1?by=" + q, ""},
			{http.MethodPut, "/devices/n-1", `{"by":%s}`},
			{http.MethodPost, "/devices/n-1/adopt", `{"by":%s}`},
			{http.MethodPost, "/devices/adopt", `{"by":%s,"devices":[{"id":"n-1"}]}`},
			{http.MethodPost, "/devices/n-1/credentials?by=" + q, ""},
			{http.MethodDelete, "/devices/n-1/credentials?by=" + q, ""},
			{http.MethodPost, "/credentials", `{"user":"gateway","prefixes":["a"],"by":%s}`},
			{http.MethodDelete, "/credentials/gateway?by=" + q, ""},
			{http.MethodPost, "/quarantine/jobs", `{"by":%s}`},
			{http.MethodDelete, "/quarantine/jobs/1?by=" + q, ""},
			{http.MethodPost, "/quarantine/1/reread?by=" + q, ""},
			{http.MethodPost, "/quarantine/reread?by=" + q, ""},
			{http.MethodPut, "/rules/noise_loud", strings.Replace(louder, `"王芳"`, "%s", 1)},
			{http.MethodDelete, "/rules/noise_loud?by=" + q, ""},
			{http.MethodDelete, "/settings/kinds/noise?by=" + q, ""},
			{http.MethodPost, "/channels/c-1/test?by=" + q, ""},
			{http.MethodPost, "/deliveries/1/again?by=" + q, ""},
		} {
			body := c.body
			if body != "" {
				body = fmt.Sprintf(body, quoted)
			}
			a := o.do(t, c.method, "/api/v1"+c.path, body, "Content-Type", jsonType, "If-Match", `"0"`)
			if a.status != http.StatusUnprocessableEntity || !strings.Contains(string(a.body), `.by"`) {
				t.Errorf("%s %s by %s: %d %s, want 422 about by", c.method, c.path, why, a.status, a.body)
			}
		}
	}
}

func TestAPI_KeepsNamesWithoutTheBlanksAroundThem(t *testing.T) {
	s, records := newOffice(t)
	m := s.addMute(t, `{"purpose":"mute","all":true,"to":"2026-11-22T09:00:00Z","reason":"r","by":" 王 芳\u3000"}`)
	kept, err := records.ListMutes(t.Context(), store.MuteQuery{})
	if err != nil || len(kept) != 1 || kept[0].By != "王 芳" || m.By != "王 芳" {
		t.Errorf("kept %+v (%v) and told %q, want it by 王 芳", kept, err, m.By)
	}
}

func TestAPI_LogsWhoIssuedAndRevokedPasswords(t *testing.T) {
	o := newBackRoom(t)
	o.send(t, http.MethodPost, "/api/v1/credentials", `{"user":"gateway","prefixes":["application/7"],"by":"王芳"}`, 201)
	if a := o.do(t, http.MethodDelete, "/api/v1/credentials/gateway?by=li", ""); a.status != http.StatusNoContent {
		t.Fatalf("revoke: %d %s", a.status, a.body)
	}
	a, log := o.send(t, http.MethodGet, "/api/v1/settings/changes?section=credential&key=gateway", "", 200)
	if at(log, "changes", 0, "by") != "li" || at(log, "changes", 0, "reset") != true || at(log, "changes", 1, "by") != "王芳" ||
		at(log, "changes", 1, "after") != `{"topics":["application/7/#"]}` {
		t.Errorf("the log says %s", a.body)
	}
	for _, c := range []struct{ method, path, body string }{
		{http.MethodPost, "/credentials", `{"user":"gateway","prefixes":["a"]}`}, {http.MethodDelete, "/credentials/gateway", ""},
		{http.MethodDelete, "/mutes/m-1", ""}, {http.MethodDelete, "/quarantine/jobs/1", ""},
		{http.MethodPost, "/channels/c-1/test", ""}, {http.MethodPost, "/deliveries/1/again", ""},
	} {
		o.do(t, c.method, "/api/v1"+c.path, c.body, "Content-Type", jsonType).wantProblem(t, http.StatusUnprocessableEntity)
	}
}
