package report

import (
	"errors"
	"slices"
	"time"

	"github.com/urbangrid/urbangrid/sensors"
)

// LayerName names a layer of the map: a part of the report of hot spots.
type LayerName string

// The layers.
const (
	GiStarLayer  LayerName = "gistar"   // where it is hot and cold, by cell
	MoranLayer   LayerName = "moran"    // what lies among its like, and what alone
	DensityLayer LayerName = "kde"      // how dense events are
	ClusterLayer LayerName = "hotspots" // hot cells that touch
)

// LayerNames are the layers in the order in which people are told of them.
var LayerNames = [...]LayerName{GiStarLayer, MoranLayer, DensityLayer, ClusterLayer}

// ErrNoLayer says that a report has nothing to make a layer of: a measure has no
// density.
var ErrNoLayer = errors.New("levels have no density: that layer is of events")

// layer is what a layer takes from the report of hot spots.
type layer struct {
	names       sensors.Names
	table       string
	columns     []string // nil for all
	methods     []string
	definitions []string
}

var layers = map[LayerName]layer{
	GiStarLayer: {
		names: names("冷热点（Gi*）", "Hot and cold spots (Gi*)"), table: "cells", columns: []string{"cell", "area", "count", "value", "expected", "z", "p", "q", "class"},
		methods: []string{"gi_star", "fdr"}, definitions: []string{"count", "level", "gi", "expected"},
	},
	MoranLayer: {
		names: names("局部莫兰", "Local Moran"), table: "cells", columns: []string{"cell", "area", "count", "value", "moran", "moran_q", "quadrant"},
		methods: []string{"local_moran", "fdr"}, definitions: []string{"count", "level", "moran"},
	},
	DensityLayer: {
		names: names("核密度", "Density"), table: "cells", columns: []string{"cell", "area", "count", "density"},
		methods: []string{"kde"}, definitions: []string{"count", "kde"},
	},
	ClusterLayer: {
		names: names("热点片区", "Clusters"), table: "clusters",
		methods: []string{"gi_star", "fdr"}, definitions: []string{"count", "level", "gi", "expected", "cluster"},
	},
}

// Title returns what people call a layer.
func (n LayerName) Title() sensors.Names { return layers[n].names }

// Layer returns the part of a report of hot spots that a layer shows, as a report of
// its own with one table. Errors: ErrNoLayer.
func (r *Result) Layer(name LayerName) (*Result, error) {
	l := layers[name]
	t, ok := r.Table(l.table)
	if !ok {
		return nil, errors.New("only the report of hot spots has layers")
	}
	if name == DensityLayer && !slices.ContainsFunc(t.Columns, func(c Column) bool { return c.Key == "density" }) {
		return nil, ErrNoLayer
	}
	out := *r
	out.Title = l.names
	if k := slices.IndexFunc(r.Parameters, func(p Parameter) bool { return p.Key == "kind" }); k >= 0 {
		if kind, ok := r.Parameters[k].Value.v.(sensors.Names); ok {
			out.Title = sensors.Names{ZH: l.names.ZH + "：" + kind.ZH, EN: l.names.EN + ": " + kind.EN}
		}
	}
	out.Methods = pick(r.Methods, l.methods, func(m Method) string { return m.Key })
	out.Definitions = pick(r.Definitions, l.definitions, func(d Definition) string { return d.Key })
	out.Tables = []Table{t.only(l.columns)}
	out.Features = slices.DeleteFunc(slices.Clone(r.Features), func(f Feature) bool { return f.Table != l.table })
	general := slices.DeleteFunc(slices.Clone(r.Notes), func(n Note) bool { return n.Count > 0 })
	out.Notes = notesOf(out.Tables, general)
	return &out, nil
}

// pick returns those of a list whose keys are wanted.
func pick[T any](list []T, keys []string, key func(T) string) []T {
	return slices.DeleteFunc(slices.Clone(list), func(v T) bool { return !slices.Contains(keys, key(v)) })
}

// only is the table with these columns alone, nil for all.
func (t Table) only(keys []string) Table {
	if keys == nil {
		return t
	}
	out := Table{Key: t.Key, Title: t.Title, Columns: []Column{}, Rows: make([][]Value, len(t.Rows))}
	var keep []int
	for i, c := range t.Columns {
		if slices.Contains(keys, c.Key) {
			keep, out.Columns = append(keep, i), append(out.Columns, c)
		}
	}
	for n, row := range t.Rows {
		out.Rows[n] = make([]Value, len(keep))
		for k, i := range keep {
			out.Rows[n][k] = row[i]
		}
	}
	return out
}

// Columns is a report of one table by columns, as a map wants it.
type Columns struct {
	Title       sensors.Names `json:"title"`
	Version     Version       `json:"version"`
	GeneratedAt time.Time     `json:"generated_at" doc:"When it was computed; an answer from memory keeps its time"`
	Period      Period        `json:"period"`
	Data        Data          `json:"data"`
	Methods     []Method      `json:"methods" nullable:"false"`
	Parameters  []Parameter   `json:"parameters" nullable:"false"`
	Definitions []Definition  `json:"definitions" nullable:"false"`
	Notes       []Note        `json:"notes" nullable:"false"`
	Cells       [][]CellID    `json:"cells" nullable:"false" doc:"H3 cells of each row"`
	Columns     []ValueColumn `json:"columns" nullable:"false"`
}

// ValueColumn is a column with its values, one a row.
type ValueColumn struct {
	Column
	Values []Value `json:"values" nullable:"false"`
}

// Columns returns the first table of r by columns.
func (r *Result) Columns() Columns {
	t := r.Tables[0]
	out := Columns{
		Title: r.Title, Version: r.Version, GeneratedAt: r.GeneratedAt, Period: r.Period, Data: r.Data, Methods: r.Methods,
		Parameters: r.Parameters, Definitions: r.Definitions, Notes: r.Notes, Cells: make([][]CellID, len(t.Rows)), Columns: make([]ValueColumn, len(t.Columns)),
	}
	for i := range out.Cells {
		out.Cells[i] = []CellID{}
	}
	for _, f := range r.Features {
		out.Cells[f.Row] = f.Cells
	}
	for i, c := range t.Columns {
		out.Columns[i] = ValueColumn{Column: c, Values: make([]Value, len(t.Rows))}
		for n, row := range t.Rows {
			out.Columns[i].Values[n] = row[i]
		}
	}
	return out
}
