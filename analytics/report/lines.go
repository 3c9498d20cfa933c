package report

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// line is one kind in one place over windows.
type line struct {
	key     string // code of the area, key of the kind, "" for the city
	names   sensors.Names
	kind    sensors.Kind
	area    *grid.Area // nil when it is none
	km2     float64    // 0 when it is not known
	devices int        // registered for the kind

	count    []int64
	sum      []float64 // nil for events
	min, max []float64
	begin    int // first window with data; earlier ones have none, which is not zero
}

// value is the number of a window: the count of an event, the mean of a measure.
// NaN means that there is none.
func (l *line) value(i int) float64 {
	switch {
	case l.kind.Type == sensors.Measure && l.count[i] > 0:
		return l.sum[i] / float64(l.count[i])
	case l.kind.Type == sensors.Measure, i < l.begin:
		return math.NaN()
	}
	return float64(l.count[i])
}

// values are those of the windows from on.
func (l *line) values(from int) []float64 {
	out := make([]float64, 0, len(l.count)-from)
	for i := from; i < len(l.count); i++ {
		out = append(out, l.value(i))
	}
	return out
}

// total sums up the windows [from, to).
func (l *line) total(from, to int) (out total) {
	for i := from; i < to; i++ {
		t := total{n: l.count[i]}
		if l.sum != nil {
			t.sum, t.min, t.max = l.sum[i], l.min[i], l.max[i]
		}
		out.add(t)
		if i >= l.begin {
			out.windows++
		}
	}
	return out
}

// total is what a time had altogether.
type total struct {
	n             int64
	sum, min, max float64
	windows       int // since the first observation
}

func (t *total) add(o total) {
	if o.n == 0 {
		return
	}
	if t.n == 0 {
		t.min, t.max = o.min, o.max
	}
	t.n += o.n
	t.sum += o.sum
	t.min, t.max = min(t.min, o.min), max(t.max, o.max)
}

// columnsOf are the columns of a cube that a kind needs.
func columnsOf(k sensors.Kind) []store.Aggregate {
	if k.Type == sensors.Measure {
		return []store.Aggregate{store.Sum, store.Min, store.Max}
	}
	return nil
}

// lines asks for the lines of a trend over bounds: one a kind, or one a place for each
// kind. Areas without an observation are there too,
// with zeros; kinds without one are not, unless they were asked for by name.
func (r *Reporter) lines(ctx context.Context, req Request, bounds []time.Time) ([]line, error) {
	reg, err := r.devices(ctx)
	if err != nil {
		return nil, err
	}
	var out []line
	if req.By.named() {
		for _, k := range r.kindsOf(req) {
			found, err := r.linesOf(ctx, k, req, bounds, reg)
			if err != nil {
				return nil, err
			}
			out = append(out, found...)
		}
		return out, nil
	}
	whole := req.By == ByKind
	if req.By = ByArea; whole {
		req.By = ByCity
	}
	for _, k := range r.kindsOf(req) {
		found, err := r.linesOf(ctx, k, req, bounds, reg)
		if err != nil {
			return nil, err
		}
		for _, l := range found {
			if l.begin == len(l.count) {
				continue
			}
			if whole {
				l.key, l.names = string(k.Key), k.Names
			}
			out = append(out, l)
		}
	}
	return out, nil
}

// linesOf asks for the lines of one kind, by area or of the city.
func (r *Reporter) linesOf(ctx context.Context, kind sensors.Kind, req Request, bounds []time.Time, reg *registerView) ([]line, error) {
	q := store.CubeQuery{Kind: kind.Key, By: store.ByCity, Bounds: bounds, With: columnsOf(kind)}
	if req.By == ByArea {
		q.By = store.ByArea
	}
	c, err := r.cube(ctx, q, req.Areas)
	if err != nil {
		return nil, err
	}
	places := r.placesOf(kind, req, reg, &c)
	begin := firstWindow(&c)
	for i := range places {
		l := &places[i]
		at := placeIndex(&c, l)
		l.begin = begin
		l.count = placeColumn(c.Count, &c, at)
		if kind.Type == sensors.Measure {
			l.sum, l.min, l.max = placeColumn(c.Sum, &c, at), placeColumn(c.Min, &c, at), placeColumn(c.Max, &c, at)
		}
	}
	return places, nil
}

// placeColumn is the part of a column that belongs to a place, zeros for a place that
// the cube does not have.
func placeColumn[T any](column []T, c *store.Cube, place int) []T {
	if place < 0 {
		return make([]T, c.Windows())
	}
	return column[c.Index(place, 0):c.Index(place+1, 0)]
}

// placeIndex is which place of the cube a line is, -1 for one that it does not
// have.
func placeIndex(c *store.Cube, l *line) int {
	if c.City {
		return min(0, c.Places()-1) // the city is no place when nothing was observed
	}
	if i, ok := slices.BinarySearch(c.Areas, grid.AreaCode(l.key)); ok {
		return i
	}
	return -1
}

// placesOf returns the lines without their numbers.
func (r *Reporter) placesOf(kind sensors.Kind, req Request, reg *registerView, c *store.Cube) []line {
	if req.By != ByArea {
		l := line{names: areasName(req.Areas, r.src.Areas.All()), kind: kind, devices: len(reg.of(kind.Key, req.Areas))}
		all, whole := r.src.Areas.All(), req.Areas.Len() == 0
		for _, a := range all {
			if a.Code == req.Areas.Only() {
				l.area = &a
			}
			if whole && !within(a, all) || !whole && req.Areas.Admit(a.Code) {
				l.km2 += a.AreaSquareMeters / 1e6
			}
		}
		return []line{l}
	}
	var out []line
	devices := reg.byArea(kind.Key)
	for _, a := range r.src.Areas.All() {
		if req.Areas.Admit(a.Code) {
			out = append(out, line{key: string(a.Code), names: a.Names, kind: kind, area: &a, km2: a.AreaSquareMeters / 1e6, devices: devices[a.Code]})
		}
	}
	for _, code := range c.Areas {
		known := slices.ContainsFunc(out, func(l line) bool { return l.key == string(code) })
		if !known {
			n := sensors.Names{ZH: string(code), EN: string(code)}
			if code == "" {
				n = names("责任网格之外", "outside every area")
			}
			out = append(out, line{key: string(code), names: n, kind: kind, devices: devices[code]})
		}
	}
	return out
}

// within reports whether an area is a part of another one.
func within(a grid.Area, all []grid.Area) bool {
	return slices.ContainsFunc(all, func(o grid.Area) bool { return o.Code == a.Parent })
}

// firstWindow is the first window of the cube with an observation anywhere, the
// number of windows when there is none.
func firstWindow(c *store.Cube) int {
	for w := range c.Windows() {
		for p := range c.Places() {
			if c.Count[c.Index(p, w)] > 0 {
				return w
			}
		}
	}
	return c.Windows()
}

// unitOf is what the numbers of a line are in: events, or the unit of the kind.
func unitOf(k sensors.Kind) sensors.Names {
	if k.Type == sensors.Event {
		return names("次", "events")
	}
	return k.UnitLabel
}

// per divides, and says why not where it cannot.
func per(n, by float64, otherwise NoteCode) Value {
	if by <= 0 {
		return Missing(otherwise)
	}
	return Number(n / by)
}
