package schedule

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// The outcomes of runs and of reports.
const (
	outcomeDone      = "done"
	outcomeFailed    = "failed"    // of a run: one of its reports at least
	outcomeCancelled = "cancelled" // of a run: the process ended
	outcomeEmpty     = "empty"     // of a report: nothing was observed that it could be about
)

type metrics struct {
	runs    *prometheus.CounterVec
	took    *prometheus.HistogramVec
	reports *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		runs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "urbangrid_schedule_runs_total",
			Help: "Runs of scheduled reports, by schedule and outcome.",
		}, []string{"schedule", "outcome"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "urbangrid_schedule_run_duration_seconds",
			Help:    "How long runs of scheduled reports took, by schedule.",
			Buckets: []float64{0.1, 1, 5, 15, 60, 300, 900, 3600},
		}, []string{"schedule"}),
		reports: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "urbangrid_schedule_reports_total",
			Help: "Scheduled reports, by outcome.",
		}, []string{"outcome"}),
	}
	for _, n := range Names {
		for _, o := range []string{outcomeDone, outcomeFailed, outcomeCancelled} {
			m.runs.WithLabelValues(string(n), o)
		}
		m.took.WithLabelValues(string(n))
	}
	for _, o := range []string{outcomeDone, outcomeFailed, outcomeEmpty} {
		m.reports.WithLabelValues(o)
	}
	if err := errors.Join(reg.Register(m.runs), reg.Register(m.took), reg.Register(m.reports)); err != nil {
		return nil, fmt.Errorf("register schedule metrics: %w", err)
	}
	return m, nil
}
