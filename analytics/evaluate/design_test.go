package evaluate_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/analytics/evaluate"
)

// spatialBenchmark is testdata/benchmark_spatial.json: the design, and the column of
// the detector that ours is held against.
type spatialBenchmark struct {
	Design struct {
		QuietWeeks int `json:"null_weeks"`
		Replicates int `json:"replicates"`
	} `json:"design"`
	Results map[string]struct {
		EBP struct {
			Sensitivity float64 `json:"sensitivity"`
			Within2h    float64 `json:"detected_within_2h"`
		} `json:"scan_EBP_k012_d1to6"`
	} `json:"results"`
}

func readBenchmark(t *testing.T) spatialBenchmark {
	t.Helper()
	var b spatialBenchmark
	readJSON(t, "testdata/benchmark_spatial.json", &b)
	if len(b.Results) != 5 {
		t.Fatalf("the benchmark has %d designs, want 5", len(b.Results))
	}
	return b
}

func readJSON(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// designName is how the benchmark names its designs: disk, how much more, hours.
var designName = regexp.MustCompile(`^k([0-9])_(RR|add)([0-9]+)_([0-9]+)h$`)

func TestDesigns_AreThoseOfTheBenchmark(t *testing.T) {
	benchmark := readBenchmark(t)
	byName := map[string]evaluate.Design{}
	for _, d := range evaluate.Designs() {
		if _, there := benchmark.Results[d.Name]; !there && d.Published != 0 {
			t.Errorf("%s claims a published sensitivity that the benchmark does not have", d.Name)
		}
		byName[d.Name] = d
	}
	for name, want := range benchmark.Results {
		d, ok := byName[name]
		part := designName.FindStringSubmatch(name)
		if !ok || part == nil {
			t.Errorf("there is no design %s", name)
			continue
		}
		number := func(s string) float64 {
			v, err := strconv.ParseFloat(s, 64)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		times, extra := number(part[3]), 0.0
		if part[2] == "add" {
			times, extra = 0, number(part[3])
		}
		if float64(d.Rings) != number(part[1]) || d.Times != times || d.Extra != extra || d.Lasts != time.Duration(number(part[4]))*time.Hour {
			t.Errorf("%s is %+v", name, d)
		}
		if d.Shape != nil || d.Moves != 0 || d.Whole {
			t.Errorf("%s has a shape, moves or is everywhere: %+v", name, d)
		}
		for what, v := range map[string][2]float64{"sensitivity": {d.Published, want.EBP.Sensitivity}, "share within two hours": {d.Published2h, want.EBP.Within2h}} {
			if math.Abs(v[0]-v[1]) > 5e-5 {
				t.Errorf("%s: %s is given as %v, published was %v", name, what, v[0], v[1])
			}
		}
	}
}

// committed is docs/evaluation/result.json, what the README and the report tell.
func committed(t *testing.T) evaluate.Result {
	t.Helper()
	var r evaluate.Result
	readJSON(t, "../../docs/evaluation/result.json", &r)
	if len(r.Quiet) == 0 || len(r.Injections) == 0 || len(r.Checks) == 0 {
		t.Fatalf("the committed result has %d quiet replays, %d injections and %d checks", len(r.Quiet), len(r.Injections), len(r.Checks))
	}
	return r
}

// The promises of the issue are worked out here from the benchmark's own figures, not
// from what the result says of itself.
func TestCommittedResult_ReachesTheBenchmark(t *testing.T) {
	r, benchmark := committed(t), readBenchmark(t)
	for _, q := range r.Quiet {
		if got := float64(q.Alerts) / q.Weeks; math.Abs(got-q.PerWeek) > 1e-9 {
			t.Errorf("%v alerts in %v weeks are told as %v a week", q.Alerts, q.Weeks, q.PerWeek)
		}
		if q.PerWeek > 1.3 {
			t.Errorf("%v false episodes a week on quiet replay, want 1.3 at most", q.PerWeek)
		}
		if q.Weeks < float64(benchmark.Design.QuietWeeks) {
			t.Errorf("%v quiet weeks, the benchmark has %d", q.Weeks, benchmark.Design.QuietWeeks)
		}
	}
	found := 0
	for _, q := range r.Injections {
		want, there := benchmark.Results[q.Type]
		if !there {
			continue
		}
		found++
		if q.Replicates < benchmark.Design.Replicates {
			t.Errorf("%s was made %d times, the benchmark made it %d times", q.Type, q.Replicates, benchmark.Design.Replicates)
		}
		p, n := want.EBP.Sensitivity, float64(benchmark.Design.Replicates)
		se := math.Sqrt(p*(1-p)/n + q.Found*(1-q.Found)/float64(q.Replicates))
		if least := p - 2*se; q.Found < least {
			t.Errorf("%s: found %v with overlap, want %v (published %v less two standard errors)", q.Type, q.Found, least, p)
		}
		if q.Type == "k1_RR5_6h" && (q.Jaccard == nil || *q.Jaccard < 0.5) {
			t.Errorf("%s: median Jaccard %s, want 0.5 at least", q.Type, shown(q.Jaccard))
		}
	}
	if found != len(benchmark.Results) {
		t.Errorf("%d of the %d designs of the benchmark were made", found, len(benchmark.Results))
	}
}

// What the program would check of the committed result is what it says: nothing was
// changed by hand, or by a rule that came later.
func TestCommittedResult_SaysOfItselfWhatItsNumbersSay(t *testing.T) {
	r := committed(t)
	again := r
	again.AddFaults(nil)
	var was, is bytes.Buffer
	if err := json.NewEncoder(&was).Encode(r.Checks); err != nil {
		t.Fatal(err)
	}
	if err := json.NewEncoder(&is).Encode(again.Checks); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(was.Bytes(), is.Bytes()) {
		t.Errorf("the checks are\n%s\nof these numbers they would be\n%s", was.String(), is.String())
	}
}

func shown(v *float64) string {
	if v == nil {
		return "none"
	}
	return fmt.Sprint(*v)
}
