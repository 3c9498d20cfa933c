package live

import (
	"context"
	"time"

	"github.com/urbangrid/urbangrid/stream"
)

// fetchSnapshot asks the store for a snapshot of the alerts beside the writer,
// which goes on serving the other subscriptions. It asks again until the store
// answers.
func (c *conn) fetchSnapshot(ctx context.Context, s *sub, reason string) {
	ctx = s.ask(ctx)
	f := s.fetch
	c.fetches.Go(func() {
		wait := time.NewTimer(0)
		defer wait.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-wait.C:
			}
			snap, err := c.hub.feed.snapshot(ctx)
			if err == nil {
				c.bring(ctx, delivery{sub: s, fetch: f, reason: reason, snapshot: snap})
				return
			}
			if ctx.Err() == nil {
				c.hub.metrics.errors.WithLabelValues("alert_query").Inc()
			}
			wait.Reset(250 * time.Millisecond)
		}
	})
}

// fetchEvents reads the log after s.sent until the events at hand go on from
// there. A log that has nothing to say within AlertPatience no longer knows what
// the browser has missed.
func (c *conn) fetchEvents(ctx context.Context, s *sub) {
	ctx = s.ask(ctx)
	f := s.fetch
	after := s.sent
	out := make(chan stream.Event)
	followed := make(chan struct{})
	c.fetches.Go(func() {
		defer close(followed)
		// An error shows as silence, and a snapshot takes its place.
		_ = c.hub.feed.log.Follow(ctx, after, out)
	})
	c.fetches.Go(func() {
		patience := time.NewTimer(c.hub.opts.AlertPatience)
		defer patience.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case e := <-out:
				if !c.bring(ctx, delivery{sub: s, fetch: f, event: c.hub.feed.change(e)}) {
					return
				}
				patience.Reset(c.hub.opts.AlertPatience)
				continue
			case <-followed:
			case <-patience.C:
			}
			c.bring(ctx, delivery{sub: s, fetch: f, lost: true})
			return
		}
	})
}

// ask marks s as waiting and returns the context of what it waits for.
func (s *sub) ask(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	s.fetch = &fetch{cancel: cancel}
	return ctx
}

// bring waits until the writer takes d and reports whether it did.
func (c *conn) bring(ctx context.Context, d delivery) bool {
	select {
	case c.deliveries <- d:
		return true
	case <-ctx.Done():
		return false
	}
}
