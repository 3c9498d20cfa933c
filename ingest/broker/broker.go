// Package broker is the MQTT broker inside the process. It hands the messages
// that are observations to ingest and acknowledges them when ingest says that
// they are durable; everything else it handles as any broker does.
package broker

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"sync"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/urbangrid/urbangrid/ingest"
)

// Intake is what the broker hands observations to; see ingest.Intake.
type Intake interface {
	Accepts(topic string) bool
	Submit(msg ingest.Message)
}

// Options tune a Broker. The zero Options work.
type Options struct {
	TLSAddr          string // MQTT over TLS, e.g. ":8883"; "" means none
	WebSocketAddr    string // MQTT over WebSocket, on any path; "" means none
	WebSocketTLSAddr string // the same over TLS; "" means none
	TLS              TLS    // for the encrypted addresses

	// Auth says who may connect, publish and subscribe; nil means that everybody
	// who reaches an address may do everything.
	Auth Authenticator
	// Certificate returns who the verified client certificate with this common
	// name belongs to. nil, or no certificate, means that Auth is asked. It is of
	// no use without Auth.
	Certificate func(commonName string) (Principal, bool)

	ReceiveMaximum uint16        // messages of one client that may wait for their acknowledgement; 0 means 1,024
	MaxClients     int           // connections at once; further ones are refused; 0 means 100,000
	MaxQueued      int           // messages that wait to be written to one subscriber, further ones are dropped and counted; 0 means 512
	SessionExpiry  time.Duration // how long the session of a client that has gone is kept; 0 means 7 days

	Logger     *slog.Logger // nil means slog.Default()
	Registerer prometheus.Registerer
}

func (o Options) withDefaults() Options {
	if o.ReceiveMaximum == 0 {
		o.ReceiveMaximum = 1024
	}
	if o.MaxClients == 0 {
		o.MaxClients = 100_000
	}
	if o.MaxQueued == 0 {
		o.MaxQueued = 512
	}
	if o.SessionExpiry == 0 {
		o.SessionExpiry = 7 * 24 * time.Hour
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Registerer == nil {
		o.Registerer = prometheus.NewRegistry()
	}
	return o
}

// maxPacketBytes leaves a little above the largest payload, so that one that is
// too large gets as far as quarantine.
const maxPacketBytes = 2 << 20

// readBufferBytes is what each connection has to read into, for as long as it
// lives. Larger packets get their own memory.
const readBufferBytes = 1 << 10

// Broker accepts MQTT 3.1.1 and 5 clients. What it keeps for clients, their
// sessions, subscriptions and retained messages, it keeps in memory: a restart
// forgets it. Observations are not kept here but in the journal.
type Broker struct {
	srv       *mqtt.Server
	hook      *hook
	listeners map[string]*listener

	once   sync.Once
	closed error // of the one time that Close did its work
}

// The names of the listeners.
const (
	plain        = "mqtt"
	encrypted    = "mqtts"
	web          = "ws"
	webEncrypted = "wss"
)

// Listen opens addr (host:port, port 0 for any, "" for none) and the addresses
// of opts, of which there must be one at least, and accepts clients. Close must
// be called; the end of ctx does not close it.
func Listen(ctx context.Context, addr string, intake Intake, opts Options) (*Broker, error) {
	opts = opts.withDefaults()
	srv := mqtt.New(&mqtt.Options{
		Capabilities:            capabilities(opts),
		ClientNetReadBufferSize: readBufferBytes,
		InlineClient:            true,
		Logger:                  slog.New(quiet{opts.Logger.With("component", "broker").Handler()}),
		// Each round visits every retained message and reads the memory statistics.
		SysTopicResendInterval: 10,
	})
	b := &Broker{srv: srv, hook: newHook(srv, intake, opts), listeners: map[string]*listener{}}
	if err := srv.AddHook(b.hook, nil); err != nil {
		return nil, fmt.Errorf("set up broker: %w", err)
	}
	if err := b.open(ctx, addr, opts); err != nil {
		return nil, errors.Join(err, b.closeListeners())
	}
	if err := srv.Serve(); err != nil {
		return nil, errors.Join(fmt.Errorf("start broker: %w", err), b.closeListeners())
	}
	return b, nil
}

func capabilities(opts Options) *mqtt.Capabilities {
	caps := mqtt.NewDefaultServerCapabilities()
	caps.ReceiveMaximum = opts.ReceiveMaximum
	caps.MaximumPacketSize = maxPacketBytes
	caps.MinimumProtocolVersion = 4
	caps.MaximumClients = int64(opts.MaxClients)
	// The library reserves this queue for every connection, 8 bytes a place.
	caps.MaximumClientWritesPending = int32(min(opts.MaxQueued, math.MaxInt32)) //nolint:gosec // bounded in the same line
	caps.MaximumSessionExpiryInterval = uint32(min(opts.SessionExpiry.Seconds(), math.MaxUint32))
	// Retained messages stay until they are replaced, unless they say otherwise.
	caps.MaximumMessageExpiryInterval = 0
	// An acknowledgement says nothing but that it is one.
	caps.Compatibilities.NoInheritedPropertiesOnAck = true
	return caps
}

func (b *Broker) open(ctx context.Context, addr string, opts Options) error {
	var secure *tls.Config
	if opts.TLSAddr != "" || opts.WebSocketTLSAddr != "" {
		var err error
		if secure, err = opts.TLS.config(opts.Auth); err != nil {
			return err
		}
	}
	for _, a := range []struct {
		id, addr string
		tls      *tls.Config
	}{
		{plain, addr, nil}, {encrypted, opts.TLSAddr, secure},
		{web, opts.WebSocketAddr, nil}, {webEncrypted, opts.WebSocketTLSAddr, secure},
	} {
		if a.addr == "" {
			continue
		}
		l, err := listen(ctx, a.id, a.addr, a.tls, b.hook.log)
		if err != nil {
			return err
		}
		l.disconnect = func() { b.disconnect(a.id) }
		b.listeners[a.id] = l
		if a.id == web || a.id == webEncrypted {
			l.web = webServer(b.hook.log)
		}
		if err := b.srv.AddListener(l); err != nil {
			return fmt.Errorf("set up broker: %w", err)
		}
	}
	if len(b.listeners) == 0 {
		return errors.New("the broker has no address")
	}
	return nil
}

// disconnect ends the clients that have come through a listener.
func (b *Broker) disconnect(listener string) {
	for _, cl := range b.srv.Clients.GetAll() {
		if cl.Net.Listener == listener && !cl.Closed() {
			_ = b.srv.DisconnectClient(cl, packets.ErrServerShuttingDown) // it reports the code back
		}
	}
}

func (b *Broker) closeListeners() error {
	var errs []error
	for _, l := range b.listeners {
		errs = append(errs, l.ln.Close())
	}
	return errors.Join(errs...)
}

func (b *Broker) addrOf(id string) string {
	if l, ok := b.listeners[id]; ok {
		return l.Address()
	}
	return ""
}

// Addr returns the address of plain MQTT, with the chosen port; "" for none.
func (b *Broker) Addr() string { return b.addrOf(plain) }

// TLSAddr returns the address of MQTT over TLS; "" for none.
func (b *Broker) TLSAddr() string { return b.addrOf(encrypted) }

// WebSocketAddr returns the address of MQTT over WebSocket; "" for none.
func (b *Broker) WebSocketAddr() string { return b.addrOf(web) }

// WebSocketTLSAddr returns the address of MQTT over WebSocket and TLS; "" for none.
func (b *Broker) WebSocketTLSAddr() string { return b.addrOf(webEncrypted) }

// Publish gives a message to those who have subscribed to its topic, at QoS 1
// where they asked for that. It is not handed to the intake. It does not block:
// a subscriber whose queue is full goes without. payload must not be changed
// afterwards.
func (b *Broker) Publish(topic string, payload []byte) error {
	if topic == "" || strings.ContainsAny(topic, "+#\x00") {
		return fmt.Errorf("publish: %.80q is not a topic", topic)
	}
	if err := b.srv.Publish(topic, payload, false, 1); err != nil {
		return fmt.Errorf("publish to %s: %w", topic, err)
	}
	return nil
}

// DisconnectUser ends the connections of a user, as after a change of their
// credentials, and returns how many there were. Without Auth there are no users.
func (b *Broker) DisconnectUser(user string) int {
	n := 0
	b.hook.identities.Range(func(_, v any) bool {
		if who := v.(*identity); who.user == user && !who.cl.Closed() {
			_ = b.srv.DisconnectClient(who.cl, packets.ErrNotAuthorized) // it reports the code back
			n++
		}
		return true
	})
	return n
}

// Close disconnects all clients and returns after their acknowledgements that
// were under way have been written or given up. Messages that were not
// acknowledged will be sent again by their senders. The wills of the clients
// that it disconnects are not published. Closing again does nothing.
func (b *Broker) Close() error {
	b.once.Do(func() {
		b.hook.close()
		if err := b.srv.Close(); err != nil {
			b.closed = fmt.Errorf("close broker: %w", err)
		}
		b.hook.end()
	})
	return b.closed
}

// quiet makes the broker's warnings about single clients debug lines: they are
// counted, and a city's devices come and go all day.
type quiet struct{ slog.Handler }

func (q quiet) Enabled(ctx context.Context, l slog.Level) bool {
	return q.Handler.Enabled(ctx, quieter(l))
}

func (q quiet) Handle(ctx context.Context, r slog.Record) error {
	r.Level = quieter(r.Level)
	return q.Handler.Handle(ctx, r)
}

func (q quiet) WithAttrs(as []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(as)} }
func (q quiet) WithGroup(name string) slog.Handler    { return quiet{q.Handler.WithGroup(name)} }

func quieter(l slog.Level) slog.Level {
	if l < slog.LevelError {
		return slog.LevelDebug
	}
	return l
}
