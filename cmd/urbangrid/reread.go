package main

import (
	"context"
	"fmt"
	"time"

	"github.com/urbangrid/urbangrid/dashboard"
	"github.com/urbangrid/urbangrid/ingest"
	"github.com/urbangrid/urbangrid/store"
)

// rereadPage is how many messages go through ingest together.
const rereadPage = 500

// reread gives quarantined messages to ingest once more, with the time at which
// they were received: after a mapping was mended, a kind added or a device
// adopted they become observations; what is still at fault is quarantined anew.
// Observations that were kept the first time are duplicates and stay single. A
// message leaves the quarantine when what came of it is durable.
func (s *server) reread(ctx context.Context, reason string) (dashboard.Reread, error) {
	var done dashboard.Reread
	newest, err := s.records.Rejects(ctx, store.RejectQuery{}, 0, 1)
	if err != nil || len(newest) == 0 {
		return done, err
	}
	for after := int64(0); ; {
		page, err := s.records.ReadableRejects(ctx, store.RejectQuery{Reason: reason}, after, rereadPage)
		if err != nil {
			return done, err
		}
		var read []store.QuarantinedReject
		last := false
		for _, q := range page {
			after = q.ID
			if last = q.ID > newest[0].ID; last {
				break // what this run itself has quarantined
			}
			if s.intake.Accepts(q.Topic) {
				read = append(read, q)
			} else {
				done.Unread++
			}
		}
		if err := s.readAgain(ctx, read); err != nil {
			return done, err
		}
		done.Read += len(read)
		if last || len(page) < rereadPage {
			return done, nil
		}
	}
}

// readAgain returns when the messages' observations and faults are durable.
func (s *server) readAgain(ctx context.Context, rejects []store.QuarantinedReject) error {
	if len(rejects) == 0 {
		return nil
	}
	w := committed(make(chan struct{}, len(rejects)))
	go func() {
		for _, q := range rejects {
			s.intake.Submit(ingest.Message{Topic: q.Topic, Payload: q.Message, Received: q.At, Source: w})
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for n := range rejects {
		select {
		case <-w:
		case <-ctx.Done():
			return fmt.Errorf("read %d messages again, %d done: %w", len(rejects), n, ctx.Err())
		}
	}
	return s.records.RemoveRejects(ctx, rejects)
}

// committed is a source whose messages are counted as they become durable.
type committed chan struct{}

func (c committed) Committed(uint64) { c <- struct{}{} }
