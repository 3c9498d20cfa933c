package analytics

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/urbangrid/urbangrid/sensors"
)

func TestTail_AgreesWithReference(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "negbin.json"))
	if err != nil {
		t.Fatal(err)
	}
	var reference struct {
		Tails []struct {
			Count      int64
			Size, Mean float64
			P          float64
		}
		Predictive []struct {
			Learned, Exposure float64
			Count             int64
			P                 float64
		}
	}
	if err := json.Unmarshal(text, &reference); err != nil {
		t.Fatal(err)
	}
	if len(reference.Tails) == 0 || len(reference.Predictive) == 0 {
		t.Fatal("the reference is empty")
	}
	const tolerance = 1e-9
	for _, r := range reference.Tails {
		if p := tail(r.Count, r.Size, r.Mean); math.Abs(p-r.P) > tolerance*r.P && r.P > leastP {
			t.Errorf("P(Y ≥ %d) for size %v, mean %v is %v, want %v", r.Count, r.Size, r.Mean, p, r.P)
		}
	}
	// Jeffreys' prior is one of half an event that weighs next to nothing.
	const weight = 1e-12
	rule := &exceedanceRule{Rule: Rule{Exceedance: &Exceedance{Expected: 0.5 / weight, PriorWindows: weight}}}
	for _, r := range reference.Predictive {
		size, mean := rule.predict(&baseline{learned: r.Learned, exposure: r.Exposure})
		if p := tail(r.Count, size, mean); math.Abs(p-r.P) > tolerance*r.P {
			t.Errorf("P(Y ≥ %d) after %v events in %v windows is %v, want %v", r.Count, r.Learned, r.Exposure, p, r.P)
		}
	}
}

func TestTail_IsAProbabilityHoweverOddTheInput(t *testing.T) {
	for _, count := range []int64{1, 2, 10, 1_000, 1_000_000} {
		for _, size := range []float64{1e-6, 0.048, 1, 24, 1e4, 1e7} {
			last := 1.0
			for _, mean := range []float64{1e6, 1e3, 1, 1e-3, 1e-9} {
				p := tail(count, size, mean)
				if !(p >= leastP && p <= 1) {
					t.Errorf("P(Y ≥ %d) for size %v, mean %v is %v", count, size, mean, p)
				}
				if p > last*(1+1e-9) {
					t.Errorf("P(Y ≥ %d) for size %v grows from %v to %v as the mean falls to %v", count, size, last, p, mean)
				}
				last = p
			}
		}
	}
}

func TestBaseline_ForgetsOverADay(t *testing.T) {
	k := newKind(sensors.Kind{Key: "stall", Type: sensors.Event})
	k.first, k.slot, k.newest = 0, keptSlots, keptSlots*slotMicros
	b := baseline{}
	day := int64(memorySlots)
	b.settleTo(day, keptSlots)
	if want := 96 * (1 - math.Exp(-1)); math.Abs(b.exposure-want) > 1e-9 {
		t.Errorf("exposure after a day %v, want %v windows", b.exposure, want)
	}
	if got := k.exposure(day); math.Abs(got-b.exposure) > 1e-9 {
		t.Errorf("a cell that is new after a day has exposure %v, want %v as those before it", got, b.exposure)
	}
	b.learned = 10
	b.settleTo(2*day, keptSlots)
	if want := 10 * math.Exp(-1); math.Abs(b.learned-want) > 1e-9 {
		t.Errorf("of 10 events %v are left after a day, want %v", b.learned, want)
	}
}
