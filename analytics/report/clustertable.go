package report

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// topDevices is how many devices of a cluster are named.
const topDevices = 5

// clusterTables are the ranking of clusters and, where it is asked for, their
// devices.
func (r *Reporter) clusterTables(ctx context.Context, req Request, s *study, sc *scores, clusters []cluster, out *Result) (ranking, devices Table, err error) {
	ranking = Table{Key: "clusters", Title: names("热点片区", "Clusters"), Columns: []Column{
		plain("rank", "排名", "Rank", 0), plain("cells", "网格数", "Cells", 0), textual("peak", "中心网格", "Peak cell"), textual("areas", "责任网格", "Areas"),
		plain("lat", "纬度", "Latitude", 5), plain("lon", "经度", "Longitude", 5),
		plain("count", "观测数", "Observations", 0), s.valueColumn("value", "中心数值", "Value of the peak"), s.valueColumn("expected", "期望值", "Expected"), plain("ratio", "倍数", "Ratio", 2),
		plain("z", "最大 z", "Highest z", 3), plain("q", "最小 q", "Lowest q", 6), textual("devices", "主要设备", "Top devices"),
	}}
	devices = Table{Key: "devices", Title: names("热点设备", "Devices of clusters"), Columns: []Column{
		plain("rank", "排名", "Rank", 0), textual("device", "设备", "Device"), textual("name", "名称", "Name"), plain("count", "观测数", "Observations", 0),
	}}
	for n, c := range clusters {
		cell := s.lattice.Cells()[c.peak]
		p, err := cell.Center()
		if err != nil {
			return ranking, devices, err
		}
		expected, ratio := Number(c.expected), per(c.count, c.expected, NoteZeroBase)
		if s.kind.Type == sensors.Measure {
			expected, ratio = Number(sc.expected[c.peak]), Missing(NoteNotACount)
		}
		list := Missing(NoteNotAsked)
		if req.Devices {
			if list, err = r.deviceRows(ctx, req, cell, n+1, &devices); err != nil {
				return ranking, devices, err
			}
		}
		areas, err := r.areasOf(s, c)
		if err != nil {
			return ranking, devices, err
		}
		ranking.Rows = append(ranking.Rows, []Value{
			Count(n + 1), Count(len(c.cells)), Text(cell.String()), Named(areas), Number(p.LatDegrees), Number(p.LonDegrees),
			Number(c.count), Number(sc.value[c.peak]), expected, ratio, Number(sc.gi.Z[c.peak]), Number(sc.q[c.peak]), list,
		})
		cells := make([]grid.Cell, len(c.cells))
		for i, k := range c.cells {
			cells[i] = s.lattice.Cells()[k]
		}
		out.Features = append(out.Features, CellFeature("clusters", n, cells...))
	}
	return ranking, devices, nil
}

// areasOf names the areas that a cluster lies in.
func (r *Reporter) areasOf(s *study, c cluster) (sensors.Names, error) {
	var codes []grid.AreaCode
	for _, i := range c.cells {
		code, err := r.areaOf(s.lattice.Cells()[i])
		if err != nil {
			return sensors.Names{}, err
		}
		if !slices.Contains(codes, code) {
			codes = append(codes, code)
		}
	}
	slices.Sort(codes)
	var out sensors.Names
	for i, code := range codes {
		n := r.areaLabel(code)
		if i > 0 {
			out.ZH, out.EN = out.ZH+"、", out.EN+", "
		}
		out.ZH, out.EN = out.ZH+n.ZH, out.EN+n.EN
	}
	return out, nil
}

// deviceRows adds the devices with most of the newest observations in a cell, at
// most store.MaxObservations of them, and returns them in one line.
func (r *Reporter) deviceRows(ctx context.Context, req Request, cell grid.Cell, rank int, t *Table) (Value, error) {
	page, _, err := r.src.Series.Observations(ctx, store.ObservationQuery{Kind: req.Kinds.Only(), Cell: cell, From: req.From, To: req.To, Limit: store.MaxObservations})
	if err != nil {
		return Value{}, fmt.Errorf("observations of a cluster: %w", err)
	}
	reg, err := r.devices(ctx)
	if err != nil {
		return Value{}, err
	}
	type counted struct {
		id sensors.DeviceID
		n  int
	}
	byID := map[sensors.DeviceID]int{}
	for _, o := range page {
		byID[o.Device]++
	}
	list := make([]counted, 0, len(byID))
	for id, n := range byID {
		list = append(list, counted{id, n})
	}
	slices.SortFunc(list, func(a, b counted) int { return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.id, b.id)) })
	line := ""
	for i, d := range list[:min(len(list), topDevices)] {
		name := ""
		if k := slices.IndexFunc(reg.all, func(e sensors.Device) bool { return e.ID == d.id }); k >= 0 {
			name = reg.all[k].Name
		}
		t.Rows = append(t.Rows, []Value{Count(rank), Text(string(d.id)), Text(name), Count(d.n)})
		if i > 0 {
			line += "; "
		}
		line += fmt.Sprintf("%s (%d)", d.id, d.n)
	}
	if line == "" {
		return Missing(NoteNoRaw), nil
	}
	return Text(line), nil
}
