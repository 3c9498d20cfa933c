package dashboard_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/dashboard"
	"github.com/urbangrid/urbangrid/dashboard/basemap"
	"github.com/urbangrid/urbangrid/sensors"
)

func TestAPI_BasemapNamesFilesAndTilesAndServesBoth(t *testing.T) {
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "image/png")
		_, _ = w.Write([]byte(r.URL.Path))
	}))
	defer service.Close()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "city.pmtiles"), []byte("PMTiles..."), 0o644); err != nil {
		t.Fatal(err)
	}
	b, err := basemap.New(basemap.Options{Folder: folder, Tiles: basemap.Tiles{
		URL: service.URL + "/{z}/{x}/{y}.png", Datum: sensors.GCJ02, Attribution: "City", Approval: "GS(2026)1",
	}})
	if err != nil {
		t.Fatal(err)
	}
	s := newSiteWith(t, dashboard.Options{}, func(d *dashboard.Deps) { d.Basemap = b })
	var got struct {
		Files []struct {
			Name, URL string
			Bytes     int64
		}
		Tiles *struct {
			URL, Datum, Attribution, Approval string
			MaxZoom                           int `json:"max_zoom"`
		}
	}
	s.get(t, "/api/v1/basemap", &got)
	if len(got.Files) != 1 || got.Files[0].URL != "/basemap/city.pmtiles" || got.Tiles == nil || got.Tiles.Datum != "gcj02" || got.Tiles.Approval != "GS(2026)1" {
		t.Fatalf("got %+v", got)
	}
	if a := s.do(t, http.MethodGet, got.Files[0].URL, "", "Range", "bytes=0-6"); a.status != http.StatusPartialContent || string(a.body) != "PMTiles" {
		t.Errorf("a range of the file: %d %q", a.status, a.body)
	}
	if a := s.do(t, http.MethodGet, "/api/v1/basemap/tiles/3/2/1", ""); a.status != http.StatusOK || string(a.body) != "/3/2/1.png" {
		t.Errorf("a tile: %d %q", a.status, a.body)
	}
	s.do(t, http.MethodGet, "/api/v1/basemap/tiles/3/2/x", "").wantProblem(t, http.StatusNotFound)
}

func TestAPI_BasemapListsGeoJSONAndSaysWhyOneIsNotDrawn(t *testing.T) {
	folder := t.TempDir()
	hour := time.Now().Add(-time.Hour)
	for name, text := range map[string]string{
		"地铁.geojson":  `{"type":"FeatureCollection","title":"地铁","attribution":"City","features":[{"type":"Feature","properties":{"name":"13"},"geometry":{"type":"LineString","coordinates":[[121.4,31.2],[121.5,31.3]]}}]}`,
		"broken.json": `{"type":"FeatureCollection","features":[{"type":"Feature","geometry":{"type":"Point","coordinates":[506123,3456789]}}]}`,
	} {
		path := filepath.Join(folder, name)
		if err := errors.Join(os.WriteFile(path, []byte(text), 0o644), os.Chtimes(path, hour, hour)); err != nil {
			t.Fatal(err)
		}
	}
	b, err := basemap.New(basemap.Options{Folder: folder})
	if err != nil {
		t.Fatal(err)
	}
	s := newSiteWith(t, dashboard.Options{}, func(d *dashboard.Deps) { d.Basemap = b })
	type overlay struct {
		Name, URL, Attribution, Datum, ETag, Reason, Error string
		Title                                              sensors.Names
		Bounds                                             *[4]float64
		Features, Positions                                int
		Bytes                                              int64
	}
	var got struct{ Overlays []overlay }
	s.get(t, "/api/v1/basemap", &got)
	if len(got.Overlays) != 2 {
		t.Fatalf("got %+v", got)
	}
	broken, metro := got.Overlays[0], got.Overlays[1]
	if broken.URL != "" || broken.Bounds != nil || broken.Reason != "out_of_range" || !strings.Contains(broken.Error, "feature 1") || broken.Bytes == 0 {
		t.Errorf("the broken one: %+v", broken)
	}
	if metro.Datum != "wgs84" || metro.Reason != "" || metro.Title.ZH != "地铁" || metro.Attribution != "City" || metro.Features != 1 || metro.Bounds == nil || *metro.Bounds != [4]float64{121.4, 31.2, 121.5, 31.3} {
		t.Errorf("the good one: %+v", metro)
	}
	a := s.do(t, http.MethodGet, metro.URL, "", "Accept-Encoding", "gzip")
	if a.status != http.StatusOK || a.header.Get("Content-Encoding") != "gzip" || a.header.Get("ETag") != `W/"`+metro.ETag+`"` {
		t.Errorf("%s: %d %v", metro.URL, a.status, a.header)
	}
	if a.header.Get("Cross-Origin-Resource-Policy") != "same-origin" || a.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("other sites may read it: %v", a.header)
	}
	if a := s.do(t, http.MethodGet, metro.URL, "", "If-None-Match", `W/"`+metro.ETag+`"`); a.status != http.StatusNotModified {
		t.Errorf("asked for again: %d, want 304", a.status)
	}
	for _, path := range []string{"/basemap/broken.json", "/basemap/..%2Fbasemaps_test.json", "/basemap/none.geojson"} {
		if a := s.do(t, http.MethodGet, path, ""); a.status != http.StatusNotFound {
			t.Errorf("%s: %d, want 404", path, a.status)
		}
	}
}

func TestAPI_ADistrictWithoutBasemapSaysSo(t *testing.T) {
	s := newSite(t, dashboard.Options{})
	var got struct {
		Files, Overlays []any
		Tiles           *struct{}
	}
	s.get(t, "/api/v1/basemap", &got)
	if got.Files == nil || len(got.Files) != 0 || got.Overlays == nil || len(got.Overlays) != 0 || got.Tiles != nil {
		t.Errorf("got %+v, want empty lists and no tiles", got)
	}
}
