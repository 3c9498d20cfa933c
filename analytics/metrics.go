package analytics

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// skipReason says why a detector left an observation out.
type skipReason int

const (
	skipHistory skipReason = iota
	skipLate
	skipOutOfOrder
	skipUnplaced
	skipUnknownKind
	skipReasons // how many there are
)

var skipNames = [skipReasons]string{
	skipHistory:     "history",      // older than the lateness when it was received
	skipLate:        "late",         // older than the live window of its kind
	skipOutOfOrder:  "out_of_order", // not newer than the device's newest: its cell takes it, device rules do not
	skipUnplaced:    "unplaced",     // without a cell: device rules take it, cells do not
	skipUnknownKind: "unknown_kind",
}

type metrics struct {
	judged     prometheus.Counter
	skipped    [skipReasons]prometheus.Counter
	raised     *prometheus.CounterVec
	closed     *prometheus.CounterVec
	saveErrors prometheus.Counter
	forgotten  prometheus.Counter
	openAlerts prometheus.Gauge
	cells      prometheus.Gauge
	newest     prometheus.Gauge
}

// removedRule is the label of alerts whose rule is no longer configured.
const removedRule = "removed"

func newMetrics(reg prometheus.Registerer, rules []Rule) (*metrics, error) {
	skipped := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "urbangrid_analytics_observations_skipped_total",
		Help: "Observations that a detector left out, by reason.",
	}, []string{"reason"})
	m := &metrics{
		judged: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "urbangrid_analytics_observations_judged_total",
			Help: "Observations that were judged live.",
		}),
		raised: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "urbangrid_analytics_alerts_raised_total",
			Help: "Alerts raised, by rule.",
		}, []string{"rule"}),
		closed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "urbangrid_analytics_alerts_closed_total",
			Help: "Alerts closed, by rule; removed for those whose rule is no longer configured.",
		}, []string{"rule"}),
		saveErrors: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "urbangrid_analytics_save_errors_total",
			Help: "Attempts to save alerts that failed and were repeated; judging waits meanwhile.",
		}),
		forgotten: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "urbangrid_analytics_baseline_save_errors_total",
			Help: "Attempts to save the learned baselines that failed; the next comes two minutes later.",
		}),
		openAlerts: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "urbangrid_analytics_open_alerts",
			Help: "Alerts that are open.",
		}),
		cells: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "urbangrid_analytics_active_cells",
			Help: "Pairs of kind and cell that are kept in memory.",
		}),
		newest: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "urbangrid_analytics_newest_observation_timestamp_seconds",
			Help: "Greatest phenomenon time that was judged live, 0 before the first.",
		}),
	}
	for i, name := range skipNames {
		m.skipped[i] = skipped.WithLabelValues(name)
	}
	for _, r := range rules {
		m.raised.WithLabelValues(r.Name)
		m.closed.WithLabelValues(r.Name)
	}
	m.closed.WithLabelValues(removedRule)
	return m, register(reg, m.judged, skipped, m.raised, m.closed, m.saveErrors, m.forgotten, m.openAlerts, m.cells, m.newest)
}

// register does nothing when reg is nil.
func register(reg prometheus.Registerer, all ...prometheus.Collector) error {
	if reg == nil {
		return nil
	}
	var errs []error
	for _, c := range all {
		errs = append(errs, reg.Register(c))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("register metrics: %w", err)
	}
	return nil
}
