package report

import (
	"context"
	"fmt"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// How far back the first observation of a kind is looked for: nearby at first,
// because it is found there unless the kind is rare or new.
const (
	nearbyWeeks = 8
	allYears    = 20
)

// beginnings remembers, while one answer is made, whether kinds had been observed
// by some times.
type beginnings struct {
	r     *Reporter
	req   Request
	known map[beginning]bool
}

type beginning struct {
	kind sensors.KindKey
	at   time.Time // UTC
}

func (r *Reporter) beginnings(req Request) *beginnings {
	return &beginnings{r: r, req: req, known: map[beginning]bool{}}
}

// by reports whether the kind of a line, whose windows are those of bounds, had
// been observed in the place that is asked about by the end of the day of from.
// Where it was not, a number says when counting began, not what happened.
func (b *beginnings) by(ctx context.Context, l *line, bounds []time.Time, from time.Time) (bool, error) {
	if l.begin < len(l.count) && !bounds[l.begin+1].After(dayAfter(from, 1, b.r.opts.Zone)) {
		return true, nil
	}
	key := beginning{l.kind.Key, from.UTC()}
	if found, ok := b.known[key]; ok {
		return found, nil
	}
	found, err := b.observed(ctx, l.kind.Key, from)
	if err != nil {
		return false, err
	}
	b.known[key] = found
	return found, nil
}

// observed asks the store, the nearest time first.
func (b *beginnings) observed(ctx context.Context, kind sensors.KindKey, from time.Time) (bool, error) {
	zone := b.r.opts.Zone
	day := dayAfter(from, 0, zone)
	near := dayAfter(from, -7*nearbyWeeks, zone)
	far := grid.NewCalendar(zone).Day(near.AddDate(-allYears, 0, 0))
	for _, s := range [][]time.Time{{near, day}, {day, dayAfter(from, 1, zone)}, {far, near}} {
		c, err := b.r.cube(ctx, store.CubeQuery{Kind: kind, By: store.ByCity, Bounds: []time.Time{s[0].UTC(), s[1].UTC()}}, b.req.Areas)
		if err != nil {
			return false, fmt.Errorf("first observation of %s: %w", kind, err)
		}
		if c.Places() > 0 && c.Count[0] > 0 {
			return true, nil
		}
	}
	return false, nil
}
