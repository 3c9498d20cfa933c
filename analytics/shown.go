package analytics

import (
	"math"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

// face names what a watcher was told of.
type face struct {
	kind sensors.KindKey
	cell grid.Cell
}

// shown stands between engines that follow one another and their watcher: an engine
// does not know what the one before it told, and so does not take it back.
//
// It belongs to the goroutine of the engine that runs.
type shown struct {
	watcher             Watcher
	cells, heat, excess told

	newest time.Time // told by any engine
	until  time.Time // newest of the engine before: what it had read
	readAt time.Time // when the next engine had read that too, zero before
}

// told is what shows something, and what of it only an engine before told.
type told struct {
	now map[face]bool
	old map[face]bool
}

func (t *told) take(f face, shows bool) {
	delete(t.old, f)
	if shows {
		t.now[f] = true
	} else {
		delete(t.now, f)
	}
}

func (t *told) handOver() {
	t.old = make(map[face]bool, len(t.now))
	for f := range t.now {
		t.old[f] = true
	}
}

// gone returns what the engine before told and this one did not, and forgets it.
func (t *told) gone() map[face]bool {
	old := t.old
	for f := range old {
		delete(t.now, f)
	}
	t.old = nil
	return old
}

// newShown returns nil for no watcher.
func newShown(w Watcher) *shown {
	if w == nil {
		return nil
	}
	fresh := func() told { return told{now: make(map[face]bool)} }
	return &shown{watcher: w, cells: fresh(), heat: fresh(), excess: fresh()}
}

// comparePatience is for how long a new engine may compare no cells of a kind before
// what was told of them is taken back.
const comparePatience = 30 * time.Second

// handOver notes that another engine follows.
func (s *shown) handOver() {
	s.cells.handOver()
	s.heat.handOver()
	s.excess.handOver()
	s.until, s.readAt = s.newest, time.Time{}
}

// CellsChanged implements [Watcher]. Once the new engine has read what the one
// before it had, cells that it does not know show nothing any more.
func (s *shown) CellsChanged(now, newest time.Time, changed []CellState) {
	for _, c := range changed {
		s.cells.take(face{c.Kind, c.Cell}, c.Rollup.Count > 0)
	}
	if newest.After(s.newest) {
		s.newest = newest
	}
	if s.cells.old != nil && !newest.Before(s.until) {
		s.readAt = now
		changed = changed[:len(changed):len(changed)]
		for f := range s.cells.gone() {
			changed = append(changed, CellState{Kind: f.kind, Cell: f.cell})
		}
	}
	s.watcher.CellsChanged(now, newest, changed)
	if !s.readAt.IsZero() && now.Sub(s.readAt) >= comparePatience {
		s.readAt = time.Time{}
		s.takeBack(now)
	}
}

// takeBack says that what an engine before compared is not known any more.
func (s *shown) takeBack(now time.Time) {
	var heat []HeatState
	for f := range s.heat.gone() {
		heat = append(heat, HeatState{Kind: f.kind, Cell: f.cell, Z: math.NaN()})
	}
	if len(heat) > 0 {
		s.watcher.HeatChanged(now, heat)
	}
	var excess []ExcessState
	for f := range s.excess.gone() {
		excess = append(excess, ExcessState{Kind: f.kind, Cell: f.cell, Excess: math.NaN()})
	}
	if len(excess) > 0 {
		s.watcher.ExcessChanged(now, excess)
	}
}

// HeatChanged implements [Watcher].
func (s *shown) HeatChanged(now time.Time, changed []HeatState) {
	for _, h := range changed {
		s.heat.take(face{h.Kind, h.Cell}, !math.IsNaN(h.Z))
	}
	s.watcher.HeatChanged(now, changed)
}

// ExcessChanged implements [Watcher].
func (s *shown) ExcessChanged(now time.Time, changed []ExcessState) {
	for _, e := range changed {
		s.excess.take(face{e.Kind, e.Cell}, !math.IsNaN(e.Excess))
	}
	s.watcher.ExcessChanged(now, changed)
}
