package broker_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/ingest"
	"github.com/urbangrid/urbangrid/ingest/broker"
	"github.com/urbangrid/urbangrid/ingest/ingesttest"
	"github.com/urbangrid/urbangrid/internal/mqttraw"
	"github.com/urbangrid/urbangrid/internal/mqttraw/certtest"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/sensors/codec/native"
)

// rig is a broker in front of an intake whose commits wait at a gate.
type rig struct {
	gate   *ingesttest.Gate
	broker *broker.Broker
	stop   func() error // ends the intake
}

func newRig(t *testing.T, opts broker.Options) *rig {
	t.Helper()
	return newRigWith(t, opts, ingest.Options{})
}

func newRigWith(t *testing.T, opts broker.Options, intake ingest.Options) *rig {
	t.Helper()
	intake.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	catalog, err := sensors.DefaultCatalog()
	if err != nil {
		t.Fatal(err)
	}
	areas, err := grid.Putuo()
	if err != nil {
		t.Fatal(err)
	}
	placer := grid.NewPlacer(areas, func(sensors.DeviceID, time.Time) (sensors.Position, bool) {
		return sensors.Position{LatDegrees: 31.2498, LonDegrees: 121.3955, Datum: sensors.WGS84}, true
	}, grid.PlacerOptions{})
	r := &rig{gate: ingesttest.NewGate()}
	in := ingest.New(r.gate, []sensors.Format{native.NewFormat(catalog)}, catalog, placer, intake)
	opts.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	if r.broker, err = broker.Listen(t.Context(), "127.0.0.1:0", in, opts); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- in.Run(ctx) }()
	r.stop = func() error { cancel(); return <-ended }
	t.Cleanup(func() {
		r.gate.Let(1000)
		cancel()
		if err := r.broker.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func (r *rig) dial(t *testing.T, opts mqttraw.Options) *mqttraw.Conn {
	t.Helper()
	c, _, err := mqttraw.Dial(t.Context(), r.broker.Addr(), opts)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func flush(t *testing.T, c *mqttraw.Conn) {
	t.Helper()
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
}

// expect reads one packet and holds it against type and identifier.
func expect(t *testing.T, c *mqttraw.Conn, typ mqttraw.Type, id uint16) mqttraw.Packet {
	t.Helper()
	p, err := c.Read()
	if err != nil {
		t.Fatalf("waiting for packet type %d id %d: %v", typ, id, err)
	}
	if p.Type != typ || p.ID != id || p.Reason != 0 {
		t.Fatalf("broker sent type %d id %d reason %#x, want type %d id %d reason 0", p.Type, p.ID, p.Reason, typ, id)
	}
	return p
}

// silent checks that the broker has handled everything sent so far and has not
// acknowledged it: the answer to a ping comes first.
func silent(t *testing.T, c *mqttraw.Conn) {
	t.Helper()
	c.Ping()
	flush(t, c)
	expect(t, c, mqttraw.Pingresp, 0)
}

const topic = "urbangrid/v1/noise-0001/obs"

func payload(n int) []byte {
	return fmt.Appendf(nil, `{"kind":"noise","value":57.3,"time":%d}`, time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC).UnixMilli()+int64(n))
}

// eventually polls what happens in another goroutine without a sign.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	ticks := time.NewTicker(10 * time.Millisecond)
	defer ticks.Stop()
	for !ok() {
		select {
		case <-ticks.C:
		case <-deadline:
			t.Fatalf("waited 20 s in vain: %s", what)
		}
	}
}

func eachVersion(t *testing.T, f func(t *testing.T, version byte)) {
	for _, v := range []byte{4, 5} {
		t.Run(fmt.Sprintf("MQTT %d", v), func(t *testing.T) { f(t, v) })
	}
}

func TestBroker_AcknowledgesQoS1AfterTheCommitAndNotBefore(t *testing.T) {
	eachVersion(t, func(t *testing.T, version byte) {
		r := newRig(t, broker.Options{})
		c := r.dial(t, mqttraw.Options{ClientID: "c", Version: version})
		for id := uint16(1); id <= 5; id++ {
			c.Publish(topic, payload(int(id)), 1, id, false)
		}
		flush(t, c)
		silent(t, c)
		r.gate.Let(10)
		for id := uint16(1); id <= 5; id++ {
			expect(t, c, mqttraw.Puback, id)
		}
		if n := len(r.gate.Observations()); n != 5 {
			t.Errorf("%d observations committed, want 5", n)
		}
	})
}

func TestBroker_CarriesQoS2ThroughItsFourPackets(t *testing.T) {
	eachVersion(t, func(t *testing.T, version byte) {
		r := newRig(t, broker.Options{})
		c := r.dial(t, mqttraw.Options{ClientID: "c", Version: version})
		c.Publish(topic, payload(1), 2, 7, false)
		flush(t, c)
		silent(t, c)
		r.gate.Let(10)
		expect(t, c, mqttraw.Pubrec, 7)
		c.Release(7)
		flush(t, c)
		expect(t, c, mqttraw.Pubcomp, 7)
		c.Publish(topic, payload(2), 2, 7, false) // the identifier is free again
		flush(t, c)
		expect(t, c, mqttraw.Pubrec, 7)
		if n := len(r.gate.Observations()); n != 2 {
			t.Errorf("%d observations committed, want 2", n)
		}
	})
}

func TestBroker_TakesARepeatedPacketOnce(t *testing.T) {
	// Without time and id nothing but the packet identifier tells a repetition.
	anonymous := []byte(`{"kind":"noise","value":57.3}`)
	eachVersion(t, func(t *testing.T, version byte) {
		t.Run("while its commit is under way", func(t *testing.T) {
			r := newRig(t, broker.Options{})
			c := r.dial(t, mqttraw.Options{ClientID: "c", Version: version})
			c.Publish(topic, anonymous, 1, 3, false)
			c.Publish(topic, anonymous, 1, 3, true)
			flush(t, c)
			silent(t, c)
			r.gate.Let(10)
			expect(t, c, mqttraw.Puback, 3)
			silent(t, c)
			if n := len(r.gate.Observations()); n != 1 {
				t.Errorf("%d observations committed, want 1", n)
			}
		})
		t.Run("QoS 2 before its release, on a new connection", func(t *testing.T) {
			r := newRig(t, broker.Options{})
			r.gate.Let(10)
			c := r.dial(t, mqttraw.Options{ClientID: "c", Version: version, Resume: true})
			c.Publish(topic, anonymous, 2, 3, false)
			flush(t, c)
			expect(t, c, mqttraw.Pubrec, 3)
			_ = c.Close()

			c, connack, err := mqttraw.Dial(t.Context(), r.broker.Addr(), mqttraw.Options{ClientID: "c", Version: version, Resume: true})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if !connack.Present {
				t.Fatal("the session was not kept")
			}
			c.Publish(topic, anonymous, 2, 3, true)
			flush(t, c)
			if p, err := c.Read(); err != nil || p.Type != mqttraw.Pubrec || p.Reason != 0 {
				t.Fatalf("answer to the repetition: %+v %v, want PUBREC", p, err)
			}
			c.Release(3)
			flush(t, c)
			for { // the broker may have repeated its PUBREC by itself, too
				p, err := c.Read()
				if err != nil {
					t.Fatal(err)
				}
				if p.Type == mqttraw.Pubcomp {
					break
				}
			}
			if n := len(r.gate.Observations()); n != 1 {
				t.Errorf("%d observations committed, want 1", n)
			}
		})
	})
}

func TestBroker_AClientThatHasGoneIsNoError(t *testing.T) {
	r := newRig(t, broker.Options{})
	c := r.dial(t, mqttraw.Options{ClientID: "gone"})
	c.Publish(topic, payload(1), 1, 1, false)
	flush(t, c)
	silent(t, c)
	_ = c.Close()
	other := r.dial(t, mqttraw.Options{ClientID: "other"})
	other.Publish(topic, payload(2), 1, 1, false)
	flush(t, other)
	r.gate.Let(10)
	expect(t, other, mqttraw.Puback, 1)
	if n := len(r.gate.Observations()); n != 2 {
		t.Errorf("%d observations committed, want both", n)
	}
}

func TestBroker_OneClientAtItsReceiveMaximumHoldsUpNobodyElse(t *testing.T) {
	r := newRig(t, broker.Options{ReceiveMaximum: 4})
	greedy := r.dial(t, mqttraw.Options{ClientID: "greedy"})
	for id := uint16(1); id <= 50; id++ {
		greedy.Publish(topic, payload(int(id)), 1, id, false)
	}
	flush(t, greedy)
	modest := r.dial(t, mqttraw.Options{ClientID: "modest"})
	modest.Publish(topic, payload(1000), 1, 1, false)
	flush(t, modest)
	silent(t, modest)
	r.gate.Let(1000)
	expect(t, modest, mqttraw.Puback, 1)
	for id := uint16(1); id <= 50; id++ {
		expect(t, greedy, mqttraw.Puback, id)
	}
}

func TestBroker_GivesObservationsToSubscribersAfterTheCommit(t *testing.T) {
	eachVersion(t, func(t *testing.T, version byte) {
		r := newRig(t, broker.Options{})
		sub := r.dial(t, mqttraw.Options{ClientID: "sub", Version: version})
		sub.Subscribe(1, "urbangrid/v1/+/obs")
		flush(t, sub)
		expect(t, sub, mqttraw.Suback, 1)
		pub := r.dial(t, mqttraw.Options{ClientID: "pub", Version: version})
		pub.Publish(topic, payload(1), 1, 1, false)
		flush(t, pub)
		silent(t, pub)
		silent(t, sub)
		r.gate.Let(10)
		expect(t, pub, mqttraw.Puback, 1)
		p := expect(t, sub, mqttraw.Publish, 0)
		if p.Topic != topic || string(p.Payload) != string(payload(1)) {
			t.Errorf("subscriber got %s %s", p.Topic, p.Payload)
		}
	})
}

func TestBroker_LeavesOtherTopicsAlone(t *testing.T) {
	r := newRig(t, broker.Options{})
	sub := r.dial(t, mqttraw.Options{ClientID: "sub"})
	sub.Subscribe(1, "other/#")
	flush(t, sub)
	expect(t, sub, mqttraw.Suback, 1)
	pub := r.dial(t, mqttraw.Options{ClientID: "pub"})
	pub.Publish("other/topic", []byte("hello"), 1, 1, false)
	flush(t, pub)
	expect(t, pub, mqttraw.Puback, 1)
	if p := expect(t, sub, mqttraw.Publish, 0); string(p.Payload) != "hello" {
		t.Errorf("subscriber got %q", p.Payload)
	}
	if n := len(r.gate.Entries()); n != 0 {
		t.Errorf("%d entries committed for a topic that is no observation", n)
	}
}

func TestBroker_TakesQoS0WithoutAnswer(t *testing.T) {
	r := newRig(t, broker.Options{})
	r.gate.Let(10)
	c := r.dial(t, mqttraw.Options{ClientID: "c"})
	c.Publish(topic, payload(1), 0, 0, false)
	flush(t, c)
	silent(t, c)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if n := len(r.gate.Observations()); n != 1 {
		t.Errorf("%d observations committed, want 1", n)
	}
}

func TestBroker_MetricsFollowTheNamingRules(t *testing.T) {
	reg := prometheus.NewRegistry()
	newRig(t, broker.Options{Registerer: reg})
	if problems, err := testutil.GatherAndLint(reg); err != nil || len(problems) > 0 {
		t.Errorf("metrics: %v %v", problems, err)
	}
}

func TestBroker_CloseLeavesNothingBehind(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	t.Run("with a client that waits for room", func(t *testing.T) {
		r := newRig(t, broker.Options{ReceiveMaximum: 1})
		c := r.dial(t, mqttraw.Options{ClientID: "c"})
		c.Publish(topic, payload(1), 1, 1, false)
		c.Publish(topic, payload(2), 1, 2, false)
		flush(t, c)
		r.gate.Let(1)
		expect(t, c, mqttraw.Puback, 1)
	})
	t.Run("with connections of every kind that have said nothing yet", func(t *testing.T) {
		ca := certtest.New(t)
		opts := broker.Options{TLSAddr: "127.0.0.1:0", WebSocketAddr: "127.0.0.1:0", WebSocketTLSAddr: "127.0.0.1:0"}
		opts.TLS.CertFile, opts.TLS.KeyFile = ca.Issue("server")
		r := newRig(t, opts)
		upgrade := "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nOrigin: http://elsewhere\r\n" +
			"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n"
		for _, c := range []struct{ addr, say string }{
			{r.broker.Addr(), ""}, {r.broker.TLSAddr(), ""}, {r.broker.WebSocketTLSAddr(), ""}, {r.broker.WebSocketAddr(), upgrade},
		} {
			conn, err := net.Dial("tcp", c.addr)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = conn.Close() })
			if c.say == "" {
				continue
			}
			if _, err := io.WriteString(conn, c.say); err != nil {
				t.Fatal(err)
			}
			answer := make([]byte, 12)
			if _, err := io.ReadFull(conn, answer); err != nil || string(answer) != "HTTP/1.1 101" {
				t.Fatalf("answer to the upgrade: %q %v", answer, err)
			}
		}
		began := time.Now()
		if err := r.broker.Close(); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("Close took %s: it waited for clients that say nothing", took)
		}
	})
}
