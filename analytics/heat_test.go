package analytics_test

import (
	"math"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/grid"
)

func TestHeat_WhatStandsOutIsToldAndTakenBack(t *testing.T) {
	cells := district(t).Cells
	inCity(t, hotspotRules(analytics.Hotspot{}), analytics.Options{}, func(c *city) {
		var obs []grid.Placed
		for i := 0; i < len(cells); i += 9 {
			obs = append(obs, in(cells[i], seen("n", "noise", 50+float64(i%7), c.start)))
		}
		disk, err := market.Disk(1)
		if err != nil {
			t.Fatal(err)
		}
		for _, near := range append(disk[1], market) {
			obs = append(obs, in(near, seen("n", "noise", 90, c.start)))
		}
		c.report(obs...)
		pass(3 * time.Second)
		heat := c.watcher.heatOf("noise")
		if s := heat[market]; !s.Significant || s.Z < 5 {
			t.Errorf("seven loud cells together have the score %v, significant: %v", s.Z, s.Significant)
		}
		if s, told := heat[cells[0]]; !told || s.Significant {
			t.Errorf("an ordinary cell: told %v, significant %v", told, s.Significant)
		}
		if _, told := heat[cells[1]]; told {
			t.Error("a cell without a value is compared")
		}
		pass(16 * time.Minute)
		c.report(in(cells[0], seen("n", "noise", 50, time.Now())))
		pass(5 * time.Second)
		if s := c.watcher.heatOf("noise")[market]; !math.IsNaN(s.Z) {
			t.Errorf("16 minutes later it has the score %v, want none", s.Z)
		}
	})
}

func TestHeat_EventsAreComparedByWhatIsMoreThanExpected(t *testing.T) {
	inCity(t, hotspotRules(analytics.Hotspot{}), analytics.Options{}, func(c *city) {
		park(c, market, 8)
		pass(3 * time.Second)
		heat := c.watcher.heatOf("illegal_parking")
		if s := heat[market]; !s.Significant || s.Z <= 0 {
			t.Errorf("eight cars have the score %v, significant: %v", s.Z, s.Significant)
		}
		if len(heat) != len(district(t).Cells) {
			t.Errorf("%d cells are compared, want all %d of the district", len(heat), len(district(t).Cells))
		}
	})
}
