package spatial

import (
	"fmt"
	"math"
	"slices"

	"github.com/urbangrid/urbangrid/analytics/lattice"
)

// Point is a place on a plane, in metres. Project degrees before.
type Point struct {
	X, Y float64
}

// Kernel spreads one event: the density, per square metre, at a distance from it with
// a bandwidth, both in metres. It integrates to 1 over the plane.
type Kernel func(distance, bandwidth float64) float64

// Gaussian is the normal kernel exp(−d²/2h²)/(2πh²), the bandwidth its deviation.
func Gaussian(distance, bandwidth float64) float64 {
	r := distance / bandwidth
	return math.Exp(-r*r/2) / (2 * math.Pi * bandwidth * bandwidth)
}

// Quartic is the kernel 3/(πh²)·(1−(d/h)²)² within the bandwidth and 0 beyond it
// (Silverman 1986, equation 4.5), the one of ArcGIS' Kernel Density.
func Quartic(distance, bandwidth float64) float64 {
	if distance >= bandwidth {
		return 0
	}
	r := distance / bandwidth
	return 3 / (math.Pi * bandwidth * bandwidth) * (1 - r*r) * (1 - r*r)
}

// Density returns the events per square metre at a place, each spread by the kernel.
// It is for looking at: no significance belongs to it. The bandwidth must be above 0.
func Density(events []Point, kernel Kernel, bandwidth float64, at Point) float64 {
	total := 0.0
	for _, e := range events {
		total += kernel(math.Hypot(at.X-e.X, at.Y-e.Y), bandwidth)
	}
	return total
}

// SearchRadius returns ArcGIS' default bandwidth of Kernel Density in metres:
// 0.9·min(SD, √(1/ln 2)·Dm)·n^−0.2 with the standard distance SD and the median
// distance Dm from the mean centre, a form of Silverman's rule that far events do not
// stretch. It is 0 when the events do not spread, NaN when there is none.
func SearchRadius(events []Point) float64 {
	if len(events) == 0 {
		return math.NaN()
	}
	n := float64(len(events))
	center := centroid(events)
	distances := make([]float64, len(events))
	squares := 0.0
	for i, e := range events {
		distances[i] = math.Hypot(e.X-center.X, e.Y-center.Y)
		squares += distances[i] * distances[i]
	}
	slices.Sort(distances)
	median := (distances[(len(events)-1)/2] + distances[len(events)/2]) / 2
	return 0.9 * min(math.Sqrt(squares/n), math.Sqrt(1/math.Ln2)*median) * math.Pow(n, -0.2)
}

func centroid(events []Point) Point {
	var c Point
	for _, e := range events {
		c.X += e.X
		c.Y += e.Y
	}
	n := float64(len(events))
	return Point{X: c.X / n, Y: c.Y / n}
}

// Silverman is a normal density estimate whose kernel has the shape of the events
// themselves: their covariance, ÷(n−1), times the square of Silverman's factor
// n^(−1/6). It is scipy's gaussian_kde with bw_method "silverman".
type Silverman struct {
	events        []Point
	xx, xy, yy    float64 // the inverse of the kernel's covariance
	normalisation float64
}

// NewSilverman returns the estimate of events, which it keeps. It returns [ErrValues]
// when they lie on a line or a point: they have no shape then.
func NewSilverman(events []Point) (*Silverman, error) {
	n := float64(len(events))
	center := centroid(events)
	var xx, xy, yy float64
	for _, e := range events {
		dx, dy := e.X-center.X, e.Y-center.Y
		xx += dx * dx
		xy += dx * dy
		yy += dy * dy
	}
	factor := math.Pow(n, -1.0/6)
	scale := factor * factor / (n - 1)
	xx, xy, yy = xx*scale, xy*scale, yy*scale
	determinant := xx*yy - xy*xy
	// Of events on a line rounding may leave a determinant that is not quite 0.
	if !(determinant > 1e-14*xx*yy) {
		return nil, fmt.Errorf("%w: the density of %d events that lie on a line", ErrValues, len(events))
	}
	return &Silverman{
		events: events, xx: yy / determinant, xy: -xy / determinant, yy: xx / determinant,
		normalisation: 1 / (n * 2 * math.Pi * math.Sqrt(determinant)),
	}, nil
}

// Density returns the probability per square metre at a place: it integrates to 1, not
// to the number of events.
func (s *Silverman) Density(at Point) float64 {
	total := 0.0
	for _, e := range s.events {
		dx, dy := at.X-e.X, at.Y-e.Y
		total += math.Exp(-(s.xx*dx*dx + 2*s.xy*dx*dy + s.yy*dy*dy) / 2)
	}
	return total * s.normalisation
}

// Smooth spreads the sum of each cell over its disk in proportion to weights, one for
// each ring from the cell itself outwards, and returns the sums there are then. It is
// the density for cells: what is spread stays in the area, so the total does not
// change. It returns [ErrValues] when x does not have a value for each cell, and an
// error when there are more weights than rings, a weight is negative, or the first is
// not above 0.
func Smooth(l *lattice.Lattice, x, weights []float64) ([]float64, error) {
	if len(x) != l.Len() {
		return nil, fmt.Errorf("%w: %d for %d cells", ErrValues, len(x), l.Len())
	}
	if len(weights) == 0 || len(weights) > l.Rings()+1 || !(weights[0] > 0) || !(slices.Min(weights) >= 0) {
		return nil, fmt.Errorf("smooth with weights %v on a lattice of %d rings", weights, l.Rings())
	}
	out := make([]float64, len(x))
	for i, v := range x {
		all := 0.0
		for k, w := range weights {
			all += w * float64(len(l.Ring(i, k)))
		}
		for k, w := range weights {
			for _, j := range l.Ring(i, k) {
				out[j] += v * w / all
			}
		}
	}
	return out, nil
}
