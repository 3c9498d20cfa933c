package notify

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/store"
)

const (
	dueAtOnce = 200
	trimEvery = time.Hour
)

// send sends what is due until ctx ends. Channels do not wait for one another.
func (n *Notifier) send(ctx context.Context) {
	tick := time.NewTicker(n.opts.Poll)
	defer tick.Stop()
	lanes := make(map[string]*lane)
	var trimmed time.Time
	for {
		select {
		case <-ctx.Done():
			for _, l := range lanes {
				l.wait()
			}
			return
		case <-tick.C:
		case <-n.wake:
		}
		due, err := n.records.DueDeliveries(ctx, n.opts.Now(), dueAtOnce)
		if err != nil {
			if ctx.Err() == nil {
				n.opts.Log.Warn("queue of notifications not read", "error", err)
			}
			continue
		}
		byChannel := make(map[string][]store.Delivery)
		for _, d := range due {
			byChannel[d.Channel] = append(byChannel[d.Channel], d)
		}
		for id, list := range byChannel {
			if lanes[id] == nil {
				lanes[id] = &lane{}
			}
			l := lanes[id]
			l.start(func() { n.sendAll(ctx, l, list) })
		}
		if now := n.opts.Now(); now.Sub(trimmed) >= trimEvery {
			trimmed = now
			if err := n.records.TrimDeliveries(ctx, now.Add(-n.opts.KeepFor), n.opts.Keep); err != nil && ctx.Err() == nil {
				n.opts.Log.Warn("old notifications not removed", "error", err)
			}
		}
	}
}

// lane is one channel's messages under way: one list at a time.
type lane struct {
	wg   sync.WaitGroup
	busy sync.Mutex
	last time.Time // of the newest message, guarded by busy
}

// start runs do unless the lane is busy.
func (l *lane) start(do func()) {
	if !l.busy.TryLock() {
		return
	}
	l.wg.Go(func() {
		defer l.busy.Unlock()
		do()
	})
}

func (l *lane) wait() { l.wg.Wait() }

// sendAll sends messages of one channel, one after the other.
func (n *Notifier) sendAll(ctx context.Context, l *lane, list []store.Delivery) {
	for _, d := range list {
		c, there := n.loaded()[d.Channel]
		if there && c.robot() {
			if pause := n.opts.RobotPause - n.opts.Now().Sub(l.last); pause > 0 {
				select {
				case <-time.After(pause):
				case <-ctx.Done():
					return
				}
			}
		}
		if ctx.Err() != nil {
			return
		}
		err := errNoChannel
		if there {
			err = n.attempt(ctx, d.Channel, &c, &d)
		}
		l.last = n.opts.Now()
		if ctx.Err() != nil && err != nil {
			return // given up by us: it is sent by the next server
		}
		if !n.settle(ctx, d, err) {
			return // a channel that does not answer is not asked for every message
		}
	}
}

func (c *Channel) robot() bool { return c.Type == WeCom || c.Type == DingTalk || c.Type == Feishu }

// settle writes down how an attempt went, and reports whether the channel answered.
func (n *Notifier) settle(ctx context.Context, d store.Delivery, err error) bool {
	now := n.opts.Now()
	d.Attempts++
	d.Fault = ""
	outcome, answered := outcomeDelivered, true
	var never *refused
	switch {
	case err == nil:
		d.State, d.EndedAt = store.DeliveryDelivered, now
	case errors.As(err, &never) || errors.Is(err, errNoChannel) || d.Attempts > len(n.opts.Retries):
		d.State, d.EndedAt, d.Fault, outcome = store.DeliveryDead, now, cut(err.Error(), 500), outcomeDead
		n.opts.Log.Warn("notification not delivered, no attempt is left", "channel", d.Channel, "alert", d.Alert, "attempts", d.Attempts, "error", err)
	default:
		d.Next, d.Fault, outcome, answered = now.Add(n.opts.Retries[d.Attempts-1]), cut(err.Error(), 500), outcomeRetried, false
	}
	if err := n.records.SaveAttempt(context.WithoutCancel(ctx), d); err != nil && !errors.Is(err, store.ErrNotFound) {
		n.opts.Log.Warn("outcome of a notification not saved, it may be sent again", "delivery", d.ID, "error", err)
	}
	n.metrics.outcomes.WithLabelValues(outcome).Inc()
	return answered
}

// attempt sends one message.
func (n *Notifier) attempt(ctx context.Context, id string, c *Channel, d *store.Delivery) error {
	a, err := analytics.DecodeAlert(d.Payload)
	if err != nil {
		return &refused{err}
	}
	m := compose(c, Event(d.Event), a, n.opts.Zone)
	m.payload, m.id = d.Payload, strconv.FormatInt(d.ID, 10)
	return n.deliver(ctx, id, c, &m)
}

func (n *Notifier) deliver(ctx context.Context, id string, c *Channel, m *message) error {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	s, err := n.secretsOf(ctx, id)
	if err != nil {
		return err
	}
	m.sentAt = n.opts.Now()
	switch c.Type {
	case Webhook:
		return sendWebhook(ctx, n.client, s, m)
	case Email:
		return sendEmail(ctx, n.opts.TLS, c, s, m)
	case WeCom:
		return sendWeCom(ctx, n.client, s, m)
	case DingTalk:
		return sendDingTalk(ctx, n.client, s, m)
	case Feishu:
		return sendFeishu(ctx, n.client, s, m)
	}
	return &refused{fmt.Errorf("channel type %q is unknown", c.Type)}
}
