package sqlite_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/urbangrid/urbangrid/store"
)

// The fifth version knew answers, and no log.
func TestOpen_AnswersOfAnEarlierVersionAreTheFirstEntriesOfTheLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "records.db")
	m := migrator(t, path)
	if _, err := m.UpTo(t.Context(), 5); err != nil {
		t.Fatal(err)
	}
	_, err := raw(t, path).Exec(`
		INSERT INTO alerts (id, revision, rule, kind, place, state, severity, device, cell, area, lat_degrees, lon_degrees,
			value, baseline, p, window_us, reason_zh, reason_en, raised_at_us, updated_at_us)
		SELECT column1, 1, 'r', 'noise', column1, 'open', 'warning', '', 0, '', 0, 0, 1, 2, 0, 0, '', '', 1000000, 1000000
		FROM (VALUES ('a'), ('b'), ('c'));
		INSERT INTO outbox (number, id, revision, rule, kind, place, state, severity, device, cell, area, lat_degrees, lon_degrees,
			value, baseline, p, window_us, reason_zh, reason_en, raised_at_us, updated_at_us)
		SELECT 7, id, revision, rule, kind, place, state, severity, device, cell, area, lat_degrees, lon_degrees,
			value, baseline, p, window_us, reason_zh, reason_en, raised_at_us, updated_at_us FROM alerts WHERE id = 'a';
		INSERT INTO verdicts (alert, answer, answered_by, note, at_us, version)
		VALUES ('a', 'false_alarm', '王芳', '测试', 2000000, 3), ('b', 'confirmed', '李强', '', 3000000, 1);`)
	if err != nil {
		t.Fatal(err)
	}
	r := mustOpen(t, path)
	want := map[string]store.Handling{
		"a": {State: store.HandlingDone, Version: 1, By: "王芳", At: time.Unix(2, 0).UTC(), Answer: store.FalseAlarm},
		"b": {State: store.HandlingAcknowledged, Version: 1, By: "李强", At: time.Unix(3, 0).UTC(), Answer: store.Confirmed},
		"c": {},
	}
	found, err := r.FindAlerts(t.Context(), store.AlertQuery{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]store.Handling{}
	for _, a := range found {
		got[a.ID] = a.Handling
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("handlings differ (-want +got):\n%s", d)
	}
	log, err := r.HandlingLog(t.Context(), "a", 0, 10)
	entry := store.HandlingEntry{AlertID: "a", Seq: 1, At: time.Unix(2, 0).UTC(), By: "王芳", Action: store.ActFalseAlarm, Note: "测试", State: store.HandlingDone}
	if d := cmp.Diff([]store.HandlingEntry{entry}, log); err != nil || d != "" {
		t.Errorf("log differs (%v, -want +got):\n%s", err, d)
	}
	if out, err := r.Outbox(t.Context(), 10); err != nil || len(out) != 1 || out[0].ID != 7 || out[0].Alert.ID != "a" {
		t.Errorf("outbox %+v, %v, want the alert that waited", out, err)
	}
	if _, err := r.Handle(t.Context(), store.HandlingCommand{AlertID: "a", Action: store.ActReopen, By: "李强", At: time.Unix(9, 0), Known: 1}); err != nil {
		t.Errorf("reopen: %v", err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := m.DownTo(t.Context(), 5); err != nil {
		t.Fatalf("back to the fifth version: %v", err)
	}
	var waiting int
	if err := raw(t, path).QueryRow(`SELECT COUNT(*) FROM outbox WHERE id = 'a' AND revision = 1`).Scan(&waiting); err != nil || waiting != 1 {
		t.Errorf("%d of the alert wait after going back (%v), want 1", waiting, err)
	}
}
