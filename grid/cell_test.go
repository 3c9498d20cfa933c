package grid_test

import (
	"testing"

	"github.com/urbangrid/urbangrid/grid"
)

func TestCell_TextFormComesBack(t *testing.T) {
	c, err := grid.CellAt(grid.Point{LatDegrees: 31.2498, LonDegrees: 121.3955}, grid.Resolution)
	if err != nil {
		t.Fatal(err)
	}
	back, err := grid.ParseCell(c.String())
	if err != nil || back != c {
		t.Errorf("ParseCell(%q) = %v, %v", c.String(), back, err)
	}
	for _, s := range []string{"", "zz", "8a309930a0afff", "0", "ffffffffffffffff", "8a309930a0afffff0"} {
		if _, err := grid.ParseCell(s); err == nil {
			t.Errorf("ParseCell(%q): no error", s)
		}
	}
	if s := grid.Cell(0).String(); s != "" {
		t.Errorf("the zero cell is written %q", s)
	}
}

func TestCell_ParentContainsIt(t *testing.T) {
	p := grid.Point{LatDegrees: 31.2498, LonDegrees: 121.3955}
	c, err := grid.CellAt(p, grid.Resolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, res := range grid.DisplayResolutions {
		parent, err := c.Parent(res)
		if err != nil {
			t.Fatal(err)
		}
		if parent.Resolution() != res {
			t.Errorf("parent at %d has resolution %d", res, parent.Resolution())
		}
	}
	if _, err := c.Parent(grid.Resolution + 1); err == nil {
		t.Error("a parent finer than the cell: no error")
	}
	if corners, err := c.Boundary(); err != nil || len(corners) != 6 {
		t.Errorf("boundary has %d corners, %v", len(corners), err)
	}
}
