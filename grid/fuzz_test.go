package grid_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/urbangrid/urbangrid/grid"
)

// FuzzReadAreas: what is accepted can be drawn, labelled and asked.
func FuzzReadAreas(f *testing.F) {
	b, err := os.ReadFile("putuo.geojson")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(collection(feature("a", "b", 31, 121, 0.01), feature("b", "", 31, 121, 0.02))))
	f.Add([]byte(`{"type":"FeatureCollection","datum":"bd09","features":[{"properties":{"code":"m","name":"区"},"geometry":{"type":"MultiPolygon","coordinates":[[` +
		square(31, 121, 0.01) + `,` + square(31.002, 121.002, 0.005) + `]]}}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		a, err := grid.ReadAreas(bytes.NewReader(text))
		if err != nil {
			return
		}
		codes := map[grid.AreaCode]bool{"": true}
		for _, area := range a.All() {
			if area.Code == "" || area.AreaSquareMeters <= 0 || len(area.Polygons) == 0 {
				t.Fatalf("accepted %+v", area)
			}
			codes[area.Code] = true
		}
		for _, area := range a.All() {
			if got := a.At(area.Label); !codes[got] {
				t.Fatalf("At(%v) = %q, which is no area", area.Label, got)
			}
			for _, polygon := range area.Polygons {
				for _, ring := range polygon {
					if len(ring) < 3 {
						t.Fatalf("accepted a ring of %d corners", len(ring))
					}
				}
			}
		}
	})
}
