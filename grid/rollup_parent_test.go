package grid_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/urbangrid/urbangrid/grid"
)

func TestParentBits_MakeTheParent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := grid.Point{LatDegrees: rapid.Float64Range(-90, 90).Draw(t, "lat"), LonDegrees: rapid.Float64Range(-180, 180).Draw(t, "lon")}
		c, err := grid.CellAt(p, grid.Resolution)
		if err != nil {
			t.Fatal(err)
		}
		res := rapid.IntRange(0, grid.Resolution).Draw(t, "resolution")
		want, err := c.Parent(res)
		if err != nil {
			t.Fatal(err)
		}
		set, clear := grid.ParentBits(res)
		if got := grid.Cell(uint64(c)&^clear | set); got != want {
			t.Fatalf("parent of %s at %d is %s, want %s", c, res, got, want)
		}
	})
}
