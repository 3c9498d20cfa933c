package dashboard_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/urbangrid/urbangrid/dashboard"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

const jsonType = "application/json"

func TestAPI_ADeviceIsEnteredAsStated(t *testing.T) {
	s := newSite(t, dashboard.Options{})
	body := `{"name":"一号","place":{"lat":31.24,"lon":121.42,"datum":"gcj02"},"profile":"milesight-em300","kinds":["noise","smoke"],
		"owner":"区市政所","installed":"2024-02-29","interval_seconds":900,"tags":["一期"],
		"maintenance":[{"from":"2026-11-22T15:00:00+08:00","to":"2026-11-22T17:00:00+08:00","note":"换电池"}]}`
	a := s.do(t, http.MethodPut, "/api/v1/devices/n-1", body, "Content-Type", jsonType)
	if a.status != http.StatusOK {
		t.Fatalf("PUT: %d %s", a.status, a.body)
	}
	want := sensors.Device{
		ID: "n-1", Name: "一号", Position: sensors.Position{LatDegrees: 31.24, LonDegrees: 121.42, Datum: sensors.GCJ02},
		Profile: "milesight-em300", Kinds: []sensors.KindKey{"noise", "smoke"}, Owner: "区市政所",
		Installed: time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC), Interval: 15 * time.Minute, Tags: []string{"一期"},
		Maintenance: []sensors.Maintenance{{From: clock.Add(-time.Hour), To: clock.Add(time.Hour), Note: "换电池"}},
	}
	if diff := cmp.Diff(want, s.stores.devices["n-1"]); diff != "" {
		t.Errorf("store differs (-want +got):\n%s", diff)
	}
	battery := 41.5
	d := s.stores.devices["n-1"]
	d.LastSeen = clock.Add(-time.Minute)
	d.Condition = sensors.Condition{
		FirstSeen: clock.Add(-48 * time.Hour), Observations: 90, Bad: 10, Hour: clock, ThisHour: 0, LastHour: 60,
		BatteryPercent: &battery, Presence: sensors.Online, PresenceAt: clock.Add(-time.Hour), Note: "ImageTooDark", NoteAt: clock,
	}
	s.stores.devices["n-1"] = d
	var doc any
	s.get(t, "/api/v1/devices/n-1", &doc)
	b, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "device.json", append(b, '\n'))
}

func TestAPI_NamesEveryFaultOfADevice(t *testing.T) {
	s := newSite(t, dashboard.Options{})
	a := s.do(t, http.MethodPut, "/api/v1/devices/n-1", `{"name":" a","kinds":["nonsense"],"interval_seconds":0.5,"tags":["a;b"],"area_stated":"x y"}`, "Content-Type", jsonType)
	a.wantProblem(t, http.StatusUnprocessableEntity)
	for _, field := range []string{"name", "kinds", "interval", "tags", "area"} {
		if !strings.Contains(string(a.body), `"device.`+field+`"`) {
			t.Errorf("nothing of %s in %s", field, a.body)
		}
	}
	if len(s.stores.devices) != 0 {
		t.Error("a device was entered")
	}
}

func TestAPI_DevicesAreFoundByStateAreaProfileAndText(t *testing.T) {
	s := newSite(t, dashboard.Options{})
	place := sensors.Position{LatDegrees: 31.2560, LonDegrees: 121.3940, Datum: sensors.WGS84}
	for _, d := range []sensors.Device{
		{ID: "online", LastSeen: clock.Add(-time.Minute), Position: place},
		{ID: "overdue", LastSeen: clock.Add(-time.Hour), Interval: time.Minute, Owner: "Acme"},
		{ID: "gone", LastSeen: clock.Add(-time.Minute), Condition: sensors.Condition{Presence: sensors.Offline, PresenceAt: clock}, Area: "a1"},
		{ID: "back", LastSeen: clock, Condition: sensors.Condition{Presence: sensors.Offline, PresenceAt: clock.Add(-time.Minute)}},
		{ID: "silent", Profile: "p1", Tags: []string{"一期"}},
		{ID: "smoke", Kinds: []sensors.KindKey{"smoke"}, LastSeen: clock.Add(-71 * time.Hour), Auto: true},
	} {
		s.stores.devices[d.ID] = d
	}
	for query, want := range map[string]string{
		"state=online": "back online smoke", "state=offline": "gone overdue", "state=silent": "silent", "area=a1": "gone",
		"profile=p1": "silent", "q=ACM": "overdue", "q=%E4%B8%80%E6%9C%9F": "silent", "auto=true": "smoke", "q=n&state=online&limit=1": "online",
		"limit=2": "back gone", "after=online&limit=2": "overdue silent",
	} {
		var list struct{ Devices []struct{ ID, Area string } }
		s.get(t, "/api/v1/devices?"+query, &list)
		var got []string
		for _, d := range list.Devices {
			got = append(got, d.ID)
			if d.ID == "online" && d.Area == "" {
				t.Error("a device is not in the area of its place")
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s finds %v, want %s", query, got, want)
		}
	}
}

func TestAPI_ImportsAllOrNothing(t *testing.T) {
	s := newSite(t, dashboard.Options{})
	good := "设备编号,名称,纬度,经度,坐标系,备注\na,一号,31.2,121.4,gcj02,x\nb,,,,,\n"
	bad := good + "c/d,,91,0,,\ne,,1,,,\n"
	post := func(query, body, contentType string) answer {
		return s.do(t, http.MethodPost, "/api/v1/devices/import"+query, body, "Content-Type", contentType)
	}
	a := post("", bad, "text/csv")
	a.wantProblem(t, http.StatusUnprocessableEntity)
	for _, want := range []string{"row 4, column id", "row 4, column place", "row 5, column place", "3 faults"} {
		if !strings.Contains(string(a.body), want) {
			t.Errorf("nothing of %q in %s", want, a.body)
		}
	}
	if a := post("?dry_run=true", good, "text/csv"); a.status != http.StatusOK || len(s.stores.devices) != 0 {
		t.Errorf("dry run: %d %s, %d devices", a.status, a.body, len(s.stores.devices))
	}
	var got struct {
		Rows, Imported int
		FaultCount     int `json:"fault_count"`
		Faults         []struct{ Row int }
		Ignored        []string
	}
	a = post("?partial=true", bad, "text/csv; charset=utf-8")
	if err := json.Unmarshal(a.body, &got); err != nil || got.Imported != 2 || got.FaultCount != 3 || len(got.Faults) != 3 || len(s.stores.devices) != 2 || cmp.Diff(got.Ignored, []string{"备注"}) != "" {
		t.Errorf("partial: %d %s, %d devices", a.status, a.body, len(s.stores.devices))
	}
	if d := s.stores.devices["a"]; d.Name != "一号" || d.Position.Datum != sensors.GCJ02 {
		t.Errorf("imported %+v", d)
	}
	if a := post("", good, "text/plain"); a.status != http.StatusUnsupportedMediaType {
		t.Errorf("text/plain: %d %s", a.status, a.body)
	}
}

func TestAPI_ImportsFilesLongerThanOtherBodiesMayBe(t *testing.T) {
	s := newSite(t, dashboard.Options{})
	body := `{"type":"FeatureCollection","features":[{"type":"Feature","id":"a","geometry":null,"properties":{"x":"` + strings.Repeat("x", 2<<20) + `"}}]}`
	if a := s.do(t, http.MethodPost, "/api/v1/devices/import", body, "Content-Type", "application/geo+json"); a.status != http.StatusOK || len(s.stores.devices) != 1 {
		t.Errorf("%d %.200s", a.status, a.body)
	}
}

func TestAPI_WhatIsExportedCanBeImported(t *testing.T) {
	s := newSite(t, dashboard.Options{})
	want := map[sensors.DeviceID]sensors.Device{
		"a": {ID: "a", Name: "=1+1", Position: sensors.Position{LatDegrees: 31.2, LonDegrees: 121.4, Datum: sensors.BD09}, Kinds: []sensors.KindKey{"noise"}},
		"b": {ID: "b", Auto: true},
	}
	for path, contentType := range map[string]string{
		"/api/v1/devices.csv": "text/csv; charset=utf-8", "/api/v1/devices.csv?lang=zh": "text/csv; charset=utf-8", "/api/v1/devices.geojson": "application/geo+json"} {
		s.stores.devices = map[sensors.DeviceID]sensors.Device{"a": want["a"], "b": want["b"]}
		a := s.do(t, http.MethodGet, path, "")
		if a.status != http.StatusOK || a.header.Get("Content-Type") != contentType || !strings.Contains(a.header.Get("Content-Disposition"), "devices.") {
			t.Fatalf("%s: %d %v", path, a.status, a.header)
		}
		s.stores.devices = map[sensors.DeviceID]sensors.Device{}
		if in := s.do(t, http.MethodPost, "/api/v1/devices/import", string(a.body), "Content-Type", contentType); in.status != http.StatusOK {
			t.Errorf("import of %s: %d %s", path, in.status, in.body)
		}
		if diff := cmp.Diff(want, s.stores.devices); diff != "" {
			t.Errorf("%s differs (-want +got):\n%s", path, diff)
		}
	}
}

func TestAPI_UnknownDevicesAreOfferedAndAdopted(t *testing.T) {
	s := newSite(t, dashboard.Options{})
	s.stores.unknown = []store.UnknownDevice{{ID: "new", Rejects: 7, FirstSeen: clock, LastSeen: clock, Topic: "urbangrid/v1/new/obs"}}
	s.stores.devices["auto"] = sensors.Device{ID: "auto", Auto: true, Profile: "p"}
	var list struct {
		Devices []struct {
			ID, Topic string
			Rejects   int
		}
	}
	s.get(t, "/api/v1/devices/unknown", &list)
	if len(list.Devices) != 1 || list.Devices[0].ID != "new" || list.Devices[0].Rejects != 7 || list.Devices[0].Topic == "" {
		t.Errorf("offered %+v", list)
	}
	if a := s.do(t, http.MethodPost, "/api/v1/devices/new/adopt", `{"name":"一号"}`, "Content-Type", jsonType); a.status != http.StatusOK || s.stores.devices["new"].Name != "一号" {
		t.Errorf("adopt: %d %s", a.status, a.body)
	}
	if a := s.do(t, http.MethodPost, "/api/v1/devices/auto/adopt", ""); a.status != http.StatusOK || s.stores.devices["auto"].Profile != "p" {
		t.Errorf("adopt: %d %s", a.status, a.body)
	}
	s.do(t, http.MethodPost, "/api/v1/devices/ghost/adopt", "").wantProblem(t, http.StatusNotFound)
}

func TestAPI_PasswordsAreShownOnceAndNamesAreNotTaken(t *testing.T) {
	s := newSite(t, dashboard.Options{})
	s.stores.devices["n-1"] = sensors.Device{ID: "n-1"}
	var got struct {
		User, Password string
		Topics         []string
	}
	a := s.do(t, http.MethodPost, "/api/v1/devices/n-1/credentials", "")
	if err := json.Unmarshal(a.body, &got); err != nil || a.status != http.StatusCreated || got.User != "n-1" || got.Password == "" || cmp.Diff(got.Topics, []string{"urbangrid/v1/n-1/#"}) != "" {
		t.Errorf("device: %d %s", a.status, a.body)
	}
	s.do(t, http.MethodPost, "/api/v1/devices/ghost/credentials", "").wantProblem(t, http.StatusNotFound)
	post := func(body string) answer {
		return s.do(t, http.MethodPost, "/api/v1/credentials", strings.Replace(body, "}", `,"by":"王芳"}`, 1), "Content-Type", jsonType)
	}
	post(`{"user":"n-1","prefixes":["application/7"]}`).wantProblem(t, http.StatusConflict)
	post(`{"user":"cs"}`).wantProblem(t, http.StatusUnprocessableEntity)
	for _, body := range []string{`{"user":"cs","prefixes":["application/7"]}`, `{"user":"cs"}`} {
		a = post(body)
		if err := json.Unmarshal(a.body, &got); err != nil || a.status != http.StatusCreated || cmp.Diff(got.Topics, []string{"application/7/#"}) != "" {
			t.Errorf("network server: %d %s", a.status, a.body)
		}
	}
	a = s.do(t, http.MethodGet, "/api/v1/credentials", "")
	if a.status != http.StatusOK || strings.Contains(string(a.body), "secret") || !strings.Contains(string(a.body), `"cs"`) {
		t.Errorf("list: %d %s", a.status, a.body)
	}
	s.do(t, http.MethodDelete, "/api/v1/devices/cs/credentials", "").wantProblem(t, http.StatusNotFound)
	for _, path := range []string{"/api/v1/devices/n-1/credentials", "/api/v1/credentials/cs?by=b"} {
		if a := s.do(t, http.MethodDelete, path, ""); a.status != http.StatusNoContent {
			t.Errorf("DELETE %s: %d %s", path, a.status, a.body)
		}
		s.do(t, http.MethodDelete, path, "").wantProblem(t, http.StatusNotFound)
	}
}
