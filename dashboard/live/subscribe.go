package live

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

// handle answers a request, or says what is wrong with it.
func (c *conn) handle(ctx context.Context, r request) error {
	switch {
	case r.bad != "":
		return c.refuse(r.ID, "bad_frame", r.bad)
	case r.Type == "unsub":
		if s := c.find(*r.ID); s != nil {
			c.drop(s)
		}
		return nil
	case c.find(*r.ID) != nil:
		return c.refuse(r.ID, "duplicate_id", "this id is in use on the connection")
	case len(c.subs) >= maxSubscriptions:
		return c.refuse(r.ID, "too_many_subscriptions", fmt.Sprintf("a connection has at most %d subscriptions", maxSubscriptions))
	}
	s := &sub{id: *r.ID}
	if r.Topic == "alerts" {
		c.subs = append(c.subs, s)
		c.subscribeAlerts(ctx, s, r.Since)
		return nil
	}
	var ok bool
	if s.board, s.layer, ok = c.hub.topic(r.Topic); !ok {
		return c.refuse(r.ID, "bad_topic", fmt.Sprintf("no topic %.80q", r.Topic))
	}
	c.subs = append(c.subs, s)
	return c.subscribeCells(s, r.Since)
}

// topic finds a cells topic, cells/{kind}/r{resolution}, or one of where cells
// stand out, heat/{kind}/r{resolution}.
func (h *Hub) topic(name string) (b *board, layer int, ok bool) {
	parts := strings.Split(name, "/")
	if len(parts) != 3 {
		return nil, 0, false
	}
	switch parts[0] {
	case "cells":
		b = h.boards[sensors.KindKey(parts[1])]
	case "heat":
		b = h.heat[sensors.KindKey(parts[1])]
	}
	for i, res := range grid.DisplayResolutions {
		if parts[2] == "r"+strconv.Itoa(res) {
			return b, i, b != nil
		}
	}
	return nil, 0, false
}

// subscribeCells goes on from where the browser left off when that is possible;
// otherwise the next flush sends a snapshot.
func (c *conn) subscribeCells(s *sub, from *since) error {
	switch {
	case from == nil:
		s.snap = "first"
		return nil
	case from.Epoch != c.hub.epoch:
		s.snap = "epoch"
		return nil
	}
	f, seq, ok, err := s.board.delta(s.layer, s.id, from.Seq)
	if err != nil {
		return err
	}
	if !ok {
		s.snap = "unknown"
		return nil
	}
	c.hub.metrics.resumes.WithLabelValues("cells").Inc()
	s.sent = seq
	return c.send(f)
}

// subscribeAlerts goes on from where the browser left off: from the events at
// hand, else from the log; when neither is possible, with a snapshot.
func (c *conn) subscribeAlerts(ctx context.Context, s *sub, from *since) {
	feed := c.hub.feed
	switch {
	case from == nil:
		c.fetchSnapshot(ctx, s, "first")
	case from.Epoch != feed.log.Epoch():
		c.fetchSnapshot(ctx, s, "epoch")
	case feed.covers(from.Seq):
		c.hub.metrics.resumes.WithLabelValues("alerts").Inc()
		s.sent = from.Seq
	default:
		s.sent = from.Seq
		c.fetchEvents(ctx, s)
	}
}

// deliver sends what was fetched for a subscription, if it is still there.
func (c *conn) deliver(ctx context.Context, d delivery) error {
	s := d.sub
	if !slices.Contains(c.subs, s) || s.fetch != d.fetch {
		return nil
	}
	switch {
	case d.snapshot != nil:
		s.found()
		s.sent = d.snapshot.seq
		c.hub.metrics.snapshots.WithLabelValues(d.reason).Inc()
		b := fmt.Appendf(nil, `{"t":"snap","id":%d,"epoch":%q,"seq":%d,"ts":%s,"alerts":%s}`,
			s.id, c.hub.feed.log.Epoch(), s.sent, millis(c.hub.now()), d.snapshot.alerts)
		return c.send(frame{kind: "snap", size: len(b), bytes: b})
	case d.lost || d.event.seq != s.sent+1:
		s.found()
		c.fetchSnapshot(ctx, s, "forgotten")
		return nil
	}
	if err := c.sendEvent(s, d.event); err != nil {
		return err
	}
	if c.hub.feed.covers(s.sent) {
		s.found()
		c.hub.metrics.resumes.WithLabelValues("alerts").Inc()
	}
	return nil
}

// found ends the question of s.
func (s *sub) found() {
	s.fetch.cancel()
	s.fetch = nil
}

func (c *conn) find(id int64) *sub {
	i := slices.IndexFunc(c.subs, func(s *sub) bool { return s.id == id })
	if i < 0 {
		return nil
	}
	return c.subs[i]
}

func (c *conn) drop(s *sub) {
	if s.fetch != nil {
		s.found()
	}
	c.subs = slices.DeleteFunc(c.subs, func(o *sub) bool { return o == s })
}
