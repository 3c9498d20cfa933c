package influx

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// row is a roll-up as it is in the server.
type row struct {
	grid.Rollup
	counted []counted
}

// counted says that a row holds what the journal's entries up to seq gave it.
type counted struct {
	journal string
	seq     uint64
}

func (r *row) seq(journal string) uint64 {
	for _, c := range r.counted {
		if c.journal == journal {
			return c.seq
		}
	}
	return 0
}

// count returns r with seq for journal, without touching what r shares.
func (r row) count(journal string, seq uint64) row {
	r.counted = slices.Clone(r.counted)
	for i := range r.counted {
		if r.counted[i].journal == journal {
			r.counted[i].seq = max(seq, r.counted[i].seq)
			return r
		}
	}
	r.counted = append(r.counted, counted{journal, seq})
	return r
}

// rows is the part of the server's roll-ups that the writer works on. Of
// windows that start after floor it has all that exist, because no other
// process writes; of those before, what it has read.
type rows struct {
	known  map[grid.RollupKey]row
	newest map[grid.Span]time.Time // start of the newest window that may exist
	floor  map[grid.Span]time.Time
	loaded bool // newest and floor were found in the server
}

func newRows() *rows {
	return &rows{known: make(map[grid.RollupKey]row), newest: make(map[grid.Span]time.Time), floor: make(map[grid.Span]time.Time)}
}

// forget drops everything after a Write that failed: what the server has now
// must be read from it.
func (c *rows) forget() {
	clear(c.known)
	maps.Copy(c.floor, c.newest)
}

// keep takes over what was written, and drops old windows when there are more
// than limit rows.
func (c *rows) keep(written map[grid.RollupKey]row, limit int) {
	maps.Copy(c.known, written)
	for _, windows := range []int{3, 1} {
		if len(c.known) <= limit {
			return
		}
		for k := range c.known {
			if k.Start.Before(c.newest[k.Span].Add(-time.Duration(windows) * time.Duration(k.Span))) {
				delete(c.known, k)
				if c.floor[k.Span].Before(k.Start) {
					c.floor[k.Span] = k.Start
				}
			}
		}
	}
	if len(c.known) > limit {
		c.forget()
	}
}

// lookBack are how far before now the newest windows are looked for, step by
// step, so that a server full of history is not read to find it.
var lookBack = []time.Duration{2 * time.Hour, 7 * 24 * time.Hour, 400 * 24 * time.Hour}

// loadRows finds out which windows exist when the process begins.
func (s *Series) loadRows(ctx context.Context) error {
	if s.rows.loaded {
		return nil
	}
	for _, l := range levels {
		newest, err := s.newestBefore(ctx, l, store.Latest)
		if err != nil {
			return fmt.Errorf("find the newest roll-ups: %w", err)
		}
		// A Write that was cut off may have left days by cell and by area apart.
		if newest.After(s.rows.newest[l.span]) {
			s.rows.newest[l.span], s.rows.floor[l.span] = newest, newest
		}
	}
	s.rows.loaded = true
	return nil
}

// newestBefore returns the start of the newest window before stop, the zero time
// when there is none.
func (s *Series) newestBefore(ctx context.Context, l level, stop time.Time) (newest time.Time, err error) {
	now := time.Now()
	if stop.Before(now) {
		now = stop
	}
	for i := range len(lookBack) + 1 {
		start := store.Earliest.Add(-48 * time.Hour)
		if i < len(lookBack) {
			start = now.Add(-lookBack[i])
		}
		flux := s.from(l.to, start, stop) + only("_measurement", l.measurement) + only("_field", "count") +
			` |> keep(columns: ["_time"]) |> group() |> sort(columns: ["_time"], desc: true) |> limit(n: 1)`
		err := s.query(ctx, flux, func(r record) error {
			newest = r.time("_time")
			return nil
		})
		if err != nil || !newest.IsZero() {
			return newest, err
		}
		stop = start
	}
	return time.Time{}, nil
}

// fetch returns the rows of keys, the zero row for those that do not exist,
// and reads from the server what is not known.
func (s *Series) fetch(ctx context.Context, keys map[grid.RollupKey]row) error {
	missing := make(map[level][]grid.RollupKey)
	for k := range keys {
		if r, ok := s.rows.known[k]; ok {
			keys[k] = r
		} else if !k.Start.After(s.rows.floor[k.Span]) {
			l := levelOfKey(&k)
			missing[l] = append(missing[l], k)
		}
	}
	for l, wanted := range missing {
		for _, group := range nearby(l.span, wanted) {
			if err := s.read(ctx, l, group, keys); err != nil {
				return fmt.Errorf("read roll-ups: %w", err)
			}
		}
	}
	return nil
}

// nearby sorts keys by start and cuts them where more than a hundred windows
// lie between two, so that one query reads what is close together. Days, which are
// read one by one, hold a row of every place.
func nearby(span grid.Span, keys []grid.RollupKey) [][]grid.RollupKey {
	gap := 100 * time.Duration(span)
	if span == grid.OneDay {
		gap = 0
	}
	sort.Slice(keys, func(i, j int) bool { return keys[i].Start.Before(keys[j].Start) })
	var out [][]grid.RollupKey
	begin := 0
	for i := 1; i <= len(keys); i++ {
		if i == len(keys) || keys[i].Start.Sub(keys[i-1].Start) > gap {
			out = append(out, keys[begin:i])
			begin = i
		}
	}
	return out
}

func (s *Series) read(ctx context.Context, l level, group []grid.RollupKey, into map[grid.RollupKey]row) error {
	kinds, cells := make(map[string]bool), make(map[string]bool)
	for _, k := range group {
		kinds[encodeTag(string(k.Kind))] = true
		cells[k.Cell.String()] = true
	}
	flux := s.from(l.to, group[0].Start, group[len(group)-1].Start.Add(time.Duration(l.span))) + only("_measurement", l.measurement) + fewOf("kind", kinds)
	if !l.ofAreas {
		flux += fewOf("cell", cells)
	}
	return s.points(ctx, flux, func(r record) error {
		k, value, err := parseRow(l, r)
		if err != nil {
			return err
		}
		if _, wanted := into[k]; wanted {
			into[k] = value
		}
		return nil
	})
}

func parseRow(l level, r record) (grid.RollupKey, row, error) {
	var out row
	kind, err := r.text("kind")
	if err != nil {
		return grid.RollupKey{}, out, err
	}
	area, err := r.text("area")
	if err != nil {
		return grid.RollupKey{}, out, err
	}
	var cell grid.Cell
	if !l.ofAreas {
		if cell, err = r.cell(); err != nil {
			return grid.RollupKey{}, out, err
		}
	}
	out.Rollup = grid.Rollup{
		Count: r.integer("count"), Sum: r.number("sum"), Min: r.number("min"), Max: r.number("max"),
		Last: r.number("last"), LastAt: time.UnixMicro(r.integer("last_at")).UTC(),
	}
	for column, v := range r.Values() {
		encoded, ok := strings.CutPrefix(column, "seq_")
		seq, isSet := v.(int64)
		if !ok || !isSet {
			continue
		}
		journal, err := decode(encoded)
		if err != nil {
			return grid.RollupKey{}, out, err
		}
		out.counted = append(out.counted, counted{journal, uint64(seq)})
	}
	k := grid.RollupKey{Span: l.span, Start: r.time("_time"), Kind: sensors.KindKey(kind), Cell: cell, Area: grid.AreaCode(area)}
	return k, out, nil
}
