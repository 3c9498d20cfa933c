package grid

import (
	"fmt"
	"testing"

	"github.com/urbangrid/urbangrid/sensors"
)

func TestCellCache_IsBounded(t *testing.T) {
	var c cellCache
	for i := range Cell(40 * cellShardSize) {
		c.put(i<<15, int32(i))
	}
	if i, ok := c.find(40*cellShardSize<<15 - 1<<15); !ok || i != 40*cellShardSize-1 {
		t.Errorf("the newest cell is forgotten: %d, %v", i, ok)
	}
	for i := range c.shards {
		if n := len(c.shards[i].known); n > cellShardSize {
			t.Errorf("shard %d holds %d cells, limit %d", i, n, cellShardSize)
		}
	}
}

func TestPlacer_RemembersABoundedNumberOfDevices(t *testing.T) {
	const limit = 640
	p := NewPlacer(nil, nil, PlacerOptions{MaxDevices: limit})
	for i := range 10 * limit {
		p.Place(sensors.Observation{
			Device:   sensors.DeviceID(fmt.Sprint(i)),
			Position: sensors.Position{LatDegrees: 31.25, LonDegrees: 121.40, Datum: sensors.WGS84},
		})
	}
	known := 0
	for i := range p.shards {
		known += len(p.shards[i].known)
	}
	if known > limit {
		t.Errorf("%d devices are remembered, limit %d", known, limit)
	}
}
