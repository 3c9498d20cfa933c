package influxtest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// Database is created by Start; its bucket name is Database + "/autogen".
const Database = "urbangrid"

// Token is that of every server of 2.7. 1.8 asks for none and takes it too.
const Token = "urbangrid-test-token"

const startTimeout = 30 * time.Second

// Server is a running InfluxDB with data of its own.
type Server struct {
	URL string // http://127.0.0.1:port, the same after a restart
	Org string // of 2.x, "" for 1.8

	release release
	program string
	dir     string
	address string

	mu      sync.Mutex // guards what follows
	process *exec.Cmd
	ended   chan struct{}
	output  *tail
}

// Start runs a server that ends with the test: 1.8, or 2.7 when the environment
// has URBANGRID_TEST_INFLUX=2. It fails the test, and says what to do, when the
// server cannot be built or started.
func Start(t testing.TB) *Server {
	t.Helper()
	r, err := chosen()
	if err != nil {
		t.Fatal(err)
	}
	program, err := r.build(t.Context(), os.Stderr)
	if err != nil {
		t.Fatalf("InfluxDB is needed by this test: %v", err)
	}
	s := &Server{release: r, program: program, dir: t.TempDir(), address: "127.0.0.1:0"}
	t.Cleanup(func() { s.Stop(t) })
	s.run(t)
	if r.major == 2 {
		s.setUp(t)
	} else {
		s.CreateDatabase(t, Database)
	}
	return s
}

// setUp makes the first user, organisation, bucket and token of 2.7.
func (s *Server) setUp(t testing.TB) {
	t.Helper()
	s.Org = "urbangrid"
	body := fmt.Sprintf(`{"username":"test","password":"test-password","org":%q,"bucket":%q,"token":%q}`, s.Org, Database+"/autogen", Token)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/api/v2/setup", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatalf("set up influxd: %v", err)
	}
	defer res.Body.Close()
	if answer, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusCreated {
		t.Fatalf("set up influxd: %s %s", res.Status, answer)
	}
}

// Address returns the address of a series store in the server's bucket.
func (s *Server) Address(bucket string) string {
	q := url.Values{"bucket": {bucket}}
	if s.Org != "" {
		q.Set("org", s.Org)
	}
	return "influx+" + s.URL + "?" + q.Encode()
}

// Stop ends the server's process as a crash does. It may be called again.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return
	}
	if err := s.process.Process.Kill(); err != nil {
		t.Logf("stop influxd: %v", err)
	}
	<-s.ended
	s.process = nil
}

// Restart runs the server again, after Stop or instead of it, on the same
// address with the same data.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Stop(t)
	s.run(t)
}

// CreateDatabase makes an empty database of 1.8.
func (s *Server) CreateDatabase(t testing.TB, name string) {
	t.Helper()
	res, err := http.PostForm(s.URL+"/query", url.Values{"q": {fmt.Sprintf("CREATE DATABASE %q", name)}})
	if err != nil {
		t.Fatalf("create database %s: %v", name, err)
	}
	defer res.Body.Close()
	if body, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusOK || strings.Contains(string(body), "error") {
		t.Fatalf("create database %s: %s %s", name, res.Status, body)
	}
}

func (s *Server) run(t testing.TB) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	cmd := s.command(t)
	// The server takes settings from the environment too; it gets none.
	cmd.Env = []string{"HOME=" + s.dir, "PATH=" + os.Getenv("PATH")}
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s (remove it to have it built again): %v", s.program, err)
	}
	s.process, s.ended, s.output = cmd, make(chan struct{}), &tail{}
	listening := make(chan string, 1)
	go s.watch(cmd, output, listening, s.ended)
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	select {
	case s.address = <-listening:
	case <-s.ended:
		t.Fatalf("influxd ended at once:\n%s", s.output)
	case <-ctx.Done():
		t.Fatalf("influxd did not listen within %s:\n%s", startTimeout, s.output)
	}
	s.URL = "http://" + s.address
	s.waitReady(ctx, t)
}

// listeningLine is what 1.8 says, then what 2.7 says.
var listeningLine = regexp.MustCompile(`Listening on HTTP.*addr=127\.0\.0\.1:(\d+)|msg=Listening.*transport=http.*port=(\d+)`)

// watch reads what the server says until it ends.
func (s *Server) watch(cmd *exec.Cmd, output io.Reader, listening chan<- string, ended chan<- struct{}) {
	defer close(ended)
	out := s.output
	lines := bufio.NewScanner(output)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		out.add(lines.Text())
		if m := listeningLine.FindStringSubmatch(lines.Text()); m != nil {
			select {
			case listening <- "127.0.0.1:" + m[1] + m[2]:
			default:
			}
		}
	}
	_ = cmd.Wait() // it is killed, so there is always an error
}

func (s *Server) waitReady(ctx context.Context, t testing.TB) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/ping", nil)
		if err != nil {
			t.Fatal(err)
		}
		if res, err := http.DefaultClient.Do(req); err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusNoContent {
				return
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("influxd at %s does not answer:\n%s", s.URL, s.output)
		}
	}
}

// command returns the server's command, with its settings.
func (s *Server) command(t testing.TB) *exec.Cmd {
	t.Helper()
	if s.release.major == 2 {
		return exec.Command(s.program, "--http-bind-address", s.address, "--bolt-path", filepath.Join(s.dir, "influxd.bolt"),
			"--sqlite-path", filepath.Join(s.dir, "influxd.sqlite"), "--engine-path", filepath.Join(s.dir, "engine"),
			"--reporting-disabled", "--ui-disabled", "--log-level", "info")
	}
	config := filepath.Join(s.dir, "influxd.conf")
	if err := os.WriteFile(config, []byte(s.config()), 0o600); err != nil {
		t.Fatal(err)
	}
	return exec.Command(s.program, "run", "-config", config)
}

func (s *Server) config() string {
	return fmt.Sprintf(`
reporting-disabled = true
bind-address = "127.0.0.1:0"
[meta]
  dir = %[1]q
[data]
  dir = %[2]q
  wal-dir = %[3]q
  query-log-enabled = false
[monitor]
  store-enabled = false
[http]
  bind-address = %[4]q
  flux-enabled = true
  log-enabled = false
[logging]
  format = "logfmt"
  level = "info"
  suppress-logo = true
`, filepath.Join(s.dir, "meta"), filepath.Join(s.dir, "data"), filepath.Join(s.dir, "wal"), s.address)
}

// tail keeps the last lines of the server's output.
type tail struct {
	mu    sync.Mutex // guards lines
	lines []string
}

func (l *tail) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
	l.lines = l.lines[max(0, len(l.lines)-40):]
}

// String returns the lines that are kept.
func (l *tail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}
