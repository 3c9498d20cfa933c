package mqtt_test

import (
	"fmt"
	"maps"
	"strconv"
	"sync"
	"testing"

	"github.com/urbangrid/urbangrid/ingest"
	"github.com/urbangrid/urbangrid/ingest/ingesttest"
	"github.com/urbangrid/urbangrid/ingest/mqtt"
	"github.com/urbangrid/urbangrid/internal/mqttpub"
	"github.com/urbangrid/urbangrid/internal/mqttpub/mosquitto"
	"github.com/urbangrid/urbangrid/internal/mqttraw/certtest"
)

// witness stands between a Source and its Intake and notes whose acknowledgement
// has been given free.
type witness struct {
	mqtt.Intake

	mu    sync.Mutex     // guards acked
	acked map[string]int // by the id of the observation
}

func (w *witness) acknowledged() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.acked)
}

func (w *witness) Submit(msg ingest.Message) {
	var id int
	_, _ = fmt.Sscanf(string(msg.Payload), `{"id":"%d"`, &id) // 0 would be missed in the journal
	msg.Source = &testimony{w: w, source: msg.Source, id: strconv.Itoa(id)}
	w.Intake.Submit(msg)
}

type testimony struct {
	w      *witness
	source ingest.Source
	id     string
}

// Committed is called after the commit and before the acknowledgement.
func (o *testimony) Committed(token uint64) {
	o.w.mu.Lock()
	o.w.acked[o.id]++
	o.w.mu.Unlock()
	o.source.Committed(token)
}

// publishNamed sends observations from first to last, which their ids name.
func publishNamed(t *testing.T, p *mqttpub.Publisher, qos byte, first, last int) {
	t.Helper()
	for n := first; n <= last; n++ {
		payload := fmt.Appendf(nil, `{"id":"%d","kind":"noise","value":57.3,"time":%d}`, n, start.UnixMilli()+int64(n))
		if err := p.Publish(t.Context(), "urbangrid/v1/noise-1/obs", qos, payload); err != nil {
			t.Fatal(err)
		}
	}
}

// named tells how often each id was committed.
func named(g *ingesttest.Gate) map[string]int {
	out := map[string]int{}
	for _, o := range g.Observations() {
		out[o.ID]++
	}
	return out
}

// A Mosquitto that is killed loses what it had acknowledged to a publisher and not
// yet written down or passed on, and brings back what had long been acknowledged to
// it. So much can be promised: UrbanGrid comes back by itself, it has everything that
// it ever acknowledged, and when the publisher sends again what it cannot know to
// have arrived, everything is there once.
func TestSource_AMosquittoThatIsKilledUnderLoadCostsNothingThatWasAcknowledged(t *testing.T) {
	for _, qos := range []byte{1, 2} {
		t.Run(fmt.Sprintf("QoS %d", qos), func(t *testing.T) {
			ca := certtest.New(t)
			cert, key := ca.Issue("server")
			m := mosquitto.Start(t, append(persistent(t),
				"autosave_on_changes true", "autosave_interval 50",
				"cafile "+ca.File, "certfile "+cert, "keyfile "+key)...)
			in, gate, _ := newIntake(t, ingest.Options{})
			gate.Let(1 << 19)
			w := &witness{Intake: in, acked: map[string]int{}}
			s, _ := read(t, fmt.Sprintf("mqtts://%s?group=g&connections=3&qos=%d", m.Addr(), qos), w, mqtt.Options{CAFile: ca.File})
			connected(t, s)
			p, err := mqttpub.Dial(t.Context(), "mqtts://"+m.Addr(), mqttpub.Options{Window: 64, TLS: ca.Client("")})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = p.Close() })

			const n, kills = 3000, 3
			for i := range kills {
				publishNamed(t, p, qos, i*n/kills+1, i*n/kills+n/kills/2)
				m.Kill() // with a window of messages under way
				restarted := make(chan struct{})
				go func() { defer close(restarted); m.Restart() }()
				publishNamed(t, p, qos, i*n/kills+n/kills/2+1, (i+1)*n/kills) // waits for the broker
				<-restarted
				connected(t, s)
			}
			flush(t, p)
			acked := w.acknowledged() // before what is in the journal: more may come
			stored := named(gate)
			for id := range acked {
				if stored[id] != 1 {
					t.Errorf("observation %s was acknowledged and is in the journal %d times, want once", id, stored[id])
				}
			}

			publishNamed(t, p, qos, 1, n)
			flush(t, p)
			eventually(t, "everything is committed", func() bool { return len(named(gate)) == n })
			t.Logf("%d of %d were there before they were sent again", len(stored), n)
			for id, got := range named(gate) {
				if got != 1 {
					t.Errorf("observation %s was committed %d times, want once", id, got)
				}
			}
		})
	}
}
