// Package stream is the journal and the bus, on NATS JetStream: embedded in the
// process, or a cluster. The journal is the write-ahead log of observations; a
// Log is a numbered stream of events.
package stream

import (
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

// Reject is a message, or a part of one, that could not become an observation.
// It is journalled, so that an acknowledged message is never lost without trace.
type Reject struct {
	At      time.Time // received
	Reason  string
	Detail  string
	Topic   string
	Payload []byte // the part at fault, its first bytes
	Size    int    // bytes of the whole payload
	Message []byte // the whole payload, so that it can be read again; nil when it is too long or comes with another reject of the same message
}

// Entry is one committed batch. Whoever receives it from Follow owns it alone.
type Entry struct {
	Seq          uint64    // ascending, starts at 1, may have gaps
	At           time.Time // when it was committed
	Observations []grid.Placed
	Rejects      []Reject
	Health       []sensors.Health
}

// Event is one message of a Log.
type Event struct {
	Seq     uint64
	At      time.Time
	Payload []byte
}
