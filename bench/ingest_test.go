package bench_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/internal/influxtest"
	"github.com/urbangrid/urbangrid/internal/mqttpub/mosquitto"
	"github.com/urbangrid/urbangrid/internal/mqttraw"
)

const (
	connections = 8
	window      = 1000
	devices     = 4000
	loadFor     = 10 * time.Second
)

// BenchmarkIngest measures, for each broker in front and each store behind, how
// many observations a second arrive in the store when publishers send as fast
// as they are acknowledged, and what that costs the server.
func BenchmarkIngest(b *testing.B) {
	for _, front := range []string{"embedded", "mosquitto"} {
		for _, series := range []string{"duckdb", "influx"} {
			b.Run(front+"."+series, func(b *testing.B) {
				args := []string{"--series", "duckdb:series.db"}
				if series == "influx" {
					args = []string{"--series", "influx+" + influxtest.Start(b).URL + "?bucket=" + influxtest.Database + "/autogen"}
				}
				publishTo := ""
				if front == "mosquitto" {
					m := mosquitto.Start(b)
					publishTo = strings.TrimPrefix(m.URL(), "mqtt://")
					args = append(args, "--broker", m.URL()+"?group=bench&connections=4")
				}
				measureIngest(b, "ingest."+front+"."+series, publishTo, args)
			})
		}
	}
}

// measureIngest runs one server as a process of its own, so that its CPU time
// and memory are told apart from those of the load.
func measureIngest(b *testing.B, name, publishTo string, args []string) {
	s := start(b, args)
	if publishTo == "" {
		publishTo = s.mqtt
	}
	s.waitReady(b)
	began := time.Now()
	res, err := load(publishTo).Run(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	s.waitFor(b, res.Acked)
	took := time.Since(began)
	cpu, rss := s.stop(b)
	n := float64(res.Acked)
	report(b, name+".rate", n/took.Seconds(), "obs/s", fmt.Sprintf("%d connections, until the last of %d observations is in the store", connections, res.Acked))
	report(b, name+".cpu_us", float64(cpu.Microseconds())/n, "us/obs", "CPU time of the server; as many CPU seconds a million observations")
	report(b, name+".rss_mb", rss, "MB", "peak resident memory of the server")
}

func load(addr string) mqttraw.Load {
	share := devices / connections
	last := make([]int64, devices) // each connection has its own devices
	return mqttraw.Load{
		Addr: addr, Connections: connections, Window: window, Duration: loadFor,
		Message: func(conn, n int, buf []byte) (string, []byte) {
			i := conn*share + n%share
			last[i] = max(time.Now().UnixMilli(), last[i]+1) // the same millisecond again would be a duplicate
			buf = fmt.Appendf(buf[:0], `{"kind":"noise","value":%d,"lat":%.4f,"lon":%.4f,"time":`, 50+i%10, 31.235+float64(i%71)*0.0006, 121.375+float64(i/71%71)*0.0006)
			buf = strconv.AppendInt(buf, last[i], 10)
			return "urbangrid/v1/bench-" + strconv.Itoa(i) + "/obs", append(buf, '}')
		},
	}
}

type process struct {
	cmd        *exec.Cmd
	http, mqtt string
	ended      chan error
}

// start runs the binary that URBANGRID_BIN names on an empty folder.
func start(b *testing.B, args []string) *process {
	b.Helper()
	bin := os.Getenv("URBANGRID_BIN")
	if bin == "" {
		b.Fatal("URBANGRID_BIN is empty: make bench sets it to the binary that is measured")
	}
	args = append([]string{"serve", "--data", b.TempDir(), "--http", "127.0.0.1:0", "--log-level", "warn"}, args...)
	if !strings.Contains(strings.Join(args, " "), "--broker") {
		args = append(args, "--mqtt", "127.0.0.1:0")
	}
	p := &process{cmd: exec.Command(bin, args...), ended: make(chan error, 1)}
	p.cmd.Stderr = os.Stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = p.cmd.Process.Kill() })
	ready := make(chan struct{})
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			name, addr, _ := strings.Cut(lines.Text(), " ")
			switch {
			case name == "http":
				p.http = strings.TrimSpace(addr)
			case name == "mqtt":
				p.mqtt = strings.TrimPrefix(strings.TrimSpace(addr), "mqtt://")
			case strings.HasPrefix(lines.Text(), "Ready"):
				close(ready)
			}
		}
		p.ended <- p.cmd.Wait()
	}()
	select {
	case <-ready:
	case err := <-p.ended:
		b.Fatalf("server ended at once: %v", err)
	case <-time.After(time.Minute):
		b.Fatal("server not ready after a minute")
	}
	return p
}

// waitReady returns when the server says that messages can come in: before it
// has subscribed, another broker would throw them away.
func (p *process) waitReady(b *testing.B) {
	b.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(time.Minute)
	for {
		req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, p.http+"/readyz", nil)
		if err != nil {
			b.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-tick.C:
		case <-deadline:
			b.Fatal("server not ready after a minute")
		}
	}
}

// waitFor returns when the store holds n observations, and fails when it holds
// more, or when no more come.
func (p *process) waitFor(b *testing.B, n int64) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), 3*time.Minute)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		got, err := p.count(ctx)
		if err == nil && got == n {
			return
		}
		if err == nil && got > n {
			b.Fatalf("%d observations stored, %d acknowledged", got, n)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			b.Fatalf("%d of %d observations stored after three minutes (%v)", got, n, err)
		}
	}
}

func (p *process) count(ctx context.Context) (int64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.http+"/api/v1/counts", nil)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	var answer struct{ Total int64 }
	err = json.NewDecoder(resp.Body).Decode(&answer)
	return answer.Total, err
}

// stop ends the server well and returns its CPU time and peak memory in MB.
func (p *process) stop(b *testing.B) (cpu time.Duration, rssMB float64) {
	b.Helper()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		b.Fatal(err)
	}
	if err := <-p.ended; err != nil {
		b.Fatal(err)
	}
	st := p.cmd.ProcessState
	usage, ok := st.SysUsage().(*syscall.Rusage)
	if !ok {
		b.Fatal("this system does not tell what a process has used")
	}
	return st.UserTime() + st.SystemTime(), float64(usage.Maxrss) / 1024
}
