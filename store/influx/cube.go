package influx

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/store"
)

// Cube implements store.Series. Roll-ups come one by one and are put together
// here; those of days and whole areas have a measurement of their own.
func (s *Series) Cube(ctx context.Context, q store.CubeQuery) (store.Cube, error) {
	if err := q.Validate(); err != nil {
		return store.Cube{}, err
	}
	l, narrow, err := s.cubeSource(ctx, q)
	if err != nil {
		return store.Cube{}, fmt.Errorf("query series: %w", err)
	}
	fields := cubeFields(q)
	columns := []string{"_time", "_value"}
	if len(fields) > 1 {
		columns = append(columns, "_field")
	}
	if q.By != store.ByCity || q.Has(store.Last) {
		columns = append(columns, placeColumns(q, l)...)
	}
	c := cubing{q: q, b: store.NewCubeBuilder(q, l.span), pending: make(map[string]half)}
	if err := s.rowsOf(ctx, narrow+onlyAny("_field", fields), columns, c.add); err != nil {
		return store.Cube{}, fmt.Errorf("query series: %w", err)
	}
	return c.b.Cube(), nil
}

// cubeSource returns what q is answered from, and the query that selects it.
// Until days are made, hours or minutes give what they will.
func (s *Series) cubeSource(ctx context.Context, q store.CubeQuery) (level, string, error) {
	span := q.Span(s.opts.Calendar)
	from, to := q.Range()
	if span == grid.OneDay {
		first, err := s.daysFrom(ctx)
		if err != nil {
			return level{}, "", err
		}
		if from.Before(first) {
			span = q.FineSpan()
		}
	}
	l := levelOf(span)
	if span == grid.OneDay && q.By != store.ByCell && q.Cell == 0 {
		l = levels[len(levels)-1]
	}
	flux := s.from(l.to, from, to) + only("_measurement", l.measurement) + onlyKind(q.Kind)
	if q.Area != "" {
		flux += only("area", encodeTag(string(q.Area)))
	}
	if q.Cell != 0 {
		within, err := onlyWithin(q.Cell)
		if err != nil {
			return level{}, "", err
		}
		flux += within
	}
	return l, flux, nil
}

// cubeFields are the fields that q's columns are made from.
func cubeFields(q store.CubeQuery) []string {
	fields := []string{"count"}
	for _, c := range []struct {
		of     store.Aggregate
		fields []string
	}{{store.Sum, []string{"sum"}}, {store.Min, []string{"min"}}, {store.Max, []string{"max"}}, {store.Last, []string{"last", "last_at"}}} {
		if q.Has(c.of) {
			fields = append(fields, c.fields...)
		}
	}
	return fields
}

// placeColumns are the tags that a cube needs: with Last all that tell roll-ups
// apart, because two fields of one must be put together.
func placeColumns(q store.CubeQuery, l level) []string {
	switch {
	case l.ofAreas:
		return []string{"area"}
	case q.Has(store.Last):
		return []string{"area", "cell"}
	case q.By == store.ByArea:
		return []string{"area"}
	}
	return []string{"cell"}
}

// half is one of the two fields that make the last value of a roll-up.
type half struct {
	value float64
	at    int64 // µs since the Unix epoch
}

// cubing puts a cube together.
type cubing struct {
	q       store.CubeQuery
	b       *store.CubeBuilder
	pending map[string]half // by cell, area and time
}

func (c *cubing) add(r *csvRow) error {
	at, err := r.time("_time")
	if err != nil {
		return err
	}
	window, ok := c.b.Window(at)
	if !ok {
		return nil
	}
	var cell grid.Cell
	if c.q.By == store.ByCell {
		if cell, err = r.cell(); err != nil {
			return err
		}
	}
	area, err := r.area()
	if err != nil {
		return err
	}
	place, err := c.b.Place(cell, area)
	if err != nil {
		return err
	}
	return c.addField(r, c.b.Index(place, window))
}

func (c *cubing) addField(r *csvRow, i int) error {
	switch field := r.text("_field"); field {
	case "", "count": // it is the only one when there is no name
		n, err := r.integer("_value")
		c.b.AddCount(i, n)
		return err
	case "last_at":
		at, err := r.integer("_value")
		if err != nil {
			return err
		}
		c.addLast(r, i, half{at: at}, true)
		return nil
	default:
		v, err := r.number("_value")
		if err != nil {
			return err
		}
		switch field {
		case "sum":
			c.b.AddSum(i, v)
		case "min":
			c.b.AddMin(i, v)
		case "max":
			c.b.AddMax(i, v)
		case "last":
			c.addLast(r, i, half{value: v}, false)
		}
		return nil
	}
}

// addLast adds a last value when both halves of it have come.
func (c *cubing) addLast(r *csvRow, i int, h half, isTime bool) {
	key := strings.Join([]string{r.text("cell"), r.text("area"), r.text("_time")}, " ")
	other, ok := c.pending[key]
	if !ok {
		c.pending[key] = h
		return
	}
	delete(c.pending, key)
	if isTime {
		h.value = other.value
	} else {
		h.at = other.at
	}
	c.b.AddLast(i, h.value, time.UnixMicro(h.at))
}

// CubeState implements store.Series. It is made from the counts of the same
// measurement as the Cube, or from those of areas, which are written later: what
// it tells is in the Cube that is asked for after it.
func (s *Series) CubeState(ctx context.Context, q store.CubeQuery) (string, error) {
	if err := q.Validate(); err != nil {
		return "", err
	}
	q.By, q.Resolution, q.With = store.ByCity, 0, nil
	l, narrow, err := s.cubeSource(ctx, q)
	if err != nil {
		return "", fmt.Errorf("query series: %w", err)
	}
	flux := narrow + only("_field", "count")
	counts := make(map[time.Time]int64)
	add := func(r *csvRow) error {
		at, err := r.time("_time")
		if err != nil {
			return err
		}
		n, err := r.integer("_value")
		counts[at] += n
		return err
	}
	if err := s.rowsOf(ctx, flux, []string{"_time", "_value"}, add); err != nil {
		return "", fmt.Errorf("query series: %w", err)
	}
	return stateOf(l.span, counts), nil
}
