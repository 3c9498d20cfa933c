package dashboard_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/urbangrid/urbangrid/dashboard"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// table reads a CSV file with a byte order mark.
func table(t *testing.T, a answer) [][]string {
	t.Helper()
	body, ok := bytes.CutPrefix(a.body, []byte("\ufeff"))
	if a.status != http.StatusOK || a.header.Get("Content-Type") != "text/csv; charset=utf-8" || !ok {
		t.Fatalf("got %d %s %.80q, want CSV with a byte order mark", a.status, a.header.Get("Content-Type"), a.body)
	}
	rows, err := csv.NewReader(bytes.NewReader(body)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// line is a row by the names of its columns, without the empty cells.
func line(rows [][]string, k int) map[string]string {
	out := map[string]string{}
	for i, name := range rows[0] {
		if rows[k][i] != "" {
			out[name] = rows[k][i]
		}
	}
	return out
}

func TestAPI_AlertsAsCSVForPeople(t *testing.T) {
	shanghai := time.FixedZone("Asia/Shanghai", 8*3600)
	s := newSite(t, dashboard.Options{Zone: shanghai})
	s.stores.alerts = []store.Alert{{
		ID: "a-1", Revision: 1, Rule: "noise_loud", Kind: "noise", Place: "device/n-1", State: store.AlertClosed, Severity: store.Critical,
		Device: "n-1", Area: "310107005", Value: 91.5, Baseline: 85, RaisedAt: clock, UpdatedAt: clock, ClearedAt: clock.Add(time.Hour),
		Reason:   sensors.Names{ZH: "=HYPERLINK(\"http://evil.example\")", EN: "loud, \"very\"\nloud"},
		Handling: store.Handling{State: store.HandlingDone, Version: 2, By: "王芳", At: clock.Add(2 * time.Hour), Answer: store.Confirmed},
	}}
	got := line(table(t, s.do(t, http.MethodGet, "/api/v1/alerts.csv", "")), 1)
	want := map[string]string{
		"编号": "a-1", "发生时间": "2026-11-22T16:00:00+08:00", "消失时间": "2026-11-22T17:00:00+08:00", "现状": "已消失", "级别": "严重", "类别": "城市事件",
		"监测项": "环境噪声", "实测": "91.5", "阈值或预期": "85", "单位": got["单位"], "原因": "'=HYPERLINK(\"http://evil.example\")", "责任网格": got["责任网格"],
		"责任网格编码": "310107005", "位置": "device/n-1", "设备": "n-1", "纬度": "0", "经度": "0", "规则": "noise_loud", "规则代码": "noise_loud", "静默": "否",
		"处置状态": "已办结", "处置人": "王芳", "处置时间": "2026-11-22T18:00:00+08:00", "认定": "属实",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("line in Chinese differs (-want +got):\n%s", d)
	}
	if got["单位"] == "" || got["责任网格"] == "" || got["责任网格"] == "310107005" {
		t.Errorf("unit %q and area %q, want names", got["单位"], got["责任网格"])
	}
	english := line(table(t, s.do(t, http.MethodGet, "/api/v1/alerts.csv?lang=en", "")), 1)
	if english["Reason"] != "loud, \"very\"\nloud" || english["Severity"] != "Critical" || english["Raised"] != "2026-11-22T16:00:00+08:00" {
		t.Errorf("line in English %v", english)
	}
}

func TestAPI_AlertsAsCSVNameTheirRules(t *testing.T) {
	s := newBackRoom(t)
	s.stores.alerts = []store.Alert{
		{ID: "a-1", Rule: "noise_loud", Kind: "noise", State: store.AlertOpen, Severity: store.Warning, RaisedAt: clock, UpdatedAt: clock},
		{ID: "a-2", Rule: "of_old", Kind: "noise", State: store.AlertOpen, Severity: store.Warning, RaisedAt: clock, UpdatedAt: clock},
	}
	rows := table(t, s.do(t, http.MethodGet, "/api/v1/alerts.csv?lang=en", ""))
	got := map[string]string{}
	for k := range rows[1:] {
		l := line(rows, k+1)
		got[l["Rule key"]] = l["Rule"]
	}
	want := map[string]string{"noise_loud": "Loud noise", "of_old": "of_old"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("rules by their keys differ (-want +got):\n%s", d)
	}
}

func TestAPI_AlertsAsCSVAreThoseOfTheListOnAllPages(t *testing.T) {
	s, records := newOffice(t)
	var alerts []store.Alert
	for i := range 2_500 {
		severity := store.Warning
		if i%2 == 0 {
			severity = store.Notice
		}
		id := fmt.Sprintf("a-%04d", i)
		alerts = append(alerts, store.Alert{
			ID: id, Revision: 1, Rule: "noise_loud", Kind: "noise", Place: "device/" + id, State: store.AlertOpen, Severity: severity,
			RaisedAt: clock.Add(time.Duration(i) * time.Second), UpdatedAt: clock,
		})
	}
	if err := records.SaveAlerts(t.Context(), store.Position{}, alerts); err != nil {
		t.Fatal(err)
	}
	const filter = "severity=warning&handling=new&kind=noise&text=A-"
	rows := table(t, s.do(t, http.MethodGet, "/api/v1/alerts.csv?lang=en&"+filter, ""))[1:]
	var listed []string
	for before := ""; ; {
		var page struct {
			Alerts []struct{ ID string }
			Next   string
		}
		s.get(t, "/api/v1/alerts?limit=1000&"+filter+"&before="+before, &page)
		for _, a := range page.Alerts {
			listed = append(listed, a.ID)
		}
		if before = page.Next; before == "" {
			break
		}
	}
	var written []string
	for _, r := range rows {
		written = append(written, r[0])
	}
	if len(listed) != 1_250 || !slices.Equal(written, listed) {
		t.Errorf("%d lines in the file and %d alerts in the list, want the same 1,250", len(written), len(listed))
	}
}

func TestAPI_AlertsAsCSVEndAt50000AndSaySo(t *testing.T) {
	s := newSite(t, dashboard.Options{})
	s.stores.alerts = slices.Repeat([]store.Alert{{ID: "a-1", Kind: "noise", RaisedAt: clock}}, store.MaxAlerts)
	rows := table(t, s.do(t, http.MethodGet, "/api/v1/alerts.csv?lang=en", ""))
	if len(rows) != 1+50_000+1 || !strings.Contains(rows[len(rows)-1][0], "50000") {
		t.Errorf("%d lines, the last %q; want a header, 50,000 alerts and a line that says so", len(rows), rows[len(rows)-1][0])
	}
}

func TestAPI_AlertsAsCSVRefusesLikeTheList(t *testing.T) {
	s := newSite(t, dashboard.Options{})
	s.do(t, http.MethodGet, "/api/v1/alerts.csv?severity=loud", "").wantProblem(t, http.StatusUnprocessableEntity)
	s.do(t, http.MethodGet, "/api/v1/alerts.csv?lang=fr", "").wantProblem(t, http.StatusUnprocessableEntity)
	s.stores.err = errors.New("the disk is gone")
	s.do(t, http.MethodGet, "/api/v1/alerts.csv", "").wantProblem(t, http.StatusInternalServerError)
}
