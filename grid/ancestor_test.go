package grid_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/urbangrid/urbangrid/grid"
)

func TestAncestor_IsParent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, err := grid.CellAt(grid.Point{
			LatDegrees: rapid.Float64Range(-90, 90).Draw(t, "lat"), LonDegrees: rapid.Float64Range(-180, 180).Draw(t, "lon"),
		}, rapid.IntRange(0, 15).Draw(t, "own"))
		if err != nil {
			t.Fatal(err)
		}
		res := rapid.IntRange(-1, 16).Draw(t, "res")
		want, err := c.Parent(res)
		got, ok := c.Ancestor(res)
		if ok != (err == nil) || ok && got != want {
			t.Fatalf("ancestor of %s at resolution %d is %s, %v; the parent is %s, %v", c, res, got, ok, want, err)
		}
		if ok && !c.Within(got) {
			t.Fatalf("%s is not within its ancestor %s", c, got)
		}
	})
}

func TestWithin_IsNotForStrangersNorTheCoarser(t *testing.T) {
	const cell, sibling, parent = grid.Cell(0x8a309930a0affff), grid.Cell(0x8a309930a0b7fff), grid.Cell(0x89309930a0bffff)
	for _, pair := range []struct {
		c, o grid.Cell
		want bool
	}{
		{cell, cell, true}, {cell, parent, true}, {parent, cell, false}, {sibling, cell, false},
		{cell, 0, false}, {0, cell, false}, {0, 0, false},
	} {
		if got := pair.c.Within(pair.o); got != pair.want {
			t.Errorf("%q within %q: %v, want %v", pair.c, pair.o, got, pair.want)
		}
	}
}
