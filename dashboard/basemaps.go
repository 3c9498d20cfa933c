package dashboard

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/urbangrid/urbangrid/dashboard/basemap"
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

type basemapOutput struct {
	Body struct {
		Files []basemapFileView `json:"files" nullable:"false" doc:"PMTiles files of the data folder, in the order of their names"`
		Tiles *basemapTilesView `json:"tiles" doc:"The configured service of raster tiles, null for none"`
	}
}

const (
	basemapFilePath = "/basemap/"
	basemapTilePath = root + "/basemap/tiles/"
)

func (s *Server) basemapOperations(api huma.API, mux *http.ServeMux) {
	huma.Register(api, operation("get-basemap", "/basemap", "catalogue", "Basemap",
		"What may be drawn below the cells. Neither files nor tiles is usual: then the district's own outlines are all."), s.getBasemap)
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
	out.Body.Files = []basemapFileView{}
	if s.deps.Basemap == nil {
		return out, nil
	}
	files, err := s.deps.Basemap.Files()
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	for _, f := range files {
		out.Body.Files = append(out.Body.Files, basemapFileView{Name: f.Name, URL: basemapFilePath + f.Name, Bytes: f.Bytes, Modified: f.Modified.UTC()})
	}
	if t, ok := s.deps.Basemap.Tiles(); ok {
		out.Body.Tiles = viewTiles(t)
	}
	return out, nil
}

func viewTiles(t basemap.Tiles) *basemapTilesView {
	return &basemapTilesView{
		URL: basemapTilePath + "{z}/{x}/{y}", Datum: t.Datum.String(),
		Attribution: t.Attribution, Approval: t.Approval, MinZoom: t.MinZoom, MaxZoom: t.MaxZoom,
	}
}
