package mqttpub_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/urbangrid/urbangrid/internal/mqttpub"
	"github.com/urbangrid/urbangrid/internal/mqttpub/mosquitto"
)

// eventually polls an external program: there is nothing to wait on.
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

// inbox collects what a subscriber receives.
type inbox struct {
	mu   sync.Mutex // guards seen
	seen map[string]int
}

func (b *inbox) distinct() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.seen)
}

func subscribe(t *testing.T, m *mosquitto.Broker, qos byte) *inbox {
	t.Helper()
	b := &inbox{seen: make(map[string]int)}
	c := mqtt.NewClient(mqtt.NewClientOptions().AddBroker(m.URL()).SetClientID("subscriber").
		SetCleanSession(false).SetAutoReconnect(true).SetMaxReconnectInterval(100 * time.Millisecond).
		SetOnConnectHandler(func(c mqtt.Client) {
			c.Subscribe("t/#", qos, func(_ mqtt.Client, msg mqtt.Message) {
				b.mu.Lock()
				b.seen[string(msg.Payload())]++
				b.mu.Unlock()
			})
		}))
	if token := c.Connect(); token.Wait() && token.Error() != nil {
		t.Fatal(token.Error())
	}
	t.Cleanup(func() { c.Disconnect(0) })
	probe := mqttOpen(t, m, mqttpub.Options{})
	eventually(t, "the subscription is active", func() bool {
		if err := probe.Publish(t.Context(), "t/probe", 1, []byte("probe")); err != nil {
			t.Fatal(err)
		}
		return b.distinct() > 0
	})
	b.mu.Lock()
	clear(b.seen)
	b.mu.Unlock()
	return b
}

func mqttOpen(t *testing.T, m *mosquitto.Broker, opts mqttpub.Options) *mqttpub.Publisher {
	t.Helper()
	p, err := mqttpub.Dial(t.Context(), m.URL(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func flush(t *testing.T, p *mqttpub.Publisher) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := p.Flush(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestPublisher_CountsAcknowledgementsAtEachQoS(t *testing.T) {
	m := mosquitto.Start(t)
	for qos := range byte(3) {
		t.Run(fmt.Sprintf("QoS %d", qos), func(t *testing.T) {
			p := mqttOpen(t, m, mqttpub.Options{Window: 7})
			const n = 500
			for i := range n {
				if err := p.Publish(t.Context(), "t/a", qos, fmt.Appendf(nil, "%d", i)); err != nil {
					t.Fatal(err)
				}
			}
			flush(t, p)
			if p.Acked() != n || p.Unacked() != 0 {
				t.Errorf("acknowledged %d, waiting %d; want %d and 0", p.Acked(), p.Unacked(), n)
			}
		})
	}
}

func TestPublisher_LosesNothingWhenTheBrokerRestarts(t *testing.T) {
	for _, opts := range []mqttpub.Options{{Window: 64}, {Window: 64, ClientID: "steady"}} {
		t.Run("client "+opts.ClientID, func(t *testing.T) {
			persistence := t.TempDir() + "/"
			m := mosquitto.Start(t, "allow_anonymous true", "persistence true",
				"persistence_location "+persistence, "user root", "autosave_on_changes true", "autosave_interval 1")
			in := subscribe(t, m, 1)
			p := mqttOpen(t, m, opts)
			const n = 3000
			for i := range n {
				if i == n/3 {
					m.Kill()
					restarted := make(chan struct{})
					time.AfterFunc(300*time.Millisecond, func() { m.Restart(); close(restarted) })
					defer func() { <-restarted }()
				}
				if err := p.Publish(t.Context(), "t/a", 1, fmt.Appendf(nil, "m%d", i)); err != nil {
					t.Fatal(err)
				}
			}
			flush(t, p)
			if p.Acked() != n {
				t.Errorf("acknowledged %d of %d", p.Acked(), n)
			}
			if p.Reconnects() == 0 {
				t.Error("the connection was never restored: the test shows nothing")
			}
			// What the broker had acknowledged before it was killed and had not yet
			// passed on is its own to lose; the rest is ours.
			eventually(t, "the messages after the restart arrive", func() bool {
				in.mu.Lock()
				defer in.mu.Unlock()
				for i := n/3 + 64; i < n; i++ {
					if in.seen[fmt.Sprintf("m%d", i)] == 0 {
						return false
					}
				}
				return true
			})
		})
	}
}

func TestPublisher_BlocksWhileTheWindowIsFull(t *testing.T) {
	m := mosquitto.Start(t)
	p := mqttOpen(t, m, mqttpub.Options{Window: 3})
	m.Kill() // nobody acknowledges any more
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	taken := 0
	for p.Publish(ctx, "t/a", 1, []byte("x")) == nil {
		taken++
	}
	if taken != 3 {
		t.Errorf("took %d messages, want the window of 3", taken)
	}
	if err := p.Flush(ctx); err == nil || !strings.Contains(err.Error(), "3 acknowledgements") {
		t.Errorf("Flush without a broker: got %v, want an error that names the 3 missing acknowledgements", err)
	}
	m.Restart()
	flush(t, p)
	if p.Acked() != 3 {
		t.Errorf("acknowledged %d after the broker is back, want 3", p.Acked())
	}
}

func TestPublisher_IsSafeForConcurrentUse(t *testing.T) {
	m := mosquitto.Start(t)
	p := mqttOpen(t, m, mqttpub.Options{Window: 16})
	const workers, each = 8, 200
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range each {
				if err := p.Publish(t.Context(), "t/a", 1, []byte("x")); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	flush(t, p)
	if p.Acked() != workers*each {
		t.Errorf("acknowledged %d, want %d", p.Acked(), workers*each)
	}
}

func TestPublisher_RefusesAfterClose(t *testing.T) {
	m := mosquitto.Start(t)
	p := mqttOpen(t, m, mqttpub.Options{})
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if err := p.Publish(t.Context(), "t/a", 1, nil); !errors.Is(err, mqttpub.ErrClosed) {
		t.Errorf("Publish after Close: got %v, want ErrClosed", err)
	}
	if err := p.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

func TestDial_PresentsCredentialsAndKeepsThemSecret(t *testing.T) {
	const password = "geheim-7f3a"
	passwords := filepath.Join(t.TempDir(), "passwords")
	// mosquitto hashes plain passwords of this file with -U; -b writes hashes at once.
	out, err := exec.Command("mosquitto_passwd", "-b", "-c", passwords, "anna", password).CombinedOutput()
	if err != nil {
		t.Fatalf("mosquitto_passwd: %v %s (it comes with: apt-get install mosquitto)", err, out)
	}
	if err := os.Chmod(passwords, 0o644); err != nil {
		t.Fatal(err)
	}
	m := mosquitto.Start(t, "allow_anonymous false", "password_file "+passwords, "user root")
	var logged bytes.Buffer
	log := slog.New(slog.NewTextHandler(&logged, nil))

	_, err = mqttpub.Dial(t.Context(), m.URL(), mqttpub.Options{Username: "anna", Password: "wrong-" + password, Log: log})
	if err == nil {
		t.Fatal("a wrong password was accepted")
	}
	if strings.Contains(err.Error(), password) {
		t.Errorf("the error shows the password: %v", err)
	}
	withUser := strings.Replace(m.URL(), "mqtt://", "mqtt://anna@", 1)
	p, err := mqttpub.Dial(t.Context(), withUser, mqttpub.Options{Password: password, Log: log})
	if err != nil {
		t.Fatalf("user of the URL and password of the options: %v", err)
	}
	if err := p.Publish(t.Context(), "t/a", 1, []byte("x")); err != nil {
		t.Fatal(err)
	}
	flush(t, p)
	p.Close()
	if strings.Contains(logged.String(), password) {
		t.Errorf("the log shows the password: %s", logged.String())
	}
}

func TestDial_SaysWhatIsWrong(t *testing.T) {
	for _, c := range []struct{ url, want string }{
		{"mqtt://127.0.0.1:1", "connect to MQTT broker 127.0.0.1:1"},
		{"http://127.0.0.1:1", `scheme "http"`},
		{"mqtt://", "want mqtt://host:1883"},
		{"mqtt://u:hush@127.0.0.1:1", "contains a password"},
		{"mqtt://u:hush@127.0.0.1:port", "want mqtt://host:1883"},
		{"mqtt://127.0.0.1:1/path", "want mqtt://host:1883"},
	} {
		_, err := mqttpub.Dial(t.Context(), c.url, mqttpub.Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Dial %s: got %v, want an error with %q", c.url, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "hush") {
			t.Errorf("Dial %s: the error shows the password: %v", c.url, err)
		}
	}
}

func TestDial_EndsWithItsContext(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // accepts and never says a word
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := mqttpub.Dial(ctx, "mqtt://"+l.Addr().String(), mqttpub.Options{}); ctx.Err() == nil || err == nil {
		t.Errorf("got %v before the context ended", err)
	}
}
