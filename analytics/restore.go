package analytics

import (
	"context"
	"fmt"
	"time"

	"github.com/urbangrid/urbangrid/store"
	"github.com/urbangrid/urbangrid/stream"
)

// start makes the state of a Run from the records, and says after which entry
// of the journal to begin. Entries up to the judged position only restore
// windows, holds and baselines.
func (e *Engine) start(ctx context.Context) (*run, uint64, error) {
	judged, err := e.alerts.JudgedPosition(ctx, e.journal.Identity())
	if err != nil {
		return nil, 0, err
	}
	after, warmFrom, err := e.warmUp(ctx, judged)
	if err != nil {
		return nil, 0, err
	}
	if judged.Seq == 0 { // an engine that is new here begins with what is live
		judged.Seq = after
	}
	known, err := e.knownAlerts(ctx, warmFrom)
	if err != nil {
		return nil, 0, err
	}
	j, err := newJudge(e.catalog, e.rules, e.study, e.opts, e.metrics)
	if err != nil {
		return nil, 0, err
	}
	if err := e.recall(ctx, j); err != nil {
		return nil, 0, err
	}
	for _, k := range j.knowers() {
		if upTo := *k.known(); upTo > 0 { // what it missed since it was saved is read back
			after = min(after, upTo)
		}
	}
	j.restore(known, e.opts.Now())
	e.opts.Log.Info("judging starts", "open_alerts", j.open, "judged_entry", judged.Seq, "read_back_after_entry", after)
	return &run{
		Engine: e, judge: j, judged: judged, saved: judged,
		savedAt: e.opts.Now(), rememberedAt: e.opts.Now(), warmUpTo: judged.Seq,
	}, after, nil
}

// warmUp returns the entry after which reading back begins, and its time: Warmup
// before now, or before the judged entry when that is long ago.
func (e *Engine) warmUp(ctx context.Context, judged store.Position) (after uint64, from time.Time, err error) {
	from = e.opts.Now().Add(-e.opts.Warmup)
	after, err = e.journal.SeqAt(ctx, from)
	if err != nil || judged.Seq == 0 || judged.Seq >= after {
		return after, from, err
	}
	at, err := e.timeOf(ctx, judged.Seq)
	if err != nil {
		return 0, from, err
	}
	from = at.Add(-e.opts.Warmup)
	after, err = e.journal.SeqAt(ctx, from)
	return min(after, judged.Seq), from, err
}

// timeOf returns when the entry with the number seq was committed, or the next
// one if it is gone. There must be a later entry.
func (e *Engine) timeOf(ctx context.Context, seq uint64) (time.Time, error) {
	ctx, cancel := context.WithCancel(ctx)
	entries, followed := make(chan stream.Entry), make(chan error, 1)
	go func() { followed <- e.journal.Follow(ctx, seq-1, entries) }()
	select {
	case entry := <-entries:
		cancel()
		<-followed //nolint:errcheck // it was told to end
		return entry.At, nil
	case err := <-followed:
		cancel()
		return time.Time{}, fmt.Errorf("read entry %d: journal ended: %w", seq, err)
	}
}

// knownAlerts returns every open alert, and the closed ones among the newest
// that were closed after from.
func (e *Engine) knownAlerts(ctx context.Context, from time.Time) ([]store.Alert, error) {
	var known []store.Alert
	q := store.AlertQuery{State: store.AlertOpen, Limit: store.MaxAlerts}
	for {
		page, err := e.alerts.FindAlerts(ctx, q)
		if err != nil {
			return nil, err
		}
		known = append(known, page...)
		if len(page) < q.Limit {
			break
		}
		q.Before = page[len(page)-1].ID
	}
	closed, err := e.alerts.FindAlerts(ctx, store.AlertQuery{State: store.AlertClosed, Limit: store.MaxAlerts})
	if err != nil {
		return nil, err
	}
	for _, a := range closed {
		if a.ClearedAt.After(from) {
			known = append(known, a)
		}
	}
	return known, nil
}
