package dashboard

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/urbangrid/urbangrid/analytics/report"
	"github.com/urbangrid/urbangrid/analytics/report/export"
)

type layerInput struct {
	Layer      string `path:"layer" enum:"gistar,moran,kde,hotspots" doc:"What to show: Gi* with FDR, local Moran, density, or hot cells that touch" example:"gistar"`
	Kind       string `query:"kind" required:"true" doc:"Key of the kind" maxLength:"100" example:"smoke"`
	Period     string `query:"period" pattern:"^[1-9][0-9]{0,3}[hdw]$" default:"28d" doc:"How many whole hours, days or weeks before now: 24h, 28d, 4w" example:"7d"`
	Resolution int    `query:"resolution" minimum:"7" maximum:"10" default:"9" doc:"H3 resolution of cells: 10 is about 1.1 ha, 9 about 8 ha" example:"9"`
	Area       string `query:"area" doc:"Narrow to one responsibility area by its code" maxLength:"100" example:"310107005"`
	Rings      int    `query:"rings" minimum:"1" maximum:"3" default:"1" doc:"How many rings of cells around are neighbours" example:"1"`
	Of         string `query:"of" enum:"auto,count,rate" default:"auto" doc:"Counts, or events per device; auto takes rates where every cell has a device" example:"auto"`
	Format     string `query:"format" enum:"geojson,columns" default:"geojson" doc:"GeoJSON with polygons, or JSON by columns with cells" example:"columns"`
}

var layerPeriod = regexp.MustCompile(`^([1-9][0-9]{0,3})([hdw])$`)

// request is the question to the report of hot spots that the layer is a part of:
// that of the report's page is the same, so that both have one answer.
func (in *layerInput) request(d report.District) (report.Request, error) {
	step, n := report.Day, 0
	if m := layerPeriod.FindStringSubmatch(in.Period); m != nil {
		n, _ = strconv.Atoi(m[1]) // the pattern has seen it
		switch m[2] {
		case "h":
			step = report.Hour
		case "w":
			n *= 7
		}
	}
	to := step.Floor(d.Now, d.Zone)
	return report.Parse(report.Hotspots, url.Values{
		"kind": {in.Kind}, "every": {string(step)}, "from": {step.Add(to, -n, d.Zone).Format(time.RFC3339)}, "to": {to.Format(time.RFC3339)},
		"resolution": {strconv.Itoa(in.Resolution)}, "area": {in.Area}, "rings": {strconv.Itoa(in.Rings)}, "of": {in.Of},
	}, d)
}

func (s *Server) getLayer(ctx context.Context, in *layerInput) (*reportOutput, error) {
	if s.deps.Reports == nil {
		return nil, errNoReports
	}
	req, err := in.request(s.deps.Reports.District())
	var faults report.Faults
	if errors.As(err, &faults) {
		for i := range faults {
			if faults[i].Param == "from" {
				faults[i].Param = "period"
			}
		}
		return nil, faultsProblem(faults)
	}
	if err != nil {
		return nil, err
	}
	whole, err := s.deps.Reports.Ask(ctx, req)
	if err != nil {
		return nil, s.reportProblem(ctx, err)
	}
	part, err := whole.Layer(report.LayerName(in.Layer))
	if errors.Is(err, report.ErrNoLayer) {
		return nil, huma.Error422UnprocessableEntity(err.Error(), &huma.ErrorDetail{Message: err.Error(), Location: "path.layer", Value: in.Layer})
	}
	if err != nil {
		return nil, err
	}
	return layerFile(part, in.Format)
}

// layerFile writes a layer. One without a place is an empty collection.
func layerFile(part *report.Result, format string) (*reportOutput, error) {
	if format == "columns" {
		body, err := json.Marshal(part.Columns())
		return &reportOutput{ContentType: export.JSON.ContentType(), Body: body}, err
	}
	var b bytes.Buffer
	if err := export.WriteLayer(&b, part); err != nil {
		return nil, err
	}
	return &reportOutput{ContentType: export.GeoJSON.ContentType(), Body: b.Bytes()}, nil
}

func (s *Server) layerOperations(api huma.API) {
	op := operation("get-layer", "/layers/{layer}", reportTag, "Layers of the map",
		"Where events or levels of a kind gather, as a layer: Gi* and its FDR q by cell, local Moran's quadrants, the density of events, or clusters of hot cells. A part of the report of hot spots, from the same memory, with its definitions and notes; what there is not enough data for is missing with a note.")
	op.Errors = append(op.Errors, http.StatusNotImplemented)
	schema := api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[report.Columns](), true, "Layer")
	op.Responses = map[string]*huma.Response{"200": {Description: "The layer", Content: map[string]*huma.MediaType{
		export.GeoJSON.ContentType(): {Schema: &huma.Schema{Type: huma.TypeObject, Description: "A FeatureCollection; its member report says of itself what reports say"}},
		export.JSON.ContentType():    {Schema: schema},
	}}}
	huma.Register(api, op, s.getLayer)
}
