package grid_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/urbangrid/urbangrid/grid"
)

// drawn is an area of a drawing: a code, its parent, and rings of corners in
// thousandths of a degree east and north of Putuo's middle.
type drawn struct {
	code, parent string
	rings        [][][2]float64
}

func squareAt(west, south, side float64) [][2]float64 {
	return [][2]float64{{west, south}, {west + side, south}, {west + side, south + side}, {west, south + side}}
}

func draw(t *testing.T, areas ...drawn) *grid.Areas {
	t.Helper()
	var features []string
	for _, a := range areas {
		var rings []string
		for _, ring := range a.rings {
			var corners []string
			for _, c := range append(ring, ring[0]) {
				corners = append(corners, fmt.Sprintf("[%.7f,%.7f]", 121.4+c[0]/1000, 31.24+c[1]/1000))
			}
			rings = append(rings, "["+strings.Join(corners, ",")+"]")
		}
		features = append(features, fmt.Sprintf(`{"type":"Feature","properties":{"code":%q,"name":"区","parent":%q},"geometry":{"type":"Polygon","coordinates":[%s]}}`,
			a.code, a.parent, strings.Join(rings, ",")))
	}
	read, err := grid.ReadAreas(strings.NewReader(`{"type":"FeatureCollection","features":[` + strings.Join(features, ",") + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	return read
}

func TestCheckAreas(t *testing.T) {
	for what, test := range map[string]struct {
		areas []drawn
		want  []string // matter, area, other, "fault"
	}{
		"areas side by side are well": {
			areas: []drawn{{"310107001", "", [][][2]float64{squareAt(0, 0, 5)}}, {"310107002", "", [][][2]float64{squareAt(5, 0, 5)}}},
		},
		"a bow tie crosses itself": {
			areas: []drawn{{"310107001", "", [][][2]float64{{{0, 0}, {5, 4}, {5, 0}, {0, 5}}}}},
			want:  []string{"self_intersection 310107001  fault"},
		},
		"areas of one level share ground": {
			areas: []drawn{{"310107001", "", [][][2]float64{squareAt(0, 0, 5)}}, {"310107002", "", [][][2]float64{squareAt(3, 0, 5)}}},
			want:  []string{"overlap 310107001 310107002 fault"},
		},
		"a sliver is odd only": {
			areas: []drawn{{"310107001", "", [][][2]float64{squareAt(0, 0, 5)}}, {"310107002", "", [][][2]float64{squareAt(4.99, 0, 5)}}},
			want:  []string{"overlap 310107001 310107002 "},
		},
		"a part shares the ground of its whole": {
			areas: []drawn{{"310107001", "", [][][2]float64{squareAt(0, 0, 5)}}, {"310107001001", "310107001", [][][2]float64{squareAt(1, 1, 2)}}},
		},
		"a part reaches beyond its whole": {
			areas: []drawn{{"310107001", "", [][][2]float64{squareAt(0, 0, 5)}}, {"310107001001", "310107001", [][][2]float64{squareAt(4, 1, 2)}}},
			want:  []string{"outside_parent 310107001001 310107001 "},
		},
		"a hole within is well, one outside is not": {
			areas: []drawn{{"310107001", "", [][][2]float64{squareAt(0, 0, 5), squareAt(1, 1, 1)}}, {"310107002", "", [][][2]float64{squareAt(9, 0, 5), squareAt(0, 9, 1)}}},
			want:  []string{"hole_outside 310107002  fault"},
		},
		"a hole that crosses the edge is not": {
			areas: []drawn{{"310107001", "", [][][2]float64{squareAt(0, 0, 5), squareAt(4, 1, 2)}}},
			want:  []string{"hole_outside 310107001  fault"},
		},
		"a hole in a hole is not": {
			areas: []drawn{{"310107001", "", [][][2]float64{squareAt(0, 0, 5), squareAt(1, 1, 3), squareAt(2, 2, 1)}}},
			want:  []string{"hole_outside 310107001  fault"},
		},
		"codes, sizes and parents that are odd": {
			areas: []drawn{{"A1", "310107", [][][2]float64{squareAt(0, 0, 0.2)}}},
			want:  []string{"too_small A1  ", "code_unusual A1  ", "parent_missing A1 310107 "},
		},
	} {
		t.Run(what, func(t *testing.T) {
			var got []string
			for _, f := range grid.CheckAreas(draw(t, test.areas...)) {
				fault := ""
				if f.Fault {
					fault = "fault"
				}
				got = append(got, fmt.Sprintf("%s %s %s %s", f.Matter, f.Area, f.Other, fault))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCheckAreas_SaysWhereAndHowMuch(t *testing.T) {
	found := grid.CheckAreas(draw(t, drawn{"310107001", "", [][][2]float64{squareAt(0, 0, 5)}}, drawn{"310107002", "", [][][2]float64{squareAt(3, 0, 5)}}))
	if len(found) != 1 {
		t.Fatalf("findings %+v, want one", found)
	}
	// 2 by 5 thousandths of a degree at 31° north.
	if got, want := found[0].SquareMeters, 190.2*556.0; got < 0.97*want || got > 1.03*want {
		t.Errorf("they share %.0f m², want about %.0f", got, want)
	}
	if at := found[0].At; at.LonDegrees < 121.403 || at.LonDegrees > 121.405 || at.LatDegrees < 31.24 || at.LatDegrees > 31.245 {
		t.Errorf("they share ground at %+v, want between the two", at)
	}
}

func TestCoverageOf_CountsCellsFindsGapsAndOverlaps(t *testing.T) {
	frame := draw(t,
		drawn{"310107001", "", [][][2]float64{squareAt(0, 0, 12), squareAt(4, 4, 4)}},
		drawn{"310107002", "", [][][2]float64{squareAt(10, 0, 6)}})
	c, err := grid.CoverageOf(frame)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Gaps) < 8 || len(c.Gaps) > 20 {
		t.Errorf("%d cells in the hole of 0.16 km², want about 14", len(c.Gaps))
	}
	if len(c.Overlaps) < 5 || len(c.Overlaps) > 20 {
		t.Errorf("%d cells are shared, want about 11", len(c.Overlaps))
	}
	for _, o := range c.Overlaps {
		if diff := cmp.Diff([]grid.AreaCode{"310107001", "310107002"}, o.Areas); diff != "" {
			t.Errorf("cell %s is shared by (-want +got):\n%s", o.Cell, diff)
		}
	}
	if len(c.Areas) != 2 || c.Areas[0].Cells[10] < 90 || c.Areas[0].Cells[10] > 130 || c.Areas[0].Cells[7] < 1 {
		t.Errorf("areas have %+v, want about 110 cells of resolution 10 in the first", c.Areas)
	}
	if c.Cells[10] <= c.Cells[9] || c.Cells[9] <= c.Cells[8] || c.Cells[8] < c.Cells[7] {
		t.Errorf("cells by resolution %v, want fewer where coarser", c.Cells)
	}
}

func TestCoverageOf_PutuoHasNoFault(t *testing.T) {
	putuo, err := grid.Putuo()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range grid.CheckAreas(putuo) {
		if f.Fault {
			t.Errorf("finding %+v", f)
		}
	}
	c, err := grid.CoverageOf(putuo)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, a := range c.Areas {
		n += a.Cells[10]
	}
	if n < 4000 || n > c.Cells[10] {
		t.Errorf("areas have %d cells, the district %d", n, c.Cells[10])
	}
}

func TestWriteAreas_IsReadBackTheSame(t *testing.T) {
	putuo, err := grid.Putuo()
	if err != nil {
		t.Fatal(err)
	}
	text, err := grid.WriteAreas(putuo)
	if err != nil {
		t.Fatal(err)
	}
	again, err := grid.ReadAreas(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(putuo.All(), again.All()); diff != "" {
		t.Errorf("areas (-written +read):\n%s", diff)
	}
	if putuo.Note() != again.Note() || putuo.District() != again.District() {
		t.Errorf("note became %v, the name %v", again.Note(), again.District())
	}
}
