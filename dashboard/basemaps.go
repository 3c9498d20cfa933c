package dashboard

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/urbangrid/urbangrid/dashboard/basemap"
	"github.com/urbangrid/urbangrid/sensors"
)

type basemapFileView struct {
	Name     string    `json:"name" example:"putuo.pmtiles"`
	URL      string    `json:"url" doc:"Where it is read from, by ranges of bytes"`
	Bytes    int64     `json:"bytes"`
	Modified time.Time `json:"modified"`
}

type basemapTilesView struct {
	URL         string `json:"url" doc:"Address of a tile with {z}, {x} and {y}; row 0 is the north"`
	Datum       string `json:"datum" enum:"wgs84,gcj02" doc:"Geodetic datum of the tiles: what is drawn over gcj02 has to be shifted"`
	Attribution string `json:"attribution" doc:"Plain text that must be shown with the map"`
	Approval    string `json:"approval" doc:"Map approval number, to be shown with the map; empty for none"`
	MinZoom     int    `json:"min_zoom"`
	MaxZoom     int    `json:"max_zoom"`
}

type basemapOverlayView struct {
	Name        string        `json:"name" example:"metro.gcj02.geojson" doc:"Of the file"`
	URL         string        `json:"url" doc:"GeoJSON in WGS 84 with what is drawn of the file: multipolygons, multilines and multipoints with name, name_en, label (where the name of an area is written) and the members of simplestyle that are valid; empty when it is not drawn"`
	Title       sensors.Names `json:"title" doc:"What people call it: its member title or name, else the name of the file"`
	Attribution string        `json:"attribution" doc:"Plain text that must be shown with the map, its member attribution; empty for none"`
	Datum       string        `json:"datum" enum:"wgs84,gcj02,bd09," doc:"Of the coordinates in the file, by its member datum or its name; empty when it is not drawn"`
	Bounds      *[4]float64   `json:"bounds" doc:"West, south, east and north in degrees WGS 84; null when it is not drawn"`
	Features    int           `json:"features" doc:"That are drawn"`
	LeftOut     int           `json:"left_out" doc:"Features without a geometry that could be drawn"`
	Positions   int           `json:"positions"`
	Bytes       int64         `json:"bytes" doc:"Of the file"`
	Modified    time.Time     `json:"modified"`
	ETag        string        `json:"etag" doc:"Changes with what is at the address, and only then"`
	Reason      string        `json:"reason" enum:"unreadable,too_large,too_many,not_utf8,not_geojson,datum,crs,out_of_range,empty," doc:"Why it is not drawn, empty when it is"`
	Error       string        `json:"error" doc:"The same in words, with the place in the file"`
}

type basemapOutput struct {
	Body struct {
		Files    []basemapFileView    `json:"files" nullable:"false" doc:"PMTiles files of the data folder, in the order of their names"`
		Tiles    *basemapTilesView    `json:"tiles" doc:"The configured service of raster tiles, null for none"`
		Overlays []basemapOverlayView `json:"overlays" nullable:"false" doc:"GeoJSON files of the data folder, in the order of their names, which is that of drawing"`
	}
}

const (
	basemapFilePath = "/basemap/"
	basemapTilePath = root + "/basemap/tiles/"
)

func (s *Server) basemapOperations(api huma.API, mux *http.ServeMux) {
	huma.Register(api, operation("get-basemap", "/basemap", "catalogue", "Basemap",
		"What may be drawn below the cells. Nothing is usual: then the district's own outlines are all."), s.getBasemap)
	if s.deps.Basemap == nil {
		return
	}
	mux.HandleFunc("GET "+basemapFilePath+"{file}", func(w http.ResponseWriter, r *http.Request) {
		s.deps.Basemap.ServeFile(w, r, r.PathValue("file"))
	})
	mux.HandleFunc("GET "+basemapTilePath+"{z}/{x}/{y}", func(w http.ResponseWriter, r *http.Request) {
		z, errZ := strconv.Atoi(r.PathValue("z"))
		x, errX := strconv.Atoi(r.PathValue("x"))
		y, errY := strconv.Atoi(r.PathValue("y"))
		if errZ != nil || errX != nil || errY != nil {
			writeProblem(w, http.StatusNotFound, "a tile is named by three whole numbers")
			return
		}
		s.deps.Basemap.ServeTile(w, r, z, x, y)
	})
}

func (s *Server) getBasemap(ctx context.Context, _ *struct{}) (*basemapOutput, error) {
	out := &basemapOutput{}
	out.Body.Files, out.Body.Overlays = []basemapFileView{}, []basemapOverlayView{}
	if s.deps.Basemap == nil {
		return out, nil
	}
	files, err := s.deps.Basemap.Files()
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	for _, f := range files {
		out.Body.Files = append(out.Body.Files, basemapFileView{Name: f.Name, URL: basemapFilePath + url.PathEscape(f.Name), Bytes: f.Bytes, Modified: f.Modified.UTC()})
	}
	overlays, err := s.deps.Basemap.Overlays()
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	for i := range overlays {
		out.Body.Overlays = append(out.Body.Overlays, viewOverlay(&overlays[i]))
	}
	if t, ok := s.deps.Basemap.Tiles(); ok {
		out.Body.Tiles = viewTiles(t)
	}
	return out, nil
}

func viewOverlay(o *basemap.Overlay) basemapOverlayView {
	v := basemapOverlayView{Name: o.Name, Title: o.Title, Bytes: o.Bytes, Modified: o.Modified.UTC()}
	if o.Fault != nil {
		v.Reason, v.Error = string(o.Fault.Reason), o.Fault.Detail
		return v
	}
	v.URL, v.Attribution, v.Datum, v.ETag = basemapFilePath+url.PathEscape(o.Name), o.Attribution, o.Datum.String(), o.ETag
	v.Bounds = &[4]float64{o.Box.West, o.Box.South, o.Box.East, o.Box.North}
	v.Features, v.LeftOut, v.Positions = o.Features, o.LeftOut, o.Positions
	return v
}

func viewTiles(t basemap.Tiles) *basemapTilesView {
	return &basemapTilesView{
		URL: basemapTilePath + "{z}/{x}/{y}", Datum: t.Datum.String(),
		Attribution: t.Attribution, Approval: t.Approval, MinZoom: t.MinZoom, MaxZoom: t.MaxZoom,
	}
}
