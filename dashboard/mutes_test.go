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
	InForce                                     bool       `json:"in_force"`
	EndedBy                                     string     `json:"ended_by"`
	EndedAt                                     *time.Time `json:"ended_at"`
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

	ended := s.do(t, http.MethodDelete, "/api/v1/mutes/"+first.ID+"?by=%20%E6%9D%8E%E5%BC%BA", "")
	var m muteAnswer
	if err := json.Unmarshal(ended.body, &m); err != nil || ended.status != http.StatusOK || m.InForce || !m.To.Equal(clock) || m.By != "王芳" || m.EndedBy != "李强" || m.EndedAt == nil || !m.EndedAt.Equal(clock) {
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
	again := s.do(t, http.MethodDelete, "/api/v1/mutes/"+first.ID+"?by=zhao", "")
	if err := json.Unmarshal(again.body, &m); err != nil || again.status != http.StatusOK || m.EndedBy != "李强" {
		t.Errorf("ended twice: %d %s (%v), want it to say who was first", again.status, again.body, err)
	}
	s.get(t, "/api/v1/mutes?ended=true", &list)
	if len(list.Mutes) != 1 || list.Mutes[0].ID != first.ID || list.Mutes[0].EndedBy != "李强" {
		t.Errorf("ended %+v, want the first", list.Mutes)
	}
	s.do(t, http.MethodDelete, "/api/v1/mutes/nobody?by=b", "").wantProblem(t, http.StatusNotFound)
	s.do(t, http.MethodDelete, "/api/v1/mutes/"+later.ID, "").wantProblem(t, http.StatusUnprocessableEntity)
}

func TestAPI_AddsAMuteOncePerKey(t *testing.T) {
	s, records := newOffice(t)
	post := func(body, key string) answer {
		return s.do(t, http.MethodPost, "/api/v1/mutes", body, "Content-Type", jsonType, "Idempotency-Key", key)
	}
	const body = `{"purpose":"mute","all":true,"to":"2026-11-22T09:00:00Z","reason":"r","by":"王芳"}`
	var first, second muteAnswer
	for _, into := range []*muteAnswer{&first, &second} {
		if a := post(body, "k-1"); a.status != http.StatusCreated || json.Unmarshal(a.body, into) != nil {
			t.Fatalf("POST: %d %s", a.status, a.body)
		}
	}
	if first.ID == "" || first.ID != second.ID {
		t.Errorf("the same key gave %q and %q, want one mute", first.ID, second.ID)
	}
	post(`{"purpose":"mute","all":true,"to":"2026-11-22T10:00:00Z","reason":"r","by":"王芳"}`, "k-1").wantProblem(t, http.StatusUnprocessableEntity)
	if a := post(body, "k-2"); a.status != http.StatusCreated {
		t.Errorf("another key: %d %s", a.status, a.body)
	}
	kept, err := records.ListMutes(t.Context(), store.MuteQuery{})
	if err != nil || len(kept) != 2 {
		t.Errorf("kept %+v, %v; want one for each key", kept, err)
	}
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
