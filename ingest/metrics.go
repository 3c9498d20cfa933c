package ingest

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/urbangrid/urbangrid/sensors"
)

// The reasons that ingest adds to those of package sensors.
const (
	ReasonNoPosition     = "no_position"     // neither the message nor the register knows a place
	ReasonUnknownDevice  = "unknown_device"  // the device is not in the register, and the policy is closed
	ReasonUnexpectedKind = "unexpected_kind" // the register names the kinds of the device, and this is none of them
)

// Reasons returns every reason for which something can be quarantined.
func Reasons() []string {
	return append(sensors.Reasons(), ReasonNoPosition, ReasonUnknownDevice, ReasonUnexpectedKind)
}

type metrics struct {
	messages     prometheus.Counter
	observations prometheus.Counter
	duplicates   prometheus.Counter
	rejected     *prometheus.CounterVec
	dropped      *prometheus.CounterVec
	pending      prometheus.Gauge
	remembered   prometheus.Gauge
	commit       prometheus.Histogram
	batch        prometheus.Histogram
	retries      prometheus.Counter
	outside      prometheus.Counter
	uncommanded  prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		messages: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "urbangrid_ingest_messages_total",
			Help: "Messages taken in.",
		}),
		observations: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "urbangrid_ingest_observations_total",
			Help: "Observations committed to the journal.",
		}),
		duplicates: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "urbangrid_ingest_observations_duplicate_total",
			Help: "Observations that had been taken in before and were not kept again.",
		}),
		rejected: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "urbangrid_ingest_observations_rejected_total",
			Help: "Messages, or parts of them, that went to quarantine, by reason.",
		}, []string{"reason"}),
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "urbangrid_ingest_messages_dropped_total",
			Help: "Messages without acknowledgement (QoS 0) that were lost, by reason.",
		}, []string{"reason"}),
		pending: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "urbangrid_ingest_pending_observations",
			Help: "Observations waiting for their commit.",
		}),
		remembered: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "urbangrid_ingest_remembered_observations",
			Help: "Observations whose identity is remembered to recognise duplicates.",
		}),
		commit: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "urbangrid_ingest_commit_seconds",
			Help:    "Time that one commit to the journal took, disk included.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14),
		}),
		batch: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "urbangrid_ingest_commit_observations",
			Help:    "Observations in one commit.",
			Buckets: prometheus.ExponentialBuckets(1, 4, 8),
		}),
		retries: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "urbangrid_ingest_commit_retries_total",
			Help: "Commits that failed and were tried again.",
		}),
	}
	m.outside = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "urbangrid_ingest_observations_outside_total",
		Help: "Observations that were kept although their place is outside every area.",
	})
	m.uncommanded = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "urbangrid_ingest_commands_unsent_total",
		Help: "Commands that formats wanted sent to devices and that could not be.",
	})
	for _, r := range Reasons() {
		m.rejected.WithLabelValues(r)
	}
	m.dropped.WithLabelValues(dropOverflow)
	m.dropped.WithLabelValues(dropStopping)
	reg.MustRegister(m.messages, m.observations, m.duplicates, m.rejected, m.dropped,
		m.pending, m.remembered, m.commit, m.batch, m.retries, m.outside, m.uncommanded)
	return m
}

const (
	dropOverflow = "overflow" // the journal did not keep up
	dropStopping = "stopping" // it arrived while the server was stopping
)
