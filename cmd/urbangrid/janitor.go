package main

import (
	"context"
	"time"
)

const (
	trimEvery = time.Minute
	// trimStalled is how soon a journal that takes nothing is trimmed.
	trimStalled = time.Second
	// readBack is what the engine reads again after a restart, before its position.
	readBack = 30 * time.Minute
)

// trim keeps the journal to what is still of use; see trimTo.
func (s *server) trim(ctx context.Context) error {
	tick := time.NewTicker(trimStalled)
	defer tick.Stop()
	var last time.Time
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		if time.Since(last) < trimEvery && s.intake.Ready(ctx) == nil {
			continue
		}
		last = time.Now()
		if err := s.trimOnce(ctx); err != nil && ctx.Err() == nil {
			// It is tried again; a journal that fills up shows in readiness and slows
			// publishers.
			s.log.Warn("journal not trimmed", "component", "janitor", "error", err)
		}
	}
}

// journalState is what trimTo decides by, as entry numbers but for the bytes.
type journalState struct {
	first, last     uint64
	read            uint64 // every reader has the entries up to this one in its result
	recent          uint64 // the last one that is older than readBack
	old             uint64 // the last one that is older than journal_keep
	bytes, maxBytes uint64
}

// trimTo is the entry up to which the journal can be trimmed, 0 for none. What
// not every reader has in its result stays. So do entries younger than
// journal_keep, from which duplicates are recognised after a restart, until the
// journal is half full; and those younger than readBack, from which the engine
// finds its bearings after a restart, until it is three quarters full.
func trimTo(j journalState) uint64 {
	to := min(j.read, j.old)
	if half := j.maxBytes / 2; j.bytes > half {
		spare := min(j.read, j.recent)
		if j.bytes > j.maxBytes/4*3 {
			spare = j.read
		}
		// Entries are much alike, so the share of numbers is the share of bytes.
		share := float64(j.bytes-half) / float64(j.bytes)
		to = max(to, min(spare, j.first+uint64(share*float64(j.last-j.first))))
	}
	if to < j.first {
		return 0
	}
	return to
}

func (s *server) trimOnce(ctx context.Context) error {
	state, err := s.journalState(ctx)
	if err != nil {
		return err
	}
	if to := trimTo(state); to > 0 {
		return s.journal.Trim(ctx, to)
	}
	return nil
}

func (s *server) journalState(ctx context.Context) (j journalState, err error) {
	j.maxBytes = uint64(s.cfg.JournalMaxBytes)
	for _, step := range []struct {
		to  *uint64
		ask func(context.Context) (uint64, error)
	}{
		{&j.first, s.journal.First},
		{&j.last, s.journal.Last},
		{&j.bytes, s.journal.Bytes},
		{&j.recent, func(ctx context.Context) (uint64, error) {
			return s.journal.SeqAt(ctx, time.Now().Add(-readBack))
		}},
		{&j.old, func(ctx context.Context) (uint64, error) {
			return s.journal.SeqAt(ctx, time.Now().Add(-s.cfg.JournalKeep))
		}},
	} {
		if *step.to, err = step.ask(ctx); err != nil {
			return j, err
		}
	}
	judged, err := s.records.JudgedPosition(ctx, s.journal.Identity())
	if err != nil {
		return j, err
	}
	j.read = min(s.recorder.Progress().Seq, s.kept.Load(), judged.Seq)
	return j, nil
}
