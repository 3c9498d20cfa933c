package analytics

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/urbangrid/urbangrid/analytics/hotspot"
	"github.com/urbangrid/urbangrid/analytics/lattice"
	"github.com/urbangrid/urbangrid/analytics/spatial"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// Study is where and by which habits hotspots are looked for.
type Study struct {
	Cells []grid.Cell // the district at grid.Resolution
	// AreaOf returns the area whose habits a cell shares; nil means that all cells
	// share theirs.
	AreaOf func(grid.Cell) grid.AreaCode
	// Slot returns the hour of the week, 0 to 167, whose habits hold at a time, in
	// the district's zone and with its holidays; nil means the hour of the week in
	// UTC.
	Slot func(time.Time) int
}

// scanRings is the radius in cells of the largest disk that is scanned.
const scanRings = 2

// study is a Study that detectors work on.
type study struct {
	lattice *lattice.Lattice
	space   *hotspot.Space
	scores  *spatial.Map[float64] // of each cell with its neighbours
	areas   []grid.AreaCode       // of each cell of the lattice
	groupOf []int
	groups  int
	slot    func(time.Time) int
}

func newStudy(s Study) (*study, error) {
	l, err := lattice.New(s.Cells, scanRings)
	if err != nil {
		return nil, fmt.Errorf("study area: %w", err)
	}
	graph, err := spatial.Disks(l, 1)
	if err != nil {
		return nil, fmt.Errorf("study area: %w", err)
	}
	out := &study{lattice: l, space: hotspot.NewSpace(l), scores: spatial.NewMap[float64](graph), slot: s.Slot,
		areas: make([]grid.AreaCode, l.Len()), groupOf: make([]int, l.Len()), groups: 1}
	if s.AreaOf == nil {
		return out, nil
	}
	numbers := make(map[grid.AreaCode]int)
	for i, c := range l.Cells() {
		area := s.AreaOf(c)
		n, known := numbers[area]
		if !known {
			n = len(numbers)
			numbers[area] = n
		}
		out.areas[i], out.groupOf[i] = area, n
	}
	out.groups = max(len(numbers), 1)
	return out, nil
}

// hourOfWeek returns the hour of the week whose habits hold at a time.
func (s *study) hourOfWeek(t time.Time) int {
	if s.slot != nil {
		return s.slot(t)
	}
	return (int(t.Weekday())+6)%7*24 + t.Hour()
}

func (s *study) group(cell int) int { return s.groupOf[cell] }

func (s *study) areaOf(c grid.Cell) grid.AreaCode {
	if i, in := s.lattice.Index(c); in {
		return s.areas[i]
	}
	return ""
}

// mostOf returns the devices with the greatest counts, greatest first, at most n.
func mostOf(counts map[sensors.DeviceID]int, n int) []sensors.DeviceID {
	devices := slices.SortedFunc(maps.Keys(counts), func(a, b sensors.DeviceID) int {
		if c := cmp.Compare(counts[b], counts[a]); c != 0 {
			return c
		}
		return strings.Compare(string(a), string(b))
	})
	return devices[:min(n, len(devices))]
}

// latest returns the newest of the observations, newest first, at most n.
func latest(all []store.Evidence, n int) []store.Evidence {
	slices.SortStableFunc(all, func(a, b store.Evidence) int {
		if c := b.At.Compare(a.At); c != 0 {
			return c
		}
		return strings.Compare(string(a.Device), string(b.Device))
	})
	return all[:min(n, len(all))]
}
