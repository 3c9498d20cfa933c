package influx_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/internal/influxtest"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
	"github.com/urbangrid/urbangrid/store/influx"
)

// Budget: 10,000 observations/s with their roll-ups, in batches of 20,000, on
// the server's own machine.
func BenchmarkSeries_Write(b *testing.B) {
	server := influxtest.Start(b)
	s, err := influx.Open(b.Context(), server.Address("bench"), influx.Options{Token: influxtest.Token})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	const batch = 20_000
	observations := make([]grid.Placed, batch)
	for i := range observations {
		device := i % 2000
		cell, err := grid.CellAt(grid.Point{LatDegrees: 31.2 + float64(device/64)*0.002, LonDegrees: 121.3 + float64(device%64)*0.002}, grid.Resolution)
		if err != nil {
			b.Fatal(err)
		}
		at := crashStart.Add(time.Duration(i) * 100 * time.Microsecond)
		observations[i] = grid.Placed{
			Observation: sensors.Observation{
				Device: sensors.DeviceID(fmt.Sprintf("device-%d", device)), Kind: sensors.KindKey(fmt.Sprintf("kind_%d", device%10)),
				Value: float64(i % 97), At: at, Received: at,
			},
			Cell: cell, Area: "310107005",
		}
	}
	var seq uint64
	b.ReportAllocs()
	for b.Loop() {
		seq++
		entries := []store.Entry{{Seq: seq, Observations: observations}}
		if err := s.Write(b.Context(), store.Position{Journal: "bench", Seq: seq}, entries); err != nil {
			b.Fatal(err)
		}
		for i := range observations {
			observations[i].At = observations[i].At.Add(2 * time.Second)
		}
	}
	b.ReportMetric(float64(b.N*batch)/b.Elapsed().Seconds(), "obs/s")
}
