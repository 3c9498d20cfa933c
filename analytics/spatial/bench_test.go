package spatial_test

import (
	"math/rand/v2"
	"testing"

	"github.com/urbangrid/urbangrid/analytics/spatial"
)

// The live map scores 12 kinds once a second: 60,000 cells of one ring within 25 ms on
// one core, without allocating.
func BenchmarkGetisOrd(b *testing.B) {
	const kinds = 12
	for _, size := range []struct {
		name string
		k    int
	}{{"4000", 36}, {"60000", 141}, {"600000", 447}} {
		b.Run(size.name, func(b *testing.B) {
			g := area(b, around(b, size.k), 1)
			m := spatial.NewMap[float32](g)
			random := rand.New(rand.NewPCG(1, 2))
			x, z := make([][]float32, kinds), make([]float32, g.Len())
			for kind := range x {
				x[kind] = make([]float32, g.Len())
				for i := range x[kind] {
					x[kind][i] = float32(random.IntN(20))
				}
			}
			b.ReportAllocs()
			for b.Loop() {
				for kind := range x {
					m.Score(z, x[kind])
				}
			}
			b.ReportMetric(float64(kinds*g.Len())*float64(b.N)/b.Elapsed().Seconds(), "scores/s")
		})
	}
}

// The district's cells over 90 days, for a report on request: within a second.
func BenchmarkEmerging(b *testing.B) {
	g := area(b, around(b, 40), 1) // 4,921 cells
	random := rand.New(rand.NewPCG(1, 2))
	cube := make([][]float64, 90)
	for step := range cube {
		cube[step] = make([]float64, g.Len())
		for i := range cube[step] {
			cube[step][i] = float64(random.IntN(20))
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := g.Emerging(cube, spatial.EmergingOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}

// A permutation is made on request: 5,000 cells and 999 rounds within a second.
func BenchmarkPermute(b *testing.B) {
	g := area(b, around(b, 40), 1)
	random := rand.New(rand.NewPCG(1, 2))
	x := make([]float64, g.Len())
	for i := range x {
		x[i] = random.ExpFloat64()
	}
	for b.Loop() {
		if _, err := g.Permute(b.Context(), x, 999, 1); err != nil {
			b.Fatal(err)
		}
	}
}
