package report

import (
	"slices"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

// areaOf is the area that a cell's middle lies in.
func (r *Reporter) areaOf(c grid.Cell) (grid.AreaCode, error) {
	p, err := c.Center()
	if err != nil {
		return "", err
	}
	return r.src.Areas.At(p), nil
}

// areaLabel is what people call an area, "" being outside of all.
func (r *Reporter) areaLabel(code grid.AreaCode) sensors.Names {
	if code == "" {
		return names("责任网格之外", "outside every area")
	}
	return areaName(code, r.src.Areas.All())
}

// deviceFeature gives a row the place at which a device is registered, false when
// there is none.
func deviceFeature(table string, row int, id sensors.DeviceID, all []sensors.Device) (Feature, bool) {
	i := slices.IndexFunc(all, func(d sensors.Device) bool { return d.ID == id })
	if i < 0 || !all[i].Position.Known() {
		return Feature{}, false
	}
	p := grid.ToWGS84(all[i].Position)
	return Feature{Table: table, Row: row, Point: &Point{Lat: p.LatDegrees, Lon: p.LonDegrees}}, true
}
