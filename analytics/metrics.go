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
	skipOutside
	skipMaintenance
	skipReasons // how many there are
)

var skipNames = [skipReasons]string{
	skipHistory:     "history",      // older than the lateness when it was received
	skipLate:        "late",         // older than the live window of its kind
	skipOutOfOrder:  "out_of_order", // not newer than the device's newest: its cell takes it, device rules do not
	skipUnplaced:    "unplaced",     // without a cell: device rules take it, cells do not
	skipUnknownKind: "unknown_kind",
	skipOutside:     "outside",     // outside of the district: hotspot rules do not take it
	skipMaintenance: "maintenance", // of a device or place under maintenance
}

type metrics struct {
	judged       prometheus.Counter
	skipped      [skipReasons]prometheus.Counter
	raised       *prometheus.CounterVec
	closed       *prometheus.CounterVec
	saveErrors   prometheus.Counter
	forgotten    prometheus.Counter
	muteErrors   prometheus.Counter
	answerErrors prometheus.Counter
	thresholds   *prometheus.GaugeVec
	quietWeeks   *prometheus.GaugeVec
	openAlerts   prometheus.Gauge
	cells        prometheus.Gauge
	newest       prometheus.Gauge
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
		muteErrors: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "urbangrid_analytics_mute_read_errors_total",
			Help: "Attempts to read what is muted that failed; what was known before holds on.",
		}),
		answerErrors: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "urbangrid_analytics_answer_read_errors_total",
			Help: "Attempts to read what people say of alerts that failed and are repeated a minute later.",
		}),
		thresholds: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "urbangrid_analytics_hotspot_threshold",
			Help: "Log-likelihood ratio from which a place stands out, by rule.",
		}, []string{"rule"}),
		quietWeeks: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "urbangrid_analytics_hotspot_quiet_weeks",
			Help: "Weeks of quiet history that the threshold comes from, by rule; the first weeks stand on experience.",
		}, []string{"rule"}),
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
	return m, register(reg, m.judged, skipped, m.raised, m.closed, m.saveErrors, m.forgotten, m.muteErrors, m.answerErrors, m.thresholds, m.quietWeeks, m.openAlerts, m.cells, m.newest)
}

// knowledge shows what the detectors of hotspots stand on.
func (m *metrics) knowledge(rules []*hotspotRule) {
	for _, r := range rules {
		k := r.detector.Knowledge()
		m.thresholds.WithLabelValues(r.Name).Set(k.Threshold)
		m.quietWeeks.WithLabelValues(r.Name).Set(k.QuietWeeks)
	}
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
