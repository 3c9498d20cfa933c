package notify

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// What becomes of messages.
const (
	outcomeDelivered  = "delivered"
	outcomeRetried    = "retried"     // an attempt failed, another follows
	outcomeDead       = "dead"        // no attempt is left
	outcomeQuiet      = "quiet"       // not sent in quiet hours
	outcomeWithheld   = "withheld"    // not to be sent any more when its turn came
	outcomeOverflow   = "overflow"    // dropped, too many waited
	outcomeTested     = "tested"      // a test arrived
	outcomeTestFailed = "test_failed" // a test did not
)

type metrics struct {
	outcomes *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "urbangrid_notify_messages_total",
		Help: "Messages to notification channels, by outcome; retried counts attempts.",
	}, []string{"outcome"})}
	for _, o := range []string{outcomeDelivered, outcomeRetried, outcomeDead, outcomeQuiet, outcomeWithheld, outcomeOverflow, outcomeTested, outcomeTestFailed} {
		m.outcomes.WithLabelValues(o)
	}
	if reg == nil {
		return m, nil
	}
	if err := reg.Register(m.outcomes); err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	return m, nil
}
