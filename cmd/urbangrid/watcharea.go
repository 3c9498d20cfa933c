package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

// areaCells asks a server for an area and returns its cells.
func areaCells(ctx context.Context, server, code string, resolution int) ([]grid.Cell, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, server+"/api/v1/areas.geojson", nil)
	if err != nil {
		return nil, fmt.Errorf("ask for areas: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask for areas: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("ask for areas: status %s", resp.Status)
	}
	type named struct {
		Code  string        `json:"code"`
		Name  string        `json:"name"` // as files have it
		Names sensors.Names `json:"names,omitzero"`
	}
	type feature struct {
		Type       string          `json:"type"`
		Geometry   json.RawMessage `json:"geometry"`
		Properties named           `json:"properties"`
	}
	var all struct{ Features []feature }
	if err := json.NewDecoder(resp.Body).Decode(&all); err != nil {
		return nil, fmt.Errorf("read areas: %w", err)
	}
	for _, f := range all.Features {
		if f.Properties.Code != code {
			continue
		}
		f.Properties = named{Code: code, Name: f.Properties.Names.ZH}
		file, err := json.Marshal(map[string]any{"type": "FeatureCollection", "features": []feature{f}})
		if err != nil {
			return nil, fmt.Errorf("area %s: %w", code, err)
		}
		areas, err := grid.ReadAreas(bytes.NewReader(file))
		if err != nil {
			return nil, fmt.Errorf("area %s: %w", code, err)
		}
		return areas.Cells(resolution)
	}
	return nil, fmt.Errorf("the server knows no area %q", code)
}
