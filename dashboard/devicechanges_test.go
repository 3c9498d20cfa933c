package dashboard_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/urbangrid/urbangrid/dashboard"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

func TestAPI_OfTwoWhoChangeADeviceTheSecondSeesWhatTheFirstDid(t *testing.T) {
	s := newSite(t, dashboard.Options{})
	put := func(name string, headers ...string) answer {
		return s.do(t, http.MethodPut, "/api/v1/devices/n-1", `{"name":"`+name+`","by":"王芳"}`, append(headers, "Content-Type", jsonType)...)
	}
	first := put("甲", "If-None-Match", "*")
	if first.status != http.StatusOK || first.header.Get("ETag") != `"1"` {
		t.Fatalf("entered: %d %s %s", first.status, first.header.Get("ETag"), first.body)
	}
	put("乙", "If-None-Match", "*").wantProblem(t, http.StatusPreconditionFailed)
	if a := put("乙", "If-Match", `"1"`); a.status != http.StatusOK || a.header.Get("ETag") != `"2"` {
		t.Fatalf("changed: %d %s", a.status, a.body)
	}
	lost := put("丙", "If-Match", `"1"`)
	lost.wantProblem(t, http.StatusPreconditionFailed)
	if lost.header.Get("ETag") != `"2"` || !strings.Contains(string(lost.body), `"name":"乙"`) {
		t.Errorf("the second is told %s %s, want version 2 and its name", lost.header.Get("ETag"), lost.body)
	}
	put("丙", "If-Match", "1").wantProblem(t, http.StatusUnprocessableEntity)
	s.do(t, http.MethodPut, "/api/v1/devices/ghost", `{}`, "Content-Type", jsonType, "If-Match", `"1"`).wantProblem(t, http.StatusPreconditionFailed)
	// Programs that own the register replace it whatever it is.
	if a := put("丁"); a.status != http.StatusOK || s.stores.devices["n-1"].Name != "丁" {
		t.Errorf("replaced: %d %s", a.status, a.body)
	}
	var list struct {
		Changes []struct {
			By, Action string
			Fields     []string
			Version    int
		}
	}
	s.get(t, "/api/v1/devices/n-1/changes", &list)
	if len(list.Changes) != 2 || list.Changes[0].By != "王芳" || list.Changes[0].Action != "changed" {
		t.Errorf("changes %+v, want the two with a version", list.Changes)
	}
}

func TestAPI_WhatIsChangedHereShowsAtOnceInLists(t *testing.T) {
	s := newSite(t, dashboard.Options{})
	var list deviceList
	s.get(t, "/api/v1/devices", &list)
	s.do(t, http.MethodPut, "/api/v1/devices/n-1", `{}`, "Content-Type", jsonType)
	if s.get(t, "/api/v1/devices", &list); list.ids() != "n-1" {
		t.Errorf("after PUT the list has %q", list.ids())
	}
	s.stores.unknown = []store.UnknownDevice{{ID: "n-2"}}
	s.do(t, http.MethodPost, "/api/v1/devices/n-2/adopt", "")
	if s.get(t, "/api/v1/devices", &list); list.ids() != "n-1 n-2" {
		t.Errorf("after adopting the list has %q", list.ids())
	}
	s.do(t, http.MethodPost, "/api/v1/devices/import", "id\nn-3\n", "Content-Type", "text/csv")
	if s.get(t, "/api/v1/devices", &list); list.ids() != "n-1 n-2 n-3" {
		t.Errorf("after the import the list has %q", list.ids())
	}
}

func TestAPI_ManyAreAdoptedEachOnItsOwn(t *testing.T) {
	s := newSite(t, dashboard.Options{})
	s.stores.unknown = []store.UnknownDevice{{ID: "new"}, {ID: "bad"}}
	s.stores.devices["auto"] = sensors.Device{ID: "auto", Auto: true, Version: 1}
	s.stores.devices["taken"] = sensors.Device{ID: "taken", Name: "先来的", Version: 3}
	body := `{"by":"王芳","devices":[{"id":"new","place":{"lat":31.24,"lon":121.42},"kinds":["noise"]},{"id":"auto","name":"一号"},
		{"id":"taken","name":"x"},{"id":"ghost"},{"id":"bad","kinds":["nonsense"]}]}`
	adopt := func() (got struct {
		Adopted int
		Devices []struct {
			ID, Outcome, Detail string
			Device              *struct{ Name string }
		}
	}) {
		a := s.do(t, http.MethodPost, "/api/v1/devices/adopt", body, "Content-Type", jsonType)
		if err := json.Unmarshal(a.body, &got); err != nil || a.status != http.StatusOK {
			t.Fatalf("adopt: %d %s", a.status, a.body)
		}
		return got
	}
	got := adopt()
	var outcomes []string
	for _, d := range got.Devices {
		outcomes = append(outcomes, d.ID+" "+d.Outcome)
	}
	if diff := cmp.Diff([]string{"new adopted", "auto adopted", "taken taken", "ghost unknown", "bad invalid"}, outcomes); diff != "" || got.Adopted != 2 {
		t.Errorf("%d adopted, outcomes differ (-want +got):\n%s", got.Adopted, diff)
	}
	if d := got.Devices[2].Device; d == nil || d.Name != "先来的" || s.stores.devices["taken"].Version != 3 {
		t.Errorf("the taken one is told as %+v", d)
	}
	if !strings.Contains(got.Devices[4].Detail, "nonsense") {
		t.Errorf("the invalid one is told %q", got.Devices[4].Detail)
	}
	if again := adopt(); again.Adopted != 0 || s.stores.devices["new"].Version != 1 {
		t.Errorf("sent again %d are adopted, and new has version %d", again.Adopted, s.stores.devices["new"].Version)
	}
	s.do(t, http.MethodPost, "/api/v1/devices/taken/adopt", `{"name":"x"}`, "Content-Type", jsonType).wantProblem(t, http.StatusPreconditionFailed)
}

func TestAPI_TheLastMessageIsAsItCameAndAsItWasUnderstood(t *testing.T) {
	s := newSiteWith(t, dashboard.Options{}, func(d *dashboard.Deps) { d.LastMessages = d.Quarantine.(*stores) })
	cell, err := grid.ParseCell("8a309930a0affff")
	if err != nil {
		t.Fatal(err)
	}
	s.stores.messages = map[sensors.DeviceID]store.LastMessage{
		"n-1": {
			Device: "n-1", Topic: "urbangrid/v1/n-1/obs", QoS: 1, Received: clock, Format: "native", Payload: []byte(`{"kind":"noise"}`), Size: 16,
			Observations: []grid.Placed{{
				Observation: sensors.Observation{Device: "n-1", Kind: "noise", Value: 57.5, At: clock.Add(-time.Second), Received: clock},
				Point:       grid.Point{LatDegrees: 31.25, LonDegrees: 121.4}, Cell: cell, Area: "310107005",
			}}, Observed: 3,
			Faults: []store.MessageFault{{Reason: "missing_value", Detail: "x"}}, Refused: 1,
		},
		"secret": {Device: "secret", QoS: -1, Payload: []byte{}, Private: true, Received: clock, Size: 9},
	}
	a := s.do(t, http.MethodGet, "/api/v1/devices/n-1/messages", "")
	if a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	var doc any
	if err := json.Unmarshal(a.body, &doc); err != nil {
		t.Fatal(err)
	}
	b, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "devicemessage.json", append(b, '\n'))
	var list struct {
		Messages []struct {
			Payload *string
			QoS     *int
			Private bool
		}
	}
	if s.get(t, "/api/v1/devices/secret/messages", &list); len(list.Messages) != 1 || list.Messages[0].Payload != nil || list.Messages[0].QoS != nil || !list.Messages[0].Private {
		t.Errorf("private message %+v, want neither payload nor QoS", list)
	}
	if s.get(t, "/api/v1/devices/ghost/messages", &list); len(list.Messages) != 0 {
		t.Errorf("of a device that never spoke: %+v", list)
	}
	newSite(t, dashboard.Options{}).do(t, http.MethodGet, "/api/v1/devices/n-1/messages", "").wantProblem(t, http.StatusNotImplemented)
}

func TestAPI_PasswordsOfADeviceAreNoted(t *testing.T) {
	s := newSite(t, dashboard.Options{})
	s.stores.devices["n-1"] = sensors.Device{ID: "n-1", Version: 1}
	const path = "/api/v1/devices/n-1/credentials"
	var got struct {
		Credentials []struct{ Topics []string }
	}
	if s.get(t, path, &got); len(got.Credentials) != 0 {
		t.Errorf("before one is issued: %+v", got)
	}
	s.do(t, http.MethodPost, path+"?by=%E7%8E%8B%E8%8A%B3", "")
	if s.get(t, path, &got); len(got.Credentials) != 1 || cmp.Diff(got.Credentials[0].Topics, []string{"urbangrid/v1/n-1/#"}) != "" {
		t.Errorf("issued: %+v", got)
	}
	s.do(t, http.MethodDelete, path, "")
	want := []store.DeviceChange{
		{Device: "n-1", At: clock, By: "王芳", Action: store.PasswordIssued}, {Device: "n-1", At: clock, Action: store.PasswordRevoked}}
	if diff := cmp.Diff(want, s.stores.changes); diff != "" {
		t.Errorf("noted differs (-want +got):\n%s", diff)
	}
}

func TestAPI_ListsSayWhenTheRegisterDoesNotAnswer(t *testing.T) {
	s := newSite(t, dashboard.Options{})
	s.stores.err = errors.Join(errors.New("locked"), store.ErrUnavailable)
	for _, path := range []string{"/devices", "/devices/map", "/devices/unknown", "/devices/n-1/changes", "/quarantine"} {
		s.do(t, http.MethodGet, "/api/v1"+path, "").wantProblem(t, http.StatusServiceUnavailable)
	}
}
