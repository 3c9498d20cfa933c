package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/analytics/evaluate"
)

const (
	requestHeader  = "SRNumber,CreatedDate,RequestType,Owner,Status,RequestSource,ServiceDate,ClosedDate,Latitude,Longitude,NCName\n"
	requestMapping = "../../deploy/examples/myla311.yaml"
)

// requestsFile writes four days of requests in the columns of MyLA311: graffiti
// every half hour at changing places; on the last day at three, twelve beside each
// other in both ways that such files write times, and as many uploaded by a crew
// elsewhere; one without a position, and one that is told twice.
func requestsFile(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(requestHeader)
	row := func(id string, at string, source string, lat, lon string) {
		fmt.Fprintf(&b, "%s,%s,Graffiti Removal,OCB,Closed,%s,,,%s,%s,SOMEWHERE NC\n", id, at, source, lat, lon)
	}
	const american, iso = "01/02/2006 03:04:05 PM", "2006-01-02T15:04:05"
	begin := time.Date(2018, 1, 8, 0, 0, 0, 0, time.UTC)
	degrees := func(v float64) string { return fmt.Sprintf("%.4f", v) }
	for i := range 4 * 48 {
		row(fmt.Sprintf("usual-%d", i), begin.Add(time.Duration(i)*30*time.Minute).Format(american), "Call",
			degrees(34+0.02*float64(i*7%11)), degrees(-118.4+0.02*float64(i*5%13)))
	}
	for i := range 12 {
		at := begin.AddDate(0, 0, 3).Add(15*time.Hour + time.Duration(i)*time.Minute)
		layout := american
		if i%2 == 1 {
			layout = iso
		}
		row(fmt.Sprintf("gathered-%d", i), at.Format(layout), "Mobile App", degrees(34.1+0.0002*float64(i)), "-118.3000")
		row(fmt.Sprintf("crew-%d", i), at.Format(american), "Driver Self Report", degrees(34.2+0.0002*float64(i)), "-118.2000")
	}
	row("nowhere", begin.Format(american), "Call", "", "")
	row("usual-0", begin.Format(american), "Call", "34.0000", "-118.4000")
	path := filepath.Join(t.TempDir(), "requests.csv")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// realResult is what an evaluation wrote to a folder.
func realResult(t *testing.T, dir string) (r evaluate.RealResult, settings map[string]float64) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "result.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	settings = make(map[string]float64)
	for _, s := range r.Settings {
		settings[s.Name] = s.Value
	}
	return r, settings
}

func TestEvaluate_PrintsTheHotspotsOfRealDaysWithTheirRequests(t *testing.T) {
	file, out := requestsFile(t), t.TempDir()
	said, err := runCommand(t, "evaluate", "--requests", file, "--mapping", requestMapping, "--quick",
		"--holidays", "../../deploy/examples/myla311-holidays.yaml", "--without", "source=Driver Self Report", "--out", out)
	if err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	for _, want := range []string{"1. request_graffiti, 2018-01-11 15:", "| 01-11 15:00:00 | gathered-0 | 34.1000, -118.3000 |", "| gathered-11 |", "SOMEWHERE NC"} {
		if !strings.Contains(said, want) {
			t.Errorf("lacks %q:\n%s", want, said)
		}
	}
	if strings.Contains(said, "crew-") {
		t.Errorf("what was left out is there:\n%s", said)
	}
	_, settings := realResult(t, out)
	for name, want := range map[string]float64{"rows": 218, "requests": 204, "without": 12, "without_position": 1, "told_twice": 1, "days_learned": 2} {
		if settings[name] != want {
			t.Errorf("%s: %v, want %v", name, settings[name], want)
		}
	}
	report, err := os.ReadFile(filepath.Join(out, "report.md"))
	if err != nil || strings.Contains(string(report), "gathered") || !strings.Contains(string(report), `--without "source=Driver Self Report"`) {
		t.Errorf("figures for people, without requests: %v\n%s", err, report)
	}
}

func TestEvaluate_RefusesRequestsThatItCannotJudge(t *testing.T) {
	file := requestsFile(t)
	for name, args := range map[string][]string{
		"no file":           {"--requests", "missing.csv"},
		"no mapping":        {"--requests", file, "--mapping", "missing.yaml"},
		"two evaluations":   {"--requests", file, "--truth", file, "--alerts", file},
		"without what":      {"--requests", file, "--without", "source"},
		"no days to judge":  {"--requests", file, "--learn-days", "4"},
		"holidays of whom":  {"--requests", file, "--holidays", file},
		"other columns":     {"--requests", requestMapping},
		"half a resolution": {"--requests", file, "--resolution", "99"},
	} {
		args = append([]string{"evaluate", "--mapping", requestMapping, "--out", t.TempDir()}, args...)
		if _, err := runCommand(t, args...); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// Where the city's own files are, one evening of them has to be found: 27 requests
// along the streets of one neighbourhood by the sea.
func TestEvaluate_FindsWhatHappenedInLosAngeles(t *testing.T) {
	var files []string
	for _, days := range []string{"2018-01-01_04", "2018-12-27_31"} {
		file := filepath.Join("..", "..", "..", "shared", "data", "myla311_"+days+"_reduced.csv")
		if _, err := os.Stat(file); err != nil {
			t.Logf("not here, so not evaluated: %v", err)
			return
		}
		files = append(files, file)
	}
	out := t.TempDir()
	said, err := runCommand(t, "evaluate", "--requests", strings.Join(files, ","), "--mapping", requestMapping, "--quick", "--learn-days", "7",
		"--holidays", "../../deploy/examples/myla311-holidays.yaml", "--without", "source=Driver Self Report", "--out", out)
	if err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	r, settings := realResult(t, out)
	if settings["rows"] != 20_000 || settings["requests"] != 17_775 || settings["days_learned"] != 7 || settings["days_judged"] != 2 {
		t.Errorf("reading: %v", settings)
	}
	found := false
	for _, h := range r.Hotspots {
		if h.Center == nil || h.Kind != "request_bulky_items" {
			continue
		}
		found = found || len(h.Requests) >= 20 && h.Center.LatDegrees > 33.97 && h.Center.LatDegrees < 34.01 && h.Center.LonDegrees < -118.44
	}
	if !found {
		t.Errorf("the evening is not among %d hotspots:\n%s", len(r.Hotspots), said)
	}
}
