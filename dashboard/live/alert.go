package live

import (
	"time"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// Alert is an alert as browsers and the HTTP API's clients see it.
type Alert struct {
	ID            string           `json:"id" doc:"UUID of the alert" format:"uuid"`
	Revision      int64            `json:"revision" doc:"1 when raised, grows with every change"`
	Rule          string           `json:"rule" doc:"Key of the rule that judged"`
	Kind          sensors.KindKey  `json:"kind" doc:"Key of the kind that was judged"`
	Place         string           `json:"place" doc:"device/<id> or cell/<H3 index>" example:"device/noise-0012"`
	State         store.AlertState `json:"state" enum:"open,closed"`
	Severity      store.Severity   `json:"severity" enum:"notice,warning,critical"`
	Device        sensors.DeviceID `json:"device" doc:"Empty for an alert about a cell"`
	Cell          string           `json:"cell" doc:"H3 index of resolution 10"`
	Area          string           `json:"area" doc:"Code of the responsibility area, empty outside every area"`
	Lat           float64          `json:"lat" doc:"Latitude in degrees, WGS 84"`
	Lon           float64          `json:"lon" doc:"Longitude in degrees, WGS 84"`
	Value         float64          `json:"value" doc:"What was seen: a level in the unit of the kind, or a count"`
	Baseline      float64          `json:"baseline" doc:"What the value is held against: the threshold, or the expected count"`
	P             *float64         `json:"p" doc:"Probability of such a value under the baseline; null when the rule states none"`
	WindowSeconds float64          `json:"window_seconds" doc:"Length of the judged window in seconds, 0 for none"`
	Reason        sensors.Names    `json:"reason" doc:"The explanation as a sentence"`
	RaisedAt      time.Time        `json:"raised_at" doc:"Phenomenon time of the observation that raised it, UTC"`
	UpdatedAt     time.Time        `json:"updated_at"`
	ClearedAt     *time.Time       `json:"cleared_at" doc:"null while the alert is open"`
}

// AlertOf returns the form of a that goes to people.
func AlertOf(a store.Alert) Alert {
	out := Alert{
		ID: a.ID, Revision: a.Revision, Rule: a.Rule, Kind: a.Kind, Place: a.Place,
		State: a.State, Severity: a.Severity, Device: a.Device, Cell: a.Cell.String(), Area: string(a.Area),
		Lat: a.Point.LatDegrees, Lon: a.Point.LonDegrees, Value: a.Value, Baseline: a.Baseline,
		WindowSeconds: a.Window.Seconds(), Reason: a.Reason,
		RaisedAt: a.RaisedAt.UTC(), UpdatedAt: a.UpdatedAt.UTC(),
	}
	if a.P != 0 {
		out.P = &a.P
	}
	if !a.ClearedAt.IsZero() {
		t := a.ClearedAt.UTC()
		out.ClearedAt = &t
	}
	return out
}
