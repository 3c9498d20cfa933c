package brokerbench_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/urbangrid/urbangrid/ingest/broker/brokerbench"
)

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

func TestIdle_AConnectionTakesLittleOfTheBroker(t *testing.T) {
	got, err := brokerbench.MeasureIdle(t.Context(), 1000)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d idle connections: %.1f MB after %.1f MB, %.0f bytes each, connected in %s",
		got.Connections, got.RSSMB, got.EmptyRSSMB, got.BytesPerConnection(), got.Took)
	if got.BytesPerConnection() > maxConnectionBytes {
		t.Errorf("a connection takes %.0f bytes, want at most %d", got.BytesPerConnection(), maxConnectionBytes)
	}
}

// BenchmarkIdle20k is run with -benchtime=1x.
func BenchmarkIdle20k(b *testing.B) {
	for b.Loop() {
		got, err := brokerbench.MeasureIdle(b.Context(), 20_000)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(got.Connections), "connections")
		b.ReportMetric(got.RSSMBAt(20_000), "rss-MB")
		b.ReportMetric(got.BytesPerConnection(), "B/conn")
		b.ReportMetric(got.Took.Seconds(), "connect-s")
	}
}
