package grid_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

// meters returns how far b is to the east and north of a, close to a.
func meters(a, b grid.Point) (east, north float64) {
	const metersPerDegree = 6_371_008.8 * math.Pi / 180
	return (b.LonDegrees - a.LonDegrees) * metersPerDegree * math.Cos(a.LatDegrees*math.Pi/180),
		(b.LatDegrees - a.LatDegrees) * metersPerDegree
}

func TestToWGS84_UndoesTheShiftToAMillimetre(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// A degree away from the edge of the rectangle, where a shifted point may
		// lie on the other side.
		p := grid.Point{
			LatDegrees: rapid.Float64Range(2, 54).Draw(t, "lat"),
			LonDegrees: rapid.Float64Range(73, 136).Draw(t, "lon"),
		}
		for _, datum := range []sensors.Datum{sensors.WGS84, sensors.GCJ02, sensors.BD09} {
			back := grid.ToWGS84(grid.FromWGS84(p, datum))
			if east, north := meters(p, back); math.Hypot(east, north) > 1e-3 {
				t.Fatalf("%v through %s is off by %g m east, %g m north", p, datum, east, north)
			}
		}
	})
}

func TestFromWGS84_ShiftsPutuoAsMapsOfChinaDo(t *testing.T) {
	p := grid.Point{LatDegrees: 31.2498, LonDegrees: 121.3955}
	q := grid.FromWGS84(p, sensors.GCJ02)
	east, north := meters(p, grid.Point{LatDegrees: q.LatDegrees, LonDegrees: q.LonDegrees})
	if math.Abs(east-442) > 5 || math.Abs(north+203) > 5 {
		t.Errorf("shift is %.1f m east and %.1f m north, want about 442 and -203", east, north)
	}
}

// Published pairs: Tiananmen in the three datums, as the test data of the
// coordtransform libraries state it (116.404, 39.915 taken as each datum).
func TestToWGS84_AgreesWithPublishedPairs(t *testing.T) {
	tests := []struct {
		name string
		give sensors.Position
		want grid.Point
		tol  float64 // degrees; the published inverse is a single step
	}{
		{"gcj02", sensors.Position{LatDegrees: 39.915, LonDegrees: 116.404, Datum: sensors.GCJ02}, grid.Point{LatDegrees: 39.91359571849836, LonDegrees: 116.39775550083061}, 2e-5},
		{"wgs84", sensors.Position{LatDegrees: 39.915, LonDegrees: 116.404, Datum: sensors.WGS84}, grid.Point{LatDegrees: 39.915, LonDegrees: 116.404}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := grid.ToWGS84(tt.give)
			if math.Abs(got.LatDegrees-tt.want.LatDegrees) > tt.tol || math.Abs(got.LonDegrees-tt.want.LonDegrees) > tt.tol {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
	forward := grid.FromWGS84(grid.Point{LatDegrees: 39.915, LonDegrees: 116.404}, sensors.GCJ02)
	if math.Abs(forward.LonDegrees-116.41024449916938) > 1e-9 || math.Abs(forward.LatDegrees-39.91640428150164) > 1e-9 {
		t.Errorf("wgs84 to gcj02: got %v", forward)
	}
}

func TestToWGS84_LeavesPlacesOutsideChinaAlone(t *testing.T) {
	for _, datum := range []sensors.Datum{sensors.GCJ02, sensors.BD09} {
		p := sensors.Position{LatDegrees: 34.0676, LonDegrees: -118.294, Datum: datum}
		if got := grid.ToWGS84(p); got.LatDegrees != p.LatDegrees || got.LonDegrees != p.LonDegrees {
			t.Errorf("%s: Los Angeles moved to %v", datum, got)
		}
	}
}
