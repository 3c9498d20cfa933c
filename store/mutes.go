package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

// ErrInvalidMute marks a mute that cannot be. Retrying it is useless.
var ErrInvalidMute = errors.New("invalid mute")

// MutePurpose is what a mute does.
type MutePurpose string

// The purposes.
const (
	// MuteAlerts withholds notification: alerts are raised, and marked as muted.
	MuteAlerts MutePurpose = "mute"
	// Maintenance takes observations out of judgement altogether.
	Maintenance MutePurpose = "maintenance"
)

// MaxMute bounds how long a mute lasts: what is quiet for longer is forgotten.
const MaxMute = 366 * 24 * time.Hour

// Mute keeps UrbanGrid quiet about a part of the city for a time. All fields
// that narrow must match; zero ones do not narrow. One narrows at least, or All
// says that none is meant to.
type Mute struct {
	ID      string // UUIDv7
	Purpose MutePurpose

	Kind   sensors.KindKey
	Area   grid.AreaCode // also the areas within it: those whose 15-digit code of the standard begins with its own
	Device sensors.DeviceID
	Cell   grid.Cell // of any resolution up to grid.Resolution: also the cells within it
	Rule   string    // not for maintenance: observations have no rule
	All    bool

	From      time.Time // in force from then
	To        time.Time // until just before; From when it was ended before it began
	Reason    string
	By        string // who asked for it
	CreatedAt time.Time

	EndedBy string    // who ended it before its time, "" while nobody has
	EndedAt time.Time // when that was

	Key  string // of the request that asked for it, "" for none
	Wish string // digest of what that request asked for
}

// Check returns an error that wraps ErrInvalidMute and says what is wrong.
func (m *Mute) Check() error {
	var faults []error
	fault := func(bad bool, what string) {
		if bad {
			faults = append(faults, errors.New(what))
		}
	}
	fault(m.ID == "", "it has no id")
	fault(m.Purpose != MuteAlerts && m.Purpose != Maintenance, fmt.Sprintf("no purpose is called %q", m.Purpose))
	fault(!m.narrows() && !m.All, "it must name a kind, an area, a device, a cell or a rule, or say that all is meant")
	fault(m.narrows() && m.All, "it cannot mean all and narrow to something")
	fault(m.Purpose == Maintenance && m.Rule != "", "maintenance is not for a rule: observations have none")
	fault(m.From.IsZero() || !m.To.After(m.From), "it must end after it begins")
	fault(m.To.Sub(m.From) > MaxMute, "it must not last longer than a year")
	if m.Cell != 0 {
		c, err := grid.ParseCell(m.Cell.String())
		fault(err != nil || c.Resolution() > grid.Resolution, fmt.Sprintf("%q is no H3 cell of resolution %d or coarser", m.Cell, grid.Resolution))
	}
	if len(faults) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrInvalidMute, errors.Join(faults...))
}

// narrows reports whether m is about less than everything.
func (m *Mute) narrows() bool {
	return m.Kind != "" || m.Area != "" || m.Device != "" || m.Cell != 0 || m.Rule != ""
}

// MuteQuery asks for mutes. Zero fields do not narrow.
type MuteQuery struct {
	From   time.Time // in force then or later
	To     time.Time // in force before
	Ended  bool      // that somebody ended before their time
	Before string    // with a smaller ID: the next page
	Limit  int       // 1 to MaxMutes; 0 means 200
}

// MaxMutes bounds a page of mutes.
const MaxMutes = 1_000

// Mutes keeps mutes. It is safe for concurrent use.
type Mutes interface {
	// AddMute enters m and returns it. The same one entered again changes nothing, and
	// neither does one of the same Key and Wish: the one that is there is returned then,
	// as it is now. Errors: ErrInvalidMute, ErrConflict when there is another of this
	// ID, ErrKeyReused when the Key stands for another Wish.
	AddMute(ctx context.Context, m Mute) (Mute, error)
	// EndMute ends a mute at a time, for a person, and returns it as it is now. One that
	// has not begun then will never have been in force; one that is over, or that
	// somebody ended, stays as it is. Errors: ErrNotFound.
	EndMute(ctx context.Context, id, by string, at time.Time) (Mute, error)
	// ListMutes returns mutes in descending order of ID: the newest first.
	// Errors: ErrInvalidQuery.
	ListMutes(ctx context.Context, q MuteQuery) ([]Mute, error)
}

// MutesBetween returns all mutes that are in force at some time from from to
// just before to, the newest first: what a MuteSet is made of. Late observations
// ask for mutes that are over, so let from be the lateness ago at least.
func MutesBetween(ctx context.Context, mutes Mutes, from, to time.Time) ([]Mute, error) {
	q := MuteQuery{From: from, To: to, Limit: MaxMutes}
	var all []Mute
	for {
		page, err := mutes.ListMutes(ctx, q)
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
		if len(page) < q.Limit {
			return all, nil
		}
		q.Before = page[len(page)-1].ID
	}
}
