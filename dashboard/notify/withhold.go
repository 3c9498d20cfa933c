package notify

import (
	"context"
	"time"

	"github.com/urbangrid/urbangrid/store"
)

// Why a message that waited is not sent any more.
const (
	whyUnwanted = "the channel is off or wants other alerts now"
	whyQuiet    = "it is a quiet hour"
	whyClosed   = "the alert is over"
	whyMuted    = "the alert is muted"
)

// withheld returns why a message about an alert is not to be sent now, "" when it is.
// Messages may wait for hours, and what held when they were queued need not hold any
// more.
func (n *Notifier) withheld(ctx context.Context, c *Channel, a *store.Alert) (why string, err error) {
	now := n.opts.Now()
	switch {
	case !c.wants(a):
		return whyUnwanted, nil
	case c.quietAt(now.In(n.opts.Zone), a.Severity):
		return whyQuiet, nil
	}
	found, err := n.records.FindAlerts(ctx, store.AlertQuery{ID: a.ID, Limit: 1})
	if err != nil {
		return "", err
	}
	present := a
	if len(found) > 0 {
		present = &found[0]
	}
	if present.State == store.AlertClosed {
		return whyClosed, nil
	}
	mutes, err := store.MutesBetween(ctx, n.records, now, now.Add(time.Second))
	if err != nil {
		return "", err
	}
	if present.Muted || store.NewMuteSet(mutes).Mute(present, now) != nil {
		return whyMuted, nil
	}
	return "", nil
}

// owed returns the alerts about which a message was withheld because they were muted.
func (n *Notifier) owed(ctx context.Context) (alerts []string, err error) {
	q := store.DeliveryQuery{State: store.DeliveryWithheld, Limit: store.MaxDeliveries}
	for {
		page, err := n.records.FindDeliveries(ctx, q)
		if err != nil {
			return nil, err
		}
		for i := range page {
			if page[i].Fault == whyMuted {
				alerts = append(alerts, page[i].Alert)
			}
		}
		if len(page) < q.Limit {
			return alerts, nil
		}
		q.Before = page[len(page)-1].ID
	}
}

// untold returns the channels from which the newest message about an alert was
// withheld because it was muted.
func (n *Notifier) untold(ctx context.Context, alert string) (map[string]bool, error) {
	untold := make(map[string]bool)
	for id := range n.loaded() {
		newest, err := n.records.FindDeliveries(ctx, store.DeliveryQuery{Channel: id, Alert: alert, Limit: 1})
		if err != nil {
			return nil, err
		}
		untold[id] = len(newest) > 0 && newest[0].State == store.DeliveryWithheld && newest[0].Fault == whyMuted
	}
	return untold, nil
}
