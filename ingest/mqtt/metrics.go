package mqtt

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	received, redelivered, ignored, acknowledged, published, commandsLost, lost prometheus.Counter
}

func newMetrics(reg prometheus.Registerer, s *Source) *metrics {
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
		reg.MustRegister(c)
		return c
	}
	reg.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "urbangrid_mqtt_connections",
			Help: "Connections to the external broker that are up and subscribed."},
			func() float64 { return float64(s.Health().Connected) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "urbangrid_mqtt_inflight_messages",
			Help: "Messages of the external broker that were read and not acknowledged yet."},
			func() float64 {
				n := 0
				for _, c := range s.conns {
					n += c.window.count()
				}
				return float64(n)
			}),
	)
	return &metrics{
		received:     counter("urbangrid_mqtt_messages_received_total", "Messages read from the external broker, repetitions included."),
		redelivered:  counter("urbangrid_mqtt_messages_redelivered_total", "Messages that the external broker marked as repetitions."),
		ignored:      counter("urbangrid_mqtt_messages_ignored_total", "Messages on topics that are of no format; they are acknowledged."),
		acknowledged: counter("urbangrid_mqtt_messages_acknowledged_total", "Messages acknowledged to the external broker after their commit."),
		commandsLost: counter("urbangrid_mqtt_commands_lost_total", "Commands that the external broker did not acknowledge in time."),
		published:    counter("urbangrid_mqtt_commands_published_total", "Commands published to the external broker."),
		lost:         counter("urbangrid_mqtt_connections_lost_total", "Connections, or attempts to connect, that failed."),
	}
}
