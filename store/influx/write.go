package influx

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/store"
)

// Position implements store.Series.
func (s *Series) Position(ctx context.Context, journal string) (store.Position, error) {
	seq, err := s.savedSeq(ctx, journal)
	if err != nil {
		return store.Position{}, fmt.Errorf("read series position: %w", err)
	}
	return store.Position{Journal: journal, Seq: seq}, nil
}

func (s *Series) savedSeq(ctx context.Context, journal string) (seq uint64, err error) {
	flux := s.from(store.Earliest, store.Latest) + only("_measurement", "position") + only("journal", encodeTag(journal)) + only("_field", "seq") +
		` |> group() |> max()`
	err = s.query(ctx, flux, func(r record) error {
		seq = uint64(r.integer("_value"))
		return nil
	})
	return seq, err
}

// Write implements store.Series. It adds the entries to the roll-up rows in
// memory, sends the observations and the whole rows, and saves the position.
func (s *Series) Write(ctx context.Context, to store.Position, entries []store.Entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.write(ctx, to, entries); err != nil {
		s.rows.forget()
		delete(s.positions, to.Journal)
		return fmt.Errorf("write series up to entry %d: %w", to.Seq, err)
	}
	return nil
}

func (s *Series) write(ctx context.Context, to store.Position, entries []store.Entry) error {
	saved, ok := s.positions[to.Journal]
	if !ok {
		var err error
		if saved, err = s.savedSeq(ctx, to.Journal); err != nil {
			return err
		}
	}
	if to.Seq <= saved {
		return nil
	}
	for len(entries) > 0 && entries[0].Seq <= saved {
		entries = entries[1:]
	}
	if err := s.loadRows(ctx); err != nil {
		return err
	}
	changed, err := s.add(ctx, to, entries)
	if err != nil {
		return err
	}
	for k := range changed {
		if k.Start.After(s.rows.newest[k.Span]) {
			s.rows.newest[k.Span] = k.Start
		}
	}
	if err := s.send(ctx, to, entries, changed); err != nil {
		return err
	}
	s.rows.keep(changed, s.opts.MaxRows)
	s.positions[to.Journal] = to.Seq
	return nil
}

// add returns the rows that entries change, as they are afterwards. What a row
// has counted before is not added again.
func (s *Series) add(ctx context.Context, to store.Position, entries []store.Entry) (map[grid.RollupKey]row, error) {
	before := make(map[grid.RollupKey]row)
	for _, e := range entries {
		for i := range e.Observations {
			for _, span := range grid.Spans {
				before[key(span, &e.Observations[i])] = row{}
			}
		}
	}
	if err := s.fetch(ctx, before); err != nil {
		return nil, err
	}
	after := make(map[grid.RollupKey]row, len(before))
	for _, e := range entries {
		for i := range e.Observations {
			p := &e.Observations[i]
			for _, span := range grid.Spans {
				k := key(span, p)
				old := before[k]
				if old.seq(to.Journal) >= e.Seq {
					continue
				}
				r, ok := after[k]
				if !ok {
					r = old.count(to.Journal, to.Seq)
				}
				r.Add(p.Value, p.At)
				after[k] = r
			}
		}
	}
	return after, nil
}

func key(span grid.Span, p *grid.Placed) grid.RollupKey {
	return grid.RollupKey{Span: span, Start: span.Start(p.At), Kind: p.Kind, Cell: p.Cell, Area: p.Area}
}

// send writes the observations, the rows and, when all that has arrived, the
// position.
func (s *Series) send(ctx context.Context, to store.Position, entries []store.Entry, changed map[grid.RollupKey]row) error {
	w := sender{series: s}
	for _, e := range entries {
		for i := range e.Observations {
			w.buffer = appendObservation(w.buffer, &e.Observations[i])
			if err := w.line(ctx); err != nil {
				return err
			}
		}
	}
	for k, r := range changed {
		w.buffer = appendRow(w.buffer, k, &r)
		if err := w.line(ctx); err != nil {
			return err
		}
	}
	if err := w.flush(ctx); err != nil {
		return err
	}
	w.buffer = append(w.buffer, "position,journal="+encodeTag(to.Journal)+" seq="...)
	w.buffer = appendInt(w.buffer, int64(to.Seq))
	w.buffer = appendTime(w.buffer, time.Now().Truncate(time.Hour))
	return w.flush(ctx)
}

// sender collects lines into requests.
type sender struct {
	series *Series
	buffer []byte
	lines  int
}

const maxRequestBytes = 4 << 20

func (w *sender) line(ctx context.Context) error {
	if w.lines++; w.lines < w.series.opts.MaxLines && len(w.buffer) < maxRequestBytes {
		return nil
	}
	return w.flush(ctx)
}

func (w *sender) flush(ctx context.Context) error {
	if len(w.buffer) == 0 {
		return nil
	}
	err := w.series.writes.WriteRecord(ctx, strings.TrimSuffix(string(w.buffer), "\n"))
	lines := w.lines
	w.buffer, w.lines = w.buffer[:0], 0
	if err != nil && beyondRetention(err) {
		w.series.log.Warn("points older than the bucket keeps were left out by the server", "points_at_most", lines, "error", err)
		return nil
	}
	return unavailable(ctx, err)
}

// beyondRetention reports whether the server took a request but for the points
// that are older than what the bucket is set to keep. 1.8 and 2.x say so in
// their text alone.
func beyondRetention(err error) bool {
	text := err.Error()
	return strings.Contains(text, "beyond retention policy") || strings.Contains(text, "outside retention policy")
}
