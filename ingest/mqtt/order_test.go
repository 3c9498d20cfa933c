package mqtt_test

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/ingest"
	"github.com/urbangrid/urbangrid/ingest/mqtt"
	"github.com/urbangrid/urbangrid/internal/mqttpub"
	"github.com/urbangrid/urbangrid/internal/mqttpub/mosquitto"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/sensors/codec/sparkplug"
)

// edgeNode writes Sparkplug: a birth gives its metric a name and an alias, data
// the alias alone, and every message a number that counts on.
type edgeNode struct {
	name    string
	seq     int
	session int
	sent    int // data messages
}

// metric of a payload: DateTime is that of the observation, so that each has its own.
func (n *edgeNode) payload(name string, alias uint64, at time.Time, value float64) []byte {
	var m []byte
	if name != "" {
		m = protowire.AppendString(protowire.AppendTag(m, 1, protowire.BytesType), name)
	}
	m = protowire.AppendVarint(protowire.AppendTag(m, 2, protowire.VarintType), alias)
	m = protowire.AppendVarint(protowire.AppendTag(m, 3, protowire.VarintType), uint64(at.UnixMilli()))
	m = protowire.AppendVarint(protowire.AppendTag(m, 4, protowire.VarintType), 10) // Double
	m = protowire.AppendFixed64(protowire.AppendTag(m, 13, protowire.Fixed64Type), math.Float64bits(value))
	return n.wrap(at, m)
}

func (n *edgeNode) wrap(at time.Time, metric []byte) []byte {
	p := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), uint64(at.UnixMilli()))
	p = protowire.AppendBytes(protowire.AppendTag(p, 2, protowire.BytesType), metric)
	p = protowire.AppendVarint(protowire.AppendTag(p, 3, protowire.VarintType), uint64(n.seq&255))
	n.seq++
	return p
}

func (n *edgeNode) topic(verb, device string) string {
	return strings.TrimSuffix("spBv1.0/putuo/"+verb+"/"+n.name+"/"+device, "/")
}

// live publishes a birth, that of a device, and data of that device.
func (n *edgeNode) live(t *testing.T, p *mqttpub.Publisher, messages int) {
	t.Helper()
	send := func(topic string, payload []byte) {
		if err := p.Publish(t.Context(), topic, 1, payload); err != nil {
			t.Error(err)
		}
	}
	at := start.Add(time.Duration(n.sent) * time.Millisecond)
	n.seq = 0
	var m []byte
	m = protowire.AppendString(protowire.AppendTag(m, 1, protowire.BytesType), "bdSeq")
	m = protowire.AppendVarint(protowire.AppendTag(m, 4, protowire.VarintType), 8) // UInt64
	m = protowire.AppendVarint(protowire.AppendTag(m, 11, protowire.VarintType), uint64(n.session))
	n.session++
	send(n.topic("NBIRTH", ""), n.wrap(at, m))
	send(n.topic("DBIRTH", "meter"), n.payload("Noise", 7, at, 50))
	for range messages {
		n.sent++
		send(n.topic("DDATA", "meter"), n.payload("", 7, start.Add(time.Duration(n.sent)*time.Millisecond), 57.3))
	}
}

// sparkplugIntake reads Sparkplug, and returns what edge nodes were asked for.
func sparkplugIntake(t *testing.T) (*ingest.Intake, func() ([]grid.Placed, map[string]int), func() []string) {
	t.Helper()
	catalog, err := sensors.DefaultCatalog()
	if err != nil {
		t.Fatal(err)
	}
	format, err := sparkplug.New(catalog, sparkplug.Options{Rules: []sparkplug.Rule{{Metric: "Noise", Kind: "noise"}}})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var asked []string
	in, gate, _ := newIntakeOf(t, []sensors.Format{format}, ingest.Options{Publish: func(topic string, _ []byte) error {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, topic)
		return nil
	}})
	gate.Let(1 << 19)
	committed := func() ([]grid.Placed, map[string]int) { return gate.Observations(), gate.Reasons() }
	return in, committed, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return append([]string(nil), asked...)
	}
}

// An edge node whose messages are in order, with nothing missing, must not be asked
// for a birth: it would answer, and on a large plant that is a storm.
func TestSource_KeepsTheOrderOfWhatNeedsItAcrossItsConnections(t *testing.T) {
	for _, cut := range []bool{false, true} {
		t.Run(fmt.Sprintf("connections are cut: %v", cut), func(t *testing.T) {
			const nodes, sessions, each = 6, 3, 400
			m := mosquitto.Start(t)
			wire := newCutter(t, m.Addr())
			in, committed, asked := sparkplugIntake(t)
			url := fmt.Sprintf("mqtt://%s?group=g&connections=4", wire.l.Addr())
			s, _ := read(t, url, in, mqtt.Options{Filters: []string{}, Ordered: []string{"spBv1.0/#"}, Window: 200})
			connected(t, s)
			var wg sync.WaitGroup
			for i := range nodes {
				p := publisher(t, m, mqttpub.Options{Window: 64})
				wg.Go(func() {
					n := edgeNode{name: fmt.Sprintf("node-%d", i)}
					for range sessions {
						n.live(t, p, each)
						if cut && i == 0 {
							wire.cut()
						}
					}
				})
			}
			wg.Wait()
			const want = nodes * sessions * (each + 1)
			eventually(t, "everything is committed", func() bool {
				obs, reasons := committed()
				return len(obs)+len(reasons) >= want-nodes*sessions // a birth repeats the data before it
			})
			obs, reasons := committed()
			if len(reasons) > 0 {
				t.Errorf("refused: %v, want nothing", reasons)
			}
			// The birth of a later session repeats a time: it is a duplicate.
			if want := nodes * (sessions*each + 1); len(obs) != want {
				t.Errorf("%d observations, want %d", len(obs), want)
			}
			if got := asked(); len(got) > 0 {
				t.Errorf("edge nodes were asked for births without need: %v", got)
			}
		})
	}
}

func TestSource_OnlyInstance0ReadsWhatNeedsItsOrderKept(t *testing.T) {
	m := mosquitto.Start(t)
	in, _, asked := sparkplugIntake(t)
	regs := [2]*prometheus.Registry{prometheus.NewRegistry(), prometheus.NewRegistry()}
	for i, reg := range regs {
		url := fmt.Sprintf("%s?group=g&connections=2&instance=%d", m.URL(), i)
		s, _ := read(t, url, in, mqtt.Options{Ordered: []string{"spBv1.0/#"}, Registerer: reg})
		connected(t, s)
	}
	n := edgeNode{name: "node"}
	n.live(t, publisher(t, m, mqttpub.Options{}), 50)
	eventually(t, "instance 0 reads everything", func() bool { return metric(t, regs[0], "urbangrid_mqtt_messages_acknowledged_total") == 52 })
	if n := metric(t, regs[1], "urbangrid_mqtt_messages_received_total"); n != 0 {
		t.Errorf("instance 1 has read %v messages", n)
	}
	if got := asked(); len(got) > 0 {
		t.Errorf("asked for births without need: %v", got)
	}
}

// A session outlives its reader, with the subscriptions that it had.
func TestSource_LeavesTheTopicsThatAnEarlierConfigurationReadEverywhere(t *testing.T) {
	m := mosquitto.Start(t)
	in, _, asked := sparkplugIntake(t)
	url := m.URL() + "?group=g&connections=4"
	before, stop := read(t, url, in, mqtt.Options{Filters: []string{"spBv1.0/#"}})
	connected(t, before)
	stop()
	reg := prometheus.NewRegistry()
	s, _ := read(t, url, in, mqtt.Options{Filters: []string{filter}, Ordered: []string{"spBv1.0/#"}, Registerer: reg})
	connected(t, s)
	n := edgeNode{name: "node"}
	n.live(t, publisher(t, m, mqttpub.Options{}), 200)
	eventually(t, "everything is read", func() bool { return metric(t, reg, "urbangrid_mqtt_messages_acknowledged_total") == 202 })
	if got := asked(); len(got) > 0 {
		t.Errorf("asked for births without need: %v", got)
	}
}

// What has neither id nor time cannot be known again by what it says: that it
// comes again must be known by how it comes.
func TestSource_WhatComesAgainWhileItWaitsForItsCommitIsTakenInOnce(t *testing.T) {
	for _, qos := range []byte{1, 2} {
		t.Run(fmt.Sprintf("QoS %d", qos), func(t *testing.T) {
			m := mosquitto.Start(t)
			wire := newCutter(t, m.Addr())
			in, gate, _ := newIntake(t, ingest.Options{})
			reg := prometheus.NewRegistry()
			url := fmt.Sprintf("mqtt://%s?group=g&connections=2&qos=%d", wire.l.Addr(), qos)
			s, _ := read(t, url, in, mqtt.Options{Registerer: reg})
			connected(t, s)
			p := publisher(t, m, mqttpub.Options{})
			const n = 100
			for range n {
				if err := p.Publish(t.Context(), "urbangrid/v1/noise-1/obs", qos, []byte(`{"kind":"noise","value":57.3}`)); err != nil {
					t.Fatal(err)
				}
			}
			flush(t, p)
			eventually(t, "all are read", func() bool { return metric(t, reg, "urbangrid_mqtt_messages_received_total") == n })
			wire.cut()
			eventually(t, "all are read again", func() bool { return metric(t, reg, "urbangrid_mqtt_messages_redelivered_total") == n })
			gate.Let(100)
			eventually(t, "all are acknowledged, the first ones to nobody", func() bool {
				return metric(t, reg, "urbangrid_mqtt_inflight_messages") == 0
			})
			if got := len(gate.Observations()); got != n {
				t.Errorf("%d observations, want %d", got, n)
			}
		})
	}
}
