package dashboard_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

type muteAnswer struct {
	ID, Purpose, Kind, Area, Device, Cell, Rule string
	All                                         bool
	From, To, CreatedAt                         time.Time
	Reason, By                                  string
	InForce                                     bool `json:"in_force"`
}

// addMute posts a mute and returns the answer.
func (s *site) addMute(t *testing.T, body string) muteAnswer {
	t.Helper()
	a := s.do(t, http.MethodPost, "/api/v1/mutes", body, "Content-Type", jsonType)
	if a.status != http.StatusCreated {
		t.Fatalf("POST: %d %s", a.status, a.body)
	}
	var m muteAnswer
	if err := json.Unmarshal(a.body, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestAPI_AddsListsAndEndsMutes(t *testing.T) {
	s, records := newOffice(t)
	s.stores.devices["n-1"] = sensors.Device{ID: "n-1"}
	first := s.addMute(t, `{"purpose":"mute","kind":"noise","area":"310107","device":"n-1","cell":"89309930a0bffff","rule":"noise_loud",
		"to":"2026-11-22T17:00:00+08:00","reason":"路面施工","by":"王芳"}`)
	if !first.InForce || !first.From.Equal(clock) || !first.To.Equal(clock.Add(time.Hour)) || first.Cell != "89309930a0bffff" {
		t.Errorf("added %+v, want it in force from now for an hour", first)
	}
	kept, err := records.ListMutes(t.Context(), store.MuteQuery{})
	if err != nil {
		t.Fatal(err)
	}
	want := []store.Mute{{
		ID: first.ID, Purpose: store.MuteAlerts, Kind: "noise", Area: "310107", Device: "n-1", Cell: 0x89309930a0bffff, Rule: "noise_loud",
		From: clock, To: clock.Add(time.Hour), Reason: "路面施工", By: "王芳", CreatedAt: clock,
	}}
	if diff := cmp.Diff(want, kept); diff != "" {
		t.Errorf("kept mutes differ (-want +got):\n%s", diff)
	}

	later := s.addMute(t, `{"purpose":"maintenance","all":true,"from":"2026-11-23T00:00:00Z","to":"2026-11-24T00:00:00Z","reason":"升级","by":"李强"}`)
	if later.InForce || !later.All {
		t.Errorf("added %+v, want it not in force yet", later)
	}
	var list struct {
		Mutes []muteAnswer
		Next  string
	}
	s.get(t, "/api/v1/mutes", &list)
	if len(list.Mutes) != 2 || list.Mutes[0].ID != later.ID || list.Mutes[1].ID != first.ID || list.Next != "" {
		t.Errorf("listed %+v, want the newest first", list)
	}
	s.get(t, "/api/v1/mutes?in_force=true", &list)
	if len(list.Mutes) != 1 || list.Mutes[0].ID != first.ID {
		t.Errorf("in force %+v, want the first", list.Mutes)
	}
	s.get(t, "/api/v1/mutes?not_over=true", &list)
	if len(list.Mutes) != 2 || list.Mutes[0].ID != later.ID {
		t.Errorf("not over %+v, want both", list.Mutes)
	}
	s.get(t, "/api/v1/mutes?limit=1", &list)
	if list.Next != later.ID {
		t.Errorf("next %q, want %q", list.Next, later.ID)
	}
	s.get(t, "/api/v1/mutes?limit=1&before="+list.Next, &list)
	if len(list.Mutes) != 1 || list.Mutes[0].ID != first.ID {
		t.Errorf("second page %+v, want the first mute", list.Mutes)
	}

	ended := s.do(t, http.MethodDelete, "/api/v1/mutes/"+first.ID, "")
	var m muteAnswer
	if err := json.Unmarshal(ended.body, &m); err != nil || ended.status != http.StatusOK || m.InForce || !m.To.Equal(clock) {
		t.Errorf("ended: %d %s (%v), want it over now", ended.status, ended.body, err)
	}
	s.get(t, "/api/v1/mutes?in_force=true", &list)
	if len(list.Mutes) != 0 {
		t.Errorf("in force %+v, want none", list.Mutes)
	}
	s.get(t, "/api/v1/mutes?not_over=true", &list)
	if len(list.Mutes) != 1 || list.Mutes[0].ID != later.ID {
		t.Errorf("not over %+v, want the one to come", list.Mutes)
	}
	s.do(t, http.MethodDelete, "/api/v1/mutes/nobody", "").wantProblem(t, http.StatusNotFound)
}

func TestAPI_RefusesMutesThatWouldDoOtherThanMeant(t *testing.T) {
	s, records := newOffice(t)
	for _, body := range []string{
		`{"purpose":"mute","to":"2026-11-22T09:00:00Z","reason":"r","by":"b"}`,                                          // of what?
		`{"purpose":"mute","all":true,"kind":"noise","to":"2026-11-22T09:00:00Z","reason":"r","by":"b"}`,                // all, or noise?
		`{"purpose":"nap","all":true,"to":"2026-11-22T09:00:00Z","reason":"r","by":"b"}`,                                // unknown purpose
		`{"purpose":"mute","kind":"nose","to":"2026-11-22T09:00:00Z","reason":"r","by":"b"}`,                            // unknown kind
		`{"purpose":"mute","area":"31010","to":"2026-11-22T09:00:00Z","reason":"r","by":"b"}`,                           // unknown area
		`{"purpose":"mute","device":"n-9","to":"2026-11-22T09:00:00Z","reason":"r","by":"b"}`,                           // unknown device
		`{"purpose":"mute","cell":"xyz","to":"2026-11-22T09:00:00Z","reason":"r","by":"b"}`,                             // no cell
		`{"purpose":"mute","cell":"8b309930a0a0fff","to":"2026-11-22T09:00:00Z","reason":"r","by":"b"}`,                 // too fine
		`{"purpose":"maintenance","rule":"noise_loud","to":"2026-11-22T09:00:00Z","reason":"r","by":"b"}`,               // observations have no rule
		`{"purpose":"mute","all":true,"to":"2026-11-22T07:00:00Z","reason":"r","by":"b"}`,                               // over
		`{"purpose":"mute","all":true,"from":"2026-11-22T10:00:00Z","to":"2026-11-22T09:00:00Z","reason":"r","by":"b"}`, // backwards
		`{"purpose":"mute","all":true,"to":"2028-01-01T00:00:00Z","reason":"r","by":"b"}`,                               // too long
		`{"purpose":"mute","all":true,"reason":"r","by":"b"}`,                                                           // no end
		`{"purpose":"mute","all":true,"to":"2026-11-22T09:00:00Z","reason":"","by":"b"}`,                                // no reason
		`{"purpose":"mute","all":true,"to":"2026-11-22T09:00:00Z","reason":"r","by":""}`,                                // nobody
	} {
		a := s.do(t, http.MethodPost, "/api/v1/mutes", body, "Content-Type", jsonType)
		if a.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d %s, want 422", body, a.status, a.body)
		}
	}
	kept, err := records.ListMutes(t.Context(), store.MuteQuery{})
	if err != nil || len(kept) != 0 {
		t.Errorf("kept %+v, %v, want none", kept, err)
	}
}
