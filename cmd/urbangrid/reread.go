package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/urbangrid/urbangrid/dashboard"
	"github.com/urbangrid/urbangrid/ingest"
	"github.com/urbangrid/urbangrid/store"
	"github.com/urbangrid/urbangrid/store/lastheard"
)

// rereadPage is how many messages go through ingest together.
const rereadPage = 500

// reread gives quarantined messages to ingest once more, with the time at which
// they were received: after a mapping was mended, a kind added or a device
// adopted they become observations; what is still at fault is quarantined anew.
// Observations that were kept the first time are duplicates and stay single. A
// message leaves the quarantine when what came of it is durable. It tells of its
// progress after every page. Errors: store.ErrConflict while another run is
// under way, store.ErrNotFound when q names a reject that is not there.
func (s *server) reread(ctx context.Context, q store.RejectQuery, progress func(dashboard.Reread)) (done dashboard.Reread, err error) {
	if !s.rereads.TryLock() {
		return done, fmt.Errorf("the quarantine is being read again: %w", store.ErrConflict)
	}
	defer s.rereads.Unlock()
	if q.ID != 0 {
		bearer, err := store.MessageBearer(ctx, s.records, q.ID)
		if err != nil {
			return done, err
		}
		q = store.RejectQuery{ID: bearer.ID}
	}
	newest, err := s.records.Rejects(ctx, store.RejectQuery{}, 0, 1)
	if err != nil || len(newest) == 0 {
		return done, err
	}
	kept, err := s.records.KeptRejects(ctx, q)
	if err != nil {
		return done, err
	}
	for _, n := range kept {
		done.Total += int(n.Readable)
	}
	progress(done)
	for after := int64(0); ; {
		page, err := s.records.ReadableRejects(ctx, q, after, rereadPage)
		if err != nil {
			return done, err
		}
		var read []store.QuarantinedReject
		last := false
		for _, r := range page {
			after = r.ID
			if last = r.ID > newest[0].ID; last {
				break // what this run itself has quarantined
			}
			if s.intake.Accepts(r.Topic) {
				read = append(read, r)
			} else {
				done.Unread++
			}
		}
		if err := s.readAgain(ctx, read, &done); err != nil {
			return done, err
		}
		done.Read += len(read)
		progress(done)
		if last || len(page) < rereadPage {
			return done, nil
		}
	}
}

// readAgain returns when the messages' observations and faults are durable, and
// adds up what they were.
func (s *server) readAgain(ctx context.Context, rejects []store.QuarantinedReject, done *dashboard.Reread) error {
	if len(rejects) == 0 {
		return nil
	}
	r := &rereading{committed: make(chan struct{}, len(rejects)), refused: map[string]int{}}
	go func() {
		for _, q := range rejects {
			s.intake.Submit(ingest.Message{Topic: q.Topic, Payload: q.Message, Received: q.At, QoS: -1, Source: r})
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for n := range rejects {
		select {
		case <-r.committed:
		case <-ctx.Done():
			return fmt.Errorf("read %d messages again, %d done: %w", len(rejects), n, ctx.Err())
		}
	}
	r.addTo(done)
	return s.records.RemoveRejects(ctx, rejects)
}

// rereading is a source whose messages are counted as they become durable.
type rereading struct {
	committed chan struct{}

	mu           sync.Mutex // guards what follows
	observations int
	refused      map[string]int // by reason
}

// Committed implements [ingest.Source].
func (r *rereading) Committed(uint64) { r.committed <- struct{}{} }

func (r *rereading) heard(h ingest.Heard) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.observations += len(h.Placed)
	for i := range h.Rejects {
		r.refused[h.Rejects[i].Reason]++
	}
}

func (r *rereading) addTo(done *dashboard.Reread) {
	r.mu.Lock()
	defer r.mu.Unlock()
	done.Observations += r.observations
	sum := make(map[string]int, len(done.Refused)+len(r.refused)) // what was told of before stays as it was
	for _, counts := range []map[string]int{done.Refused, r.refused} {
		for reason, n := range counts {
			sum[reason] += n
		}
	}
	done.Refused = sum
}

// heard is told of every message that ingest reads.
func (s *server) heard(h ingest.Heard) {
	if r, ok := h.Message.Source.(*rereading); ok {
		r.heard(h)
	}
	s.lastHeard.Hear(lastheard.Message{
		Topic: h.Message.Topic, QoS: h.Message.QoS, Received: h.Message.Received, Format: h.Format,
		Payload: h.Message.Payload, Private: h.Private, Placed: h.Placed, Rejects: h.Rejects,
	})
}
