package store

import (
	"context"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

// LastMessage is the newest message that concerns a device: as it came, and as
// it was understood.
type LastMessage struct {
	Device   sensors.DeviceID
	Topic    string
	QoS      int8      // 0 to 2; -1 when it was read again from quarantine
	Received time.Time // UTC
	Format   string    // name of the format that read it
	Payload  []byte    // its first MaxLastPayload bytes; none of a private message
	Size     int       // bytes of the whole payload
	Private  bool      // it may hold personal data and is not kept as it came

	// Observations are those of the device that were taken in, at most
	// MaxLastObservations; Observed counts all of them, doubles among them.
	Observations []grid.Placed
	Observed     int
	// Faults are what was refused of the message, at most MaxLastFaults; Refused
	// counts all of them.
	Faults  []MessageFault
	Refused int
}

// MessageFault says why a part of a message is no observation.
type MessageFault struct {
	Reason string `json:"reason"`
	Detail string `json:"detail"`
}

// Bounds of a LastMessage.
const (
	MaxLastPayload      = 16 << 10
	MaxLastObservations = 32
	MaxLastFaults       = 16
)

// LastMessages keeps the last message of each device. It is safe for concurrent
// use.
type LastMessages interface {
	// SaveLastMessages keeps each unless a newer one of the same device is kept.
	// Those of devices that are neither in the register nor among the unknown
	// ones are forgotten.
	SaveLastMessages(ctx context.Context, list []LastMessage) error
	// LastMessage returns ErrNotFound when none of that device is kept.
	LastMessage(ctx context.Context, id sensors.DeviceID) (LastMessage, error)
}
