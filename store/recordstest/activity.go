package recordstest

import (
	"fmt"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

func (f *fixture) active(seq uint64, list ...store.Activity) {
	f.t.Helper()
	if err := f.SaveActivity(f.t.Context(), store.Position{Journal: journal, Seq: seq}, list); err != nil {
		f.t.Fatalf("SaveActivity to %d: %v", seq, err)
	}
}

func (f *fixture) unknown(limit int) []store.UnknownDevice {
	f.t.Helper()
	got, err := f.UnknownDevices(f.t.Context(), limit)
	if err != nil {
		f.t.Fatalf("UnknownDevices: %v", err)
	}
	return got
}

func stranger(id string, at time.Time) store.Reject {
	return store.Reject{
		At: at, Reason: store.ReasonUnknownDevice, Topic: "urbangrid/v1/" + id + "/obs", Payload: []byte("{}"), Device: sensors.DeviceID(id),
	}
}

var activityPromises = map[string]func(*testing.T, *fixture){
	"what a device did is added up once": func(t *testing.T, f *fixture) {
		f.active(3, store.Activity{Device: "a", Seen: noon, Observations: 5})
		f.active(3, store.Activity{Device: "a", Seen: noon.Add(time.Hour), Observations: 100})
		f.active(2, store.Activity{Device: "a", Seen: noon.Add(time.Hour), Observations: 100})
		f.active(7, store.Activity{Device: "a", Seen: noon.Add(time.Second), Observations: 2, Bad: 3})
		f.reopen()
		want := sensors.Device{ID: "a", Auto: true, LastSeen: noon.Add(time.Second), Condition: sensors.Condition{
			FirstSeen: noon, Observations: 7, Bad: 3, Hour: noon.Truncate(time.Hour), ThisHour: 7,
		}}
		wantEqual(t, "device", f.device("a"), want)
		wantPosition(t, f.ActivityPosition, journal, 7)
	},
	"hours give way to hours": func(t *testing.T, f *fixture) {
		hour := noon.Truncate(time.Hour)
		for i, c := range []struct {
			after      time.Duration
			this, last int64
		}{{0, 10, 0}, {59 * time.Minute, 20, 0}, {time.Hour, 10, 20}, {30 * time.Minute, 20, 20}, {4 * time.Hour, 10, 0}} {
			f.active(uint64(i+1), store.Activity{Device: "a", Seen: hour.Add(c.after), Observations: 10})
			got := f.device("a").Condition
			if got.ThisHour != c.this || got.LastHour != c.last {
				t.Errorf("after %s: %d this hour and %d in the last, want %d and %d", c.after, got.ThisHour, got.LastHour, c.this, c.last)
			}
		}
	},
	"what a device tells of itself is kept, the newest of each": func(t *testing.T, f *fixture) {
		f.putDevice(registered)
		later := noon.Add(time.Minute)
		f.active(1, store.Activity{
			Device: registered.ID, Presence: sensors.Online, PresenceAt: noon, BatteryPercent: 80, BatteryAt: later,
			SignalDBm: -100, SignalAt: noon, Note: "ImageTooDark", NoteAt: noon,
			Reported: sensors.Position{LatDegrees: 31, LonDegrees: 121, Datum: sensors.WGS84}, ReportedAt: noon,
		})
		f.active(2, store.Activity{
			Device: registered.ID, Presence: sensors.Offline, PresenceAt: later, BatteryPercent: 90, BatteryAt: noon, SignalDBm: -90, SignalAt: noon,
		})
		battery, signal := 80.0, -90.0
		want := registered
		want.Condition = sensors.Condition{
			Presence: sensors.Offline, PresenceAt: later, BatteryPercent: &battery, SignalDBm: &signal,
			Note: "ImageTooDark", NoteAt: noon, Reported: sensors.Position{LatDegrees: 31, LonDegrees: 121, Datum: sensors.WGS84},
		}
		wantEqual(t, "device", f.device(registered.ID), want)
	},
	"what is told of a device that nobody knows does not enter it": func(t *testing.T, f *fixture) {
		f.active(1, store.Activity{Device: "ghost", Bad: 3, Presence: sensors.Online, PresenceAt: noon})
		if all, err := f.ListDevices(t.Context(), "", 10); err != nil || len(all) != 0 {
			t.Errorf("devices %v, %v, want none", all, err)
		}
	},
	"unknown devices are counted until somebody enters them": func(t *testing.T, f *fixture) {
		f.saveRejects(1, store.RejectEntry{Seq: 1, Rejects: []store.Reject{
			stranger("a", noon), stranger("b", noon.Add(time.Second)), stranger("a", noon.Add(2*time.Second)), reject(1, "bad_json")}})
		a := store.UnknownDevice{ID: "a", Rejects: 2, FirstSeen: noon, LastSeen: noon.Add(2 * time.Second), Topic: "urbangrid/v1/a/obs", Reason: store.ReasonUnknownDevice}
		b := store.UnknownDevice{ID: "b", Rejects: 1, FirstSeen: noon.Add(time.Second), LastSeen: noon.Add(time.Second), Topic: "urbangrid/v1/b/obs", Reason: store.ReasonUnknownDevice}
		wantEqual(t, "unknown devices", f.unknown(10), []store.UnknownDevice{a, b})
		wantEqual(t, "a page of them", f.unknown(1), []store.UnknownDevice{a})
		f.seen(map[sensors.DeviceID]time.Time{"b": noon})
		f.putDevice(sensors.Device{ID: "a"})
		wantEqual(t, "unknown devices", f.unknown(10), []store.UnknownDevice{b})
	},
	"a device that nobody gave a place is unknown, an entered one is not": func(t *testing.T, f *fixture) {
		f.putDevice(sensors.Device{ID: "entered"})
		homeless := stranger("a", noon)
		homeless.Reason = store.ReasonNoPosition
		entered := stranger("entered", noon)
		entered.Reason = store.ReasonNoPosition
		f.saveRejects(1, store.RejectEntry{Seq: 1, Rejects: []store.Reject{homeless, entered}})
		wantEqual(t, "unknown devices", f.unknown(10), []store.UnknownDevice{
			{ID: "a", Rejects: 1, FirstSeen: noon, LastSeen: noon, Topic: "urbangrid/v1/a/obs", Reason: store.ReasonNoPosition}})
	},
	"a flood of unknown devices does not grow without end": func(t *testing.T, f *fixture) {
		var flood []store.Reject
		for n := range store.MaxUnknownDevices + 5 {
			flood = append(flood, stranger(fmt.Sprintf("d-%d", n), noon.Add(time.Duration(n)*time.Second)))
		}
		f.saveRejects(1, store.RejectEntry{Seq: 1, Rejects: flood})
		got := f.unknown(2 * store.MaxUnknownDevices)
		if len(got) != store.MaxUnknownDevices || got[len(got)-1].ID != "d-5" {
			t.Errorf("%d unknown devices down to %s, want %d down to d-5", len(got), got[len(got)-1].ID, store.MaxUnknownDevices)
		}
	},
}

var credentialPromises = map[string]func(*testing.T, *fixture){
	"a credential comes back until it is removed": func(t *testing.T, f *fixture) {
		device := sensors.Credential{User: "noise-1", Hash: "$argon2id$x", Device: "noise-1"}
		server := sensors.Credential{User: "chirpstack", Hash: "$argon2id$y", Prefixes: []string{"application/7", "网关"}}
		for _, c := range []sensors.Credential{{User: "noise-1", Hash: "old"}, device, server} {
			if err := f.SaveCredential(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
		f.reopen()
		list, err := f.ListCredentials(t.Context(), "", 10)
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "credentials", list, []sensors.Credential{server, device})
		if list, err = f.ListCredentials(t.Context(), "chirpstack", 10); err != nil || len(list) != 1 {
			t.Errorf("after chirpstack: %v, %v, want one", list, err)
		}
		got, ok, err := f.Credential(t.Context(), "noise-1")
		if err != nil || !ok {
			t.Fatalf("Credential: %v, %v", ok, err)
		}
		wantEqual(t, "credential", got, device)
		if err := f.RemoveCredential(t.Context(), "noise-1"); err != nil {
			t.Fatal(err)
		}
		if _, ok, err := f.Credential(t.Context(), "noise-1"); ok || err != nil {
			t.Errorf("a removed credential: %v, %v", ok, err)
		}
		if err := f.RemoveCredential(t.Context(), "noise-1"); err == nil {
			t.Error("removed twice")
		}
	},
}
