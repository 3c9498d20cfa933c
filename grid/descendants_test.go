package grid_test

import (
	"testing"

	"github.com/urbangrid/urbangrid/grid"
	"pgregory.net/rapid"
)

func TestDescendants_HoldExactlyTheCellsWithin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		point := grid.Point{
			LatDegrees: rapid.Float64Range(-89, 89).Draw(t, "lat"),
			LonDegrees: rapid.Float64Range(-179, 179).Draw(t, "lon"),
		}
		near := grid.Point{
			LatDegrees: point.LatDegrees + rapid.Float64Range(-0.05, 0.05).Draw(t, "dlat"),
			LonDegrees: point.LonDegrees + rapid.Float64Range(-0.05, 0.05).Draw(t, "dlon"),
		}
		res := rapid.IntRange(0, grid.Resolution).Draw(t, "res")
		parent, err := grid.CellAt(point, res)
		if err != nil {
			t.Fatal(err)
		}
		first, last, err := parent.Descendants(grid.Resolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range []grid.Point{point, near} {
			cell, err := grid.CellAt(p, grid.Resolution)
			if err != nil {
				t.Fatal(err)
			}
			got, err := cell.Parent(res)
			if err != nil {
				t.Fatal(err)
			}
			if within := first <= cell && cell <= last; within != (got == parent) {
				t.Fatalf("cell %s in [%s, %s] is %v, its parent at %d is %s, want %s", cell, first, last, within, res, got, parent)
			}
		}
	})
}

func TestDescendants_RejectWhatHasNone(t *testing.T) {
	cell, err := grid.CellAt(grid.Point{LatDegrees: 31.25, LonDegrees: 121.4}, grid.Resolution)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := cell.Descendants(9); err == nil {
		t.Errorf("descendants of %s at a coarser resolution gave no error", cell)
	}
	if _, _, err := grid.Cell(0).Descendants(grid.Resolution); err == nil {
		t.Error("descendants of no cell gave no error")
	}
	if first, last, err := cell.Descendants(grid.Resolution); err != nil || first != cell || last != cell {
		t.Errorf("descendants of %s at its own resolution = %s, %s, %v", cell, first, last, err)
	}
}
