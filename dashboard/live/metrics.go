package live

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	connections prometheus.Gauge
	bytes       prometheus.Counter
	wireBytes   prometheus.Counter
	roundTrips  prometheus.Histogram
	frames      *prometheus.CounterVec // type
	conflations prometheus.Counter
	gaps        prometheus.Counter
	resumes     *prometheus.CounterVec // topic
	snapshots   *prometheus.CounterVec // reason
	disconnects *prometheus.CounterVec // reason
	refused     *prometheus.CounterVec // reason
	errors      *prometheus.CounterVec // reason
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		connections: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "urbangrid_dashboard_live_connections",
			Help: "Open live connections.",
		}),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "urbangrid_dashboard_live_sent_bytes_total",
			Help: "Bytes of live frames written to connections, before compression.",
		}),
		wireBytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "urbangrid_dashboard_live_wire_bytes_total",
			Help: "Bytes written to live connections, as compressed and framed.",
		}),
		roundTrips: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "urbangrid_dashboard_live_round_trip_seconds",
			Help:    "From a heartbeat to the answer of the page's script.",
			Buckets: []float64{0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30},
		}),
		frames: counters("frames_total", "Live frames written to connections, by type.", "type",
			"hello", "snap", "d", "ev", "gap", "hb", "err", "bye"),
		conflations: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "urbangrid_dashboard_live_conflations_total",
			Help: "Deltas that merged the changes of more than one second, because the connection was busy.",
		}),
		gaps: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "urbangrid_dashboard_live_gaps_total",
			Help: "Alert subscriptions ended because the connection could not keep up.",
		}),
		resumes: counters("resumes_total", "Subscriptions that went on from the browser's number without a snapshot, by topic.", "topic",
			"cells", "alerts"),
		snapshots: counters("snapshots_total", "Snapshots sent, by reason.", "reason",
			"first", "epoch", "table", "unknown", "forgotten"),
		disconnects: counters("disconnects_total", "Live connections ended, by reason.", "reason",
			"client", "silent", "slow", "protocol", "shutdown"),
		refused: counters("refused_total", "Live connections refused, by reason.", "reason",
			"handshake", "full", "caller", "closing"),
		errors: counters("errors_total", "What went wrong behind the live view, by reason.", "reason",
			"alert_log", "alert_query", "undecodable_alert", "unusable_cell", "encode"),
	}
	for _, c := range []prometheus.Collector{m.connections, m.bytes, m.wireBytes, m.roundTrips, m.frames, m.conflations, m.gaps, m.resumes, m.snapshots, m.disconnects, m.refused, m.errors} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// counters makes a counter whose series are there at zero from the start.
func counters(name, help, label string, values ...string) *prometheus.CounterVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "urbangrid_dashboard_live_" + name, Help: help}, []string{label})
	for _, s := range values {
		v.WithLabelValues(s)
	}
	return v
}
