package grid_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

func putuo(t testing.TB) *grid.Areas {
	t.Helper()
	a, err := grid.Putuo()
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func readAreas(t testing.TB, geojson string) *grid.Areas {
	t.Helper()
	a, err := grid.ReadAreas(strings.NewReader(geojson))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// feature writes a square of the given side as a GeoJSON feature.
func feature(code, parent string, south, west, side float64) string {
	return fmt.Sprintf(`{"type":"Feature","properties":{"code":%q,"name":"区","parent":%q},"geometry":{"type":"Polygon","coordinates":[%s]}}`,
		code, parent, square(south, west, side))
}

func square(south, west, side float64) string {
	return fmt.Sprintf("[[%[1]v,%[2]v],[%[3]v,%[2]v],[%[3]v,%[4]v],[%[1]v,%[4]v],[%[1]v,%[2]v]]", west, south, west+side, south+side)
}

func collection(features ...string) string {
	return `{"type":"FeatureCollection","features":[` + strings.Join(features, ",") + `]}`
}

func TestPutuo_HasTheTenRealSubdistricts(t *testing.T) {
	want := map[grid.AreaCode]string{
		"310107005": "曹杨新村街道", "310107014": "长风新村街道", "310107015": "长寿路街道",
		"310107016": "甘泉路街道", "310107017": "石泉路街道", "310107020": "宜川路街道",
		"310107021": "万里街道", "310107022": "真如镇街道", "310107102": "长征镇", "310107103": "桃浦镇",
	}
	a := putuo(t)
	for _, area := range a.All() {
		if want[area.Code] != area.Names.ZH {
			t.Errorf("%s is called %q, want %q", area.Code, area.Names.ZH, want[area.Code])
		}
		delete(want, area.Code)
		if got := a.At(area.Label); got != area.Code {
			t.Errorf("the label of %s lies in %q", area.Code, got)
		}
		if area.Names.EN == area.Names.ZH || area.Names.EN == "" {
			t.Errorf("%s has no English name", area.Code)
		}
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
	if d := a.District(); d.ZH != "普陀区" || d.EN != "Putuo District" {
		t.Errorf("the district is called %v", d)
	}
	if note := a.Note(); !strings.Contains(note.ZH, "大致") || !strings.Contains(note.EN, "roughly") {
		t.Errorf("the note does not say that boundaries are approximate: %v", note)
	}
}

// Areas tile the district when each edge has a twin in the opposite direction,
// but for those of the outline, and the outline is one ring with the area of
// all of them together.
func TestPutuo_HasNeitherGapsNorOverlaps(t *testing.T) {
	type edge struct{ from, to grid.Point }
	edges := make(map[edge]grid.AreaCode)
	total := 0.0
	for _, area := range putuo(t).All() {
		total += area.AreaSquareMeters
		if len(area.Polygons) != 1 || len(area.Polygons[0]) != 1 {
			t.Fatalf("%s is not one ring", area.Code)
		}
		ring := area.Polygons[0][0]
		if selfIntersects(ring) {
			t.Errorf("the ring of %s crosses itself", area.Code)
		}
		for i, p := range ring {
			e := edge{p, ring[(i+1)%len(ring)]}
			if other, twice := edges[e]; twice {
				t.Errorf("%s and %s lie on the same side of %v", area.Code, other, e)
			}
			edges[e] = area.Code
		}
	}
	next := make(map[grid.Point]grid.Point)
	for e := range edges {
		if _, twin := edges[edge{e.to, e.from}]; !twin {
			next[e.from] = e.to
		}
	}
	var start grid.Point
	for start = range next {
		break
	}
	outline := grid.Ring{start}
	for p := next[start]; p != start && len(outline) <= len(next); p = next[p] {
		outline = append(outline, p)
	}
	if len(outline) != len(next) {
		t.Fatalf("outline is not one ring: %d of %d edges", len(outline), len(next))
	}
	if selfIntersects(outline) {
		t.Error("the outline crosses itself")
	}
	if got := ringSquareMeters(outline); math.Abs(got-total) > 1 {
		t.Errorf("outline has %.0f m², the areas together %.0f m²", got, total)
	}
	if total < 53e6 || total > 58e6 {
		t.Errorf("district has %.1f km², want about 55", total/1e6)
	}
}

func ringSquareMeters(r grid.Ring) float64 {
	sum := 0.0
	for i, a := range r {
		b := r[(i+1)%len(r)]
		sum += (b.LonDegrees - a.LonDegrees) * math.Pi / 180 *
			(math.Sin(a.LatDegrees*math.Pi/180) + math.Sin(b.LatDegrees*math.Pi/180))
	}
	return math.Abs(sum) * 6_371_008.8 * 6_371_008.8 / 2
}

func selfIntersects(r grid.Ring) bool {
	side := func(a, b, c grid.Point) bool {
		return (b.LonDegrees-a.LonDegrees)*(c.LatDegrees-a.LatDegrees) > (b.LatDegrees-a.LatDegrees)*(c.LonDegrees-a.LonDegrees)
	}
	n := len(r)
	for i := range n {
		for j := i + 2; j < n; j++ {
			if i == 0 && j == n-1 {
				continue
			}
			a, b, c, d := r[i], r[(i+1)%n], r[j], r[(j+1)%n]
			if side(a, b, c) != side(a, b, d) && side(c, d, a) != side(c, d, b) {
				return true
			}
		}
	}
	return false
}

func TestAreas_CellsCoverTheDistrict(t *testing.T) {
	a := putuo(t)
	cells, err := a.Cells(grid.Resolution)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(cells); n < 4_500 || n > 5_200 {
		t.Errorf("district has %d cells, want 4,500 to 5,200", n)
	}
	if !slices.IsSorted(cells) || len(slices.Compact(slices.Clone(cells))) != len(cells) {
		t.Error("cells are not sorted and unique")
	}
	for range 20_000 {
		p := randomPoint()
		cell, err := grid.CellAt(p, grid.Resolution)
		if err != nil {
			t.Fatal(err)
		}
		if _, found := slices.BinarySearch(cells, cell); !found && a.At(p) != "" {
			t.Fatalf("%v lies in %s, its cell %s not in the district", p, a.At(p), cell)
		}
	}
	for _, res := range grid.DisplayResolutions {
		coarse, err := a.Cells(res)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range cells {
			p, err := c.Parent(res)
			if err != nil {
				t.Fatal(err)
			}
			if _, found := slices.BinarySearch(coarse, p); !found {
				t.Fatalf("parent %s at resolution %d is missing", p, res)
			}
		}
	}
	if _, err := a.Cells(grid.Resolution + 1); err == nil {
		t.Error("cells finer than the base resolution: no error")
	}
}

// randomPoint lies in and around Putuo.
func randomPoint() grid.Point {
	return grid.Point{LatDegrees: 31.21 + rand.Float64()*0.11, LonDegrees: 121.33 + rand.Float64()*0.12}
}

func TestAreas_AtIsExactNearBoundaries(t *testing.T) {
	a := putuo(t)
	all := a.All()
	check := func(p grid.Point) {
		t.Helper()
		var want grid.AreaCode
		n := 0
		for _, area := range all {
			if winds(area.Polygons[0][0], p) {
				want = area.Code
				n++
			}
		}
		if n > 1 {
			t.Fatalf("%v lies in %d areas", p, n)
		}
		if got := a.At(p); got != want {
			t.Fatalf("At(%v) = %q, want %q", p, got, want)
		}
	}
	for range 20_000 {
		check(randomPoint())
	}
	for _, area := range all {
		ring := area.Polygons[0][0]
		for i, p := range ring {
			q := ring[(i+1)%len(ring)]
			for range 50 {
				f := rand.Float64()
				check(grid.Point{
					LatDegrees: p.LatDegrees + f*(q.LatDegrees-p.LatDegrees) + rand.NormFloat64()*1e-5,
					LonDegrees: p.LonDegrees + f*(q.LonDegrees-p.LonDegrees) + rand.NormFloat64()*1e-5,
				})
			}
		}
	}
}

// winds is the winding number test: another method than the one under test.
func winds(r grid.Ring, p grid.Point) bool {
	sum := 0.0
	for i, a := range r {
		b := r[(i+1)%len(r)]
		ax, ay := a.LonDegrees-p.LonDegrees, a.LatDegrees-p.LatDegrees
		bx, by := b.LonDegrees-p.LonDegrees, b.LatDegrees-p.LatDegrees
		sum += math.Atan2(ax*by-ay*bx, ax*bx+ay*by)
	}
	return math.Abs(sum) > math.Pi
}

func TestAreas_PointOnASharedCornerBelongsToOneArea(t *testing.T) {
	a := readAreas(t, collection(
		feature("sw", "", 31, 121, 0.5), feature("se", "", 31, 121.5, 0.5),
		feature("nw", "", 31.5, 121, 0.5), feature("ne", "", 31.5, 121.5, 0.5)))
	for _, p := range []grid.Point{{31.5, 121.5}, {31.5, 121.2}, {31.2, 121.5}} {
		if a.At(p) == "" {
			t.Errorf("%v lies in no area", p)
		}
	}
}

func TestAreas_InnermostWins(t *testing.T) {
	a := readAreas(t, collection(
		feature("district", "", 31, 121, 1),
		feature("street", "district", 31.1, 121.1, 0.5),
		feature("grid", "street", 31.2, 121.2, 0.2)))
	for p, want := range map[grid.Point]grid.AreaCode{
		{31.25, 121.25}: "grid",
		{31.15, 121.15}: "street",
		{31.05, 121.05}: "district",
		{32.05, 121.05}: "",
	} {
		if got := a.At(p); got != want {
			t.Errorf("At(%v) = %q, want %q", p, got, want)
		}
	}
}

func TestReadAreas_HolesAndMultiPolygons(t *testing.T) {
	a := readAreas(t, collection(fmt.Sprintf(
		`{"type":"Feature","properties":{"code":"m","name":"区"},"geometry":{"type":"MultiPolygon","coordinates":[[%s,%s],[%s]]}}`,
		square(31, 121, 0.01), square(31.002, 121.002, 0.005), square(31, 121.05, 0.01))))
	for p, want := range map[grid.Point]grid.AreaCode{
		{31.001, 121.001}: "m",
		{31.004, 121.004}: "",
		{31.005, 121.055}: "m",
		{31.005, 121.030}: "",
	} {
		if got := a.At(p); got != want {
			t.Errorf("At(%v) = %q, want %q", p, got, want)
		}
	}
	// Two squares of 1,112 m by 953 m, less one of 556 m by 477 m.
	if got := a.All()[0].AreaSquareMeters / 1e6; math.Abs(got-1.855) > 0.01 {
		t.Errorf("area is %.4f km², want 1.855", got)
	}
}

func TestAreas_DistrictIsWhatTheFileSaysElseTheAreaAroundAllOthers(t *testing.T) {
	district := `{"type":"Feature","properties":{"code":"310107","name":"普陀区"},"geometry":{"type":"Polygon","coordinates":[` + square(31, 121, 1) + `]}}`
	part, other := feature("310107005", "310107", 31.1, 121.1, 0.1), feature("310107014", "310107", 31.3, 121.1, 0.1)
	for name, c := range map[string]struct {
		text string
		want sensors.Names
	}{
		"the file says it":             {`{"type":"FeatureCollection","district":{"zh":"长宁区","en":"Changning"},"features":[` + district + "," + part + `]}`, sensors.Names{ZH: "长宁区", EN: "Changning"}},
		"in one language":              {`{"type":"FeatureCollection","district":{"zh":"长宁区"},"features":[` + part + `]}`, sensors.Names{ZH: "长宁区", EN: "长宁区"}},
		"one area has all others":      {collection(part, district, other), sensors.Names{ZH: "普陀区", EN: "普陀区"}},
		"the district is not drawn":    {collection(part, other), sensors.Names{}},
		"one area is no more than one": {collection(part), sensors.Names{}},
	} {
		if got := readAreas(t, c.text).District(); got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

func TestReadAreas_ConvertsTheDatumOfTheFile(t *testing.T) {
	center := grid.Point{LatDegrees: 31.25, LonDegrees: 121.40}
	shifted := grid.FromWGS84(center, sensors.GCJ02)
	text := feature("a", "", shifted.LatDegrees-0.0005, shifted.LonDegrees-0.0005, 0.001)
	a := readAreas(t, `{"type":"FeatureCollection","datum":"gcj02","features":[`+text+`]}`)
	if got := a.At(center); got != "a" {
		t.Errorf("At(center) = %q", got)
	}
}

func TestReadAreas_ReportsEveryFaultAtOnce(t *testing.T) {
	_, err := grid.ReadAreas(strings.NewReader(collection(
		`{"type":"Feature","properties":{"code":"p1","name":"区"},"geometry":{"type":"Point","coordinates":[121,31]}}`,
		`{"type":"Feature","properties":{"name":"区"},"geometry":{"type":"Polygon","coordinates":[`+square(31, 121, 1)+`]}}`,
		`{"type":"Feature","properties":{"code":"p3"},"geometry":{"type":"Polygon","coordinates":[[[121,31],[122,31],[122,32]]]}}`,
		`{"type":"Feature","properties":{"code":"p4","name":"区"},"geometry":{"type":"Polygon","coordinates":[`+square(351000, 3457000, 1000)+`]}}`,
	)))
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{`"p1"`, "Point", "feature 2", "code is missing", `"p3"`, "name is missing", "not closed", `"p4"`, "degrees"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error does not mention %q:\n%v", want, err)
		}
	}
}

func TestReadAreas_RefusesWhatCannotBeATree(t *testing.T) {
	for name, text := range map[string]string{
		"is there twice":      collection(feature("a", "", 31, 121, 1), feature("a", "", 32, 121, 1)),
		"is a part of itself": collection(feature("a", "b", 31, 121, 1), feature("b", "a", 31, 121, 1)),
		"there is no feature": collection(),
		"no surface":          collection(feature("a", "", 31, 121, 0)),
		"none of wgs84":       `{"type":"FeatureCollection","datum":"itrf","features":[]}`,
		"FeatureCollection":   `{"type":"Feature"}`,
		"something follows":   collection(feature("a", "", 31, 121, 1)) + "{}",
		"read areas":          `{`,
	} {
		if _, err := grid.ReadAreas(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got error %v", name, err)
		}
	}
}

func TestAreas_ConcurrentUse(t *testing.T) {
	a := putuo(t)
	points := make([]grid.Point, 2_000)
	want := make([]grid.AreaCode, len(points))
	for i := range points {
		points[i] = randomPoint()
		want[i] = a.At(points[i])
	}
	fresh := putuo(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i, p := range points {
				if got := fresh.At(p); got != want[i] {
					t.Errorf("At(%v) = %q, want %q", p, got, want[i])
				}
			}
			if _, err := fresh.Cells(9); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestAreas_CellsAreBounded(t *testing.T) {
	a := readAreas(t, collection(feature("half of Asia", "", 10, 60, 40)))
	if _, err := a.Cells(grid.Resolution); err == nil {
		t.Error("a district of millions of square kilometres: no error")
	}
}

func TestAreas_NilHasNone(t *testing.T) {
	var a *grid.Areas
	cells, err := a.Cells(10)
	if a.At(randomPoint()) != "" || len(a.All()) != 0 || len(cells) != 0 || err != nil {
		t.Error("nil areas are not empty")
	}
}
