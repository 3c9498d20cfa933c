package store_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

var muteNoon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

const muteCell = grid.Cell(0x8a309930a0affff)

func ancestor(t interface{ Fatalf(string, ...any) }, c grid.Cell, res int) grid.Cell {
	p, err := c.Parent(res)
	if err != nil {
		t.Fatalf("parent of %s: %v", c, err)
	}
	return p
}

// drawMute returns a mute over a few names, so that some match.
func drawMute(t *rapid.T, id string) store.Mute {
	from := muteNoon.Add(time.Duration(rapid.IntRange(-5, 5).Draw(t, "from")) * time.Minute)
	m := store.Mute{
		ID: id, Purpose: rapid.SampledFrom([]store.MutePurpose{store.MuteAlerts, store.Maintenance}).Draw(t, "purpose"),
		From: from, To: from.Add(time.Duration(rapid.IntRange(0, 8).Draw(t, "minutes")) * time.Minute),
		Kind:   rapid.SampledFrom([]sensors.KindKey{"", "", "noise", "stall"}).Draw(t, "kind"),
		Area:   rapid.SampledFrom([]grid.AreaCode{"", "", "310107", "310107005", "310107005001", "A1"}).Draw(t, "area"),
		Device: rapid.SampledFrom([]sensors.DeviceID{"", "", "n-1", "n-2"}).Draw(t, "device"),
	}
	if rapid.Bool().Draw(t, "of a cell") {
		m.Cell = ancestor(t, muteCell, rapid.IntRange(5, 10).Draw(t, "resolution"))
	}
	if m.Purpose == store.MuteAlerts {
		m.Rule = rapid.SampledFrom([]string{"", "", "noise_loud"}).Draw(t, "rule")
	}
	m.All = m.Kind == "" && m.Area == "" && m.Device == "" && m.Cell == 0 && m.Rule == ""
	return m
}

// covers is what a mute means, spelled out.
func covers(t *rapid.T, m store.Mute, kind sensors.KindKey, area grid.AreaCode, device sensors.DeviceID, cell grid.Cell, rule string, at time.Time) bool {
	if at.Before(m.From) || !at.Before(m.To) {
		return false
	}
	if m.Cell != 0 && (cell == 0 || cell.Resolution() < m.Cell.Resolution() || ancestor(t, cell, m.Cell.Resolution()) != m.Cell) {
		return false
	}
	inArea := m.Area == "" || area == m.Area || m.Area != "A1" && area != "A12" && strings.HasPrefix(string(area), string(m.Area))
	return inArea && (m.Kind == "" || m.Kind == kind) && (m.Device == "" || m.Device == device) && (m.Rule == "" || m.Rule == rule)
}

func TestMuteSet_CoversWhatTheMutesSay(t *testing.T) {
	sibling := grid.Cell(0x8a309930a0b7fff)
	rapid.Check(t, func(t *rapid.T) {
		var mutes []store.Mute
		for i := range rapid.IntRange(0, 12).Draw(t, "mutes") {
			mutes = append(mutes, drawMute(t, fmt.Sprintf("m-%02d", i)))
		}
		kind := rapid.SampledFrom([]sensors.KindKey{"noise", "stall", "pm25"}).Draw(t, "kind")
		area := rapid.SampledFrom([]grid.AreaCode{"", "310107", "310107005", "310107005001", "310107005001002", "A1", "A12"}).Draw(t, "area")
		device := rapid.SampledFrom([]sensors.DeviceID{"", "n-1", "n-2", "n-3"}).Draw(t, "device")
		cell := rapid.SampledFrom([]grid.Cell{0, muteCell, sibling, ancestor(t, muteCell, 8)}).Draw(t, "cell")
		rule := rapid.SampledFrom([]string{"noise_loud", "other"}).Draw(t, "rule")
		at := muteNoon.Add(time.Duration(rapid.IntRange(-6, 14).Draw(t, "at")) * time.Minute)

		var wantMute, wantMaintenance string
		for _, m := range mutes {
			switch {
			case m.Purpose == store.MuteAlerts && wantMute == "" && covers(t, m, kind, area, device, cell, rule, at):
				wantMute = m.ID
			case m.Purpose == store.Maintenance && wantMaintenance == "" && covers(t, m, kind, area, device, cell, "", at):
				wantMaintenance = m.ID
			}
		}
		set := store.NewMuteSet(rapid.Permutation(mutes).Draw(t, "in any order"))
		gotMaintenance := set.Maintenance(&grid.Placed{
			Observation: sensors.Observation{Kind: kind, Device: device, At: at}, Area: area, Cell: cell,
		})
		if id(gotMaintenance) != wantMaintenance {
			t.Errorf("maintenance %q, want %q", id(gotMaintenance), wantMaintenance)
		}
		alert := store.Alert{Kind: kind, Area: area, Device: device, Cell: cell, Rule: rule}
		if rapid.Bool().Draw(t, "as a hotspot") && device != "" {
			alert.Device, alert.Devices = "", []sensors.DeviceID{device}
		}
		if got := id(set.Mute(&alert, at)); got != wantMute {
			t.Errorf("mute %q, want %q", got, wantMute)
		}
	})
}

func id(m *store.Mute) string {
	if m == nil {
		return ""
	}
	return m.ID
}

func hour(m store.Mute) store.Mute {
	m.ID, m.From, m.To = "m-1", muteNoon, muteNoon.Add(time.Hour)
	return m
}

func TestMuteSet_AHotspotOfManyDevicesIsNotOneDevices(t *testing.T) {
	set := store.NewMuteSet([]store.Mute{hour(store.Mute{Purpose: store.MuteAlerts, Device: "n-1"})})
	for devices, want := range map[string]string{"n-1": "m-1", "n-1 n-2": "", "n-2": ""} {
		a := store.Alert{}
		for d := range strings.FieldsSeq(devices) {
			a.Devices = append(a.Devices, sensors.DeviceID(d))
		}
		if got := id(set.Mute(&a, muteNoon)); got != want {
			t.Errorf("hotspot of %s: mute %q, want %q", devices, got, want)
		}
	}
}

func TestMuteSet_CodesThatAreNotOfTheStandardHaveNoParts(t *testing.T) {
	set := store.NewMuteSet([]store.Mute{hour(store.Mute{Purpose: store.MuteAlerts, Area: "310107"})})
	for area, want := range map[grid.AreaCode]string{
		"310107": "m-1", "310107005": "m-1", "310107005001002": "m-1", "3101070051": "", "310107ABC": "", "310108005": "", "": "",
	} {
		if got := id(set.Mute(&store.Alert{Area: area}, muteNoon)); got != want {
			t.Errorf("area %q: mute %q, want %q", area, got, want)
		}
	}
}

func TestMaintenanceOf_TakesTheWindowsOfTheRegister(t *testing.T) {
	d := sensors.Device{ID: "n-1", Maintenance: []sensors.Maintenance{
		{From: muteNoon, To: muteNoon.Add(time.Hour), Note: "换电池"},
		{From: muteNoon.Add(2 * time.Hour), To: muteNoon.Add(9000 * time.Hour)},
	}}
	set := store.NewMuteSet(store.MaintenanceOf(d))
	for after, want := range map[time.Duration]string{
		-1: "", 0: "device/n-1/0", time.Hour: "", 2 * time.Hour: "device/n-1/1", 8999 * time.Hour: "device/n-1/1", 9000 * time.Hour: "",
	} {
		for _, device := range []sensors.DeviceID{"n-1", "n-2"} {
			if device == "n-2" {
				want = ""
			}
			o := grid.Placed{Observation: sensors.Observation{Device: device, At: muteNoon.Add(after)}}
			if got := id(set.Maintenance(&o)); got != want {
				t.Errorf("%s after %s: maintenance %q, want %q", device, after, got, want)
			}
		}
	}
}

func TestMuteSet_NoSetAndNoMutesCoverNothing(t *testing.T) {
	var none *store.MuteSet
	for _, set := range []*store.MuteSet{none, store.NewMuteSet(nil), store.NewMuteSet([]store.Mute{hour(store.Mute{Purpose: "nap", Kind: "noise"}), hour(store.Mute{Purpose: store.MuteAlerts}), hour(store.Mute{Purpose: store.Maintenance})})} {
		o := grid.Placed{Observation: sensors.Observation{Kind: "noise", At: muteNoon}}
		if m, n := set.Maintenance(&o), set.Mute(&store.Alert{Kind: "noise"}, muteNoon); m != nil || n != nil {
			t.Errorf("%+v covers by %+v and %+v, want nothing", set, m, n)
		}
	}
}

func TestMuteSet_IsForManyAtOnce(t *testing.T) {
	set := store.NewMuteSet([]store.Mute{hour(store.Mute{Purpose: store.Maintenance, Device: "n-1"})})
	var done sync.WaitGroup
	for range 4 {
		done.Go(func() {
			for range 1_000 {
				if id(set.Maintenance(&grid.Placed{Observation: sensors.Observation{Device: "n-1", At: muteNoon}})) != "m-1" {
					t.Error("not covered")
					return
				}
			}
		})
	}
	done.Wait()
}

func TestMute_CheckSaysWhatIsWrong(t *testing.T) {
	good := hour(store.Mute{Purpose: store.MuteAlerts, Kind: "noise"})
	if err := good.Check(); err != nil {
		t.Fatalf("%+v: %v, want no error", good, err)
	}
	for want, spoil := range map[string]func(*store.Mute){
		"no id":            func(m *store.Mute) { m.ID = "" },
		`called "nap"`:     func(m *store.Mute) { m.Purpose = "nap" },
		"must name":        func(m *store.Mute) { m.Kind = "" },
		"cannot mean all":  func(m *store.Mute) { m.All = true },
		"not for a rule":   func(m *store.Mute) { m.Purpose, m.Rule = store.Maintenance, "noise_loud" },
		"end after":        func(m *store.Mute) { m.To = m.From },
		"longer than":      func(m *store.Mute) { m.To = m.From.Add(store.MaxMute + 1) },
		"no H3 cell":       func(m *store.Mute) { m.Cell = 7 },
		"resolution 10 or": func(m *store.Mute) { m.Cell = 0x8b309930a0a0fff },
	} {
		m := good
		spoil(&m)
		if err := m.Check(); !errors.Is(err, store.ErrInvalidMute) || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want ErrInvalidMute with %q", m, err, want)
		}
	}
}

// Every observation is asked about once. Budget: 100 ns while a hundred devices
// and ten cells are under maintenance.
func BenchmarkMuteSet_Maintenance(b *testing.B) {
	var mutes []store.Mute
	for i := range 100 {
		m := hour(store.Mute{Purpose: store.Maintenance, Device: sensors.DeviceID(fmt.Sprintf("noise-%04d", i))})
		m.ID = fmt.Sprintf("d-%d", i)
		mutes = append(mutes, m)
	}
	for res := range 3 {
		m := hour(store.Mute{Purpose: store.Maintenance, Cell: ancestor(b, muteCell, 8+res)})
		m.ID = fmt.Sprintf("c-%d", res)
		mutes = append(mutes, m)
	}
	for name, list := range map[string][]store.Mute{"none": nil, "devices": mutes[:100], "devices and cells": mutes} {
		set := store.NewMuteSet(list)
		o := grid.Placed{Observation: sensors.Observation{Device: "noise-9999", Kind: "noise", At: muteNoon}, Cell: 0x8a2a1072b59ffff, Area: "310107005"}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if set.Maintenance(&o) != nil {
					b.Fatal("covered")
				}
			}
		})
	}
}
