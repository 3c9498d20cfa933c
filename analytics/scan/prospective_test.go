package scan_test

import (
	"math"
	"slices"
	"testing"

	"github.com/urbangrid/urbangrid/analytics/lattice"
	"github.com/urbangrid/urbangrid/analytics/scan"
	"github.com/urbangrid/urbangrid/grid"
	"pgregory.net/rapid"
)

// The case of scanstatistics' own test of its negative binomial: its overdispersion w
// is 1 + μ/size.
func TestTango_IsTheScoreTest(t *testing.T) {
	counts := [][]int64{{0, 20}, {2, 1}, {1, 0}}
	mean := slices.Repeat([][]float64{{0.5, 2}}, 3)
	sizes := slices.Repeat([][]float64{{1, 2}}, 3)
	inflation := []float64{1.5, 2}
	zones := []oneOrMany{{0}, {1}, {0, 1}}
	for _, statistic := range []scan.Statistic{scan.NegBinHotspot, scan.NegBinEmerging} {
		s, err := scan.NewUnbounded(mustZones(t, 2, zones), scan.Data{Counts: counts, Expected: mean, Sizes: sizes}, statistic)
		if err != nil {
			t.Fatal(err)
		}
		for n, row := range s.EveryScore() {
			for z, got := range row {
				var u, v float64
				for _, p := range zones[z] {
					for back := range n + 1 {
						weight := 1.0
						if statistic == scan.NegBinEmerging {
							weight = float64(n + 1 - back)
						}
						u += weight * (float64(counts[2-back][p]) - mean[0][p]) / inflation[p]
						v += weight * weight * mean[0][p] / inflation[p]
					}
				}
				if want := max(0, u/math.Sqrt(v)); !near(got, want, 1e-14) {
					t.Errorf("statistic %d, %d steps, zone %d: %v, want %v", statistic, n+1, z, got, want)
				}
			}
		}
	}
}

func TestNew_RefusesWhatDoesNotFit(t *testing.T) {
	z := mustZones(t, 2, []oneOrMany{{0}, {0, 1}})
	counts := [][]int64{{1, 2}, {3, 4}, {5, 6}, {7, 8}}
	ones := slices.Repeat([][]float64{{1, 1}}, 4)
	for name, row := range map[string]struct {
		data scan.Data
		opts scan.Options
	}{
		"a window of more than half":       {scan.Data{Counts: counts, Expected: ones}, scan.Options{Steps: 3}},
		"a negative window":                {scan.Data{Counts: counts, Expected: ones}, scan.Options{Steps: -1}},
		"no step":                          {scan.Data{}, scan.Options{}},
		"one step":                         {scan.Data{Counts: counts[:1], Expected: ones[:1]}, scan.Options{}},
		"a period shorter than the data":   {scan.Data{Counts: counts, Expected: ones}, scan.Options{Period: 3}},
		"a window longer than the data":    {scan.Data{Counts: counts, Expected: ones}, scan.Options{Period: 20, Steps: 5}},
		"Kulldorff without all steps":      {scan.Data{Counts: counts, Expected: ones}, scan.Options{Statistic: scan.Kulldorff, Period: 8}},
		"Permutation without all steps":    {scan.Data{Counts: counts}, scan.Options{Statistic: scan.Permutation, Period: 8}},
		"Permutation with an expectation":  {scan.Data{Counts: counts, Expected: ones}, scan.Options{Statistic: scan.Permutation}},
		"Kulldorff where nothing can be":   {scan.Data{Counts: counts, Expected: slices.Repeat([][]float64{{0, 0}}, 4)}, scan.Options{Statistic: scan.Kulldorff}},
		"an expectation that is missing":   {scan.Data{Counts: counts}, scan.Options{}},
		"an expectation of fewer steps":    {scan.Data{Counts: counts, Expected: ones[:3]}, scan.Options{}},
		"an expectation of fewer places":   {scan.Data{Counts: counts, Expected: slices.Repeat([][]float64{{1}}, 4)}, scan.Options{}},
		"an expectation that is not one":   {scan.Data{Counts: counts, Expected: slices.Repeat([][]float64{{1, math.NaN()}}, 4)}, scan.Options{}},
		"a negative expectation":           {scan.Data{Counts: counts, Expected: slices.Repeat([][]float64{{1, -1}}, 4)}, scan.Options{}},
		"a negative count":                 {scan.Data{Counts: slices.Repeat([][]int64{{1, -1}}, 4), Expected: ones}, scan.Options{}},
		"counts of other places":           {scan.Data{Counts: slices.Repeat([][]int64{{1, 1, 1}}, 4), Expected: ones}, scan.Options{}},
		"a negative binomial without size": {scan.Data{Counts: counts, Expected: ones}, scan.Options{Statistic: scan.NegBinHotspot}},
		"a size of 0":                      {scan.Data{Counts: counts, Expected: ones, Sizes: slices.Repeat([][]float64{{1, 0}}, 4)}, scan.Options{Statistic: scan.NegBinEmerging}},
		"Poisson with sizes":               {scan.Data{Counts: counts, Expected: ones, Sizes: ones}, scan.Options{}},
		"a statistic that is none":         {scan.Data{Counts: counts, Expected: ones}, scan.Options{Statistic: 9}},
		"more events than can be counted":  {scan.Data{Counts: slices.Repeat([][]int64{{1 << 53, 1}}, 4), Expected: ones}, scan.Options{}},
	} {
		if _, err := scan.New(z, row.data, row.opts); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if _, err := scan.New(z, scan.Data{Counts: counts, Expected: ones}, scan.Options{Period: 8, Steps: 4}); err != nil {
		t.Errorf("half of a period that is known to be longer: %v", err)
	}
}

func TestNewZones_RefusesWhatIsNoZone(t *testing.T) {
	for _, members := range [][][]int32{{{}}, {{0, 2}}, {{-1}}, {{0, 1, 0}}} {
		if _, err := scan.NewZones(2, members); err == nil {
			t.Errorf("%v is taken", members)
		}
	}
}

func TestDisks_WithTheSamePlacesAreOne(t *testing.T) {
	cell := mustCell(t)
	disk, err := cell.Disk(6)
	if err != nil {
		t.Fatal(err)
	}
	// Three cells in a row, and one far from them.
	l, err := lattice.New([]grid.Cell{cell, disk[1][0], disk[6][0]}, 3)
	if err != nil {
		t.Fatal(err)
	}
	z, err := scan.Disks(l, 3)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for i := range z.Len() {
		key := ""
		for _, p := range slices.Sorted(slices.Values(z.Members(i))) {
			key += string('a' + p)
		}
		if seen[key] {
			t.Errorf("zone %d is %s again", i, key)
		}
		seen[key] = true
	}
	if z.Len() != 4 {
		t.Errorf("%d zones, want three cells and one pair", z.Len())
	}
	if _, err := scan.Disks(l, 4); err == nil {
		t.Error("more rings than the lattice has are taken")
	}
}

func mustCell(t testing.TB) grid.Cell {
	t.Helper()
	c, err := grid.ParseCell("891f1d48177ffff")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestClusters_ShareNoPlace(t *testing.T) {
	v := readVectors(t)
	for _, statistic := range []scan.Statistic{scan.ExpectationPoisson, scan.Kulldorff, scan.Permutation} {
		s, err := scan.New(v.zones(t), v.data(statistic), scan.Options{Statistic: statistic})
		if err != nil {
			t.Fatal(err)
		}
		clusters := s.Clusters(1000)
		if len(clusters) < 3 {
			t.Fatalf("statistic %d: %d clusters", statistic, len(clusters))
		}
		taken := map[int32]bool{}
		for i, c := range clusters {
			if c.Score <= 0 || i > 0 && c.Score > clusters[i-1].Score {
				t.Errorf("statistic %d: score %v in place %d", statistic, c.Score, i+1)
			}
			for _, p := range c.Places {
				if taken[p] {
					t.Errorf("statistic %d: place %d is in two clusters", statistic, p)
				}
				taken[p] = true
			}
		}
		if got := s.Clusters(2); len(got) != 2 || got[1].Zone != clusters[1].Zone {
			t.Errorf("statistic %d: the first two are %+v", statistic, got)
		}
	}
}

// field is a small area of arbitrary zones. Means are eighths, so that sums of them are
// exact in any order.
type field struct {
	places  int
	members []oneOrMany
	data    scan.Data
}

func drawField(t *rapid.T, s scan.Statistic) field {
	f := field{places: rapid.IntRange(2, 8).Draw(t, "places")}
	one := rapid.Int32Range(0, int32(f.places-1))
	for range rapid.IntRange(1, 8).Draw(t, "zones") {
		f.members = append(f.members, rapid.SliceOfNDistinct(one, 1, f.places, rapid.ID[int32]).Draw(t, "zone"))
	}
	for range rapid.IntRange(2, 8).Draw(t, "steps") {
		row := rapid.SliceOfN(rapid.Int64Range(0, 12), f.places, f.places).Draw(t, "counts")
		f.data.Counts = append(f.data.Counts, row)
		if s != scan.Permutation {
			eighths := rapid.SliceOfN(rapid.IntRange(1, 40), f.places, f.places).Draw(t, "eighths")
			mean := make([]float64, f.places)
			for i, e := range eighths {
				mean[i] = float64(e) / 8
			}
			f.data.Expected = append(f.data.Expected, mean)
		}
		if s == scan.NegBinHotspot || s == scan.NegBinEmerging {
			f.data.Sizes = append(f.data.Sizes, rapid.SliceOfN(rapid.Float64Range(0.1, 50), f.places, f.places).Draw(t, "sizes"))
		}
	}
	return f
}

func (f field) scan(t *rapid.T, s scan.Statistic) *scan.Scan {
	var list [][]int32
	for _, m := range f.members {
		list = append(list, m)
	}
	z, err := scan.NewZones(f.places, list)
	if err != nil {
		t.Fatal(err)
	}
	out, err := scan.New(z, f.data, scan.Options{Statistic: s})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// For the permutation scan more events change what is expected as well: a zone that
// holds all of a place's steps has no excess however much is added. It is left out.
func TestScore_GrowsWithExcessInTheZone(t *testing.T) {
	for name, statistic := range statistics {
		if statistic == scan.Permutation {
			continue
		}
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				f := drawField(t, statistic)
				before := f.scan(t, statistic).EveryScore()
				z := rapid.IntRange(0, len(f.members)-1).Draw(t, "zone")
				d := rapid.IntRange(0, len(before)-1).Draw(t, "window less 1")
				p := rapid.SampledFrom(f.members[z]).Draw(t, "place")
				back := rapid.IntRange(0, d).Draw(t, "steps back")
				step := len(f.data.Counts) - 1 - back
				f.data.Counts[step] = slices.Clone(f.data.Counts[step])
				f.data.Counts[step][p] += rapid.Int64Range(1, 9).Draw(t, "more")
				after := f.scan(t, statistic).EveryScore()
				if a, b := before[d][z], after[d][z]; b < a-1e-12 || a > 0 && b <= a {
					t.Fatalf("%v before, %v after", a, b)
				}
			})
		})
	}
}

func TestScan_IsTheSameHoweverPlacesAreNumbered(t *testing.T) {
	for name, statistic := range statistics {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				f := drawField(t, statistic)
				number := rapid.Permutation(sequence(f.places)).Draw(t, "numbers")
				other := field{places: f.places, data: scan.Data{Counts: renumber(f.data.Counts, number), Expected: renumber(f.data.Expected, number), Sizes: renumber(f.data.Sizes, number)}}
				for _, m := range f.members {
					var zone oneOrMany
					for _, p := range m {
						zone = append(zone, number[p])
					}
					other.members = append(other.members, zone)
				}
				a, b := f.scan(t, statistic), other.scan(t, statistic)
				for n, row := range a.EveryScore() {
					for z, score := range row {
						if got := b.EveryScore()[n][z]; math.Abs(got-score) > 1e-9*(1+score) {
							t.Fatalf("zone %d, %d steps: %v, renumbered %v", z, n+1, score, got)
						}
					}
				}
				if x, y := a.Highest(), b.Highest(); math.Abs(x-y) > 1e-9*(1+x) {
					t.Fatalf("the highest is %v, renumbered %v", x, y)
				}
			})
		})
	}
}

// The bound by which a replicate passes zones over never hides the highest.
func TestScan_AReplicateFindsTheHighest(t *testing.T) {
	for name, statistic := range statistics {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				s := drawField(t, statistic).scan(t, statistic)
				want := 0.0
				for _, row := range s.EveryScore() {
					want = max(want, slices.Max(row))
				}
				if got := s.Highest(); math.Abs(got-want) > 1e-13*want {
					t.Fatalf("%v, want %v", got, want)
				}
			})
		})
	}
}

func sequence(n int) []int32 {
	out := make([]int32, n)
	for i := range out {
		out[i] = int32(i)
	}
	return out
}

func renumber[T any](rows [][]T, number []int32) [][]T {
	var out [][]T
	for _, row := range rows {
		to := make([]T, len(row))
		for i, v := range row {
			to[number[i]] = v
		}
		out = append(out, to)
	}
	return out
}
