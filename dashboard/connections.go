package dashboard

import (
	"container/list"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// WebServer returns an HTTP server of what Handler serves, with a bound on all that a
// client can make it hold: the time for headers, bodies and reading, and how many
// connections there are. It is shut down by who serves it.
func (s *Server) WebServer() *http.Server {
	return &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          slog.NewLogLogger(s.deps.Logger.With("component", "http").Handler(), slog.LevelDebug),
		ConnState:         s.connections.changed,
	}
}

// connections bounds the connections of an HTTP server. When there are too many,
// the one that has been idle longest makes room; when none is idle, the new one is
// closed at once. Live connections are not among them once they are that: the live
// view has bounds of its own. It is safe for concurrent use.
type connections struct {
	most   int
	gauge  prometheus.Gauge
	closed *prometheus.CounterVec

	mu   sync.Mutex // guards what follows
	open map[net.Conn]*list.Element
	idle *list.List // of net.Conn, the longest idle first
}

func newConnections(most int, reg prometheus.Registerer) (*connections, error) {
	c := &connections{
		most: most,
		gauge: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "urbangrid_dashboard_http_connections",
			Help: "HTTP connections that are open, live ones not among them.",
		}),
		closed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "urbangrid_dashboard_http_connections_closed_total",
			Help: "HTTP connections that were closed because there were too many, by reason: idle made room for a new one, full was new itself.",
		}, []string{"reason"}),
		open: make(map[net.Conn]*list.Element), idle: list.New(),
	}
	for _, reason := range []string{"idle", "full"} {
		c.closed.WithLabelValues(reason)
	}
	if err := reg.Register(c.gauge); err != nil {
		return nil, err
	}
	return c, reg.Register(c.closed)
}

// changed is told of every connection as [http.Server.ConnState] says.
func (c *connections) changed(conn net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		if superfluous, reason := c.enter(conn); superfluous != nil {
			c.closed.WithLabelValues(reason).Inc()
			// It is given up: what closing says matters to nobody.
			_ = superfluous.Close()
		}
	case http.StateIdle:
		c.mu.Lock()
		defer c.mu.Unlock()
		if _, ok := c.open[conn]; ok {
			c.open[conn] = c.idle.PushBack(conn)
		}
	case http.StateActive:
		c.mu.Lock()
		defer c.mu.Unlock()
		if e := c.open[conn]; e != nil {
			c.idle.Remove(e)
			c.open[conn] = nil
		}
	case http.StateHijacked, http.StateClosed:
		c.mu.Lock()
		defer c.mu.Unlock()
		c.forget(conn)
	}
}

// enter takes a connection in and returns the one that must go, and why.
func (c *connections) enter(conn net.Conn) (superfluous net.Conn, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.open) >= c.most {
		oldest := c.idle.Front()
		if oldest == nil {
			return conn, "full"
		}
		superfluous, _ = oldest.Value.(net.Conn)
		reason = "idle"
		c.forget(superfluous)
	}
	c.open[conn] = nil
	c.gauge.Set(float64(len(c.open)))
	return superfluous, reason
}

// forget is called with mu held.
func (c *connections) forget(conn net.Conn) {
	if e := c.open[conn]; e != nil {
		c.idle.Remove(e)
	}
	delete(c.open, conn)
	c.gauge.Set(float64(len(c.open)))
}
