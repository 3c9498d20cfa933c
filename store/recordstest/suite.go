// Package recordstest is the suite of promises that every implementation of
// store.Alerts, store.Quarantine, store.Devices, store.Activities,
// store.Credentials, store.Verdicts, store.Mutes, store.Handlings, store.Settings,
// store.Secrets, store.Deliveries and store.Bookmarks passes.
package recordstest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/urbangrid/urbangrid/store"
)

// Records is what the suite looks at.
type Records interface {
	store.Alerts
	store.AlertCounter
	store.Quarantine
	store.Devices
	store.Activities
	store.LastMessages
	store.Credentials
	store.Verdicts
	store.Mutes
	store.Handlings
	store.Settings
	store.Secrets
	store.Deliveries
	store.Bookmarks
	Close() error
}

// Open opens the records that live in dir, or makes new ones there. It fails the
// test when it cannot. The suite closes what it opened.
type Open func(t *testing.T, dir string) Records

// Run holds an implementation to every promise, each on records of its own.
func Run(t *testing.T, open Open) {
	for _, promises := range []map[string]func(*testing.T, *fixture){
		alertPromises, quarantinePromises, devicePromises, deviceChangePromises, lastMessagePromises, activityPromises, credentialPromises, verdictPromises, mutePromises, settingPromises, deliveryPromises,
		handlingPromises, bookmarkPromises,
	} {
		for promise, check := range promises {
			t.Run(promise, func(t *testing.T) {
				f := &fixture{t: t, dir: t.TempDir(), open: open}
				f.Records = open(t, f.dir)
				t.Cleanup(func() {
					if err := f.Close(); err != nil {
						t.Errorf("close: %v", err)
					}
				})
				check(t, f)
			})
		}
	}
}

// fixture is records that can be closed and opened again.
type fixture struct {
	Records
	t    *testing.T
	dir  string
	open Open
}

func (f *fixture) reopen() {
	f.t.Helper()
	if err := f.Close(); err != nil {
		f.t.Fatalf("close: %v", err)
	}
	f.Records = f.open(f.t, f.dir)
}

func (f *fixture) saveAlerts(seq uint64, changes ...store.Alert) {
	f.t.Helper()
	if err := f.SaveAlerts(f.t.Context(), store.Position{Journal: journal, Seq: seq}, changes); err != nil {
		f.t.Fatalf("SaveAlerts to %d: %v", seq, err)
	}
}

func (f *fixture) findAlerts(q store.AlertQuery) []store.Alert {
	f.t.Helper()
	found, err := f.FindAlerts(f.t.Context(), q)
	if err != nil {
		f.t.Fatalf("FindAlerts(%+v): %v", q, err)
	}
	return found
}

func (f *fixture) outbox() []store.OutboxEntry {
	f.t.Helper()
	entries, err := f.Outbox(f.t.Context(), 1_000)
	if err != nil {
		f.t.Fatalf("Outbox: %v", err)
	}
	return entries
}

const journal = "journal-a"

var noon = time.Date(2026, 11, 22, 12, 0, 0, 123456000, time.UTC)

func wantEqual(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", what, diff)
	}
}

func wantPosition(t *testing.T, ask func(context.Context, string) (store.Position, error), journal string, seq uint64) {
	t.Helper()
	got, err := ask(t.Context(), journal)
	if err != nil {
		t.Fatalf("position in %s: %v", journal, err)
	}
	wantEqual(t, "position", got, store.Position{Journal: journal, Seq: seq})
}

// together runs do(0) … do(n-1) at once and reports their errors.
func together(t *testing.T, n int, do func(i int) error) {
	t.Helper()
	errs := make(chan error, n)
	for i := range n {
		go func() {
			if err := do(i); err != nil {
				err = fmt.Errorf("caller %d: %w", i, err)
				errs <- err
				return
			}
			errs <- nil
		}()
	}
	for range n {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}
