package broker

import (
	"sync/atomic"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	acknowledged  prometheus.Counter
	undistributed prometheus.Counter
}

func newMetrics(reg prometheus.Registerer, srv *mqtt.Server) *metrics {
	m := &metrics{
		acknowledged: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "urbangrid_broker_messages_acknowledged_total",
			Help: "Messages (QoS 1 and 2) acknowledged after their commit.",
		}),
		undistributed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "urbangrid_broker_messages_undistributed_total",
			Help: "Committed messages that could not be given to subscribers.",
		}),
	}
	reg.MustRegister(m.acknowledged, m.undistributed,
		gauge("urbangrid_broker_clients", "Clients connected.", &srv.Info.ClientsConnected),
		gauge("urbangrid_broker_subscriptions", "Subscriptions of clients.", &srv.Info.Subscriptions),
		counter("urbangrid_broker_received_bytes_total", "Bytes received from clients.", &srv.Info.BytesReceived),
		counter("urbangrid_broker_messages_received_total", "Messages received from clients, of any topic.", &srv.Info.MessagesReceived),
		counter("urbangrid_broker_messages_dropped_total", "Messages not given to a subscriber that was too slow.", &srv.Info.MessagesDropped),
	)
	return m
}

func gauge(name, help string, v *int64) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help},
		func() float64 { return float64(atomic.LoadInt64(v)) })
}

func counter(name, help string, v *int64) prometheus.Collector {
	return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help},
		func() float64 { return float64(atomic.LoadInt64(v)) })
}
