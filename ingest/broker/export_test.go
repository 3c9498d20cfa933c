package broker

// HoldClients keeps the library's list of clients from being changed or read until
// the returned function is called.
func (b *Broker) HoldClients() (release func()) {
	b.srv.Clients.Lock()
	return b.srv.Clients.Unlock
}
