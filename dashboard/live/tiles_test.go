package live_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/dashboard/live"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

// twoTiles returns a few cells in each of two tiles of resolution 6.
func twoTiles(t testing.TB) (tiles [2]grid.Cell, cells [2][]grid.Cell) {
	t.Helper()
	for i, lat := range []float64{31.24, 31.40} {
		all := cellsNear(t, lat, 20)
		tiles[i] = mustParent(t, all[0], 6)
		for _, c := range all {
			if mustParent(t, c, 6) == tiles[i] {
				cells[i] = append(cells[i], c)
			}
		}
		if len(cells[i]) < 3 {
			t.Fatalf("tile %s has only %d of the cells", tiles[i], len(cells[i]))
		}
	}
	return tiles, cells
}

func mustParent(t testing.TB, c grid.Cell, res int) grid.Cell {
	t.Helper()
	p, err := c.Parent(res)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestHub_ATileHasItsCellsAndHearsOfNoOthers(t *testing.T) {
	tiles, cells := twoTiles(t)
	w := newWorld(t, live.Options{}, nil, slices.Concat(cells[0], cells[1])...)
	w.change(level("noise", cells[0][0], 1, 50), level("noise", cells[1][0], 1, 60))
	b := dial(t, w)
	b.say(t, fmt.Sprintf(`{"t":"sub","id":1,"topic":"cells/noise/r10/%s"}`, tiles[0]))
	var s shown
	s.apply(t, w.hub, b.want(t, "snap"))
	if want := map[grid.Cell]float64{cells[0][0]: 50}; !maps.Equal(s.value, want) {
		t.Errorf("shows %v, want %v", s.value, want)
	}
	table, ok := w.hub.Table(s.tbl)
	if !ok || !slices.Equal(table.Cells, slices.Sorted(slices.Values(cells[0]))) {
		t.Errorf("the table has %v, want the cells of the tile", table.Cells)
	}
	w.change(level("noise", cells[1][1], 1, 70)) // elsewhere
	w.change(level("noise", cells[0][2], 1, 55), level("noise", cells[0][0], 0, 0))
	m := b.want(t, "d")
	s.apply(t, w.hub, m)
	if len(m.I) != 2 || m.Seq != m.From+2 {
		t.Errorf("got %+v, want one delta over the second that changed nothing here", m)
	}
	if want := map[grid.Cell]float64{cells[0][2]: 55}; !maps.Equal(s.value, want) {
		t.Errorf("shows %v, want %v", s.value, want)
	}
	if got := w.metric(t, "urbangrid_dashboard_live_conflations_total", ""); got != 0 {
		t.Errorf("counted %v conflations, but nothing was merged", got)
	}
}

func TestHub_ATileIsResumedAfterEverybodyHasLeftIt(t *testing.T) {
	tiles, cells := twoTiles(t)
	w := newWorld(t, live.Options{}, nil, slices.Concat(cells[0], cells[1])...)
	w.change(level("noise", cells[0][0], 1, 50))
	topic := fmt.Sprintf("cells/noise/r10/%s", tiles[0])
	b := dial(t, w)
	b.say(t, fmt.Sprintf(`{"t":"sub","id":1,"topic":%q}`, topic))
	var s shown
	s.apply(t, w.hub, b.want(t, "snap"))
	b.say(t, `{"t":"unsub","id":1}`)
	w.change(level("noise", cells[0][1], 1, 60))
	w.change(level("noise", cells[1][1], 1, 60))
	b.say(t, fmt.Sprintf(`{"t":"sub","id":2,"topic":%q,"since":{"epoch":%q,"seq":%d}}`, topic, s.epoch, s.seq))
	for {
		m := b.want2(t, "d", "snap")
		if *m.ID == 1 { // it was under way
			continue
		}
		if m.T != "d" {
			t.Fatalf("got %+v, want a delta", m)
		}
		s.apply(t, w.hub, m)
		break
	}
	if want := map[grid.Cell]float64{cells[0][0]: 50, cells[0][1]: 60}; !maps.Equal(s.value, want) {
		t.Errorf("shows %v, want %v", s.value, want)
	}
}

func TestHub_ANewTableElsewhereIsNoneOfATile(t *testing.T) {
	tiles, cells := twoTiles(t)
	w := newWorld(t, live.Options{}, nil, cells[0]...)
	w.change(level("noise", cells[0][0], 1, 50))
	b := dial(t, w)
	for i, tile := range tiles {
		b.say(t, fmt.Sprintf(`{"t":"sub","id":%d,"topic":"cells/noise/r10/%s"}`, i+1, tile))
		b.want(t, "snap")
	}
	w.change(level("noise", cells[1][0], 1, 60)) // outside the district, in the second tile
	if m := b.want(t, "snap"); *m.ID != 2 || len(m.I) != 1 {
		t.Errorf("got %+v, want a snapshot of the second tile", m)
	}
	w.change(level("noise", cells[0][1], 1, 60))
	if m := b.want(t, "d"); *m.ID != 1 {
		t.Errorf("got %+v, want a delta of the first tile, which kept its table", m)
	}
}

func TestHub_KnowsTilesByTheirResolution(t *testing.T) {
	tiles, cells := twoTiles(t)
	w := newWorld(t, live.Options{}, nil, cells[0]...)
	b := dial(t, w)
	for topic, good := range map[string]bool{
		"cells/noise/r10/" + tiles[0].String():                     true,
		"heat/noise/r9/" + mustParent(t, cells[0][0], 5).String():  true,
		"count/noise/r7/" + mustParent(t, cells[0][0], 3).String(): true,
		"cells/noise/r9/" + tiles[0].String():                      false,
		"cells/noise/r10/" + cells[0][0].String():                  false,
		"cells/noise/r10/" + strings.ToUpper(tiles[0].String()):    false,
		"cells/noise/r10/":                 false,
		"cells/noise/r10/ffffffffffffffff": false,
		"cells/noise/r10/" + tiles[0].String() + "/" + tiles[0].String(): false,
	} {
		b.say(t, fmt.Sprintf(`{"t":"sub","id":1,"topic":%q}`, topic))
		want := "err"
		if good {
			want = "snap"
		}
		b.want(t, want)
		b.say(t, `{"t":"unsub","id":1}`)
	}
}

func TestHub_CountsObservations(t *testing.T) {
	cells := cellsNear(t, 31.24, 60)
	w := newWorld(t, live.Options{}, nil, cells...)
	var want int64
	for i, c := range cells {
		n := int64(i % 4)
		want += n
		w.change(level("noise", c, n, 57.34))
	}
	b := dial(t, w)
	for id, res := range grid.DisplayResolutions {
		b.say(t, fmt.Sprintf(`{"t":"sub","id":%d,"topic":"count/noise/r%d"}`, id, res))
		var s shown
		s.apply(t, w.hub, b.want(t, "snap"))
		sum := 0.0
		for c, v := range s.value {
			if sum += v; v != float64(s.count[c]) {
				t.Errorf("r%d: %v of %d in %s", res, v, s.count[c], c)
			}
		}
		if sum != float64(want) {
			t.Errorf("r%d: %v observations, want %d", res, sum, want)
		}
	}
}

func TestHub_ShowsByHowMuchCellsExceed(t *testing.T) {
	disk, err := cellsNear(t, 31.24, 1)[0].Disk(2)
	if err != nil {
		t.Fatal(err)
	}
	cells := slices.Concat(disk...)
	parent := mustParent(t, cells[0], 9)
	siblings := slices.DeleteFunc(slices.Clone(cells), func(c grid.Cell) bool { return mustParent(t, c, 9) != parent })
	if len(siblings) < 2 {
		t.Fatalf("%s has only %d of the cells", parent, len(siblings))
	}
	w := newWorld(t, live.Options{}, nil, cells...)
	for _, c := range []struct {
		kind   sensors.KindKey
		coarse float64
		why    string
	}{{"stall", 2.8, "the sum of the events"}, {"noise", 4.04, "the spreads farthest from usual"}} {
		excess := func(cell grid.Cell, x float64) analytics.ExcessState {
			return analytics.ExcessState{Kind: c.kind, Cell: cell, Excess: x}
		}
		w.hub.ExcessChanged(time.Now(), []analytics.ExcessState{excess(siblings[0], 4.04), excess(siblings[1], -1.27)})
		b := dial(t, w)
		b.say(t, fmt.Sprintf(`{"t":"sub","id":1,"topic":"excess/%s/r10"}`, c.kind))
		var fine, coarse shown
		fine.apply(t, w.hub, b.want(t, "snap"))
		if want := map[grid.Cell]float64{siblings[0]: 4, siblings[1]: -1.3}; !maps.Equal(fine.value, want) {
			t.Errorf("%s: shows %v, want %v", c.kind, fine.value, want)
		}
		b.say(t, fmt.Sprintf(`{"t":"sub","id":2,"topic":"excess/%s/r9"}`, c.kind))
		coarse.apply(t, w.hub, b.want(t, "snap"))
		if got := coarse.value[parent]; got < c.coarse-0.06 || got > c.coarse+0.06 || coarse.count[parent] != 2 {
			t.Errorf("%s: the parent shows %v of %d cells, want %s, %v", c.kind, got, coarse.count[parent], c.why, c.coarse)
		}
	}
}
