package dashboard_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/urbangrid/urbangrid/dashboard"
	"github.com/urbangrid/urbangrid/sensors"
)

// pipes is a listener whose connections are in memory, so that time can be made up.
type pipes struct {
	calls chan net.Conn
	ended chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.calls:
		return c, nil
	case <-p.ended:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	close(p.ended)
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// call opens a connection.
func (p *pipes) call() net.Conn {
	here, there := net.Pipe()
	p.calls <- there
	return here
}

// hall is a web server in a bubble of synctest.
type hall struct {
	*pipes
	metrics *prometheus.Registry
}

// assetBytes is the size of hall's one asset: no buffer on the way takes it.
const assetBytes = 4 << 20

// openHall serves until the test ends.
func openHall(t *testing.T, opts dashboard.Options) *hall {
	t.Helper()
	kinds, err := sensors.DefaultCatalog()
	if err != nil {
		t.Fatal(err)
	}
	h := &hall{pipes: &pipes{calls: make(chan net.Conn), ended: make(chan struct{})}, metrics: prometheus.NewRegistry()}
	all := &stores{devices: map[sensors.DeviceID]sensors.Device{}}
	opts.Assets = fstest.MapFS{"index.html": {Data: []byte("page")}, "assets/big-1a2b3.js": {Data: []byte(strings.Repeat("x", assetBytes))}}
	s, err := dashboard.New(dashboard.Deps{
		Kinds: kinds, Series: all, Alerts: all, Quarantine: all, Devices: all, AlertLog: quietLog{},
		Gatherer: h.metrics, Registerer: h.metrics, Logger: slog.New(slog.DiscardHandler),
	}, opts)
	if err != nil {
		t.Fatal(err)
	}
	web := s.WebServer()
	ended := make(chan error, 1)
	go func() { ended <- web.Serve(h.pipes) }()
	t.Cleanup(func() {
		if err := web.Close(); err != nil {
			t.Error(err)
		}
		<-ended
	})
	return h
}

// ask sends the head of a request, and no more.
func ask(t *testing.T, c net.Conn, head string) {
	t.Helper()
	if _, err := io.WriteString(c, strings.ReplaceAll(head, "\n", "\r\n")+"Host: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
}

// gone reports whether the server has closed the connection.
func gone(c net.Conn) bool {
	_, err := c.Write([]byte("G"))
	return err != nil
}

const bigAsset = "GET /assets/big-1a2b3.js HTTP/1.1\n"

func (h *hall) want(t *testing.T, metrics string) {
	t.Helper()
	var names []string
	for line := range strings.Lines(metrics) {
		if f := strings.Fields(line); len(f) > 2 && f[1] == "TYPE" {
			names = append(names, f[2])
		}
	}
	if err := testutil.GatherAndCompare(h.metrics, strings.NewReader(metrics), names...); err != nil {
		t.Error(err)
	}
}

const slowReaders = `
# HELP urbangrid_dashboard_slow_readers_total Answers that were cut off because the client did not read them.
# TYPE urbangrid_dashboard_slow_readers_total counter
urbangrid_dashboard_slow_readers_total %d
`

func TestWebServer_LetsGoOfClientsThatDoNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := openHall(t, dashboard.Options{})
		var calls []net.Conn
		for range 10 {
			c := h.call()
			ask(t, c, bigAsset)
			if _, err := io.ReadFull(c, make([]byte, 100)); err != nil {
				t.Fatal(err)
			}
			calls = append(calls, c)
		}
		time.Sleep(29 * time.Second)
		synctest.Wait()
		h.want(t, fmt.Sprintf(slowReaders, 0))
		time.Sleep(2 * time.Second)
		synctest.Wait()
		h.want(t, fmt.Sprintf(slowReaders, len(calls)))
		for i, c := range calls {
			if !gone(c) {
				t.Errorf("connection %d is held after 31 s without reading", i)
			}
		}
	})
}

func TestWebServer_WaitsForClientsThatReadSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := openHall(t, dashboard.Options{})
		c := h.call()
		ask(t, c, bigAsset)
		began := time.Now()
		body := 0
		in := bufio.NewReaderSize(slowly{c, 10 * time.Second}, pieceOfAnswer)
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, resp.Body)
		body += int(n)
		if took := time.Since(began); err != nil || body != assetBytes || took < 10*time.Minute {
			t.Errorf("%d of %d bytes came within %s: %v", body, assetBytes, took, err)
		}
	})
}

const pieceOfAnswer = 32 << 10

// slowly waits before each read.
type slowly struct {
	io.Reader
	wait time.Duration
}

func (s slowly) Read(p []byte) (int, error) {
	time.Sleep(s.wait) // in a bubble
	return s.Reader.Read(p)
}

// A body that is promised and never sent, to an operation, to a page and to nothing.
func TestWebServer_LetsGoOfBodiesThatDoNotCome(t *testing.T) {
	for _, line := range []string{
		"POST /api/v1/alerts/actions HTTP/1.1\nContent-Type: application/json\n", "POST / HTTP/1.1\n", "PUT /api/v1/nothing HTTP/1.1\n",
		"GET /api/v1/kinds HTTP/1.1\n", "GET / HTTP/1.1\n", "GET /api/v1/live HTTP/1.1\n",
	} {
		synctest.Test(t, func(t *testing.T) {
			h := openHall(t, dashboard.Options{})
			c := h.call()
			ask(t, c, line+"Content-Length: 1000\n")
			// Whatever is answered is read.
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				_, _ = io.Copy(io.Discard, c)
			}()
			began := time.Now()
			time.Sleep(time.Hour)
			synctest.Wait()
			select {
			case <-ended:
			default:
				t.Errorf("%.30q is held for %s", line, time.Since(began))
				_ = c.Close()
			}
		})
	}
}

func TestWebServer_BoundsItsConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := openHall(t, dashboard.Options{MaxConnections: 2})
		busy, idle := h.call(), h.call()
		ask(t, busy, bigAsset)
		ask(t, idle, "GET /healthz HTTP/1.1\n")
		if resp, err := http.ReadResponse(bufio.NewReader(idle), nil); err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%v %v", resp, err)
		}
		synctest.Wait()
		third := h.call()
		synctest.Wait()
		ask(t, third, bigAsset)
		if !gone(idle) {
			t.Error("the idle connection did not make room")
		}
		synctest.Wait()
		fourth := h.call()
		synctest.Wait()
		if !gone(fourth) {
			t.Error("there are three busy connections, want two")
		}
		h.want(t, `
# HELP urbangrid_dashboard_http_connections HTTP connections that are open, live ones not among them.
# TYPE urbangrid_dashboard_http_connections gauge
urbangrid_dashboard_http_connections 2
# HELP urbangrid_dashboard_http_connections_closed_total HTTP connections that were closed because there were too many, by reason: idle made room for a new one, full was new itself.
# TYPE urbangrid_dashboard_http_connections_closed_total counter
urbangrid_dashboard_http_connections_closed_total{reason="full"} 1
urbangrid_dashboard_http_connections_closed_total{reason="idle"} 1
`)
		for _, c := range []net.Conn{busy, third} {
			_ = c.Close()
		}
		synctest.Wait()
		fifth := h.call()
		ask(t, fifth, "GET /healthz HTTP/1.1\n")
		if resp, err := http.ReadResponse(bufio.NewReader(fifth), nil); err != nil || resp.StatusCode != http.StatusOK {
			t.Errorf("after room was made: %v %v", resp, err)
		}
	})
}
