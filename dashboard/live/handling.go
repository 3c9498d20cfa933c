package live

import (
	"cmp"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/store"
)

// HandlingNew is what people read of store.HandlingNew.
const HandlingNew = "new"

// Handling is how far people are with an alert. It changes apart from the
// revision of the alert, and each change is an event.
type Handling struct {
	State   string       `json:"state" enum:"new,acknowledged,dispatched,done"`
	Version int64        `json:"version" doc:"Number of the newest entry of its log, 0 while nobody has done anything; in quotes it is the ETag of the alert"`
	By      string       `json:"by" doc:"Who brought it into this state or took it over; empty while nobody has"`
	At      *time.Time   `json:"at" doc:"When, UTC; null while nobody has"`
	To      Destination  `json:"to" doc:"Where it was last sent"`
	Answer  store.Answer `json:"answer" enum:",confirmed,false_alarm" doc:"What people say of it; empty while nobody has answered"`
}

// Destination is where an alert was sent.
type Destination struct {
	Area grid.AreaCode `json:"area" doc:"Code of the area whose people it was sent to; empty for none"`
	Unit string        `json:"unit" doc:"Name of the unit it was sent to; empty for none"`
}

// HandlingOf returns the form of h that goes to people.
func HandlingOf(h store.Handling) Handling {
	out := Handling{
		State: StateOf(h.State), Version: h.Version, By: h.By, To: Destination(h.To), Answer: h.Answer,
	}
	if !h.At.IsZero() {
		at := h.At.UTC()
		out.At = &at
	}
	return out
}

// StateOf returns what people read of s.
func StateOf(s store.HandlingState) string { return cmp.Or(string(s), HandlingNew) }
