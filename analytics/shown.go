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
	watcher Watcher
	cells   map[face]bool // that show something
	heat    map[face]bool

	newest   time.Time // told by any engine
	oldCells map[face]bool
	oldHeat  map[face]bool
	until    time.Time // newest of the engine before: what it had read
	readAt   time.Time // when the next engine had read that too, zero before
}

// newShown returns nil for no watcher.
func newShown(w Watcher) *shown {
	if w == nil {
		return nil
	}
	return &shown{watcher: w, cells: make(map[face]bool), heat: make(map[face]bool)}
}

// heatPatience is for how long a new engine may compare no cells of a kind before
// what was told of them is taken back.
const heatPatience = 30 * time.Second

// handOver notes that another engine follows.
func (s *shown) handOver() {
	s.oldCells, s.oldHeat = make(map[face]bool, len(s.cells)), make(map[face]bool, len(s.heat))
	for f := range s.cells {
		s.oldCells[f] = true
	}
	for f := range s.heat {
		s.oldHeat[f] = true
	}
	s.until, s.readAt = s.newest, time.Time{}
}

// CellsChanged implements [Watcher]. Once the new engine has read what the one
// before it had, cells that it does not know show nothing any more.
func (s *shown) CellsChanged(now, newest time.Time, changed []CellState) {
	for _, c := range changed {
		f := face{c.Kind, c.Cell}
		delete(s.oldCells, f)
		if c.Rollup.Count > 0 {
			s.cells[f] = true
		} else {
			delete(s.cells, f)
		}
	}
	if newest.After(s.newest) {
		s.newest = newest
	}
	read := s.oldCells != nil && !newest.Before(s.until)
	if read {
		s.readAt = now
		for f := range s.oldCells {
			changed = append(changed[:len(changed):len(changed)], CellState{Kind: f.kind, Cell: f.cell})
			delete(s.cells, f)
		}
		s.oldCells = nil
	}
	s.watcher.CellsChanged(now, newest, changed)
	if s.oldHeat != nil && !s.readAt.IsZero() && now.Sub(s.readAt) >= heatPatience {
		var gone []HeatState
		for f := range s.oldHeat {
			gone = append(gone, HeatState{Kind: f.kind, Cell: f.cell, Z: math.NaN()})
			delete(s.heat, f)
		}
		s.oldHeat = nil
		if len(gone) > 0 {
			s.watcher.HeatChanged(now, gone)
		}
	}
}

// HeatChanged implements [Watcher].
func (s *shown) HeatChanged(now time.Time, changed []HeatState) {
	for _, h := range changed {
		f := face{h.Kind, h.Cell}
		delete(s.oldHeat, f)
		if math.IsNaN(h.Z) {
			delete(s.heat, f)
		} else {
			s.heat[f] = true
		}
	}
	s.watcher.HeatChanged(now, changed)
}
