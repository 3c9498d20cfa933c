package analytics

import (
	"fmt"
	"time"

	"github.com/urbangrid/urbangrid/analytics/hotspot"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// tellDay raises a notice on a day that runs by the habits of another sort of day, of
// which the calendar does not know. It is about what the expectation is made of, not
// about the city: hotspots are measured by those habits meanwhile.
func (r *hotspotRule) tellDay(j *judge, at time.Time) {
	if !j.live {
		return
	}
	day := r.detector.Day()
	if a := r.day; a != nil && (!day.Other || a.RaisedAt.Before(day.Begin)) {
		r.day = nil
		a.Reason = r.explainDayOver(a, day)
		j.closed(a, at)
	}
	if r.day != nil || !day.Other {
		return
	}
	r.day = &store.Alert{
		ID: newID(), Revision: 1, Rule: r.Name, Kind: r.kind.Key, Place: kindPlace + string(r.kind.Key), Category: store.AboutQuality,
		State: store.AlertOpen, Severity: store.Notice, RaisedAt: at, UpdatedAt: at, Window: at.Sub(day.Begin),
		Value: day.Count, Baseline: day.Usual, Excess: day.Count - day.Usual, Score: day.Odds,
	}
	r.day.Reason = r.explainDay(day)
	j.raised(r.day)
}

// sortOf names the sort of day whose habits a day has.
func sortOf(day hotspot.Day) sensors.Names {
	if day.Like >= 5 { // Saturday or Sunday
		return sensors.Names{ZH: "休息日", EN: "a day off"}
	}
	return sensors.Names{ZH: "工作日", EN: "a working day"}
}

func (r *hotspotRule) explainDay(day hotspot.Day) sensors.Names {
	unit, of := r.kind.UnitLabel, sortOf(day)
	return sensors.Names{
		ZH: fmt.Sprintf("%s：今天按%s的规律运行，而日历并非如此。零时以来%s %s；按日期通常 %s，按%s %s。今天的热点按%s衡量；请核对日历。", r.Names.ZH, of.ZH,
			r.kind.Names.ZH, quantity(day.Count, unit.ZH), number(day.Usual), of.ZH, number(day.Expected), of.ZH),
		EN: fmt.Sprintf("%s: today runs like %s, which the calendar does not know: %s since midnight, where its date has %s and %s %s. Hotspots are measured by that today; the calendar is to be checked.",
			r.Names.EN, of.EN, quantity(day.Count, unit.EN), number(day.Usual), of.EN, number(day.Expected)),
	}
}

func (r *hotspotRule) explainDayOver(a *store.Alert, day hotspot.Day) sensors.Names {
	if a.RaisedAt.Before(day.Begin) {
		return sensors.Names{ZH: r.Names.ZH + "：这一天已过去，恢复按日历衡量。", EN: r.Names.EN + ": that day is over; the calendar holds again."}
	}
	return sensors.Names{ZH: r.Names.ZH + "：今天其后的情况符合日历，恢复按日历衡量。",
		EN: r.Names.EN + ": what came later today is as the calendar says, which holds again."}
}
