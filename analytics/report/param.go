package report

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

// ParamType is how the text of a parameter is read.
type ParamType string

// The types of parameters.
const (
	TextParam    ParamType = "string"
	TimeParam    ParamType = "time" // RFC 3339, or a day of the district such as 2026-11-01
	IntegerParam ParamType = "integer"
	NumberParam  ParamType = "number"
	YesNoParam   ParamType = "boolean"
)

// Param is one parameter of a report: on the command line a flag, in the API a
// part of the query.
type Param struct {
	Key      string
	Names    sensors.Names // what people call it
	Doc      sensors.Names // one line
	Type     ParamType
	Enum     []string
	Default  string // "" when there is none, or it depends on others
	Min, Max int    // of an integer or a number
	Example  string
	// Many is how many values it takes, each by itself or parted by commas; 0 means
	// one.
	Many int

	moving bool // it says a period that moves with time, which a Request does not keep
	// Of Many values:
	setAll func(r *Request, texts []string, d District) error
	getAll func(r *Request) []string

	set func(r *Request, text string, d District) error // text may be ""
	get func(r *Request, zone *time.Location) string
}

// Params returns the parameters of a report in the order in which people are
// told of them; none for a report that does not exist.
func Params(name Name) []Param {
	switch name {
	case Trend:
		return []Param{
			kindParam(), oneOf("by", names("分组", "By"), names("按什么分组；案件类别和来源（class、channel）要等有了案件", "what trends are told apart by; class and channel are of cases, of which there are none yet"),
				func(r *Request) *Dimension { return &r.By }, ByArea, ByKind, ByAreaKind, ByCity, ByClass, ByChannel),
			everyParam(Day, Hour, Week), fromParam(), toParam(), periodParam(), runningParam(), areaParam(),
		}
	case Hotspots:
		return []Param{
			kindRequired(), everyParam(Day, Hour), fromParam(), toParam(), periodParam(), runningParam(), areaParam(), resolutionParam(), ringsParam(),
			oneOf("of", names("指标", "Of"), names("热点按事件数还是按每台设备的事件数", "hot spots of counts or of events per device; auto takes rates where every cell has a device"),
				func(r *Request) *Quantity { return &r.Of }, Auto, Counts, Rates),
			topParam(20), yesNo("devices", names("列出设备", "Devices"), names("列出每个热点中事件最多的设备", "name the devices with most observations in each cluster"), func(r *Request) *bool { return &r.Devices }),
			yesNo("scan", names("时空扫描", "Scan"), names("时空扫描统计，带蒙特卡洛 p 值；耗时较长，请以任务方式运行", "space-time scan with a Monte Carlo p; takes long: ask for it as a job"), func(r *Request) *bool { return &r.Scan }),
			whole("replicates", names("模拟次数", "Replicates"), names("扫描统计蒙特卡洛检验的模拟次数", "replicates of the Monte Carlo test of the scan"), 999, 99, 9_999, func(r *Request) *int { return &r.Replicates }),
			whole("seed", names("随机种子", "Seed"), names("模拟的随机种子：相同种子得到相同结果", "seed of the replicates: the same gives the same answer"), 1, 0, 1<<31-1, func(r *Request) *int { return &r.Seed }),
		}
	case Emerging:
		return []Param{kindRequired(), everyParam(Day, Hour), fromParam(), toParam(), periodParam(), runningParam(), areaParam(), resolutionParam(), ringsParam()}
	case Stubborn:
		return []Param{
			kindParam(), oneOf("by", names("分组", "By"), names("按网格、按设备（部件），或两者", "cells, devices (components), or both"),
				func(r *Request) *Dimension { return &r.By }, ByAny, ByCell, ByDevice),
			oneOf("source", names("来源", "Source"), names("由告警，或由有事件的日子得出", "what they are made from: alerts, or days with events"),
				func(r *Request) *Source { return &r.Source }, FromAlerts, FromEvents),
			hidden(Day), fromParam(), toParam(), periodParam(), runningParam(), areaParam(), resolutionParam(),
			whole("within_days", names("复发天数", "Within days"), names("解除后多少天内再次发生算复发", "what comes back within so many days of its end has returned"), 7, 1, 90, func(r *Request) *int { return &r.WithinDays }),
			whole("long_days", names("持续天数", "Long days"), names("一次持续多少天以上也算难点", "what lasted so many days at a time is stubborn too, though it did not return"), 7, 1, 365, func(r *Request) *int { return &r.LongDays }),
			oneOf("rank", names("排序", "Rank"), names("先按什么排序", "what ranks them first"), func(r *Request) *Ranking { return &r.Rank }, ByReturns, ByLasted, ByLongest, ByLate),
			topParam(50), whole("episodes", names("历史次数", "Episodes"), names("每个难点列出最近多少次", "how many episodes of each are listed, the newest first"), 10, 1, 200, func(r *Request) *int { return &r.Episodes }),
		}
	case Quality:
		return []Param{
			kindParam(), hidden(Week), fromParam(), toParam(), periodParam(), runningParam(), areaParam(),
			budgetParam(),
		}
	}
	return nil
}

func names(zh, en string) sensors.Names { return sensors.Names{ZH: zh, EN: en} }

func kindParam() Param {
	p := keysParam("kind", names("类型", "Kinds"), names("类型的键，可以有多个；不填则为全部", "keys of kinds; all when it is left out"), "smoke", MaxKinds,
		func(r *Request) *Keys[sensors.KindKey] { return &r.Kinds }, func(d District, key sensors.KindKey) error {
			if _, ok := d.Kinds.Kind(key); !ok {
				return fmt.Errorf("the catalogue has no such kind as %q", key)
			}
			return nil
		})
	return p
}

func kindRequired() Param {
	p := kindParam()
	p.Doc = names("类型的键，必填；有多个时每个类型单独一节", "keys of kinds, one at least; each is a section of its own")
	setAll := p.setAll
	p.setAll = func(r *Request, texts []string, d District) error {
		if err := setAll(r, texts, d); err != nil {
			return err
		}
		if r.Kinds.Len() == 0 {
			return errors.New("is needed")
		}
		return nil
	}
	return p
}

func areaParam() Param {
	return keysParam("area", names("责任网格", "Areas"), names("只看这些责任网格之内，可以有多个", "only what lies in any of these responsibility areas, by their codes"), "310107005", MaxAreas,
		func(r *Request) *Keys[grid.AreaCode] { return &r.Areas }, func(d District, code grid.AreaCode) error {
			if !slices.ContainsFunc(d.Areas, func(a grid.Area) bool { return a.Code == code }) {
				return fmt.Errorf("no area has the code %q", code)
			}
			return nil
		})
}

// keysParam is a set of keys that are known.
func keysParam[K ~string](key string, n, doc sensors.Names, example string, most int, field func(*Request) *Keys[K], known func(District, K) error) Param {
	return Param{
		Key: key, Names: n, Doc: doc, Type: TextParam, Example: example, Many: most,
		setAll: func(r *Request, texts []string, d District) error {
			var faults []error
			set := ReadKeys(texts, func(k K) bool { return known(d, k) == nil })
			for _, k := range set.All() {
				faults = append(faults, known(d, k))
			}
			if n := set.Len(); n > most {
				faults = append(faults, fmt.Errorf("names %d: %d are the most", n, most))
			}
			*field(r) = set
			return inOneLine(faults)
		},
		getAll: func(r *Request) []string {
			var out []string
			for _, k := range field(r).All() {
				out = append(out, string(k))
			}
			return out
		},
		get: func(r *Request, _ *time.Location) string { return field(r).String() },
	}
}

// inOneLine is some errors as one that reads as a line, nil when none is.
func inOneLine(all []error) error {
	var lines []string
	for _, err := range all {
		if err != nil {
			lines = append(lines, err.Error())
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return errors.New(strings.Join(lines, "; "))
}

func everyParam(steps ...Step) Param {
	return oneOf("every", names("时间窗", "Every"), names("时间窗长度；按本地日历，一周从周一开始", "length of a window in the district's calendar; weeks begin on Monday"),
		func(r *Request) *Step { return &r.Every }, steps...)
}

// hidden sets the step of a report that has but one.
func hidden(step Step) Param {
	p := everyParam(step)
	p.Doc = names("时间窗长度", "length of a window")
	return p
}

func fromParam() Param {
	return moment("from", names("开始", "From"), names("开始（含）：日期或 RFC 3339 时间，取整到时间窗的开始", "beginning, included: a day or RFC 3339; taken back to the start of its window"), "2026-08-24",
		func(r *Request) *time.Time { return &r.From })
}

func toParam() Param {
	return moment("to", names("结束", "To"), names("结束（不含）；不填则到最近一个完整时间窗", "end, not included; left out: the end of the last whole window"), "2026-11-22",
		func(r *Request) *time.Time { return &r.To })
}

func resolutionParam() Param {
	return whole("resolution", names("网格级别", "Resolution"), names("H3 网格级别：10 约 1.1 公顷，9 约 8 公顷", "H3 resolution of cells: 10 is about 1.1 ha, 9 about 8 ha"), 9, 7, grid.Resolution, func(r *Request) *int { return &r.Resolution })
}

func ringsParam() Param {
	return whole("rings", names("邻域环数", "Rings"), names("邻域的环数", "how many rings of cells around are neighbours"), 1, 1, 3, func(r *Request) *int { return &r.Rings })
}

func topParam(n int) Param {
	return whole("top", names("排名行数", "Top"), names("排名列出多少行", "how many rows of the ranking"), n, 1, 1_000, func(r *Request) *int { return &r.Top })
}

func whole(key string, n, doc sensors.Names, otherwise, least, most int, field func(*Request) *int) Param {
	return Param{
		Key: key, Names: n, Doc: doc, Type: IntegerParam, Default: strconv.Itoa(otherwise), Min: least, Max: most,
		set: func(r *Request, s string, _ District) error {
			v, err := strconv.Atoi(s)
			if err != nil || v < least || v > most {
				return fmt.Errorf("is not a whole number from %d to %d", least, most)
			}
			*field(r) = v
			return nil
		},
		get: func(r *Request, _ *time.Location) string { return strconv.Itoa(*field(r)) },
	}
}

// budgetParam is the budget of false episodes; left out, that of the rules.
func budgetParam() Param {
	const most = 1000
	return Param{
		Key: "budget", Names: names("误报预算", "Budget"), Type: NumberParam, Max: most, Example: "0.5",
		Doc: names("每类每周允许的误报次数；不填则按热点规则", "false episodes that are allowed a kind and week; left out: what the hotspot rules accept"),
		set: func(r *Request, s string, _ District) error {
			if r.Budget = -1; s == "" {
				return nil
			}
			v, err := strconv.ParseFloat(s, 64)
			if err != nil || !(v >= 0 && v <= most) {
				return fmt.Errorf("is not a number from 0 to %d", most)
			}
			r.Budget = v
			return nil
		},
		get: func(r *Request, _ *time.Location) string {
			if r.Budget < 0 {
				return ""
			}
			return strconv.FormatFloat(r.Budget, 'g', -1, 64)
		},
	}
}

func yesNo(key string, n, doc sensors.Names, field func(*Request) *bool) Param {
	return Param{
		Key: key, Names: n, Doc: doc, Type: YesNoParam, Default: "false",
		set: func(r *Request, s string, _ District) error {
			v, err := strconv.ParseBool(s)
			if err != nil {
				return errors.New("is neither true nor false")
			}
			*field(r) = v
			return nil
		},
		get: func(r *Request, _ *time.Location) string { return strconv.FormatBool(*field(r)) },
	}
}

// oneOf is a choice whose first is the default.
func oneOf[T ~string](key string, n, doc sensors.Names, field func(*Request) *T, choices ...T) Param {
	p := Param{Key: key, Names: n, Doc: doc, Type: TextParam, Default: string(choices[0])}
	for _, c := range choices {
		p.Enum = append(p.Enum, string(c))
	}
	p.set = func(r *Request, s string, _ District) error {
		if !slices.Contains(p.Enum, s) {
			return fmt.Errorf("is none of %s", strings.Join(p.Enum, ", "))
		}
		*field(r) = T(s)
		return nil
	}
	p.get = func(r *Request, _ *time.Location) string { return string(*field(r)) }
	return p
}

func moment(key string, n, doc sensors.Names, example string, field func(*Request) *time.Time) Param {
	return Param{
		Key: key, Names: n, Doc: doc, Type: TimeParam, Example: example,
		set: func(r *Request, s string, d District) error {
			if s == "" {
				return nil
			}
			t, err := time.Parse(time.RFC3339, s)
			if err != nil {
				t, err = time.ParseInLocation(time.DateOnly, s, d.Zone)
			}
			if err != nil {
				return errors.New("is neither a day such as 2026-11-01 nor a time such as 2026-11-01T08:00:00+08:00")
			}
			if t.Year() < 1990 || t.Year() > 2199 {
				return errors.New("is not in the years 1990 to 2199")
			}
			*field(r) = t
			return nil
		},
		get: func(r *Request, zone *time.Location) string { return field(r).In(zone).Format(time.RFC3339) },
	}
}

func sortFaults(f Faults) {
	slices.SortFunc(f, func(a, b Fault) int { return cmp.Or(cmp.Compare(a.Param, b.Param), cmp.Compare(a.Detail, b.Detail)) })
}
