// Package broker is the MQTT broker inside the process. It hands the messages
// that are observations to ingest and acknowledges them when ingest says that
// they are durable; everything else it handles as any broker does.
package broker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"
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
	ReceiveMaximum uint16       // messages of one client that may wait for their acknowledgement; 0 means 1,024
	Logger         *slog.Logger // nil means slog.Default()
	Registerer     prometheus.Registerer
}

// maxPacketBytes leaves a little above the largest payload, so that one that is
// too large gets as far as quarantine.
const maxPacketBytes = 2 << 20

// Broker accepts MQTT 3.1.1 and 5 clients. Anyone who reaches its address may
// publish and subscribe.
type Broker struct {
	srv  *mqtt.Server
	hook *hook
	addr string

	once   sync.Once
	closed error // of the one time that Close did its work
}

// Listen opens the address (host:port, port 0 for any) and accepts clients.
// Close must be called; the end of ctx does not close it.
func Listen(ctx context.Context, addr string, intake Intake, opts Options) (*Broker, error) {
	if opts.ReceiveMaximum == 0 {
		opts.ReceiveMaximum = 1024
	}
	if opts.Logger == nil {
		opts.Logger = slog.Default()
	}
	if opts.Registerer == nil {
		opts.Registerer = prometheus.NewRegistry()
	}
	caps := mqtt.NewDefaultServerCapabilities()
	caps.ReceiveMaximum = opts.ReceiveMaximum
	caps.MaximumPacketSize = maxPacketBytes
	caps.MinimumProtocolVersion = 4
	// An acknowledgement says nothing but that it is one.
	caps.Compatibilities.NoInheritedPropertiesOnAck = true
	srv := mqtt.New(&mqtt.Options{
		Capabilities: caps,
		InlineClient: true,
		Logger:       slog.New(quiet{opts.Logger.With("component", "broker").Handler()}),
	})
	h := newHook(srv, intake, opts)
	if err := errors.Join(srv.AddHook(new(auth.AllowHook), nil), srv.AddHook(h, nil)); err != nil {
		return nil, fmt.Errorf("set up broker: %w", err)
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("broker address: %w", err)
	}
	if err := srv.AddListener(listeners.NewNet("mqtt", ln)); err != nil {
		return nil, errors.Join(fmt.Errorf("set up broker: %w", err), ln.Close())
	}
	if err := srv.Serve(); err != nil {
		return nil, errors.Join(fmt.Errorf("start broker: %w", err), ln.Close())
	}
	return &Broker{srv: srv, hook: h, addr: ln.Addr().String()}, nil
}

// Addr returns the address that clients connect to, with the chosen port.
func (b *Broker) Addr() string { return b.addr }

// Close disconnects all clients and returns after their acknowledgements that
// were under way have been written or given up. Messages that were not
// acknowledged will be sent again by their senders. Closing again does nothing.
func (b *Broker) Close() error {
	b.once.Do(func() {
		b.hook.close()
		if err := b.srv.Close(); err != nil {
			b.closed = fmt.Errorf("close broker: %w", err)
		}
		b.hook.writers.Wait()
	})
	return b.closed
}

// hook takes observations out of the broker's ordinary way of a message.
type hook struct {
	mqtt.HookBase
	srv     *mqtt.Server
	intake  Intake
	opts    Options
	log     *slog.Logger
	m       *metrics
	writers sync.WaitGroup // goroutines that write acknowledgements

	sessions sync.Map // *mqtt.Client → *session
	closing  atomic.Bool
}

func newHook(srv *mqtt.Server, intake Intake, opts Options) *hook {
	return &hook{srv: srv, intake: intake, opts: opts,
		log: opts.Logger.With("component", "broker"), m: newMetrics(opts.Registerer, srv)}
}

// ID names the hook in the broker's log.
func (h *hook) ID() string { return "urbangrid-intake" }

// Provides names the events that the hook wants.
func (h *hook) Provides(event byte) bool {
	return bytes.IndexByte([]byte{mqtt.OnPacketRead, mqtt.OnPublish, mqtt.OnDisconnect}, event) >= 0
}

// OnPacketRead answers a repeated QoS 2 PUBLISH whose PUBREC is under way or
// lost with another PUBREC (MQTT 5, 4.3.3) and keeps it from going any further.
// The broker by itself would answer "packet identifier in use", which a sender
// takes for a refusal.
func (h *hook) OnPacketRead(cl *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	if pk.FixedHeader.Type != packets.Publish || pk.FixedHeader.Qos != 2 {
		return pk, nil
	}
	known, ok := cl.State.Inflight.Get(pk.PacketID)
	if !ok || known.FixedHeader.Type != packets.Pubrec {
		return pk, nil
	}
	h.session(cl).repeat(reply{id: pk.PacketID, kind: packets.Pubrec})
	pk.TopicName = mqtt.SysPrefix // a topic that no client may publish on: the broker drops it without a word
	pk.Properties.TopicAliasFlag = false
	return pk, nil
}

// OnPublish hands an observation to the intake and keeps the broker from
// acknowledging and distributing it; session does both after the commit. It
// blocks, and so reads nothing more from this client, while the client has
// ReceiveMaximum messages waiting or the intake is full.
func (h *hook) OnPublish(cl *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	if cl.Net.Inline || !h.intake.Accepts(pk.TopicName) {
		return pk, nil
	}
	s := h.session(cl)
	msg := ingest.Message{Topic: pk.TopicName, Payload: pk.Payload, Received: now(), Lossy: pk.FixedHeader.Qos == 0}
	if msg.Lossy {
		h.intake.Submit(msg)
		if h.distributes(&pk) {
			return pk, nil // there is nothing to wait for
		}
		return pk, packets.ErrRejectPacket
	}
	token, ok := s.wait(&pk, h.distributes(&pk))
	if ok {
		msg.Source, msg.Token = s, token
		h.intake.Submit(msg)
	}
	return pk, packets.ErrRejectPacket
}

// distributes reports whether anyone but the intake may want the message.
func (h *hook) distributes(pk *packets.Packet) bool {
	return pk.FixedHeader.Retain || atomic.LoadInt64(&h.srv.Info.Subscriptions) > 0
}

// OnDisconnect forgets the client. What it had waiting is committed and then
// acknowledged to nobody, which is no error: it will send again.
func (h *hook) OnDisconnect(cl *mqtt.Client, _ error, _ bool) {
	if s, ok := h.sessions.LoadAndDelete(cl); ok {
		s.(*session).leave()
	}
}

func (h *hook) session(cl *mqtt.Client) *session {
	if s, ok := h.sessions.Load(cl); ok {
		return s.(*session)
	}
	v, _ := h.sessions.LoadOrStore(cl, newSession(h, cl))
	s := v.(*session)
	if h.closing.Load() {
		s.leave()
	}
	return s
}

// close frees the clients that wait for room, for good.
func (h *hook) close() {
	h.closing.Store(true)
	h.sessions.Range(func(_, s any) bool {
		s.(*session).leave()
		return true
	})
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
