package dashboard

import (
	"cmp"
	"slices"
	"time"

	"github.com/urbangrid/urbangrid/analytics/report"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

// conditionNames are what people call the conditions.
var conditionNames = map[condition]sensors.Names{
	conditionOffline: {ZH: "离线", EN: "offline"}, conditionOdd: {ZH: "数据异常", EN: "conspicuous"}, conditionLate: {ZH: "迟报", EN: "late"},
	conditionSilent: {ZH: "沉默", EN: "silent"}, conditionOnline: {ZH: "在线", EN: "online"},
}

func healthText(key, zh, en string) report.Column {
	return report.Column{Key: key, Names: sensors.Names{ZH: zh, EN: en}, Type: report.TextColumn}
}

func healthNumber(key, zh, en, unit string, label sensors.Names, digits int) report.Column {
	return report.Column{Key: key, Names: sensors.Names{ZH: zh, EN: en}, Type: report.NumberColumn, Unit: unit, UnitLabel: label, Digits: digits}
}

func healthCount(key, zh, en string) report.Column {
	return healthNumber(key, zh, en, "1", sensors.Names{}, 0)
}

func healthShare(key, zh, en string) report.Column {
	return healthNumber(key, zh, en, "%", sensors.Names{ZH: "%", EN: "%"}, 1)
}

func healthMoment(key, zh, en string) report.Column {
	return report.Column{Key: key, Names: sensors.Names{ZH: zh, EN: en}, Type: report.TimeColumn}
}

var perMinuteLabel = sensors.Names{ZH: "条/分钟", EN: "/min"}

// healthTable is a table of healthTally.values after some columns of its own.
func healthTable(key string, title sensors.Names, who ...report.Column) report.Table {
	return report.Table{Key: key, Title: title, Rows: [][]report.Value{}, Columns: append(who,
		healthCount("registered", "登记", "Registered"), healthCount("online", "在线", "Online"), healthCount("late", "迟报", "Late"), healthCount("odd", "数据异常", "Conspicuous"),
		healthCount("offline", "离线", "Offline"), healthCount("silent", "沉默", "Silent"), healthCount("maintenance", "维护中", "Under maintenance"),
		healthShare("online_share", "在线率", "Online share"), healthNumber("per_minute", "近 1 小时上报", "Rate of the last hour", "1/min", perMinuteLabel, 1),
		healthCount("taken", "累计接收", "Ever taken in"), healthCount("bad", "累计拒收", "Ever refused"), healthShare("bad_share", "拒收占比", "Refused share"),
	)}
}

// troubledTable names the devices that need somebody most, and gives them their place.
func (s *Server) troubledTable(rows []*deviceView, out *report.Result) report.Table {
	t := report.Table{Key: "troubled", Title: sensors.Names{ZH: "需要关注的设备", EN: "Devices that need attention"}, Rows: [][]report.Value{}, Columns: []report.Column{
		healthText("device", "设备", "Device"), healthText("name", "名称", "Name"), healthText("area_name", "责任网格", "Area"), healthText("condition", "状态键", "Condition key"), healthText("condition_name", "状态", "Condition"),
		healthMoment("since", "自", "Since"), healthMoment("last_seen", "最近一次", "Last heard of"),
		healthNumber("per_minute", "近 1 小时上报", "Rate of the last hour", "1/min", perMinuteLabel, 1), healthCount("bad", "累计拒收", "Ever refused"), healthShare("bad_share", "拒收占比", "Refused share"),
	}}
	found := troubled(rows)
	if len(found) > topTroubled {
		out.Notes = append(out.Notes, report.Note{Code: report.NoteCut, Text: report.NoteCut.Text()})
		found = found[:topTroubled]
	}
	for i, v := range found {
		since, seen := report.Missing(report.NoteNoData), report.Missing(report.NoteNoData)
		if v.Since != nil {
			since = report.Moment(*v.Since)
		}
		if v.LastSeen != nil {
			seen = report.Moment(*v.LastSeen)
		}
		t.Rows = append(t.Rows, []report.Value{
			report.Text(string(v.ID)), report.Text(v.Name), s.healthAreaValue(v.Area), report.Text(string(v.Condition)), report.Named(conditionNames[v.Condition]),
			since, seen, report.Number(v.Health.PerMinute), report.Count(v.Health.Bad), report.Number(100 * v.Health.BadShare),
		})
		if v.WGS84 != nil {
			out.Features = append(out.Features, report.Feature{Table: t.Key, Row: i, Point: &report.Point{Lat: v.WGS84.Lat, Lon: v.WGS84.Lon}})
		}
	}
	return t
}

// noticedBadShare is the share of refused messages from which a device that does
// well otherwise needs attention.
const noticedBadShare = 0.05

// troubled are the devices that do not do well, in the order of the conditions, of
// one condition those first that have been so longest; then those of which much was
// refused, the most first.
func troubled(rows []*deviceView) []*deviceView {
	var found []*deviceView
	for _, v := range rows {
		if v.Condition != conditionOnline || v.Health.BadShare >= noticedBadShare {
			found = append(found, v)
		}
	}
	since := func(v *deviceView) time.Time {
		if v.Since == nil || v.Condition == conditionOnline {
			return time.Time{}
		}
		return *v.Since
	}
	slices.SortStableFunc(found, func(a, b *deviceView) int {
		return cmp.Or(
			cmp.Compare(slices.Index(conditions[:], a.Condition), slices.Index(conditions[:], b.Condition)),
			since(a).Compare(since(b)), cmp.Compare(b.Health.BadShare, a.Health.BadShare), cmp.Compare(a.ID, b.ID),
		)
	})
	return found
}

func (s *Server) areaOfCode(code grid.AreaCode) *grid.Area {
	if s.deps.Areas == nil || code == "" {
		return nil
	}
	all := s.deps.Areas.All()
	if i := slices.IndexFunc(all, func(a grid.Area) bool { return a.Code == code }); i >= 0 {
		return &all[i]
	}
	return nil
}

// healthArea is what people call an area; without a code it is otherwise.
func (s *Server) healthArea(code grid.AreaCode, otherwise sensors.Names) sensors.Names {
	if a := s.areaOfCode(code); a != nil {
		return a.Names
	}
	if code == "" {
		return otherwise
	}
	return sensors.Names{ZH: string(code), EN: string(code)}
}

func (s *Server) healthAreaValue(code grid.AreaCode) report.Value {
	return report.Named(s.healthArea(code, sensors.Names{ZH: "责任网格之外或位置未知", EN: "outside every area, or place not known"}))
}

// healthKind is what people call a kind; without a key it is otherwise.
func (s *Server) healthKind(key sensors.KindKey, otherwise sensors.Names) sensors.Names {
	if k, ok := s.deps.Kinds.Kind(key); ok {
		return k.Names
	}
	if key == "" {
		return otherwise
	}
	return sensors.Names{ZH: string(key), EN: string(key)}
}

func (s *Server) healthKindValue(key sensors.KindKey) report.Value {
	return report.Named(s.healthKind(key, sensors.Names{ZH: "未登记类型", EN: "no kind registered"}))
}

// healthDefinitions say what the words of the report mean.
func healthDefinitions() []report.Definition {
	of := func(key, zh, en, textZH, textEN string) report.Definition {
		return report.Definition{Key: key, Names: sensors.Names{ZH: zh, EN: en}, Text: sensors.Names{ZH: textZH, EN: textEN}}
	}
	return []report.Definition{
		of("condition", "状态", "Condition",
			"每台设备只属于一种状态，几种同时成立时取排在前面的：离线（超过预期间隔 3 倍未见信号，或已声明离线）、数据异常（有未解除的数据质量告警）、迟报（超过预期间隔）、沉默（从未有信号）、在线。",
			"Each device is in one condition; of several that hold the first counts: offline (silent for three of its intervals, or said to be gone), conspicuous (an alert about its quality is open), late (silent for longer than its interval), silent (never heard of), online."),
		of("online_share", "在线率", "Online share",
			"登记的设备中既不离线也不沉默的占比；数据异常和迟报的设备仍算在线。", "Of the registered devices, the share that is neither offline nor silent; conspicuous and late ones are heard of."),
		of("per_minute", "近 1 小时上报", "Rate of the last hour", "最近一小时内每分钟接收的观测数，各设备之和。", "Observations taken in a minute in the last hour, of all devices together."),
		of("bad_share", "拒收占比", "Refused share",
			"自登记以来被拒收的报文（或报文的一部分）占全部的比例。原因见隔离区。", "Of everything a device ever sent, the share of messages or parts of them that was refused. The quarantine says why."),
	}
}
