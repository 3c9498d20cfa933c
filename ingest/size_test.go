package ingest_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/urbangrid/urbangrid/ingest"
	"github.com/urbangrid/urbangrid/ingest/ingesttest"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/stream"
)

// texts is what the texts of an entry take, which is less than the entry does.
func texts(e *stream.Entry) int {
	n := 0
	for _, o := range e.Observations {
		n += len(o.ID) + len(o.Attrs)
	}
	for _, r := range e.Rejects {
		n += len(r.Topic) + len(r.Detail) + len(r.Payload) + len(r.Message)
	}
	return n
}

// A NATS server refuses a message of more than a mebibyte, or of more than 8 when it
// is ours, as often as it comes: one such entry would stop a city for ever.
func TestIntake_MakesNoEntryThatTheJournalCouldNotTake(t *testing.T) {
	for name, submit := range map[string]func(in *ingest.Intake, i int){
		"observations with large attributes": func(in *ingest.Intake, i int) {
			in.Submit(message("d", fmt.Sprintf(`{"id":"%d","kind":"noise","value":50,%s,"attrs":{"x":"%s"}}`, i, place, strings.Repeat("x", 4000))))
		},
		"rejects with long topics and messages": func(in *ingest.Intake, _ int) {
			in.Submit(message(strings.Repeat("d", 65_000), `{"x":"`+strings.Repeat("x", 16_000)+`"}`))
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := ingesttest.NewGate()
				g.Let(1000)
				in := newIntake(t, g, ingest.Options{})
				const n = 1000
				for i := range n {
					submit(in, i)
				}
				stop := running(in)
				if err := stop(); err != nil {
					t.Fatal(err)
				}
				got := 0
				for _, e := range g.Entries() {
					got += len(e.Observations) + len(e.Rejects)
					if size := texts(&e); size > 1<<20 {
						t.Errorf("an entry of %d observations and %d rejects has %d bytes", len(e.Observations), len(e.Rejects), size)
					}
				}
				if got != n {
					t.Errorf("%d of %d were committed", got, n)
				}
			})
		})
	}
}

func TestIntake_WhatWaitsIsBoundedInBytesToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := ingesttest.NewGate()
		reg := prometheus.NewRegistry()
		in := newIntake(t, g, ingest.Options{MaxPendingBytes: 100 << 10, Registerer: reg})
		stop := running(in)
		bad := message("d", `{"x":"`+strings.Repeat("x", 10_000)+`"}`)
		bad.Lossy = true
		for range 100 {
			in.Submit(bad)
		}
		dropped := testutil.ToFloat64(counter(t, reg, "urbangrid_ingest_messages_dropped_total", "overflow"))
		g.Let(100)
		synctest.Wait()
		kept := g.Reasons()["missing_kind"]
		if kept < 8 || kept > 11 || int(dropped)+kept != 100 {
			t.Errorf("%d messages of 10 kB are kept and %v dropped, want 10 and 90", kept, dropped)
		}
		in.Submit(bad)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if got := g.Reasons()["missing_kind"]; got != kept+1 {
			t.Errorf("%d are kept after there was room again, want %d", got, kept+1)
		}
	})
}

// ahead is a format of devices whose clock is ahead.
type ahead struct{ sensors.Format }

func (ahead) Accepts(topic string) bool { return topic == "ahead" }

func (ahead) Decode(r *sensors.Report, _ string, _ []byte, received time.Time) {
	battery := 12.0
	r.Health = append(r.Health, sensors.Health{Device: "d", At: received.AddDate(50, 0, 0), BatteryPercent: &battery},
		sensors.Health{Device: "d", At: received.Add(-time.Hour), Presence: sensors.Offline})
}

func TestIntake_WhatADeviceSaysOfItselfIsNotOfTheFuture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := ingesttest.NewGate()
		g.Let(10)
		in := ingest.New(g, []sensors.Format{ahead{}}, nil, nil, ingest.Options{})
		stop := running(in)
		in.Submit(ingest.Message{Topic: "ahead", Received: received})
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		said := g.Entries()[0].Health
		if len(said) != 2 || !said[0].At.Equal(received) || !said[1].At.Equal(received.Add(-time.Hour)) {
			t.Errorf("said at %v and %v, want %v and an hour before", said[0].At, said[1].At, received)
		}
	})
}
