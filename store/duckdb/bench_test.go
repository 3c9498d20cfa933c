package duckdb_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
	"github.com/urbangrid/urbangrid/store/duckdb"
)

var benchStart = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)

// district makes count observations of 10,000 devices, ten kinds, 1,000 cells
// and ten areas, step apart from from on.
func district(from time.Time, step time.Duration, count int) []grid.Placed {
	cells := make([]grid.Cell, 1000)
	for i := range cells {
		var err error
		cells[i], err = grid.CellAt(grid.Point{LatDegrees: 31.2 + float64(i/32)*0.002, LonDegrees: 121.3 + float64(i%32)*0.002}, grid.Resolution)
		if err != nil {
			panic(err) // fixed places
		}
	}
	out := make([]grid.Placed, count)
	for i := range out {
		device := i % 10_000
		at := from.Add(time.Duration(i) * step)
		out[i] = grid.Placed{
			Observation: sensors.Observation{
				Device:   sensors.DeviceID(fmt.Sprintf("device-%05d", device)),
				Kind:     sensors.KindKey(fmt.Sprintf("kind_%d", device%10)),
				Value:    float64(i%977) / 4,
				At:       at,
				Received: at.Add(80 * time.Millisecond),
			},
			Point: grid.Point{LatDegrees: 31.25, LonDegrees: 121.4},
			Cell:  cells[device/10],
			Area:  grid.AreaCode(fmt.Sprintf("3101070%02d", device%10)),
		}
	}
	return out
}

// Budget: 300,000 observations/s, with their roll-ups, in batches of 20,000.
func BenchmarkSeries_Write(b *testing.B) {
	s, err := duckdb.Open(b.Context(), filepath.Join(b.TempDir(), "series.db"), duckdb.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	const batch = 20_000
	observations := district(benchStart, 10*time.Microsecond, batch)
	var seq uint64
	b.ReportAllocs()
	for b.Loop() {
		seq++
		for i := range observations {
			observations[i].At = observations[i].At.Add(200 * time.Millisecond)
		}
		entries := []store.Entry{{Seq: seq, Observations: observations}}
		if err := s.Write(b.Context(), store.Position{Journal: "bench", Seq: seq}, entries); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Roll(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N*batch)/b.Elapsed().Seconds(), "obs/s")
}

// Budget: 100 ms for a day in minutes, of a cell, an area or the city, over the
// two million observations of that day.
func BenchmarkSeries_Points(b *testing.B) {
	const total, batch = 2_000_000, 50_000
	s, err := duckdb.Open(b.Context(), filepath.Join(b.TempDir(), "series.db"), duckdb.Options{CompactEvery: -1})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	const step = 24 * time.Hour / total
	observations := district(benchStart, step, batch)
	for seq := range total / batch {
		entries := []store.Entry{{Seq: uint64(seq + 1), Observations: observations}}
		if err := s.Write(b.Context(), store.Position{Journal: "bench", Seq: uint64(seq + 1)}, entries); err != nil {
			b.Fatal(err)
		}
		for i := range observations {
			observations[i].At = observations[i].At.Add(batch * step)
		}
	}
	if err := s.Compact(b.Context(), benchStart.Add(48*time.Hour)); err != nil {
		b.Fatal(err)
	}
	base := store.Query{Kind: "kind_3", From: benchStart, To: benchStart.Add(24 * time.Hour), Every: time.Minute, Agg: store.Mean}
	cell, area, device := base, base, base
	cell.Cell, area.Area, device.Device = observations[3].Cell, observations[3].Area, observations[3].Device
	for name, q := range map[string]store.Query{"city": base, "cell": cell, "area": area, "device": device} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				lines, err := s.Points(b.Context(), q)
				if err != nil || len(lines[0].Points) == 0 {
					b.Fatal(lines, err)
				}
			}
		})
	}
}
