package mqtt_test

import (
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/urbangrid/urbangrid/ingest/ingesttest"
	"github.com/urbangrid/urbangrid/internal/mqttpub/mosquitto"
)

func retain(t *testing.T, m *mosquitto.Broker, topic string, payload []byte) {
	t.Helper()
	c := paho.NewClient(paho.NewClientOptions().AddBroker(m.URL()).SetClientID("retainer"))
	if token := c.Connect(); token.Wait() && token.Error() != nil {
		t.Fatal(token.Error())
	}
	defer c.Disconnect(250)
	if token := c.Publish(topic, 1, true, payload); token.Wait() && token.Error() != nil {
		t.Fatal(token.Error())
	}
}

// cutter forwards connections and cuts them on demand.
type cutter struct {
	l  net.Listener
	to string

	mu    sync.Mutex // guards conns
	conns []net.Conn
}

func newCutter(t *testing.T, to string) *cutter {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{l: l, to: to}
	t.Cleanup(func() { _ = l.Close(); c.cut() })
	go func() {
		for {
			a, err := l.Accept()
			if err != nil {
				return
			}
			b, err := net.Dial("tcp", to)
			if err != nil {
				_ = a.Close()
				continue
			}
			c.mu.Lock()
			c.conns = append(c.conns, a, b)
			c.mu.Unlock()
			go func() { _, _ = io.Copy(a, b); _ = a.Close() }()
			go func() { _, _ = io.Copy(b, a); _ = b.Close() }()
		}
	}()
	return c
}

func (c *cutter) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.conns {
		_ = conn.Close()
	}
	c.conns = nil
}

func metric(t *testing.T, reg *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			m := f.GetMetric()[0]
			return m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}

// counts tells how often each observation was committed.
func counts(g *ingesttest.Gate) map[int]int {
	out := map[int]int{}
	for _, o := range g.Observations() {
		out[int(o.At.Sub(start)/time.Millisecond)]++
	}
	return out
}

// onceEach waits for observations 1 to n and checks that each is there once.
func onceEach(t *testing.T, g *ingesttest.Gate, n int) {
	t.Helper()
	eventually(t, fmt.Sprintf("all of %d observations are committed", n), func() bool { return len(counts(g)) >= n })
	got := counts(g)
	for i := 1; i <= n; i++ {
		if got[i] != 1 {
			t.Errorf("observation %d was committed %d times, want once", i, got[i])
		}
	}
}

func persistent(t *testing.T) []string {
	return []string{"allow_anonymous true", "user root", "persistence true", "persistence_location " + t.TempDir() + "/"}
}
