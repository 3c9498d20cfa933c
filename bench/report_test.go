package bench_test

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"
)

// report prints one figure. Names are stable: others compare them from run to
// run.
func report(b *testing.B, name string, value float64, unit, note string) {
	b.Helper()
	line, err := json.Marshal(struct {
		Name  string  `json:"name"`
		Value float64 `json:"value"`
		Unit  string  `json:"unit"`
		Note  string  `json:"note,omitempty"`
	}{name, math.Round(value*100) / 100, unit, note})
	if err != nil {
		b.Fatal(err)
	}
	fmt.Printf("%s\n", line)
}
