package grid

import "github.com/urbangrid/urbangrid/sensors"

// AreaCode is the code of a responsibility area (责任网格), e.g. "310107005".
type AreaCode string

// Placed is an observation that has its place: the form in which observations
// are journalled, kept and judged.
type Placed struct {
	sensors.Observation
	Point Point    // WGS-84
	Cell  Cell     // at Resolution
	Area  AreaCode // "" outside every area
}
