package store

import (
	"fmt"
	"math"
	"time"

	"github.com/urbangrid/urbangrid/grid"
)

// Earliest and Latest bound the phenomenon times that a Series keeps and can be
// asked about: what every backend's clock can hold.
var (
	Earliest = time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)
	Latest   = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
)

// Storable says why an observation cannot be kept by any Series, "" when it
// can: "time" outside [Earliest, Latest), "value" not finite.
func Storable(p grid.Placed) (reason string) {
	switch {
	case p.At.Before(Earliest) || !p.At.Before(Latest):
		return "time"
	case math.IsNaN(p.Value) || math.IsInf(p.Value, 0):
		return "value"
	}
	return ""
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalidQuery, fmt.Sprintf(format, args...))
}

// Validate returns an ErrInvalidQuery that says what is wrong with q, nil when
// it can be answered.
func (q Query) Validate() error {
	if q.Kind == "" {
		return invalid("kind is missing")
	}
	places := 0
	for _, set := range []bool{q.Device != "", q.Cell != 0, q.Area != ""} {
		if set {
			places++
		}
	}
	if places > 1 {
		return invalid("more than one of device, cell and area is given")
	}
	if err := validateCell(q.Cell); err != nil {
		return err
	}
	switch q.Agg {
	case Count, Sum, Mean, Min, Max, Last:
	default:
		return invalid("agg %q is none of count, sum, mean, min, max, last", string(q.Agg))
	}
	if q.Every < time.Second || q.Every%time.Second != 0 {
		return invalid("every %s is not a whole number of seconds", q.Every)
	}
	if q.Device == "" && q.Every%time.Duration(grid.Spans[0]) != 0 {
		return invalid("every %s is not a multiple of %s, which cells, areas and the city need", q.Every, time.Duration(grid.Spans[0]))
	}
	if !q.From.Before(q.To) {
		return invalid("from is not before to")
	}
	if q.From.Before(Earliest) || q.To.After(Latest) {
		return invalid("from and to lie outside %d to %d", Earliest.Year(), Latest.Year())
	}
	from, to := q.Windows()
	if n := to.Sub(from) / q.Every; n > MaxPoints {
		return invalid("%d windows of %s are more than %d", n, q.Every, MaxPoints)
	}
	return nil
}

// Windows returns the bounds of the whole windows that [From, To) touches: From
// moved down and To moved up to a multiple of Every since the Unix epoch. A
// query is answered for these, so that no window is a part of one.
func (q Query) Windows() (from, to time.Time) {
	from = grid.Span(q.Every).Start(q.From)
	to = grid.Span(q.Every).Start(q.To)
	if to.Before(q.To) {
		to = to.Add(q.Every)
	}
	return from, to
}

// Span returns the coarsest kept span that divides Every. It has a meaning for
// a valid query without Device only.
func (q Query) Span() grid.Span {
	for i := len(grid.Spans) - 1; i > 0; i-- {
		if q.Every%time.Duration(grid.Spans[i]) == 0 {
			return grid.Spans[i]
		}
	}
	return grid.Spans[0]
}

// Line returns the empty line that answers q.
func (q Query) Line() Line {
	return Line{Kind: q.Kind, Device: q.Device, Cell: q.Cell, Area: q.Area}
}

// Validate returns an ErrInvalidQuery that says what is wrong with q, nil when
// it can be answered. It does not look into Cursor, which is the backend's.
func (q ObservationQuery) Validate() error {
	if q.Limit < 1 || q.Limit > MaxObservations {
		return invalid("limit %d is not between 1 and %d", q.Limit, MaxObservations)
	}
	if !q.From.IsZero() && !q.To.IsZero() && !q.From.Before(q.To) {
		return invalid("from is not before to")
	}
	return validateCell(q.Cell)
}

// Bounds returns From and To, with the bounds of time itself for what is not
// narrowed.
func (q ObservationQuery) Bounds() (from, to time.Time) { return Bounds(q.From, q.To) }

// Bounds returns from and to cut to what a Series can hold; a zero time does
// not narrow.
func Bounds(from, to time.Time) (time.Time, time.Time) {
	if from.Before(Earliest) {
		from = Earliest
	}
	if to.IsZero() || to.After(Latest) {
		to = Latest
	}
	return from.UTC(), to.UTC()
}

func validateCell(c grid.Cell) error {
	if c == 0 {
		return nil
	}
	if _, err := grid.ParseCell(c.String()); err != nil {
		return invalid("%v", err)
	}
	if c.Resolution() > grid.Resolution {
		return invalid("cell %s has resolution %d, finer than the %d that is kept", c, c.Resolution(), grid.Resolution)
	}
	return nil
}

// InvalidCursor is the error of a page that was asked for with a cursor that no
// page gave.
func InvalidCursor() error { return invalid("cursor is not from an earlier page") }
