package report_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/urbangrid/urbangrid/analytics/report"
	"github.com/urbangrid/urbangrid/store"
)

type takeUps map[string]store.TakeUp

func (t takeUps) TakeUpsOf(context.Context, []string) (map[string]store.TakeUp, error) { return t, nil }

func TestAlertHandling_IsLateByTheSeverityOfTheAlert(t *testing.T) {
	raised := time.Date(2026, 11, 25, 8, 0, 0, 0, time.UTC)
	after := func(d time.Duration) time.Time { return raised.Add(d) }
	h := report.AlertHandling{Now: func() time.Time { return after(2 * time.Hour) }, TakeUps: takeUps{
		"in time":           {Severity: store.Critical, Raised: raised, Taken: after(15 * time.Minute)},
		"late":              {Severity: store.Critical, Raised: raised, Taken: after(15*time.Minute + time.Second)},
		"ended by itself":   {Severity: store.Warning, Raised: raised, Cleared: after(59 * time.Minute)},
		"ended unseen":      {Severity: store.Warning, Raised: raised, Cleared: after(61 * time.Minute)},
		"still waits":       {Severity: store.Warning, Raised: raised},
		"may still wait":    {Severity: store.Notice, Raised: raised},
		"taken, then again": {Severity: store.Notice, Raised: raised, Taken: after(time.Minute), Reopened: 2},
	}}
	got, err := h.HandlingOf(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]report.Handled{
		"in time": {}, "late": {Late: true}, "ended by itself": {}, "ended unseen": {Late: true},
		"still waits": {Late: true}, "may still wait": {}, "taken, then again": {Reopened: 2},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("handled (-want +got):\n%s", d)
	}
}
