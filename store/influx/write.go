package influx

import (
	"context"
	"fmt"
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
	flux := s.from(forHours, store.Earliest, store.Latest) + only("_measurement", "position") + only("journal", encodeTag(journal)) + only("_field", "seq") +
		` |> group() |> max()`
	err = s.query(ctx, flux, func(r record) error {
		seq = uint64(r.integer("_value"))
		return nil
	})
	return seq, err
}

// Write implements store.Series. It sends the observations, adds those that the
// server took to the roll-up rows in memory, sends the whole rows, and saves the
// position.
func (s *Series) Write(ctx context.Context, to store.Position, entries []store.Entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.write(ctx, to, entries); err != nil {
		s.rows.forget()
		delete(s.positions, to.Journal)
		if notFound(err) {
			s.buckets.forget()
		}
		return fmt.Errorf("write series up to entry %d: %w", to.Seq, err)
	}
	return nil
}

func (s *Series) write(ctx context.Context, to store.Position, entries []store.Entry) error {
	kept, err := s.ensure(ctx)
	if err != nil {
		return err
	}
	saved, ok := s.positions[to.Journal]
	if !ok {
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
	observations, tooOld, err := s.admit(ctx, to.Journal, entries, kept.Raw)
	if err != nil {
		return err
	}
	rejected := rejections{store.RejectRetention: tooOld}
	if err := s.sendObservations(ctx, to.Journal, observations, rejected); err != nil {
		return err
	}
	changed, err := s.add(ctx, to, observations)
	if err != nil {
		return err
	}
	if err := s.writeRows(ctx, changed, kept); err != nil {
		return err
	}
	for reason, observations := range rejected {
		if len(observations) > 0 {
			s.opts.OnRejected(observations, reason)
		}
	}
	if err := s.savePosition(ctx, to); err != nil {
		return err
	}
	s.rows.keep(changed, s.opts.MaxRows)
	s.positions[to.Journal] = to.Seq
	s.makeDays(ctx, kept)
	return nil
}

// writeRows sends rows, and takes note before that they may exist.
func (s *Series) writeRows(ctx context.Context, changed map[grid.RollupKey]row, kept store.Retention) error {
	for k := range changed {
		if k.Start.After(s.rows.newest[k.Span]) {
			s.rows.newest[k.Span] = k.Start
		}
	}
	return s.sendRows(ctx, changed, kept)
}

// rejections are the observations that the server does not keep, by reason.
type rejections map[string][]grid.Placed

// add returns the rows that observations change, as they are afterwards. What a
// row has counted before is not added again.
func (s *Series) add(ctx context.Context, to store.Position, observations []taken) (map[grid.RollupKey]row, error) {
	from, err := s.beginDays(ctx)
	if err != nil {
		return nil, err
	}
	ks := keyer{calendar: s.opts.Calendar, from: from}
	before := make(map[grid.RollupKey]row)
	for _, t := range observations {
		if t.p != nil {
			ks.each(t.p, func(k grid.RollupKey) { before[k] = row{} })
		}
	}
	if err := s.fetch(ctx, before); err != nil {
		return nil, err
	}
	after := make(map[grid.RollupKey]row, len(before))
	for _, t := range observations {
		if t.p == nil {
			continue
		}
		ks.each(t.p, func(k grid.RollupKey) {
			old := before[k]
			if old.seq(to.Journal) >= t.seq {
				return
			}
			r, ok := after[k]
			if !ok {
				r = old.count(to.Journal, to.Seq)
			}
			r.Add(t.p.Value, t.p.At)
			after[k] = r
		})
	}
	return after, nil
}

// sendObservations writes observations; those that the server rejects are noted
// and taken out.
func (s *Series) sendObservations(ctx context.Context, journal string, observations []taken, rejected rejections) error {
	w := sender{series: s, to: forRaw, rejected: func(line int, reason string) {
		rejected[reason] = append(rejected[reason], *observations[line].p)
		observations[line].p = nil
	}}
	for _, t := range observations {
		from := int64(0)
		if t.history {
			from = origin(journal, t.seq)
		}
		w.buffer = appendObservation(w.buffer, t.p, from)
		if err := w.line(ctx); err != nil {
			return err
		}
	}
	return w.flush(ctx)
}

// sendRows writes the rows that are not older than their bucket keeps: those of
// areas when those of cells are there, because the state of a cube is told by
// areas.
func (s *Series) sendRows(ctx context.Context, changed map[grid.RollupKey]row, kept store.Retention) error {
	for _, ofAreas := range []bool{false, true} {
		if err := s.sendRowsOf(ctx, changed, kept, ofAreas); err != nil {
			return err
		}
	}
	return nil
}

func (s *Series) sendRowsOf(ctx context.Context, changed map[grid.RollupKey]row, kept store.Retention, ofAreas bool) error {
	var senders [purposes]sender
	var cutoff [purposes]time.Time
	for p := range purposes {
		senders[p] = sender{series: s, to: p, rejected: func(_ int, reason string) {
			s.log.Error("roll-up rejected by the server", "bucket", s.layout.names[p], "reason", reason)
		}}
		if keep := wanted(kept, p); keep > 0 {
			cutoff[p] = time.Now().Add(-keep)
		}
	}
	for k, r := range changed {
		l := levelOfKey(&k)
		if l.ofAreas != ofAreas || k.Start.Before(cutoff[l.to]) {
			continue
		}
		senders[l.to].buffer = appendRow(senders[l.to].buffer, k, &r)
		if err := senders[l.to].line(ctx); err != nil {
			return err
		}
	}
	for p := range senders {
		if err := senders[p].flush(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *Series) savePosition(ctx context.Context, to store.Position) error {
	b := append([]byte(nil), "position,journal="+encodeTag(to.Journal)+" seq="...)
	b = appendInt(b, int64(to.Seq))
	b = appendTime(b, time.Now().Truncate(time.Hour))
	return unavailable(ctx, s.post(ctx, forHours, b))
}
