package store

import (
	"github.com/prometheus/client_golang/prometheus"
)

type recorderMetrics struct {
	written  prometheus.Counter
	dropped  *prometheus.CounterVec
	writes   *prometheus.CounterVec
	duration prometheus.Histogram
	lag      prometheus.GaugeFunc
	position prometheus.GaugeFunc
}

func newRecorderMetrics(lagSeconds, position func() float64) recorderMetrics {
	m := recorderMetrics{
		written: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "urbangrid_store_observations_written_total",
			Help: "Observations that are durable in the series store.",
		}),
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "urbangrid_store_observations_dropped_total",
			Help: "Observations of the journal that no series store can keep, by reason.",
		}, []string{"reason"}), // time, value
		writes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "urbangrid_store_writes_total",
			Help: "Attempts to write a batch to the series store, by result.",
		}, []string{"result"}), // ok, unavailable, failed
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "urbangrid_store_write_duration_seconds",
			Help:    "How long batches took to become durable in the series store.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 14),
		}),
		lag: prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "urbangrid_store_lag_seconds",
			Help: "Age of the oldest journal entry that the recorder holds and has not written, 0 when it holds none.",
		}, lagSeconds),
		position: prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "urbangrid_store_journal_position",
			Help: "Number of the newest journal entry that is durable in the series store.",
		}, position),
	}
	for _, reason := range []string{"time", "value"} {
		m.dropped.WithLabelValues(reason)
	}
	for _, result := range []string{"ok", "unavailable", "failed"} {
		m.writes.WithLabelValues(result)
	}
	return m
}

// register registers the metrics; a nil registerer keeps them to themselves.
func (m recorderMetrics) register(to prometheus.Registerer) error {
	if to == nil {
		return nil
	}
	for _, c := range []prometheus.Collector{m.written, m.dropped, m.writes, m.duration, m.lag, m.position} {
		if err := to.Register(c); err != nil {
			return err
		}
	}
	return nil
}
