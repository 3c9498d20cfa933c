package broker

import (
	"log/slog"
	"net"

	"github.com/mochi-mqtt/server/v2/listeners"
)

// WebDoor is the listener of WebSocket clients alone. Those who say CONNECT are given
// to welcome.
func WebDoor(ln net.Listener, welcome listeners.EstablishFn) (serve, closeAll func()) {
	log := slog.New(slog.DiscardHandler)
	l := &listener{id: web, ln: ln, web: webServer(log), log: log, disconnect: func() {}, early: map[net.Conn]struct{}{}}
	return func() { l.Serve(welcome) }, func() { l.Close(nil) }
}

// HoldClients keeps the library's list of clients from being changed or read until
// the returned function is called.
func (b *Broker) HoldClients() (release func()) {
	b.srv.Clients.Lock()
	return b.srv.Clients.Unlock
}
