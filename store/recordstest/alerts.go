package recordstest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// loud is a full alert number n, all of whose fields are set but ClearedAt.
func loud(n int) store.Alert {
	return store.Alert{
		ID: fmt.Sprintf("019a0000-0000-7000-8000-%012d", n), Revision: 1,
		Rule: "noise_loud", Kind: "noise", Place: fmt.Sprintf("device/noise-%d", n),
		State: store.AlertOpen, Severity: store.Warning,
		Device: sensors.DeviceID(fmt.Sprintf("noise-%d", n)), Cell: 0x8a309930a0affff, Area: "310107005",
		Point: grid.Point{LatDegrees: 31.2401, LonDegrees: 121.4032},
		Value: 88.2, Baseline: 85, P: 1.5e-7, Window: 15 * time.Minute,
		Reason:   sensors.Names{ZH: "噪声 88.2 dB", EN: "Noise 88.2 dB"},
		RaisedAt: noon.Add(time.Duration(n) * time.Second), UpdatedAt: noon.Add(time.Duration(n) * time.Second),
		Category: store.AboutCity, Phase: store.PhaseActive,
		Cells: []grid.Cell{0x8a309930a0affff, 0x8a309930a0b7fff}, Devices: []sensors.DeviceID{"noise-7", "noise-2"},
		Evidence: []store.Evidence{
			{Device: "noise-7", At: noon, Value: 88.2, Point: grid.Point{LatDegrees: 31.2401, LonDegrees: 121.4032}, Link: "https://nvr/api/events/1?a=\"b\"&c=门"},
			{Device: "noise-2", At: noon.Add(-time.Microsecond), Value: -1.5},
		},
		Score: 12.25, Recurrence: 9*24*time.Hour + time.Microsecond, Excess: 3.2,
		Flapping: true, Muted: true, MergedInto: "019a0000-0000-7000-8000-000000000000",
	}
}

func next(a store.Alert, state store.AlertState) store.Alert {
	a.Revision++
	a.State = state
	a.Value += 10
	a.UpdatedAt = a.UpdatedAt.Add(time.Minute)
	a.Cells, a.Devices, a.Evidence = a.Cells[1:], a.Devices[1:], a.Evidence[1:]
	a.Score, a.Recurrence, a.Excess = a.Score+1, a.Recurrence+time.Hour, a.Excess+1
	a.Flapping, a.Muted, a.MergedInto, a.Category = !a.Flapping, !a.Muted, "", store.AboutQuality
	a.Phase = store.PhaseCooling
	if state == store.AlertClosed {
		a.ClearedAt, a.Phase = a.UpdatedAt, ""
	}
	return a
}

var alertPromises = map[string]func(*testing.T, *fixture){
	"new records have no alert, no outbox and no position": func(t *testing.T, f *fixture) {
		wantPosition(t, f.JudgedPosition, journal, 0)
		if got := f.findAlerts(store.AlertQuery{}); len(got) != 0 {
			t.Errorf("found %v, want none", got)
		}
		if got := f.outbox(); len(got) != 0 {
			t.Errorf("outbox %v, want none", got)
		}
	},
	"an alert comes back as it was saved, also after a restart": func(t *testing.T, f *fixture) {
		open, closed := loud(1), loud(2)
		closed = next(closed, store.AlertClosed)
		f.saveAlerts(7, open, closed)
		for range 2 {
			wantEqual(t, "alerts", f.findAlerts(store.AlertQuery{}), []store.Alert{closed, open})
			wantPosition(t, f.JudgedPosition, journal, 7)
			f.reopen()
		}
	},
	"an alert of a rule that knows no more than level and place has nothing else": func(t *testing.T, f *fixture) {
		plain := store.Alert{
			ID: "019a0000-0000-7000-8000-000000000001", Revision: 1, Rule: "noise_loud", Kind: "noise",
			Place: "device/noise-1", State: store.AlertOpen, RaisedAt: noon, UpdatedAt: noon,
		}
		f.saveAlerts(1, plain)
		wantEqual(t, "alerts", f.findAlerts(store.AlertQuery{}), []store.Alert{plain})
		wantEqual(t, "outbox", f.outbox()[0].Alert, plain)
	},
	"the greatest hotspot comes back whole": func(t *testing.T, f *fixture) {
		a := loud(1)
		first, last, err := grid.Cell(0x87309930affffff).Descendants(grid.Resolution)
		if err != nil {
			t.Fatal(err)
		}
		a.Cells, a.Devices, a.Evidence = nil, nil, nil
		for c := first; c <= last && len(a.Cells) < store.MaxAlertCells; c += 1 << 15 {
			if _, err := grid.ParseCell(c.String()); err == nil {
				a.Cells = append(a.Cells, c)
			}
		}
		for i := range store.MaxAlertDevices {
			a.Devices = append(a.Devices, sensors.DeviceID(fmt.Sprintf("noise-%d", i)))
		}
		for i := range store.MaxEvidence {
			a.Evidence = append(a.Evidence, store.Evidence{Device: "noise-1", At: noon.Add(-time.Duration(i) * time.Minute), Value: float64(i)})
		}
		f.saveAlerts(1, a)
		wantEqual(t, "alerts", f.findAlerts(store.AlertQuery{}), []store.Alert{a})
		wantEqual(t, "outbox", f.outbox()[0].Alert, a)
	},
	"a change replaces the alert and keeps both on the outbox in order": func(t *testing.T, f *fixture) {
		raised := loud(1)
		closed := next(raised, store.AlertClosed)
		f.saveAlerts(1, raised)
		f.saveAlerts(2, closed)
		wantEqual(t, "alerts", f.findAlerts(store.AlertQuery{}), []store.Alert{closed})
		out := f.outbox()
		if len(out) != 2 || out[0].ID >= out[1].ID {
			t.Fatalf("outbox %+v, want two entries with ascending ids", out)
		}
		wantEqual(t, "outbox", []store.Alert{out[0].Alert, out[1].Alert}, []store.Alert{raised, closed})
	},
	"saving a revision that is there changes nothing": func(t *testing.T, f *fixture) {
		raised := loud(1)
		closed := next(raised, store.AlertClosed)
		f.saveAlerts(1, raised, closed)
		again := raised
		again.Value = 1
		f.saveAlerts(1, again, closed)
		wantEqual(t, "alerts", f.findAlerts(store.AlertQuery{}), []store.Alert{closed})
		if got := f.outbox(); len(got) != 2 {
			t.Errorf("outbox has %d entries, want 2", len(got))
		}
		if err := f.Published(t.Context(), f.outbox()[1].ID); err != nil {
			t.Fatal(err)
		}
		f.saveAlerts(1, raised, closed)
		if got := f.outbox(); len(got) != 0 {
			t.Errorf("outbox has %d entries after publishing and saving again, want 0", len(got))
		}
	},
	"a second open alert for the same rule, kind and place is refused whole": func(t *testing.T, f *fixture) {
		first, other, second := loud(1), loud(3), loud(2)
		second.Place = first.Place
		f.saveAlerts(1, first)
		err := f.SaveAlerts(t.Context(), store.Position{Journal: journal, Seq: 2}, []store.Alert{other, second})
		if !errors.Is(err, store.ErrAlertOpen) {
			t.Fatalf("error %v, want ErrAlertOpen", err)
		}
		wantEqual(t, "alerts", f.findAlerts(store.AlertQuery{}), []store.Alert{first})
		wantPosition(t, f.JudgedPosition, journal, 1)
		if got := f.outbox(); len(got) != 1 {
			t.Errorf("outbox has %d entries, want 1", len(got))
		}
	},
	"after the first is closed the same place may have an alert again": func(t *testing.T, f *fixture) {
		first, second := loud(1), loud(2)
		second.Place = first.Place
		f.saveAlerts(1, first)
		f.saveAlerts(2, next(first, store.AlertClosed), second)
		if got := f.findAlerts(store.AlertQuery{}); len(got) != 2 {
			t.Errorf("found %d alerts, want 2", len(got))
		}
	},
	"other rules and kinds have open alerts of their own at a place": func(t *testing.T, f *fixture) {
		a, b, c := loud(1), loud(2), loud(3)
		b.Place, c.Place = a.Place, a.Place
		b.Rule, c.Kind = "noise_night", "pm25"
		f.saveAlerts(1, a, b, c)
		if got := f.findAlerts(store.AlertQuery{State: store.AlertOpen}); len(got) != 3 {
			t.Errorf("found %d open alerts, want 3", len(got))
		}
	},
	"the judged position never moves back and each journal has its own": func(t *testing.T, f *fixture) {
		f.saveAlerts(9)
		f.saveAlerts(4)
		wantPosition(t, f.JudgedPosition, journal, 9)
		wantPosition(t, f.JudgedPosition, "journal-b", 0)
		wantPosition(t, f.QuarantinePosition, journal, 0)
	},
	"alerts are found by state, kind and area, newest first": func(t *testing.T, f *fixture) {
		a, b, c := loud(1), loud(2), loud(3)
		b.Kind, c.Area = "pm25", "310107014"
		c = next(c, store.AlertClosed)
		f.saveAlerts(1, a, b, c)
		wantEqual(t, "all", f.findAlerts(store.AlertQuery{}), []store.Alert{c, b, a})
		wantEqual(t, "open", f.findAlerts(store.AlertQuery{State: store.AlertOpen}), []store.Alert{b, a})
		wantEqual(t, "closed", f.findAlerts(store.AlertQuery{State: store.AlertClosed}), []store.Alert{c})
		wantEqual(t, "pm25", f.findAlerts(store.AlertQuery{Kind: "pm25"}), []store.Alert{b})
		wantEqual(t, "area", f.findAlerts(store.AlertQuery{Area: "310107014"}), []store.Alert{c})
		wantEqual(t, "one", f.findAlerts(store.AlertQuery{Limit: 1}), []store.Alert{c})
	},
	"an alert is found by its id, and alerts by what they are about": func(t *testing.T, f *fixture) {
		a, b, c := loud(1), loud(2), loud(3)
		b.Category, c.Category = store.AboutQuality, ""
		f.saveAlerts(1, a, b, c)
		wantEqual(t, "by id", f.findAlerts(store.AlertQuery{ID: b.ID}), []store.Alert{b})
		wantEqual(t, "by id and state", f.findAlerts(store.AlertQuery{ID: b.ID, State: store.AlertClosed}), []store.Alert(nil))
		wantEqual(t, "unknown id", f.findAlerts(store.AlertQuery{ID: "nobody"}), []store.Alert(nil))
		wantEqual(t, "about the city", f.findAlerts(store.AlertQuery{Category: store.AboutCity}), []store.Alert{c, a})
		wantEqual(t, "about quality", f.findAlerts(store.AlertQuery{Category: store.AboutQuality}), []store.Alert{b})
	},
	"alerts of a time are those raised before its end that are open or were cleared at or after its start": func(t *testing.T, f *fixture) {
		open, long, over, later := loud(1), loud(2), loud(3), loud(4)
		open.RaisedAt, long.RaisedAt, over.RaisedAt, later.RaisedAt = noon.Add(-3*time.Hour), noon.Add(-2*time.Hour), noon.Add(-time.Hour), noon.Add(time.Hour)
		for _, a := range []*store.Alert{&long, &over} {
			a.State = store.AlertClosed
		}
		long.ClearedAt, over.ClearedAt = noon, noon.Add(-time.Microsecond)
		f.saveAlerts(1, open, long, over, later)
		wantEqual(t, "of the hour", f.findAlerts(store.AlertQuery{ClearedFrom: noon, RaisedBefore: noon.Add(time.Hour)}), []store.Alert{long, open})
		wantEqual(t, "from noon on", f.findAlerts(store.AlertQuery{ClearedFrom: noon}), []store.Alert{later, long, open})
	},
	"pages of alerts have no gap and no overlap, also among equal times": func(t *testing.T, f *fixture) {
		var all []store.Alert
		for n := range 7 {
			a := loud(n)
			a.RaisedAt = noon.Add(time.Duration(n/3) * time.Second)
			all = append([]store.Alert{a}, all...)
		}
		f.saveAlerts(1, all...)
		var got []store.Alert
		q := store.AlertQuery{Limit: 2}
		for page := f.findAlerts(q); len(page) > 0; page = f.findAlerts(q) {
			got = append(got, page...)
			q.Before = page[len(page)-1].ID
		}
		wantEqual(t, "all pages", got, all)
		n, err := f.CountAlerts(t.Context(), store.AlertQuery{Limit: 2, Before: all[3].ID})
		if err != nil || n != len(all) {
			t.Errorf("CountAlerts: %d, %v, want those of all pages, %d", n, err, len(all))
		}
	},
	"alerts are counted by the conditions by which they are found": func(t *testing.T, f *fixture) {
		quiet := loud(3)
		quiet.Severity = store.Notice
		f.saveAlerts(1, loud(1), loud(2), quiet)
		for _, c := range []struct {
			q    store.AlertQuery
			want int
		}{
			{store.AlertQuery{State: store.AlertOpen}, 3},
			{store.AlertQuery{State: store.AlertClosed}, 0},
			{store.AlertQuery{State: store.AlertOpen, Severities: []store.Severity{store.Notice}}, 1},
			{store.AlertQuery{Text: quiet.ID}, 1},
		} {
			n, err := f.CountAlerts(t.Context(), c.q)
			if err != nil || n != c.want {
				t.Errorf("CountAlerts(%+v): %d, %v, want %d", c.q, n, err, c.want)
			}
		}
		if _, err := f.CountAlerts(t.Context(), store.AlertQuery{State: "ajar"}); !errors.Is(err, store.ErrInvalidQuery) {
			t.Errorf("error %v of an unknown state, want ErrInvalidQuery", err)
		}
	},
	"a limit out of bounds, an unknown state and an unknown category are invalid queries": func(t *testing.T, f *fixture) {
		for _, q := range []store.AlertQuery{{Limit: -1}, {Limit: store.MaxAlerts + 1}, {State: "ajar"}, {Category: "weather"}} {
			if _, err := f.FindAlerts(t.Context(), q); !errors.Is(err, store.ErrInvalidQuery) {
				t.Errorf("FindAlerts(%+v): error %v, want ErrInvalidQuery", q, err)
			}
		}
	},
	"published takes off what was named and nothing after it": func(t *testing.T, f *fixture) {
		f.saveAlerts(1, loud(1), loud(2), loud(3))
		out := f.outbox()
		if err := f.Published(t.Context(), out[1].ID); err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "outbox", f.outbox(), out[2:])
		first, err := f.Outbox(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "outbox with limit 1", first, out[2:])
	},
	"outbox numbers are not used again, also after a restart": func(t *testing.T, f *fixture) {
		f.saveAlerts(1, loud(1))
		last := f.outbox()[0].ID
		if err := f.Published(t.Context(), last); err != nil {
			t.Fatal(err)
		}
		f.reopen()
		f.saveAlerts(2, loud(2))
		if got := f.outbox()[0].ID; got <= last {
			t.Errorf("outbox id %d follows %d, want a greater one", got, last)
		}
	},
	"many callers at once lose no alert": func(t *testing.T, f *fixture) {
		const callers, each = 8, 20
		together(t, callers, func(i int) error {
			for n := range each {
				seq := uint64(i*each + n + 1)
				if err := f.SaveAlerts(t.Context(), store.Position{Journal: journal, Seq: seq},
					[]store.Alert{loud(int(seq))}); err != nil {
					return err
				}
				if _, err := f.FindAlerts(t.Context(), store.AlertQuery{State: store.AlertOpen}); err != nil {
					return err
				}
			}
			return nil
		})
		if got := f.findAlerts(store.AlertQuery{Limit: store.MaxAlerts}); len(got) != callers*each {
			t.Errorf("found %d alerts, want %d", len(got), callers*each)
		}
		if got := f.outbox(); len(got) != callers*each {
			t.Errorf("outbox has %d entries, want %d", len(got), callers*each)
		}
		wantPosition(t, f.JudgedPosition, journal, callers*each)
	},
}
