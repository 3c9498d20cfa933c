package analytics_test

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
	"github.com/urbangrid/urbangrid/stream"
)

// Two places within Putuo.
const (
	market = grid.Cell(0x8a30995b38d7fff)
	depot  = grid.Cell(0x8a309959580ffff)
)

func hotspotRules(h analytics.Hotspot) []analytics.Rule {
	return []analytics.Rule{{Name: "parking_cluster", Kind: "illegal_parking", Names: names, Severity: store.Notice, Hotspot: &h}}
}

// park reports n cars, one every 10 s, in a cell, and lets time pass with it.
func park(c *city, cell grid.Cell, n int) {
	c.t.Helper()
	for i := range n {
		c.report(in(cell, seen(deviceOf(i), "illegal_parking", 1, time.Now())))
		pass(10 * time.Second)
	}
}

// quietly lets time pass while the kind is heard of, each time somewhere else.
func quietly(c *city, minutes int) {
	c.t.Helper()
	cells := district(c.t).Cells
	for i := range minutes {
		if i%5 == 0 {
			c.report(in(cells[(i*97)%len(cells)], seen("elsewhere", "illegal_parking", 1, time.Now())))
		} else {
			c.report(seen("clock", "noise", 50, time.Now()))
		}
		pass(time.Minute)
	}
}

func TestHotspot_ManyEventsAreOneAlertThatEndsWhenItIsOver(t *testing.T) {
	inCity(t, hotspotRules(analytics.Hotspot{MinCount: 5}), analytics.Options{}, func(c *city) {
		quietly(c, 30)
		park(c, market, 18)
		quietly(c, 5)
		changes := c.records.saved()
		if len(changes) == 0 {
			t.Fatal("18 cars in three minutes raised nothing")
		}
		first := changes[0]
		if first.State != open || first.Cell != market || !slices.Contains(first.Cells, market) || first.Place != "hotspot/"+first.ID {
			t.Errorf("raised %s of %s, cells %v, place %s", first.State, first.Cell, first.Cells, first.Place)
		}
		if first.Score <= 0 || first.Excess != first.Value-first.Baseline || len(first.Devices) == 0 || len(first.Evidence) == 0 {
			t.Errorf("alert does not explain itself: %+v", first)
		}
		for _, text := range []string{first.Reason.ZH, first.Reason.EN} {
			if !strings.Contains(text, market.String()) {
				t.Errorf("reason does not say where: %q", text)
			}
		}
		quietly(c, 8*60)
		changes = c.records.saved()
		last := changes[len(changes)-1]
		if last.State != store.AlertClosed || last.ID != first.ID {
			t.Errorf("8 hours later the last change is %s of %s, want %s closed", last.State, last.ID, first.ID)
		}
		for i, a := range changes {
			if a.ID != first.ID || a.Revision != int64(i+1) {
				t.Errorf("change %d is revision %d of %s: not one alert", i, a.Revision, a.ID)
			}
		}
	})
}

func deviceOf(i int) sensors.DeviceID { return sensors.DeviceID(fmt.Sprint("cam", i%3)) }

func TestHotspot_AKindThatIsNoLongerHeardOfIsNotOver(t *testing.T) {
	inCity(t, hotspotRules(analytics.Hotspot{MinCount: 5}), analytics.Options{}, func(c *city) {
		park(c, market, 18)
		quietly(c, 5)
		for range 10 * 60 { // the line of the cameras is cut, the rest of the city goes on
			c.report(seen("clock", "noise", 50, time.Now()))
			pass(time.Minute)
		}
		for _, s := range c.states() {
			if s == store.AlertClosed {
				t.Fatal("the alert was closed because nobody was watching")
			}
		}
	})
}

func TestHotspot_MutedAlertsAreMarkedAndWhatIsUnderMaintenanceIsNotJudged(t *testing.T) {
	for _, test := range []struct {
		purpose store.MutePurpose
		check   func(t *testing.T, changes []store.Alert)
	}{
		{store.MuteAlerts, func(t *testing.T, changes []store.Alert) {
			if len(changes) == 0 || !changes[0].Muted {
				t.Errorf("alerts of a muted kind: %+v", changes)
			}
		}},
		{store.Maintenance, func(t *testing.T, changes []store.Alert) {
			if len(changes) != 0 {
				t.Errorf("observations under maintenance raised %+v", changes)
			}
		}},
	} {
		t.Run(string(test.purpose), func(t *testing.T) {
			var set *store.MuteSet
			opts := analytics.Options{Mutes: func(context.Context) (*store.MuteSet, error) { return set, nil }}
			inCity(t, hotspotRules(analytics.Hotspot{MinCount: 5}), opts, func(c *city) {
				set = store.NewMuteSet([]store.Mute{{ID: "m", Purpose: test.purpose, Kind: "illegal_parking",
					From: c.start.Add(-time.Hour), To: c.start.Add(24 * time.Hour)}})
				quietly(c, 1)
				park(c, market, 18)
				quietly(c, 5)
				test.check(t, c.records.saved())
			})
		})
	}
}

// TestHotspot_ARestartAnywhereGivesTheSameAlerts ends the engine after an entry,
// once with a note of what it knew and once as a crash that left an older note.
func TestHotspot_ARestartAnywhereGivesTheSameAlerts(t *testing.T) {
	rules := hotspotRules(analytics.Hotspot{MinCount: 5})
	cells := district(t).Cells
	story := func(start time.Time) []stream.Entry {
		var entries []stream.Entry
		for s := 0; s < 3*3600; s += 30 {
			at := start.Add(time.Duration(s) * time.Second)
			obs := []grid.Placed{seen("clock", "noise", 50, at)}
			if s%300 == 0 {
				obs = append(obs, in(cells[(s*7)%len(cells)], seen("cam9", "illegal_parking", 1, at)))
			}
			if s >= 1200 && s < 1500 || s >= 4000 && s < 4400 {
				obs = append(obs, in(market, seen("cam1", "illegal_parking", 1, at)), in(depot, seen("cam2", "illegal_parking", 1, at)))
			}
			entries = append(entries, stream.Entry{Seq: uint64(len(entries) + 1), At: at, Observations: obs})
		}
		return entries
	}
	play := func(t *testing.T, stops ...int) []store.Alert {
		var changes []store.Alert
		inCity(t, rules, analytics.Options{}, func(c *city) {
			c.stop()
			opts := analytics.Options{Memory: c.records}
			c.run(rules, opts)
			for i, e := range story(c.start) {
				pass(time.Until(e.At))
				c.report(e.Observations...)
				if slices.Contains(stops, i) {
					old := c.records.notes
					c.stop()
					if i%2 == 1 { // a crash: what was written at the end never was
						c.records.notes = old
					}
					c.run(rules, opts)
				}
			}
			changes = c.records.saved()
		})
		return changes
	}
	want := play(t)
	if len(want) < 4 {
		t.Fatalf("the story has only %d changes", len(want))
	}
	for _, stops := range [][]int{{45}, {50}, {70, 71}, {141}, {20, 47, 90, 140, 200}} {
		got := play(t, stops...)
		if diff := cmp.Diff(final(want), final(got)); diff != "" {
			t.Errorf("stopped after entries %v: alerts differ (-want +got):\n%s", stops, diff)
		}
	}
}

// final returns each alert as its greatest revision says, with every revision that
// was stored.
func final(changes []store.Alert) map[string]string {
	out := make(map[string]string)
	revisions := make(map[string]map[int64]store.Alert)
	for _, a := range changes {
		if revisions[a.ID] == nil {
			revisions[a.ID] = make(map[int64]store.Alert)
		}
		if old, twice := revisions[a.ID][a.Revision]; twice && !reflect.DeepEqual(old, a) {
			out[a.ID] = fmt.Sprintf("revision %d is there as two", a.Revision)
			return out
		}
		revisions[a.ID][a.Revision] = a
	}
	for id, all := range revisions {
		last := all[int64(len(all))]
		out[id] = fmt.Sprintf("%d revisions, %s, raised %s, closed %s, %v of %.6g", len(all), last.State, last.RaisedAt, last.ClearedAt, last.Value, last.Baseline)
	}
	return out
}
