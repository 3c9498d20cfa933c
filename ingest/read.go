package ingest

import (
	"fmt"
	"sync"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/stream"
)

// Accepts reports whether messages on topic are observations.
func (in *Intake) Accepts(topic string) bool { return in.format(topic) != nil }

// format is the first one that accepts topic, nil when none does.
func (in *Intake) format(topic string) sensors.Format {
	for _, f := range in.formats {
		if f.Accepts(topic) {
			return f
		}
	}
	return nil
}

// scratch holds what Submit needs between decoding and the batch.
type scratch struct {
	report  sensors.Report
	placed  []grid.Placed
	keys    []key
	rejects []stream.Reject
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

func (s *scratch) release() {
	s.report.Reset()
	clear(s.placed)
	clear(s.rejects)
	s.placed, s.keys, s.rejects = s.placed[:0], s.keys[:0], s.rejects[:0]
	scratches.Put(s)
}

// Submit takes in one message on a topic that Accepts. It blocks while
// MaxPending observations wait for their commit: that is how a slow journal
// slows its publishers. A lossy message is dropped and counted instead. After
// the context of Run has ended nothing is taken in, and nothing acknowledged.
func (in *Intake) Submit(msg Message) {
	in.m.messages.Inc()
	format := in.format(msg.Topic)
	if format == nil {
		return
	}
	s := scratches.Get().(*scratch)
	defer s.release()
	in.read(s, format, msg)
	if in.opts.Heard != nil {
		in.opts.Heard(Heard{Message: msg, Format: format.Name(), Placed: s.placed, Rejects: s.rejects, Private: s.report.Private})
	}
	in.enqueue(s, msg)
}

// read decodes, checks and places what the message says into s.
func (in *Intake) read(s *scratch, format sensors.Format, msg Message) {
	format.Decode(&s.report, msg.Topic, msg.Payload, msg.Received)
	for i := range s.report.Health {
		// A device whose clock was ahead once would keep what it said then until
		// that time has come.
		if h := &s.report.Health[i]; h.At.After(msg.Received) {
			h.At = msg.Received
		}
	}
	for _, f := range s.report.Faults {
		s.reject(msg, f.Reason, f.Detail, f.Raw)
	}
	for i := range s.report.Observations {
		o := &s.report.Observations[i]
		if reason, detail := in.refuse(o, msg.Received); reason != "" {
			s.reject(msg, reason, detail, describe(o))
			continue
		}
		placed, ok := in.placer.Place(*o)
		if !ok {
			s.reject(msg, ReasonNoPosition, "no position in the message or the register", describe(o))
			continue
		}
		s.placed = append(s.placed, placed)
		s.keys = append(s.keys, keyOf(o))
	}
}

// refuse says why an observation cannot be kept, "" twice when it can.
func (in *Intake) refuse(o *sensors.Observation, received time.Time) (reason, detail string) {
	if !sensors.ValidDeviceID(string(o.Device)) {
		return sensors.ReasonBadDevice, fmt.Sprintf("%.40q is not a device id", o.Device)
	}
	if in.opts.Known != nil && !in.opts.Known(o.Device) {
		return ReasonUnknownDevice, fmt.Sprintf("device %s is not in the register", o.Device)
	}
	if reason, detail := in.catalog.Check(*o, received); reason != "" {
		return reason, detail
	}
	if in.opts.Sends != nil && !in.opts.Sends(o.Device, o.Kind) {
		return ReasonUnexpectedKind, fmt.Sprintf("device %s is not registered to send %s", o.Device, o.Kind)
	}
	return "", ""
}

// describe is the observation as quarantine shows it when it was not the
// message itself that was at fault.
func describe(o *sensors.Observation) []byte {
	attrs := o.Attrs
	if attrs == "" {
		attrs = "null"
	}
	return fmt.Appendf(nil, `{"device":%q,"kind":%q,"value":%v,"time":%q,"id":%q,"attrs":%s}`,
		o.Device, o.Kind, o.Value, o.At.Format(time.RFC3339Nano), o.ID, attrs)
}

const (
	maxRejectBytes  = 1024     // what quarantine shows of the part at fault
	maxMessageBytes = 16 << 10 // longest message that quarantine keeps whole
)

// reject notes a part of msg that is no observation. The first of a message
// carries the message itself, so that it can be read again.
func (s *scratch) reject(msg Message, reason, detail string, raw []byte) {
	r := stream.Reject{
		At: msg.Received, Reason: reason, Detail: detail, Topic: msg.Topic,
		Payload: append([]byte(nil), raw[:min(len(raw), maxRejectBytes)]...),
		Size:    len(msg.Payload),
	}
	if len(s.rejects) == 0 && len(msg.Payload) <= maxMessageBytes && !s.report.Private {
		r.Message = append([]byte{}, msg.Payload...)
	}
	s.rejects = append(s.rejects, r)
}
