package sensors

import "time"

// Report is what one message says, in the order in which it says it. A format
// appends to it; what it appends does not share memory with the message, but for
// Fault.Raw.
type Report struct {
	Observations []Observation
	Health       []Health
	Faults       []Fault
	Commands     []Command

	// Private says that the message may hold personal data, such as a number
	// plate, and must not be kept as it came, not even in quarantine. Fault.Raw is
	// what may be shown.
	Private bool
}

// Reset empties the report and keeps its memory.
func (r *Report) Reset() {
	clear(r.Observations)
	clear(r.Health)
	clear(r.Faults)
	clear(r.Commands)
	r.Observations, r.Health = r.Observations[:0], r.Health[:0]
	r.Faults, r.Commands = r.Faults[:0], r.Commands[:0]
	r.Private = false
}

// Presence says whether a device can be reached.
type Presence uint8

// What a message can say about a device's presence.
const (
	PresenceUnsaid Presence = iota
	Online
	Offline
)

// Health is what a message says about a device itself rather than about the
// city. What it does not say is nil, zero or "".
type Health struct {
	Device         DeviceID
	At             time.Time // when it was so, UTC, whole microseconds
	Presence       Presence
	BatteryPercent *float64 // 0 to 100
	SignalDBm      *float64 // received signal strength
	Position       Position // where the device says that it is
	Note           string   // a fault of the device in the source's words, e.g. "ImageTooDark"; at most 256 bytes
}

// Command is a message that a format wants sent back, such as a request for a
// new birth certificate. It is sent after the message that caused it was
// committed, at most once, without a promise.
type Command struct {
	Topic   string
	Payload []byte
}

// Format reads the messages of one payload format. Implementations are safe for
// concurrent use.
type Format interface {
	// Name is the format's short name, lower case, e.g. "chirpstack": a label of
	// metrics.
	Name() string
	// Accepts reports whether messages on topic are of this format. It is called
	// for every message of the broker and must be cheap.
	Accepts(topic string) bool
	// Decode appends to r what the message says. What it cannot read becomes a
	// Fault; one bad field costs that field, not the message. Observations are
	// not yet held against the catalogue, placed or freed of duplicates: that is
	// done for all formats alike. An observation without Position is placed by
	// the register.
	Decode(r *Report, topic string, payload []byte, received time.Time)
}

// Ordered is a Format that remembers what it has read, so that the order of
// messages is part of what they say: a birth announces what the data after it
// means, a state begins before it ends. Whoever reads such messages gives them to
// Decode one after the other, in the order in which they were published.
type Ordered interface {
	Format
	// OrderedTopics returns the MQTT topic filters of the messages of which that
	// is true.
	OrderedTopics() []string
}
