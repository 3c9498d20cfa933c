package evaluate

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"
)

// The simulated district and its history are those of the benchmark where nothing else
// is asked for.
func TestTown_IsThatOfTheBenchmark(t *testing.T) {
	text, err := os.ReadFile("testdata/benchmark_spatial.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Design struct {
			Cells       int     `json:"cells"`
			PerCellHour float64 `json:"mean_per_cell_hour"`
			Noise       string  `json:"noise"`
			Weeks       int     `json:"history_weeks"`
			Quiet       int     `json:"null_weeks"`
			Replicates  int     `json:"replicates"`
		} `json:"design"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	want := file.Design
	w, err := NewTown(1, TownOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if n := w.lattice.Len(); n != want.Cells {
		t.Errorf("the district has %d cells, want %d", n, want.Cells)
	}
	total := 0.0
	for _, r := range w.rates {
		total += r
	}
	if mean := total / float64(want.Cells); math.Abs(mean-want.PerCellHour) > 1e-4 {
		t.Errorf("a cell has %v events in the mean hour, want %v", mean, want.PerCellHour)
	}
	if got := fmt.Sprintf("NegBin size %g x city-wide lognormal(%g) hourly", w.opts.Size, w.opts.City); got != want.Noise {
		t.Errorf("the noise is %s, want %s", got, want.Noise)
	}
	o, err := SpatialOptions{}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	if o.Weeks != want.Weeks || o.Towns*o.QuietWeeks != want.Quiet || o.Towns*o.Replicates != want.Replicates {
		t.Errorf("%d weeks of history, %d quiet ones and %d replicates, want %d, %d and %d",
			o.Weeks, o.Towns*o.QuietWeeks, o.Towns*o.Replicates, want.Weeks, want.Quiet, want.Replicates)
	}
}
