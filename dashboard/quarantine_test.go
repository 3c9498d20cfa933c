package dashboard_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/urbangrid/urbangrid/dashboard"
	"github.com/urbangrid/urbangrid/store"
)

func TestAPI_TheQuarantineIsNarrowedAndCounted(t *testing.T) {
	s := newSite(t, dashboard.Options{})
	s.stores.rejects = []store.QuarantinedReject{
		{ID: 9, Reject: store.Reject{At: clock, Reason: "bad_json", Topic: "a", Size: 3, Payload: []byte("{x}"), Message: []byte("{x}"), Device: "n-1"}}}
	s.stores.counts = map[string]int64{"bad_json": 40}
	var list struct {
		Total   int
		Kept    map[string]struct{ Kept, Readable int }
		Rejects []struct {
			ID     int
			Device string
		}
	}
	s.get(t, "/api/v1/quarantine?reason=bad_json&device=n-1&q=Obs&from=2026-11-22T07:00:00Z&to=2026-11-22T09:00:00Z", &list)
	want := store.RejectQuery{Reason: "bad_json", Device: "n-1", Text: "Obs", From: clock.Add(-time.Hour), To: clock.Add(time.Hour)}
	if diff := cmp.Diff(want, s.stores.rejectQuery); diff != "" {
		t.Errorf("asked for (-want +got):\n%s", diff)
	}
	want.Reason = ""
	if diff := cmp.Diff(want, s.stores.keptQuery); diff != "" {
		t.Errorf("counted (-want +got):\n%s", diff)
	}
	if list.Total != 40 || list.Kept["bad_json"].Readable != 1 || len(list.Rejects) != 1 || list.Rejects[0].Device != "n-1" {
		t.Errorf("list %+v", list)
	}
	var one struct {
		ID      int
		Reason  string
		Message []byte
	}
	if s.get(t, "/api/v1/quarantine/9", &one); one.ID != 9 || string(one.Message) != "{x}" || one.Reason != "bad_json" {
		t.Errorf("one reject %+v", one)
	}
	s.stores.rejects = nil
	s.do(t, http.MethodGet, "/api/v1/quarantine/9", "").wantProblem(t, http.StatusNotFound)
}

// rereads is a rereader whose runs are ended by the test.
type rereads struct {
	asked chan store.RejectQuery
	end   chan error
}

func (r *rereads) reread(ctx context.Context, q store.RejectQuery, progress func(dashboard.Reread)) (dashboard.Reread, error) {
	done := dashboard.Reread{Total: 5, Read: 2, Observations: 1, Refused: map[string]int{"bad_json": 1}}
	progress(done)
	r.asked <- q
	select {
	case err := <-r.end:
		done.Read = 5
		return done, err
	case <-ctx.Done():
		return done, ctx.Err()
	}
}

type rereadJob struct {
	ID, State, By, Error string
	Filter               struct{ Reason, Q string }
	Progress             dashboard.Reread
	EndedAt              *time.Time `json:"ended_at"`
	CancelledBy          string     `json:"cancelled_by"`
}

func (s *site) startReread(t *testing.T, body, key string) (rereadJob, answer) {
	t.Helper()
	a := s.do(t, http.MethodPost, "/api/v1/quarantine/jobs", body, "Content-Type", jsonType, "Idempotency-Key", key)
	var j rereadJob
	if a.status == http.StatusAccepted {
		if err := json.Unmarshal(a.body, &j); err != nil {
			t.Fatal(err)
		}
	}
	return j, a
}

// job asks until the job is in the wanted state.
func (s *site) job(t *testing.T, id, state string) rereadJob {
	t.Helper()
	for range 10_000 {
		var j rereadJob
		if s.get(t, "/api/v1/quarantine/jobs/"+id, &j); j.State == state {
			return j
		}
	}
	t.Fatalf("job %s is never %s", id, state)
	return rereadJob{}
}

func TestAPI_TheQuarantineIsReadAgainInTheBackground(t *testing.T) {
	r := &rereads{asked: make(chan store.RejectQuery, 9), end: make(chan error)}
	s := newSiteWith(t, dashboard.Options{}, func(d *dashboard.Deps) { d.Reread = r.reread })
	first, a := s.startReread(t, `{"reason":"bad_json","q":"x","by":"王芳"}`, "k1")
	if a.status != http.StatusAccepted || a.header.Get("Location") != "/api/v1/quarantine/jobs/"+first.ID || first.By != "王芳" {
		t.Fatalf("start: %d %v %s", a.status, a.header, a.body)
	}
	if q := <-r.asked; q.Reason != "bad_json" || q.Text != "x" {
		t.Errorf("asked for %+v", q)
	}
	if j := s.job(t, first.ID, "running"); j.Progress.Read != 2 || j.Progress.Total != 5 || j.Progress.Refused["bad_json"] != 1 {
		t.Errorf("progress %+v", j.Progress)
	}
	if again, a := s.startReread(t, `{}`, "k1"); again.ID != first.ID {
		t.Errorf("the same key starts %d %s, want the same job", a.status, a.body)
	}
	_, a = s.startReread(t, `{}`, "k2")
	a.wantProblem(t, http.StatusConflict)
	r.end <- nil
	if j := s.job(t, first.ID, "done"); j.Progress.Read != 5 || j.EndedAt == nil || j.Error != "" {
		t.Errorf("done %+v", j)
	}

	second, _ := s.startReread(t, `{}`, "k2")
	<-r.asked
	if a := s.do(t, http.MethodDelete, "/api/v1/quarantine/jobs/"+second.ID+"?by=li", ""); a.status != http.StatusOK {
		t.Errorf("cancel: %d %s", a.status, a.body)
	}
	if j := s.job(t, second.ID, "cancelled"); j.Progress.Read != 2 || j.CancelledBy != "li" {
		t.Errorf("cancelled with %+v, want what was read until then", j.Progress)
	}
	for i, c := range []struct {
		err   error
		error string
	}{{fmt.Errorf("x: %w", store.ErrConflict), "the quarantine was being read again already"}, {store.ErrUnavailable, "something went wrong; the server's log says what"}} {
		j, _ := s.startReread(t, `{}`, fmt.Sprint("fail", i))
		<-r.asked
		r.end <- c.err
		if j = s.job(t, j.ID, "failed"); j.Error != c.error {
			t.Errorf("failed with %q, want %q", j.Error, c.error)
		}
	}
	var list struct{ Jobs []rereadJob }
	if s.get(t, "/api/v1/quarantine/jobs", &list); len(list.Jobs) != 4 || list.Jobs[3].ID != first.ID {
		t.Errorf("jobs %+v, want four, the newest first", list.Jobs)
	}
	s.do(t, http.MethodDelete, "/api/v1/quarantine/jobs/77?by=li", "").wantProblem(t, http.StatusNotFound)
}

func TestAPI_AJobEndsWithTheServer(t *testing.T) {
	r := &rereads{asked: make(chan store.RejectQuery, 1), end: make(chan error)}
	s := newSiteWith(t, dashboard.Options{}, func(d *dashboard.Deps) { d.Reread = r.reread })
	s.startReread(t, `{}`, "")
	<-r.asked // the clean-up of the site waits until Run has ended
}

func TestAPI_OneMessageIsReadAgain(t *testing.T) {
	r := &rereads{asked: make(chan store.RejectQuery, 9), end: make(chan error, 9)}
	s := newSiteWith(t, dashboard.Options{}, func(d *dashboard.Deps) { d.Reread = r.reread })
	s.do(t, http.MethodPost, "/api/v1/quarantine/9/reread", "").wantProblem(t, http.StatusNotFound)
	s.stores.rejects = []store.QuarantinedReject{{ID: 9, Reject: store.Reject{Device: "n-1"}}}
	r.end <- nil
	a := s.do(t, http.MethodPost, "/api/v1/quarantine/9/reread?by=%E7%8E%8B%E8%8A%B3", "")
	var got dashboard.Reread
	if err := json.Unmarshal(a.body, &got); err != nil || a.status != http.StatusOK || got.Read != 5 || got.Observations != 1 {
		t.Errorf("reread: %d %s", a.status, a.body)
	}
	if q := <-r.asked; q != (store.RejectQuery{ID: 9}) {
		t.Errorf("asked for %+v, want the one", q)
	}
	if diff := cmp.Diff([]store.DeviceChange{{Device: "n-1", At: clock, By: "王芳", Action: store.MessageReread}}, s.stores.changes); diff != "" {
		t.Errorf("noted differs (-want +got):\n%s", diff)
	}
	r.end <- store.ErrConflict
	s.do(t, http.MethodPost, "/api/v1/quarantine/9/reread", "").wantProblem(t, http.StatusConflict)
	newSite(t, dashboard.Options{}).do(t, http.MethodPost, "/api/v1/quarantine/jobs", `{}`, "Content-Type", jsonType).wantProblem(t, http.StatusNotImplemented)
}
