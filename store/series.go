// Package store keeps what the journal carries: observations and roll-ups as
// time series, and the records of people's work. It holds the contracts and the
// recorder; duckdb, influx and sqlite are the implementations, and storetest is
// the suite of promises that every series store passes.
package store

import (
	"context"
	"errors"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

// ErrUnavailable marks a failure that may pass: the store could not be reached
// or was busy. The same write may be offered again.
var ErrUnavailable = errors.New("series store is unavailable")

// Away is an ErrUnavailable that says for how long: the server asked for a pause
// of After before the next attempt.
type Away struct {
	After time.Duration
	Err   error
}

// Error implements error.
func (a *Away) Error() string { return a.Err.Error() }

// Unwrap makes an Away an ErrUnavailable as well as what it wraps.
func (a *Away) Unwrap() []error { return []error{ErrUnavailable, a.Err} }

// ErrInvalidQuery marks a question that can never be answered. Its text says
// what is wrong with it and is fit for the asker.
var ErrInvalidQuery = errors.New("invalid query")

// Position is how far a journal has been taken in.
type Position struct {
	Journal string // identity of the journal, so that a new journal starts anew
	Seq     uint64 // the newest entry that is wholly in the store; 0 for none
}

// Entry is the observations of one journal entry.
type Entry struct {
	Seq          uint64
	Observations []grid.Placed
}

// Series keeps observations and their roll-ups (count, sum, min, max, last for
// each of grid.Spans and each calendar day of a zone, kind, cell and area).
// Implementations are safe for concurrent use; Write is called by one recorder
// at a time.
type Series interface {
	// Position returns the position saved by the last Write for the journal,
	// Seq 0 when there is none. After a crash it may lie before data that is
	// already there; Write must then be offered the entries again.
	Position(ctx context.Context, journal string) (Position, error)

	// Write takes in entries in ascending order of Seq, the last of which is
	// to.Seq, and saves to. A nil error means that observations, roll-ups and
	// position are durable. After an error, or a crash at any point, the same
	// entries (grouped in any way) may be offered again after asking Position,
	// and everything is counted once. The caller keeps ownership of entries.
	//
	// What is the same within ingest's memory was told apart by ingest; here each
	// such observation counts. What is older than that when it comes (Received
	// lies further behind At than the backend's HistoryAfter) is history: one that
	// is held already, by device, kind, At and ID, is left out, so that a file that
	// is replayed weeks later changes neither observations nor roll-ups. The one
	// that was stored first stays, with its place.
	//
	// What the backend can never hold (see OnRejected of its Options) is reported
	// and is neither in the observations nor in the roll-ups; it does not hold up
	// the others. Observations are Storable and their texts are UTF-8, which the
	// Recorder sees to.
	Write(ctx context.Context, to Position, entries []Entry) error

	// Points answers a query, from raw values for a device, else from the
	// roll-ups of the coarsest span that divides q.Every. It returns one line,
	// which has no points when nothing was observed. Errors: ErrInvalidQuery,
	// ErrUnavailable.
	Points(ctx context.Context, q Query) ([]Line, error)

	// Cube returns the roll-ups of one kind for many places and windows at once. It
	// reads roll-ups and what is not yet in them, never all observations of a time.
	// Of windows that are older than the span that they are answered from is kept,
	// it knows nothing. Errors: ErrInvalidQuery, also for what would have more than
	// MaxCube values, and ErrUnavailable.
	Cube(ctx context.Context, q CubeQuery) (Cube, error)

	// CubeState names the state of the data behind the answer to q, in a text that
	// is fit for an HTTP entity tag. When it is the same before a Cube and at a later
	// time, the Cube would be the same then; so ask it first, and keep the Cube
	// under it. It costs what a Cube of the city costs. With is not looked at.
	// Errors: as Cube.
	CubeState(ctx context.Context, q CubeQuery) (string, error)

	// Observations returns raw observations, newest first by (At, then a fixed
	// order among equals), at most q.Limit of them, and the cursor of the next
	// page, "" after the last. Errors: ErrInvalidQuery, ErrUnavailable.
	Observations(ctx context.Context, q ObservationQuery) (page []grid.Placed, next string, err error)

	// Counts returns for each kind how many observations the store holds in
	// [from, to).
	Counts(ctx context.Context, from, to time.Time) (map[sensors.KindKey]int64, error)

	// Usage returns what the store holds and takes. It may read a good part of
	// the data: it is for a person who asks. Errors: ErrUnavailable.
	Usage(ctx context.Context) (Usage, error)

	// Ping returns nil when the store can be written to and read from.
	Ping(ctx context.Context) error

	// Close releases what the store holds. Written data stays.
	Close() error
}

// Aggregate is how a window's observations become one value.
type Aggregate string

// The aggregates that can be asked for.
const (
	Count Aggregate = "count"
	Sum   Aggregate = "sum"
	Mean  Aggregate = "mean"
	Min   Aggregate = "min"
	Max   Aggregate = "max"
	Last  Aggregate = "last"
)

// Query asks for one kind over time. At most one of Device, Cell and Area may
// be set; with none, the whole city is one line. The answer is for whole
// windows: every one that [From, To) touches, see Windows.
type Query struct {
	Kind   sensors.KindKey
	Device sensors.DeviceID
	Cell   grid.Cell // at grid.Resolution or coarser: then its descendants are taken together
	Area   grid.AreaCode
	From   time.Time     // inclusive
	To     time.Time     // exclusive
	Every  time.Duration // window length, aligned to the Unix epoch: whole seconds for a device, else a multiple of grid.TenSeconds
	Agg    Aggregate
}

// MaxPoints bounds how many windows one Query may ask for.
const MaxPoints = 20_000

// Point is the value of the window that starts at Start. Windows without an
// observation have no point.
type Point struct {
	Start time.Time
	Value float64
}

// Line is the answer for one key, in ascending order of Start.
type Line struct {
	Kind   sensors.KindKey
	Device sensors.DeviceID
	Cell   grid.Cell
	Area   grid.AreaCode
	Points []Point
}

// ObservationQuery asks for raw observations. Zero fields do not narrow.
type ObservationQuery struct {
	Device sensors.DeviceID
	Kind   sensors.KindKey
	Cell   grid.Cell
	From   time.Time // inclusive
	To     time.Time // exclusive
	Limit  int       // 1 to MaxObservations
	Cursor string    // from the page before, "" for the first
}

// MaxObservations bounds a page.
const MaxObservations = 5_000
