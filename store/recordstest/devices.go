package recordstest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

func (f *fixture) putDevice(d sensors.Device) {
	f.t.Helper()
	if err := f.PutDevice(f.t.Context(), d); err != nil {
		f.t.Fatalf("PutDevice(%+v): %v", d, err)
	}
}

func (f *fixture) seen(devices map[sensors.DeviceID]time.Time) {
	f.t.Helper()
	if err := f.SeenDevices(f.t.Context(), devices); err != nil {
		f.t.Fatalf("SeenDevices: %v", err)
	}
}

func (f *fixture) device(id sensors.DeviceID) sensors.Device {
	f.t.Helper()
	d, err := f.Device(f.t.Context(), id)
	if err != nil {
		f.t.Fatalf("Device(%q): %v", id, err)
	}
	if d.Version < 1 {
		f.t.Errorf("device %q has version %d, want 1 or more", id, d.Version)
	}
	d.Version = 0 // promises of their own are about it
	return d
}

var registered = sensors.Device{ID: "noise-1", Name: "曹杨新村一号", Position: sensors.Position{
	LatDegrees: 31.2401, LonDegrees: 121.4032, Datum: sensors.GCJ02}}

// seenAt is the condition of a device that only SeenDevices knows.
func seenAt(at time.Time) sensors.Condition {
	return sensors.Condition{FirstSeen: at, Hour: at.Truncate(time.Hour)}
}

// stated is everything that people can state about a device.
var stated = sensors.Device{
	ID: "井盖-7", Name: "曹杨路 7 号", Position: registered.Position, Profile: "milesight-em300-sld",
	Kinds: []sensors.KindKey{"noise", "water_level"}, Owner: "区市政所", Area: "310107005",
	Installed: time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC),
	Maintenance: []sensors.Maintenance{
		{From: noon, To: noon.Add(time.Hour), Note: "换电池; \"again\""}, {From: noon.Add(24 * time.Hour), To: noon.Add(25 * time.Hour)}},
	Interval: 15 * time.Minute, Tags: []string{"一期", "5G"},
}

var devicePromises = map[string]func(*testing.T, *fixture){
	"an unknown device is not found": func(t *testing.T, f *fixture) {
		if _, err := f.Device(t.Context(), "ghost"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("error %v, want ErrNotFound", err)
		}
	},
	"a device put by hand comes back as it was, also after a restart": func(t *testing.T, f *fixture) {
		f.putDevice(registered)
		for range 2 {
			wantEqual(t, "device", f.device("noise-1"), registered)
			f.reopen()
		}
	},
	"everything stated comes back, and can be taken back": func(t *testing.T, f *fixture) {
		f.putDevice(stated)
		f.reopen()
		wantEqual(t, "device", f.device(stated.ID), stated)
		f.putDevice(sensors.Device{ID: stated.ID})
		wantEqual(t, "device", f.device(stated.ID), sensors.Device{ID: stated.ID})
	},
	"many are put whole or not at all, auto as it says": func(t *testing.T, f *fixture) {
		auto := sensors.Device{ID: "z-auto", Auto: true}
		if err := f.PutDevices(t.Context(), "王芳", []sensors.Device{stated, auto}); err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "stated", f.device(stated.ID), stated)
		wantEqual(t, "auto", f.device(auto.ID), auto)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := f.PutDevices(ctx, "", []sensors.Device{{ID: "x"}, {ID: "y"}}); err == nil {
			t.Error("a request that was given up put devices")
		}
		if _, err := f.Device(t.Context(), "x"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("error %v, want ErrNotFound", err)
		}
	},
	"the history of places keeps where a device stood": func(t *testing.T, f *fixture) {
		began := time.Now().Truncate(time.Microsecond)
		second := sensors.Position{LatDegrees: 31.25, LonDegrees: 121.41, Datum: sensors.WGS84}
		f.putDevice(sensors.Device{ID: "a"}) // without a place there is no history
		f.putDevice(registered)
		moved := registered
		moved.Position = second
		for _, d := range []sensors.Device{registered, moved, {ID: registered.ID}, moved} {
			f.putDevice(d)
		}
		f.reopen()
		places, err := f.DevicePlaces(t.Context(), registered.ID)
		if err != nil {
			t.Fatal(err)
		}
		var got []sensors.Position
		for i, p := range places {
			got = append(got, p.Position)
			if p.From.Before(began) || p.From.After(time.Now()) || i > 0 && p.From.After(places[i-1].From) {
				t.Errorf("place %d since %v, want after %v and in order", i, p.From, began)
			}
		}
		wantEqual(t, "places", got, []sensors.Position{second, {}, second, registered.Position})
		all, err := f.MovedDevices(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "moved devices", all, map[sensors.DeviceID][]sensors.Placement{registered.ID: places})
		if places, err := f.DevicePlaces(t.Context(), "a"); err != nil || len(places) != 0 {
			t.Errorf("places %v, %v, want none", places, err)
		}
	},
	"an unknown device that speaks enters itself": func(t *testing.T, f *fixture) {
		f.seen(map[sensors.DeviceID]time.Time{"noise-2": noon})
		wantEqual(t, "device", f.device("noise-2"), sensors.Device{ID: "noise-2", Auto: true, LastSeen: noon, Condition: seenAt(noon)})
	},
	"speaking leaves what a person entered alone": func(t *testing.T, f *fixture) {
		f.putDevice(registered)
		f.seen(map[sensors.DeviceID]time.Time{"noise-1": noon})
		want := registered
		want.LastSeen, want.Condition = noon, seenAt(noon)
		wantEqual(t, "device", f.device("noise-1"), want)
	},
	"last seen moves forward and never back": func(t *testing.T, f *fixture) {
		f.seen(map[sensors.DeviceID]time.Time{"a": noon, "b": noon})
		f.seen(map[sensors.DeviceID]time.Time{"a": noon.Add(-time.Hour), "b": noon.Add(time.Hour)})
		if got := f.device("a").LastSeen; !got.Equal(noon) {
			t.Errorf("a was last seen %v, want %v", got, noon)
		}
		if got := f.device("b").LastSeen; !got.Equal(noon.Add(time.Hour)) {
			t.Errorf("b was last seen %v, want an hour after %v", got, noon)
		}
	},
	"a person's entry keeps last seen and clears auto": func(t *testing.T, f *fixture) {
		f.seen(map[sensors.DeviceID]time.Time{"noise-1": noon})
		d := registered
		d.Auto, d.LastSeen = true, noon.Add(time.Hour)
		f.putDevice(d)
		want := registered
		want.LastSeen, want.Condition = noon, seenAt(noon)
		wantEqual(t, "device", f.device("noise-1"), want)
	},
	"the list goes by the bytes of the id and in pages": func(t *testing.T, f *fixture) {
		f.seen(map[sensors.DeviceID]time.Time{"b": noon, "a": noon, "B": noon, "井盖": noon, "a-1": noon})
		var got []sensors.DeviceID
		var after sensors.DeviceID
		for {
			page, err := f.ListDevices(t.Context(), after, 2)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				break
			}
			for _, d := range page {
				got = append(got, d.ID)
			}
			after = got[len(got)-1]
		}
		wantEqual(t, "ids", got, []sensors.DeviceID{"B", "a", "a-1", "b", "井盖"})
	},
	"many callers at once lose no device": func(t *testing.T, f *fixture) {
		const callers = 8
		together(t, callers, func(i int) error {
			seen := make(map[sensors.DeviceID]time.Time)
			for n := range 100 {
				seen[sensors.DeviceID(fmt.Sprintf("d-%d", n))] = noon.Add(time.Duration(i) * time.Second)
			}
			if err := f.SeenDevices(t.Context(), seen); err != nil {
				return err
			}
			d := registered
			d.ID = sensors.DeviceID(fmt.Sprintf("put-%d", i))
			if err := f.PutDevice(t.Context(), d); err != nil {
				return err
			}
			_, err := f.Device(t.Context(), d.ID)
			return err
		})
		all, err := f.ListDevices(t.Context(), "", 1_000)
		if err != nil {
			t.Fatal(err)
		}
		if len(all) != 100+callers {
			t.Errorf("%d devices, want %d", len(all), 100+callers)
		}
		if got := f.device("d-7").LastSeen; !got.Equal(noon.Add((callers - 1) * time.Second)) {
			t.Errorf("d-7 was last seen %v, want the latest of all callers", got)
		}
	},
}
