package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

const asProgram = "URBANGRID_TEST_AS_PROGRAM"

// TestMain makes the test binary be the program when it starts itself, so that
// tests run the real command in a process of its own, with the race detector.
func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// command is the program with arguments, not started.
func command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	return cmd
}

// run runs the program to its end and returns what it printed.
func run(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	out, err := command(ctx, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("urbangrid %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// process is a running server.
type process struct {
	cmd  *exec.Cmd
	mqtt string // host:port
	http string // base URL
	out  *lockedBuffer
	log  *lockedBuffer
	done chan error
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// startServer starts `serve` on the folder, with free ports, and waits until it
// says where it listens.
func startServer(t *testing.T, data string, args ...string) *process {
	t.Helper()
	args = append([]string{"serve", "--data", data, "--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0"}, args...)
	p := &process{cmd: command(context.Background(), args...), out: &lockedBuffer{}, log: &lockedBuffer{}, done: make(chan error, 1)}
	p.cmd.Stderr = p.log
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make(chan struct{})
	go func() {
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			fmt.Fprintln(p.out, lines.Text())
			name, addr, _ := strings.Cut(lines.Text(), " ")
			addr = strings.TrimSpace(addr)
			switch {
			case name == "mqtt":
				p.mqtt = strings.TrimPrefix(addr, "mqtt://")
			case name == "http":
				p.http = addr
			case strings.HasPrefix(lines.Text(), "Ready"):
				close(ready)
			}
		}
		p.done <- p.cmd.Wait()
	}()
	t.Cleanup(func() { p.kill(); <-p.done; p.done <- nil })
	select {
	case <-ready:
	case err := <-p.done:
		p.done <- err
		t.Fatalf("server ended before it was ready: %v\n%s", err, p.log)
	case <-time.After(2 * time.Minute):
		t.Fatalf("server not ready after two minutes\n%s", p.log)
	}
	return p
}

// kill is kill -9.
func (p *process) kill() { _ = p.cmd.Process.Kill() }

// wait returns when the process has ended.
func (p *process) wait() error {
	err := <-p.done
	p.done <- err
	return err
}

// stop asks the server to end and expects that it does so without an error.
func (p *process) stop(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := p.wait(); err != nil {
		t.Fatalf("server did not end well: %v\n%s", err, p.log)
	}
}

// get reads a JSON answer.
func get[T any](t *testing.T, url string) T {
	t.Helper()
	var v T
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s %v\n%s", url, resp.Status, err, body)
	}
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatalf("GET %s: %v\n%s", url, err, body)
	}
	return v
}

type stages struct {
	Stages struct {
		JournalSeq     uint64 `json:"journal_seq"`
		RecordedSeq    uint64 `json:"recorded_seq"`
		QuarantinedSeq uint64 `json:"quarantined_seq"`
		JudgedSeq      uint64 `json:"judged_seq"`
	}
}

// drained waits until every stage has come to where the journal ends now.
func (p *process) drained(t *testing.T) {
	t.Helper()
	end := get[stages](t, p.http+"/api/v1/status").Stages.JournalSeq
	eventually(t, "all stages at the end of the journal", func() error {
		s := get[stages](t, p.http+"/api/v1/status").Stages
		if min(s.RecordedSeq, s.QuarantinedSeq, s.JudgedSeq) < end {
			return fmt.Errorf("stages at %+v, end was %d", s, end)
		}
		return nil
	})
}

// eventually asks again until f has no error. What it waits for happens in
// another process, which tells nobody.
func eventually(t *testing.T, what string, f func() error) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := f()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: not within a minute: %v", what, err)
		}
	}
}
