package report

import (
	"context"
	"time"

	"github.com/urbangrid/urbangrid/store"
)

// TakeUps answers how soon alerts were taken up; store.Handlings says how.
type TakeUps interface {
	TakeUpsOf(ctx context.Context, alerts []string) (map[string]store.TakeUp, error)
}

// takeUpWithin is how soon somebody should do something about an alert: a choice of
// ours, which the definitions of the report name.
var takeUpWithin = map[store.Severity]time.Duration{
	store.Critical: 15 * time.Minute,
	store.Warning:  time.Hour,
	store.Notice:   4 * time.Hour,
}

// AlertHandling is the Handling of alerts by what people did about them, until
// there are cases. An alert was handled late when nobody did anything about it
// within 15 minutes if it is critical, an hour if it is a warning, four hours if
// it is a notice; one that ended by itself before that was not.
type AlertHandling struct {
	TakeUps TakeUps
	Now     func() time.Time
}

// HandlingOf implements [Handling].
func (h AlertHandling) HandlingOf(ctx context.Context, alerts []string) (map[string]Handled, error) {
	known, err := h.TakeUps.TakeUpsOf(ctx, alerts)
	if err != nil {
		return nil, err
	}
	out := make(map[string]Handled, len(known))
	for id, t := range known {
		waitedUntil := t.Taken
		if waitedUntil.IsZero() {
			waitedUntil = t.Cleared
		}
		if waitedUntil.IsZero() {
			waitedUntil = h.Now()
		}
		out[id] = Handled{Late: waitedUntil.Sub(t.Raised) > takeUpWithin[t.Severity], Reopened: t.Reopened}
	}
	return out, nil
}
