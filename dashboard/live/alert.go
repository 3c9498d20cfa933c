package live

import (
	"cmp"
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

	Category          store.AlertCategory `json:"category" enum:"city,quality" doc:"What it is about: the city, or sensors and data"`
	Phase             store.AlertPhase    `json:"phase" enum:",active,cooling" doc:"How it does while it is open; empty once it is closed and for rules without phases"`
	Cells             []string            `json:"cells" nullable:"false" maxItems:"256" doc:"H3 indices of a hotspot in ascending order; cell is its peak. Empty for other alerts"`
	Devices           []sensors.DeviceID  `json:"devices" nullable:"false" maxItems:"20" doc:"Whose observations speak for it, the most telling first"`
	Evidence          []Evidence          `json:"evidence" nullable:"false" maxItems:"10" doc:"The newest observations behind it"`
	Score             *float64            `json:"score" doc:"Log-likelihood ratio of the scan, or the statistic of the rule; null when there is none"`
	RecurrenceSeconds *float64            `json:"recurrence_seconds" doc:"Quiet history reaches the score once in so many seconds; null when that is not known"`
	Excess            float64             `json:"excess" doc:"How many more than expected; 0 for levels"`
	Flapping          bool                `json:"flapping" doc:"It opened and closed so often that changes are held back"`
	Muted             bool                `json:"muted" doc:"Nobody is notified of it"`
	MergedInto        string              `json:"merged_into" doc:"ID of the alert that it became a part of, empty otherwise"`

	Handling Handling `json:"handling" doc:"What people do about it"`
}

// Evidence is one observation behind an alert.
type Evidence struct {
	Device sensors.DeviceID `json:"device"`
	At     time.Time        `json:"at" doc:"Phenomenon time, UTC"`
	Value  float64          `json:"value" doc:"In the unit of the alert's kind"`
	Lat    float64          `json:"lat" doc:"Latitude in degrees, WGS 84"`
	Lon    float64          `json:"lon" doc:"Longitude in degrees, WGS 84"`
	Link   string           `json:"link" doc:"Address of a snapshot, empty when there is none"`
}

// AlertOf returns the form of a that goes to people.
func AlertOf(a store.Alert) Alert {
	out := Alert{
		ID: a.ID, Revision: a.Revision, Rule: a.Rule, Kind: a.Kind, Place: a.Place,
		State: a.State, Severity: a.Severity, Device: a.Device, Cell: a.Cell.String(), Area: string(a.Area),
		Lat: a.Point.LatDegrees, Lon: a.Point.LonDegrees, Value: a.Value, Baseline: a.Baseline,
		P: known(a.P), WindowSeconds: a.Window.Seconds(), Reason: a.Reason,
		RaisedAt: a.RaisedAt.UTC(), UpdatedAt: a.UpdatedAt.UTC(),
		Category: cmp.Or(a.Category, store.AboutCity), Phase: a.Phase,
		Cells: make([]string, len(a.Cells)), Devices: a.Devices, Evidence: make([]Evidence, len(a.Evidence)),
		Score: known(a.Score), RecurrenceSeconds: known(a.Recurrence.Seconds()), Excess: a.Excess,
		Flapping: a.Flapping, Muted: a.Muted, MergedInto: a.MergedInto,
		Handling: HandlingOf(a.Handling),
	}
	if !a.ClearedAt.IsZero() {
		t := a.ClearedAt.UTC()
		out.ClearedAt = &t
	}
	for i, c := range a.Cells {
		out.Cells[i] = c.String()
	}
	if out.Devices == nil {
		out.Devices = []sensors.DeviceID{}
	}
	for i, e := range a.Evidence {
		out.Evidence[i] = Evidence{
			Device: e.Device, At: e.At.UTC(), Value: e.Value,
			Lat: e.Point.LatDegrees, Lon: e.Point.LonDegrees, Link: e.Link,
		}
	}
	return out
}

// known returns nil for the 0 that stands for what is not known.
func known(x float64) *float64 {
	if x == 0 {
		return nil
	}
	return &x
}
