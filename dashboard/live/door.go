package live

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"strings"

	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus"
)

// enter makes a place for a connection, or says why there is none.
func (h *Hub) enter(c *conn) (refusal string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.closed:
		return "closing"
	case len(h.conns) >= h.opts.MaxConnections:
		return "full"
	case c.caller != "" && h.callers[c.caller] >= h.opts.MaxPerCaller:
		return "caller"
	}
	h.conns[c] = struct{}{}
	h.callers[c.caller]++
	h.wg.Add(1)
	h.metrics.connections.Set(float64(len(h.conns)))
	return ""
}

func (h *Hub) leave(c *conn) {
	h.mu.Lock()
	delete(h.conns, c)
	if h.callers[c.caller]--; h.callers[c.caller] == 0 {
		delete(h.callers, c.caller)
	}
	h.metrics.connections.Set(float64(len(h.conns)))
	h.mu.Unlock()
	h.wg.Done()
}

// callerAddress is the address that a request comes from, "" for this machine: a
// proxy on it speaks for everyone.
func callerAddress(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsLoopback() {
		return ""
	}
	return host
}

// ServeHTTP makes a live connection of the request. The connection lives on after it
// has returned: what the HTTP server holds for a request, more than the connection
// itself needs, is given back. Run waits for it.
func (h *Hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := newConn(h, h.opts.Caller(r))
	if refusal := h.enter(c); refusal != "" {
		h.metrics.refused.WithLabelValues(refusal).Inc()
		status := http.StatusServiceUnavailable
		if refusal == "caller" {
			status = http.StatusTooManyRequests
		}
		w.Header().Set("Retry-After", "5")
		http.Error(w, refusals[refusal], status)
		return
	}
	ws, err := h.upgrader.Upgrade(wire{w, h}, r, nil)
	if err != nil {
		h.leave(c)
		h.log.Debug("live connection refused", "remote", r.RemoteAddr, "error", err)
		return
	}
	go h.serve(c, ws, strings.Clone(r.RemoteAddr))
}

// serve owns a connection until it has ended. The context of its request ended with
// the request.
func (h *Hub) serve(c *conn, ws *websocket.Conn, remote string) {
	defer h.leave(c)
	reason := c.serve(context.Background(), ws)
	h.metrics.disconnects.WithLabelValues(reason).Inc()
	h.log.Debug("live connection ended", "remote", remote, "reason", reason)
}

// refusals say why there is no place for a connection.
var refusals = map[string]string{
	"closing": "the live view is closing",
	"full":    "the live view has no place for more connections",
	"caller":  "you have too many live connections",
}

// wire hands out the connection below a request so that what is written to it is
// counted, and little of it waits in the system: a viewer that reads slowly shall
// skip values, not see old ones.
type wire struct {
	http.ResponseWriter
	hub *Hub
}

var _ http.Hijacker = wire{}

// Hijack takes the connection over.
func (w wire) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buf, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	if tcp, ok := conn.(interface{ SetWriteBuffer(bytes int) error }); ok {
		// A system that keeps its own measure only lets more wait.
		_ = tcp.SetWriteBuffer(w.hub.opts.SendBytes)
	}
	return counted{conn, w.hub.metrics.wireBytes}, buf, nil
}

// counted is a connection that counts what is written to it.
type counted struct {
	net.Conn
	written prometheus.Counter
}

func (c counted) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.written.Add(float64(n))
	return n, err
}
