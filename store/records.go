package store

import (
	"context"
	"errors"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

// ErrNotFound says that no such record exists.
var ErrNotFound = errors.New("no such record")

// ErrAlertOpen says that another alert is open for the same rule, kind and
// place. Saving the same change again is useless: the open alert must be closed,
// or carried on.
var ErrAlertOpen = errors.New("an alert is already open for this rule, kind and place")

// AlertState is where an alert is in its life.
type AlertState string

// The states of an alert.
const (
	AlertOpen   AlertState = "open"
	AlertClosed AlertState = "closed"
)

// Severity ranks alerts.
type Severity string

// The severities, mildest first.
const (
	Notice   Severity = "notice"
	Warning  Severity = "warning"
	Critical Severity = "critical"
)

// Alert is the record of one alert. At most one alert per (Rule, Kind, Place)
// is open at a time; the database enforces it.
type Alert struct {
	ID        string // UUIDv7
	Revision  int64  // 1 when raised, grows with every change
	Rule      string
	Kind      sensors.KindKey
	Place     string // "device/<id>", "cell/<h3>", "hotspot/<id>" or "kind/<key>"
	State     AlertState
	Severity  Severity
	Device    sensors.DeviceID // "" for an alert about a cell
	Cell      grid.Cell
	Area      grid.AreaCode
	Point     grid.Point
	Value     float64 // what was seen: a level in the kind's unit, or a count
	Baseline  float64 // what it is held against: the threshold, or the expected count
	P         float64 // probability of Value or more under the baseline; 0 when the rule states none
	Window    time.Duration
	Reason    sensors.Names // the explanation as a sentence
	RaisedAt  time.Time     // phenomenon time of the observation that raised it
	UpdatedAt time.Time
	ClearedAt time.Time // zero while open

	Category AlertCategory
	Phase    AlertPhase
	// Cells are those of a hotspot in ascending order, at most MaxAlertCells; nil
	// for other alerts. Cell is the peak among them.
	Cells []grid.Cell
	// Devices are those whose observations speak for it, the most telling first,
	// at most MaxAlertDevices.
	Devices []sensors.DeviceID
	// Evidence is the newest observations behind it, newest first, at most
	// MaxEvidence.
	Evidence []Evidence
	// Score is the log-likelihood ratio of a scan, or the statistic that the rule
	// compares; 0 when it has none.
	Score float64
	// Recurrence says how seldom quiet history reaches Score: once in that time. 0
	// means that it is not known.
	Recurrence time.Duration
	Excess     float64 // Value less Baseline for counts, 0 for levels
	Flapping   bool    // it opened and closed so often that changes are held back
	Muted      bool    // nobody is to be notified of it
	MergedInto string  // ID of the alert that this one became a part of, "" otherwise

	// Handling is what people do about it. SaveAlerts does not look at it.
	Handling Handling
}

// AlertCategory is what an alert is about.
type AlertCategory string

// The categories. The empty one reads as AboutCity.
const (
	AboutCity    AlertCategory = "city"
	AboutQuality AlertCategory = "quality" // sensors and data; never a hotspot
)

// AlertPhase is how an open alert does. It is empty once the alert is closed,
// and for rules without phases.
type AlertPhase string

// The phases.
const (
	PhaseActive  AlertPhase = "active"
	PhaseCooling AlertPhase = "cooling" // below the clearing threshold, not for long enough yet
)

// Bounds of the lists of an alert. Those who raise alerts keep to them; the
// records keep what they are given.
const (
	MaxAlertCells   = 256
	MaxAlertDevices = 20
	MaxEvidence     = 10
)

// Evidence is one observation behind an alert.
type Evidence struct {
	Device sensors.DeviceID
	At     time.Time // phenomenon time, UTC
	Value  float64   // in the unit of the alert's kind
	Point  grid.Point
	Link   string // address of a snapshot, "" when the observation has none
}

// AlertQuery asks for alerts, newest first. Zero fields do not narrow.
type AlertQuery struct {
	ID       string
	State    AlertState
	Category AlertCategory
	Kind     sensors.KindKey
	Area     grid.AreaCode // also the areas within it, as AreaWithin has it
	Rule     string
	// Severities and Handling narrow to any of those named.
	Severities []Severity
	Handling   []HandlingState
	By         string // who brought it into its state of handling
	Text       string // in its reason, place or ID, in any case of ASCII letters
	Muted      *bool  // nil does not narrow
	// RaisedBefore and ClearedFrom narrow to a time: alerts that were raised before
	// its end, and are open or were cleared at or after its start.
	RaisedBefore, ClearedFrom time.Time
	Limit                     int // 1 to MaxAlerts; 0 means 200
	// Before is the ID of the last alert of the page before: only alerts that
	// come after it in the order are returned. An unknown one finds nothing.
	Before string
}

// MaxAlerts bounds a page of alerts.
const MaxAlerts = 1_000

// AlertCounter counts alerts. It is safe for concurrent use.
type AlertCounter interface {
	// CountAlerts returns how many alerts all pages of q have together; Limit and
	// Before say nothing here. Errors: ErrInvalidQuery.
	CountAlerts(ctx context.Context, q AlertQuery) (int, error)
}

// Alerts keeps alerts. It is safe for concurrent use.
type Alerts interface {
	// SaveAlerts stores changes and the judge's journal position in one
	// transaction. A nil error means that both are durable. Saving a revision
	// that is already there changes nothing. It puts each change on the outbox.
	// A position never moves back. Errors: ErrAlertOpen.
	SaveAlerts(ctx context.Context, to Position, changes []Alert) error
	// JudgedPosition returns the position of the last SaveAlerts, Seq 0 when the
	// journal is unknown.
	JudgedPosition(ctx context.Context, journal string) (Position, error)
	// FindAlerts returns alerts, newest RaisedAt first, of equals the greatest ID.
	// Errors: ErrInvalidQuery.
	FindAlerts(ctx context.Context, q AlertQuery) ([]Alert, error)
	// Outbox returns changes that Published has not been told of, oldest first.
	Outbox(ctx context.Context, limit int) ([]OutboxEntry, error)
	// Published takes entries up to and including id off the outbox.
	Published(ctx context.Context, id int64) error
}

// OutboxEntry is one alert change waiting to go to the numbered stream.
type OutboxEntry struct {
	ID    int64
	Alert Alert // as it was at that revision
}

// Reject is a message, or a part of one, that could not become an observation.
type Reject struct {
	At      time.Time // received
	Reason  string    // one of the ingest reasons
	Detail  string    // what exactly was wrong
	Topic   string
	Payload []byte // the part at fault, its first bytes
	Size    int    // bytes of the whole payload
	Message []byte // the whole payload, so that it can be read again; nil when it is too long or comes with another reject of the same message
	// Device is whose message it was, "" when nobody can tell.
	Device sensors.DeviceID
}

// RejectEntry is the rejects of one journal entry.
type RejectEntry struct {
	Seq     uint64
	Rejects []Reject
}

// Quarantine keeps rejects: all of them as counts by reason, the newest
// QuarantineSize of them whole. It is safe for concurrent use.
type Quarantine interface {
	// SaveRejects stores entries in ascending order of Seq and the position in
	// one transaction; entries at or before the saved position are ignored.
	SaveRejects(ctx context.Context, to Position, entries []RejectEntry) error
	// QuarantinePosition returns the position of the last SaveRejects, Seq 0 when
	// the journal is unknown.
	QuarantinePosition(ctx context.Context, journal string) (Position, error)
	// Rejects returns those of q that are kept, the newest first, at most limit,
	// older than the id before when before is not 0.
	Rejects(ctx context.Context, q RejectQuery, before int64, limit int) ([]QuarantinedReject, error)
	// RejectCounts returns how many were ever quarantined, by reason.
	RejectCounts(ctx context.Context) (map[string]int64, error)
	// KeptRejects counts those of q that are kept, by reason.
	KeptRejects(ctx context.Context, q RejectQuery) (map[string]KeptCount, error)
	// ReadableRejects returns those of q that have their Message, with a greater
	// id than after, the oldest first, at most limit.
	ReadableRejects(ctx context.Context, q RejectQuery, after int64, limit int) ([]QuarantinedReject, error)
	// RemoveRejects removes rejects and those that came with the same messages.
	// Counts stay.
	RemoveRejects(ctx context.Context, rejects []QuarantinedReject) error
}

// QuarantineSize is how many rejects are kept whole; the oldest make room.
const QuarantineSize = 10_000

// RejectQuery narrows rejects. Zero fields do not narrow.
type RejectQuery struct {
	ID     int64
	Reason string
	Device sensors.DeviceID
	Text   string    // in the topic or the detail; ASCII letters small and capital alike
	From   time.Time // received then or later
	To     time.Time // received before
}

// KeptCount counts rejects that are kept whole.
type KeptCount struct {
	Kept     int64
	Readable int64 // those of them that have their Message
}

// QuarantinedReject is a Reject with its number.
type QuarantinedReject struct {
	ID int64
	Reject
}

// Devices is the register. It is safe for concurrent use.
type Devices interface {
	// PutDevice enters or replaces a device by a person's hand: what people state
	// is taken from d, LastSeen and Condition stay as they were and Auto is
	// cleared. A new place goes to the history of its places; what was observed
	// before stays where it is.
	PutDevice(ctx context.Context, d sensors.Device) error
	// PutDevices does the same for many in one transaction: all of them or none.
	// Auto is entered as each says. What changed goes to the history of changes,
	// with the name of by.
	PutDevices(ctx context.Context, by string, list []sensors.Device) error
	// ChangeDevice does the same for d if the register still has version known of
	// it, 0 for none, and returns the device as it is now. Errors: ErrConflict,
	// together with the device as somebody else left it.
	ChangeDevice(ctx context.Context, by string, d sensors.Device, known int64) (sensors.Device, error)
	// DeviceChanges returns what people did to a device, the newest first, those
	// before the number before when it is not 0, at most limit.
	DeviceChanges(ctx context.Context, id sensors.DeviceID, before int64, limit int) ([]DeviceChange, error)
	// NoteDevice adds to the history of changes of a device what changed nothing
	// in the register, such as a new password.
	NoteDevice(ctx context.Context, id sensors.DeviceID, by string, action DeviceAction) error
	// SeenDevices enters unknown devices with Auto set and moves LastSeen
	// forward, never back.
	SeenDevices(ctx context.Context, seen map[sensors.DeviceID]time.Time) error
	// Device returns ErrNotFound for an unknown one.
	Device(ctx context.Context, id sensors.DeviceID) (sensors.Device, error)
	// ListDevices returns devices in order of ID, after the given one, at most
	// limit.
	ListDevices(ctx context.Context, after sensors.DeviceID, limit int) ([]sensors.Device, error)
	// DevicePlaces returns where a device stood, the newest place first; nothing
	// for one that is unknown or never had a place.
	DevicePlaces(ctx context.Context, id sensors.DeviceID) ([]sensors.Placement, error)
	// MovedDevices returns the places, as DevicePlaces does, of all devices that
	// had more than one.
	MovedDevices(ctx context.Context) (map[sensors.DeviceID][]sensors.Placement, error)
	// UnknownDevices returns those that were refused with ReasonUnknownDevice or
	// ReasonNoPosition and that nobody entered since, the last heard first, at most
	// limit.
	UnknownDevices(ctx context.Context, limit int) ([]UnknownDevice, error)
}

// ReasonUnknownDevice is why the message of a device that is not in a closed
// register is refused.
const ReasonUnknownDevice = "unknown_device"

// ReasonNoPosition is why an observation is refused that states no place, of a
// device that the register has none for.
const ReasonNoPosition = "no_position"

// MaxUnknownDevices bounds how many unknown devices are kept; those not heard of
// for the longest make room.
const MaxUnknownDevices = 10_000

// UnknownDevice is a device that spoke and is not in the register.
type UnknownDevice struct {
	ID        sensors.DeviceID
	Rejects   int64
	FirstSeen time.Time
	LastSeen  time.Time
	Topic     string // of its last message
	Reason    string // why that was refused
}

// Activities takes what the journal tells of devices. It is safe for concurrent
// use.
type Activities interface {
	// SaveActivity adds what devices did and the position up to which it was read
	// in one transaction; a list whose position is not after the saved one is
	// ignored. A device that observed something is entered with Auto set when it
	// is unknown; what is merely told about an unknown one is forgotten.
	SaveActivity(ctx context.Context, to Position, list []Activity) error
	// ActivityPosition returns the position of the last SaveActivity, Seq 0 when
	// the journal is unknown.
	ActivityPosition(ctx context.Context, journal string) (Position, error)
}

// Activity is what one device did since the position before. Zero times mean
// that nothing was said; what was said earlier than what is known changes
// nothing.
type Activity struct {
	Device       sensors.DeviceID
	Seen         time.Time // received time of its newest observation
	Observations int64
	Bad          int64

	Presence       sensors.Presence
	PresenceAt     time.Time
	BatteryPercent float64
	BatteryAt      time.Time
	SignalDBm      float64
	SignalAt       time.Time
	Reported       sensors.Position
	ReportedAt     time.Time
	Note           string
	NoteAt         time.Time
}

// Credentials keeps who may speak for which topics. It is safe for concurrent
// use.
type Credentials interface {
	// SaveCredential enters c or replaces the one of that user.
	SaveCredential(ctx context.Context, c sensors.Credential) error
	// RemoveCredential returns ErrNotFound when there is none.
	RemoveCredential(ctx context.Context, user string) error
	// Credential reports false when there is none.
	Credential(ctx context.Context, user string) (sensors.Credential, bool, error)
	// ListCredentials returns those after the given user in order of users, at
	// most limit.
	ListCredentials(ctx context.Context, after string, limit int) ([]sensors.Credential, error)
}
