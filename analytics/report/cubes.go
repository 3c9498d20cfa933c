package report

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// kindsOf are the kinds that a request is about, in the order of the catalogue.
func (r *Reporter) kindsOf(req Request) []sensors.Kind {
	var out []sensors.Kind
	for _, k := range r.src.Kinds.All() {
		if req.Kinds.Admit(k.Key) {
			out = append(out, k)
		}
	}
	return out
}

// cube asks for what lies in any of some areas; the empty set is everywhere. The
// areas of observations do not overlap, so that what they have together is the sum of
// what each has. q asks for no area and not for Last. Errors: those of the store.
func (r *Reporter) cube(ctx context.Context, q store.CubeQuery, areas Keys[grid.AreaCode]) (store.Cube, error) {
	if areas.Len() < 2 {
		q.Area = areas.Only()
		return r.oneCube(ctx, q)
	}
	if q.By == store.ByCell {
		var parts []store.Cube
		for _, code := range areas.All() {
			q.Area = code
			c, err := r.oneCube(ctx, q)
			if err != nil {
				return store.Cube{}, err
			}
			parts = append(parts, c)
		}
		return sumCells(parts), nil
	}
	whole := q.By == store.ByCity
	q.By = store.ByArea
	c, err := r.oneCube(ctx, q)
	if err != nil {
		return store.Cube{}, err
	}
	c = onlyAreas(&c, areas)
	if whole {
		c = asCity(&c)
	}
	return c, nil
}

func (r *Reporter) oneCube(ctx context.Context, q store.CubeQuery) (store.Cube, error) {
	c, err := r.src.Series.Cube(ctx, q)
	if err != nil {
		return store.Cube{}, fmt.Errorf("cube of %s: %w", q.Kind, err)
	}
	return c, nil
}

// onlyAreas is the cube of those places that are some areas.
func onlyAreas(c *store.Cube, areas Keys[grid.AreaCode]) store.Cube {
	out := store.Cube{Bounds: c.Bounds, Span: c.Span}
	for i, code := range c.Areas {
		if areas.Admit(code) {
			out.Areas = append(out.Areas, code)
			appendPlace(&out, c, i)
		}
	}
	return out
}

// appendPlace puts a place of a cube behind those of another with the same windows.
func appendPlace(to, from *store.Cube, place int) {
	i, j := from.Index(place, 0), from.Index(place+1, 0)
	to.Count = append(to.Count, from.Count[i:j]...)
	if from.Sum != nil {
		to.Sum, to.Min, to.Max = append(to.Sum, from.Sum[i:j]...), append(to.Min, from.Min[i:j]...), append(to.Max, from.Max[i:j]...)
	}
}

// asCity is a cube with all places as one.
func asCity(c *store.Cube) store.Cube {
	out := store.Cube{Bounds: c.Bounds, Span: c.Span, City: true}
	for p := range c.Places() {
		if p == 0 {
			appendPlace(&out, c, 0)
			continue
		}
		addPlace(&out, 0, c, p)
	}
	return out
}

// sumCells is one cube of several with the same windows: what a cell has in each of
// them is put together.
func sumCells(parts []store.Cube) store.Cube {
	out := store.Cube{Bounds: parts[0].Bounds, Span: parts[0].Span}
	type place struct {
		cell grid.Cell
		part *store.Cube
		at   int
	}
	var places []place
	for i := range parts {
		for at, cell := range parts[i].Cells {
			places = append(places, place{cell, &parts[i], at})
		}
	}
	slices.SortStableFunc(places, func(a, b place) int { return cmp.Compare(a.cell, b.cell) })
	for _, p := range places {
		if n := len(out.Cells); n > 0 && out.Cells[n-1] == p.cell {
			addPlace(&out, n-1, p.part, p.at)
			continue
		}
		out.Cells = append(out.Cells, p.cell)
		appendPlace(&out, p.part, p.at)
	}
	return out
}

// addPlace adds what a place of a cube has to that of another with the same windows.
func addPlace(to *store.Cube, at int, from *store.Cube, place int) {
	for w := range to.Windows() {
		i, j := to.Index(at, w), from.Index(place, w)
		if from.Count[j] == 0 {
			continue
		}
		if from.Sum != nil {
			if to.Count[i] == 0 {
				to.Min[i], to.Max[i] = from.Min[j], from.Max[j]
			}
			to.Sum[i] += from.Sum[j]
			to.Min[i], to.Max[i] = min(to.Min[i], from.Min[j]), max(to.Max[i], from.Max[j])
		}
		to.Count[i] += from.Count[j]
	}
}
