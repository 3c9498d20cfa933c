package broker

import (
	"sync/atomic"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	acknowledged  prometheus.Counter
	undistributed prometheus.Counter
	willsDropped  prometheus.Counter
	impatient     prometheus.Counter
	refused       *prometheus.CounterVec
	denied        *prometheus.CounterVec
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
		willsDropped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "urbangrid_broker_wills_dropped_total",
			Help: "Wills that were lost because too many of them waited for the journal.",
		}),
		impatient: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "urbangrid_broker_clients_overwaited_total",
			Help: "Connections ended because their messages waited longer than twice the keep-alive; their clients send again.",
		}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "urbangrid_broker_logins_refused_total",
			Help: "Clients that were not let in, by reason.",
		}, []string{"reason"}),
		denied: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "urbangrid_broker_denied_total",
			Help: "Publications, subscriptions and wills that a client may not make, by reason.",
		}, []string{"reason"}),
	}
	for _, r := range []string{refusedPassword, refusedThrottled, refusedTakeover} {
		m.refused.WithLabelValues(r)
	}
	for _, r := range []string{deniedPublish, deniedSubscribe, deniedWill} {
		m.denied.WithLabelValues(r)
	}
	reg.MustRegister(m.acknowledged, m.undistributed, m.willsDropped, m.impatient, m.refused, m.denied,
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
