package grid_test

import (
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

var inZhenru = sensors.Position{LatDegrees: 31.2560, LonDegrees: 121.3940, Datum: sensors.WGS84}

func observation(device string, p sensors.Position) sensors.Observation {
	return sensors.Observation{Device: sensors.DeviceID(device), Kind: "noise", Value: 57.3, Position: p}
}

func TestPlacer_PayloadPositionComesFirst(t *testing.T) {
	registered := sensors.Position{LatDegrees: 31.2400, LonDegrees: 121.3700, Datum: sensors.WGS84}
	p := grid.NewPlacer(putuo(t), func(id sensors.DeviceID, _ time.Time) (sensors.Position, bool) {
		return registered, id == "known"
	}, grid.PlacerOptions{})
	tests := []struct {
		name   string
		give   sensors.Observation
		area   grid.AreaCode
		placed bool
	}{
		{"position in the payload", observation("known", inZhenru), "310107022", true},
		{"registered place", observation("known", sensors.Position{}), "310107102", true},
		{"neither", observation("unknown", sensors.Position{}), "", false},
		{"outside every area", observation("known", sensors.Position{LatDegrees: 34, LonDegrees: -118, Datum: sensors.WGS84}), "", true},
		{"not on Earth", observation("known", sensors.Position{LatDegrees: math.NaN(), LonDegrees: 121, Datum: sensors.WGS84}), "", false},
		{"beyond the pole", observation("known", sensors.Position{LatDegrees: 91, LonDegrees: 121, Datum: sensors.WGS84}), "", false},
		{"registered place again", observation("known", sensors.Position{}), "310107102", true},
	}
	for _, tt := range tests {
		got, ok := p.Place(tt.give)
		if ok != tt.placed || got.Area != tt.area {
			t.Errorf("%s: placed %v in %q, want %v in %q", tt.name, ok, got.Area, tt.placed, tt.area)
		}
		if ok && got.Observation != tt.give {
			t.Errorf("%s: observation changed to %+v", tt.name, got.Observation)
		}
		if ok && got.Cell.Resolution() != grid.Resolution {
			t.Errorf("%s: cell %s has resolution %d", tt.name, got.Cell, got.Cell.Resolution())
		}
	}
}

func TestPlacer_ConvertsTheDatum(t *testing.T) {
	p := grid.NewPlacer(putuo(t), nil, grid.PlacerOptions{})
	want, _ := p.Place(observation("a", inZhenru))
	at := grid.Point{LatDegrees: inZhenru.LatDegrees, LonDegrees: inZhenru.LonDegrees}
	for _, datum := range []sensors.Datum{sensors.GCJ02, sensors.BD09} {
		got, ok := p.Place(observation("a", grid.FromWGS84(at, datum)))
		if !ok || got.Cell != want.Cell || got.Area != want.Area {
			t.Errorf("%s: got cell %s in %s, want %s in %s", datum, got.Cell, got.Area, want.Cell, want.Area)
		}
	}
}

func TestPlacer_WithoutAreasAndRegister(t *testing.T) {
	p := grid.NewPlacer(nil, nil, grid.PlacerOptions{})
	if got, ok := p.Place(observation("a", inZhenru)); !ok || got.Cell == 0 || got.Area != "" {
		t.Errorf("got %+v, %v", got, ok)
	}
	if _, ok := p.Place(observation("a", sensors.Position{})); ok {
		t.Error("placed without any position")
	}
}

func TestPlacer_ConcurrentUse(t *testing.T) {
	areas := putuo(t)
	want := grid.NewPlacer(areas, nil, grid.PlacerOptions{})
	p := grid.NewPlacer(areas, nil, grid.PlacerOptions{MaxDevices: 128})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 4_000 {
				o := observation(fmt.Sprintf("d%d", (i*7+g)%500), sensors.Position{
					LatDegrees: 31.23 + float64(i%40)*0.001, LonDegrees: 121.36 + float64(g)*0.01, Datum: sensors.WGS84,
				})
				o.Value = float64(i)
				got, ok := p.Place(o)
				exp, _ := want.Place(o)
				if !ok || got != exp {
					t.Errorf("got %+v, want %+v", got, exp)
					return
				}
			}
		})
	}
	wg.Wait()
}

// Budget: 150 ns for a device that stands still.
func BenchmarkPlacer(b *testing.B) {
	const devices = 10_000
	ids := make([]sensors.DeviceID, devices)
	for i := range ids {
		ids[i] = sensors.DeviceID(fmt.Sprintf("noise-%05d", i))
	}
	b.Run("standing still", func(b *testing.B) {
		p := grid.NewPlacer(putuo(b), nil, grid.PlacerOptions{})
		o := observation("", inZhenru)
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			o.Device = ids[i%1000]
			if _, ok := p.Place(o); !ok {
				b.Fatal("not placed")
			}
			i++
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "obs/s")
	})
	b.Run("moving", func(b *testing.B) {
		p := grid.NewPlacer(putuo(b), nil, grid.PlacerOptions{})
		o := observation("car-1", inZhenru)
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			o.Position.LatDegrees = 31.23 + float64(i%10_000)*1e-6
			if _, ok := p.Place(o); !ok {
				b.Fatal("not placed")
			}
			i++
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "obs/s")
	})
}
