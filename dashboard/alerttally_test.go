package dashboard_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/urbangrid/urbangrid/dashboard"
	"github.com/urbangrid/urbangrid/store"
)

// pagedAlerts are alerts, the newest first, that are found page by page.
type pagedAlerts struct {
	*stores
	all   []store.Alert
	pages int
}

func (p *pagedAlerts) FindAlerts(_ context.Context, q store.AlertQuery) ([]store.Alert, error) {
	p.pages++
	first := 0
	for i, a := range p.all {
		if a.ID == q.Before {
			first = i + 1
		}
	}
	return p.all[first:min(first+q.Limit, len(p.all))], nil
}

type tallyAnswer struct {
	From, To  time.Time
	Truncated bool
	Areas     []areaTally
}

type areaTally struct {
	Area                            string
	Critical, Warning, Notice, Open int
}

// tallied asks a site that has these alerts.
func tallied(t *testing.T, all ...store.Alert) (got tallyAnswer, pages int) {
	t.Helper()
	p := &pagedAlerts{all: all}
	s := newSiteWith(t, dashboard.Options{}, func(d *dashboard.Deps) { d.Alerts = p })
	p.pages = 0
	s.get(t, "/api/v1/alerts/tally", &got)
	return got, p.pages
}

func raisedBefore(n int, before time.Duration, severity store.Severity, more func(*store.Alert)) store.Alert {
	a := store.Alert{ID: fmt.Sprint("a", n), Area: "310107005", Severity: severity, State: store.AlertClosed, RaisedAt: clock.Add(-before)}
	more(&a)
	return a
}

func TestAPI_TallyCountsTheAlertsOfADayByAreaAndSeverity(t *testing.T) {
	as := func(*store.Alert) {}
	got, _ := tallied(t,
		raisedBefore(1, time.Minute, store.Critical, func(a *store.Alert) { a.State = store.AlertOpen }),
		raisedBefore(2, time.Hour, store.Notice, as),
		raisedBefore(3, 2*time.Hour, store.Warning, func(a *store.Alert) { a.Area = "310107014" }),
		raisedBefore(4, 3*time.Hour, store.Warning, func(a *store.Alert) { a.MergedInto = "a1" }),
		raisedBefore(5, 24*time.Hour, store.Notice, as),
		raisedBefore(6, 25*time.Hour, store.Critical, as),
	)
	want := tallyAnswer{From: clock.Add(-24 * time.Hour), To: clock, Areas: []areaTally{
		{Area: "310107005", Critical: 1, Notice: 2, Open: 1},
		{Area: "310107014", Warning: 1},
	}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("tally (-want +got):\n%s", d)
	}
}

func TestAPI_TallyOfAQuietDayIsEmpty(t *testing.T) {
	if got, _ := tallied(t); got.Areas == nil || len(got.Areas) != 0 {
		t.Errorf("areas of a quiet day are %v, want an empty list", got.Areas)
	}
}

func TestAPI_TallyEndsSomewhereAndSaysSo(t *testing.T) {
	all := make([]store.Alert, 6*store.MaxAlerts)
	for i := range all {
		all[i] = raisedBefore(i, time.Minute, store.Notice, func(*store.Alert) {})
	}
	got, pages := tallied(t, all...)
	if !got.Truncated || pages != 5 || got.Areas[0].Notice != 5*store.MaxAlerts {
		t.Errorf("counted %+v of %d alerts in %d pages, want the newest 5 pages", got.Areas, len(all), pages)
	}
	newSite(t, dashboard.Options{}).do(t, http.MethodGet, "/api/v1/alerts/tally?hours=0", "").wantProblem(t, http.StatusUnprocessableEntity)
}
