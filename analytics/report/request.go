package report

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

// Request is a question with everything that was left out filled in. Requests
// can be compared with ==: equal ones have equal answers while the data is the
// same.
type Request struct {
	Report     Name
	Kinds      Keys[sensors.KindKey]
	Areas      Keys[grid.AreaCode] // what lies in any of them; none for the whole city
	By         Dimension
	Every      Step
	From, To   time.Time // starts of windows, UTC
	Resolution int       // H3 resolution of cells
	Rings      int       // how far neighbours are
	Of         Quantity
	Devices    bool // name the devices of hot spots
	Scan       bool
	Replicates int // of the Monte Carlo test of a scan
	Seed       int
	Source     Source
	WithinDays int // what comes back within so many days is stubborn
	LongDays   int // and what lasted so many days at a time
	Rank       Ranking
	Top        int     // how many rows of a ranking
	Episodes   int     // how many episodes of each
	Budget     float64 // false episodes a kind and week; below 0 means those of the rules

	// How the period was asked for. settle makes From and To of it and clears it, so
	// that the same period is the same question however it was said.
	last    span
	running bool
}

// MaxKinds and MaxAreas bound how many a question may name. One that names none is
// about all of them.
const (
	MaxKinds = 12
	MaxAreas = 24
)

// Long reports whether the answer takes so long that it should be asked for as a
// job.
func (r Request) Long() bool { return r.Scan }

// Dimension is what a trend is told apart by.
type Dimension string

// The dimensions. A new one needs an entry in the list of the parameter and a way
// in Reporter.lines.
const (
	ByArea     Dimension = "area"
	ByKind     Dimension = "kind"
	ByAreaKind Dimension = "area-kind" // every kind in every area
	ByCity     Dimension = "city"
	ByClass    Dimension = "class"   // of cases
	ByChannel  Dimension = "channel" // of cases
	ByCell     Dimension = "cell"
	ByDevice   Dimension = "device"
	ByAny      Dimension = "any" // cells and devices
)

// ofCases reports whether only cases can be told apart by d.
func (d Dimension) ofCases() bool { return d == ByClass || d == ByChannel }

// named reports whether a trend by d is of kinds that were named: of all there are it
// would have a line for each in each place.
func (d Dimension) named() bool { return d == ByArea || d == ByCity }

// Quantity is what hot spots are of.
type Quantity string

// The quantities.
const (
	Auto   Quantity = "auto"  // rates where every cell has a device, else counts
	Counts Quantity = "count" // events, or the mean level of a measure
	Rates  Quantity = "rate"  // events per device
)

// District is what questions are held against.
type District struct {
	Kinds *sensors.Catalog
	Areas []grid.Area
	Zone  *time.Location
	Now   time.Time
}

// Fault is one thing that is wrong with one parameter.
type Fault struct {
	Param  string
	Given  string
	Detail string
}

func (f Fault) Error() string { return f.Param + ": " + f.Detail }

// Faults are everything that is wrong with a question.
type Faults []Fault

func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, one := range f {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "; ")
}

// Parse reads the question for a report from parameters as they stand in a URL.
// Errors: Faults, with every fault at once.
func Parse(name Name, given url.Values, d District) (Request, error) {
	r := Request{Report: name}
	var faults Faults
	params := Params(name)
	known := map[string]bool{}
	for _, p := range params {
		known[p.Key] = true
		if p.setAll != nil {
			if err := p.setAll(&r, given[p.Key], d); err != nil {
				faults = append(faults, Fault{p.Key, strings.Join(given[p.Key], ","), err.Error()})
			}
			continue
		}
		text := given.Get(p.Key)
		if n := len(given[p.Key]); n > 1 {
			faults = append(faults, Fault{p.Key, strings.Join(given[p.Key], ","), fmt.Sprintf("is given %d times", n)})
			continue
		}
		if text == "" {
			text = p.Default
		}
		if err := p.set(&r, text, d); err != nil {
			faults = append(faults, Fault{p.Key, text, err.Error()})
		}
	}
	for key := range given {
		if !known[key] {
			faults = append(faults, Fault{key, given.Get(key), fmt.Sprintf("report %s has no such parameter", name)})
		}
	}
	if len(faults) == 0 {
		faults = r.settle(d)
	}
	if len(faults) > 0 {
		sortFaults(faults)
		return r, faults
	}
	return r, nil
}

// limits bound the windows of a question by their length.
var limits = map[Step]int{Hour: 2_400, Day: 1_100, Week: 270}

// lookBack is how many windows a question has that does not say from when.
func (r *Request) lookBack() int {
	switch {
	case r.Report == Trend && r.Every == Day:
		return 90
	case r.Report == Trend && r.Every == Week:
		return 52
	case r.Every == Hour && r.Report == Trend:
		return 14 * 24
	case r.Every == Hour:
		return 168
	case r.Report == Emerging:
		return 30
	case r.Report == Hotspots:
		return 28
	case r.Report == Quality:
		return 12
	}
	return 90
}

// settle makes the period whole windows, fills in what was left out of it, and
// returns what is wrong between parameters.
func (r *Request) settle(d District) Faults {
	faults := r.settleLast(d)
	if r.To.IsZero() {
		r.To = r.Every.Floor(d.Now, d.Zone)
	} else if start := r.Every.Floor(r.To, d.Zone); start.Before(r.To) {
		r.To = r.Every.Add(start, 1, d.Zone)
	}
	if r.From.IsZero() {
		r.From = r.Every.Add(r.Every.Floor(r.To, d.Zone), -r.lookBack(), d.Zone)
	} else {
		r.From = r.Every.Floor(r.From, d.Zone)
	}
	if _, err := r.Every.Bounds(r.From, r.To, d.Zone, limits[r.Every]); err != nil {
		faults = append(faults, Fault{"from", r.From.In(d.Zone).Format(time.RFC3339), err.Error()})
	}
	if r.From.After(d.Now) {
		faults = append(faults, Fault{"from", r.From.In(d.Zone).Format(time.RFC3339), "is in the future"})
	}
	if r.Report == Trend && r.By.named() && r.Kinds.Len() == 0 {
		faults = append(faults, Fault{"kind", "", "is needed, unless the trend is by kind or area-kind"})
	}
	r.From, r.To = r.From.UTC(), r.To.UTC()
	return faults
}

// Values returns the parameters of r as they stand in a URL, with nothing left
// out: Parse makes the same Request of them at any time.
func (r Request) Values(zone *time.Location) url.Values {
	out := url.Values{}
	for _, p := range Params(r.Report) {
		if p.getAll != nil {
			if all := p.getAll(&r); len(all) > 0 {
				out[p.Key] = all
			}
			continue
		}
		if s := p.get(&r, zone); s != "" {
			out.Set(p.Key, s)
		}
	}
	return out
}

// parameters lists r for its Result.
func (r Request) parameters(d District) []Parameter {
	out := make([]Parameter, 0, 10)
	for _, p := range Params(r.Report) {
		if p.moving {
			continue // from and to say it
		}
		text := p.get(&r, d.Zone)
		v := Text(text)
		if n, ok := choiceNames[text]; ok && (len(p.Enum) > 0 || p.Type == YesNoParam) {
			v = Named(n)
		}
		switch p.Key {
		case "from":
			v = Moment(r.From)
		case "to":
			v = Moment(r.To)
		case "kind":
			v = Named(kindsName(r.Kinds, d.Kinds))
		case "area":
			v = Named(areasName(r.Areas, d.Areas))
		case "budget":
			if r.Budget < 0 {
				v = Named(names("按规则", "that of the rules"))
			}
		}
		out = append(out, Parameter{Key: p.Key, Names: p.Names, Text: text, Value: v})
	}
	return out
}

// choiceNames are what people call the values of parameters that are choices.
var choiceNames = map[string]sensors.Names{
	string(ByArea): {ZH: "责任网格", EN: "area"}, string(ByKind): {ZH: "类型", EN: "kind"}, string(ByCity): {ZH: "合计", EN: "together"},
	string(ByAreaKind): {ZH: "责任网格和类型", EN: "area and kind"}, string(ByClass): {ZH: "案件类别", EN: "class of cases"}, string(ByChannel): {ZH: "案件来源", EN: "channel of cases"},
	string(ByCell): {ZH: "网格", EN: "cell"}, string(ByDevice): {ZH: "设备（部件）", EN: "device"}, string(ByAny): {ZH: "网格和设备", EN: "cells and devices"},
	string(Hour): {ZH: "小时", EN: "hour"}, string(Day): {ZH: "天", EN: "day"}, string(Week): {ZH: "周", EN: "week"},
	string(Auto): {ZH: "自动", EN: "auto"}, string(Counts): {ZH: "事件数", EN: "count"}, string(Rates): {ZH: "每台设备", EN: "rate"},
	string(FromAlerts): {ZH: "告警", EN: "alerts"}, string(FromEvents): {ZH: "有事件的日子", EN: "days with events"},
	string(ByReturns): {ZH: "复发次数", EN: "returns"}, string(ByLasted): {ZH: "总时长", EN: "time altogether"}, string(ByLongest): {ZH: "最长一次", EN: "longest time"}, string(ByLate): {ZH: "超时与重新打开", EN: "late or reopened"},
	"true": {ZH: "是", EN: "yes"}, "false": {ZH: "否", EN: "no"},
}

// Together is names as people list them.
func Together(all []sensors.Names) (out sensors.Names) {
	for i, n := range all {
		if i > 0 {
			out.ZH, out.EN = out.ZH+"、", out.EN+", "
		}
		out.ZH, out.EN = out.ZH+n.ZH, out.EN+n.EN
	}
	return out
}

// kindsName is what people call some kinds, in the order of the catalogue.
func kindsName(keys Keys[sensors.KindKey], kinds *sensors.Catalog) sensors.Names {
	if keys.Len() == 0 {
		return sensors.Names{ZH: "全部", EN: "all"}
	}
	var all []sensors.Names
	for _, k := range kinds.All() {
		if keys.Admit(k.Key) {
			all = append(all, k.Names)
		}
	}
	return Together(all)
}

// areasName is what people call some areas together.
func areasName(codes Keys[grid.AreaCode], areas []grid.Area) sensors.Names {
	if codes.Len() == 0 {
		return areaName("", areas)
	}
	var all []sensors.Names
	for _, code := range codes.All() {
		all = append(all, areaName(code, areas))
	}
	return Together(all)
}

// areaName is what people call an area; "" is the whole city.
func areaName(code grid.AreaCode, areas []grid.Area) sensors.Names {
	if code == "" {
		return sensors.Names{ZH: "全市", EN: "whole city"}
	}
	for _, a := range areas {
		if a.Code == code {
			return a.Names
		}
	}
	return sensors.Names{ZH: string(code), EN: string(code)}
}
