package analytics

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

func (r *thresholdRule) explainRaised(a *store.Alert) sensors.Names {
	unit := r.kind.UnitLabel
	zhSide, enSide := "达到或超过", "at or above"
	if r.kind.Bad == sensors.LowIsBad {
		zhSide, enSide = "等于或低于", "at or below"
	}
	zhHold, enHold := "", ""
	if h := r.Threshold.HoldRaise; h > 0 {
		zhHold, enHold = "，持续 "+duration(h).ZH, " for "+duration(h).EN
	}
	return sensors.Names{
		ZH: fmt.Sprintf("%s：设备 %s%s测得%s %s，%s %s%s。", r.Names.ZH, a.Device, r.kind.inArea(a.Area).ZH, r.kind.Names.ZH,
			quantity(a.Value, unit.ZH), zhSide, quantity(a.Baseline, unit.ZH), zhHold),
		EN: fmt.Sprintf("%s: device %s%s reads %s, %s %s%s.", r.Names.EN, a.Device, r.kind.inArea(a.Area).EN,
			quantity(a.Value, unit.EN), enSide, quantity(a.Baseline, unit.EN), enHold),
	}
}

func (r *thresholdRule) explainClosed(a *store.Alert, o *grid.Placed) sensors.Names {
	unit, lasted := r.kind.UnitLabel, duration(o.At.Sub(a.RaisedAt))
	return sensors.Names{
		ZH: fmt.Sprintf("%s已恢复：设备 %s%s测得%s %s，解除限值 %s；历时 %s。", r.Names.ZH, a.Device, r.kind.inArea(a.Area).ZH, r.kind.Names.ZH,
			quantity(o.Value, unit.ZH), quantity(r.Threshold.Clear, unit.ZH), lasted.ZH),
		EN: fmt.Sprintf("%s is over: device %s%s reads %s, the limit to clear is %s; it lasted %s.", r.Names.EN, a.Device, r.kind.inArea(a.Area).EN,
			quantity(o.Value, unit.EN), quantity(r.Threshold.Clear, unit.EN), lasted.EN),
	}
}

func (r *exceedanceRule) explainRaised(a *store.Alert) sensors.Names {
	unit, window := r.kind.UnitLabel, duration(a.Window)
	return sensors.Names{
		ZH: fmt.Sprintf("%s：网格 %s%s %s内%s %s，预期 %s，出现这么多的概率 %s。", r.Names.ZH, a.Cell, r.kind.inArea(a.Area).ZH, window.ZH,
			r.kind.Names.ZH, quantity(a.Value, unit.ZH), quantity(a.Baseline, unit.ZH), probability(a.P)),
		EN: fmt.Sprintf("%s: %s in cell %s%s within %s where %s are expected; the probability of so many is %s.", r.Names.EN,
			quantity(a.Value, unit.EN), a.Cell, r.kind.inArea(a.Area).EN, window.EN, number(a.Baseline), probability(a.P)),
	}
}

func (r *exceedanceRule) explainClosed(a *store.Alert, count int64, p float64) sensors.Names {
	unit, window := r.kind.UnitLabel, duration(a.Window)
	return sensors.Names{
		ZH: fmt.Sprintf("%s已恢复：网格 %s%s %s内%s %s，预期 %s，概率 %s。", r.Names.ZH, a.Cell, r.kind.inArea(a.Area).ZH, window.ZH,
			r.kind.Names.ZH, quantity(float64(count), unit.ZH), quantity(a.Baseline, unit.ZH), probability(p)),
		EN: fmt.Sprintf("%s is over: %s in cell %s%s within %s where %s are expected; the probability of so many is %s.", r.Names.EN,
			quantity(float64(count), unit.EN), a.Cell, r.kind.inArea(a.Area).EN, window.EN, number(a.Baseline), probability(p)),
	}
}

// inArea names the area, by its code when nobody knows its name.
func (k *kind) inArea(area grid.AreaCode) sensors.Names {
	if area == "" {
		return sensors.Names{}
	}
	names := sensors.Names{ZH: "责任网格 " + string(area), EN: "area " + string(area)}
	if k.areaNames != nil {
		if known := k.areaNames(area); known != (sensors.Names{}) {
			names = known
		}
	}
	return sensors.Names{ZH: "（" + names.ZH + "）", EN: " (" + names.EN + ")"}
}

func quantity(v float64, unit string) string {
	switch unit {
	case "":
		return number(v)
	case "%", "°":
		return number(v) + unit
	default:
		return number(v) + " " + unit
	}
}

// number writes v with as many digits as people read: one decimal, or two
// significant digits below 0.1.
func number(v float64) string {
	if a := math.Abs(v); a > 0 && a < 0.1 {
		return strconv.FormatFloat(v, 'g', 2, 64)
	}
	return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64)
}

func probability(p float64) string {
	if p >= 0.001 {
		return strconv.FormatFloat(p, 'g', 2, 64)
	}
	return strconv.FormatFloat(p, 'e', 1, 64)
}

func duration(d time.Duration) sensors.Names {
	d = d.Round(time.Second)
	switch {
	case d < 2*time.Minute:
		n := strconv.FormatInt(int64(d/time.Second), 10)
		return sensors.Names{ZH: n + " 秒", EN: n + " s"}
	case d < 2*time.Hour:
		n := strconv.FormatInt(int64(d.Round(time.Minute)/time.Minute), 10)
		return sensors.Names{ZH: n + " 分钟", EN: n + " min"}
	default:
		n := number(d.Hours())
		return sensors.Names{ZH: n + " 小时", EN: n + " h"}
	}
}
