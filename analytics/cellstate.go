// Package analytics judges observations as they arrive: live cell states,
// detectors and alerts.
package analytics

import (
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

// CellState is what one cell shows now for one kind: the roll-up of the kind's
// live window, the last LiveWindow(kind) of phenomenon time. Count 0 means that
// the cell has fallen silent and shows nothing. When no observation of any kind
// has been judged for a minute, the window moves by the clock.
type CellState struct {
	Kind   sensors.KindKey
	Cell   grid.Cell // at grid.Resolution
	Rollup grid.Rollup
}

// LiveWindow is how far back a live cell looks.
func LiveWindow(k sensors.KindType) time.Duration {
	if k == sensors.Event {
		return 15 * time.Minute
	}
	return 5 * time.Minute
}

// Watcher is told once a second which cell states have changed since the last
// time, each (Kind, Cell) at most once; changed is empty when none has. It must
// not block and may not keep changed after it returns. newest is the greatest
// phenomenon time judged live, zero before the first.
type Watcher interface {
	CellsChanged(now, newest time.Time, changed []CellState)
	// HeatChanged is told at most once a second which cells stand out otherwise than
	// last told, with the same rules.
	HeatChanged(now time.Time, changed []HeatState)
}

// HeatState is how far a cell stands out among the others now: its Getis-Ord Gi*
// with its neighbours over the last 15 minutes.
type HeatState struct {
	Kind sensors.KindKey
	Cell grid.Cell // at grid.Resolution
	Z    float64   // standard score; NaN when the cell is not compared any more
	// Significant says that it stands out by more than chance explains anywhere in
	// the district: its false discovery rate is 5 % or less.
	Significant bool
}
