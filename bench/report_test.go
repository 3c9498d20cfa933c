package bench_test

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"github.com/urbangrid/urbangrid/bench"
)

// report prints one figure.
func report(b *testing.B, name string, value float64, unit, note string) {
	b.Helper()
	reportAll(b, []bench.Figure{{Name: name, Value: value, Unit: unit, Note: note}})
}

// hold reports what measure returns, perhaps after a second run; see [bench.Hold].
func hold(b *testing.B, measure func() []bench.Figure) {
	b.Helper()
	reportAll(b, bench.Hold(measure))
}

// reportAll prints figures, and fails the benchmark for those that exceed their limits.
func reportAll(b *testing.B, figures []bench.Figure) {
	b.Helper()
	for _, f := range figures {
		fmt.Println(printed(f))
	}
	if err := bench.Exceeded(figures); err != nil {
		b.Error(err)
	}
}

// printed is a figure as a line.
func printed(f bench.Figure) string {
	f.Value = math.Round(f.Value*100) / 100
	line, err := json.Marshal(f)
	if err != nil {
		panic(err) // a flat struct of texts and a finite number
	}
	return string(line)
}
