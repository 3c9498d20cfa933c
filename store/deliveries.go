package store

import (
	"context"
	"time"
)

// DeliveryState is where a delivery is in its life.
type DeliveryState string

// The states of a delivery.
const (
	DeliveryWaiting   DeliveryState = "waiting"   // for its first or next attempt
	DeliveryDelivered DeliveryState = "delivered" // the channel took it
	DeliveryDead      DeliveryState = "dead"      // no attempt is left; a person may send it again
	DeliveryWithheld  DeliveryState = "withheld"  // it was not to be sent any more when its turn came
)

// DeliveryStates are all states, in the order of life.
var DeliveryStates = [...]DeliveryState{DeliveryWaiting, DeliveryDelivered, DeliveryDead, DeliveryWithheld}

// Delivery is one message to one channel about one change of an alert.
type Delivery struct {
	ID        int64
	Channel   string
	Alert     string // ID of the alert
	Revision  int64  // of the alert
	Event     string // what happened to it: "raised", "risen"
	Payload   []byte // the alert as it was, in the form of the alert log
	State     DeliveryState
	Attempts  int
	Next      time.Time // of the next attempt while it waits
	Fault     string    // of the last attempt, or why it was withheld; "" for none
	CreatedAt time.Time
	EndedAt   time.Time // zero while it waits
}

// DeliveryQuery asks for deliveries, the newest first. Zero fields do not narrow.
type DeliveryQuery struct {
	Channel string
	Alert   string
	State   DeliveryState
	Before  int64 // only deliveries with a smaller ID
	Limit   int   // 1 to MaxDeliveries; 0 means 100
}

// MaxDeliveries bounds a page of deliveries.
const MaxDeliveries = 500

// Deliveries is the queue of messages to channels. It is safe for concurrent use.
type Deliveries interface {
	// QueueDeliveries enters deliveries and the position in the alert log in one
	// transaction. One that is there already, by channel, alert and revision, and a
	// position that is not after the saved one, change nothing. It returns how many
	// were entered.
	QueueDeliveries(ctx context.Context, to Position, list []Delivery) (int, error)
	// DeliveryPosition returns the position of the last QueueDeliveries, the zero
	// Position when there never was one in this log.
	DeliveryPosition(ctx context.Context, log string) (Position, error)
	// DueChannels returns the channels for which something waits for an attempt at
	// the time or before, in ascending order.
	DueChannels(ctx context.Context, at time.Time) ([]string, error)
	// DueDeliveries returns those of a channel that wait for an attempt at the time
	// or before, the longest waiting first, at most limit.
	DueDeliveries(ctx context.Context, channel string, at time.Time, limit int) ([]Delivery, error)
	// SaveAttempt stores State, Attempts, Next, Fault and EndedAt of a delivery.
	// Errors: ErrNotFound.
	SaveAttempt(ctx context.Context, d Delivery) error
	// FindDeliveries returns deliveries, the newest first. Errors: ErrInvalidQuery.
	FindDeliveries(ctx context.Context, q DeliveryQuery) ([]Delivery, error)
	// CountDeliveries returns how many there are by channel and state.
	CountDeliveries(ctx context.Context) (map[string]map[DeliveryState]int, error)
	// TrimDeliveries removes those that ended before a time, and of each channel the
	// oldest that ended beyond keep.
	TrimDeliveries(ctx context.Context, before time.Time, keep int) error
	// DropDeliveries removes all deliveries of a channel.
	DropDeliveries(ctx context.Context, channel string) error
}
