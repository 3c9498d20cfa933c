package influx

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// place is where an observation stands in the order of pages: newest At first,
// then by what names its point.
type place struct {
	AtMicros   int64  `json:"a"`
	StampNanos int64  `json:"s"`
	Device     string `json:"d"`
	Kind       string `json:"k"`
	Cell       uint64 `json:"c"`
	Area       string `json:"g"`
}

func placeOf(p *grid.Placed) place {
	return place{p.At.UnixMicro(), stamp(p).UnixNano(), string(p.Device), string(p.Kind), uint64(p.Cell), string(p.Area)}
}

// compare orders places as pages do.
func (p place) compare(o place) int {
	return cmp.Or(cmp.Compare(o.AtMicros, p.AtMicros), cmp.Compare(o.StampNanos, p.StampNanos), cmp.Compare(p.Device, o.Device),
		cmp.Compare(p.Kind, o.Kind), cmp.Compare(p.Cell, o.Cell), cmp.Compare(p.Area, o.Area))
}

func (p place) cursor() (string, error) {
	b, err := json.Marshal(p)
	return base64.RawURLEncoding.EncodeToString(b), err
}

func parseCursor(s string) (*place, error) {
	if s == "" {
		return nil, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return nil, store.InvalidCursor()
	}
	var p place
	if err := json.Unmarshal(b, &p); err != nil || p.Device == "" || p.AtMicros < store.Earliest.UnixMicro() || p.AtMicros >= store.Latest.UnixMicro() {
		return nil, store.InvalidCursor()
	}
	return &p, nil
}

// Observations implements store.Series. It goes back in time in steps that
// grow, so that neither a full hour nor an empty year costs much.
func (s *Series) Observations(ctx context.Context, q store.ObservationQuery) ([]grid.Placed, string, error) {
	if err := q.Validate(); err != nil {
		return nil, "", err
	}
	after, err := parseCursor(q.Cursor)
	if err != nil {
		return nil, "", err
	}
	narrow, err := observationFilters(q)
	if err != nil {
		return nil, "", err
	}
	found, err := s.walkBack(ctx, q, narrow, after)
	if err != nil {
		return nil, "", fmt.Errorf("query observations: %w", err)
	}
	if len(found) <= q.Limit {
		return found, "", nil
	}
	found = found[:q.Limit]
	next, err := placeOf(&found[q.Limit-1]).cursor()
	return found, next, err
}

func observationFilters(q store.ObservationQuery) (string, error) {
	flux := only("_measurement", "observation")
	if q.Kind != "" {
		flux += onlyKind(q.Kind)
	}
	if q.Device != "" {
		flux += only("device", encodeTag(string(q.Device)))
	}
	if q.Cell != 0 {
		within, err := onlyWithin(q.Cell)
		if err != nil {
			return "", err
		}
		flux += within
	}
	return flux, nil
}

const (
	firstStep  = 10 * time.Second
	stepGrowth = 4
	lastStep   = 50 * 365 * 24 * time.Hour
)

// walkBack returns more than q.Limit observations when there are so many, in
// the order of pages.
func (s *Series) walkBack(ctx context.Context, q store.ObservationQuery, narrow string, after *place) ([]grid.Placed, error) {
	from, to := q.Bounds()
	lo, hi := millisecond(from), millisecond(to.Add(time.Millisecond-time.Microsecond))
	if after != nil {
		if t := millisecond(time.UnixMicro(after.AtMicros)).Add(time.Millisecond); t.Before(hi) {
			hi = t
		}
	}
	wanted := func(p *grid.Placed) bool {
		return !p.At.Before(from) && p.At.Before(to) && (after == nil || placeOf(p).compare(*after) > 0)
	}
	var found []grid.Placed
	most := q.Limit + 1
	start := later(lo, time.Now().Add(time.Minute)) // first whatever is in the future
	for step := firstStep; lo.Before(hi) && len(found) <= q.Limit; {
		if !start.Before(hi) {
			start = later(lo, hi.Add(-step))
			step = min(step*stepGrowth, lastStep)
		}
		batch, err := s.newest(ctx, start, hi, narrow, most)
		if err != nil {
			return nil, err
		}
		next := start
		if len(batch) == most {
			// The oldest millisecond may go on beyond what came.
			next = millisecond(stamp(&batch[len(batch)-1])).Add(time.Millisecond)
			batch = slices.DeleteFunc(batch, func(p grid.Placed) bool { return stamp(&p).Before(next) })
			if len(batch) == 0 {
				most *= 2
				continue
			}
		}
		slices.SortFunc(batch, func(a, b grid.Placed) int { return placeOf(&a).compare(placeOf(&b)) })
		for i := range batch {
			if wanted(&batch[i]) {
				found = append(found, batch[i])
			}
		}
		hi = next
	}
	return found, nil
}

// later returns the later of two times, as a whole millisecond.
func later(a, b time.Time) time.Time {
	if a.After(b) {
		return millisecond(a)
	}
	return millisecond(b)
}

// newest returns the at most limit observations of [start, stop) with the
// greatest stamps, those first.
func (s *Series) newest(ctx context.Context, start, stop time.Time, narrow string, limit int) ([]grid.Placed, error) {
	flux := s.from(forRaw, start, stop) + narrow + asColumns +
		fmt.Sprintf(` |> group() |> sort(columns: ["_time"], desc: true) |> limit(n: %d)`, limit)
	var out []grid.Placed
	err := s.query(ctx, flux, func(r record) error {
		p, err := parseObservation(r)
		out = append(out, p)
		return err
	})
	return out, err
}

func parseObservation(r record) (grid.Placed, error) {
	var texts [5]string
	for i, column := range []string{"device", "kind", "area", "id", "attrs"} {
		var err error
		if texts[i], err = r.text(column); err != nil {
			return grid.Placed{}, err
		}
	}
	cell, err := r.cell()
	if err != nil {
		return grid.Placed{}, err
	}
	return grid.Placed{
		Observation: sensors.Observation{
			Device:   sensors.DeviceID(texts[0]),
			Kind:     sensors.KindKey(texts[1]),
			Value:    r.number("value"),
			At:       time.UnixMicro(r.integer("at")).UTC(),
			Received: time.UnixMicro(r.integer("received")).UTC(),
			ID:       texts[3],
			Position: sensors.Position{LatDegrees: r.number("raw_lat"), LonDegrees: r.number("raw_lon"), Datum: sensors.Datum(r.integer("datum"))},
			Attrs:    texts[4],
		},
		Point: grid.Point{LatDegrees: r.number("lat"), LonDegrees: r.number("lon")},
		Cell:  cell,
		Area:  grid.AreaCode(texts[2]),
	}, nil
}
