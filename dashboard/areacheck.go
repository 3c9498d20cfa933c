package dashboard

import (
	"context"
	"fmt"
	"reflect"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

// Bounds of what a check of areas lists.
const (
	maxListedCells = 2000
	maxListedMoves = 500
	devicesAtOnce  = 1000
)

// viewAreaCheck looks at areas that would take the place of others.
func (s *Server) viewAreaCheck(ctx context.Context, before, areas *grid.Areas) (areaCheckView, error) {
	v := areaCheckView{Findings: []areaFindingView{}, Gaps: []string{}, Overlaps: []sharedView{}, Moved: []movedView{}}
	unusable := false
	for _, f := range grid.CheckAreas(areas) {
		v.Findings = append(v.Findings, viewFinding(f))
		unusable = unusable || f.Matter == grid.AreaTooLarge
	}
	var err error
	if v.GeoJSON, err = grid.WriteAreas(areas); err != nil {
		return v, err
	}
	v.Added, v.Removed, v.Reshaped = compareAreas(before, areas)
	if unusable {
		v.Areas, v.Cells = []areaCoverView{}, []levelView{}
		return v, nil
	}
	if err := v.cover(areas); err != nil {
		return v, fmt.Errorf("cells of the areas: %w", err)
	}
	return v, s.moves(ctx, &v, before, areas)
}

// cover fills in which cells the areas have.
func (v *areaCheckView) cover(areas *grid.Areas) error {
	c, err := grid.CoverageOf(areas)
	if err != nil {
		return err
	}
	v.Cells = levels(c.Cells)
	names := map[grid.AreaCode]sensors.Names{}
	for _, a := range areas.All() {
		names[a.Code] = a.Names
	}
	v.Areas = make([]areaCoverView, len(c.Areas))
	for i, a := range c.Areas {
		v.Areas[i] = areaCoverView{Code: a.Code, Names: names[a.Code], Cells: levels(a.Cells)}
	}
	v.GapCount, v.Shared = len(c.Gaps), len(c.Overlaps)
	for _, cell := range c.Gaps[:min(len(c.Gaps), maxListedCells)] {
		v.Gaps = append(v.Gaps, cell.String())
	}
	for _, o := range c.Overlaps[:min(len(c.Overlaps), maxListedCells)] {
		v.Overlaps = append(v.Overlaps, sharedView{Cell: o.Cell.String(), Areas: o.Areas})
	}
	return nil
}

func levels(cells map[int]int) []levelView {
	out := []levelView{}
	for _, res := range grid.DisplayResolutions {
		out = append(out, levelView{Resolution: res, Cells: cells[res]})
	}
	return out
}

// compareAreas tells by their codes which areas are new, gone or otherwise.
func compareAreas(before, after *grid.Areas) (added, removed, reshaped []grid.AreaCode) {
	added, removed, reshaped = []grid.AreaCode{}, []grid.AreaCode{}, []grid.AreaCode{}
	old := map[grid.AreaCode]grid.Area{}
	for _, a := range before.All() {
		old[a.Code] = a
	}
	for _, a := range after.All() {
		was, known := old[a.Code]
		switch {
		case !known:
			added = append(added, a.Code)
		case was.Names != a.Names || was.Parent != a.Parent || !reflect.DeepEqual(was.Polygons, a.Polygons):
			reshaped = append(reshaped, a.Code)
		}
		delete(old, a.Code)
	}
	for _, a := range before.All() {
		if _, gone := old[a.Code]; gone {
			removed = append(removed, a.Code)
		}
	}
	return added, removed, reshaped
}

// moves counts the devices that would belong to another area.
func (s *Server) moves(ctx context.Context, v *areaCheckView, before, after *grid.Areas) error {
	var last sensors.DeviceID
	for {
		page, err := s.deps.Devices.ListDevices(ctx, last, devicesAtOnce)
		if err != nil {
			return err
		}
		for _, d := range page {
			if !d.Position.Known() {
				continue
			}
			v.Devices++
			p := grid.ToWGS84(d.Position)
			from, to := before.At(p), after.At(p)
			if from == to {
				continue
			}
			v.MovedCount++
			if to == "" {
				v.OutCount++
			}
			if len(v.Moved) < maxListedMoves {
				v.Moved = append(v.Moved, movedView{Device: d.ID, From: from, To: to})
			}
		}
		if len(page) < devicesAtOnce {
			return nil
		}
		last = page[len(page)-1].ID
	}
}
