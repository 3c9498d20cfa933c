package dashboard

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/cespare/xxhash/v2"
	"github.com/danielgtaylor/huma/v2"

	"github.com/urbangrid/urbangrid/analytics/report"
	"github.com/urbangrid/urbangrid/analytics/report/export"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

// healthReport is the report of the register as it is at the moment. It has no
// period, so it is no report.Request and is made by no clock.
const healthReport report.Name = "health"

// topTroubled is how many devices the report names at most.
const topTroubled = 100

type healthInput struct {
	Kind   []string `query:"kind,explode" maxItems:"12" doc:"Only devices that are registered to send one of these kinds; several times, or parted by commas" example:"smoke"`
	Area   []string `query:"area,explode" maxItems:"24" doc:"Only devices of these responsibility areas; several times, or parted by commas" example:"310107005"`
	Format string   `query:"format" enum:"json,csv,xlsx,geojson,txt" default:"json" doc:"Form of the answer" example:"xlsx"`
	Lang   string   `query:"lang" enum:"zh,en" default:"zh" doc:"Language of CSV, XLSX and text" example:"zh"`
}

// healthScope is what devices the report is about.
type healthScope struct {
	kinds report.Keys[sensors.KindKey]
	areas report.Keys[grid.AreaCode]
}

func (s *Server) healthScope(in *healthInput) healthScope {
	return healthScope{
		kinds: report.ReadKeys(in.Kind, func(k sensors.KindKey) bool { _, ok := s.deps.Kinds.Kind(k); return ok }),
		areas: report.ReadKeys(in.Area, func(code grid.AreaCode) bool { return s.areaOfCode(code) != nil }),
	}
}

// has reports whether the report is about a device: one of its kinds, and its area, are
// among those asked for.
func (h *healthScope) has(v *deviceView) bool {
	return h.areas.Admit(v.Area) && (h.kinds.Len() == 0 || slices.ContainsFunc(v.Kinds, h.kinds.Admit))
}

func (s *Server) getHealth(ctx context.Context, in *healthInput) (*reportOutput, error) {
	table, err := s.directory.table(ctx)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	scope := s.healthScope(in)
	rows, _ := table.find(&DeviceFilter{})
	rows = slices.DeleteFunc(rows, func(v *deviceView) bool { return !scope.has(v) })
	result, err := s.health(&scope, table, rows)
	if err != nil {
		return nil, err
	}
	return reportFile(result, export.Format(in.Format), report.Lang(in.Lang))
}

// health makes the report of some rows of the register.
func (s *Server) health(scope *healthScope, table *deviceTable, rows []*deviceView) (*report.Result, error) {
	out := &report.Result{
		Report: healthReport, Title: sensors.Names{ZH: "设备状况", EN: "Device health"},
		Version: report.Version{Program: s.opts.Version, Format: report.FormatVersion}, GeneratedAt: table.at.UTC(),
		Period:  report.NewPeriod(table.at, table.at, s.opts.Zone, report.Whole, 1),
		Methods: []report.Method{{Key: "register", Names: sensors.Names{ZH: "设备登记册与报文计数", EN: "Register of devices and counts of messages"}, Reference: "docs/analytics/reports.md"}},
		Parameters: []report.Parameter{
			{Key: "kind", Names: sensors.Names{ZH: "类型", EN: "Kind"}, Text: scope.kinds.String(), Value: report.Named(together(scope.kinds, s.healthKind, sensors.Names{ZH: "全部", EN: "all"}))},
			{Key: "area", Names: sensors.Names{ZH: "责任网格", EN: "Area"}, Text: scope.areas.String(), Value: report.Named(together(scope.areas, s.healthArea, sensors.Names{ZH: "全市", EN: "whole city"}))},
		},
		Definitions: healthDefinitions(), Notes: []report.Note{}, Features: []report.Feature{},
	}
	byArea, byKind, byBoth := healthTallies(rows, scope.kinds)
	areas := healthTable("areas", sensors.Names{ZH: "按责任网格", EN: "By area"}, healthText("area", "责任网格编号", "Area code"), healthText("area_name", "责任网格", "Area"))
	for _, k := range sortedHealth(byArea) {
		if a := s.areaOfCode(k.area); a != nil {
			out.Features = append(out.Features, report.AreaFeature("areas", len(areas.Rows), *a))
		}
		areas.Rows = append(areas.Rows, append([]report.Value{report.Text(string(k.area)), s.healthAreaValue(k.area)}, byArea[k].values()...))
	}
	kinds := healthTable("kinds", sensors.Names{ZH: "按类型", EN: "By kind"}, healthText("kind", "类型键", "Kind key"), healthText("name", "类型", "Kind"))
	for _, k := range sortedHealth(byKind) {
		kinds.Rows = append(kinds.Rows, append([]report.Value{report.Text(string(k.kind)), s.healthKindValue(k.kind)}, byKind[k].values()...))
	}
	both := healthTable("area_kinds", sensors.Names{ZH: "按责任网格和类型", EN: "By area and kind"},
		healthText("area", "责任网格编号", "Area code"), healthText("area_name", "责任网格", "Area"), healthText("kind", "类型键", "Kind key"), healthText("name", "类型", "Kind"))
	for _, k := range sortedHealth(byBoth) {
		both.Rows = append(both.Rows, append([]report.Value{
			report.Text(string(k.area)), s.healthAreaValue(k.area), report.Text(string(k.kind)), s.healthKindValue(k.kind),
		}, byBoth[k].values()...))
	}
	out.Tables = []report.Table{areas, kinds, both, s.troubledTable(rows, out)}
	for _, v := range rows {
		out.Data.Observations += v.Health.Observations
	}
	var err error
	out.Data.Fingerprint, err = fingerprint(out.Tables)
	return out, err
}

// together names all keys of a set, or says what none means.
func together[K ~string](keys report.Keys[K], name func(key K, none sensors.Names) sensors.Names, none sensors.Names) sensors.Names {
	if keys.Len() == 0 {
		return none
	}
	var all []sensors.Names
	for _, k := range keys.All() {
		all = append(all, name(k, none))
	}
	return report.Together(all)
}

// fingerprint is equal while what the tables say is.
func fingerprint(tables []report.Table) (string, error) {
	h := xxhash.New()
	for _, t := range tables {
		if err := json.NewEncoder(h).Encode(t.Rows); err != nil {
			return "", fmt.Errorf("fingerprint of %s: %w", t.Key, err)
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// healthKey is what devices are counted by; "" is what is not known, and what a
// count is not told apart by.
type healthKey struct {
	area grid.AreaCode
	kind sensors.KindKey
}

// healthTally counts devices.
type healthTally struct {
	n, maintenance int
	by             map[condition]int
	perMinute      float64
	taken, bad     int64
}

func (t *healthTally) add(v *deviceView) {
	t.n++
	t.by[v.Condition]++
	if v.Health.Maintenance {
		t.maintenance++
	}
	t.perMinute += v.Health.PerMinute
	t.taken += v.Health.Observations
	t.bad += v.Health.Bad
}

// healthTallies counts devices by area, by those kinds that are asked for, and by both.
// A device of several of them counts with each, in the count by area once.
func healthTallies(rows []*deviceView, asked report.Keys[sensors.KindKey]) (byArea, byKind, byBoth map[healthKey]*healthTally) {
	byArea, byKind, byBoth = map[healthKey]*healthTally{}, map[healthKey]*healthTally{}, map[healthKey]*healthTally{}
	add := func(m map[healthKey]*healthTally, k healthKey, v *deviceView) {
		if m[k] == nil {
			m[k] = &healthTally{by: map[condition]int{}}
		}
		m[k].add(v)
	}
	for _, v := range rows {
		add(byArea, healthKey{area: v.Area}, v)
		kinds := v.Kinds
		if len(kinds) == 0 {
			kinds = []sensors.KindKey{""}
		}
		for _, k := range kinds {
			if !asked.Admit(k) {
				continue
			}
			add(byKind, healthKey{kind: k}, v)
			add(byBoth, healthKey{area: v.Area, kind: k}, v)
		}
	}
	return byArea, byKind, byBoth
}

// sortedHealth are the keys in the order of areas and kinds, what is not known last.
func sortedHealth(m map[healthKey]*healthTally) []healthKey {
	keys := make([]healthKey, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	unknownLast := func(a, b string) int {
		if (a == "") != (b == "") {
			return cmp.Compare(b, a)
		}
		return cmp.Compare(a, b)
	}
	slices.SortFunc(keys, func(a, b healthKey) int {
		return cmp.Or(unknownLast(string(a.area), string(b.area)), unknownLast(string(a.kind), string(b.kind)))
	})
	return keys
}

// values are those of a row after what it is of.
func (t *healthTally) values() []report.Value {
	// What the condition says of the state: odd and late devices are heard of.
	online := t.n - t.by[conditionOffline] - t.by[conditionSilent]
	badShare := report.Missing(report.NoteNoData)
	if all := t.taken + t.bad; all > 0 {
		badShare = report.Number(100 * float64(t.bad) / float64(all))
	}
	return []report.Value{
		report.Count(t.n), report.Count(t.by[conditionOnline]), report.Count(t.by[conditionLate]), report.Count(t.by[conditionOdd]),
		report.Count(t.by[conditionOffline]), report.Count(t.by[conditionSilent]), report.Count(t.maintenance),
		report.Number(100 * float64(online) / float64(t.n)), report.Number(t.perMinute), report.Count(t.taken), report.Count(t.bad), badShare,
	}
}

func (s *Server) healthOperations(api huma.API, file map[string]*huma.Response) {
	op := operation("get-report-health", "/reports/health", reportTag, "Device health",
		"The register at this moment: devices by area and kind that are online, late, conspicuous, offline or silent, how much they send, what share of their messages was refused, and the devices that need somebody most. At most 2 seconds old.")
	op.Responses = file
	huma.Register(api, op, s.getHealth)
}
