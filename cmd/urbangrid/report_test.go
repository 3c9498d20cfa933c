package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/internal/mqttpub"
	"github.com/urbangrid/urbangrid/sensors"
)

// smokeWeeks publishes four weeks of smoke alarms in Putuo that end with
// yesterday: some everywhere, one more every day at one place. It returns how many
// there are at that place.
func smokeWeeks(t *testing.T, p *process) (there int) {
	t.Helper()
	zone, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	y, m, d := time.Now().In(zone).Date()
	pub, err := mqttpub.Dial(t.Context(), "mqtt://"+p.mqtt, mqttpub.Options{})
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	n := 0
	for back := 28; back > 0; back-- {
		morning := time.Date(y, m, d-back, 8, 0, 0, 0, zone)
		var batch []string
		add := func(lat, lon float64) {
			n++
			batch = append(batch, fmt.Sprintf(`{"kind":"smoke","value":1,"lat":%.5f,"lon":%.5f,"time":%d,"id":"e%d"}`,
				lat, lon, morning.Add(time.Duration(rnd.IntN(36000))*time.Second).UnixMilli(), n))
		}
		for range 30 {
			add(31.235+rnd.Float64()*0.03, 121.37+rnd.Float64()*0.07)
		}
		for range 29 - back {
			add(31.2400, 121.4150)
			there++
		}
		if err := pub.Publish(t.Context(), "urbangrid/v1/smoke-1/obs", 1, []byte("["+strings.Join(batch, ",")+"]")); err != nil {
			t.Fatal(err)
		}
	}
	if err := pub.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := pub.Close(); err != nil {
		t.Error(err)
	}
	p.drained(t)
	return there
}

// publishOne publishes an observation and waits until it is kept.
func publishOne(t *testing.T, p *process, payload string) {
	t.Helper()
	pub, err := mqttpub.Dial(t.Context(), "mqtt://"+p.mqtt, mqttpub.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := pub.Publish(t.Context(), "urbangrid/v1/smoke-1/obs", 1, []byte(payload)); err != nil {
		t.Fatal(err)
	}
	if err := pub.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := pub.Close(); err != nil {
		t.Error(err)
	}
	p.drained(t)
}

func TestReport_FromAServerAndFromItsFolder(t *testing.T) {
	data := t.TempDir()
	p := startServer(t, data)
	there := smokeWeeks(t, p)
	all := 28*30 + there

	// A table on the terminal.
	text := run(t, "report", "trend", "--server", p.http, "--kind", "smoke", "--by", "city", "--lang", "en")
	for _, want := range []string{"Trends: Smoke alarm", "rising", fmt.Sprint(all), "UrbanGrid"} {
		if !strings.Contains(text, want) {
			t.Errorf("the table says nothing of %q:\n%s", want, text)
		}
	}
	// A spreadsheet.
	file := filepath.Join(t.TempDir(), "趋势.xlsx")
	run(t, "report", "trend", "--server", p.http, "--kind", "smoke", "--by", "area", "-o", file)
	book, err := excelize.OpenFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if rows, err := book.GetRows("趋势汇总"); err != nil || len(rows) < 11 || rows[0][0] != "编号" {
		t.Errorf("the sheet has %d rows (%v)", len(rows), err)
	}
	if err := book.Close(); err != nil {
		t.Error(err)
	}
	// The same from memory.
	first := get[struct{ Data struct{ Fingerprint string } }](t, p.http+"/api/v1/reports/trend?kind=smoke&by=city")
	again := get[struct {
		GeneratedAt time.Time `json:"generated_at"`
		Data        struct{ Fingerprint string }
	}](t, p.http+"/api/v1/reports/trend?kind=smoke&by=city")
	twice := get[struct {
		GeneratedAt time.Time `json:"generated_at"`
	}](t, p.http+"/api/v1/reports/trend?kind=smoke&by=city")
	if first.Data.Fingerprint != again.Data.Fingerprint || !twice.GeneratedAt.Equal(again.GeneratedAt) {
		t.Errorf("the same data: %+v, %+v, %+v", first, again, twice)
	}
	// One late observation more, and it is computed anew.
	publishOne(t, p, fmt.Sprintf(`{"kind":"smoke","value":1,"lat":31.24,"lon":121.415,"time":%d,"id":"late"}`, time.Now().AddDate(0, 0, -3).UnixMilli()))
	after := get[struct{ Data struct{ Fingerprint string } }](t, p.http+"/api/v1/reports/trend?kind=smoke&by=city")
	if after.Data.Fingerprint == first.Data.Fingerprint {
		t.Error("after an observation more the answer is still that of before")
	}
	// A map, by a job with its progress, then without a server.
	geo := filepath.Join(t.TempDir(), "hot.geojson")
	shown := run(t, "report", "hotspots", "--server", p.http, "--kind", "smoke", "--scan", "--replicates", "99", "--devices", "-o", geo)
	if !strings.Contains(shown, geo) {
		t.Errorf("it is not said where the file is: %s", shown)
	}
	hot := readGeo(t, geo)
	p.stop(t)
	off := filepath.Join(t.TempDir(), "off.geojson")
	run(t, "report", "hotspots", "--data", data, "--kind", "smoke", "--scan", "--replicates", "99", "--devices", "-o", off)
	if got := readGeo(t, off); len(got) != len(hot) {
		t.Errorf("the folder has %d places, the server had %d", len(got), len(hot))
	}
	cluster := hot[0]
	if cluster["table"] != "clusters" || cluster["devices"] == nil || !strings.HasPrefix(fmt.Sprint(cluster["devices"]), "smoke-1 (") {
		t.Errorf("the first place is %v, want the cluster with its device", cluster)
	}
	if n, ok := cluster["count"].(float64); !ok || n < float64(there) {
		t.Errorf("the cluster has %v events, want %d at least", cluster["count"], there)
	}
	// Every report from the folder, in every form.
	for _, report := range []string{"emerging", "stubborn", "quality"} {
		args := []string{"report", report, "--data", data}
		if report == "emerging" {
			args = append(args, "--kind", "smoke")
		}
		for _, end := range []string{".json", ".csv", ".xlsx"} {
			name := filepath.Join(t.TempDir(), report+end)
			run(t, append(args, "-o", name)...)
			if info, err := os.Stat(name); err != nil || info.Size() < 500 {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	events := run(t, "report", "stubborn", "--data", data, "--source", "events", "--lang", "en", "--top", "3")
	if !strings.Contains(events, "Stubborn problems") || !strings.Contains(events, "smoke") {
		t.Errorf("stubborn problems of events:\n%s", events)
	}
}

// readGeo returns the properties of the features of a file.
func readGeo(t *testing.T, name string) []map[string]any {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var c struct {
		Features []struct{ Properties map[string]any }
		Report   struct{ Methods []any }
	}
	if err := json.Unmarshal(b, &c); err != nil || len(c.Features) == 0 || len(c.Report.Methods) == 0 {
		t.Fatalf("%s: %v, %d features", name, err, len(c.Features))
	}
	var out []map[string]any
	for _, f := range c.Features {
		out = append(out, f.Properties)
	}
	return out
}

func TestReport_SaysWhatIsWrong(t *testing.T) {
	data := t.TempDir()
	p := startServer(t, data)
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"trend", "--server", p.http, "--kind", "ufo", "--from", "soon"}, []string{"no such kind", "neither a day"}},
		{[]string{"trend", "--server", "http://127.0.0.1:1", "--kind", "smoke"}, []string{"is a server running there", "--data"}},
		{[]string{"trend", "--server", "nowhere", "--kind", "smoke"}, []string{"--server"}},
		{[]string{"trend", "--data", data, "--kind", "smoke"}, []string{"in use by another server", "--server"}},
		{[]string{"quality", "--server", p.http, "-o", "q.pdf"}, []string{".xlsx"}},
		{[]string{"quality", "--server", p.http, "-o", filepath.Join(t.TempDir(), "q.geojson")}, []string{"no places"}},
		{[]string{"quality", "--server", p.http, "--evaluation", "x.json"}, []string{"--data"}},
		{[]string{"quality", "--server", p.http, "--lang", "de"}, []string{"zh or en"}},
		{[]string{"trend", "--data", t.TempDir(), "--rings", "9"}, []string{"unknown flag"}},
		{[]string{"hotspots", "--data", t.TempDir(), "--rings", "9"}, []string{"--kind is needed", "--rings is not"}},
		{[]string{"quality", "--data", filepath.Join(data, "nothing")}, []string{"data folder"}},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		out, err := command(ctx, append([]string{"report"}, c.args...)...).CombinedOutput()
		cancel()
		if err == nil {
			t.Errorf("report %v succeeded:\n%s", c.args, out)
		}
		for _, want := range c.want {
			if !bytes.Contains(out, []byte(want)) {
				t.Errorf("report %v says nothing of %q:\n%s", c.args, want, out)
			}
		}
	}
	p.stop(t)
}

// Who goes away from a job takes it with them.
func TestReport_InterruptingAJobCancelsIt(t *testing.T) {
	p := startServer(t, t.TempDir())
	smokeWeeks(t, p)
	cmd := command(t.Context(), "report", "hotspots", "--server", p.http, "--kind", "smoke", "--scan", "--replicates", "9999", "--resolution", "10", "--every", "hour", "--from", time.Now().AddDate(0, 0, -28).Format(time.DateOnly))
	out := &lockedBuffer{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	type list struct{ Jobs []struct{ State string } }
	eventually(t, "the job runs", func() error {
		if l := get[list](t, p.http+"/api/v1/reports/jobs"); len(l.Jobs) != 1 || l.Jobs[0].State != "running" {
			return fmt.Errorf("jobs are %+v: %s", l, out)
		}
		return nil
	})
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Errorf("an interrupted report succeeded: %s", out)
	}
	eventually(t, "the job is cancelled", func() error {
		if l := get[list](t, p.http+"/api/v1/reports/jobs"); len(l.Jobs) != 1 || l.Jobs[0].State != "cancelled" {
			return fmt.Errorf("jobs are %+v", l)
		}
		return nil
	})
	http.DefaultClient.CloseIdleConnections()
	p.stop(t)
}

func TestBudgets_AreThoseOfTheHotspotRules(t *testing.T) {
	hot := func(kind sensors.KindKey, budget float64) analytics.Rule {
		return analytics.Rule{Kind: kind, Hotspot: &analytics.Hotspot{Budget: budget}}
	}
	got := budgets([]analytics.Rule{hot("smoke", 0.5), hot("smoke", 2), hot("stall", 0), {Kind: "noise"}})
	if len(got) != 2 || got["smoke"] != 2.5 || got["stall"] != 1 {
		t.Errorf("got %v, want smoke 2.5 and stall 1", got)
	}
}

func TestThresholds_AreTheMildestOfTheRules(t *testing.T) {
	catalog, err := sensors.DefaultCatalog()
	if err != nil {
		t.Fatal(err)
	}
	rule := func(kind sensors.KindKey, raise float64) analytics.Rule {
		return analytics.Rule{Kind: kind, Threshold: &analytics.Threshold{Raise: raise}}
	}
	got := thresholds([]analytics.Rule{rule("noise", 85), rule("noise", 70), rule("noise", 90), rule("pm25", 150), {Kind: "smoke"}}, catalog)
	if len(got) != 2 || got["noise"] != 70 || got["pm25"] != 150 {
		t.Errorf("got %v, want noise 70 and pm25 150", got)
	}
}
