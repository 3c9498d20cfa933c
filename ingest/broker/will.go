package broker

import (
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/urbangrid/urbangrid/ingest"
)

// maxWills bounds the wills that wait for room in the intake at once.
const maxWills = 1024

// muted is a will that the broker gives to nobody: no filter matches its topic.
var muted = mqtt.Will{}

// OnWill takes a will on a topic of the intake the way of every other message:
// submitted, committed, and then given to subscribers. The broker by itself
// would give wills to subscribers only, whatever the topic. It is called when
// the client has gone without goodbye, by the goroutine that read from it, so
// after everything the client has sent.
func (h *hook) OnWill(cl *mqtt.Client, will mqtt.Will) (mqtt.Will, error) {
	if h.closing.Load() {
		return muted, nil // the broker stops: that says nothing about the device
	}
	if h.opts.Auth != nil {
		if who := h.identity(cl); who == nil || !who.MayPublish(will.TopicName) {
			h.m.denied.WithLabelValues(deniedWill).Inc()
			return muted, nil
		}
	}
	if !h.intake.Accepts(will.TopicName) {
		return will, nil
	}
	delay := time.Duration(will.WillDelayInterval) * time.Second
	cl.Properties.Will.WillDelayInterval = 0 // it is kept here, not by the broker
	// The session ends with the connection when MQTT 5 names no expiry, and the
	// will is due at the end of the session at the latest.
	if delay == 0 || !cl.Properties.Props.SessionExpiryIntervalFlag {
		h.submitWill(will)
		return muted, nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if t, ok := h.delayed[cl.ID]; ok {
		t.Stop()
	}
	var t *time.Timer
	t = time.AfterFunc(delay, func() {
		h.mu.Lock()
		due := h.delayed[cl.ID] == t
		if due {
			delete(h.delayed, cl.ID)
		}
		h.mu.Unlock()
		if due && !h.closing.Load() {
			h.submitWill(will)
		}
	})
	h.delayed[cl.ID] = t
	return muted, nil
}

// cancelWill drops a delayed will because its client is back.
func (h *hook) cancelWill(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if t, ok := h.delayed[id]; ok {
		t.Stop()
		delete(h.delayed, id)
	}
}

// submitWill blocks while the intake is full. Beyond maxWills that wait so, and
// at QoS 0, wills are dropped and counted.
func (h *hook) submitWill(will mqtt.Will) {
	w := &lastWill{h: h, publish: &packets.Packet{
		FixedHeader: packets.FixedHeader{Type: packets.Publish, Qos: will.Qos, Retain: will.Retain},
		TopicName:   will.TopicName, Payload: will.Payload,
	}}
	msg := ingest.Message{Topic: will.TopicName, Payload: will.Payload, Received: h.clock.Now(), Lossy: will.Qos == 0, QoS: int8(will.Qos)}
	if msg.Lossy {
		h.intake.Submit(msg)
		h.distribute(w.publish)
		return
	}
	select {
	case h.wills <- struct{}{}:
		msg.Source = w
		h.intake.Submit(msg)
		<-h.wills
	default:
		h.m.willsDropped.Inc()
	}
}

// lastWill is a will that waits for its commit.
type lastWill struct {
	h       *hook
	publish *packets.Packet
}

// Committed gives the will to subscribers; see ingest.Source.
func (w *lastWill) Committed(uint64) {
	w.h.start(func() { w.h.distribute(w.publish) })
}
