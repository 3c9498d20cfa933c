package dashboard

import (
	"time"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// condition says in one word how a device does.
type condition string

// The conditions, the most pressing first: of several that hold a device is in
// the first.
const (
	conditionOffline condition = "offline" // overdue by three intervals, or said to be gone
	conditionOdd     condition = "odd"     // an alert about its quality is open
	conditionLate    condition = "late"    // silent for longer than its interval
	conditionSilent  condition = "silent"  // never heard of
	conditionOnline  condition = "online"
)

var conditions = [...]condition{conditionOffline, conditionOdd, conditionLate, conditionSilent, conditionOnline}

type deviceAlertView struct {
	ID       string          `json:"id"`
	Rule     string          `json:"rule"`
	Kind     sensors.KindKey `json:"kind"`
	Severity store.Severity  `json:"severity" enum:"notice,warning,critical"`
	Reason   sensors.Names   `json:"reason"`
	RaisedAt time.Time       `json:"raised_at"`
}

func viewDeviceAlert(a *store.Alert) deviceAlertView {
	return deviceAlertView{ID: a.ID, Rule: a.Rule, Kind: a.Kind, Severity: a.Severity, Reason: a.Reason, RaisedAt: a.RaisedAt.UTC()}
}

// conditionOf returns how d does at now and since when, zero when nobody can
// tell.
func conditionOf(d *sensors.Device, now time.Time, catalog *sensors.Catalog, alerts []deviceAlertView) (condition, time.Time) {
	state, why := d.State(now, catalog)
	interval := d.ExpectedInterval(catalog)
	heard := d.Heard()
	switch {
	case state == sensors.StateOffline && why == "said":
		return conditionOffline, d.Condition.PresenceAt
	case state == sensors.StateOffline:
		return conditionOffline, heard.Add(sensors.Overdue * interval)
	case len(alerts) > 0:
		since := alerts[0].RaisedAt
		for _, a := range alerts {
			if a.RaisedAt.Before(since) {
				since = a.RaisedAt
			}
		}
		return conditionOdd, since
	case state == sensors.StateSilent:
		return conditionSilent, time.Time{}
	case now.Sub(heard) > interval:
		return conditionLate, heard.Add(interval)
	}
	if d.Condition.Presence == sensors.Online {
		return conditionOnline, d.Condition.PresenceAt
	}
	return conditionOnline, time.Time{}
}
