package influx

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/influxdata/influxdb-client-go/v2/api"
	"github.com/influxdata/influxdb-client-go/v2/api/query"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// quote writes s as a Flux string. The server's own parameters would do the
// same, but InfluxDB that one runs oneself does not have them.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c == '$' || c == 0x7f: // "${" begins an expression
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func literal(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// from begins a query of a bucket and the times [start, stop), of which stop is a whole
// millisecond. InfluxDB 1.8 takes stop itself in as well in some queries; no
// point is at the nanosecond before it (see stamp), so ending there is exact in
// both readings. It also takes bounds up to 1970 for none at all.
func (s *Series) from(p purpose, start, stop time.Time) string {
	stop = stop.Add(-time.Nanosecond)
	flux := fmt.Sprintf("from(bucket: %s) |> range(start: %s, stop: %s)", quote(s.layout.names[p]), literal(start), literal(stop))
	if start.Unix() <= 0 && start.After(store.Earliest) {
		flux += fmt.Sprintf(" |> filter(fn: (r) => r._time >= %s)", literal(start))
	}
	if stop.Unix() <= 0 {
		flux += fmt.Sprintf(" |> filter(fn: (r) => r._time <= %s)", literal(stop))
	}
	return flux
}

// only keeps the records whose tag or column has the value.
func only(column, value string) string {
	return fmt.Sprintf(" |> filter(fn: (r) => r.%s == %s)", column, quote(value))
}

func onlyAny(column string, values []string) string {
	conditions := make([]string, len(values))
	for i, v := range values {
		conditions[i] = fmt.Sprintf("r.%s == %s", column, quote(v))
	}
	return fmt.Sprintf(" |> filter(fn: (r) => %s)", strings.Join(conditions, " or "))
}

// maxAlternatives bounds how many values of a tag a query names; with more it
// reads all of them.
const maxAlternatives = 40

// fewOf keeps the records whose tag has one of the encoded values, when they are
// few, and all otherwise.
func fewOf(column string, values map[string]bool) string {
	if len(values) > maxAlternatives {
		return ""
	}
	return onlyAny(column, slices.Sorted(maps.Keys(values)))
}

func onlyKind(k sensors.KindKey) string { return only("kind", encodeTag(string(k))) }

// onlyWithin keeps the records of the cells within c. The expression lets the
// server pick the series by their index, the comparison makes it exact.
func onlyWithin(c grid.Cell) (string, error) {
	if c.Resolution() == grid.Resolution {
		return only("cell", c.String()), nil
	}
	first, last, err := c.Descendants(grid.Resolution)
	if err != nil {
		return "", fmt.Errorf("%w: %w", store.ErrInvalidQuery, err)
	}
	lo, hi := first.String(), last.String()
	n := 0
	for n < len(lo) && lo[n] == hi[n] {
		n++
	}
	return fmt.Sprintf(" |> filter(fn: (r) => r.cell =~ /^%s/) |> filter(fn: (r) => r.cell >= %s and r.cell <= %s)", lo[:n], quote(lo), quote(hi)), nil
}

const asColumns = ` |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")`

// record is one row of an answer.
type record struct{ *query.FluxRecord }

func (r record) integer(column string) int64 {
	n, _ := r.ValueByKey(column).(int64) // absent is 0
	return n
}

func (r record) number(column string) float64 {
	switch v := r.ValueByKey(column).(type) {
	case float64:
		return v
	case int64:
		return float64(v)
	}
	return 0
}

func (r record) text(column string) (string, error) {
	s, _ := r.ValueByKey(column).(string) // an empty text comes as nothing
	return decode(s)
}

func (r record) time(column string) time.Time {
	t, _ := r.ValueByKey(column).(time.Time)
	return t.UTC()
}

func (r record) cell() (grid.Cell, error) {
	s, err := r.text("cell")
	if err != nil {
		return 0, err
	}
	return grid.ParseCell(s)
}

// points calls each for every point of the answer to a query of fields, its
// fields put together here. The server's pivot does not do it, because a field
// need not be in every point of a series. The fields are numbers: texts are left
// to the pivot.
func (s *Series) points(ctx context.Context, flux string, each func(record) error) error {
	type name struct {
		device, kind, cell, area string
		at                       int64
	}
	var order []name
	found := make(map[name]*query.FluxRecord)
	err := s.query(ctx, flux, func(r record) error {
		tag := func(column string) string {
			v, _ := r.ValueByKey(column).(string) // "" for one that the measurement does not have
			return v
		}
		n := name{tag("device"), tag("kind"), tag("cell"), tag("area"), r.time("_time").UnixNano()}
		point := found[n]
		if point == nil {
			point = r.FluxRecord
			found[n] = point
			order = append(order, n)
		}
		point.Values()[r.Field()] = r.Value()
		return nil
	})
	if err != nil {
		return err
	}
	for _, n := range order {
		if err := each(record{found[n]}); err != nil {
			return err
		}
	}
	return nil
}

// query calls each for every record of the answer as it comes. When ctx ends so
// does the query, at the server too.
func (s *Series) query(ctx context.Context, flux string, each func(record) error) error {
	if _, err := s.ensure(ctx); err != nil {
		return err
	}
	// The client's shared QueryAPI reads and writes its URL without a lock, so
	// each query has its own.
	result, err := api.NewQueryAPI(s.layout.org, s.client.HTTPService()).Query(ctx, flux)
	if err != nil {
		if notFound(err) {
			s.buckets.forget()
		}
		return unavailable(ctx, err)
	}
	defer func() { _ = result.Close() }() // what was only read
	for result.Next() {
		if err := each(record{result.Record()}); err != nil {
			return err
		}
	}
	return unavailable(ctx, result.Err())
}
