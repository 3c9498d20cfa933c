package analytics

import (
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// wireAlert is the alert object of docs/PROTOCOL.md.
type wireAlert struct {
	ID            string           `json:"id"`
	Revision      int64            `json:"revision"`
	Rule          string           `json:"rule"`
	Kind          sensors.KindKey  `json:"kind"`
	Place         string           `json:"place"`
	State         store.AlertState `json:"state"`
	Severity      store.Severity   `json:"severity"`
	Device        sensors.DeviceID `json:"device"`
	Cell          string           `json:"cell"`
	Area          grid.AreaCode    `json:"area"`
	LatDegrees    float64          `json:"lat"`
	LonDegrees    float64          `json:"lon"`
	Value         float64          `json:"value"`
	Baseline      float64          `json:"baseline"`
	P             *float64         `json:"p"`
	WindowSeconds float64          `json:"window_seconds"`
	Reason        sensors.Names    `json:"reason"`
	RaisedAt      time.Time        `json:"raised_at"`
	UpdatedAt     time.Time        `json:"updated_at"`
	ClearedAt     *time.Time       `json:"cleared_at"`

	Category          store.AlertCategory `json:"category"`
	Phase             store.AlertPhase    `json:"phase"`
	Cells             []string            `json:"cells"`
	Devices           []sensors.DeviceID  `json:"devices"`
	Evidence          []wireEvidence      `json:"evidence"`
	Score             *float64            `json:"score"`
	RecurrenceSeconds *float64            `json:"recurrence_seconds"`
	Excess            float64             `json:"excess"`
	Flapping          bool                `json:"flapping"`
	Muted             bool                `json:"muted"`
	MergedInto        string              `json:"merged_into"`
	Handling          wireHandling        `json:"handling,omitzero"`
}

// wireHandling is what people do about an alert; it is left out while nobody has
// done anything.
type wireHandling struct {
	State   store.HandlingState `json:"state"`
	Version int64               `json:"version"`
	By      string              `json:"by"`
	At      time.Time           `json:"at,omitzero"`
	Area    grid.AreaCode       `json:"area"`
	Unit    string              `json:"unit"`
	Answer  store.Answer        `json:"answer"`
}

// wireEvidence is one piece of evidence of an alert object.
type wireEvidence struct {
	Device     sensors.DeviceID `json:"device"`
	At         time.Time        `json:"at"`
	Value      float64          `json:"value"`
	LatDegrees float64          `json:"lat"`
	LonDegrees float64          `json:"lon"`
	Link       string           `json:"link"`
}

// EncodeAlert writes a as the alert object of the protocol.
func EncodeAlert(a store.Alert) ([]byte, error) {
	w := wireAlert{
		ID: a.ID, Revision: a.Revision, Rule: a.Rule, Kind: a.Kind, Place: a.Place,
		State: a.State, Severity: a.Severity, Device: a.Device, Cell: a.Cell.String(), Area: a.Area,
		LatDegrees: a.Point.LatDegrees, LonDegrees: a.Point.LonDegrees,
		Value: a.Value, Baseline: a.Baseline, P: known(a.P), WindowSeconds: a.Window.Seconds(), Reason: a.Reason,
		RaisedAt: a.RaisedAt.UTC(), UpdatedAt: a.UpdatedAt.UTC(),
		Category: a.Category, Phase: a.Phase,
		Cells: make([]string, len(a.Cells)), Devices: a.Devices, Evidence: make([]wireEvidence, len(a.Evidence)),
		Score: known(a.Score), RecurrenceSeconds: known(a.Recurrence.Seconds()), Excess: a.Excess,
		Flapping: a.Flapping, Muted: a.Muted, MergedInto: a.MergedInto,
		Handling: wireHandlingOf(a.Handling),
	}
	if !a.ClearedAt.IsZero() {
		cleared := a.ClearedAt.UTC()
		w.ClearedAt = &cleared
	}
	for i, c := range a.Cells {
		w.Cells[i] = c.String()
	}
	if w.Devices == nil {
		w.Devices = []sensors.DeviceID{}
	}
	for i, e := range a.Evidence {
		w.Evidence[i] = wireEvidence{
			Device: e.Device, At: e.At.UTC(), Value: e.Value,
			LatDegrees: e.Point.LatDegrees, LonDegrees: e.Point.LonDegrees, Link: e.Link,
		}
	}
	payload, err := json.Marshal(w)
	if err != nil {
		return nil, fmt.Errorf("encode alert %s: %w", a.ID, err)
	}
	return payload, nil
}

// DecodeAlert reads what EncodeAlert wrote, also before alerts had a category
// and what follows it; what is missing is zero.
func DecodeAlert(payload []byte) (store.Alert, error) {
	var w wireAlert
	if err := json.Unmarshal(payload, &w); err != nil {
		return store.Alert{}, fmt.Errorf("decode alert: %w", err)
	}
	a := store.Alert{
		ID: w.ID, Revision: w.Revision, Rule: w.Rule, Kind: w.Kind, Place: w.Place,
		State: w.State, Severity: w.Severity, Device: w.Device, Area: w.Area,
		Point: grid.Point{LatDegrees: w.LatDegrees, LonDegrees: w.LonDegrees},
		Value: w.Value, Baseline: w.Baseline, P: orZero(w.P), Window: seconds(w.WindowSeconds), Reason: w.Reason,
		RaisedAt: w.RaisedAt, UpdatedAt: w.UpdatedAt,
		Category: w.Category, Phase: w.Phase, Score: orZero(w.Score),
		Recurrence: seconds(orZero(w.RecurrenceSeconds)), Excess: w.Excess,
		Flapping: w.Flapping, Muted: w.Muted, MergedInto: w.MergedInto,
		Handling: w.Handling.handling(),
	}
	if w.ClearedAt != nil {
		a.ClearedAt = *w.ClearedAt
	}
	if len(w.Devices) > 0 {
		a.Devices = w.Devices
	}
	if err := w.cells(&a); err != nil {
		return store.Alert{}, fmt.Errorf("decode alert %s: %w", w.ID, err)
	}
	for _, e := range w.Evidence {
		a.Evidence = append(a.Evidence, store.Evidence{
			Device: e.Device, At: e.At, Value: e.Value,
			Point: grid.Point{LatDegrees: e.LatDegrees, LonDegrees: e.LonDegrees}, Link: e.Link,
		})
	}
	return a, nil
}

// cells reads the cells into a.
func (w *wireAlert) cells(a *store.Alert) (err error) {
	if w.Cell != "" {
		if a.Cell, err = grid.ParseCell(w.Cell); err != nil {
			return err
		}
	}
	for _, name := range w.Cells {
		c, err := grid.ParseCell(name)
		if err != nil {
			return err
		}
		a.Cells = append(a.Cells, c)
	}
	return nil
}

func wireHandlingOf(h store.Handling) wireHandling {
	w := wireHandling{State: h.State, Version: h.Version, By: h.By, Area: h.To.Area, Unit: h.To.Unit, Answer: h.Answer}
	if !h.At.IsZero() {
		w.At = h.At.UTC()
	}
	return w
}

func (w wireHandling) handling() store.Handling {
	return store.Handling{
		State: w.State, Version: w.Version, By: w.By, At: w.At,
		To: store.Destination{Area: w.Area, Unit: w.Unit}, Answer: w.Answer,
	}
}

// known returns nil for the 0 that stands for what is not known.
func known(x float64) *float64 {
	if x == 0 {
		return nil
	}
	return &x
}

func orZero(x *float64) float64 {
	if x == nil {
		return 0
	}
	return *x
}

// seconds returns s as a duration, to the nearest microsecond: what a count of
// seconds in decimals can carry over a hundred years.
func seconds(s float64) time.Duration {
	return time.Duration(math.Round(s*1e6)) * time.Microsecond
}
