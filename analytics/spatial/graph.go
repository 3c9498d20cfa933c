// Package spatial says where values are high or low compared with the whole study
// area: Getis-Ord, Moran, kernel density and emerging hot spots.
//
// A study area has a value for every one of its cells, zeros included. A cell that
// nothing covers is absent from it, not zero: each cell that is left out or added
// changes every score. Where a score is not defined it is NaN, "no score": in a field
// that is constant, for a cell whose neighbours are everybody, and where a value of
// the field is NaN. P-values are two-sided unless they say otherwise.
//
// None of the scores says whether something unusual happens: they find where people
// are. For that question pass rates or residuals instead of counts.
package spatial

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/urbangrid/urbangrid/analytics/lattice"
)

// ErrValues marks values that do not fit what they are asked about: not one for each
// place, or of a sign that the statistic has no meaning for.
var ErrValues = errors.New("unfit values")

// Graph says who counts as near whom, every neighbour with weight 1. It is immutable
// and safe for concurrent use.
type Graph struct {
	// The place i itself and then its neighbours are near[start[i]:start[i+1]].
	start []int32
	near  []int32
}

// Disks returns the graph in which the neighbours of a cell are those within distance
// k, in the order of l.Cells. Cells at the edge have fewer, those around a pentagon
// five, an island none. It returns an error when l has fewer than k rings or k is
// negative.
func Disks(l *lattice.Lattice, k int) (*Graph, error) {
	if k < 0 || k > l.Rings() {
		return nil, fmt.Errorf("disks of %d rings on a lattice of %d", k, l.Rings())
	}
	g := &Graph{start: make([]int32, 1, l.Len()+1), near: make([]int32, 0, l.Len()*(1+3*k*(k+1)))}
	for i := range l.Len() {
		g.near = append(g.near, l.Disk(i, k)...)
		g.start = append(g.start, int32(len(g.near))) //nolint:gosec // cells of a city
	}
	return g, nil
}

// NewGraph returns the graph of any places: near[i] lists the neighbours of place i,
// without i itself. It returns an error when one is out of range, named twice, its own
// neighbour, or not mutual.
func NewGraph(near [][]int) (*Graph, error) {
	g := &Graph{start: make([]int32, 1, len(near)+1)}
	for i, others := range near {
		g.near = append(g.near, int32(i)) //nolint:gosec // indices of a slice
		for at, j := range others {
			if j < 0 || j >= len(near) || j == i || slices.Contains(others[:at], j) || !slices.Contains(near[j], i) {
				return nil, fmt.Errorf("place %d cannot have the neighbour %d: out of range, itself, twice or not mutual", i, j)
			}
			g.near = append(g.near, int32(j)) //nolint:gosec // below len(near)
		}
		g.start = append(g.start, int32(len(g.near))) //nolint:gosec // edges of a graph
	}
	return g, nil
}

// Len returns how many places there are.
func (g *Graph) Len() int { return len(g.start) - 1 }

// disk is place i and its neighbours, i first.
func (g *Graph) disk(i int) []int32 { return g.near[g.start[i]:g.start[i+1]] }

// neighbors are those of place i, without i.
func (g *Graph) neighbors(i int) []int32 { return g.near[g.start[i]+1 : g.start[i+1]] }

func (g *Graph) fits(x []float64) error {
	if len(x) != g.Len() {
		return fmt.Errorf("%w: %d for %d places", ErrValues, len(x), g.Len())
	}
	return nil
}

func sum(x []float64, at []int32) float64 {
	total := 0.0
	for _, i := range at {
		total += x[i]
	}
	return total
}

// TwoSided returns the chance that a standard normal value is at least as far from 0
// as z, without loss in the tails; NaN for NaN.
func TwoSided(z float64) float64 { return math.Erfc(math.Abs(z) / math.Sqrt2) }

func twoSided(z []float64) []float64 {
	p := make([]float64, len(z))
	for i, v := range z {
		p[i] = TwoSided(v)
	}
	return p
}

func noScores(n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = math.NaN()
	}
	return out
}
