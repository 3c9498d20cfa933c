package spatial_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
	gonum "gonum.org/v1/gonum/stat/spatial"
	"pgregory.net/rapid"

	"github.com/urbangrid/urbangrid/analytics/lattice"
	"github.com/urbangrid/urbangrid/analytics/spatial"
	"github.com/urbangrid/urbangrid/grid"
)

// around returns the cells within distance k of one in Shanghai.
func around(t testing.TB, k int) []grid.Cell {
	t.Helper()
	center, err := grid.CellAt(grid.Point{LatDegrees: 31.25, LonDegrees: 121.4}, grid.Resolution)
	if err != nil {
		t.Fatal(err)
	}
	rings, err := center.Disk(k)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Concat(rings...)
}

func area(t testing.TB, cells []grid.Cell, k int) *spatial.Graph {
	t.Helper()
	l, err := lattice.New(cells, k)
	if err != nil {
		t.Fatal(err)
	}
	return disks(t, l, k)
}

// published is the small case of esda's tests/test_getisord.py: the points (10,10),
// (20,10), (40,10), (15,20), (30,20), (30,30), neighbours within 15.
func published(t *testing.T) (*spatial.Graph, []float64) {
	t.Helper()
	g := must[*spatial.Graph](t)(spatial.NewGraph([][]int{{1, 3}, {0, 3, 4}, {4}, {0, 1, 4}, {1, 2, 3, 5}, {4}}))
	return g, []float64{2, 3, 3.2, 5, 8, 7}
}

func TestGetisOrd_MatchesThePublishedCase(t *testing.T) {
	g, y := published(t)
	digits := func(what string, got, want []float64) {
		t.Helper()
		for i := range want {
			if math.Abs(got[i]-want[i]) > 6e-9 {
				t.Errorf("%s of place %d is %.8f, want %.8f", what, i, got[i], want[i])
			}
		}
	}
	digits("Gi*", must[spatial.Scores](t)(g.GiStar(y)).Z, []float64{-1.39727626, -0.28917762, 0.65064964, -0.28917762, 1.23452088, 2.02424331})
	digits("Gi", must[spatial.Scores](t)(g.Gi(y)).Z, []float64{-1.0136729, -0.04361589, 1.31558703, -0.31412676, 1.15373986, 1.77833941})
	general := must[spatial.Global](t)(g.GeneralG(y))
	digits("general G", []float64{general.Value}, []float64{0.55709779})
	if math.Abs(general.P/2-0.172936) > 1e-6 {
		t.Errorf("one-sided p of general G is %v, want 0.172936", general.P/2)
	}
}

func TestGiStar_AgreesWithGonum(t *testing.T) {
	cells := around(t, 4)
	g := area(t, cells, 1)
	l := must[*lattice.Lattice](t)(lattice.New(cells, 1))
	locality := mat.NewDense(l.Len(), l.Len(), nil)
	for i := range l.Len() {
		for _, j := range l.Disk(i, 1) {
			locality.Set(i, int(j), 1)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.SliceOfN(rapid.Float64Range(0, 50), l.Len(), l.Len()).Draw(t, "x")
		got, err := g.GiStar(x)
		if err != nil {
			t.Fatal(err)
		}
		if slices.Max(x)-slices.Min(x) < 1e-6 {
			return // gonum has no word for a constant field
		}
		for i, z := range got.Z {
			if want := gonum.GetisOrdGStar(i, x, nil, locality); math.Abs(z-want) > 1e-7*max(1, math.Abs(want)) {
				t.Fatalf("z of place %d is %v, gonum says %v", i, z, want)
			}
		}
	})
}

func TestScores_DoNotDependOnScaleOrOrder(t *testing.T) {
	const places = 12
	rapid.Check(t, func(t *rapid.T) {
		edges := rapid.SliceOfN(rapid.Bool(), places*places, places*places).Draw(t, "edges")
		counts := rapid.SliceOfN(rapid.IntRange(0, 30), places, places).Draw(t, "x")
		order := rapid.Permutation([]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}).Draw(t, "order")
		scale := rapid.Float64Range(0.5, 20).Draw(t, "scale")
		shift := rapid.Float64Range(-50, 50).Draw(t, "shift")

		near, renamed := make([][]int, places), make([][]int, places)
		x, moved := make([]float64, places), make([]float64, places)
		for i := range places {
			x[i] = float64(counts[i])
			moved[order[i]] = x[i]*scale + shift
			for j := range i {
				if edges[i*places+j] {
					near[i], near[j] = append(near[i], j), append(near[j], i)
					renamed[order[i]] = append(renamed[order[i]], order[j])
					renamed[order[j]] = append(renamed[order[j]], order[i])
				}
			}
		}
		a, err := spatial.NewGraph(near)
		if err != nil {
			t.Fatal(err)
		}
		b, err := spatial.NewGraph(renamed)
		if err != nil {
			t.Fatal(err)
		}
		for name, method := range map[string]func(*spatial.Graph, []float64) (spatial.Scores, error){
			"Gi*": (*spatial.Graph).GiStar,
			"Gi":  (*spatial.Graph).Gi,
		} {
			first, err := method(a, x)
			if err != nil {
				t.Fatal(err)
			}
			second, err := method(b, moved)
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range first.Z {
				got := second.Z[order[i]]
				// Where scaling leaves rounding in a field without the place that is
				// constant, there may be a score or none.
				if math.IsNaN(want) && name == "Gi" {
					continue
				}
				if math.IsNaN(got) != math.IsNaN(want) || math.Abs(got-want) > 1e-6*max(1, math.Abs(want)) {
					t.Fatalf("%s of place %d is %v, renamed and scaled %v", name, i, want, got)
				}
			}
		}
	})
}

func TestScores_AreNoneWhereThereIsNoAnswer(t *testing.T) {
	clique := must[*spatial.Graph](t)(spatial.NewGraph([][]int{{1, 2, 3}, {0, 2, 3}, {0, 1, 3}, {0, 1, 2}}))
	pairAndIsland := must[*spatial.Graph](t)(spatial.NewGraph([][]int{{1}, {0}, {}, {}, {}}))
	for _, test := range []struct {
		name         string
		graph        *spatial.Graph
		x            []float64
		star, gi, li []bool // whether there is a score
	}{
		{"a constant field that sums with rounding", pairAndIsland, []float64{0.1, 0.1, 0.1, 0.1, 0.1}, make([]bool, 5), make([]bool, 5), make([]bool, 5)},
		{"everybody near everybody", clique, []float64{1, 2, 3, 5}, make([]bool, 4), make([]bool, 4), make([]bool, 4)},
		{"islands have Gi* alone", pairAndIsland, []float64{1, 4, 2, 9, 3}, []bool{true, true, true, true, true}, []bool{true, true, false, false, false}, []bool{true, true, false, false, false}},
		{"a lone spike has Gi* alone", pairAndIsland, []float64{7, 0.1, 0.1, 0.1, 0.1}, []bool{true, true, true, true, true}, []bool{false, true, false, false, false}, []bool{false, true, false, false, false}},
		{"a missing value", pairAndIsland, []float64{1, 2, math.NaN(), 4, 5}, make([]bool, 5), make([]bool, 5), make([]bool, 5)},
	} {
		t.Run(test.name, func(t *testing.T) {
			star := must[spatial.Scores](t)(test.graph.GiStar(test.x))
			gi := must[spatial.Scores](t)(test.graph.Gi(test.x))
			local := must[spatial.LocalMoran](t)(test.graph.LocalMoran(test.x))
			for what, s := range map[string]struct {
				spatial.Scores
				want []bool
			}{"Gi*": {star, test.star}, "Gi": {gi, test.gi}, "local I": {local.Scores, test.li}} {
				for i, want := range s.want {
					scored := !math.IsNaN(s.Z[i]) && !math.IsInf(s.Z[i], 0)
					if scored != want || math.IsNaN(s.P[i]) == want {
						t.Errorf("%s of place %d is %v with p %v, want a score: %v", what, i, s.Z[i], s.P[i], want)
					}
				}
			}
		})
	}
}

func TestStatistics_RefuseWhatDoesNotFit(t *testing.T) {
	g, y := published(t)
	if _, err := g.GeneralG([]float64{1, 2, 3, -4, 5, 6}); !errors.Is(err, spatial.ErrValues) {
		t.Errorf("general G of a negative value: %v, want ErrValues", err)
	}
	short := y[:5]
	for name, ask := range map[string]func() error{
		"GiStar":      func() error { _, err := g.GiStar(short); return err },
		"Gi":          func() error { _, err := g.Gi(short); return err },
		"Conditional": func() error { _, err := g.Conditional(short); return err },
		"Permute":     func() error { _, err := g.Permute(t.Context(), short, 9, 1); return err },
		"Moran":       func() error { _, err := g.Moran(short); return err },
		"LocalMoran":  func() error { _, err := g.LocalMoran(short); return err },
		"GeneralG":    func() error { _, err := g.GeneralG(short); return err },
		"Emerging": func() error {
			_, err := g.Emerging(slices.Repeat([][]float64{short}, 10), spatial.EmergingOptions{})
			return err
		},
	} {
		if err := ask(); !errors.Is(err, spatial.ErrValues) {
			t.Errorf("%s of five values for six places: %v, want ErrValues", name, err)
		}
	}
	if _, err := g.Emerging(slices.Repeat([][]float64{y}, 9), spatial.EmergingOptions{}); !errors.Is(err, spatial.ErrShort) {
		t.Errorf("emerging hot spots of nine steps: %v, want ErrShort", err)
	}
	for name, near := range map[string][][]int{
		"not mutual": {{1}, {}}, "itself": {{0}}, "twice": {{1, 1}, {0}}, "out of range": {{1}},
	} {
		if _, err := spatial.NewGraph(near); err == nil {
			t.Errorf("a graph with a neighbour that is %s: no error", name)
		}
	}
}

func TestPermute_IsTheSameForASeedAndEndsWithItsContext(t *testing.T) {
	g, y := published(t)
	first := must[spatial.Permuted](t)(g.Permute(t.Context(), y, 199, 7))
	second := must[spatial.Permuted](t)(g.Permute(t.Context(), y, 199, 7))
	if !slices.Equal(first.P, second.P) {
		t.Errorf("seed 7 gives %v and then %v", first.P, second.P)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := g.Permute(ctx, y, 199, 7); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that has ended: %v", err)
	}
}

func TestPermute_ConvergesToEveryDraw(t *testing.T) {
	// Place 2 has one neighbour, of value 8, out of 2, 3, 5, 8 and 7: one in five draws
	// is as high, each is as low.
	g, y := published(t)
	got := must[spatial.Permuted](t)(g.Permute(t.Context(), y, 20_000, 3))
	if math.Abs(got.Upper[2]-0.2) > 0.015 || got.Lower[2] != 1 || math.Abs(got.P[2]-0.4) > 0.03 {
		t.Errorf("p of place 2 is %v upper, %v lower, %v two-sided, want 0.2, 1, 0.4", got.Upper[2], got.Lower[2], got.P[2])
	}
	flat := must[spatial.Permuted](t)(g.Permute(t.Context(), []float64{0.1, 0.1, 0.1, 0.1, 0.1, 0.1}, 99, 3))
	for i, p := range flat.P {
		if p != 1 {
			t.Errorf("p of place %d in a constant field is %v, want 1", i, p)
		}
	}
}

func TestMap_ScoresFloat32AsGiStar(t *testing.T) {
	g := area(t, around(t, 8), 1)
	random := rand.New(rand.NewPCG(1, 1))
	x, narrow := make([]float64, g.Len()), make([]float32, g.Len())
	for i := range x {
		narrow[i] = float32(random.ExpFloat64() * 5)
		x[i] = float64(narrow[i])
	}
	z := make([]float32, g.Len())
	m := spatial.NewMap[float32](g)
	if !m.Score(z, narrow) {
		t.Fatal("no score")
	}
	for i, want := range must[spatial.Scores](t)(g.GiStar(x)).Z {
		if math.Abs(float64(z[i])-want) > 1e-6*max(1, math.Abs(want)) {
			t.Errorf("z of place %d is %v, want %v", i, z[i], want)
		}
	}
	if allocations := testing.AllocsPerRun(10, func() { m.Score(z, narrow) }); allocations != 0 {
		t.Errorf("a call allocates %v times", allocations)
	}
	clear(narrow)
	if m.Score(z, narrow) || !math.IsNaN(float64(z[0])) {
		t.Errorf("a constant field has the score %v", z[0])
	}
}

func TestCategorize_FollowsItsDefinitions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := rapid.SampledFrom([][]int8{{1}, {1, 1, 1, 1, 1, 1, 0}, {0, 1}, {-1, 0, 1}, {0, 0, 0, 1}, {-1}}).Draw(t, "weights")
		states := rapid.SliceOfN(rapid.SampledFrom(weights), 0, 25).Draw(t, "past")
		states = append(states, rapid.SampledFrom([]int8{-1, 0, 1}).Draw(t, "final"))
		trend := rapid.SampledFrom([]int8{-1, 0, 1}).Draw(t, "trend")
		var holds []spatial.Category
		for category, is := range definitions {
			if is(states, trend) {
				holds = append(holds, category)
			}
			if is(mirrored(states), -trend) {
				holds = append(holds, -category)
			}
		}
		got := spatial.Categorize(states, trend, false)
		switch {
		case len(holds) > 1:
			t.Fatalf("%v is %v at once", states, holds)
		case len(holds) == 1 && got != holds[0], len(holds) == 0 && got != spatial.NoPattern:
			t.Fatalf("%v with trend %d is %s, want %v", states, trend, got, holds)
		}
	})
}

// definitions are the hot categories as the text has them, each for itself, with the
// final step deciding between new and historical.
var definitions = map[spatial.Category]func(s []int8, trend int8) bool{
	spatial.NewHot: func(s []int8, _ int8) bool { return final(s) == 1 && tally(s, 1) == 1 },
	spatial.ConsecutiveHot: func(s []int8, _ int8) bool {
		first := slices.Index(s, 1)
		return first >= 0 && len(s)-first >= 2 && tally(s[first:], 1) == len(s)-first && share(s, 1) < 0.9
	},
	spatial.IntensifyingHot: func(s []int8, trend int8) bool {
		return tally(s, 1) > 1 && final(s) == 1 && share(s, 1) >= 0.9 && trend == 1
	},
	spatial.PersistentHot: func(s []int8, trend int8) bool {
		return tally(s, 1) > 1 && final(s) == 1 && share(s, 1) >= 0.9 && trend == 0
	},
	spatial.DiminishingHot: func(s []int8, trend int8) bool {
		return tally(s, 1) > 1 && final(s) == 1 && share(s, 1) >= 0.9 && trend == -1
	},
	spatial.SporadicHot: func(s []int8, _ int8) bool {
		return final(s) == 1 && gap(s) && share(s, 1) < 0.9 && tally(s, -1) == 0
	},
	spatial.OscillatingHot: func(s []int8, _ int8) bool {
		return final(s) == 1 && gap(s) && share(s, 1) < 0.9 && tally(s, -1) > 0
	},
	spatial.HistoricalHot: func(s []int8, _ int8) bool { return final(s) == 0 && share(s, 1) >= 0.9 },
}

func final(s []int8) int8 { return s[len(s)-1] }

// gap is whether a hot step is followed by one that is not.
func gap(s []int8) bool {
	first := slices.Index(s, 1)
	return first >= 0 && tally(s[first:], 1) < len(s)-first
}

func tally(s []int8, state int8) int {
	n := 0
	for _, v := range s {
		if v == state {
			n++
		}
	}
	return n
}

func share(s []int8, state int8) float64 { return float64(tally(s, state)) / float64(len(s)) }

func mirrored(s []int8) []int8 {
	out := make([]int8, len(s))
	for i, v := range s {
		out[i] = -v
	}
	return out
}

func TestCategory_NamesAreDistinct(t *testing.T) {
	seen := map[string]bool{}
	for c := spatial.HistoricalCold; c <= spatial.HistoricalHot; c++ {
		seen[c.String()] = true
	}
	if len(seen) != 17 || !seen["no_pattern"] || !seen["new_hot"] || !seen["historical_cold"] {
		t.Errorf("%d names: %v, want 17", len(seen), seen)
	}
}

func TestEmerging_OfAConstantCubeHasNoPattern(t *testing.T) {
	g := area(t, around(t, 2), 1)
	e := must[*spatial.Emerging](t)(g.Emerging(slices.Repeat([][]float64{slices.Repeat([]float64{0.1}, g.Len())}, 12), spatial.EmergingOptions{}))
	for i, c := range e.Category {
		if c != spatial.NoPattern || !math.IsNaN(e.Z[11][i]) || e.Bin[11][i] != 0 || e.Trend[i].P == 0 {
			t.Errorf("place %d: %s, z %v, bin %d, trend %+v", i, c, e.Z[11][i], e.Bin[11][i], e.Trend[i])
		}
	}
}

func TestEmerging_WithoutPrecedingStepsIsGiStarOfTheWholeCube(t *testing.T) {
	g := area(t, around(t, 2), 1)
	random := rand.New(rand.NewPCG(4, 2))
	const steps = 10
	cube := make([][]float64, steps)
	var flat []float64
	var near [][]int
	for step := range cube {
		for range g.Len() {
			cube[step] = append(cube[step], random.Float64())
		}
		flat = append(flat, cube[step]...)
		l := must[*lattice.Lattice](t)(lattice.New(around(t, 2), 1))
		for i := range l.Len() {
			var in []int
			for _, j := range l.Ring(i, 1) {
				in = append(in, step*g.Len()+int(j))
			}
			near = append(near, in)
		}
	}
	want := must[spatial.Scores](t)(must[*spatial.Graph](t)(spatial.NewGraph(near)).GiStar(flat))
	e := must[*spatial.Emerging](t)(g.Emerging(cube, spatial.EmergingOptions{Preceding: -1}))
	same(t, "z", slices.Concat(e.Z...), want.Z)
}

func TestSmooth_KeepsTheTotal(t *testing.T) {
	l := must[*lattice.Lattice](t)(lattice.New(around(t, 3), 2))
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.SliceOfN(rapid.Float64Range(0, 100), l.Len(), l.Len()).Draw(t, "x")
		weights := rapid.SliceOfN(rapid.Float64Range(0.01, 5), 1, 3).Draw(t, "weights")
		smooth, err := spatial.Smooth(l, x, weights)
		if err != nil {
			t.Fatal(err)
		}
		before, after := 0.0, 0.0
		for i := range x {
			before, after = before+x[i], after+smooth[i]
			if len(weights) == 1 && math.Abs(smooth[i]-x[i]) > 1e-12*x[i] {
				t.Errorf("with a weight for the cell alone %v becomes %v", x[i], smooth[i])
			}
		}
		if math.Abs(before-after) > 1e-9*before {
			t.Errorf("%v spread with weights %v is %v", before, weights, after)
		}
	})
	for _, weights := range [][]float64{nil, {0, 1}, {1, -1}, {1, 1, 1, 1}, {math.NaN()}} {
		if _, err := spatial.Smooth(l, make([]float64, l.Len()), weights); err == nil {
			t.Errorf("weights %v: no error", weights)
		}
	}
}

func TestKernels_HoldOneEvent(t *testing.T) {
	for name, kernel := range map[string]spatial.Kernel{"Gaussian": spatial.Gaussian, "quartic": spatial.Quartic} {
		total := 0.0
		const step, bandwidth = 0.5, 50.0
		for r := step / 2; r < 6*bandwidth; r += step {
			total += kernel(r, bandwidth) * 2 * math.Pi * r * step
		}
		if math.Abs(total-1) > 1e-4 {
			t.Errorf("the %s kernel holds %v events", name, total)
		}
	}
	if _, err := spatial.NewSilverman([]spatial.Point{{X: 1, Y: 2}, {X: 2, Y: 4.1}, {X: 3, Y: 6.2}}); !errors.Is(err, spatial.ErrValues) {
		t.Errorf("three events on a line: %v, want ErrValues", err)
	}
}
