package scan_test

import (
	"cmp"
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp/cmpopts"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/urbangrid/urbangrid/analytics/lattice"
	"github.com/urbangrid/urbangrid/analytics/scan"
	"github.com/urbangrid/urbangrid/grid"
)

// vectors are what scanstatistics 1.1.2 and a re-implementation in numpy found.
type vectors struct {
	Setup struct {
		Population []float64   `json:"population_per_location"`
		Baseline   []float64   `json:"eb_baseline_per_location"`
		Zones      []oneOrMany `json:"zones_1based"`
		Rings      []int       `json:"zone_k"`
		Center     []int       `json:"zone_center_1based"`
	}
	Outbreak struct {
		Counts      [][]int64 `json:"counts_time_by_location"`
		Total       int64
		Kulldorff   vectorBlock `json:"pb_poisson_kulldorff"`
		Expectation vectorBlock `json:"eb_poisson"`
		Permutation vectorBlock
		Numpy12     numpyBlock `json:"independent_numpy_pb_maxdur12"`
		Numpy6      numpyBlock `json:"independent_numpy_pb_maxdur6"`
	}
	Unit struct {
		Counts            [][]int64   `json:"counts_recent_first"`
		KulldorffBaseline [][]float64 `json:"pb_baselines"`
		Baseline          [][]float64 `json:"eb_baselines"`
		Zones             []oneOrMany
		Expected          struct{ PB, EB []unitScore }
	}
}

// oneOrMany is a list of numbers from 1, or one without brackets.
type oneOrMany []int32

func (o *oneOrMany) UnmarshalJSON(text []byte) error {
	var one int32
	if json.Unmarshal(text, &one) == nil {
		*o = oneOrMany{one - 1}
		return nil
	}
	if err := json.Unmarshal(text, (*[]int32)(o)); err != nil {
		return err
	}
	for i := range *o {
		(*o)[i]--
	}
	return nil
}

type vectorScore struct {
	Zone, Duration int
	Score          float64
	In             float64 `json:"relrisk_in"`
	Out            float64 `json:"relrisk_out"`
	Ratio          float64 `json:"relrisk"`
	Center         int     `json:"center_cell_1based"`
	K              int
	Locations      oneOrMany `json:"locations_1based"`
}

// inside is the relative risk under either name.
func (s vectorScore) inside() float64 { return s.In + s.Ratio }

type vectorBlock struct {
	MLC    vectorScore
	MLC6   vectorScore `json:"mlc_max_duration_6"`
	Strict float64     `json:"mc_p_999_scanstatistics_strict"`
	P      float64     `json:"mc_p_999_kulldorff_geq"`
	Gumbel struct {
		P    float64 `json:"pvalue"`
		Mu   float64 `json:"gumbel_mu"`
		Beta float64 `json:"gumbel_sigma"`
	}
	Quantiles map[string]float64 `json:"null_score_quantiles"`
	Top       []vectorScore      `json:"top20"`
	Checksum  struct {
		Sum      float64
		Positive int `json:"n_positive"`
		N        int
	} `json:"score_checksum"`
	Mean []float64 `json:"baselines_row1"`
}

type numpyBlock struct {
	Zone       int `json:"zone_1based"`
	Duration   int
	Score      float64 `json:"llr"`
	Replicates int     `json:"mc_replicates"`
	P          float64 `json:"p_value"`
	Critical05 float64 `json:"critical_llr_0.05"`
	Critical01 float64 `json:"critical_llr_0.01"`
	Critical1k float64 `json:"critical_llr_0.001"`
	Mu         float64 `json:"gumbel_moment_mu"`
	Beta       float64 `json:"gumbel_moment_beta"`
}

type unitScore struct {
	Duration int
	Zone     oneOrMany
	C, B     float64
	Score    float64
}

func readVectors(t *testing.T) vectors {
	t.Helper()
	var v vectors
	decodeFile(t, "testdata/scan_poisson_prospective.json", &v)
	return v
}

func decodeFile(t *testing.T, path string, to any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, to); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func (v vectors) zones(t testing.TB) *scan.Zones {
	t.Helper()
	return mustZones(t, len(v.Setup.Population), v.Setup.Zones)
}

func mustZones(t testing.TB, places int, members []oneOrMany) *scan.Zones {
	t.Helper()
	var list [][]int32
	for _, m := range members {
		list = append(list, m)
	}
	z, err := scan.NewZones(places, list)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// data are those of the outbreak for a statistic.
func (v vectors) data(s scan.Statistic) scan.Data {
	row := map[scan.Statistic][]float64{scan.ExpectationPoisson: v.Setup.Baseline, scan.Kulldorff: v.Setup.Population}[s]
	d := scan.Data{Counts: v.Outbreak.Counts}
	if row != nil {
		d.Expected = slices.Repeat([][]float64{row}, len(d.Counts))
	}
	return d
}

func (v vectors) blocks() map[scan.Statistic]vectorBlock {
	return map[scan.Statistic]vectorBlock{
		scan.ExpectationPoisson: v.Outbreak.Expectation,
		scan.Kulldorff:          v.Outbreak.Kulldorff,
		scan.Permutation:        v.Outbreak.Permutation,
	}
}

func TestDisks_AreTheZonesOfTheReference(t *testing.T) {
	v := readVectors(t)
	var field struct {
		Lattices []struct {
			Name  string
			Cells []string
		}
	}
	decodeFile(t, "../spatial/testdata/gistar_h3.json", &field)
	var cells []grid.Cell
	if len(field.Lattices) == 0 || field.Lattices[0].Name != "A_small_61" {
		t.Fatalf("the first study area of %d is another", len(field.Lattices))
	}
	for _, text := range field.Lattices[0].Cells {
		c, err := grid.ParseCell(text)
		if err != nil {
			t.Fatal(err)
		}
		cells = append(cells, c)
	}
	l, err := lattice.New(cells, 3)
	if err != nil {
		t.Fatal(err)
	}
	z, err := scan.Disks(l, 2)
	if err != nil {
		t.Fatal(err)
	}
	if z.Len() != len(v.Setup.Zones) || z.Places() != 61 {
		t.Fatalf("%d disks of %d places, want %d of 61", z.Len(), z.Places(), len(v.Setup.Zones))
	}
	var got, want [][]int32
	for i := range z.Len() {
		var zone []int32
		for _, p := range z.Members(i) {
			zone = append(zone, int32(slices.Index(cells, l.Cells()[p])))
		}
		got, want = append(got, zone), append(want, v.Setup.Zones[i])
	}
	sorted := cmpopts.SortSlices(cmp.Compare[int32])
	lists := cmpopts.SortSlices(func(a, b []int32) bool {
		return slices.Compare(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))) < 0
	})
	if diff := gocmp.Diff(want, got, sorted, lists); diff != "" {
		t.Error(diff)
	}
}

func TestVectors_EveryScore(t *testing.T) {
	v := readVectors(t)
	for statistic, block := range v.blocks() {
		s, err := scan.NewUnbounded(v.zones(t), v.data(statistic), statistic)
		if err != nil {
			t.Fatal(err)
		}
		var all []vectorScore
		var sum float64
		n := 0
		for d, row := range s.EveryScore() {
			for z, score := range row {
				n++
				if score > 0 {
					all = append(all, vectorScore{Zone: z + 1, Duration: d + 1, Score: score})
					sum += score
				}
			}
		}
		if n != block.Checksum.N || len(all) != block.Checksum.Positive || !near(sum, block.Checksum.Sum, 1e-12) {
			t.Errorf("statistic %d: %d scores, %d positive, sum %v, want %+v", statistic, n, len(all), sum, block.Checksum)
		}
		slices.SortFunc(all, func(a, b vectorScore) int { return cmp.Compare(b.Score, a.Score) })
		if len(block.Top) != 20 {
			t.Fatalf("statistic %d: the reference has a top %d", statistic, len(block.Top))
		}
		for i, want := range block.Top {
			if got := all[i]; got.Zone != want.Zone || got.Duration != want.Duration || !near(got.Score, want.Score, 1e-12) {
				t.Errorf("statistic %d, place %d: %+v, want %+v", statistic, i+1, got, want)
			}
		}
		if got := s.Highest(); got != all[0].Score {
			t.Errorf("statistic %d: a replicate with the data has %v, the data %v", statistic, got, all[0].Score)
		}
	}
}

func TestVectors_TopRatios(t *testing.T) {
	v := readVectors(t)
	for statistic, block := range v.blocks() {
		s, err := scan.NewUnbounded(v.zones(t), v.data(statistic), statistic)
		if err != nil {
			t.Fatal(err)
		}
		var total float64
		for _, row := range v.Outbreak.Counts {
			for _, c := range row {
				total += float64(c)
			}
		}
		if int64(total) != v.Outbreak.Total {
			t.Fatalf("%v events, want %d", total, v.Outbreak.Total)
		}
		for i, want := range block.Top {
			var c, b float64
			for _, p := range v.Setup.Zones[want.Zone-1] {
				for n := range want.Duration {
					c += float64(v.Outbreak.Counts[len(v.Outbreak.Counts)-1-n][p])
					b += s.Mean()[n][p]
				}
			}
			if !near(c/b, want.inside(), 1e-12) || want.Out != 0 && !near((total-c)/(total-b), want.Out, 1e-12) {
				t.Errorf("statistic %d, place %d: %v inside and %v outside, want %+v", statistic, i+1, c/b, (total-c)/(total-b), want)
			}
		}
		for p, want := range block.Mean {
			if got := s.Mean()[len(s.Mean())-1][p]; !near(got, want, 1e-12) {
				t.Errorf("place %d is expected to have %v, want %v", p, got, want)
			}
		}
	}
}

func TestVectors_TheMostLikelyCluster(t *testing.T) {
	v := readVectors(t)
	for statistic, block := range v.blocks() {
		half, err := scan.New(v.zones(t), v.data(statistic), scan.Options{Statistic: statistic})
		if err != nil {
			t.Fatal(err)
		}
		whole, err := scan.NewUnbounded(v.zones(t), v.data(statistic), statistic)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range []struct {
			scan *scan.Scan
			want vectorScore
		}{{half, block.MLC6}, {whole, block.MLC}} {
			got, want := row.scan.Clusters(1)[0], row.want
			if got.Zone+1 != want.Zone || got.Steps != want.Duration || !near(got.Score, want.Score, 1e-12) {
				t.Errorf("statistic %d: %+v, want %+v", statistic, got, want)
			}
			if !near(got.Ratio(), want.inside(), 1e-12) || want.Out != 0 && !near(got.Elsewhere, want.Out, 1e-12) {
				t.Errorf("statistic %d: %v inside and %v elsewhere, want %+v", statistic, got.Ratio(), got.Elsewhere, want)
			}
			if statistic == scan.ExpectationPoisson && got.Elsewhere != 1 {
				t.Errorf("elsewhere %v", got.Elsewhere)
			}
			if want.Locations == nil {
				continue
			}
			if v.Setup.Center[got.Zone] != want.Center || v.Setup.Rings[got.Zone] != want.K || !slices.Equal(slices.Sorted(slices.Values(got.Places)), want.Locations) {
				t.Errorf("statistic %d: places %v, want %+v", statistic, got.Places, want)
			}
		}
	}
}

func TestVectors_NullOfScanstatistics(t *testing.T) {
	v := readVectors(t)
	const replicates, theirs = 9999, 999
	for statistic, block := range v.blocks() {
		s, err := scan.NewUnbounded(v.zones(t), v.data(statistic), statistic)
		if err != nil {
			t.Fatal(err)
		}
		null := simulate(t, s, scan.Simulation{Replicates: replicates, Seed: 1})
		// The reference counts strictly; no replicate ties, so both are alike here.
		if block.Strict != block.P {
			t.Fatalf("statistic %d: the reference has p %v and %v", statistic, block.Strict, block.P)
		}
		wantShare(t, "p", null.P(block.MLC.Score*(1-1e-12)), block.P, theirs)
		for name, share := range map[string]float64{"50%": 0.5, "90%": 0.1, "95%": 0.05, "99%": 0.01} {
			score, ok := block.Quantiles[name]
			if !ok {
				t.Fatalf("statistic %d: no quantile %s", statistic, name)
			}
			wantShare(t, name, null.P(score), share, theirs)
		}
		// Their Gumbel is fitted by maximum likelihood. The errors of both are near
		// β·1.05/√R and β·0.78/√R for theirs, β·1.1/√R for the moments' scale.
		mu, beta := null.Gumbel()
		if math.Abs(mu-block.Gumbel.Mu) > 5*1.2*beta/math.Sqrt(theirs) || math.Abs(beta-block.Gumbel.Beta) > 5*1.2*beta/math.Sqrt(theirs) {
			t.Errorf("statistic %d: Gumbel of %v and %v, want %+v", statistic, mu, beta, block.Gumbel)
		}
		// The logarithm of p is near −(T−μ)/β: its error is that of β, (T−μ)/β times.
		reach := (block.MLC.Score-mu)/beta + 1
		if got := null.GumbelP(block.MLC.Score); math.Abs(math.Log(got/block.Gumbel.P)) > 5*1.2*reach/math.Sqrt(theirs) {
			t.Errorf("statistic %d: Gumbel p %v, want %v", statistic, got, block.Gumbel.P)
		}
	}
}

func TestVectors_NullOfNumpy(t *testing.T) {
	v := readVectors(t)
	data := v.data(scan.Kulldorff)
	half, err := scan.New(v.zones(t), data, scan.Options{Statistic: scan.Kulldorff, Steps: 6})
	if err != nil {
		t.Fatal(err)
	}
	whole, err := scan.NewUnbounded(v.zones(t), data, scan.Kulldorff)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		scan *scan.Scan
		want numpyBlock
	}{{half, v.Outbreak.Numpy6}, {whole, v.Outbreak.Numpy12}} {
		got, want := row.scan.Clusters(1)[0], row.want
		if got.Zone+1 != want.Zone || got.Steps != want.Duration || !near(got.Score, want.Score, 1e-14) {
			t.Errorf("zone %d, %d steps, %v, want %+v", got.Zone+1, got.Steps, got.Score, want)
		}
		null := simulate(t, row.scan, scan.Simulation{Replicates: want.Replicates, Seed: 2})
		wantShare(t, "p", null.P(got.Score), want.P, want.Replicates)
		wantShare(t, "critical 0.05", null.P(want.Critical05), 0.05, want.Replicates)
		wantShare(t, "critical 0.01", null.P(want.Critical01), 0.01, want.Replicates)
		wantShare(t, "critical 0.001", null.P(want.Critical1k), 0.001, want.Replicates)
		mu, beta := null.Gumbel()
		if se := 1.5 * beta / math.Sqrt(float64(want.Replicates)); math.Abs(mu-want.Mu) > 5*se || math.Abs(beta-want.Beta) > 5*se {
			t.Errorf("Gumbel of %v and %v, want %v and %v", mu, beta, want.Mu, want.Beta)
		}
	}
}

// wantShare holds a probability against one that the reference has from its replicates,
// within 5·√(p(1−p)/R). A reference that no replicate reached says 1/(R+1) at most.
func wantShare(t *testing.T, name string, got, want float64, replicates int) {
	t.Helper()
	if math.Abs(got-want) > 5*math.Sqrt(want*(1-want)/float64(replicates)) {
		t.Errorf("%s: %v, want %v of %d replicates", name, got, want, replicates)
	}
}

func TestVectors_UnitScores(t *testing.T) {
	v := readVectors(t)
	for statistic, block := range map[scan.Statistic]struct {
		expected [][]float64
		want     []unitScore
	}{
		scan.Kulldorff:          {v.Unit.KulldorffBaseline, v.Unit.Expected.PB},
		scan.ExpectationPoisson: {v.Unit.Baseline, v.Unit.Expected.EB},
	} {
		d := scan.Data{Counts: oldestFirst(v.Unit.Counts), Expected: oldestFirst(block.expected)}
		s, err := scan.NewUnbounded(mustZones(t, 2, v.Unit.Zones), d, statistic)
		if err != nil {
			t.Fatal(err)
		}
		if len(block.want) != 9 {
			t.Fatalf("statistic %d: the reference has %d scores", statistic, len(block.want))
		}
		for _, want := range block.want {
			z := slices.IndexFunc(v.Unit.Zones, func(o oneOrMany) bool { return slices.Equal(o, want.Zone) })
			var c, b float64
			for _, p := range want.Zone {
				for n := range want.Duration {
					c += float64(v.Unit.Counts[n][p])
					b += s.Mean()[n][p]
				}
			}
			if got := s.EveryScore()[want.Duration-1][z]; !near(got, want.Score, 1e-14) || c != want.C || !near(b, want.B, 1e-14) {
				t.Errorf("statistic %d: score %v of %v against %v, want %+v", statistic, got, c, b, want)
			}
		}
	}
}

func oldestFirst[T any](rows []T) []T {
	out := slices.Clone(rows)
	slices.Reverse(out)
	return out
}
