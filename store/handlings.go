package store

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/urbangrid/urbangrid/grid"
)

// ErrNotApplicable says that an action means nothing for an alert in its present
// state, such as acknowledging what is done. Repeating it is useless.
var ErrNotApplicable = errors.New("not applicable in the present state")

// ErrKeyReused says that the idempotency key of a command was that of another
// command on the same alert. Take a new key.
var ErrKeyReused = errors.New("idempotency key of another command")

// HandlingState is how far people are with an alert. It is apart from AlertState:
// what is over in the city may still wait for somebody to look at it, and the
// other way about.
type HandlingState string

// The states of handling. The zero one is that of an alert that nobody has
// looked at.
const (
	HandlingNew          HandlingState = ""
	HandlingAcknowledged HandlingState = "acknowledged" // somebody looks into it
	HandlingDispatched   HandlingState = "dispatched"   // it was sent to those who go there
	HandlingDone         HandlingState = "done"
)

// HandlingStates are all of them, in the order of the work.
var HandlingStates = [...]HandlingState{HandlingNew, HandlingAcknowledged, HandlingDispatched, HandlingDone}

// HandlingAction is what a person does about an alert.
type HandlingAction string

// The actions.
const (
	ActAcknowledge HandlingAction = "acknowledge" // also takes over from somebody else
	ActDispatch    HandlingAction = "dispatch"    // sends it to an area or a unit
	ActComment     HandlingAction = "comment"
	ActConfirm     HandlingAction = "confirmed"   // answers that it was so
	ActFalseAlarm  HandlingAction = "false_alarm" // answers that nothing was the matter, which closes it
	ActMute        HandlingAction = "mute"        // asks for quiet about the like of it
	ActClose       HandlingAction = "close"
	ActReopen      HandlingAction = "reopen"
)

// HandlingActions are all of them.
var HandlingActions = [...]HandlingAction{
	ActAcknowledge, ActDispatch, ActComment, ActConfirm, ActFalseAlarm, ActMute, ActClose, ActReopen,
}

// After returns the state that a leads to from s, and false when it means nothing
// there. Whoever says anything about a new alert but a comment has looked at it.
func (a HandlingAction) After(s HandlingState) (HandlingState, bool) {
	looked := s
	if s == HandlingNew {
		looked = HandlingAcknowledged
	}
	switch a {
	case ActAcknowledge:
		return HandlingAcknowledged, s == HandlingNew || s == HandlingAcknowledged
	case ActDispatch:
		return HandlingDispatched, s != HandlingDone
	case ActComment:
		return s, true
	case ActConfirm, ActMute:
		return looked, true
	case ActFalseAlarm:
		return HandlingDone, true
	case ActClose:
		return HandlingDone, s != HandlingDone
	case ActReopen:
		return HandlingAcknowledged, s == HandlingDone
	}
	return s, false
}

// Answer returns the answer that a stands for, "" for none.
func (a HandlingAction) Answer() Answer {
	if slices.Contains(Answers[:], Answer(a)) {
		return Answer(a)
	}
	return ""
}

// Destination is where an alert was sent: an area's own people, or a unit by its
// name. The zero one is nowhere.
type Destination struct {
	Area grid.AreaCode
	Unit string
}

// Handling is how far people are with one alert. It changes apart from the
// alert's Revision.
type Handling struct {
	State   HandlingState
	Version int64       // Seq of the newest entry of the log, 0 while there is none
	By      string      // who brought it into State or took it over, "" while nobody has
	At      time.Time   // when
	To      Destination // of the last dispatch
	Answer  Answer      // what people say of the alert, "" while nobody has answered
}

// With returns h after e.
func (h Handling) With(e HandlingEntry) Handling {
	h.Version = e.Seq
	if e.State != h.State || e.Action == ActAcknowledge || e.Action == ActDispatch {
		h.State, h.By, h.At = e.State, e.By, e.At
	}
	if e.Action == ActDispatch {
		h.To = e.To
	}
	if answer := e.Action.Answer(); answer != "" {
		h.Answer = answer
	}
	return h
}

// HandlingEntry is what one person did about an alert at one time. It never
// changes.
type HandlingEntry struct {
	AlertID string
	Seq     int64 // 1 for the first of an alert, without gaps
	At      time.Time
	By      string
	Action  HandlingAction
	Note    string
	To      Destination   // of ActDispatch
	State   HandlingState // after it
	Mute    string        // ID of the mute that ActMute asked for
}

// AnyVersion as HandlingCommand.Known goes together with every version.
const AnyVersion = -1

// HandlingCommand asks for one entry in the log of an alert.
type HandlingCommand struct {
	AlertID string
	Action  HandlingAction
	By      string
	Note    string
	To      Destination // for ActDispatch
	At      time.Time
	Known   int64  // Version of the Handling that its author has seen, or AnyVersion
	Key     string // of idempotency: the same command again does nothing; "" for none
	Mute    *Mute  // for ActMute
}

// Handled is what became of a command.
type Handled struct {
	Alert    Alert // with its Handling as it is kept now
	Entry    HandlingEntry
	Repeated bool // the command had been taken before
}

// MaxHandlingEntries bounds a page of the log of an alert.
const MaxHandlingEntries = 1_000

// Handlings keeps what people do about alerts. It is safe for concurrent use.
type Handlings interface {
	// Handle appends to the log of an alert, when the version that is kept is
	// c.Known, and changes the alert's Handling, its verdict and the mutes as the
	// action says: all of that, or nothing. It puts the alert on the outbox.
	// Errors: ErrNotFound; ErrConflict, together with the Alert as it is kept;
	// ErrNotApplicable, likewise; ErrKeyReused; ErrInvalidMute.
	Handle(ctx context.Context, c HandlingCommand) (Handled, error)
	// HandlingLog returns the entries after a Seq, the oldest first, at most
	// limit. An alert that is unknown has none.
	HandlingLog(ctx context.Context, alert string, after int64, limit int) ([]HandlingEntry, error)
	// TakeUpsOf returns how soon alerts were taken up, by their IDs, of which at most
	// MaxAlerts are asked for. An alert that is unknown is not in it.
	TakeUpsOf(ctx context.Context, alerts []string) (map[string]TakeUp, error)
}

// TakeUp is how soon people did something about an alert, and whether they had
// to come back to it.
type TakeUp struct {
	Severity Severity
	Raised   time.Time
	Taken    time.Time // of the first entry of the log, zero while there is none
	Cleared  time.Time // zero while it is open
	Reopened int       // how often it was opened again
}
