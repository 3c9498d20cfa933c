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
	// ExcessChanged is told as seldom which cells exceed what is usual by another
	// amount than last told, with the same rules.
	ExcessChanged(now time.Time, changed []ExcessState)
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

// ExcessState is by how much a cell exceeds what is usual there now.
//
// Of events it is how many more there were in the last 15 minutes than the detector
// of the kind's hotspots expects, known in every cell of the district once there is
// a rule about hotspots. Of a measure it is by how many spreads the mean of the live
// window lies above the level that is usual at this hour, as the kind's rule about
// baselines has learned it; below 0 it lies lower.
type ExcessState struct {
	Kind   sensors.KindKey
	Cell   grid.Cell // at grid.Resolution, of the district
	Excess float64   // NaN when it is not known any more
}
