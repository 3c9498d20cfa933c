package sqlite_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/urbangrid/urbangrid/store"
)

// The eighth version could not withhold a message.
func TestOpen_MessagesOfAnEarlierVersionAreStillThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "records.db")
	m := migrator(t, path)
	if _, err := m.UpTo(t.Context(), 8); err != nil {
		t.Fatal(err)
	}
	_, err := raw(t, path).Exec(`
		INSERT INTO deliveries (id, channel, alert, revision, event, payload, state, attempts, next_us, fault, created_us, ended_us)
		VALUES (3, 'c', 'a', 1, 'raised', '{}', 'waiting', 2, 5000000, '503', 1000000, NULL), (4, 'c', 'b', 1, 'risen', '{}', 'dead', 9, 6000000, '', 2000000, 7000000)`)
	if err != nil {
		t.Fatal(err)
	}
	r := mustOpen(t, path)
	at := func(s int64) time.Time { return time.Unix(s, 0).UTC() }
	waiting := store.Delivery{ID: 3, Channel: "c", Alert: "a", Revision: 1, Event: "raised", Payload: []byte("{}"), State: store.DeliveryWaiting,
		Attempts: 2, Next: at(5), Fault: "503", CreatedAt: at(1)}
	dead := store.Delivery{ID: 4, Channel: "c", Alert: "b", Revision: 1, Event: "risen", Payload: []byte("{}"), State: store.DeliveryDead,
		Attempts: 9, Next: at(6), CreatedAt: at(2), EndedAt: at(7)}
	found, err := r.FindDeliveries(t.Context(), store.DeliveryQuery{})
	if d := cmp.Diff([]store.Delivery{dead, waiting}, found); err != nil || d != "" {
		t.Errorf("messages differ (%v, -want +got):\n%s", err, d)
	}
	waiting.State, waiting.EndedAt, waiting.Fault = store.DeliveryWithheld, at(8), "muted"
	if err := r.SaveAttempt(t.Context(), waiting); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := m.DownTo(t.Context(), 8); err != nil {
		t.Fatalf("back to the eighth version: %v", err)
	}
	var state string
	if err := raw(t, path).QueryRow(`SELECT state FROM deliveries WHERE id = 3`).Scan(&state); err != nil || state != "dead" {
		t.Errorf("after going back the withheld one is %q, %v; want it ended", state, err)
	}
}
