package dashboard

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/dashboard/live"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

type cellsInput struct {
	Kind       string    `query:"kind" required:"true" doc:"Key of the kind" example:"noise"`
	Resolution int       `query:"resolution" minimum:"7" maximum:"10" default:"10" doc:"H3 resolution; coarser cells are made of those of resolution 10"`
	BBox       []float64 `query:"bbox" nullable:"false" minItems:"4" maxItems:"4" doc:"West, south, east and north in degrees WGS 84: only cells that touch it" example:"[121.35,31.22,121.46,31.29]"`
}

type cellView struct {
	Cell   string    `json:"cell" doc:"H3 index"`
	Value  float64   `json:"value" doc:"A measure: the mean; an event: how many"`
	Count  int64     `json:"count" doc:"Observations in the window"`
	Min    float64   `json:"min" doc:"Least value, in the unit of the kind"`
	Max    float64   `json:"max" doc:"Greatest value, in the unit of the kind"`
	Last   float64   `json:"last" doc:"Newest value, in the unit of the kind"`
	LastAt time.Time `json:"last_at" doc:"Phenomenon time of the newest value"`
}

type cellsBody struct {
	Kind          sensors.KindKey `json:"kind"`
	Resolution    int             `json:"resolution"`
	Unit          string          `json:"unit" doc:"UCUM code of value: 1 for an event"`
	At            time.Time       `json:"at" doc:"When this was asked"`
	WindowSeconds float64         `json:"window_seconds" doc:"How far back the cells look, in seconds of phenomenon time"`
	Cells         []cellView      `json:"cells" nullable:"false" doc:"Cells that show something, in the order of their index"`
}

type cellsOutput struct{ Body cellsBody }

type tableInput struct {
	Hash string `path:"hash" doc:"The tbl of a snapshot of the live view"`
}

type tableOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         struct {
		Hash       string   `json:"hash"`
		Resolution int      `json:"resolution"`
		Cells      []string `json:"cells" nullable:"false" doc:"H3 indices in ascending order"`
	}
}

func (s *Server) cellOperations(api huma.API) {
	const tag = "live"
	huma.Register(api, operation("list-cells", "/cells", tag, "Cells now",
		"What the cells show now. With Accept: application/geo+json the answer is that of cells.geojson."),
		func(_ context.Context, in *cellsInput) (*cellsOutput, error) {
			body, err := s.cells(in)
			return &cellsOutput{Body: body}, err
		})
	huma.Register(api, geoOperation("get-cells-geojson", "/cells.geojson", tag, "Cells now as polygons",
		"The live cells as true H3 polygons in WGS 84, with the fields of list-cells as properties."), s.cellsGeoJSON)
	table := operation("get-cell-table", "/cells/tables/{hash}", tag, "Cell table",
		"The cells that frames of the live view name by their place in this list. It never changes.")
	table.Errors = []int{http.StatusNotFound}
	huma.Register(api, table, s.cellTable)
}

func (s *Server) cells(in *cellsInput) (cellsBody, error) {
	kind, err := s.kind(sensors.KindKey(in.Kind))
	if err != nil {
		return cellsBody{}, err
	}
	body := cellsBody{
		Kind: kind.Key, Resolution: in.Resolution, Unit: unitOf(kind, kind.Type == sensors.Event),
		At: s.deps.Now().UTC(), WindowSeconds: analytics.LiveWindow(kind.Type).Seconds(), Cells: []cellView{},
	}
	found, _ := s.hub.Cells(kind.Key, in.Resolution)
	for _, c := range found {
		inside, err := touches(c.Cell, in.BBox)
		if err != nil {
			return cellsBody{}, huma.Error500InternalServerError(err.Error())
		}
		if inside {
			body.Cells = append(body.Cells, viewCell(kind, c))
		}
	}
	return body, nil
}

func viewCell(k sensors.Kind, c live.CellNow) cellView {
	v := cellView{
		Cell: c.Cell.String(), Count: c.Rollup.Count, Min: c.Rollup.Min, Max: c.Rollup.Max,
		Last: c.Rollup.Last, LastAt: c.Rollup.LastAt.UTC(),
	}
	if k.Type == sensors.Event {
		v.Value = float64(c.Rollup.Count)
	} else {
		v.Value, _ = c.Rollup.Mean()
	}
	return v
}

// unitOf returns the unit of a value of k, or of how many there were.
func unitOf(k sensors.Kind, counted bool) string {
	if counted {
		return "1"
	}
	return k.Unit
}

// touches reports whether the box around c meets bbox (west, south, east,
// north); every cell meets an empty bbox.
func touches(c grid.Cell, bbox []float64) (bool, error) {
	if len(bbox) != 4 {
		return true, nil
	}
	corners, err := c.Boundary()
	if err != nil {
		return false, err
	}
	west, south, east, north := 180.0, 90.0, -180.0, -90.0
	for _, p := range corners {
		west, east = min(west, p.LonDegrees), max(east, p.LonDegrees)
		south, north = min(south, p.LatDegrees), max(north, p.LatDegrees)
	}
	return west <= bbox[2] && east >= bbox[0] && south <= bbox[3] && north >= bbox[1], nil
}

func (s *Server) cellsGeoJSON(_ context.Context, in *cellsInput) (*geoOutput, error) {
	body, err := s.cells(in)
	if err != nil {
		return nil, err
	}
	features := make([]feature, len(body.Cells))
	for i, v := range body.Cells {
		c, err := grid.ParseCell(v.Cell)
		if err != nil {
			return nil, huma.Error500InternalServerError(err.Error())
		}
		ring, err := c.Boundary()
		if err != nil {
			return nil, huma.Error500InternalServerError(err.Error())
		}
		features[i] = feature{
			Type: "Feature", ID: v.Cell, Properties: v,
			Geometry: geometry{Type: "Polygon", Coordinates: [][]position{closed(ring)}},
		}
	}
	b, err := json.Marshal(map[string]any{
		"type": "FeatureCollection", "kind": body.Kind, "resolution": body.Resolution, "unit": body.Unit,
		"at": body.At, "window_seconds": body.WindowSeconds, "features": features,
	})
	if err != nil {
		return nil, huma.Error500InternalServerError(err.Error())
	}
	return &geoOutput{ContentType: geoJSON, CacheControl: "no-store", Body: b}, nil
}

func (s *Server) cellTable(_ context.Context, in *tableInput) (*tableOutput, error) {
	t, ok := s.hub.Table(in.Hash)
	if !ok {
		return nil, huma.Error404NotFound("no such cell table; take the one that a new snapshot names")
	}
	out := &tableOutput{CacheControl: "public, max-age=31536000, immutable"}
	out.Body.Hash, out.Body.Resolution, out.Body.Cells = t.Hash, t.Resolution, make([]string, len(t.Cells))
	for i, c := range t.Cells {
		out.Body.Cells[i] = c.String()
	}
	return out, nil
}
