package dashboard_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/analytics/rulebook"
	"github.com/urbangrid/urbangrid/dashboard"
	"github.com/urbangrid/urbangrid/dashboard/notify"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
	"github.com/urbangrid/urbangrid/store/sqlite"
)

// tryer makes previews that say what they were asked.
type tryer struct{ asked chan analytics.PreviewRequest }

func (p tryer) PreviewRule(ctx context.Context, q analytics.PreviewRequest, _ analytics.History, _ analytics.Fired, tell func(float64)) (analytics.Preview, error) {
	select {
	case p.asked <- q:
	case <-ctx.Done():
		return analytics.Preview{}, ctx.Err()
	}
	tell(1)
	one := analytics.Episodes{Total: 1, Listed: []analytics.Episode{{Place: "device/n1", Device: "n1", Severity: store.Warning, Category: store.AboutCity, Value: 83, RaisedAt: clock}}}
	return analytics.Preview{Rule: q.Rule, From: q.From, To: q.To, LearnedFrom: q.From, Observations: 42, Days: []analytics.PreviewDay{{Day: q.From, Changed: 1}}, Changed: one}, nil
}

// backRoom is a site whose settings can be changed.
type backRoom struct {
	*site
	records  *sqlite.Records
	secrets  *losable
	previews chan analytics.PreviewRequest
	sampler  *dashboard.Sampler
}

func newBackRoom(t *testing.T) *backRoom {
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
	o := &backRoom{records: records, secrets: &losable{Records: records}, previews: make(chan analytics.PreviewRequest)}
	o.site = newSiteWith(t, dashboard.Options{}, func(d *dashboard.Deps) {
		rules, err := analytics.DefaultRules()
		if err != nil {
			t.Fatal(err)
		}
		book, err := rulebook.Open(t.Context(), rules, d.Kinds, records, rulebook.Options{Now: d.Now})
		if err != nil {
			t.Fatal(err)
		}
		previews := rulebook.NewPreviews(book, rulebook.Sources{Engine: tryer{o.previews}}, rulebook.PreviewOptions{Now: d.Now})
		channels, err := notify.New(records, o.secrets, quietLog{}, notify.Options{Now: d.Now, Local: true})
		if err != nil {
			t.Fatal(err)
		}
		areas, err := grid.Putuo()
		if err != nil {
			t.Fatal(err)
		}
		o.sampler = dashboard.NewSampler(d.Gatherer, func() time.Time { return clock.Add(-time.Minute) })
		d.Settings = dashboard.Settings{
			Store: records, Rules: book, Previews: previews, Kinds: d.Kinds, Areas: &dashboard.AreaSettings{File: areas}, Channels: channels,
			System: &dashboard.System{Sampler: o.sampler, Probe: func(context.Context) (dashboard.Probe, error) {
				return dashboard.Probe{Broker: "embedded://127.0.0.1:1883", BrokerEmbedded: true, Connections: 3, JournalFirst: 2, JournalLast: 9, JournalBytes: 4096,
					Stores: []dashboard.StoreProbe{{Name: "series", URL: "duckdb:series.db", Bytes: 1 << 20}}, DiskPath: "data", DiskFree: 5, DiskSize: 10}, nil
			}, Warnings: func() []dashboard.Warning {
				return []dashboard.Warning{{At: clock, Level: "warn", Component: "ingest", Message: "broker connection lost", Facts: map[string]string{"broker": "x"}}}
			}},
		}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- previews.Run(ctx) }()
		t.Cleanup(func() {
			cancel()
			<-ended
		})
	})
	return o
}

// send sends JSON and returns the answer's body, which must come with a status.
func (o *backRoom) send(t *testing.T, method, path, body string, status int, headers ...string) (answer, map[string]any) {
	t.Helper()
	a := o.do(t, method, path, body, append([]string{"Content-Type", "application/json"}, headers...)...)
	if a.status != status {
		t.Fatalf("%s %s: %d %s, want %d", method, path, a.status, a.body, status)
	}
	var v map[string]any
	if err := json.Unmarshal(a.body, &v); err != nil {
		t.Fatalf("%s %s: %v in %s", method, path, err, a.body)
	}
	return a, v
}

// at walks into a document.
func at(v any, path ...any) any {
	for _, step := range path {
		switch s := step.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[s]
		case int:
			l, _ := v.([]any)
			if s >= len(l) {
				return nil
			}
			v = l[s]
		}
	}
	return v
}

const louder = `{"rule":{"names":{"zh":"噪声超标","en":"Loud noise"},"severity":"warning","threshold":{"raise":82,"clear":78,"critical":100,"hold_raise_seconds":30,"hold_clear_seconds":60}},"by":"王芳","note":"夜市"}`

func TestAPI_RulesHaveTheirParametersInTheirUnits(t *testing.T) {
	o := newBackRoom(t)
	var got struct {
		Rules []struct {
			Name, Kind, Detector string
			Rule, File           map[string]any
			Version              int
		}
	}
	o.get(t, "/api/v1/rules", &got)
	detectors := map[string]int{}
	for _, r := range got.Rules {
		detectors[r.Detector]++
		if r.Rule[r.Detector] == nil || cmp.Diff(r.Rule, r.File) != "" || r.Version != 0 {
			t.Errorf("rule %s by %s is %v, its file %v", r.Name, r.Detector, r.Rule, r.File)
		}
	}
	if len(detectors) != 8 {
		t.Errorf("detectors %v, want all eight", detectors)
	}
	_, rule := o.send(t, http.MethodGet, "/api/v1/rules/pm25_heavy", "", 200)
	want := map[string]any{"raise": 150.0, "clear": 115.0, "critical": 250.0, "hold_raise_seconds": 300.0, "hold_clear_seconds": 600.0}
	if d := cmp.Diff(want, at(rule, "rule", "threshold")); d != "" {
		t.Errorf("parameters (-want +got):\n%s", d)
	}
	o.do(t, http.MethodGet, "/api/v1/rules/ghost", "").wantProblem(t, 404)
}

// TestAPI_EveryRuleIsSavedAsItWasShown holds the forms of all detectors.
func TestAPI_EveryRuleIsSavedAsItWasShown(t *testing.T) {
	o := newBackRoom(t)
	var got struct {
		Rules []struct {
			Name string
			Rule json.RawMessage
		}
	}
	o.get(t, "/api/v1/rules", &got)
	for _, r := range got.Rules {
		_, saved := o.send(t, http.MethodPut, "/api/v1/rules/"+r.Name, fmt.Sprintf(`{"rule":%s,"by":"王芳"}`, r.Rule), 200)
		if d := cmp.Diff(at(saved, "file"), at(saved, "rule")); d != "" {
			t.Errorf("rule %s (-file +saved):\n%s", r.Name, d)
		}
	}
}

func TestAPI_ARuleIsChangedByVersionsAndTakenBack(t *testing.T) {
	o := newBackRoom(t)
	a, saved := o.send(t, http.MethodPut, "/api/v1/rules/noise_loud", louder, 200)
	if a.header.Get("ETag") != `"1"` || at(saved, "changed") != true || at(saved, "by") != "王芳" || at(saved, "rule", "threshold", "raise") != 82.0 || at(saved, "file", "threshold", "raise") != 85.0 {
		t.Errorf("saved %s %v", a.header.Get("ETag"), saved)
	}
	// The second of two has seen nothing of it.
	other := strings.ReplaceAll(strings.ReplaceAll(louder, "王芳", "李明"), "82", "90")
	a, problem := o.send(t, http.MethodPut, "/api/v1/rules/noise_loud", other, 412)
	if a.header.Get("ETag") != `"1"` || at(problem, "errors", 0, "value", "rule", "threshold", "raise") != 82.0 || at(problem, "errors", 0, "value", "by") != "王芳" {
		t.Errorf("the second is told %s", a.body)
	}
	o.send(t, http.MethodPut, "/api/v1/rules/noise_loud", other, 200, "If-Match", `"1"`)
	a, reset := o.send(t, http.MethodDelete, "/api/v1/rules/noise_loud?by=%E6%9D%8E%E6%98%8E", "", 200, "If-Match", `"2"`)
	if a.header.Get("ETag") != `"3"` || at(reset, "changed") != false || at(reset, "rule", "threshold", "raise") != 85.0 {
		t.Errorf("after the reset %v", reset)
	}
	var audit struct {
		Changes []struct {
			By, Before, After string
			Reset             bool
			Version           int
		}
		Next int64
	}
	o.get(t, "/api/v1/settings/changes?section=rule&key=noise_loud&limit=2", &audit)
	if len(audit.Changes) != 2 || !audit.Changes[0].Reset || !strings.Contains(audit.Changes[1].Before, "raise: 82") || !strings.Contains(audit.Changes[1].After, "raise: 90") || audit.Changes[1].By != "李明" {
		t.Errorf("audit is %+v", audit)
	}
	o.get(t, fmt.Sprintf("/api/v1/settings/changes?section=rule&limit=2&before=%d", audit.Next), &audit)
	if len(audit.Changes) != 1 || audit.Changes[0].Version != 1 || audit.Next != 0 {
		t.Errorf("second page is %+v", audit)
	}
}

func TestAPI_RefusesRulesThatNothingCanJudgeBy(t *testing.T) {
	o := newBackRoom(t)
	for what, body := range map[string]string{
		"clears beyond where it raises": strings.ReplaceAll(louder, `"clear":78`, `"clear":99`),
		"another detector":              `{"rule":{"names":{"zh":"a","en":"b"},"severity":"warning","silence":{}},"by":"王芳"}`,
		"no detector":                   `{"rule":{"names":{"zh":"a","en":"b"},"severity":"warning"},"by":"王芳"}`,
		"nobody":                        strings.ReplaceAll(louder, "王芳", ""),
		"no such severity":              strings.ReplaceAll(louder, `"warning"`, `"loud"`),
	} {
		t.Run(what, func(t *testing.T) {
			o.do(t, http.MethodPut, "/api/v1/rules/noise_loud", body, "Content-Type", "application/json").wantProblem(t, 422)
		})
	}
	o.do(t, http.MethodPut, "/api/v1/rules/noise_loud", louder, "Content-Type", "application/json", "If-Match", "x").wantProblem(t, 422)
	o.do(t, http.MethodDelete, "/api/v1/rules/noise_loud?by=x", "").wantProblem(t, 422)
}

func TestAPI_AChangedRuleIsTriedAsAJob(t *testing.T) {
	o := newBackRoom(t)
	a, job := o.send(t, http.MethodPost, "/api/v1/rules/noise_loud/previews", louder[:strings.Index(louder, `,"by"`)]+"}", 202)
	path := a.header.Get("Location")
	if path != "/api/v1/rule-previews/"+fmt.Sprint(at(job, "id")) || a.header.Get("Retry-After") == "" {
		t.Errorf("location %q, retry after %q of %v", path, a.header.Get("Retry-After"), job)
	}
	_, again := o.send(t, http.MethodPost, "/api/v1/rules/noise_loud/previews", louder[:strings.Index(louder, `,"by"`)]+"}", 202)
	if at(again, "id") != at(job, "id") {
		t.Error("the same question is another job")
	}
	q := <-o.previews
	if q.Rule.Threshold.Raise != 82 || q.Present.Threshold.Raise != 85 || !q.To.Equal(clock) || q.To.Sub(q.From) != 7*24*time.Hour {
		t.Errorf("asked %+v", q)
	}
	for {
		_, job = o.send(t, http.MethodGet, path, "", 200)
		if at(job, "state") == "done" {
			break
		}
	}
	if at(job, "preview", "changed", "total") != 1.0 || at(job, "preview", "changed", "listed", 0, "device") != "n1" || at(job, "preview", "days", 0, "changed") != 1.0 || at(job, "preview", "observations") != 42.0 {
		t.Errorf("preview is %v", job)
	}
	// One that nobody waits for any more.
	quieter := strings.ReplaceAll(louder[:strings.Index(louder, `,"by"`)]+"}", "82", "84")
	a, _ = o.send(t, http.MethodPost, "/api/v1/rules/noise_loud/previews", quieter, 202)
	o.send(t, http.MethodDelete, a.header.Get("Location"), "", 200)
	for {
		_, job = o.send(t, http.MethodGet, a.header.Get("Location"), "", 200)
		if at(job, "state") == "cancelled" {
			break
		}
	}
	bad := strings.ReplaceAll(louder, `"clear":78`, `"clear":99`)
	o.do(t, http.MethodPost, "/api/v1/rules/noise_loud/previews", bad[:strings.Index(bad, `,"by"`)]+"}", "Content-Type", "application/json").wantProblem(t, 422)
	o.do(t, http.MethodGet, "/api/v1/rule-previews/ghost", "").wantProblem(t, 404)
}

func TestAPI_KindsAreCalledAndShownAsPeopleSay(t *testing.T) {
	o := newBackRoom(t)
	body := `{"kind":{"names":{"zh":"环境噪声","en":"Ambient noise"},"unit_label":{"zh":"分贝","en":"dB"},"scale":[40,90]},"by":"王芳"}`
	a, saved := o.send(t, http.MethodPut, "/api/v1/settings/kinds/noise", body, 200)
	if a.header.Get("ETag") != `"1"` || at(saved, "changed") != true || at(saved, "pending") != true {
		t.Errorf("saved %v", saved)
	}
	var kinds struct {
		Kinds []struct {
			Key   string
			Names sensors.Names
			Unit  string
			Scale [2]float64
		}
	}
	o.get(t, "/api/v1/kinds", &kinds)
	i := slices.IndexFunc(kinds.Kinds, func(k struct {
		Key   string
		Names sensors.Names
		Unit  string
		Scale [2]float64
	}) bool {
		return k.Key == "noise"
	})
	if k := kinds.Kinds[i]; k.Names.ZH != "环境噪声" || k.Scale != [2]float64{40, 90} || k.Unit != "dB[SPL]" {
		t.Errorf("the page shows %+v", k)
	}
	o.send(t, http.MethodPut, "/api/v1/settings/kinds/noise", body, 412)
	o.do(t, http.MethodPut, "/api/v1/settings/kinds/noise", strings.ReplaceAll(body, "[40,90]", "[90,40]"), "Content-Type", "application/json", "If-Match", `"1"`).wantProblem(t, 422)
	o.do(t, http.MethodPut, "/api/v1/settings/kinds/ghost", body, "Content-Type", "application/json").wantProblem(t, 404)
	_, reset := o.send(t, http.MethodDelete, "/api/v1/settings/kinds/noise?by=x", "", 200, "If-Match", `"1"`)
	if at(reset, "changed") != false || at(reset, "pending") != false {
		t.Errorf("after the reset %v", reset)
	}
}

// twoAreas is a district of two areas beside one another, in the names of another
// system; the second begins that many thousandths of a degree to the east.
func twoAreas(east float64) string {
	square := func(west float64) string {
		w, e := 121.4+west/1000, 121.41+west/1000
		return fmt.Sprintf("[[[%g,31.24],[%g,31.24],[%g,31.25],[%g,31.25],[%g,31.24]]]", w, e, e, w, w)
	}
	return fmt.Sprintf(`{"type":"FeatureCollection","features":[
		{"type":"Feature","properties":{"编码":310107005001001,"名称":"一"},"geometry":{"type":"Polygon","coordinates":%s}},
		{"type":"Feature","properties":{"编码":310107005001002,"名称":"二"},"geometry":{"type":"Polygon","coordinates":%s}}]}`, square(0), square(east))
}

const naming = "?code_property=%E7%BC%96%E7%A0%81&name_property=%E5%90%8D%E7%A7%B0"

func TestAPI_AreasAreCheckedAndSaved(t *testing.T) {
	o := newBackRoom(t)
	o.stores.devices["in"] = sensors.Device{ID: "in", Position: sensors.Position{LatDegrees: 31.245, LonDegrees: 121.405, Datum: sensors.WGS84}}
	o.stores.devices["out"] = sensors.Device{ID: "out", Position: sensors.Position{LatDegrees: 31.26, LonDegrees: 121.38, Datum: sensors.WGS84}}
	o.stores.devices["nowhere"] = sensors.Device{ID: "nowhere"}
	_, bad := o.send(t, http.MethodPost, "/api/v1/settings/areas/check"+naming, twoAreas(5), 200, "Content-Type", "application/geo+json")
	if at(bad, "findings", 0, "matter") != "overlap" || at(bad, "findings", 0, "fault") != true || at(bad, "findings", 0, "area") != "310107005001001" || at(bad, "overlap_count").(float64) < 20 {
		t.Errorf("overlapping areas: %v, %v shared cells", at(bad, "findings"), at(bad, "overlap_count"))
	}
	o.do(t, http.MethodPut, "/api/v1/settings/areas"+naming+"&by=x", twoAreas(5), "Content-Type", "application/geo+json").wantProblem(t, 422)

	_, good := o.send(t, http.MethodPost, "/api/v1/settings/areas/check"+naming, twoAreas(10), 200, "Content-Type", "application/geo+json")
	if findings := at(good, "findings"); len(findings.([]any)) != 0 {
		t.Errorf("findings %v, want none", findings)
	}
	if at(good, "devices") != 2.0 || at(good, "moved_count") != 2.0 || at(good, "out_count") != 1.0 ||
		at(good, "moved", 0, "to") != "310107005001001" || at(good, "moved", 1, "to") != "" {
		t.Errorf("devices %v moved %v out %v: %v", at(good, "devices"), at(good, "moved_count"), at(good, "out_count"), at(good, "moved"))
	}
	if len(at(good, "added").([]any)) != 2 || len(at(good, "removed").([]any)) != 10 || at(good, "areas", 0, "names", "zh") != "一" ||
		at(good, "areas", 0, "cells", 0, "resolution") != 10.0 || at(good, "areas", 0, "cells", 0, "cells").(float64) < 60 {
		t.Errorf("added %v, removed %v, areas %v", at(good, "added"), at(good, "removed"), at(good, "areas"))
	}

	a, saved := o.send(t, http.MethodPut, "/api/v1/settings/areas"+naming+"&by=%E7%8E%8B%E8%8A%B3", twoAreas(10), 200, "Content-Type", "application/geo+json")
	if a.header.Get("ETag") != `"1"` || at(saved, "areas") != 2.0 || at(saved, "pending") != true || at(saved, "by") != "王芳" || at(saved, "file_areas") != 10.0 {
		t.Errorf("saved %v", saved)
	}
	o.send(t, http.MethodPut, "/api/v1/settings/areas"+naming+"&by=x", twoAreas(10), 412, "Content-Type", "application/geo+json")
	var geo struct {
		Features []struct{ Properties struct{ Code, Name string } }
	}
	o.get(t, "/api/v1/settings/areas.geojson", &geo)
	if len(geo.Features) != 2 || geo.Features[1].Properties.Code != "310107005001002" {
		t.Errorf("saved areas are %+v", geo)
	}
	kept, setting, err := dashboard.ReadSavedAreas(t.Context(), o.records)
	if err != nil || len(kept.All()) != 2 || setting.Version != 1 {
		t.Errorf("the next server reads %d areas of version %d, %v", len(kept.All()), setting.Version, err)
	}
	_, reset := o.send(t, http.MethodDelete, "/api/v1/settings/areas?by=x", "", 200, "If-Match", `"1"`)
	if at(reset, "areas") != 10.0 || at(reset, "pending") != false || at(reset, "saved") != false {
		t.Errorf("after the reset %v", reset)
	}
}

func TestAPI_AreasSayWhatCannotBeRead(t *testing.T) {
	o := newBackRoom(t)
	for body, want := range map[string]string{
		"hello": "no JSON",
		`{"type":"FeatureCollection","features":[]}`:                                "no feature",
		strings.ReplaceAll(twoAreas(10), `"名称":"一",`, ""):                           "",
		strings.ReplaceAll(twoAreas(10), "310107005001002", "310107005001001"):      "there twice",
		strings.ReplaceAll(twoAreas(10), `"type":"Polygon"`, `"type":"LineString"`): "not Polygon",
	} {
		_, v := o.send(t, http.MethodPost, "/api/v1/settings/areas/check"+naming, body, 200, "Content-Type", "application/geo+json")
		if want == "" {
			continue
		}
		if at(v, "findings", 0, "matter") != "unreadable" || !strings.Contains(fmt.Sprint(at(v, "findings")), want) {
			t.Errorf("findings %v, want %q", at(v, "findings"), want)
		}
	}
	// GCJ-02 is not WGS-84: half a kilometre lies between.
	_, plain := o.send(t, http.MethodPost, "/api/v1/settings/areas/check"+naming, twoAreas(10), 200, "Content-Type", "application/geo+json")
	_, shifted := o.send(t, http.MethodPost, "/api/v1/settings/areas/check"+naming+"&datum=gcj02", twoAreas(10), 200, "Content-Type", "application/geo+json")
	corner := func(v any) float64 {
		return at(v, "geojson", "features", 0, "geometry", "coordinates", 0, 0, 0, 0).(float64)
	}
	if d := corner(plain) - corner(shifted); d < 0.003 || d > 0.006 {
		t.Errorf("GCJ-02 is shifted by %v degrees to the east, want about 0.0046", d)
	}
}

// losable are secrets whose key can be lost.
type losable struct {
	*sqlite.Records
	lost atomic.Bool
}

func (l *losable) Secret(ctx context.Context, name string) (string, error) {
	secret, err := l.Records.Secret(ctx, name)
	if l.lost.Load() && secret != "" {
		return "", store.ErrSealed
	}
	return secret, err
}

func (l *losable) SaveSettingAndSecrets(ctx context.Context, s store.Setting, secrets map[string]string) (store.Setting, error) {
	if l.lost.Load() && len(secrets) > 0 {
		return store.Setting{}, store.ErrSealed
	}
	return l.Records.SaveSettingAndSecrets(ctx, s, secrets)
}

func TestAPI_ChannelsSayThatTheirSecretsAreLost(t *testing.T) {
	o := newBackRoom(t)
	body := `{"channel":{"name":"值班","type":"webhook","on":true,"lang":"zh","severity":"warning","areas":[],"quality":false},"url":"https://hook.example/x","by":"王芳"}`
	_, added := o.send(t, http.MethodPost, "/api/v1/channels", body, 201)
	if at(added, "secrets_lost") != false {
		t.Errorf("added %v", added)
	}
	o.secrets.lost.Store(true)
	_, list := o.send(t, http.MethodGet, "/api/v1/channels", "", 200)
	if at(list, "channels", 0, "secrets_lost") != true || at(list, "channels", 0, "has_url") != true {
		t.Errorf("channels are %v", list)
	}
	o.do(t, http.MethodPost, "/api/v1/channels", body, "Content-Type", "application/json").wantProblem(t, 503)
}

func TestAPI_ChannelsNeverShowTheirSecrets(t *testing.T) {
	o := newBackRoom(t)
	hook := make(chan string, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { hook <- r.Header.Get("X-UrbanGrid-Event") }))
	t.Cleanup(srv.Close)
	body := fmt.Sprintf(`{"channel":{"name":"值班","type":"webhook","on":true,"lang":"zh","severity":"warning","areas":["310107005"],"quality":false,"quiet":{"from":"22:00","to":"07:00","critical":true}},"url":"%s/x?key=geheim","secret":"geheim","by":"王芳"}`, srv.URL)
	a, added := o.send(t, http.MethodPost, "/api/v1/channels", body, 201)
	if strings.Contains(string(a.body), "geheim") || at(added, "has_url") != true || at(added, "has_secret") != true || at(added, "host") != srv.URL || at(added, "quiet", "from") != "22:00" {
		t.Errorf("added %s", a.body)
	}
	id := fmt.Sprint(at(added, "id"))
	_, tried := o.send(t, http.MethodPost, "/api/v1/channels/"+id+"/test?by=%E7%8E%8B%E8%8A%B3", "", 200)
	if at(tried, "arrived") != true || <-hook != "test" {
		t.Errorf("test ended with %v", tried)
	}
	quiet := strings.ReplaceAll(body, fmt.Sprintf(`"url":"%s/x?key=geheim","secret":"geheim",`, srv.URL), "")
	o.send(t, http.MethodPut, "/api/v1/channels/"+id, strings.ReplaceAll(quiet, "值班", "夜班"), 200, "If-Match", `"1"`)
	_, problem := o.send(t, http.MethodPut, "/api/v1/channels/"+id, quiet, 412, "If-Match", `"1"`)
	if at(problem, "errors", 0, "value", "name") != "夜班" {
		t.Errorf("the second is told %v", problem)
	}
	o.do(t, http.MethodPost, "/api/v1/channels", strings.ReplaceAll(body, "310107005", "999999"), "Content-Type", "application/json").wantProblem(t, 422)
	o.do(t, http.MethodPost, "/api/v1/channels", strings.ReplaceAll(body, "22:00", "later"), "Content-Type", "application/json").wantProblem(t, 422)

	d := store.Delivery{Channel: id, Alert: "a", Revision: 1, Event: "raised", Payload: []byte("{}"), State: store.DeliveryDead, Attempts: 9, Fault: "503", Next: clock, CreatedAt: clock, EndedAt: clock}
	if _, err := o.records.QueueDeliveries(t.Context(), store.Position{Journal: "log", Seq: 1}, []store.Delivery{d}); err != nil {
		t.Fatal(err)
	}
	_, queue := o.send(t, http.MethodGet, "/api/v1/deliveries?state=dead", "", 200)
	if at(queue, "deliveries", 0, "fault") != "503" || at(queue, "deliveries", 0, "next") != nil {
		t.Errorf("queue is %v", queue)
	}
	_, listed := o.send(t, http.MethodGet, "/api/v1/channels", "", 200)
	if at(listed, "channels", 0, "dead") != 1.0 {
		t.Errorf("channels are %v", listed)
	}
	_, again := o.send(t, http.MethodPost, fmt.Sprintf("/api/v1/deliveries/%v/again?by=li", at(queue, "deliveries", 0, "id")), "", 200)
	if at(again, "state") != "waiting" || at(again, "attempts") != 0.0 {
		t.Errorf("sent again is %v", again)
	}
	for section, want := range map[string]string{"channel_test": `王芳 {"arrived":true}`, "delivery": fmt.Sprintf(`li {"delivery":%v}`, at(again, "id"))} {
		_, log := o.send(t, http.MethodGet, "/api/v1/settings/changes?section="+section+"&key="+id, "", 200)
		if got := fmt.Sprintf("%v %v", at(log, "changes", 0, "by"), at(log, "changes", 0, "after")); got != want {
			t.Errorf("%s in the log: %s, want %s", section, got, want)
		}
	}
	o.send(t, http.MethodDelete, "/api/v1/channels/"+id+"?by=x", "", 200, "If-Match", `"2"`)
	_, listed = o.send(t, http.MethodGet, "/api/v1/channels", "", 200)
	if len(at(listed, "channels").([]any)) != 0 {
		t.Errorf("channels are %v", listed)
	}
}

func TestAPI_SystemSaysHowItDoes(t *testing.T) {
	o := newBackRoom(t)
	o.checks["series"] = func(context.Context) error { return nil }
	o.checks["ingest"] = func(context.Context) error { return fmt.Errorf("broker is away") }
	taken := prometheus.NewCounter(prometheus.CounterOpts{Name: "urbangrid_ingest_observations_total", Help: "x"})
	rejected := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "urbangrid_ingest_observations_rejected_total", Help: "x"}, []string{"reason"})
	o.metrics.MustRegister(taken, rejected)
	rejected.WithLabelValues("out_of_range").Add(4)
	rejected.WithLabelValues("unknown_kind")
	if err := o.sampler.Take(); err != nil {
		t.Fatal(err)
	}
	taken.Add(600)
	rejected.WithLabelValues("out_of_range").Add(3)
	rejected.WithLabelValues("not_a_number").Add(9)
	_, v := o.send(t, http.MethodGet, "/api/v1/system", "", 200)
	for path, want := range map[string]any{
		"ready": false, "uptime_seconds": 0.0, "demo": false,
	} {
		if got := at(v, path); got != want {
			t.Errorf("%s is %v, want %v", path, got, want)
		}
	}
	want := []any{
		map[string]any{"reason": "not_a_number", "total": 9.0, "lately": 9.0},
		map[string]any{"reason": "out_of_range", "total": 7.0, "lately": 3.0},
	}
	if d := cmp.Diff(want, at(v, "ingest", "rejected")); d != "" {
		t.Errorf("rejected (-want +got):\n%s", d)
	}
	if at(v, "journal", "entries") != 8.0 || at(v, "journal", "unrecorded") != 1.0 || at(v, "journal", "unjudged") != 2.0 {
		t.Errorf("journal is %v", at(v, "journal"))
	}
	if at(v, "broker", "connections") != 3.0 || at(v, "broker", "healthy") != false || at(v, "broker", "error") != "broker is away" {
		t.Errorf("broker is %v", at(v, "broker"))
	}
	if at(v, "stores", 1, "name") != "series" || at(v, "stores", 1, "healthy") != true || at(v, "backups", "supported") != false || at(v, "warnings", 0, "component") != "ingest" || at(v, "disk", "free") != 5.0 {
		t.Errorf("system is %v", v)
	}
}

func TestAPI_WhatIsNotKeptCannotBeChanged(t *testing.T) {
	s := newSite(t, dashboard.Options{})
	for _, path := range []string{"/rules", "/settings/changes", "/settings/kinds", "/settings/areas", "/channels", "/deliveries", "/system", "/rule-previews/x"} {
		s.do(t, http.MethodGet, "/api/v1"+path, "").wantProblem(t, 501)
	}
}
