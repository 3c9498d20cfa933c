package broker

import (
	"bytes"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/urbangrid/urbangrid/ingest"
)

// hook takes observations out of the broker's ordinary way of a message.
type hook struct {
	mqtt.HookBase
	srv    *mqtt.Server
	intake Intake
	opts   Options
	log    *slog.Logger
	m      *metrics
	clock  ingest.Clock // of receipt

	writersMu sync.Mutex     // guards ended, and that nothing is added to writers after it
	ended     bool           // no writer is started any more
	writers   sync.WaitGroup // goroutines that write acknowledgements and give messages to subscribers

	sessions   sync.Map // *mqtt.Client → *session
	identities sync.Map // client id → *identity, for as long as the session lives
	throttle   *throttle
	slots      chan struct{} // one token for each goroutine inside of Submit
	wills      chan struct{} // one token for each will inside of Submit
	closing    atomic.Bool

	mu      sync.Mutex             // guards delayed
	delayed map[string]*time.Timer // wills to come, by client id
}

// maxSubmitting bounds the clients that wait inside of the intake. The others
// wait where the end of their connection wakes them, so that a client that comes
// back again and again while the journal stands still leaves nothing behind.
const maxSubmitting = 64

func newHook(srv *mqtt.Server, intake Intake, opts Options) *hook {
	return &hook{srv: srv, intake: intake, opts: opts,

		log: opts.Logger.With("component", "broker"), m: newMetrics(opts.Registerer, srv),
		throttle: newThrottle(), delayed: map[string]*time.Timer{},
		slots: make(chan struct{}, maxSubmitting), wills: make(chan struct{}, maxWills)}
}

// ID names the hook in the broker's log.
func (h *hook) ID() string { return "urbangrid-intake" }

// Provides names the events that the hook wants.
func (h *hook) Provides(event byte) bool {
	return bytes.IndexByte([]byte{
		mqtt.OnConnectAuthenticate, mqtt.OnACLCheck, mqtt.OnSubscribed,
		mqtt.OnSessionEstablished, mqtt.OnClientExpired,
		mqtt.OnPacketRead, mqtt.OnPublish, mqtt.OnWill, mqtt.OnDisconnect,
	}, event) >= 0
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
	if cl.Net.Inline {
		return pk, nil
	}
	if pk.Properties.TopicAliasFlag && h.opts.Auth != nil && !h.mayPublish(cl, pk.TopicName) {
		return pk, h.deny(cl, pk)
	}
	if !h.intake.Accepts(pk.TopicName) {
		return pk, nil
	}
	s := h.session(cl)
	msg := ingest.Message{Topic: pk.TopicName, Payload: pk.Payload, Received: h.clock.Now(), Lossy: pk.FixedHeader.Qos == 0, QoS: int8(pk.FixedHeader.Qos)}
	if msg.Lossy {
		h.intake.Submit(msg)
		if h.distributes(&pk) {
			return pk, nil // there is nothing to wait for
		}
		return swallow(pk), nil
	}
	token, ok := s.wait(&pk, h.distributes(&pk))
	if ok && s.enter() {
		msg.Source, msg.Token = s, token
		h.intake.Submit(msg)
		<-h.slots
	}
	return swallow(pk), nil
}

// swallow makes the library neither acknowledge nor retain nor distribute the
// packet. ErrRejectPacket does the same, but makes a line for a debug log of the
// whole packet, which costs half a microsecond even when nobody reads it.
func swallow(pk packets.Packet) packets.Packet {
	pk.FixedHeader.Qos = 0
	pk.Ignore = true
	return pk
}

// deny answers a publication behind a topic alias; for others the library does
// it. Only MQTT 5 has aliases, so there is a reason code to answer with.
func (h *hook) deny(cl *mqtt.Client, pk packets.Packet) error {
	if pk.FixedHeader.Qos > 0 {
		kind := packets.Puback
		if pk.FixedHeader.Qos == 2 {
			kind = packets.Pubrec
		}
		err := cl.WritePacket(packets.Packet{
			FixedHeader: packets.FixedHeader{Type: kind}, PacketID: pk.PacketID, ReasonCode: packets.ErrNotAuthorized.Code,
		})
		if err != nil {
			h.log.Debug("refusal not written", "client", cl.ID, "error", err)
		}
	}
	return packets.ErrRejectPacket
}

// distributes reports whether anyone but the intake may want the message.
func (h *hook) distributes(pk *packets.Packet) bool {
	return pk.FixedHeader.Retain || atomic.LoadInt64(&h.srv.Info.Subscriptions) > 0
}

// OnDisconnect forgets the client. What it had waiting is committed and then
// acknowledged to nobody, which is no error: it will send again.
func (h *hook) OnDisconnect(cl *mqtt.Client, _ error, expire bool) {
	if s, ok := h.sessions.LoadAndDelete(cl); ok {
		s.(*session).leave()
	}
	if expire {
		h.forgetIdentity(cl)
	}
}

// OnSessionEstablished is called after CONNACK.
func (h *hook) OnSessionEstablished(cl *mqtt.Client, _ packets.Packet) {
	h.cancelWill(cl.ID)
	h.established(cl)
}

// OnClientExpired is called when a session was kept for long enough. The library
// forgets the client and not its subscriptions.
func (h *hook) OnClientExpired(cl *mqtt.Client) {
	h.srv.UnsubscribeClient(cl)
	cl.ClearInflights()
	h.forgetIdentity(cl)
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

// start runs f on its own, unless everything has been closed: then there is
// nobody left to write to.
func (h *hook) start(f func()) {
	h.writersMu.Lock()
	defer h.writersMu.Unlock()
	if !h.ended {
		h.writers.Go(f)
	}
}

// end returns when the goroutines of start have ended.
func (h *hook) end() {
	h.writersMu.Lock()
	h.ended = true
	h.writersMu.Unlock()
	h.writers.Wait()
}

// close frees the clients that wait for room, for good.
func (h *hook) close() {
	h.closing.Store(true)
	h.mu.Lock()
	for id, t := range h.delayed {
		t.Stop()
		delete(h.delayed, id)
	}
	h.mu.Unlock()
	h.sessions.Range(func(_, s any) bool {
		s.(*session).leave()
		return true
	})
}

// established takes the connection off the list of those that have not said
// CONNECT.
func (h *hook) established(cl *mqtt.Client) {
	if l, ok := h.srv.Listeners.Get(cl.Net.Listener); ok {
		if own, ok := l.(*listener); ok {
			own.forget(cl.Net.Conn)
		}
	}
}
