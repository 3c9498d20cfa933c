// Package mosquitto runs a real Mosquitto broker for a test.
package mosquitto

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// startPatience bounds how long a broker may take to listen.
const startPatience = 20 * time.Second

// Broker is a Mosquitto on a free port of this machine.
type Broker struct {
	t    testing.TB
	addr string
	conf string
	cmd  *exec.Cmd
}

// Start runs a broker that lives as long as the test. lines are added to its
// configuration; without any, everybody may connect. The test fails when
// Mosquitto is not installed.
func Start(t testing.TB, lines ...string) *Broker {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(addr) // an address of net has both
	if len(lines) == 0 {
		lines = []string{"allow_anonymous true"}
	}
	lines = append([]string{"listener " + port + " 127.0.0.1", "max_inflight_messages 0", "max_queued_messages 0"}, lines...)
	b := &Broker{t: t, addr: addr, conf: filepath.Join(t.TempDir(), "mosquitto.conf")}
	if err := os.WriteFile(b.conf, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	b.Restart()
	t.Cleanup(b.Kill)
	return b
}

// URL returns the broker's address as an mqtt:// URL.
func (b *Broker) URL() string { return "mqtt://" + b.addr }

// Addr returns the broker's host and port.
func (b *Broker) Addr() string { return b.addr }

// Stop lets the broker say goodbye and write down what it keeps.
func (b *Broker) Stop() {
	if b.cmd == nil {
		return
	}
	_ = b.cmd.Process.Signal(syscall.SIGTERM) // it may have gone by itself
	_ = b.cmd.Wait()                          // ended by a signal is what it may say
	b.cmd = nil
}

// Restart starts the broker on the same port and returns when it listens.
func (b *Broker) Restart() {
	b.t.Helper()
	b.Kill()
	b.cmd = exec.Command(path(b.t), "-c", b.conf)
	if err := b.cmd.Start(); err != nil {
		b.t.Fatalf("start mosquitto: %v", err)
	}
	deadline := time.After(startPatience)
	ticks := time.NewTicker(10 * time.Millisecond)
	defer ticks.Stop()
	for {
		if c, err := net.DialTimeout("tcp", b.addr, time.Second); err == nil {
			_ = c.Close() // only whether it opens matters
			return
		}
		select {
		case <-ticks.C:
		case <-deadline:
			b.t.Fatalf("mosquitto does not listen on %s after %s", b.addr, startPatience)
		}
	}
}

// Kill ends the broker without letting it say goodbye.
func (b *Broker) Kill() {
	if b.cmd == nil {
		return
	}
	_ = b.cmd.Process.Kill() // it may have gone by itself
	_ = b.cmd.Wait()         // killed is what it says
	b.cmd = nil
}

func path(t testing.TB) string {
	t.Helper()
	if found, err := exec.LookPath("mosquitto"); err == nil {
		return found
	}
	const debian = "/usr/sbin/mosquitto" // not in everybody's PATH
	if _, err := os.Stat(debian); err != nil {
		t.Fatal("mosquitto is missing: this test needs a real broker, install it with: apt-get install mosquitto")
	}
	return debian
}
