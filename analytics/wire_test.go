package analytics_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// drawAlert returns any alert whose durations are whole microseconds, as those
// of stored alerts are.
func drawAlert(t *rapid.T) store.Alert {
	point := rapid.Custom(func(t *rapid.T) grid.Point {
		return grid.Point{
			LatDegrees: rapid.Float64Range(-80, 80).Draw(t, "lat"), LonDegrees: rapid.Float64Range(-179, 179).Draw(t, "lon"),
		}
	})
	cell := rapid.Custom(func(t *rapid.T) grid.Cell {
		c, err := grid.CellAt(point.Draw(t, "point"), grid.Resolution)
		if err != nil {
			t.Fatal(err)
		}
		return c
	})
	text := rapid.String()
	device := rapid.Map(text, func(s string) sensors.DeviceID { return sensors.DeviceID(s) })
	at := rapid.Map(rapid.Int64Range(1, 1<<52), func(us int64) time.Time { return time.UnixMicro(us).UTC() })
	span := rapid.Map(rapid.Int64Range(0, 100*365*24*3600*1e6), func(us int64) time.Duration { return time.Duration(us) * time.Microsecond })
	number := rapid.Float64Range(-1e9, 1e9)
	evidence := rapid.Custom(func(t *rapid.T) store.Evidence {
		return store.Evidence{
			Device: device.Draw(t, "device"), At: at.Draw(t, "at"), Value: number.Draw(t, "value"),
			Point: point.Draw(t, "point"), Link: text.Draw(t, "link"),
		}
	})
	a := store.Alert{
		ID: text.Draw(t, "id"), Revision: rapid.Int64().Draw(t, "revision"), Rule: text.Draw(t, "rule"),
		Kind: "noise", Place: text.Draw(t, "place"), State: store.AlertOpen, Severity: store.Critical,
		Cell: cell.Draw(t, "cell"), Point: point.Draw(t, "point"), Value: number.Draw(t, "value"),
		P: rapid.Float64Range(0, 1).Draw(t, "p"), Window: span.Draw(t, "window"),
		RaisedAt: at.Draw(t, "raised"), UpdatedAt: at.Draw(t, "updated"), ClearedAt: at.Draw(t, "cleared"),
		Category: rapid.SampledFrom([]store.AlertCategory{"", store.AboutCity, store.AboutQuality}).Draw(t, "category"),
		Phase:    rapid.SampledFrom([]store.AlertPhase{"", store.PhaseActive, store.PhaseCooling}).Draw(t, "phase"),
		Score:    number.Draw(t, "score"), Recurrence: span.Draw(t, "recurrence"), Excess: number.Draw(t, "excess"),
		Flapping: rapid.Bool().Draw(t, "flapping"), Muted: rapid.Bool().Draw(t, "muted"), MergedInto: text.Draw(t, "merged into"),
	}
	// The wire does not tell an empty list from none.
	if l := rapid.SliceOfN(cell, 0, 5).Draw(t, "cells"); len(l) > 0 {
		a.Cells = l
	}
	if l := rapid.SliceOfN(device, 0, 5).Draw(t, "devices"); len(l) > 0 {
		a.Devices = l
	}
	if l := rapid.SliceOfN(evidence, 0, 5).Draw(t, "evidence"); len(l) > 0 {
		a.Evidence = l
	}
	return a
}

func TestDecodeAlert_ReadsWhatWasEncoded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := drawAlert(t)
		payload, err := analytics.EncodeAlert(a)
		if err != nil {
			t.Fatal(err)
		}
		got, err := analytics.DecodeAlert(payload)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(a, got); diff != "" {
			t.Errorf("alert differs (-encoded +decoded):\n%s", diff)
		}
	})
}

func TestDecodeAlert_ReadsAlertsThatSayLess(t *testing.T) {
	const old = `{"id":"0193","revision":2,"rule":"noise_loud","kind":"noise","place":"device/n-1","state":"open",
		"severity":"warning","device":"n-1","cell":"8a309930a0affff","area":"310107005","lat":31.24,"lon":121.4,
		"value":88.2,"baseline":85,"p":null,"window_seconds":0,"reason":{"zh":"吵","en":"loud"},
		"raised_at":"2026-11-22T08:00:00.123Z","updated_at":"2026-11-22T08:01:00Z","cleared_at":null}`
	got, err := analytics.DecodeAlert([]byte(old))
	if err != nil {
		t.Fatal(err)
	}
	want := store.Alert{
		ID: "0193", Revision: 2, Rule: "noise_loud", Kind: "noise", Place: "device/n-1", State: store.AlertOpen,
		Severity: store.Warning, Device: "n-1", Cell: 0x8a309930a0affff, Area: "310107005",
		Point: grid.Point{LatDegrees: 31.24, LonDegrees: 121.4}, Value: 88.2, Baseline: 85,
		Reason:    sensors.Names{ZH: "吵", EN: "loud"},
		RaisedAt:  time.Date(2026, 11, 22, 8, 0, 0, 123e6, time.UTC),
		UpdatedAt: time.Date(2026, 11, 22, 8, 1, 0, 0, time.UTC),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("alert differs (-want +got):\n%s", diff)
	}
}

func TestDecodeAlert_RefusesWhatIsNoCell(t *testing.T) {
	for _, payload := range []string{`{"cell":"x"}`, `{"cells":["8a309930a0affff","x"]}`, `{"cells":"8a309930a0affff"}`} {
		if a, err := analytics.DecodeAlert([]byte(payload)); err == nil {
			t.Errorf("decoded %s as %+v, want an error", payload, a)
		}
	}
}
