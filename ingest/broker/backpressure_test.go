package broker_test

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/urbangrid/urbangrid/ingest"
	"github.com/urbangrid/urbangrid/ingest/broker"
	"github.com/urbangrid/urbangrid/internal/mqttraw"
)

// crowd is clients that publish as fast as they may, each with messages in
// flight without bound.
func crowd(t *testing.T, r *rig, clients, each int, acked *atomic.Int64) (wait func()) {
	t.Helper()
	var wg sync.WaitGroup
	for i := range clients {
		c, _, err := mqttraw.Dial(t.Context(), r.broker.Addr(), mqttraw.Options{ClientID: fmt.Sprintf("crowd-%d", i), BufferBytes: 4096})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		if err := c.SetDeadline(time.Now().Add(60 * time.Second)); err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			for n := 1; n <= each; n++ {
				c.Publish(topic, payload(i*each+n), 1, uint16(n), false)
			}
			if err := c.Flush(); err != nil {
				t.Errorf("client %d: %v", i, err)
			}
		})
		wg.Go(func() {
			for range each {
				p, err := c.Read()
				if err != nil || p.Type != mqttraw.Puback {
					t.Errorf("client %d: %+v %v, want PUBACK", i, p, err)
					return
				}
				acked.Add(1)
			}
		})
	}
	return wg.Wait
}

func TestBackpressure_AStandingJournalHoldsPublishersInBoundedMemoryAndThenGetsEverythingOnce(t *testing.T) {
	const clients, each, room = 200, 100, 1000
	reg, ingestReg := prometheus.NewRegistry(), prometheus.NewRegistry()
	r := newRigWith(t, broker.Options{Registerer: reg}, ingest.Options{MaxPending: room, Registerer: ingestReg})
	failing := atomic.Bool{}
	failing.Store(true)
	r.gate.Fail = func() error {
		if failing.Load() {
			return errors.New("disk full")
		}
		return nil
	}
	r.gate.Let(1 << 19)
	before := heapMiB()
	var acked atomic.Int64
	wait := crowd(t, r, clients, each, &acked)
	eventually(t, "the intake is full", func() bool { return gathered(t, ingestReg, "urbangrid_ingest_messages_total") >= room+64 })

	// QoS 0 does not wait.
	lossy := r.dial(t, mqttraw.Options{ClientID: "lossy"})
	for n := range 50 {
		lossy.Publish(topic, payload(1_000_000+n), 0, 0, false)
	}
	flush(t, lossy)
	silent(t, lossy)
	if n := count(t, ingestReg, "urbangrid_ingest_messages_dropped_total", "overflow"); n != 50 {
		t.Errorf("dropped{overflow} is %v, want the 50 of QoS 0", n)
	}
	// Who publishes nothing is served as ever.
	idle := r.dial(t, mqttraw.Options{ClientID: "idle"})
	silent(t, idle)

	if n := acked.Load(); n != 0 {
		t.Errorf("%d messages acknowledged while the journal fails", n)
	}
	if taken := gathered(t, ingestReg, "urbangrid_ingest_messages_total"); taken > room+64+50 {
		t.Errorf("%v messages were taken in, bound %d and 64 that wait", taken, room)
	}
	if grown := heapMiB() - before; grown > 64 {
		t.Errorf("%d clients that push took %.1f MiB", clients, grown)
	} else {
		t.Logf("%d clients that push took %.1f MiB", clients, grown)
	}
	failing.Store(false)
	wait()
	if n := acked.Load(); n != clients*each {
		t.Errorf("%d messages acknowledged, want %d", n, clients*each)
	}
	seen := map[int64]int{}
	for _, o := range r.gate.Observations() {
		seen[o.At.UnixMilli()]++
	}
	if len(seen) != clients*each || len(r.gate.Observations()) != clients*each {
		t.Errorf("%d different observations committed in %d, want %d once each", len(seen), len(r.gate.Observations()), clients*each)
	}
}

func heapMiB() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc+m.StackInuse) / (1 << 20)
}

// A client whose pings are not read while its message waits goes and comes back.
func TestBackpressure_AClientThatComesBackAgainAndAgainLeavesNothingBehind(t *testing.T) {
	r := newRigWith(t, broker.Options{}, ingest.Options{MaxPending: 1})
	fill := r.dial(t, mqttraw.Options{ClientID: "fill"})
	fill.Publish(topic, payload(0), 1, 1, false)
	flush(t, fill)
	silent(t, fill)
	// More than may wait inside of the intake at once.
	for i := range 64 {
		c := r.dial(t, mqttraw.Options{ClientID: fmt.Sprintf("waits-%d", i)})
		c.Publish(topic, payload(1+i), 1, 1, false)
		flush(t, c)
	}
	before := runtime.NumGoroutine()
	var last *mqttraw.Conn
	for range 200 {
		last = r.dial(t, mqttraw.Options{ClientID: "restless"})
		last.Publish(topic, payload(1000), 1, 1, false)
		flush(t, last)
	}
	eventually(t, "the goroutines of the earlier connections have ended", func() bool { return runtime.NumGoroutine() < before+20 })
	r.gate.Let(1000)
	expect(t, last, mqttraw.Puback, 1)
	eventually(t, "everything is committed", func() bool { return len(r.gate.Observations()) == 66 })
}

func TestBackpressure_AClientThatWaitsLongerThanTwiceItsKeepAliveIsLetGo(t *testing.T) {
	reg := prometheus.NewRegistry()
	r := newRig(t, broker.Options{ReceiveMaximum: 1, Registerer: reg})
	c := r.dial(t, mqttraw.Options{ClientID: "gone", KeepAlive: 1})
	c.Publish(topic, payload(1), 1, 1, false)
	c.Publish(topic, payload(2), 1, 2, false)
	flush(t, c)
	if _, err := c.Read(); err == nil {
		t.Error("the connection is still open")
	}
	if n := gathered(t, reg, "urbangrid_broker_clients_overwaited_total"); n != 1 {
		t.Errorf("overwaited is %v, want 1", n)
	}
	eventually(t, "the client is forgotten", func() bool { return gathered(t, reg, "urbangrid_broker_clients") == 0 })
}

func gathered(t *testing.T, reg *prometheus.Registry, name string) float64 {
	t.Helper()
	return count(t, reg, name, "")
}
