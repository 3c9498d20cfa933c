package analytics_test

import (
	"context"
	"math"
	"sync/atomic"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// blinded plays a hotspot after which its place is heard of no more while the rest of
// the district is, and returns what became of it. Time goes on by phenomenon time.
func blinded(t *testing.T, opts analytics.Options, meanwhile func(start time.Time)) (last store.Alert, heat map[grid.Cell]analytics.HeatState) {
	t.Helper()
	inCity(t, hotspotRules(analytics.Hotspot{MinCount: 5}), opts, func(c *city) {
		cells, at := district(t).Cells, c.start
		hour := func(here int) {
			for m := range 60 {
				obs := []grid.Placed{seen("clock", "noise", 50, at)}
				if m%4 == 0 {
					obs = append(obs, in(cells[(m*97)%len(cells)], seen("elsewhere", "illegal_parking", 1, at)))
				}
				if here > 0 && m%(60/here) == 0 {
					obs = append(obs, in(market, seen(deviceOf(m), "illegal_parking", 1, at)))
				}
				c.journal.add(at, obs...)
				at = at.Add(time.Minute)
			}
			pass(6 * time.Second)
		}
		for range 48 {
			hour(0)
		}
		hour(30)
		meanwhile(at)
		pass(6 * time.Second)
		for range 12 {
			hour(0)
		}
		changes := c.records.saved()
		if len(changes) == 0 {
			t.Fatal("30 cars within an hour raised nothing")
		}
		last, heat = changes[len(changes)-1], c.watcher.heatOf("illegal_parking")
	})
	return last, heat
}

func TestCoverage_WhatNobodyWatchesIsNotOverAndNotCold(t *testing.T) {
	never := func(time.Time) {}
	if last, _ := blinded(t, analytics.Options{}, never); last.State != store.AlertClosed {
		t.Fatalf("watched all the time, 12 hours later the hotspot is %s, want closed", last.State)
	}
	for name, test := range map[string]func(dark *atomic.Bool, set *atomic.Pointer[store.MuteSet]) (analytics.Options, func(time.Time)){
		"its sensors do not work": func(dark *atomic.Bool, _ *atomic.Pointer[store.MuteSet]) (analytics.Options, func(time.Time)) {
			return analytics.Options{Coverage: func(k sensors.KindKey) map[grid.Cell]float64 {
				if k != "illegal_parking" || !dark.Load() {
					return nil
				}
				return map[grid.Cell]float64{market: 0.2}
			}}, func(time.Time) { dark.Store(true) }
		},
		"it is under maintenance": func(_ *atomic.Bool, set *atomic.Pointer[store.MuteSet]) (analytics.Options, func(time.Time)) {
			return analytics.Options{Mutes: func(context.Context) (*store.MuteSet, error) { return set.Load(), nil }}, func(at time.Time) {
				set.Store(store.NewMuteSet([]store.Mute{{ID: "m", Purpose: store.Maintenance, Cell: market, From: at, To: at.Add(24 * time.Hour)}}))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			var dark atomic.Bool
			var set atomic.Pointer[store.MuteSet]
			opts, meanwhile := test(&dark, &set)
			last, heat := blinded(t, opts, meanwhile)
			if last.State != open {
				t.Errorf("nobody watched and 12 hours later the hotspot is %s, want open", last.State)
			}
			if z := heat[market].Z; !math.IsNaN(z) {
				t.Errorf("where nobody watches the map shows a score of %v, want none", z)
			}
		})
	}
}
