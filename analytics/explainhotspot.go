package analytics

import (
	"fmt"
	"strings"
	"time"

	"github.com/urbangrid/urbangrid/analytics/hotspot"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// explainHotspot says how much there is where, what is ordinary, and how seldom
// chance makes so much of it.
func (r *hotspotRule) explainHotspot(a *store.Alert, c hotspot.Change) sensors.Names {
	place, window, unit := r.placeOf(a, c), duration(a.Window), r.kind.UnitLabel
	zhEnd, enEnd := "。", "."
	if c.Phase == hotspot.Cooling {
		zhEnd, enEnd = "；目前已不突出，继续观察。", "; it does not stand out any more and is being watched."
	}
	seldom := rarity(a.Recurrence)
	return sensors.Names{
		ZH: fmt.Sprintf("%s：%s %s内%s %s，通常 %s%s%s%s", r.Names.ZH, place.ZH, window.ZH, r.kind.Names.ZH,
			quantity(a.Value, unit.ZH), number(a.Baseline), times(a).ZH, seldom.ZH, zhEnd),
		EN: fmt.Sprintf("%s: %s in %s within %s where %s are usual%s%s%s", r.Names.EN, quantity(a.Value, unit.EN), place.EN,
			window.EN, number(a.Baseline), times(a).EN, seldom.EN, enEnd),
	}
}

func (r *hotspotRule) explainEnded(a *store.Alert, c hotspot.Change) sensors.Names {
	place, lasted := r.placeOf(a, c), duration(c.ClosedAt.Sub(a.RaisedAt))
	if c.Why == hotspot.Merged {
		return sensors.Names{
			ZH: fmt.Sprintf("%s：%s 已并入更早的热点；历时 %s。", r.Names.ZH, place.ZH, lasted.ZH),
			EN: fmt.Sprintf("%s: what was in %s has become a part of an older hotspot; it lasted %s.", r.Names.EN, place.EN, lasted.EN),
		}
	}
	return sensors.Names{
		ZH: fmt.Sprintf("%s已恢复：%s 不再突出；历时 %s。", r.Names.ZH, place.ZH, lasted.ZH),
		EN: fmt.Sprintf("%s is over: %s does not stand out any more; it lasted %s.", r.Names.EN, place.EN, lasted.EN),
	}
}

// placeOf names where a hotspot is.
func (r *hotspotRule) placeOf(a *store.Alert, c hotspot.Change) sensors.Names {
	if c.Whole {
		return sensors.Names{ZH: "全区", EN: "the whole district"}
	}
	area := r.kind.inArea(a.Area)
	if len(c.Cells) == 1 {
		return sensors.Names{ZH: fmt.Sprintf("网格 %s%s", a.Cell, area.ZH), EN: fmt.Sprintf("cell %s%s", a.Cell, area.EN)}
	}
	return sensors.Names{
		ZH: fmt.Sprintf("%d 个网格（中心 %s）%s", len(c.Cells), a.Cell, area.ZH),
		EN: fmt.Sprintf("%d cells around %s%s", len(c.Cells), a.Cell, area.EN),
	}
}

// times says how many times the usual it is, nothing where that says nothing.
func times(a *store.Alert) sensors.Names {
	if a.Baseline < 0.05 {
		return sensors.Names{}
	}
	n := number(a.Value / a.Baseline)
	return sensors.Names{ZH: "（" + n + " 倍）", EN: " (" + n + " times as many)"}
}

const dayLength = 24 * time.Hour

// rarity says how seldom quiet history reaches as much, nothing when that is not
// known.
func rarity(d time.Duration) sensors.Names {
	if d <= 0 {
		return sensors.Names{}
	}
	var zh, en string
	switch days := d.Hours() / 24; {
	case d < 2*dayLength:
		zh, en = number(d.Hours())+" 小时", number(d.Hours())+" hours"
	case days < 60:
		zh, en = fmt.Sprintf("%.0f 天", days), fmt.Sprintf("%.0f days", days)
	case days < 3*365:
		zh, en = fmt.Sprintf("%.0f 个月", days/30.4), fmt.Sprintf("%.0f months", days/30.4)
	case days < 99*365:
		zh, en = fmt.Sprintf("%.0f 年", days/365.25), fmt.Sprintf("%.0f years", days/365.25)
	default:
		zh, en = "一百年以上", "a century or more"
	}
	return sensors.Names{ZH: strings.TrimSuffix("，平时约 "+zh, " ") + "才会偶然出现一次", EN: "; by chance that happens once in " + en}
}
