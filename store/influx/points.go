package influx

import (
	"context"
	"fmt"
	"sort"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// Points implements store.Series: one line, without points when nothing was
// observed.
func (s *Series) Points(ctx context.Context, q store.Query) ([]store.Line, error) {
	if err := q.Validate(); err != nil {
		return nil, err
	}
	narrow, err := narrowing(q)
	if err != nil {
		return nil, err
	}
	line := q.Line()
	if q.Agg == store.Last {
		line.Points, err = s.lastValues(ctx, q, narrow)
	} else {
		line.Points, err = s.aggregated(ctx, q, narrow)
	}
	if err != nil {
		return nil, fmt.Errorf("query series: %w", err)
	}
	return []store.Line{line}, nil
}

// source returns the bucket that has q's points.
func source(q store.Query) purpose {
	if q.Device != "" {
		return forRaw
	}
	return levelOf(q.Span()).to
}

// narrowing returns the filters of q's measurement, kind and place.
func narrowing(q store.Query) (string, error) {
	if q.Device != "" {
		return only("_measurement", "observation") + onlyKind(q.Kind) + only("device", encodeTag(string(q.Device))), nil
	}
	flux := only("_measurement", levelOf(q.Span()).measurement) + onlyKind(q.Kind)
	switch {
	case q.Area != "":
		return flux + only("area", encodeTag(string(q.Area))), nil
	case q.Cell != 0:
		within, err := onlyWithin(q.Cell)
		return flux + within, err
	}
	return flux, nil
}

// reduction is how one number a window is made from a field.
type reduction struct{ field, function string }

// reductions give the aggregates but Last; of two, the first divided by the
// second is the answer.
func reductions(q store.Query) []reduction {
	if q.Device != "" {
		count, sum := reduction{"value", "count"}, reduction{"value", "sum"}
		return map[store.Aggregate][]reduction{
			store.Count: {count}, store.Sum: {sum}, store.Mean: {sum, count},
			store.Min: {{"value", "min"}}, store.Max: {{"value", "max"}},
		}[q.Agg]
	}
	count, sum := reduction{"count", "sum"}, reduction{"sum", "sum"}
	return map[store.Aggregate][]reduction{
		store.Count: {count}, store.Sum: {sum}, store.Mean: {sum, count},
		store.Min: {{"min", "min"}}, store.Max: {{"max", "max"}},
	}[q.Agg]
}

func (s *Series) aggregated(ctx context.Context, q store.Query, narrow string) ([]store.Point, error) {
	var values []map[time.Time]float64
	for _, r := range reductions(q) {
		v, err := s.reduce(ctx, q, narrow, r)
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	var out []store.Point
	for start, v := range values[0] {
		if len(values) == 2 {
			n := values[1][start]
			if n == 0 {
				continue // it came between the two queries
			}
			v /= n
		}
		out = append(out, store.Point{Start: start, Value: v})
	}
	return ascending(out), nil
}

func ascending(points []store.Point) []store.Point {
	sort.Slice(points, func(i, j int) bool { return points[i].Start.Before(points[j].Start) })
	return points
}

func (s *Series) reduce(ctx context.Context, q store.Query, narrow string, r reduction) (map[time.Time]float64, error) {
	from, to := q.Windows()
	flux := s.from(source(q), from, to) + narrow + only("_field", r.field) +
		fmt.Sprintf(` |> group() |> window(every: %ds) |> %s()`, int64(q.Every.Seconds()), r.function)
	out := make(map[time.Time]float64)
	err := s.query(ctx, flux, func(rec record) error {
		out[rec.time("_start")] = rec.number("_value")
		return nil
	})
	return out, err
}

// lastValues finds the last value of each window here, because the time that
// decides is a field.
func (s *Series) lastValues(ctx context.Context, q store.Query, narrow string) ([]store.Point, error) {
	value, at := "last", "last_at"
	if q.Device != "" {
		value, at = "value", "at"
	}
	from, to := q.Windows()
	flux := s.from(source(q), from, to) + narrow + onlyAny("_field", []string{value, at}) + asColumns
	windows := make(map[time.Time]*grid.Rollup)
	err := s.query(ctx, flux, func(r record) error {
		start := grid.Span(q.Every).Start(r.time("_time"))
		if windows[start] == nil {
			windows[start] = &grid.Rollup{}
		}
		windows[start].Add(r.number(value), time.UnixMicro(r.integer(at)))
		return nil
	})
	if err != nil {
		return nil, err
	}
	var out []store.Point
	for start, r := range windows {
		out = append(out, store.Point{Start: start, Value: r.Last})
	}
	return ascending(out), nil
}

// Counts implements store.Series.
func (s *Series) Counts(ctx context.Context, from, to time.Time) (map[sensors.KindKey]int64, error) {
	from, to = store.Bounds(from, to)
	start, stop := millisecond(from), millisecond(to.Add(time.Millisecond-time.Microsecond))
	out := make(map[sensors.KindKey]int64)
	if !start.Before(stop) || !from.Before(to) {
		return out, nil
	}
	flux := s.from(forRaw, start, stop) + only("_measurement", "observation") + only("_field", "at") +
		fmt.Sprintf(` |> filter(fn: (r) => r._value >= %d and r._value < %d) |> group(columns: ["kind"]) |> count()`, from.UnixMicro(), to.UnixMicro())
	err := s.query(ctx, flux, func(r record) error {
		kind, err := r.text("kind")
		if n := r.integer("_value"); n > 0 {
			out[sensors.KindKey(kind)] = n
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("count observations: %w", err)
	}
	return out, nil
}
