package analytics_test

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// numbered is a log in memory that knows an id again.
type numbered struct {
	mu   sync.Mutex // guards the fields below
	ids  []string
	last []byte
	fail int
}

func (l *numbered) Publish(_ context.Context, id string, payload []byte) (uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail > 0 {
		l.fail--
		return 0, errDown
	}
	if !slices.Contains(l.ids, id) {
		l.ids, l.last = append(l.ids, id), payload
	}
	return uint64(len(l.ids)), nil
}

func (l *numbered) published() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.ids)
}

func alertNumber(id string, revision int64) store.Alert {
	return store.Alert{ID: id, Revision: revision, State: open, Severity: store.Notice}
}

func withPublisher(t *testing.T, check func(t *testing.T, r *records, l *numbered, p *analytics.Publisher)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r, l := newRecords(), &numbered{}
		p, err := analytics.NewPublisher(r, l, analytics.PublisherOptions{})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- p.Run(ctx) }()
		synctest.Wait()
		check(t, r, l, p)
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func mustSave(t *testing.T, r *records, changes ...store.Alert) {
	t.Helper()
	if err := r.SaveAlerts(t.Context(), store.Position{}, changes); err != nil {
		t.Fatal(err)
	}
}

func TestPublisher_PublishesAtOnceWhenWoken(t *testing.T) {
	withPublisher(t, func(t *testing.T, r *records, l *numbered, p *analytics.Publisher) {
		began := time.Now()
		mustSave(t, r, alertNumber("a", 1), alertNumber("a", 2), alertNumber("b", 1))
		p.Wake()
		synctest.Wait()
		if got := l.published(); !slices.Equal(got, []string{"a:1", "a:2", "b:1"}) {
			t.Errorf("published %v", got)
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("took %v, want no waiting", took)
		}
		if got, _ := r.Outbox(t.Context(), 10); len(got) != 0 {
			t.Errorf("outbox still has %v", got)
		}
	})
}

func TestPublisher_WhatPeopleDoIsAnEventOfItsOwn(t *testing.T) {
	withPublisher(t, func(t *testing.T, r *records, l *numbered, p *analytics.Publisher) {
		raised := alertNumber("a", 1)
		acknowledged := raised
		acknowledged.Handling = store.Handling{State: store.HandlingAcknowledged, Version: 1, By: "王芳"}
		mustSave(t, r, raised)
		r.put(acknowledged)
		p.Wake()
		synctest.Wait()
		if got := l.published(); !slices.Equal(got, []string{"a:1", "a:1:1"}) {
			t.Errorf("published %v, want the alert and what was done about it", got)
		}
	})
}

func TestPublisher_LooksUnasked(t *testing.T) {
	withPublisher(t, func(t *testing.T, r *records, l *numbered, _ *analytics.Publisher) {
		mustSave(t, r, alertNumber("a", 1))
		pass(3 * time.Second)
		if got := l.published(); len(got) != 1 {
			t.Errorf("published %v, want one", got)
		}
	})
}

func TestPublisher_RepeatsInOrderAfterAFailure(t *testing.T) {
	withPublisher(t, func(t *testing.T, r *records, l *numbered, p *analytics.Publisher) {
		l.fail = 3
		var want []string
		for n := range 250 {
			a := alertNumber("a", int64(n+1))
			mustSave(t, r, a)
			want = append(want, a.ID+":"+strconv.Itoa(n+1))
		}
		p.Wake()
		pass(time.Second)
		if got := l.published(); !slices.Equal(got, want) {
			t.Errorf("published %d of %d in order %v", len(got), len(want), got)
		}
	})
}

func TestEngine_AnAlertReachesTheStreamWithoutWaiting(t *testing.T) {
	withPublisher(t, func(t *testing.T, r *records, l *numbered, p *analytics.Publisher) {
		c := &city{t: t, journal: newJournal(), records: r, watcher: &watcher{}, start: time.Now().UTC()}
		c.run(loudRule(analytics.Threshold{Raise: 85, Clear: 80}), analytics.Options{Saved: p.Wake})
		defer func() { c.stop() }()
		c.report(seen("n1", "noise", 90, c.start))
		if got := l.published(); len(got) != 1 {
			t.Fatalf("published %v, want one", got)
		}
		if took := time.Since(c.start); took > 0 {
			t.Errorf("took %v, want no waiting", took)
		}
		got, err := analytics.DecodeAlert(l.last)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(r.saved()[0], got); diff != "" {
			t.Errorf("the published alert differs from the saved one (-saved +published):\n%s", diff)
		}
	})
}

func TestEncodeAlert_IsTheObjectOfTheProtocol(t *testing.T) {
	at := time.Date(2026, 11, 22, 8, 0, 0, 123_000_000, time.UTC)
	a := store.Alert{
		ID: "0193", Revision: 2, Rule: "noise_loud", Kind: "noise", Place: "device/noise-0012", State: closed,
		Severity: store.Warning, Device: "noise-0012", Cell: caoyang, Area: "310107005", Value: 88.2, Baseline: 85,
		Reason: sensors.Names{ZH: "响", EN: "loud"}, RaisedAt: at, UpdatedAt: at.Add(time.Second), ClearedAt: at.Add(time.Second),
		Category: store.AboutQuality, Cells: []grid.Cell{caoyang}, Devices: []sensors.DeviceID{"noise-0012"},
		Evidence: []store.Evidence{{Device: "noise-0012", At: at, Value: 88.2, Link: "https://nvr/1.jpg"}},
		Score:    12.25, Recurrence: 9 * 24 * time.Hour, Excess: 3.5, Muted: true, MergedInto: "0192",
	}
	a.Point.LatDegrees, a.Point.LonDegrees = 31.2401, 121.4032
	payload, err := analytics.EncodeAlert(a)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"id":"0193","revision":2,"rule":"noise_loud","kind":"noise","place":"device/noise-0012",` +
		`"state":"closed","severity":"warning","device":"noise-0012","cell":"8a309930a0affff","area":"310107005",` +
		`"lat":31.2401,"lon":121.4032,"value":88.2,"baseline":85,"p":null,"window_seconds":0,` +
		`"reason":{"zh":"响","en":"loud"},"raised_at":"2026-11-22T08:00:00.123Z","updated_at":"2026-11-22T08:00:01.123Z",` +
		`"cleared_at":"2026-11-22T08:00:01.123Z","category":"quality","phase":"","cells":["8a309930a0affff"],` +
		`"devices":["noise-0012"],"evidence":[{"device":"noise-0012","at":"2026-11-22T08:00:00.123Z","value":88.2,` +
		`"lat":0,"lon":0,"link":"https://nvr/1.jpg"}],"score":12.25,"recurrence_seconds":777600,"excess":3.5,` +
		`"flapping":false,"muted":true,"merged_into":"0192"}`
	if string(payload) != want {
		t.Errorf("got  %s\nwant %s", payload, want)
	}
	a.Handling = store.Handling{
		State: store.HandlingDispatched, Version: 3, By: "王芳", At: at, To: store.Destination{Area: "310107005", Unit: "城管中队"}, Answer: store.Confirmed,
	}
	for _, p := range []float64{0, 2.5e-7} {
		a.P, a.Window = p, 15*time.Minute
		payload, err := analytics.EncodeAlert(a)
		if err != nil {
			t.Fatal(err)
		}
		back, err := analytics.DecodeAlert(payload)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(a, back); diff != "" {
			t.Errorf("decode after encode (-want +got):\n%s", diff)
		}
	}
}

// put keeps a and puts it on the outbox, as the records do when people handle it.
func (r *records) put(a store.Alert) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.alerts[a.ID] = a
	r.changes = append(r.changes, a)
	r.outbox = append(r.outbox, store.OutboxEntry{ID: int64(len(r.changes)), Alert: a})
}
