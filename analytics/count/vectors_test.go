package count_test

import (
	"encoding/json"
	"math"
	"os"
	"testing"
)

// vectors reads one file of reference numbers into out. Their origin is noted in
// the file itself: scipy 1.10.1, and R 4.2.2 with surveillance 1.20.3.
func vectors(t testing.TB, name string, out any) {
	t.Helper()
	raw, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, out); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// near tells whether two numbers agree to a relative tolerance; two NaN do.
func near(got, want, tolerance float64) bool {
	return got == want || math.IsNaN(got) && math.IsNaN(want) ||
		math.Abs(got-want) <= tolerance*math.Max(math.Abs(got), math.Abs(want))
}
