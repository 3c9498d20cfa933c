package dashboard_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/urbangrid/urbangrid/analytics/report"
)

// rowsOf are the rows of a table by its first column: columns to their values.
func rowsOf(t *testing.T, r report.Result, key string) map[string]map[string]any {
	t.Helper()
	table, ok := r.Table(key)
	if !ok {
		t.Fatalf("there is no table %q", key)
	}
	out := map[string]map[string]any{}
	for _, row := range table.Rows {
		values := map[string]any{}
		for i, c := range table.Columns {
			values[c.Key] = row[i].In(report.EN, nil)
			if n, ok := row[i].Number(); ok {
				values[c.Key] = n
			}
			if why, ok := row[i].Why(); ok {
				values[c.Key] = why
			}
		}
		out[row[0].In(report.EN, nil)] = values
	}
	return out
}

func TestHealth_CountsDevicesByAreaAndKind(t *testing.T) {
	s := mixed(t)
	var r report.Result
	s.get(t, "/api/v1/reports/health", &r)
	if r.Report != "health" || !r.GeneratedAt.Equal(clock) || len(r.Definitions) == 0 || r.Data.Fingerprint == "" {
		t.Errorf("report says %q %v %d definitions, fingerprint %q", r.Report, r.GeneratedAt, len(r.Definitions), r.Data.Fingerprint)
	}
	kinds := rowsOf(t, r, "kinds")
	got := kinds[""]
	want := map[string]any{
		"kind": "", "name": "no kind registered", "registered": 4.0, "online": 1.0, "late": 1.0, "odd": 1.0, "offline": 1.0, "silent": 0.0,
		"maintenance": 1.0, "online_share": 75.0, "per_minute": got["per_minute"], "taken": 150.0, "bad": 50.0, "bad_share": 25.0,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("devices without a kind (-want +got):\n%s", diff)
	}
	if n, ok := got["per_minute"].(float64); !ok || n <= 0 {
		t.Errorf("they send %v a minute", got["per_minute"])
	}
	if smoke := kinds["smoke"]; smoke["silent"] != 1.0 || smoke["online_share"] != 0.0 || smoke["bad_share"] != report.NoteNoData {
		t.Errorf("smoke devices are %v", smoke)
	}
	areas, _ := r.Table("areas")
	if n := len(areas.Rows); n != 2 || areas.Rows[n-1][0].In(report.EN, nil) != "" {
		t.Errorf("areas are %v, want one and those outside last", areas.Rows)
	}
	if f := r.Features[0]; f.Table != "areas" || f.Area == "" {
		t.Errorf("the first feature is %+v, want an area", f)
	}
}

func TestHealth_NamesWhatNeedsSomebodyMostPressingFirst(t *testing.T) {
	s := mixed(t)
	var r report.Result
	s.get(t, "/api/v1/reports/health", &r)
	table, _ := r.Table("troubled")
	var ids []string
	for _, row := range table.Rows {
		ids = append(ids, row[0].In(report.EN, nil))
	}
	if got, want := strings.Join(ids, " "), "gone odd late new"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestHealth_IsNarrowedAndComesInEveryForm(t *testing.T) {
	s := mixed(t)
	var r report.Result
	s.get(t, "/api/v1/reports/health?kind=smoke", &r)
	if both := rowsOf(t, r, "area_kinds"); len(both) != 1 || len(rowsOf(t, r, "kinds")) != 1 {
		t.Errorf("of smoke there are %v", both)
	}
	for format, begin := range map[string]string{"csv": "\ufeff", "xlsx": "PK", "geojson": `{"type":"FeatureCollection"`, "txt": "Device health"} {
		a := s.do(t, http.MethodGet, "/api/v1/reports/health?lang=en&format="+format, "")
		if a.status != http.StatusOK || !bytes.HasPrefix(a.body, []byte(begin)) {
			t.Errorf("%s: got %d %.60q, want it to begin with %q", format, a.status, a.body, begin)
		}
	}
	s.do(t, http.MethodGet, "/api/v1/reports/health?format=pdf", "").wantProblem(t, http.StatusUnprocessableEntity)
}
