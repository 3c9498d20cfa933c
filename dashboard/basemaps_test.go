package dashboard_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

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

func TestAPI_ADistrictWithoutBasemapSaysSo(t *testing.T) {
	s := newSite(t, dashboard.Options{})
	var got struct {
		Files []any
		Tiles *struct{}
	}
	s.get(t, "/api/v1/basemap", &got)
	if got.Files == nil || len(got.Files) != 0 || got.Tiles != nil {
		t.Errorf("got %+v, want an empty list and no tiles", got)
	}
}
