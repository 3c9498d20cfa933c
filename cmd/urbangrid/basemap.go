package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/urbangrid/urbangrid/dashboard/basemap"
	"github.com/urbangrid/urbangrid/sensors"
)

// basemapFolder is the folder of PMTiles files, basemapCache that of fetched
// tiles, both in the data folder.
const (
	basemapFolder = "basemap"
	basemapCache  = "basemap-cache"
)

// newBasemap returns what lies below the cells: the files of the data folder and
// the configured service.
func (s *server) newBasemap() (*basemap.Basemap, error) {
	tiles, err := s.cfg.basemapTiles()
	if err != nil {
		return nil, fmt.Errorf("basemap: %w", err)
	}
	opts := basemap.Options{Folder: s.cfg.path(basemapFolder), Tiles: tiles, Logger: s.log, Registerer: s.reg}
	if tiles.URL != "" {
		opts.Cache = s.cfg.path(basemapCache)
	}
	return basemap.New(opts)
}

func (c config) basemapTiles() (basemap.Tiles, error) {
	t := basemap.Tiles{URL: c.Basemap, Attribution: c.BasemapAttribution, Approval: c.BasemapApproval, MaxZoom: c.BasemapMaxZoom}
	if c.Basemap == "" {
		return t, nil
	}
	var errs []error
	var err error
	if t.Datum, err = sensors.ParseDatum(c.BasemapDatum); err != nil {
		errs = append(errs, fmt.Errorf("basemap_datum: %w", err))
	}
	if c.BasemapKey != "" {
		key, err := os.ReadFile(c.BasemapKey)
		if err != nil {
			errs = append(errs, fmt.Errorf("basemap_key_file: %w", err))
		}
		t.Key = strings.TrimSpace(string(key))
	}
	return t, errors.Join(errs...)
}
