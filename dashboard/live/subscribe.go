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
	case r.Type == "hb":
		if r.Now != nil {
			c.answered(*r.Now)
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
	t, ok := c.hub.topic(r.Topic)
	if !ok {
		return c.refuse(r.ID, "bad_topic", fmt.Sprintf("no topic %.80q", r.Topic))
	}
	s.board, s.view = t.board, t.board.watch(t.layer, t.key, c)
	c.subs = append(c.subs, s)
	return c.subscribeCells(s, r.Since)
}

// topic is what a cells topic names.
type topic struct {
	board *board
	layer int
	key   viewKey
}

// topic finds {cells, count, heat or excess}/{kind}/r{resolution}, of the whole
// district, or of one tile when its index follows.
func (h *Hub) topic(name string) (t topic, ok bool) {
	parts := strings.Split(name, "/")
	if len(parts) != 3 && len(parts) != 4 {
		return t, false
	}
	boards, ok := map[string]map[sensors.KindKey]*board{
		"cells": h.levels, "count": h.levels, "heat": h.heat, "excess": h.excess,
	}[parts[0]]
	if !ok {
		return t, false
	}
	t.board, t.key.counts = boards[sensors.KindKey(parts[1])], parts[0] == "count"
	t.layer = slices.IndexFunc(grid.DisplayResolutions[:], func(res int) bool { return parts[2] == "r"+strconv.Itoa(res) })
	if t.board == nil || t.layer < 0 {
		return t, false
	}
	if len(parts) == 4 {
		tile, err := grid.ParseCell(parts[3])
		if err != nil || tile.String() != parts[3] || tile.Resolution() != grid.DisplayResolutions[t.layer]-tileSteps {
			return t, false
		}
		t.key.tile = tile
	}
	return t, true
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
	f, step, ok, err := s.board.delta(s.view, s.id, from.Seq)
	if err != nil {
		return err
	}
	if !ok {
		s.snap = "unknown"
		return nil
	}
	c.hub.metrics.resumes.WithLabelValues("cells").Inc()
	s.sent = step.seq
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
		f, err := d.snapshot.message.frame(s.id)
		if err != nil {
			return err
		}
		return c.send(f)
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
	if s.board != nil {
		s.board.unwatch(s.view, c)
	}
	c.subs = slices.DeleteFunc(c.subs, func(o *sub) bool { return o == s })
}
