package trend_test

import (
	"errors"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/urbangrid/urbangrid/analytics/trend"
)

type chartFile struct {
	Series map[string]chartCase `json:"series"`
}

type chartCase struct {
	X    []float64 `json:"x"`
	Pelt []struct {
		Cost            string   `json:"cost"`
		MinSize         int      `json:"min_size"`
		Penalty         float64  `json:"penalty"`
		Ends            []int    `json:"ends"`
		Objective       *float64 `json:"objective"`
		RupturesEnds    []int    `json:"ruptures_ends"`
		RupturesOptimal bool     `json:"ruptures_is_optimal"`
	} `json:"pelt"`
	Charts struct {
		Mean       float64   `json:"mu"`
		Deviation  float64   `json:"sd"`
		Baseline   int       `json:"baseline_first"`
		K          float64   `json:"cusum_k"`
		H          float64   `json:"cusum_h"`
		Up         []float64 `json:"cusum_pos"`
		Down       []float64 `json:"cusum_neg"`
		CusumAlarm *int      `json:"cusum_first_alarm_1based"`
		Lambda     float64   `json:"ewma_lambda"`
		L          float64   `json:"ewma_L"`
		EWMA       []float64 `json:"ewma"`
		Limit      []float64 `json:"ewma_limit"`
		EWMAAlarm  *int      `json:"ewma_first_alarm_1based"`
	} `json:"charts"`
	Poisson struct {
		Usual   float64   `json:"lambda0"`
		Unusual float64   `json:"lambda1"`
		K       float64   `json:"k"`
		Path    []float64 `json:"path"`
	} `json:"poisson_cusum"`
	Student *struct {
		Usual       float64   `json:"hazard_lambda"`
		Alpha       float64   `json:"alpha"`
		Beta        float64   `json:"beta"`
		Kappa       float64   `json:"kappa"`
		Mu          float64   `json:"mu"`
		MostLikely  []int     `json:"map_run_length"`
		P0          []float64 `json:"P_r0"`
		P10Delayed  []float64 `json:"P_runlength_eq_10_delayed"`
		FinalColumn []float64 `json:"final_column"`
	} `json:"bocpd_studentT"`
	Gamma *struct {
		A          float64   `json:"a0"`
		B          float64   `json:"b0"`
		Hazard     float64   `json:"hazard"`
		MostLikely []int     `json:"map_run_length"`
		AtMost5    []float64 `json:"P_run_length_le_5"`
	} `json:"bocpd_gamma_poisson"`
}

var costs = map[string]trend.Cost{"l2": trend.SquaredCost, "pois": trend.PoissonCost}

func TestPartition_MatchesTheReference(t *testing.T) {
	for name, c := range load[chartFile](t, "changepoint_charts.json").Series {
		t.Run(name, func(t *testing.T) {
			for _, p := range c.Pelt {
				opts := trend.PartitionOptions{Cost: costs[p.Cost], Penalty: p.Penalty, MinLength: p.MinSize}
				got, err := trend.Partition(c.X, opts)
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(got.Ends, p.Ends) {
					t.Errorf("%+v: ends %v, want %v", opts, got.Ends, p.Ends)
				}
				if p.Objective != nil {
					near(t, "Total", got.Total, *p.Objective, 1e-9)
				}
				if same := slices.Equal(got.Ends, p.RupturesEnds); same != p.RupturesOptimal {
					t.Errorf("%+v: as ruptures %v, want %v", opts, same, p.RupturesOptimal)
				}
			}
		})
	}
}

// priceOf is the definition: the cost of each segment by its own mean, and the
// penalty of each change.
func priceOf(x []float64, ends []int, opts trend.PartitionOptions) float64 {
	total, from := -opts.Penalty, 0
	for _, end := range ends {
		var sum, square float64
		for _, v := range x[from:end] {
			sum += v
		}
		mean := sum / float64(end-from)
		for _, v := range x[from:end] {
			square += (v - mean) * (v - mean)
		}
		switch {
		case opts.Cost == trend.SquaredCost:
			total += square
		case sum > 0:
			total += 2 * (sum - sum*math.Log(mean))
		}
		total += opts.Penalty
		from = end
	}
	return total
}

func TestPartition_CostsNoMoreThanAnyOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.SliceOfN(rapid.Map(rapid.IntRange(0, 9), func(i int) float64 { return float64(i * i / 9) }), 1, 40).Draw(t, "x")
		opts := trend.PartitionOptions{
			Cost:      rapid.SampledFrom([]trend.Cost{trend.PoissonCost, trend.SquaredCost}).Draw(t, "cost"),
			Penalty:   rapid.Float64Range(0.01, 8).Draw(t, "penalty"),
			MinLength: rapid.IntRange(1, min(5, len(x))).Draw(t, "least"),
		}
		got, err := trend.Partition(x, opts)
		if err != nil {
			t.Fatal(err)
		}
		if own := priceOf(x, got.Ends, opts); !(math.Abs(own-got.Total) < 1e-9) {
			t.Fatalf("Total %v, but %v costs %v", got.Total, got.Ends, own)
		}
		from := 0
		for _, end := range got.Ends {
			if end-from < opts.MinLength {
				t.Fatalf("a segment of %v is shorter than %d", got.Ends, opts.MinLength)
			}
			from = end
		}
		var other []int
		for at := 0; len(x)-at >= 2*opts.MinLength; {
			at += rapid.IntRange(opts.MinLength, len(x)-at-opts.MinLength).Draw(t, "segment")
			other = append(other, at)
		}
		other = append(other, len(x))
		if price := priceOf(x, other, opts); price < got.Total-1e-9 {
			t.Fatalf("%v costs %v, but %v only %v", got.Ends, got.Total, other, price)
		}
	})
}

// The counter-example to pruning without delay, and short series like it, cut
// in every way there is.
func TestPartition_IsTheBestOfAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.SliceOfN(rapid.Map(rapid.IntRange(0, 4), func(i int) float64 { return float64(i) }), 1, 11).Draw(t, "x")
		opts := trend.PartitionOptions{
			Cost:      rapid.SampledFrom([]trend.Cost{trend.PoissonCost, trend.SquaredCost}).Draw(t, "cost"),
			Penalty:   rapid.Float64Range(0.01, 3).Draw(t, "penalty"),
			MinLength: rapid.IntRange(1, min(4, len(x))).Draw(t, "least"),
		}
		got, err := trend.Partition(x, opts)
		if err != nil {
			t.Fatal(err)
		}
		best := math.Inf(1)
		for cuts := range 1 << (len(x) - 1) {
			if ends, ok := cutAt(cuts, len(x), opts.MinLength); ok {
				best = min(best, priceOf(x, ends, opts))
			}
		}
		if math.Abs(got.Total-best) > 1e-9 {
			t.Fatalf("%v costs %v, the best %v", got.Ends, got.Total, best)
		}
	})
}

// cutAt reads a set of cuts from the bits of a number. It is not ok when a
// segment is too short.
func cutAt(cuts, n, least int) (ends []int, ok bool) {
	from := 0
	for end := 1; end <= n; end++ {
		if end < n && cuts&(1<<(end-1)) == 0 {
			continue
		}
		if end-from < least {
			return nil, false
		}
		ends = append(ends, end)
		from = end
	}
	return ends, true
}

func TestPartition_PlacesEndsOnTheStepsOfTheSeries(t *testing.T) {
	gap := math.NaN()
	x := []float64{1, gap, 1, 1, gap, 9, 9, gap, 9, 9, gap}
	got, err := trend.Partition(x, trend.PartitionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.Ends, []int{5, 11}) || !slices.Equal(got.Levels, []float64{1, 9}) {
		t.Errorf("%+v, want ends [5 11] and levels [1 9]", got)
	}
}

func TestPartition_KeepsItsDigitsFarFromZero(t *testing.T) {
	x := []float64{1e8 + 1, 1e8 + 1, 1e8 + 1, 1e8 + 9, 1e8 + 9, 1e8 + 9}
	got, err := trend.Partition(x, trend.PartitionOptions{Cost: trend.SquaredCost, Penalty: 1})
	if err != nil || !slices.Equal(got.Ends, []int{3, 6}) || math.Abs(got.Total-1) > 1e-6 {
		t.Errorf("%+v, %v, want ends [3 6] for 1", got, err)
	}
}

func TestPartition_RefusesWhatItCannotAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		x    []float64
		opts trend.PartitionOptions
		want error
	}{
		"nothing":              {nil, trend.PartitionOptions{}, trend.ErrTooFew},
		"less than a segment":  {[]float64{1, 2, math.NaN()}, trend.PartitionOptions{MinLength: 3}, trend.ErrTooFew},
		"a negative count":     {[]float64{1, -2}, trend.PartitionOptions{}, trend.ErrInvalid},
		"an infinite value":    {[]float64{1, math.Inf(1)}, trend.PartitionOptions{Cost: trend.SquaredCost}, trend.ErrInvalid},
		"a negative penalty":   {[]float64{1, 2}, trend.PartitionOptions{Penalty: -1}, trend.ErrInvalid},
		"a cost there is none": {[]float64{1, 2}, trend.PartitionOptions{Cost: 7}, trend.ErrInvalid},
	} {
		if _, err := trend.Partition(c.x, c.opts); !errors.Is(err, c.want) {
			t.Errorf("%s: error %v, want %v", name, err, c.want)
		}
	}
}

func BenchmarkPartition(b *testing.B) {
	quiet := counts(2000)
	for i := range quiet {
		quiet[i] = math.Mod(quiet[i], 6)
	}
	for name, x := range map[string][]float64{"quiet": quiet, "rising": counts(2000)} {
		b.Run(name+"/n=2000", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := trend.Partition(x, trend.PartitionOptions{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
