package dashboard

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

type areaView struct {
	Code             grid.AreaCode `json:"code" example:"310107005"`
	Names            sensors.Names `json:"names"`
	Parent           grid.AreaCode `json:"parent" doc:"Code of the area it is a part of, empty for none"`
	Label            pointView     `json:"label" doc:"A place inside, fit for writing the name at"`
	AreaSquareMeters float64       `json:"area_square_meters"`
}

type areasBody struct {
	Note  sensors.Names `json:"note" doc:"What the source of the boundaries says about them"`
	Areas []areaView    `json:"areas" nullable:"false"`
}

type areasOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         areasBody
}

// geoOutput is a GeoJSON document.
type geoOutput struct {
	ContentType  string `header:"Content-Type"`
	CacheControl string `header:"Cache-Control"`
	Body         []byte
}

const geoJSON = "application/geo+json"

// areaViews are the answers about areas. They are made once, because areas do
// not change while the server runs.
type areaViews struct {
	list areasBody
	geo  []byte
}

var noAreaViews = areaViews{
	list: areasBody{Areas: []areaView{}},
	geo:  []byte(`{"type":"FeatureCollection","features":[]}`),
}

type feature struct {
	Type       string   `json:"type"`
	ID         string   `json:"id"`
	Geometry   geometry `json:"geometry"`
	Properties any      `json:"properties"`
}

type geometry struct {
	Type        string `json:"type"`
	Coordinates any    `json:"coordinates"`
}

// position is a GeoJSON position: longitude first.
type position [2]float64

func newAreaViews(areas Areas) (areaViews, error) {
	v := areaViews{list: areasBody{Note: areas.Note(), Areas: []areaView{}}}
	features := []feature{}
	for _, a := range areas.All() {
		view := areaView{
			Code: a.Code, Names: a.Names, Parent: a.Parent, AreaSquareMeters: math.Round(a.AreaSquareMeters),
			Label: pointView{Lat: a.Label.LatDegrees, Lon: a.Label.LonDegrees},
		}
		v.list.Areas = append(v.list.Areas, view)
		polygons := make([][][]position, len(a.Polygons))
		for i, p := range a.Polygons {
			for _, ring := range p {
				polygons[i] = append(polygons[i], closed(ring))
			}
		}
		features = append(features, feature{
			Type: "Feature", ID: string(a.Code), Properties: view,
			Geometry: geometry{Type: "MultiPolygon", Coordinates: polygons},
		})
	}
	var err error
	v.geo, err = json.Marshal(map[string]any{"type": "FeatureCollection", "note": v.list.Note, "features": features})
	if err != nil {
		return areaViews{}, fmt.Errorf("encode areas: %w", err)
	}
	return v, nil
}

// closed returns ring as GeoJSON wants it: the first position again at the end.
func closed(ring []grid.Point) []position {
	out := make([]position, 0, len(ring)+1)
	for _, p := range ring {
		out = append(out, positionOf(p))
	}
	if len(out) > 0 {
		out = append(out, out[0])
	}
	return out
}

// positionOf rounds to a centimetre.
func positionOf(p grid.Point) position {
	const steps = 1e7
	return position{math.Round(p.LonDegrees*steps) / steps, math.Round(p.LatDegrees*steps) / steps}
}

func (s *Server) areaOperations(api huma.API) {
	const tag, forMinutes = "catalogue", "max-age=300"
	huma.Register(api, operation("list-areas", "/areas", tag, "Areas", "The responsibility areas of the district, without their boundaries."),
		func(context.Context, *struct{}) (*areasOutput, error) {
			return &areasOutput{CacheControl: forMinutes, Body: s.areas.list}, nil
		})
	huma.Register(api, geoOperation("get-areas-geojson", "/areas.geojson", tag, "Areas with their boundaries", "A GeoJSON collection in WGS 84. Its note says where the boundaries come from."),
		func(context.Context, *struct{}) (*geoOutput, error) {
			return &geoOutput{ContentType: geoJSON, CacheControl: forMinutes, Body: s.areas.geo}, nil
		})
}

// geoOperation describes a GET that is answered in GeoJSON.
func geoOperation(id, path, tag, summary, description string) huma.Operation {
	op := operation(id, path, tag, summary, description)
	op.Responses = map[string]*huma.Response{"200": {
		Description: "GeoJSON feature collection (RFC 7946)",
		Content:     map[string]*huma.MediaType{geoJSON: {Schema: &huma.Schema{Type: huma.TypeObject}}},
	}}
	return op
}

// negotiated sends those who want GeoJSON of a path that has it to the twin of
// that path.
func negotiated(next http.Handler) http.Handler {
	twins := map[string]string{root + "/cells": root + "/cells.geojson", root + "/areas": root + "/areas.geojson"}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if twin := twins[r.URL.Path]; twin != "" {
			w.Header().Add("Vary", "Accept")
			if prefers(r, geoJSON) {
				r = r.Clone(r.Context())
				r.URL.Path = twin
			}
		}
		next.ServeHTTP(w, r)
	})
}
