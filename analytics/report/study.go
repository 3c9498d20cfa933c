package report

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/urbangrid/urbangrid/analytics/lattice"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// study is a study area with what was observed in it: cells that something covers,
// zeros included. A cell that nothing covers is not in it.
type study struct {
	kind    sensors.Kind
	lattice *lattice.Lattice
	bounds  []time.Time
	begin   int         // first window with an observation anywhere
	count   [][]int64   // by window and cell
	sum     [][]float64 // likewise, of a measure
	devices []int       // by cell, registered for the kind
	covered bool        // the area is where devices are, not all of the district
}

// study asks for the study area of a request over bounds.
func (r *Reporter) study(ctx context.Context, req Request, bounds []time.Time, rings int) (*study, error) {
	kind, _ := r.src.Kinds.Kind(req.Kinds.Only()) // Parse has seen it, and byKind asks for one
	c, err := r.cube(ctx, store.CubeQuery{Kind: kind.Key, By: store.ByCell, Resolution: req.Resolution, Bounds: bounds, With: columnsOf(kind)}, req.Areas)
	if err != nil {
		return nil, err
	}
	reg, err := r.devices(ctx)
	if err != nil {
		return nil, err
	}
	at := map[grid.Cell]int{}
	for _, d := range reg.of(kind.Key, req.Areas) {
		if d.cell == 0 {
			continue
		}
		p, err := d.cell.Parent(req.Resolution)
		if err != nil {
			return nil, err
		}
		at[p]++
	}
	s := &study{kind: kind, bounds: bounds, begin: firstWindow(&c), covered: len(at) > 0}
	cells, err := r.cellsOf(req, kind, at, &c)
	if err != nil {
		return nil, err
	}
	if s.lattice, err = lattice.New(cells, rings); err != nil {
		return nil, err
	}
	s.fill(&c, at)
	return s, nil
}

// cellsOf are the cells of the study area.
func (r *Reporter) cellsOf(req Request, kind sensors.Kind, devices map[grid.Cell]int, c *store.Cube) ([]grid.Cell, error) {
	if kind.Type == sensors.Measure {
		return c.Cells, nil
	}
	if req.Of == Rates {
		var out []grid.Cell
		for cell := range devices {
			out = append(out, cell)
		}
		return out, nil
	}
	out := slices.Clone(c.Cells)
	for cell := range devices {
		out = append(out, cell)
	}
	if len(devices) > 0 {
		return out, nil
	}
	all, err := r.src.Areas.Cells(req.Resolution)
	if err != nil {
		return nil, err
	}
	for _, cell := range all {
		if req.Areas.Len() > 0 {
			code, err := r.areaOf(cell)
			if err != nil {
				return nil, err
			}
			if !req.Areas.Admit(code) {
				continue
			}
		}
		out = append(out, cell)
	}
	return out, nil
}

// fill puts the cube into the order of the lattice.
func (s *study) fill(c *store.Cube, devices map[grid.Cell]int) {
	n := s.lattice.Len()
	s.devices = make([]int, n)
	for i, cell := range s.lattice.Cells() {
		s.devices[i] = devices[cell]
	}
	s.count, s.sum = make([][]int64, c.Windows()), make([][]float64, c.Windows())
	for w := range s.count {
		s.count[w], s.sum[w] = make([]int64, n), make([]float64, n)
	}
	for p, cell := range c.Cells {
		i, ok := s.lattice.Index(cell)
		if !ok {
			continue // without a device, where rates are asked for
		}
		for w := range s.count {
			s.count[w][i] = c.Count[c.Index(p, w)]
			if c.Sum != nil {
				s.sum[w][i] = c.Sum[c.Index(p, w)]
			}
		}
	}
}

// observations is how many there are in the study area.
func (s *study) observations() (n int64) {
	for _, row := range s.count {
		for _, v := range row {
			n += v
		}
	}
	return n
}

// totals are the counts and sums of each cell over all windows.
func (s *study) totals() (count, sum []float64) {
	count, sum = make([]float64, s.lattice.Len()), make([]float64, s.lattice.Len())
	for w := range s.count {
		for i := range count {
			count[i] += float64(s.count[w][i])
			sum[i] += s.sum[w][i]
		}
	}
	return count, sum
}

// quantity settles what the values of a study are of.
func (s *study) quantity(asked Quantity) Quantity {
	if s.kind.Type == sensors.Measure || asked == Counts {
		return Counts
	}
	if asked == Auto && (len(s.devices) == 0 || slices.Contains(s.devices, 0)) {
		return Counts
	}
	return Rates
}

// quantityNote is what must be known of the values.
func (s *study) quantityNote(q Quantity) NoteCode {
	switch {
	case s.kind.Type == sensors.Measure:
		return NoteLevels
	case q == Rates:
		return NoteRates
	}
	return NoteCounts
}

// squareKilometers is the surface of a cell, on the plane that touches the Earth
// at its middle.
func squareKilometers(c grid.Cell) (float64, error) {
	ring, err := c.Boundary()
	if err != nil {
		return 0, err
	}
	const kmPerDegree = 111.195 // of a sphere of 6,371.0 km
	narrow := math.Cos(ring[0].LatDegrees * math.Pi / 180)
	twice := 0.0
	a := ring[len(ring)-1]
	for _, b := range ring {
		twice += (a.LonDegrees - ring[0].LonDegrees) * narrow * (b.LatDegrees - ring[0].LatDegrees)
		twice -= (b.LonDegrees - ring[0].LonDegrees) * narrow * (a.LatDegrees - ring[0].LatDegrees)
		a = b
	}
	return math.Abs(twice) / 2 * kmPerDegree * kmPerDegree, nil
}
