package bench_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/urbangrid/urbangrid/ingest/broker/brokerbench"
)

// TestMain lets the benchmark of idle connections start its broker as a process
// of its own.
func TestMain(m *testing.M) {
	if child, err := brokerbench.Child(); child {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// BenchmarkIdle measures the memory of the embedded broker with 20,000 clients
// that are connected and silent. Where the system allows fewer connections it
// says so and gives what 20,000 would take.
func BenchmarkIdle(b *testing.B) {
	const clients = 20_000
	r, err := brokerbench.MeasureIdle(b.Context(), clients)
	if err != nil {
		b.Fatal(err)
	}
	report(b, "broker.idle20k.rss_mb", r.RSSMBAt(clients), "MB", fmt.Sprintf("resident memory, measured with %d connections", r.Connections))
}
