package analytics

import (
	"encoding/json"
	"fmt"
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
}

// EncodeAlert writes a as the alert object of the protocol.
func EncodeAlert(a store.Alert) ([]byte, error) {
	w := wireAlert{
		ID: a.ID, Revision: a.Revision, Rule: a.Rule, Kind: a.Kind, Place: a.Place,
		State: a.State, Severity: a.Severity, Device: a.Device, Cell: a.Cell.String(), Area: a.Area,
		LatDegrees: a.Point.LatDegrees, LonDegrees: a.Point.LonDegrees,
		Value: a.Value, Baseline: a.Baseline, WindowSeconds: a.Window.Seconds(), Reason: a.Reason,
		RaisedAt: a.RaisedAt.UTC(), UpdatedAt: a.UpdatedAt.UTC(),
	}
	if a.P != 0 {
		w.P = &a.P
	}
	if !a.ClearedAt.IsZero() {
		cleared := a.ClearedAt.UTC()
		w.ClearedAt = &cleared
	}
	payload, err := json.Marshal(w)
	if err != nil {
		return nil, fmt.Errorf("encode alert %s: %w", a.ID, err)
	}
	return payload, nil
}

// DecodeAlert reads what EncodeAlert wrote.
func DecodeAlert(payload []byte) (store.Alert, error) {
	var w wireAlert
	if err := json.Unmarshal(payload, &w); err != nil {
		return store.Alert{}, fmt.Errorf("decode alert: %w", err)
	}
	a := store.Alert{
		ID: w.ID, Revision: w.Revision, Rule: w.Rule, Kind: w.Kind, Place: w.Place,
		State: w.State, Severity: w.Severity, Device: w.Device, Area: w.Area,
		Point: grid.Point{LatDegrees: w.LatDegrees, LonDegrees: w.LonDegrees},
		Value: w.Value, Baseline: w.Baseline,
		Window: time.Duration(w.WindowSeconds * float64(time.Second)), Reason: w.Reason,
		RaisedAt: w.RaisedAt, UpdatedAt: w.UpdatedAt,
	}
	if w.Cell != "" {
		cell, err := grid.ParseCell(w.Cell)
		if err != nil {
			return store.Alert{}, fmt.Errorf("decode alert %s: %w", w.ID, err)
		}
		a.Cell = cell
	}
	if w.P != nil {
		a.P = *w.P
	}
	if w.ClearedAt != nil {
		a.ClearedAt = *w.ClearedAt
	}
	return a, nil
}
