package main

import (
	"context"
	"time"
)

const (
	trimEvery = time.Minute
	// readBack is what the engine reads again after a restart, before its position.
	readBack = 30 * time.Minute
)

// trim keeps the journal to what is still of use: entries that not every reader
// has in its result, those of the last half hour, and those of the last
// journal_keep, from which duplicates are recognised after a restart. When the journal is half full
// the last reason gives way.
func (s *server) trim(ctx context.Context) error {
	tick := time.NewTicker(trimEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := s.trimOnce(ctx); err != nil && ctx.Err() == nil {
			// The next minute tries again; a journal that fills up shows in its own
			// metrics and slows publishers.
			s.log.Warn("journal not trimmed", "component", "janitor", "error", err)
		}
	}
}

func (s *server) trimOnce(ctx context.Context) error {
	judged, err := s.records.JudgedPosition(ctx, s.journal.Identity())
	if err != nil {
		return err
	}
	read := min(s.recorder.Progress().Seq, s.kept.Load(), judged.Seq)
	old, err := s.journal.SeqAt(ctx, time.Now().Add(-s.cfg.JournalKeep))
	if err != nil {
		return err
	}
	recent, err := s.journal.SeqAt(ctx, time.Now().Add(-readBack))
	if err != nil {
		return err
	}
	read = min(read, recent)
	bytes, err := s.journal.Bytes(ctx)
	if err != nil {
		return err
	}
	first, err := s.journal.First(ctx)
	if err != nil {
		return err
	}
	to := min(read, old)
	if half := uint64(s.cfg.JournalMaxBytes) / 2; bytes > half {
		last, err := s.journal.Last(ctx)
		if err != nil {
			return err
		}
		// Entries are much alike, so the share of numbers is the share of bytes.
		spare := float64(bytes-half) / float64(bytes)
		to = max(to, min(read, first+uint64(spare*float64(last-first))))
	}
	if to < first {
		return nil
	}
	return s.journal.Trim(ctx, to)
}
