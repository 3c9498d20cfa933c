package analytics

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/urbangrid/urbangrid/analytics/lattice"
	"github.com/urbangrid/urbangrid/analytics/spatial"
	"github.com/urbangrid/urbangrid/grid"
)

// TestGiStar_IsThatOfTheCellsThatArePresent holds the live scores to package
// spatial, which knows nothing of absent cells, on the lattice of those present.
func TestGiStar_IsThatOfTheCellsThatArePresent(t *testing.T) {
	center, err := grid.CellAt(grid.Point{LatDegrees: 31.25, LonDegrees: 121.4}, grid.Resolution)
	if err != nil {
		t.Fatal(err)
	}
	disk, err := center.Disk(6)
	if err != nil {
		t.Fatal(err)
	}
	all, err := lattice.New(slices.Concat(disk...), scanRings)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	x, got := make([]float64, all.Len()), make([]float64, all.Len())
	var present []grid.Cell
	var values []float64
	for i, c := range all.Cells() {
		x[i] = math.NaN()
		if rng.IntN(4) > 0 {
			x[i] = rng.ExpFloat64()
			present, values = append(present, c), append(values, x[i])
		}
	}
	giStar(all, x, got)
	some, err := lattice.New(present, 1)
	if err != nil {
		t.Fatal(err)
	}
	graph, err := spatial.Disks(some, 1)
	if err != nil {
		t.Fatal(err)
	}
	want, err := graph.GiStar(values)
	if err != nil {
		t.Fatal(err)
	}
	for k, c := range present {
		i, _ := all.Index(c)
		if math.Abs(got[i]-want.Z[k]) > 1e-9 {
			t.Errorf("cell %s: score %v, want %v", c, got[i], want.Z[k])
		}
	}
	for i, v := range x {
		if math.IsNaN(v) != math.IsNaN(got[i]) {
			t.Errorf("cell %d has the value %v and the score %v", i, v, got[i])
		}
	}
	for i := range x {
		x[i] = 3
	}
	giStar(all, x, got)
	if !math.IsNaN(got[0]) {
		t.Errorf("equal values have the score %v, want none", got[0])
	}
}
