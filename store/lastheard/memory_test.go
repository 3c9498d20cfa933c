package lastheard_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
	"github.com/urbangrid/urbangrid/store/lastheard"
	"github.com/urbangrid/urbangrid/stream"
)

// records are last messages in memory.
type records struct {
	mu   sync.Mutex // guards what follows
	kept map[sensors.DeviceID]store.LastMessage
	err  error
}

func (r *records) SaveLastMessages(_ context.Context, list []store.LastMessage) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range list {
		if r.err == nil && !r.kept[m.Device].Received.After(m.Received) {
			r.kept[m.Device] = m
		}
	}
	return r.err
}

func (r *records) LastMessage(_ context.Context, id sensors.DeviceID) (store.LastMessage, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m, ok := r.kept[id]
	if !ok {
		return m, store.ErrNotFound
	}
	return m, nil
}

func (r *records) set(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
}

func newRecords() *records { return &records{kept: map[sensors.DeviceID]store.LastMessage{}} }

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func observed(id sensors.DeviceID, value float64) grid.Placed {
	return grid.Placed{Observation: sensors.Observation{Device: id, Kind: "noise", Value: value, At: noon}, Cell: 0x8a309930a0affff}
}

func native(id sensors.DeviceID, at time.Time, payload string, placed ...grid.Placed) lastheard.Message {
	return lastheard.Message{Topic: "urbangrid/v1/" + string(id) + "/obs", QoS: 1, Received: at, Format: "native", Payload: []byte(payload), Placed: placed}
}

func wantLast(t *testing.T, m *lastheard.Memory, id sensors.DeviceID, want store.LastMessage) {
	t.Helper()
	got, err := m.LastMessage(t.Context(), id)
	if err != nil {
		t.Fatalf("LastMessage(%q): %v", id, err)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("last message of %s differs (-want +got):\n%s", id, diff)
	}
}

func TestMemory_KeepsWhatCameAndWhatWasMadeOfIt(t *testing.T) {
	m := lastheard.New(newRecords(), lastheard.Options{})
	msg := native("a", noon, "first payload", observed("a", 1), observed("b", 2), observed("a", 3))
	msg.Rejects = []stream.Reject{{Reason: "bad_field", Detail: "x", Topic: msg.Topic}}
	m.Hear(msg)
	copy(msg.Payload, "XXXXXXXXXXXXX")
	msg.Placed[0].Value = 99
	want := store.LastMessage{
		Device: "a", Topic: "urbangrid/v1/a/obs", QoS: 1, Received: noon, Format: "native", Payload: []byte("first payload"), Size: 13,
		Observations: []grid.Placed{observed("a", 1), observed("a", 3)}, Observed: 2,
		Faults: []store.MessageFault{{Reason: "bad_field", Detail: "x"}}, Refused: 1,
	}
	wantLast(t, m, "a", want)
	want.Device, want.Observations, want.Observed, want.Faults, want.Refused = "b", []grid.Placed{observed("b", 2)}, 1, nil, 0
	wantLast(t, m, "b", want)

	m.Hear(native("a", noon.Add(time.Second), "2nd"))
	wantLast(t, m, "b", want)
	m.Hear(native("a", noon.Add(2*time.Second), "third", observed("a", 4)))
	m.Hear(native("a", noon.Add(time.Second), "late", observed("a", 5)))
	wantLast(t, m, "a", store.LastMessage{
		Device: "a", Topic: "urbangrid/v1/a/obs", QoS: 1, Received: noon.Add(2 * time.Second), Format: "native", Payload: []byte("third"), Size: 5,
		Observations: []grid.Placed{observed("a", 4)}, Observed: 1,
	})
	if _, err := m.LastMessage(t.Context(), "ghost"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("of a device that never spoke: %v, want ErrNotFound", err)
	}
}

func TestMemory_KeepsNoPrivatePayloadAndBoundsTheRest(t *testing.T) {
	m := lastheard.New(newRecords(), lastheard.Options{})
	msg := native("a", noon, "plate 沪A12345")
	msg.Private = true
	for i := range 100 {
		msg.Placed = append(msg.Placed, observed("a", float64(i)))
		msg.Rejects = append(msg.Rejects, stream.Reject{Reason: "bad_field", Topic: msg.Topic})
	}
	m.Hear(msg)
	got, err := m.LastMessage(t.Context(), "a")
	if err != nil || len(got.Payload) != 0 || !got.Private || got.Size != 15 {
		t.Errorf("private message: %+v, %v, want its size alone", got, err)
	}
	if len(got.Observations) != store.MaxLastObservations || got.Observed != 100 || len(got.Faults) != store.MaxLastFaults || got.Refused != 100 {
		t.Errorf("%d of %d observations and %d of %d faults", len(got.Observations), got.Observed, len(got.Faults), got.Refused)
	}
	m.Hear(lastheard.Message{Topic: msg.Topic, Received: noon.Add(time.Second), Payload: bytes.Repeat([]byte("x"), 1<<20),
		Rejects: []stream.Reject{{Reason: "too_large", Topic: msg.Topic}}})
	if got, err = m.LastMessage(t.Context(), "a"); err != nil || len(got.Payload) != store.MaxLastPayload || got.Size != 1<<20 {
		t.Errorf("long message: %d of %d bytes, %v", len(got.Payload), got.Size, err)
	}
}

func TestMemory_WhatIsReadAgainKeepsHowItCame(t *testing.T) {
	r := newRecords()
	m := lastheard.New(r, lastheard.Options{})
	refused := native("a", noon, "{}")
	refused.Rejects = []stream.Reject{{Reason: "no_position", Topic: refused.Topic}}
	m.Hear(refused)
	again := native("a", noon, "{}", observed("a", 1))
	again.QoS = -1
	m.Hear(again)
	wantLast(t, m, "a", store.LastMessage{
		Device: "a", Topic: refused.Topic, QoS: 1, Received: noon, Format: "native", Payload: []byte("{}"), Size: 2,
		Observations: []grid.Placed{observed("a", 1)}, Observed: 1,
	})
	// What the records know of later is not hidden by an old message read again.
	r.kept["b"] = store.LastMessage{Device: "b", Received: noon.Add(time.Hour)}
	again = native("b", noon, "{}", observed("b", 1))
	again.QoS = -1
	m.Hear(again)
	wantLast(t, m, "b", r.kept["b"])
}

func TestMemory_TellsTheRecordsNowAndThenAndAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRecords()
		m := lastheard.New(r, lastheard.Options{Every: time.Minute, Logger: slog.New(slog.DiscardHandler)})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- m.Run(ctx) }()
		m.Hear(native("a", noon, "1", observed("a", 1)))
		r.set(func() { r.err = errors.New("locked") })
		time.Sleep(time.Minute + time.Second)
		synctest.Wait()
		r.set(func() { r.err = nil })
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := string(r.kept["a"].Payload); got != "1" {
			t.Errorf("after a failure and a minute the records know %q, want 1", got)
		}
		r.set(func() { delete(r.kept, "a") })
		time.Sleep(time.Minute)
		synctest.Wait()
		if _, again := r.kept["a"]; again {
			t.Error("what has not changed was saved again")
		}
		m.Hear(native("a", noon.Add(time.Second), "2", observed("a", 1)))
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
		if got := string(r.kept["a"].Payload); got != "2" {
			t.Errorf("at the end the records know %q, want 2", got)
		}
		wantLast(t, lastheard.New(r, lastheard.Options{}), "a", r.kept["a"])
	})
}

func TestMemory_HoldsNoMoreThanItMay(t *testing.T) {
	reg := prometheus.NewRegistry()
	r := newRecords()
	m := lastheard.New(r, lastheard.Options{MaxBytes: 1 << 20, Registerer: reg})
	const devices = 2000
	payload := string(bytes.Repeat([]byte("x"), 4<<10))
	for i := range devices {
		id := sensors.DeviceID(fmt.Sprintf("d-%d", i))
		m.Hear(native(id, noon.Add(time.Duration(i)*time.Second), payload, observed(id, 1)))
	}
	held := 0
	for i := range devices {
		if _, err := m.LastMessage(t.Context(), sensors.DeviceID(fmt.Sprintf("d-%d", i))); err == nil {
			held++
		}
	}
	if held < 100 || held > 1<<20/(4<<10) {
		t.Errorf("%d devices of 4 KiB are held in 1 MiB, want about 200", held)
	}
	if _, err := m.LastMessage(t.Context(), "d-1999"); err != nil {
		t.Errorf("the newest is not there: %v", err)
	}
	if lint, err := testutil.GatherAndLint(reg); err != nil || len(lint) > 0 {
		t.Errorf("metrics: %v, %v", lint, err)
	}
	if err := testutil.GatherAndCompare(reg, bytes.NewBufferString(fmt.Sprintf(`
# HELP urbangrid_store_last_messages_dropped_total Last messages of devices that made room before they were saved.
# TYPE urbangrid_store_last_messages_dropped_total counter
urbangrid_store_last_messages_dropped_total %d
`, devices-held)), "urbangrid_store_last_messages_dropped_total"); err != nil {
		t.Error(err)
	}
}

func TestMemory_IsSafeForManyAtOnce(t *testing.T) {
	m := lastheard.New(newRecords(), lastheard.Options{MaxBytes: 64 << 10, Every: time.Millisecond})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	var speakers sync.WaitGroup
	for s := range 4 {
		speakers.Go(func() {
			for i := range 2000 {
				id := sensors.DeviceID(fmt.Sprintf("d-%d", (i+s)%500))
				m.Hear(native(id, noon.Add(time.Duration(i)*time.Second), "payload", observed(id, 1)))
				if got, err := m.LastMessage(ctx, id); err == nil && string(got.Payload) != "payload" {
					t.Errorf("payload %q", got.Payload)
				}
			}
		})
	}
	speakers.Wait()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// Hear is on the way of every message, of which the intake takes some 200,000 a
// second: half a microsecond is what this may cost.
func BenchmarkMemory_Hear(b *testing.B) {
	m := lastheard.New(newRecords(), lastheard.Options{})
	msgs := make([]lastheard.Message, 10_000)
	for i := range msgs {
		id := sensors.DeviceID(fmt.Sprintf("noise-%d", i))
		msgs[i] = native(id, noon, `{"kind":"noise","value":57.3,"lat":31.2498,"lon":121.3955}`, observed(id, 57.3))
	}
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		m.Hear(msgs[i%len(msgs)])
		i++
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
}
