// Package basemap serves what lies below the cells: files in the formats PMTiles
// and GeoJSON that were put into a folder, and the tiles of another service,
// through a proxy that keeps its key and what it has fetched. It needs none of
// them: without any the page draws the district's own outlines.
package basemap

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/urbangrid/urbangrid/sensors"
)

// Options says what there is. The zero Options has neither files nor tiles.
type Options struct {
	// Folder holds files whose names end in .pmtiles, .geojson or .json; it need not
	// exist, and what is put into it is there at once. "" means none.
	Folder string
	Tiles  Tiles
	// Cache is the folder of fetched tiles, which is made; "" keeps none.
	Cache string
	// CacheBytes bounds it, by the sizes of files; 0 means 1 GiB.
	CacheBytes int64

	Registerer prometheus.Registerer // nil means no metrics
	Logger     *slog.Logger          // nil means none
	Now        func() time.Time      // nil means time.Now
	// Client fetches tiles; nil means one with a limit of 10 s that follows no
	// redirect, so that nothing but the configured host is ever asked.
	Client *http.Client
}

// Tiles is a service of raster tiles in Web Mercator, in the numbering of XYZ and
// of WMTS (row 0 is the north).
type Tiles struct {
	// URL is the address of a tile with {z}, {x} and {y}, and {key} where the key
	// goes, as https://tiles.example.org/{z}/{x}/{y}.png or a WMTS request with
	// TILEMATRIX={z}&TILEROW={y}&TILECOL={x}. "" means none.
	URL string
	Key string // a secret; it is never told to browsers
	// Datum is that of the tiles: WGS84, which 0 means too, or GCJ02, which the page
	// aligns.
	Datum       sensors.Datum
	Attribution string // who made them, as they demand to be named
	Approval    string // map approval number (审图号)
	MinZoom     int
	MaxZoom     int // 0 means 18
}

// maxZoom is the finest zoom of any tile.
const maxZoom = 22

// Basemap serves files and tiles. It is safe for concurrent use.
type Basemap struct {
	folder   string
	overlays *overlays
	tiles    Tiles
	proxy    *proxy // nil without tiles
}

// New returns the Basemap of opts. It asks nobody yet.
func New(opts Options) (*Basemap, error) {
	b := &Basemap{folder: opts.Folder, tiles: opts.Tiles}
	var err error
	if b.overlays, err = newOverlays(opts); err != nil {
		return nil, fmt.Errorf("basemap files: %w", err)
	}
	if opts.Tiles.URL == "" {
		return b, nil
	}
	b.tiles = b.tiles.withDefaults()
	if err := b.tiles.Validate(); err != nil {
		return nil, err
	}
	if b.proxy, err = newProxy(b.tiles, opts); err != nil {
		return nil, fmt.Errorf("basemap tiles: %w", err)
	}
	return b, nil
}

func (t Tiles) withDefaults() Tiles {
	if t.MaxZoom == 0 {
		t.MaxZoom = 18
	}
	if t.Datum == 0 {
		t.Datum = sensors.WGS84
	}
	return t
}

// Validate says what is wrong with a service; the error never holds the key.
func (t Tiles) Validate() error {
	if err := t.withDefaults().validate(); err != nil {
		return fmt.Errorf("basemap tiles: %w", err)
	}
	return nil
}

func (t Tiles) validate() error {
	for _, part := range []string{"{z}", "{x}", "{y}"} {
		if !strings.Contains(t.URL, part) {
			return fmt.Errorf("the address has no %s", part)
		}
	}
	u, err := url.Parse(t.address(0, 0, 0))
	switch {
	case err != nil:
		// The address may hold the key, and the error of Parse the address.
		return errors.New("the address cannot be read")
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return errors.New("the address does not begin with http:// or https:// and a host")
	case strings.Contains(t.URL, "{key}") && t.Key == "":
		return errors.New("the address wants a {key} and none is given")
	case t.MinZoom < 0 || t.MaxZoom > maxZoom || t.MinZoom > t.MaxZoom:
		return fmt.Errorf("zooms %d to %d are not within 0 to %d", t.MinZoom, t.MaxZoom, maxZoom)
	case t.Datum != sensors.WGS84 && t.Datum != sensors.GCJ02:
		return fmt.Errorf("datum %s: tiles are wgs84 or gcj02", t.Datum)
	}
	return nil
}

// address returns the URL of a tile, with the key.
func (t Tiles) address(z, x, y int) string {
	return strings.NewReplacer(
		"{z}", fmt.Sprint(z), "{x}", fmt.Sprint(x), "{y}", fmt.Sprint(y), "{key}", url.QueryEscape(t.Key),
	).Replace(t.URL)
}

// File is a PMTiles file of the folder.
type File struct {
	Name     string // with .pmtiles
	Bytes    int64
	Modified time.Time
}

// Files returns the files of the folder in the order of their names.
func (b *Basemap) Files() ([]File, error) {
	if b.folder == "" {
		return nil, nil
	}
	entries, err := os.ReadDir(b.folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("basemap folder: %w", err)
	}
	var files []File
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() || filepath.Ext(e.Name()) != ".pmtiles" {
			continue // it is no map, or went away meanwhile
		}
		files = append(files, File{Name: e.Name(), Bytes: info.Size(), Modified: info.ModTime()})
	}
	slices.SortFunc(files, func(a, b File) int { return cmp.Compare(a.Name, b.Name) })
	return files, nil
}

// Tiles returns the service without its address and key, false when there is
// none.
func (b *Basemap) Tiles() (Tiles, bool) {
	t := b.tiles
	t.URL, t.Key = "", ""
	return t, b.proxy != nil
}

// ServeFile answers with a file of the folder: one of PMTiles as it is, or with the
// ranges of it that are asked for, which is all that its readers need; one of
// GeoJSON in WGS-84 with what is drawn of it, see [Overlay].
func (b *Basemap) ServeFile(w http.ResponseWriter, r *http.Request, name string) {
	if isOverlayName(name) {
		b.overlays.serve(w, r, name)
		return
	}
	if b.folder == "" || filepath.Ext(name) != ".pmtiles" || name != filepath.Base(name) {
		http.NotFound(w, r)
		return
	}
	root, err := os.OpenRoot(b.folder)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	defer func() { _ = root.Close() }() // it was only read
	f, err := root.Open(name)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/vnd.pmtiles")
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("ETag", fmt.Sprintf("%q", fmt.Sprintf("%x-%x", info.ModTime().UnixNano(), info.Size())))
	http.ServeContent(w, r, name, info.ModTime(), f)
}

// ServeTile answers with a tile of the service.
func (b *Basemap) ServeTile(w http.ResponseWriter, r *http.Request, z, x, y int) {
	if b.proxy == nil || z < b.tiles.MinZoom || z > b.tiles.MaxZoom || x < 0 || y < 0 || x >= 1<<z || y >= 1<<z {
		http.NotFound(w, r)
		return
	}
	b.proxy.serve(w, r, tileKey{z, x, y})
}
