package dashboard_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/dashboard"
	"github.com/urbangrid/urbangrid/dashboard/live"
	"github.com/urbangrid/urbangrid/dashboard/live/liveclient"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

func TestAPI_DescribesItself(t *testing.T) {
	s := newSite(t, dashboard.Options{})
	var doc map[string]any
	s.get(t, "/api/v1/openapi.json", &doc)
	if doc["openapi"] != "3.1.0" {
		t.Errorf("document is of OpenAPI %v, want 3.1.0", doc["openapi"])
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(doc); err != nil {
		t.Fatal(err)
	}
	golden(t, "openapi.json", b.Bytes())
	if a := s.do(t, http.MethodGet, "/api/v1/openapi.yaml", ""); a.status != http.StatusOK || !bytes.Contains(a.body, []byte("openapi: 3.1.0")) {
		t.Errorf("YAML document: %d %.80s", a.status, a.body)
	}
}

func TestAPI_Series(t *testing.T) {
	cell, err := grid.ParseCell("8a309930a0affff")
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t, dashboard.Options{})
	at := clock.Add(-time.Hour)
	s.stores.lines = []store.Line{{Kind: "noise", Cell: cell, Points: []store.Point{{Start: at, Value: 57.3}, {Start: at.Add(time.Minute), Value: 60}}}}
	for _, c := range []struct {
		name, query string
		want        store.Query
		unit        string
	}{
		{"fills in what is left out", "kind=noise", store.Query{Kind: "noise", From: at, To: clock, Every: 10 * time.Second, Agg: store.Mean}, "dB[SPL]"},
		{"counts events", "kind=smoke", store.Query{Kind: "smoke", From: at, To: clock, Every: 10 * time.Second, Agg: store.Count}, "1"},
		{"a count has no unit", "kind=noise&agg=count", store.Query{Kind: "noise", From: at, To: clock, Every: 10 * time.Second, Agg: store.Count}, "1"},
		{"keeps a week to 500 points", "kind=noise&from=2026-11-15T08:00:00Z", store.Query{Kind: "noise", From: clock.AddDate(0, 0, -7), To: clock, Every: 30 * time.Minute, Agg: store.Mean}, "dB[SPL]"},
		{"takes all that is said", "kind=noise&cell=8a309930a0affff&from=2026-11-22T14:00:00%2B08:00&to=2026-11-22T07:00:00Z&every=1m&agg=max",
			store.Query{Kind: "noise", Cell: cell, From: clock.Add(-2 * time.Hour), To: clock.Add(-time.Hour), Every: time.Minute, Agg: store.Max}, "dB[SPL]"},
		{"reads ISO durations", "kind=noise&device=n-1&every=PT1M30S", store.Query{Kind: "noise", Device: "n-1", From: at, To: clock, Every: 90 * time.Second, Agg: store.Mean}, "dB[SPL]"},
		{"reads days", "kind=noise&area=310107005&every=1d", store.Query{Kind: "noise", Area: "310107005", From: at, To: clock, Every: 24 * time.Hour, Agg: store.Mean}, "dB[SPL]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got struct {
				Series []struct {
					Key    map[string]string
					Unit   string
					Points [][2]any
				}
			}
			s.get(t, "/api/v1/series?"+c.query, &got)
			if d := cmp.Diff(c.want, s.stores.query); d != "" {
				t.Errorf("asked the store (-want +got):\n%s", d)
			}
			if len(got.Series) != 1 || got.Series[0].Unit != c.unit {
				t.Fatalf("got %+v, want one series in %s", got, c.unit)
			}
			l := got.Series[0]
			if d := cmp.Diff([][2]any{{"2026-11-22T07:00:00Z", 57.3}, {"2026-11-22T07:01:00Z", 60.0}}, l.Points); d != "" {
				t.Errorf("points (-want +got):\n%s", d)
			}
			if d := cmp.Diff(map[string]string{"kind": "noise", "cell": "8a309930a0affff"}, l.Key); d != "" {
				t.Errorf("key (-want +got):\n%s", d)
			}
		})
	}
}

func TestAPI_SaysWhatIsWrong(t *testing.T) {
	s := newSite(t, dashboard.Options{})
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/api/v1/series", "", 422},
		{"GET", "/api/v1/series?kind=nothing", "", 422},
		{"GET", "/api/v1/series?kind=noise&every=soon", "", 422},
		{"GET", "/api/v1/series?kind=noise&every=0.5s", "", 422},
		{"GET", "/api/v1/series?kind=noise&agg=median", "", 422},
		{"GET", "/api/v1/series?kind=noise&cell=zz", "", 422},
		{"GET", "/api/v1/series?kind=noise&from=yesterday", "", 422},
		{"GET", "/api/v1/series?kind=noise&from=2026-11-22T09:00:00Z", "", 422},
		{"GET", "/api/v1/cells?kind=noise&resolution=11", "", 422},
		{"GET", "/api/v1/cells?kind=noise&bbox=1,2,3", "", 422},
		{"GET", "/api/v1/observations?limit=5001", "", 422},
		{"GET", "/api/v1/devices/ghost", "", 404},
		{"GET", "/api/v1/cells/tables/abc", "", 404},
		{"GET", "/api/v1/nothing", "", 404},
		{"PUT", "/api/v1/devices/a%2Bb", `{}`, 422},
		{"PUT", "/api/v1/devices/a", `{"place":{"lat":31}}`, 422},
		{"PUT", "/api/v1/devices/a", `{"place":{"lat":91,"lon":1}}`, 422},
		{"PUT", "/api/v1/devices/a", `{"name":"` + strings.Repeat("a", 70<<10) + `"}`, 413},
		{"GET", "/assets/nothing.js", "", 404},
	} {
		t.Run(c.method+" "+c.path, func(t *testing.T) {
			s.do(t, c.method, c.path, c.body, "Content-Type", "application/json").wantProblem(t, c.status)
		})
	}
}

func TestAPI_TellsErrorsOfStoresApart(t *testing.T) {
	s := newSite(t, dashboard.Options{})
	for _, c := range []struct {
		err    error
		status int
	}{
		{fmt.Errorf("points: %w: too many windows", store.ErrInvalidQuery), 422},
		{fmt.Errorf("points: %w", store.ErrUnavailable), 503},
		{errors.New("disk is on fire at /secret/path"), 500},
	} {
		s.stores.err = c.err
		for _, path := range []string{"/api/v1/series?kind=noise", "/api/v1/observations", "/api/v1/counts", "/api/v1/alerts", "/api/v1/quarantine", "/api/v1/devices"} {
			a := s.do(t, http.MethodGet, path, "")
			a.wantProblem(t, c.status)
			if c.status == 503 && a.header.Get("Retry-After") == "" {
				t.Errorf("%s says nothing of when to come back", path)
			}
			if bytes.Contains(a.body, []byte("secret")) {
				t.Errorf("%s tells strangers %s", path, a.body)
			}
		}
	}
}

func TestAPI_CellsNow(t *testing.T) {
	s := newSite(t, dashboard.Options{})
	east, err := grid.CellAt(grid.Point{LatDegrees: 31.24, LonDegrees: 121.42}, grid.Resolution)
	if err != nil {
		t.Fatal(err)
	}
	west, err := grid.CellAt(grid.Point{LatDegrees: 31.26, LonDegrees: 121.36}, grid.Resolution)
	if err != nil {
		t.Fatal(err)
	}
	r := grid.Rollup{Count: 2, Sum: 120, Min: 55, Max: 65, Last: 65, LastAt: clock}
	s.CellsChanged(clock, clock, []analytics.CellState{
		{Kind: "noise", Cell: east, Rollup: r}, {Kind: "noise", Cell: west, Rollup: r}, {Kind: "smoke", Cell: east, Rollup: r},
	})
	type cell struct {
		Cell                         string
		Value, Count, Min, Max, Last float64
	}
	var got struct {
		Unit  string
		Cells []cell
	}
	s.get(t, "/api/v1/cells?kind=noise&resolution=10&bbox=121.41,31.23,121.43,31.25", &got)
	if want := []cell{{east.String(), 60, 2, 55, 65, 65}}; got.Unit != "dB[SPL]" || cmp.Diff(want, got.Cells) != "" {
		t.Errorf("got %+v, want %+v", got, want)
	}
	s.get(t, "/api/v1/cells?kind=smoke&resolution=7", &got)
	if len(got.Cells) != 1 || got.Cells[0].Value != 2 || got.Unit != "1" {
		t.Errorf("events: got %+v, want one cell with 2", got)
	}

	for accept, want := range map[string]string{
		"*/*": "application/json", "application/json, application/geo+json": "application/json",
		"application/geo+json;q=0": "application/json", "application/geo+json, application/json;q=0.9": "application/geo+json",
	} {
		a := s.do(t, http.MethodGet, "/api/v1/cells?kind=noise", "", "Accept", accept)
		if got := a.header.Get("Content-Type"); a.status != http.StatusOK || got != want {
			t.Errorf("Accept: %s is answered with %d %s, want %s", accept, a.status, got, want)
		}
	}
	a := s.do(t, http.MethodGet, "/api/v1/cells?kind=noise", "", "Accept", "application/geo+json")
	var geo struct {
		Type     string
		Features []struct {
			ID       string
			Geometry struct {
				Type        string
				Coordinates [][][2]float64
			}
			Properties cell
		}
	}
	if err := json.Unmarshal(a.body, &geo); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	if a.header.Get("Content-Type") != "application/geo+json" || geo.Type != "FeatureCollection" || len(geo.Features) != 2 {
		t.Fatalf("got %s %s", a.header.Get("Content-Type"), a.body)
	}
	f := geo.Features[0]
	ring := f.Geometry.Coordinates[0]
	if len(ring) != 7 || ring[0] != ring[6] || ring[0][0] < 121 || ring[0][1] > 32 || f.Properties.Value != 60 {
		t.Errorf("got %+v, want a closed hexagon, longitude first", f)
	}
}

func TestAPI_Areas(t *testing.T) {
	s := newSite(t, dashboard.Options{})
	var list struct {
		Note  sensors.Names
		Areas []struct {
			Code  string
			Names sensors.Names
		}
	}
	s.get(t, "/api/v1/areas", &list)
	if len(list.Areas) < 10 || list.Note.EN == "" || list.Areas[0].Names.ZH == "" {
		t.Errorf("got %+v, want the ten subdistricts and a note", list)
	}
	var geo struct {
		Features []struct {
			Geometry   struct{ Coordinates [][][][2]float64 }
			Properties struct{ Code string }
		}
	}
	s.get(t, "/api/v1/areas.geojson", &geo)
	if len(geo.Features) != len(list.Areas) {
		t.Fatalf("%d features of %d areas", len(geo.Features), len(list.Areas))
	}
	ring := geo.Features[0].Geometry.Coordinates[0][0]
	if ring[0] != ring[len(ring)-1] || ring[0][0] < 121 || ring[0][0] > 122 {
		t.Errorf("ring %v is not closed, or not longitude first", ring)
	}
}

func TestAPI_Devices(t *testing.T) {
	s := newSite(t, dashboard.Options{})
	a := s.do(t, http.MethodPut, "/api/v1/devices/n-1", `{"name":"河边","place":{"lat":31.24,"lon":121.42,"datum":"gcj02"}}`, "Content-Type", "application/json")
	var d struct {
		ID, Name, Cell string
		Place          struct {
			Lat, Lon float64
			Datum    string
		}
		WGS84 struct{ Lat, Lon float64 }
	}
	if err := json.Unmarshal(a.body, &d); err != nil || a.status != http.StatusOK {
		t.Fatalf("PUT: %d %s", a.status, a.body)
	}
	if d.Place.Datum != "gcj02" || d.Place.Lat != 31.24 || d.WGS84.Lat == 31.24 || d.Cell == "" {
		t.Errorf("got %+v, want the place as stated and its conversion", d)
	}
	if got := s.stores.devices["n-1"]; got.Position.Datum != sensors.GCJ02 || got.Name != "河边" {
		t.Errorf("store has %+v", got)
	}
	s.do(t, http.MethodPut, "/api/v1/devices/n-2", `{"place":{"lat":31.24,"lon":121.42}}`, "Content-Type", "application/json")
	if got := s.stores.devices["n-2"].Position.Datum; got != sensors.WGS84 {
		t.Errorf("datum left out is %v, want wgs84", got)
	}
	var list struct {
		Devices []struct{ ID string }
		Next    string
	}
	s.get(t, "/api/v1/devices?limit=1", &list)
	if len(list.Devices) != 1 || list.Next != list.Devices[0].ID {
		t.Errorf("got %+v, want one and where to go on", list)
	}
}

func TestAPI_RefusesChangesFromOtherSites(t *testing.T) {
	s := newSite(t, dashboard.Options{})
	for _, headers := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "http://evil.example"}} {
		a := s.do(t, http.MethodPut, "/api/v1/devices/n-1", `{}`, append(headers, "Content-Type", "application/json")...)
		a.wantProblem(t, http.StatusForbidden)
	}
	if len(s.stores.devices) != 0 {
		t.Error("a device was changed")
	}
}

func TestAPI_RefusesNamesThatAreNotItsOwn(t *testing.T) {
	s := newSite(t, dashboard.Options{Hosts: []string{"grid.example"}})
	for host, want := range map[string]int{"evil.example": 421, "grid.example:8080": 200, "localhost:8080": 200, "[::1]:8080": 200, "10.1.2.3": 200} {
		if a := s.do(t, http.MethodGet, "/healthz", "", "Host", host); a.status != want {
			t.Errorf("host %s: %d, want %d", host, a.status, want)
		}
	}
}

func TestAPI_ObservationsCountsAlertsQuarantineStatus(t *testing.T) {
	s := newSite(t, dashboard.Options{Demo: true, Version: "1.2", District: sensors.Names{ZH: "普陀区", EN: "Putuo District"}, Zone: time.FixedZone("Asia/Shanghai", 8*3600)})
	s.stores.page = []grid.Placed{{Observation: sensors.Observation{
		Device: "n-1", Kind: "noise", Value: 57.3, At: clock, Received: clock, ID: "e1",
		Position: sensors.Position{LatDegrees: 31.2, LonDegrees: 121.4, Datum: sensors.GCJ02}, Attrs: `{"a":1}`,
	}, Point: grid.Point{LatDegrees: 31.19, LonDegrees: 121.39}, Cell: 0x8a309930a0affff, Area: "310107005"}}
	s.stores.alerts = []store.Alert{{ID: "a1", Revision: 1, Kind: "noise", State: store.AlertOpen, RaisedAt: clock, UpdatedAt: clock}}
	s.stores.counts = map[string]int64{"no_position": 1102, "bad_json": 3}
	s.stores.rejects = []store.QuarantinedReject{
		{ID: 2, Reject: store.Reject{At: clock, Reason: "bad_json", Payload: []byte("{\xe5\x9f"), Size: 100}},
		{ID: 1, Reject: store.Reject{At: clock, Reason: "invalid_utf8", Payload: []byte("\xff\xfe\xfd\xfc\xfb"), Size: 5}},
	}
	for _, path := range []string{"observations?device=n-1&kind=noise&cell=8a309930a0affff", "counts", "alerts?state=open", "quarantine?limit=2", "status"} {
		name, _, _ := strings.Cut(path, "?")
		var doc any
		s.get(t, "/api/v1/"+path, &doc)
		if m := doc.(map[string]any); name == "status" {
			m["epoch"] = "…"
		}
		b, err := json.MarshalIndent(doc, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name+".json", append(b, '\n'))
	}
	if q := s.stores.observations; q.Device != "n-1" || q.Kind != "noise" || q.Cell == 0 || q.Limit != 200 || !q.From.IsZero() || !q.To.IsZero() {
		t.Errorf("asked the store %+v", q)
	}
	if d := cmp.Diff(store.AlertQuery{State: store.AlertOpen, Limit: 200}, s.stores.alertQuery); d != "" {
		t.Errorf("alert query differs (-want +got):\n%s", d)
	}
}

func TestAPI_CountsAlertsByTheFilterOfTheList(t *testing.T) {
	s := newSite(t, dashboard.Options{})
	s.stores.alerts = make([]store.Alert, 3)
	var got struct{ Count int }
	s.get(t, "/api/v1/alerts/count?state=open&severity=critical,warning&handling=new&muted=false", &got)
	if got.Count != 3 {
		t.Errorf("counted %d, want 3", got.Count)
	}
	want := store.AlertQuery{
		State: store.AlertOpen, Severities: []store.Severity{store.Critical, store.Warning},
		Handling: []store.HandlingState{store.HandlingNew}, Muted: new(false),
	}
	if d := cmp.Diff(want, s.stores.alertQuery); d != "" {
		t.Errorf("alert query differs (-want +got):\n%s", d)
	}
}

func TestHealth(t *testing.T) {
	s := newSite(t, dashboard.Options{CheckWait: 50 * time.Millisecond})
	release := make(chan struct{})
	s.checks["series"] = func(context.Context) error { return nil }
	var got struct {
		Ready  bool
		Checks map[string]struct {
			OK    bool
			Error string
		}
	}
	s.get(t, "/readyz", &got)
	if !got.Ready || !got.Checks["series"].OK {
		t.Errorf("got %+v, want ready", got)
	}
	s.checks["broker"] = func(context.Context) error { return errors.New("no listener") }
	a := s.do(t, http.MethodGet, "/readyz", "")
	if err := json.Unmarshal(a.body, &got); err != nil || a.status != http.StatusServiceUnavailable || got.Ready || got.Checks["broker"].Error != "no listener" || !got.Checks["series"].OK {
		t.Errorf("got %d %s, want 503 and who is to blame", a.status, a.body)
	}
	s.checks["stuck"] = func(context.Context) error { <-release; return nil }
	a = s.do(t, http.MethodGet, "/readyz", "")
	if err := json.Unmarshal(a.body, &got); err != nil || got.Checks["stuck"].OK || !strings.Contains(got.Checks["stuck"].Error, "no answer") || !got.Checks["series"].OK {
		t.Errorf("got %d %s, want that one does not answer", a.status, a.body)
	}
	close(release)
	if a := s.do(t, http.MethodGet, "/healthz", ""); a.status != http.StatusOK {
		t.Errorf("healthz: %d", a.status)
	}
	if a := s.do(t, http.MethodGet, "/metrics", ""); !bytes.Contains(a.body, []byte("urbangrid_dashboard_live_connections 0")) {
		t.Errorf("metrics: %d %.200s", a.status, a.body)
	}
	problems, err := testutil.GatherAndLint(s.metrics)
	if err != nil || len(problems) > 0 {
		t.Errorf("metrics: %v %v", problems, err)
	}
}

func TestPages(t *testing.T) {
	s := newSite(t, dashboard.Options{Assets: fstest.MapFS{
		"index.html":          {Data: []byte("<!doctype html>page")},
		"assets/app-1a2b3.js": {Data: []byte("const a = 1;" + strings.Repeat("// long\n", 500))},
	}})
	for _, path := range []string{"/", "/map/noise", "/index.html"} {
		a := s.do(t, http.MethodGet, path, "")
		if a.status != http.StatusOK || !bytes.Contains(a.body, []byte("page")) || a.header.Get("Cache-Control") != "no-cache" {
			t.Errorf("%s: %d %v %s", path, a.status, a.header, a.body)
		}
		if csp := a.header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'self'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: policy %q", path, csp)
		}
	}
	a := s.do(t, http.MethodGet, "/assets/app-1a2b3.js", "", "Accept-Encoding", "gzip")
	if a.header.Get("Content-Encoding") != "gzip" || !strings.Contains(a.header.Get("Cache-Control"), "immutable") || !strings.HasPrefix(a.header.Get("Content-Type"), "text/javascript") {
		t.Errorf("asset: %v", a.header)
	}
	zr, err := gzip.NewReader(bytes.NewReader(a.body))
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(zr); err != nil || !bytes.HasPrefix(b, []byte("const a")) {
		t.Errorf("asset is %.40q (%v)", b, err)
	}
	s.do(t, http.MethodPost, "/", "").wantProblem(t, http.StatusMethodNotAllowed)
}

// A device may have a dot in its name: its place in the page is no file.
func TestPages_KnowFilesFromPlacesWithADot(t *testing.T) {
	s := newSite(t, dashboard.Options{Assets: fstest.MapFS{
		"index.html":       {Data: []byte("<!doctype html>page")},
		"boot.js":          {Data: []byte("start()")},
		"fonts/latin.woff": {Data: []byte("font")},
	}})
	for path, want := range map[string]string{
		"/devices/cam.01": "page", "/devices/cam.01/": "page", "/devices/sensor.js": "page", "/alerts/a.b?kind=noise": "page", "/devices/.hidden": "page",
		"/boot.js": "start()", "/fonts/latin.woff": "font",
	} {
		if a := s.do(t, http.MethodGet, path, ""); a.status != http.StatusOK || !bytes.Contains(a.body, []byte(want)) {
			t.Errorf("%s: %d %s, want %s", path, a.status, a.body, want)
		}
	}
	for _, path := range []string{"/assets/gone-1a2b3.js", "/favicon.ico", "/api/v1/devices.txt"} {
		s.do(t, http.MethodGet, path, "").wantProblem(t, http.StatusNotFound)
	}
}

func TestAPI_SaysWhichMethodsAResourceHas(t *testing.T) {
	s := newSite(t, dashboard.Options{})
	for _, c := range []struct{ method, path, allow string }{
		{http.MethodPut, "/api/v1/mutes", "GET, HEAD, POST"},
		{http.MethodOptions, "/api/v1/mutes", "GET, HEAD, POST"},
		{http.MethodOptions, "/api/v1/alerts/a-1/actions", "POST"},
		{http.MethodGet, "/api/v1/alerts/a-1/actions", "POST"},
		{http.MethodPatch, "/api/v1/devices/cam.01", "GET, HEAD, PUT"},
		{http.MethodPost, "/api/v1/live", "GET, HEAD"},
		{http.MethodDelete, "/api/v1/openapi.json", "GET, HEAD"},
	} {
		a := s.do(t, c.method, c.path, "")
		if a.wantProblem(t, http.StatusMethodNotAllowed); a.header.Get("Allow") != c.allow {
			t.Errorf("%s %s: allowed %q, want %q", c.method, c.path, a.header.Get("Allow"), c.allow)
		}
	}
	for _, path := range []string{"/api/v1/nothing", "/api/v2/mutes", "/api/", "/api/v1"} {
		for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodOptions} {
			s.do(t, method, path, "").wantProblem(t, http.StatusNotFound)
		}
	}
}

// An error names what was wrong; it does not send it all back.
func TestAPI_RepeatsLittleOfWhatIsWrong(t *testing.T) {
	s := newSite(t, dashboard.Options{})
	long := strings.Repeat("哈", 70_000)
	many := strings.Repeat(`{"id":1},`, 20_000)
	for name, c := range map[string]struct {
		method, path, body string
		status             int
	}{
		"no JSON":                   {http.MethodPut, "/api/v1/alerts/a-1/verdict", long, http.StatusBadRequest},
		"a text that is too long":   {http.MethodPut, "/api/v1/alerts/a-1/verdict", `{"answer":"confirmed","by":"` + long + `"}`, http.StatusUnprocessableEntity},
		"an object where text goes": {http.MethodPut, "/api/v1/alerts/a-1/verdict", `{"answer":{"` + long + `":1},"by":"b"}`, http.StatusUnprocessableEntity},
		"a name of no field":        {http.MethodPut, "/api/v1/alerts/a-1/verdict", `{"answer":"confirmed","by":"b","` + long + `":1}`, http.StatusUnprocessableEntity},
		"many faults":               {http.MethodPost, "/api/v1/alerts/actions", `{"action":"close","by":"b","alerts":[` + many + `{}]}`, http.StatusUnprocessableEntity},
		"a name in the query":       {http.MethodGet, "/api/v1/series?kind=" + strings.Repeat("x", 100_000), "", http.StatusUnprocessableEntity},
	} {
		a := s.do(t, c.method, c.path, c.body, "Content-Type", jsonType)
		a.wantProblem(t, c.status)
		if len(a.body) > 64<<10 {
			t.Errorf("%s: %d bytes are answered to %d: %.200s", name, len(a.body), len(c.body), a.body)
		}
		if !utf8.Valid(a.body) || bytes.ContainsRune(a.body, utf8.RuneError) {
			t.Errorf("%s: half a character in %.400q", name, a.body)
		}
	}
	var told struct{ Errors []struct{ Message string } }
	a := s.do(t, http.MethodPost, "/api/v1/alerts/actions", `{"action":"close","by":"b","alerts":[`+many+`{}]}`, "Content-Type", jsonType)
	if err := json.Unmarshal(a.body, &told); err != nil || len(told.Errors) != 101 || !strings.Contains(told.Errors[100].Message, "more faults") {
		t.Errorf("%d errors (%v), the last %v; want 100 and how many more", len(told.Errors), err, told.Errors[len(told.Errors)-1])
	}
}

func TestLive_TellsTheTableThatTheAPIServes(t *testing.T) {
	s := newSite(t, dashboard.Options{Live: live.Options{}})
	b, err := liveclient.Dial(t.Context(), s.url)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := b.Subscribe(1, "cells/noise/r8"); err != nil {
		t.Fatal(err)
	}
	var m struct{ T, Tbl, Server string }
	for m.T != "snap" {
		f, err := b.Read()
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(f.Raw, &m); err != nil {
			t.Fatal(err)
		}
	}
	if m.Server != "urbangrid dev" {
		t.Errorf("hello names server %q", m.Server)
	}
	var table struct {
		Hash       string
		Resolution int
		Cells      []string
	}
	a := s.get(t, "/api/v1/cells/tables/"+m.Tbl, &table)
	if table.Hash != m.Tbl || table.Resolution != 8 || len(table.Cells) < 50 {
		t.Errorf("table %s r%d has %d cells, want the district's", table.Hash, table.Resolution, len(table.Cells))
	}
	if cc := a.header.Get("Cache-Control"); !strings.Contains(cc, "immutable") {
		t.Errorf("Cache-Control is %q, want immutable", cc)
	}
	foreign := s.do(t, http.MethodGet, "/api/v1/live", "", "Origin", "http://evil.example", "Connection", "Upgrade",
		"Upgrade", "websocket", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
	if foreign.status != http.StatusForbidden {
		t.Errorf("page of another site: %d %s, want 403", foreign.status, foreign.body)
	}
}

func TestNew_SaysAllThatIsMissing(t *testing.T) {
	_, err := dashboard.New(dashboard.Deps{}, dashboard.Options{})
	if err == nil || strings.Count(err.Error(), "Deps.") != 9 {
		t.Errorf("got %v, want nine faults", err)
	}
}
