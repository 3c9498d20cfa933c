package live_test

import (
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/dashboard/live"
	"github.com/urbangrid/urbangrid/grid"
)

func TestHub_ShowsWhereCellsStandOut(t *testing.T) {
	disk, err := cellsNear(t, 31.24, 1)[0].Disk(2)
	if err != nil {
		t.Fatal(err)
	}
	cells := slices.Concat(disk...)
	w := newWorld(t, live.Options{}, nil, cells...)
	heat := func(c grid.Cell, z float64, significant bool) analytics.HeatState {
		return analytics.HeatState{Kind: "noise", Cell: c, Z: z, Significant: significant}
	}
	parent, err := cells[0].Parent(9)
	if err != nil {
		t.Fatal(err)
	}
	var siblings []grid.Cell
	for _, c := range cells {
		if p, _ := c.Parent(9); p == parent {
			siblings = append(siblings, c)
		}
	}
	if len(siblings) < 2 {
		t.Fatalf("%s has only %d of the cells", parent, len(siblings))
	}
	w.hub.HeatChanged(time.Now(), []analytics.HeatState{heat(siblings[0], 4.2, true), heat(siblings[1], -1.5, false)})

	b := dial(t, w)
	b.say(t, `{"t":"sub","id":1,"topic":"heat/noise/r10"}`)
	var fine shown
	fine.apply(t, w.hub, b.want(t, "snap"))
	if want := map[grid.Cell]float64{siblings[0]: 4.2, siblings[1]: -1.5}; !maps.Equal(fine.value, want) {
		t.Errorf("shows %v, want %v", fine.value, want)
	}
	if fine.count[siblings[0]] != 2 || fine.count[siblings[1]] != 1 {
		t.Errorf("counts %v, want 2 where it is significant and 1 elsewhere", fine.count)
	}
	b.say(t, `{"t":"sub","id":2,"topic":"heat/noise/r9"}`)
	var coarse shown
	coarse.apply(t, w.hub, b.want(t, "snap"))
	if coarse.value[parent] != 4.2 || coarse.count[parent] != 2 {
		t.Errorf("the parent shows %v of %v, want the score farthest from 0", coarse.value[parent], coarse.count[parent])
	}
	w.hub.HeatChanged(time.Now(), []analytics.HeatState{heat(siblings[0], math.NaN(), false)})
	fine.apply(t, w.hub, b.want(t, "d"))
	if _, still := fine.value[siblings[0]]; still {
		t.Error("a cell that is not compared any more is still shown")
	}
}
