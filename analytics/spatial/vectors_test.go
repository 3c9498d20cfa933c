package spatial_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/urbangrid/urbangrid/analytics/fdr"
	"github.com/urbangrid/urbangrid/analytics/lattice"
	"github.com/urbangrid/urbangrid/analytics/spatial"
	"github.com/urbangrid/urbangrid/grid"
)

// numbers are NaN where a reference file has null.
type numbers []float64

func (n *numbers) UnmarshalJSON(b []byte) error {
	var raw []*float64
	if err := json.Unmarshal(b, &raw); err != nil {
		return err
	}
	*n = make(numbers, len(raw))
	for i, v := range raw {
		(*n)[i] = math.NaN()
		if v != nil {
			(*n)[i] = *v
		}
	}
	return nil
}

func read(t testing.TB, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// studyArea is a lattice of testdata/gistar_h3.json, its values in its own order.
type studyArea struct {
	Name  string   `json:"name"`
	Cells []string `json:"cells"`
	Y     numbers  `json:"y"`
	Near1 [][]int  `json:"neighbors_k1"`
}

type scores struct {
	Z   numbers `json:"z"`
	P   numbers `json:"p_two_sided_normal"`
	BH  numbers `json:"p_bh_two_sided"`
	W   numbers `json:"W"`
	Sum numbers `json:"lag_sum_including_self"`
}

type global struct {
	I       *float64 `json:"I"`
	EI      float64  `json:"EI"`
	VI      float64  `json:"VI_rand"`
	ZI      float64  `json:"z_rand"`
	PI      float64  `json:"p_rand_two_sided"`
	G       *float64 `json:"G"`
	EG      float64  `json:"EG"`
	VG      float64  `json:"VG"`
	ZG      float64  `json:"z"`
	PGUpper float64  `json:"p_one_sided"`
}

type areaResults struct {
	GiStar1 scores  `json:"gistar_k1"`
	GiStar2 scores  `json:"gistar_k2"`
	Gi1     scores  `json:"gi_nostar_k1"`
	Gi2     scores  `json:"gi_nostar_k2"`
	Moran   *global `json:"global_moran_k1_rowstd"`
	General *global `json:"getis_ord_general_G_k1_binary"`
	Local   struct {
		Quadrant []spatial.Quadrant `json:"quadrant_1HH_2LH_3LL_4HL"`
		E        numbers            `json:"EI_conditional"`
		V        numbers            `json:"VI_conditional"`
	} `json:"local_moran_k1_rowstd"`
	Exact struct {
		E  numbers `json:"E"`
		SE numbers `json:"SE"`
	} `json:"gistar_k1_conditional_moments_exact"`
	Simulated struct {
		Permutations int `json:"permutations"`
		P            struct {
			Greater numbers `json:"greater"`
		} `json:"p_sim"`
	} `json:"gistar_k1_conditional_permutation"`
	Spdep struct {
		Local struct {
			I numbers `json:"Ii"`
			E numbers `json:"E"`
			V numbers `json:"Var"`
			Z numbers `json:"Z"`
			P numbers `json:"p_two_sided"`
		} `json:"localmoran_rowstd"`
	} `json:"spdep_1.2.7"`
}

type areaCase struct {
	studyArea
	areaResults
	graph [3]*spatial.Graph // by k
	order []int             // where the values are in the graph's order
}

func areaCases(t *testing.T) []areaCase {
	t.Helper()
	var file struct {
		Lattices []studyArea            `json:"lattices"`
		Results  map[string]areaResults `json:"results"`
	}
	read(t, "gistar_h3.json", &file)
	if len(file.Lattices) < 3 {
		t.Fatalf("%d study areas", len(file.Lattices))
	}
	out := make([]areaCase, len(file.Lattices))
	for i, a := range file.Lattices {
		out[i] = areaCase{studyArea: a, areaResults: file.Results[a.Name]}
		l := latticeOf(t, a.Cells, 2)
		for k := range out[i].graph {
			out[i].graph[k] = disks(t, l, k)
		}
		for _, c := range cells(t, a.Cells) {
			at, _ := l.Index(c)
			out[i].order = append(out[i].order, at)
		}
	}
	return out
}

// ordered returns values in the order of the graph, back in that of the file.
func (c areaCase) ordered(values []float64) []float64 {
	out := make([]float64, len(values))
	for i, at := range c.order {
		out[at] = values[i]
	}
	return out
}

func (c areaCase) back(values []float64) []float64 {
	out := make([]float64, len(values))
	for i, at := range c.order {
		out[i] = values[at]
	}
	return out
}

func cells(t testing.TB, names []string) []grid.Cell {
	t.Helper()
	out := make([]grid.Cell, len(names))
	for i, name := range names {
		c, err := grid.ParseCell(name)
		if err != nil {
			t.Fatal(err)
		}
		out[i] = c
	}
	return out
}

func latticeOf(t testing.TB, names []string, rings int) *lattice.Lattice {
	t.Helper()
	l, err := lattice.New(cells(t, names), rings)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func disks(t testing.TB, l *lattice.Lattice, k int) *spatial.Graph {
	t.Helper()
	g, err := spatial.Disks(l, k)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// near compares within 1e-9 relative to the reference, and 1e-12 around 0.
func near(got, want float64) bool {
	if math.IsNaN(want) {
		return math.IsNaN(got)
	}
	return math.Abs(got-want) <= 1e-9*math.Abs(want)+1e-12
}

func same(t *testing.T, what string, got, want []float64) {
	t.Helper()
	if len(got) != len(want) || len(want) == 0 {
		t.Errorf("%s: %d values, want %d", what, len(got), len(want))
		return
	}
	for i := range want {
		if !near(got[i], want[i]) {
			t.Errorf("%s of place %d is %v, want %v", what, i, got[i], want[i])
			return
		}
	}
}

func must[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestGiStar_MatchesEsdaAndSpdep(t *testing.T) {
	for _, c := range areaCases(t) {
		t.Run(c.Name, func(t *testing.T) {
			x := c.ordered(c.Y)
			for k, want := range map[int][2]scores{1: {c.GiStar1, c.Gi1}, 2: {c.GiStar2, c.Gi2}} {
				star := must[spatial.Scores](t)(c.graph[k].GiStar(x))
				same(t, "Gi*", c.back(star.Z), want[0].Z)
				same(t, "p of Gi*", c.back(star.P), want[0].P)
				same(t, "adjusted p of Gi*", fdr.BH(c.back(star.P)), want[0].BH)
				gi := must[spatial.Scores](t)(c.graph[k].Gi(x))
				same(t, "Gi", c.back(gi.Z), want[1].Z)
			}
		})
	}
}

func TestMoran_MatchesSpdep(t *testing.T) {
	for _, c := range areaCases(t) {
		t.Run(c.Name, func(t *testing.T) {
			x := c.ordered(c.Y)
			i := must[spatial.Global](t)(c.graph[1].Moran(x))
			if want := c.Moran; want == nil {
				if !math.IsNaN(i.Z) || !math.IsNaN(i.P) {
					t.Errorf("a constant field has %+v", i)
				}
				return
			}
			same(t, "Moran's I, E, V, z, p", []float64{i.Value, i.Expected, i.Variance, i.Z, i.P},
				[]float64{*c.Moran.I, c.Moran.EI, c.Moran.VI, c.Moran.ZI, c.Moran.PI})

			local := must[spatial.LocalMoran](t)(c.graph[1].LocalMoran(x))
			same(t, "local I", c.back(local.I), c.Spdep.Local.I)
			same(t, "expected local I", c.back(local.Expected), c.Spdep.Local.E)
			same(t, "variance of local I", c.back(local.Variance), c.Spdep.Local.V)
			same(t, "z of local I", c.back(local.Z), c.Spdep.Local.Z)
			same(t, "p of local I", c.back(local.P), c.Spdep.Local.P)
			same(t, "expected local I of esda", c.back(local.Expected), c.Local.E)
			same(t, "variance of local I of esda", c.back(local.Variance), c.Local.V)
			for i, at := range c.order {
				if got := local.Quadrant[at]; got != c.Local.Quadrant[i] {
					t.Errorf("quadrant of place %d is %d, want %d", i, got, c.Local.Quadrant[i])
				}
			}
		})
	}
}

func TestGeneralG_MatchesEsda(t *testing.T) {
	for _, c := range areaCases(t) {
		t.Run(c.Name, func(t *testing.T) {
			g := must[spatial.Global](t)(c.graph[1].GeneralG(c.ordered(c.Y)))
			if want := c.General; want == nil {
				if !math.IsNaN(g.Z) {
					t.Errorf("a constant field has %+v", g)
				}
				return
			}
			same(t, "general G, E, V, z, p", []float64{g.Value, g.Expected, g.Variance, g.Z, g.P},
				[]float64{*c.General.G, c.General.EG, c.General.VG, c.General.ZG, 2 * c.General.PGUpper})
		})
	}
}

func TestConditional_MatchesTheExactMoments(t *testing.T) {
	checked := 0
	for _, c := range areaCases(t) {
		if c.Exact.E == nil {
			continue
		}
		checked++
		got := must[spatial.Conditional](t)(c.graph[1].Conditional(c.ordered(c.Y)))
		same(t, c.Name+": mean of G*", c.back(got.Mean), c.Exact.E)
		same(t, c.Name+": SD of G*", c.back(got.SD), c.Exact.SE)
		for i, at := range c.order {
			if want := (got.G[at] - got.Mean[at]) / got.SD[at]; !near(got.Z[at], want) {
				t.Errorf("z of place %d is %v, want %v", i, got.Z[at], want)
			}
		}
	}
	if checked == 0 {
		t.Fatal("nothing to compare with")
	}
}

func TestPermute_AgreesWithEsda(t *testing.T) {
	checked := 0
	for _, c := range areaCases(t) {
		if c.Simulated.P.Greater == nil {
			continue
		}
		checked++
		rounds := c.Simulated.Permutations
		got := must[spatial.Permuted](t)(c.graph[1].Permute(t.Context(), c.ordered(c.Y), rounds, 1))
		for i, p := range c.back(got.Upper) {
			// Both are simulations: the difference of two has twice the variance.
			want := c.Simulated.P.Greater[i]
			q := max((p+want)/2, 1/float64(rounds))
			if tolerance := 5 * math.Sqrt(2*q*(1-q)/float64(rounds)); math.Abs(p-want) > tolerance+1e-12 {
				t.Errorf("upper p of place %d is %v, want %v ± %v", i, p, want, tolerance)
			}
		}
	}
	if checked == 0 {
		t.Fatal("nothing to compare with")
	}
}

type ehsaFile struct {
	Counts [][]float64 `json:"counts"`
	Z      []numbers   `json:"z"`
	Q      []numbers   `json:"q_bh"`
	State  [][]int8    `json:"state"`
	Bin    [][]int8    `json:"hs_bin"`
	Trend  []struct {
		S, Z, P, Tau float64
	} `json:"mann_kendall"`
	Category []string `json:"category"`
	Rules    []struct {
		Name       string  `json:"name"`
		State      []int8  `json:"state"`
		Z          float64 `json:"mk_z"`
		P          float64 `json:"mk_p"`
		Want       string  `json:"expected"`
		WantIfEver string  `json:"expected_if_sporadic_any_time"`
	} `json:"rule_cases"`
}

func TestEmerging_MatchesTheReference(t *testing.T) {
	var file ehsaFile
	read(t, "ehsa.json", &file)
	c := areaCases(t)[0] // the cube lies on A_small_61
	cube := make([][]float64, len(file.Counts))
	for step, values := range file.Counts {
		cube[step] = c.ordered(values)
	}
	e := must[*spatial.Emerging](t)(c.graph[1].Emerging(cube, spatial.EmergingOptions{}))
	for step := range cube {
		for i, at := range c.order {
			// The file has twelve digits of z.
			if got, want := e.Z[step][at], file.Z[step][i]; math.Abs(got-want) > 1e-9*math.Abs(want)+1e-11 {
				t.Fatalf("z of step %d, place %d is %v, want %v", step, i, got, want)
			}
			if got, want := e.Q[step][at], file.Q[step][i]; !near(got, want) {
				t.Fatalf("q of step %d, place %d is %v, want %v", step, i, got, want)
			}
			if e.State[step][at] != file.State[step][i] || e.Bin[step][at] != file.Bin[step][i] {
				t.Fatalf("step %d, place %d is %d in bin %d, want %d in %d", step, i, e.State[step][at], e.Bin[step][at], file.State[step][i], file.Bin[step][i])
			}
		}
	}
	for i, at := range c.order {
		k, want := e.Trend[at], file.Trend[i]
		same(t, "S, z, p, tau", []float64{k.S, k.Z, k.P, k.Tau}, []float64{want.S, want.Z, want.P, want.Tau})
		if got := e.Category[at].String(); got != file.Category[i] {
			t.Errorf("place %d is %s, want %s", i, got, file.Category[i])
		}
	}
}

func TestCategorize_DecidesTheRuleCases(t *testing.T) {
	var file ehsaFile
	read(t, "ehsa.json", &file)
	if len(file.Rules) == 0 {
		t.Fatal("no rule cases")
	}
	for _, r := range file.Rules {
		var trend int8
		if r.P < 0.05 {
			trend = int8(math.Copysign(1, r.Z))
		}
		if got := spatial.Categorize(r.State, trend, false).String(); got != r.Want {
			t.Errorf("%s: %s, want %s", r.Name, got, r.Want)
		}
		if got := spatial.Categorize(r.State, trend, true).String(); got != r.WantIfEver {
			t.Errorf("%s, sporadic ever: %s, want %s", r.Name, got, r.WantIfEver)
		}
		// The mirror image is the twin.
		mirror := slices.Clone(r.State)
		for i := range mirror {
			mirror[i] = -mirror[i]
		}
		if got, want := spatial.Categorize(mirror, -trend, false), -spatial.Categorize(r.State, trend, false); got != want {
			t.Errorf("%s, mirrored: %s, want %s", r.Name, got, want)
		}
	}
}

func TestDensity_MatchesTheFormulasAndScipy(t *testing.T) {
	type at struct{ X, Y float64 }
	var file struct {
		Points    [][2]float64 `json:"points"`
		Bandwidth float64      `json:"bandwidth_m"`
		Grid      []struct {
			at
			Gaussian float64 `json:"gaussian_density"`
			Quartic  float64 `json:"quartic_density"`
		} `json:"grid"`
		Silverman struct {
			Values []struct {
				at
				Density float64 `json:"density"`
			} `json:"values"`
		} `json:"scipy_gaussian_kde_silverman"`
		Radius struct{ H float64 } `json:"arcgis_default_search_radius"`
	}
	read(t, "kde.json", &file)
	events := make([]spatial.Point, len(file.Points))
	for i, p := range file.Points {
		events[i] = spatial.Point{X: p[0], Y: p[1]}
	}
	if len(file.Grid) == 0 || len(file.Silverman.Values) == 0 {
		t.Fatal("nothing to compare with")
	}
	relative := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-9*want {
			t.Errorf("%s is %v, want %v", what, got, want)
		}
	}
	for _, v := range file.Grid {
		relative("Gaussian", spatial.Density(events, spatial.Gaussian, file.Bandwidth, spatial.Point(v.at)), v.Gaussian)
		relative("quartic", spatial.Density(events, spatial.Quartic, file.Bandwidth, spatial.Point(v.at)), v.Quartic)
	}
	silverman := must[*spatial.Silverman](t)(spatial.NewSilverman(events))
	for _, v := range file.Silverman.Values {
		relative("Silverman's", silverman.Density(spatial.Point(v.at)), v.Density)
	}
	relative("search radius", spatial.SearchRadius(events), file.Radius.H)
}
