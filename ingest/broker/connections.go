package broker

import "sync/atomic"

// Connections returns how many clients are connected now.
func (b *Broker) Connections() int64 {
	return atomic.LoadInt64(&b.srv.Info.ClientsConnected)
}
