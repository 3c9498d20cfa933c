package mqtt_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/ingest"
	"github.com/urbangrid/urbangrid/ingest/broker"
	"github.com/urbangrid/urbangrid/ingest/ingesttest"
	"github.com/urbangrid/urbangrid/ingest/mqtt"
	"github.com/urbangrid/urbangrid/internal/mqttpub"
	"github.com/urbangrid/urbangrid/internal/mqttpub/mosquitto"
	"github.com/urbangrid/urbangrid/internal/mqttraw/certtest"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/sensors/codec/native"
)

const filter = "urbangrid/v1/+/obs"

// eventually polls an external program: there is nothing to wait on.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	ticks := time.NewTicker(10 * time.Millisecond)
	defer ticks.Stop()
	for !ok() {
		select {
		case <-ticks.C:
		case <-deadline:
			t.Fatalf("waited 30 s in vain: %s", what)
		}
	}
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// newIntake returns an intake whose commits wait at a gate, and what ends it.
func newIntake(t *testing.T, opts ingest.Options) (*ingest.Intake, *ingesttest.Gate, func()) {
	t.Helper()
	return newIntakeOf(t, nil, opts)
}

// newIntakeOf is newIntake for other formats; nil means the native one.
func newIntakeOf(t *testing.T, formats []sensors.Format, opts ingest.Options) (*ingest.Intake, *ingesttest.Gate, func()) {
	t.Helper()
	catalog, err := sensors.DefaultCatalog()
	if err != nil {
		t.Fatal(err)
	}
	if formats == nil {
		formats = []sensors.Format{native.NewFormat(catalog)}
	}
	areas, err := grid.Putuo()
	if err != nil {
		t.Fatal(err)
	}
	placer := grid.NewPlacer(areas, func(sensors.DeviceID, time.Time) (sensors.Position, bool) {
		return sensors.Position{LatDegrees: 31.2498, LonDegrees: 121.3955, Datum: sensors.WGS84}, true
	}, grid.PlacerOptions{})
	gate := ingesttest.NewGate()
	opts.Logger = quiet()
	in := ingest.New(gate, formats, catalog, placer, opts)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = in.Run(ctx) }()
	stop := sync.OnceFunc(func() { gate.Let(100); cancel(); <-ended })
	t.Cleanup(stop)
	return in, gate, stop
}

// read runs a Source until the returned function or the end of the test.
func read(t *testing.T, url string, in mqtt.Intake, opts mqtt.Options) (*mqtt.Source, func()) {
	t.Helper()
	if opts.Filters == nil {
		opts.Filters = []string{filter}
	}
	if opts.MaxBackoff == 0 {
		opts.MaxBackoff = 200 * time.Millisecond
	}
	opts.Logger = quiet()
	s, err := mqtt.Open(t.Context(), url, in, opts)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(stop)
	return s, stop
}

func connected(t *testing.T, s *mqtt.Source) {
	t.Helper()
	eventually(t, "all connections are up", func() bool { return s.Ping(t.Context()) == nil })
}

func publisher(t *testing.T, m *mosquitto.Broker, opts mqttpub.Options) *mqttpub.Publisher {
	t.Helper()
	p, err := mqttpub.Dial(t.Context(), m.URL(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

var start = time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)

// publish sends observations from first to last, one a message.
func publish(t *testing.T, p *mqttpub.Publisher, qos byte, first, last int) {
	t.Helper()
	for n := first; n <= last; n++ {
		topic := fmt.Sprintf("urbangrid/v1/noise-%d/obs", n%7)
		if err := p.Publish(t.Context(), topic, qos, fmt.Appendf(nil, `{"kind":"noise","value":57.3,"time":%d}`, start.UnixMilli()+int64(n))); err != nil {
			t.Fatal(err)
		}
	}
}

func flush(t *testing.T, p *mqttpub.Publisher) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := p.Flush(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestSource_AcknowledgesAfterTheCommitAndNotBefore(t *testing.T) {
	for _, qos := range []byte{1, 2} {
		t.Run(fmt.Sprintf("QoS %d", qos), func(t *testing.T) {
			m := mosquitto.Start(t)
			in, gate, _ := newIntake(t, ingest.Options{})
			reg := prometheus.NewRegistry()
			url := fmt.Sprintf("%s?group=g&qos=%d", m.URL(), qos)
			s, stop := read(t, url, in, mqtt.Options{Registerer: reg, DrainTimeout: time.Millisecond})
			connected(t, s)
			p := publisher(t, m, mqttpub.Options{})
			publish(t, p, qos, 1, 20)
			flush(t, p)
			eventually(t, "the messages are read", func() bool { return metric(t, reg, "urbangrid_mqtt_messages_received_total") == 20 })
			if n := metric(t, reg, "urbangrid_mqtt_messages_acknowledged_total"); n != 0 {
				t.Errorf("%v messages acknowledged before any commit", n)
			}
			// A reader that goes without having acknowledged leaves everything to the next.
			stop()
			gate.Let(100)
			reg2 := prometheus.NewRegistry()
			read(t, url, in, mqtt.Options{Registerer: reg2})
			eventually(t, "everything comes again and is acknowledged", func() bool {
				return metric(t, reg2, "urbangrid_mqtt_messages_acknowledged_total") == 20
			})
			onceEach(t, gate, 20)
		})
	}
}

func TestSource_LosesAndDoublesNothingWhenTheBrokerRestartsUnderLoad(t *testing.T) {
	m := mosquitto.Start(t, persistent(t)...)
	in, gate, _ := newIntake(t, ingest.Options{})
	gate.Let(1 << 19)
	s, _ := read(t, m.URL()+"?group=g&connections=3", in, mqtt.Options{})
	connected(t, s)
	p := publisher(t, m, mqttpub.Options{Window: 256})
	const n = 6000
	restarted := make(chan struct{})
	for i := range 3 {
		publish(t, p, 1, i*n/3+1, (i+1)*n/3)
		if i == 1 {
			m.Stop()
			time.AfterFunc(300*time.Millisecond, func() { defer close(restarted); m.Restart() })
		}
	}
	<-restarted
	flush(t, p)
	onceEach(t, gate, n)
	connected(t, s)
}

// What a Mosquitto that is killed has acknowledged to the publisher and not yet
// passed on is its own to lose. So this test lets the reader have everything
// first and kills it while nothing of that is committed.
func TestSource_WhatItHasReadSurvivesAKilledBroker(t *testing.T) {
	m := mosquitto.Start(t, persistent(t)...)
	in, gate, _ := newIntake(t, ingest.Options{})
	reg := prometheus.NewRegistry()
	s, _ := read(t, m.URL()+"?group=g&connections=2", in, mqtt.Options{Registerer: reg})
	connected(t, s)
	p := publisher(t, m, mqttpub.Options{Window: 64})
	publish(t, p, 1, 1, 500)
	flush(t, p)
	eventually(t, "everything is read", func() bool { return metric(t, reg, "urbangrid_mqtt_messages_received_total") == 500 })
	m.Kill()
	eventually(t, "the loss is noticed", func() bool { return s.Ping(t.Context()) != nil })
	if err := s.Ping(t.Context()); !errors.Is(err, mqtt.ErrNotConnected) {
		t.Errorf("Ping without a broker: %v, want ErrNotConnected", err)
	}
	m.Restart()
	connected(t, s)
	publish(t, p, 1, 501, 1500)
	gate.Let(1 << 19)
	flush(t, p)
	onceEach(t, gate, 1500)
}

func TestSource_LosesAndDoublesNothingWhenItsConnectionsAreCut(t *testing.T) {
	for _, qos := range []byte{1, 2} {
		t.Run(fmt.Sprintf("QoS %d", qos), func(t *testing.T) {
			m := mosquitto.Start(t)
			wire := newCutter(t, m.Addr())
			in, gate, _ := newIntake(t, ingest.Options{})
			gate.Let(1 << 19)
			url := fmt.Sprintf("mqtt://%s?group=g&connections=3&qos=%d", wire.l.Addr(), qos)
			s, _ := read(t, url, in, mqtt.Options{Window: 100})
			connected(t, s)
			p := publisher(t, m, mqttpub.Options{Window: 256})
			const n = 5000
			for i := range 10 {
				publish(t, p, qos, i*n/10+1, (i+1)*n/10)
				wire.cut()
			}
			flush(t, p)
			onceEach(t, gate, n)
		})
	}
}

func TestSource_TwoReadersOfAGroupShareTheMessages(t *testing.T) {
	m := mosquitto.Start(t)
	p := publisher(t, m, mqttpub.Options{Window: 256})
	var gates [2]*ingesttest.Gate
	for i := range gates {
		in, gate, _ := newIntake(t, ingest.Options{})
		gate.Let(1 << 19)
		gates[i] = gate
		s, _ := read(t, fmt.Sprintf("%s?group=g&connections=2&instance=%d", m.URL(), i), in, mqtt.Options{})
		connected(t, s)
	}
	const n = 2000
	publish(t, p, 1, 1, n)
	flush(t, p)
	eventually(t, "everything is committed", func() bool { return len(counts(gates[0]))+len(counts(gates[1])) >= n })
	a, b := counts(gates[0]), counts(gates[1])
	for i := 1; i <= n; i++ {
		if a[i]+b[i] != 1 {
			t.Errorf("observation %d was committed %d times by one reader and %d by the other, want once", i, a[i], b[i])
		}
	}
	if len(a) == 0 || len(b) == 0 {
		t.Errorf("one reader has %d of %d, the other %d: nothing is shared", len(a), n, len(b))
	}
}

func TestSource_AFullWindowSlowsTheBrokerAndKeepsTheConnection(t *testing.T) {
	m := mosquitto.Start(t) // sends without bound, whatever is acknowledged
	in, gate, _ := newIntake(t, ingest.Options{MaxPending: 50})
	reg := prometheus.NewRegistry()
	// The broker ends a connection that is silent for 1.5 times the keep-alive.
	s, _ := read(t, m.URL()+"?group=g", in, mqtt.Options{Window: 100, KeepAlive: time.Second, Registerer: reg})
	connected(t, s)
	p := publisher(t, m, mqttpub.Options{Window: 1000})
	const n = 20_000
	publish(t, p, 1, 1, n)
	flush(t, p)
	quietFor := time.After(4 * time.Second)
	for waiting := true; waiting; {
		select {
		case <-quietFor:
			waiting = false
		case <-time.After(50 * time.Millisecond):
		}
		if n := metric(t, reg, "urbangrid_mqtt_inflight_messages"); n > 116 {
			t.Fatalf("%v messages are held, window 100", n)
		}
	}
	if n := metric(t, reg, "urbangrid_mqtt_connections_lost_total"); n != 0 {
		t.Errorf("the connection was lost %v times while the journal stood still", n)
	}
	gate.Let(1 << 19)
	onceEach(t, gate, n)
	if got := metric(t, reg, "urbangrid_mqtt_messages_redelivered_total"); got != 0 {
		t.Errorf("%v messages came again without need", got)
	}
}

func TestSource_AJournalThatFailsAndRecoversGetsEverythingOnce(t *testing.T) {
	m := mosquitto.Start(t)
	in, gate, _ := newIntake(t, ingest.Options{MaxPending: 100})
	failures := 5
	gate.Fail = func() error {
		if failures--; failures >= 0 {
			return errors.New("disk full")
		}
		return nil
	}
	s, _ := read(t, m.URL()+"?group=g&connections=2", in, mqtt.Options{Window: 64})
	connected(t, s)
	p := publisher(t, m, mqttpub.Options{Window: 256})
	publish(t, p, 1, 1, 3000)
	gate.Let(1 << 19)
	flush(t, p)
	onceEach(t, gate, 3000)
}

func TestSource_SpeaksTLSWithItsOwnCertificate(t *testing.T) {
	ca := certtest.New(t)
	cert, key := ca.Issue("server")
	m := mosquitto.Start(t, "cafile "+ca.File, "certfile "+cert, "keyfile "+key,
		"require_certificate true", "use_identity_as_username true", "allow_anonymous false", "user root")
	in, gate, _ := newIntake(t, ingest.Options{})
	gate.Let(1000)
	url := "mqtts://" + m.Addr() + "?group=g&connections=2"
	opts := mqtt.Options{CAFile: ca.File}
	opts.CertFile, opts.KeyFile = ca.Issue("reader")
	s, _ := read(t, url, in, opts)
	connected(t, s)
	for n := 1; n <= 50; n++ {
		if err := s.Publish("urbangrid/v1/noise-1/obs", fmt.Appendf(nil, `{"kind":"noise","value":57.3,"time":%d}`, start.UnixMilli()+int64(n))); err != nil {
			t.Fatal(err)
		}
	}
	onceEach(t, gate, 50)

	t.Run("a certificate of another name is refused", func(t *testing.T) {
		in, _, _ := newIntake(t, ingest.Options{})
		wrong := opts
		wrong.ServerName = "elsewhere.example"
		s, _ := read(t, url, in, wrong)
		eventually(t, "the reason is told", func() bool {
			err := s.Ping(t.Context())
			return err != nil && strings.Contains(err.Error(), "elsewhere.example")
		})
	})
	t.Run("without a client certificate the broker refuses", func(t *testing.T) {
		in, _, _ := newIntake(t, ingest.Options{})
		s, _ := read(t, url, in, mqtt.Options{CAFile: ca.File})
		eventually(t, "the reason is told", func() bool { return s.Health().LastError != nil })
		if s.Health().Connected != 0 {
			t.Error("connected without a certificate")
		}
	})
}

func TestSource_SpeaksWebSocketToOurOwnBroker(t *testing.T) {
	ca := certtest.New(t)
	cert, key := ca.Issue("server")
	none, _, _ := newIntake(t, ingest.Options{})
	b, err := broker.Listen(t.Context(), "", none, broker.Options{
		WebSocketAddr: "127.0.0.1:0", WebSocketTLSAddr: "127.0.0.1:0", TLS: broker.TLS{CertFile: cert, KeyFile: key}, Logger: quiet(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	for _, c := range []struct {
		url  string
		opts mqtt.Options
	}{
		{"ws://" + b.WebSocketAddr() + "/mqtt?group=plain", mqtt.Options{}},
		{"wss://" + b.WebSocketTLSAddr() + "/mqtt?group=secret", mqtt.Options{CAFile: ca.File}},
	} {
		in, gate, _ := newIntake(t, ingest.Options{})
		gate.Let(1000)
		s, _ := read(t, c.url, in, c.opts)
		connected(t, s)
		for n := 1; n <= 20; n++ {
			if err := b.Publish("urbangrid/v1/noise-1/obs", fmt.Appendf(nil, `{"kind":"noise","value":57.3,"time":%d}`, start.UnixMilli()+int64(n))); err != nil {
				t.Fatal(err)
			}
		}
		onceEach(t, gate, 20)
	}
}

// A plain subscription gets retained messages at each connection. A shared one
// should not (MQTT 5, 4.8.2); Mosquitto 2.0.11 sends them all the same.
func TestSource_ARetainedMessageCountsOnceHoweverOftenItComes(t *testing.T) {
	m := mosquitto.Start(t)
	retain(t, m, "urbangrid/v1/noise-1/obs", fmt.Appendf(nil, `{"kind":"noise","value":57.3,"time":%d}`, start.UnixMilli()+1))
	in, gate, _ := newIntake(t, ingest.Options{})
	gate.Let(1000)
	for _, url := range []string{m.URL(), m.URL(), m.URL() + "?group=g"} {
		reg := prometheus.NewRegistry()
		s, stop := read(t, url, in, mqtt.Options{Registerer: reg})
		connected(t, s)
		if !strings.Contains(url, "group") {
			eventually(t, "the retained message comes", func() bool { return metric(t, reg, "urbangrid_mqtt_messages_received_total") > 0 })
		}
		stop()
	}
	onceEach(t, gate, 1)
}

func TestSource_AcknowledgesTopicsOfNoFormatAndCountsThem(t *testing.T) {
	m := mosquitto.Start(t)
	in, _, _ := newIntake(t, ingest.Options{})
	reg := prometheus.NewRegistry()
	s, _ := read(t, m.URL()+"?topics=other/+/x,more/%23", in, mqtt.Options{Registerer: reg})
	connected(t, s)
	p := publisher(t, m, mqttpub.Options{})
	for _, topic := range []string{"other/a/x", "more/b/c"} {
		if err := p.Publish(t.Context(), topic, 1, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "both are acknowledged", func() bool {
		return metric(t, reg, "urbangrid_mqtt_messages_ignored_total") == 2 && metric(t, reg, "urbangrid_mqtt_messages_acknowledged_total") == 2
	})
	if problems, err := testutil.GatherAndLint(reg); err != nil || len(problems) > 0 {
		t.Errorf("metrics: %v %v", problems, err)
	}
}

func TestOpen_SaysWhatIsWrongAndKeepsSecrets(t *testing.T) {
	in, _, _ := newIntake(t, ingest.Options{})
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		url  string
		opts mqtt.Options
		want string
	}{
		{"http://h", mqtt.Options{}, `scheme "http"`},
		{"mqtt://u:hush@h?group=g", mqtt.Options{}, "contains a password"},
		{"mqtt://u:hush@h:port", mqtt.Options{}, "not understood"},
		{"mqtt://h?topics=a/#", mqtt.Options{}, "%23"},
		{"mqtt://h?group=a/b", mqtt.Options{}, `"group" contains`},
		{"mqtt://h?connections=2", mqtt.Options{}, "without a group"},
		{"mqtt://h?group=g&connections=1000", mqtt.Options{}, "from 1 to 64"},
		{"mqtt://h?topic=a", mqtt.Options{}, `"topic" is not a known parameter`},
		{"mqtt://h", mqtt.Options{}, "no topics to read"},
		{"mqtt://h", mqtt.Options{Filters: []string{filter}, CAFile: empty}, "no use for certificates"},
		{"mqtts://h", mqtt.Options{Filters: []string{filter}, CAFile: empty}, "no certificate in"},
		{"mqtts://h", mqtt.Options{Filters: []string{filter}, CertFile: empty}, "client certificate"},
		{"mqtts://h", mqtt.Options{Filters: []string{filter}, PasswordFile: "/does/not/exist"}, "password for the broker"},
	} {
		_, err := mqtt.Open(t.Context(), c.url, in, c.opts)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Open %s: %v, want an error with %q", c.url, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "hush") {
			t.Errorf("Open %s: the error shows the password: %v", c.url, err)
		}
	}
}

func TestSource_RunAndCloseLeaveNothingBehind(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	t.Run("with a message that waits for room in the intake", func(t *testing.T) {
		m := mosquitto.Start(t)
		in, gate, stopIntake := newIntake(t, ingest.Options{MaxPending: 1})
		reg := prometheus.NewRegistry()
		s, stop := read(t, m.URL()+"?group=g", in, mqtt.Options{DrainTimeout: 50 * time.Millisecond, Registerer: reg})
		connected(t, s)
		p := publisher(t, m, mqttpub.Options{})
		publish(t, p, 1, 1, 10)
		flush(t, p)
		eventually(t, "all are read", func() bool { return metric(t, reg, "urbangrid_mqtt_messages_received_total") == 10 })
		stop()
		gate.Let(100)
		stopIntake()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Run("with a broker that is not there", func(t *testing.T) {
		in, _, stopIntake := newIntake(t, ingest.Options{})
		s, stop := read(t, "mqtt://127.0.0.1:1?group=g", in, mqtt.Options{})
		eventually(t, "the reason is told", func() bool { return s.Health().LastError != nil })
		if err := s.Publish("a", nil); !errors.Is(err, mqtt.ErrNotConnected) {
			t.Errorf("Publish: %v, want ErrNotConnected", err)
		}
		stop()
		stopIntake()
		_ = s.Close()
	})
}
