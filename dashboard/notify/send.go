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
		due, err := n.records.DueChannels(ctx, n.opts.Now())
		if err != nil {
			if ctx.Err() == nil {
				n.opts.Log.Warn("queue of notifications not read", "error", err)
			}
			continue
		}
		for _, id := range due {
			if lanes[id] == nil {
				lanes[id] = &lane{}
			}
			l := lanes[id]
			l.start(func() { n.sendDue(ctx, l, id) })
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

// sendDue sends what waits for one channel, one after the other. Its caller holds the
// lane: what it reads is sent by nobody else meanwhile.
func (n *Notifier) sendDue(ctx context.Context, l *lane, channel string) {
	due, err := n.records.DueDeliveries(ctx, channel, n.opts.Now(), dueAtOnce)
	if err != nil {
		if ctx.Err() == nil {
			n.opts.Log.Warn("queue of notifications not read", "channel", channel, "error", err)
		}
		return
	}
	for _, d := range due {
		if !n.sendOne(ctx, l, d) {
			return
		}
	}
}

// sendOne sends a message, or withholds it, and reports whether the channel may be
// asked for the next one at once.
func (n *Notifier) sendOne(ctx context.Context, l *lane, d store.Delivery) bool {
	c, there := n.loaded()[d.Channel]
	if !there {
		return n.settle(ctx, d, errNoChannel)
	}
	if c.robot() && !l.pause(ctx, n.opts.RobotPause, n.opts.Now) {
		return false
	}
	a, err := analytics.DecodeAlert(d.Payload)
	if err != nil {
		return n.settle(ctx, d, &refused{err})
	}
	if c, there = n.loaded()[d.Channel]; !there { // removed during the pause
		return n.settle(ctx, d, errNoChannel)
	}
	why, err := n.withheld(ctx, &c, &a)
	switch {
	case err != nil:
		if ctx.Err() == nil {
			n.opts.Log.Warn("state of an alert not read, its notification waits", "delivery", d.ID, "error", err)
		}
		return false
	case why != "":
		return n.withhold(ctx, d, why)
	case ctx.Err() != nil:
		return false
	}
	err = n.attempt(ctx, &c, &d, a)
	l.last = n.opts.Now()
	if ctx.Err() != nil && err != nil {
		return false // given up by us: it is sent by the next server
	}
	return n.settle(ctx, d, err)
}

// pause waits until so much time has passed since the newest message of the lane, and
// reports whether it has: ctx may end before.
func (l *lane) pause(ctx context.Context, pause time.Duration, now func() time.Time) bool {
	if rest := pause - now().Sub(l.last); rest > 0 {
		select {
		case <-time.After(rest):
		case <-ctx.Done():
		}
	}
	return ctx.Err() == nil
}

// withhold ends a message that is not to be sent any more, and reports whether that
// was saved.
func (n *Notifier) withhold(ctx context.Context, d store.Delivery, why string) bool {
	d.State, d.EndedAt, d.Fault = store.DeliveryWithheld, n.opts.Now(), why
	n.metrics.outcomes.WithLabelValues(outcomeWithheld).Inc()
	saved := n.save(ctx, d)
	if why == whyMuted {
		n.known.owe(d.Alert)
	}
	return saved
}

// save writes down what became of a message. It tries until it has succeeded or ctx
// ends: what is not written down would be sent again. It reports whether it has.
func (n *Notifier) save(ctx context.Context, d store.Delivery) bool {
	err := n.persist(ctx, "outcome of a notification not saved", func(ctx context.Context) error {
		err := n.records.SaveAttempt(context.WithoutCancel(ctx), d)
		if errors.Is(err, store.ErrNotFound) {
			return nil // its channel was removed meanwhile
		}
		return err
	})
	if err != nil {
		n.opts.Log.Warn("outcome of a notification not saved, it may be sent again", "delivery", d.ID)
	}
	return err == nil
}

func (c *Channel) robot() bool { return c.Type == WeCom || c.Type == DingTalk || c.Type == Feishu }

// settle writes down how an attempt went, and reports whether the channel answered
// and that was saved.
func (n *Notifier) settle(ctx context.Context, d store.Delivery, err error) bool {
	now := n.opts.Now()
	d.Attempts++
	d.Fault = ""
	outcome, answered := outcomeDelivered, true
	var never *refused
	var some *partly
	switch {
	case errors.As(err, &some):
		d.State, d.EndedAt, d.Fault = store.DeliveryDelivered, now, cut(err.Error(), 500)
		n.opts.Log.Warn("notification not delivered to everybody", "channel", d.Channel, "alert", d.Alert, "error", err)
	case err == nil:
		d.State, d.EndedAt = store.DeliveryDelivered, now
	case errors.As(err, &never) || errors.Is(err, errNoChannel) || d.Attempts > len(n.opts.Retries):
		d.State, d.EndedAt, d.Fault, outcome = store.DeliveryDead, now, cut(err.Error(), 500), outcomeDead
		n.opts.Log.Warn("notification not delivered, no attempt is left", "channel", d.Channel, "alert", d.Alert, "attempts", d.Attempts, "error", err)
	default:
		d.Next, d.Fault, outcome, answered = now.Add(n.opts.Retries[d.Attempts-1]), cut(err.Error(), 500), outcomeRetried, false
	}
	n.metrics.outcomes.WithLabelValues(outcome).Inc()
	return n.save(ctx, d) && answered
}

// attempt sends one message about an alert.
func (n *Notifier) attempt(ctx context.Context, c *Channel, d *store.Delivery, a store.Alert) error {
	m := compose(c, Event(d.Event), a, n.opts.Zone)
	m.payload, m.id = d.Payload, strconv.FormatInt(d.ID, 10)
	return n.deliver(ctx, d.Channel, c, &m)
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
		return n.mail.send(ctx, c.Mail, s, m)
	case WeCom:
		return sendWeCom(ctx, n.client, s, m)
	case DingTalk:
		return sendDingTalk(ctx, n.client, s, m)
	case Feishu:
		return sendFeishu(ctx, n.client, s, m)
	}
	return &refused{fmt.Errorf("channel type %q is unknown", c.Type)}
}
