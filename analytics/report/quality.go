package report

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/urbangrid/urbangrid/analytics/report/jobs"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// reraised is how soon after its clearing an alert at the same place is the same
// thing flapping.
const reraised = 15 * time.Minute

// subject is what alerts are counted by.
type subject struct {
	category store.AlertCategory
	kind     sensors.KindKey
}

// tally is what became of alerts.
type tally struct {
	raised, confirmed, falseAlarms, open, flapping int
	hours                                          []float64 // to clear, of those that were
}

// add counts an alert that was raised in the time.
func (t *tally) add(answer store.Answer, flapping bool) {
	t.raised++
	switch answer {
	case store.Confirmed:
		t.confirmed++
	case store.FalseAlarm:
		t.falseAlarms++
	}
	if flapping {
		t.flapping++
	}
}

// last counts how long an alert was open, whenever it was raised.
func (t *tally) last(a store.Alert, end time.Time) {
	if cleared := clearedBy(a, end); cleared.IsZero() {
		t.open++
	} else {
		t.hours = append(t.hours, cleared.Sub(a.RaisedAt).Hours())
	}
}

// unanswered is how many nobody judged.
func (t *tally) unanswered() int { return t.raised - t.confirmed - t.falseAlarms }

// ppv is the share of confirmed among judged alerts in percent, with its interval.
func (t *tally) ppv() (share, low, high Value) {
	if t.raised == 0 {
		return Missing(NoteNoAlerts), Missing(NoteNoAlerts), Missing(NoteNoAlerts)
	}
	n := t.confirmed + t.falseAlarms
	if n == 0 {
		return Missing(NoteNoVerdicts), Missing(NoteNoVerdicts), Missing(NoteNoVerdicts)
	}
	lo, hi := wilson(t.confirmed, n)
	return Number(100 * float64(t.confirmed) / float64(n)), Number(100 * lo), Number(100 * hi)
}

// wilson is the 95 % interval of a share k of n > 0 (Wilson 1927).
func wilson(k, n int) (low, high float64) {
	const z = 1.959963984540054
	p, m := float64(k)/float64(n), float64(n)
	middle := (p + z*z/(2*m)) / (1 + z*z/m)
	half := z / (1 + z*z/m) * math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
	return max(0, middle-half), min(1, middle+half)
}

func (r *Reporter) quality(ctx context.Context, req Request, tell Tell, out *Result) error {
	tell(jobs.Progress{Step: names("读取告警与研判", "reading alerts and verdicts")})
	alerts, cut, err := r.alertsOf(ctx, req)
	if err != nil {
		return err
	}
	answers, err := r.verdictsOn(ctx, alerts)
	if err != nil {
		return err
	}
	bounds, err := r.bounds(req)
	if err != nil {
		return err
	}
	reg, err := r.devices(ctx)
	if err != nil {
		return err
	}
	out.Data.read(len(alerts))
	if cut {
		out.note(NoteAlertsCut)
	}
	if len(alerts) == 0 {
		out.note(NoteNoAlerts)
	}
	all, weeks := tallies(alerts, answers, bounds, r.end(req))
	out.Tables = []Table{r.kindsTable(all, len(bounds)-1, req), r.weeksTable(all, weeks, bounds, req), r.faultyTable(alerts, r.end(req)), r.healthTable(reg, req)}
	if r.opts.Evaluation == nil {
		out.note(NoteNoEvaluation)
	} else {
		tables, err := evaluationTables(r.opts.Evaluation)
		if err != nil {
			return fmt.Errorf("evaluation: %w", err)
		}
		out.Tables = append(out.Tables, tables...)
	}
	out.use("alert_register", "wilson")
	out.define("ppv", "budget", "time_to_clear", "flapping", "health")
	return nil
}

// tallies counts alerts by subject, and by subject and week. Those raised before
// the first week count with how long they were open, and in no week.
func tallies(alerts []store.Alert, answers map[string]store.Answer, bounds []time.Time, end time.Time) (all map[subject]*tally, weeks map[subject][]tally) {
	all, weeks = map[subject]*tally{}, map[subject][]tally{}
	before := flaps{}
	for _, a := range alerts {
		s := subject{categoryOf(a), a.Kind}
		if all[s] == nil {
			all[s], weeks[s] = &tally{}, make([]tally, len(bounds)-1)
		}
		flapping := before.again(a) || a.Flapping
		all[s].last(a, end)
		if w := window(bounds, a.RaisedAt); w >= 0 {
			all[s].add(answers[a.ID], flapping)
			weeks[s][w].add(answers[a.ID], flapping)
		}
	}
	return all, weeks
}

// flaps remembers the alerts of each rule that were cleared a short time before.
type flaps map[string][]store.Alert

// again reports whether an alert is one that was cleared a short time before it was
// raised: of the same rule and kind, at the same place, or, of hotspots, which have a
// place of their own each, in an area that shares a cell with it. Alerts come in the
// order in which they were raised.
func (f flaps) again(a store.Alert) bool {
	rule := a.Rule + "\x00" + string(a.Kind)
	f[rule] = slices.DeleteFunc(f[rule], func(b store.Alert) bool { return !b.ClearedAt.IsZero() && a.RaisedAt.Sub(b.ClearedAt) > reraised })
	found := slices.ContainsFunc(f[rule], func(b store.Alert) bool {
		return !b.ClearedAt.IsZero() && !a.RaisedAt.Before(b.ClearedAt) && (a.Place == b.Place || overlap(a.Cells, b.Cells))
	})
	f[rule] = append(f[rule], a)
	return found
}

// overlap reports whether two ascending lists share a cell.
func overlap(a, b []grid.Cell) bool {
	return slices.ContainsFunc(a, func(c grid.Cell) bool {
		_, ok := slices.BinarySearch(b, c)
		return ok
	})
}

// window is the window that contains t, -1 for none.
func window(bounds []time.Time, t time.Time) int {
	i, ok := slices.BinarySearchFunc(bounds, t, time.Time.Compare)
	if !ok {
		i--
	}
	if i < 0 || i >= len(bounds)-1 {
		return -1
	}
	return i
}

// subjects are in the order of category and kind.
func subjects[T any](m map[subject]T) []subject {
	out := make([]subject, 0, len(m))
	for s := range m {
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b subject) int {
		return cmp.Or(cmp.Compare(a.category, b.category), cmp.Compare(a.kind, b.kind))
	})
	return out
}

// held holds the false alarms of some weeks against the budget of a subject.
func (r *Reporter) held(req Request, s subject, falseAlarms, weeks int) (budget, within Value) {
	if s.category == store.AboutQuality {
		return Missing(NoteNoBudget), Missing(NoteNoBudget)
	}
	perWeek, ok := req.Budget, true
	if perWeek < 0 {
		perWeek, ok = r.src.Budgets[s.kind]
	}
	if !ok {
		return Missing(NoteNoRuleBudget), Missing(NoteNoRuleBudget)
	}
	return Number(perWeek), YesNo(float64(falseAlarms) <= perWeek*float64(weeks))
}

func (r *Reporter) kindsTable(all map[subject]*tally, weeks int, req Request) Table {
	t := Table{Key: "kinds", Title: names("各类型检测质量", "By kind"), Columns: []Column{
		textual("category", "类别", "Category"), textual("kind", "类型键", "Kind key"), textual("name", "类型", "Kind"),
		plain("raised", "告警数", "Raised", 0), plain("confirmed", "属实", "Confirmed", 0), plain("false", "误报", "False", 0), plain("unanswered", "未研判", "Not judged", 0),
		percent("ppv", "阳性预测值", "Predictive value"), percent("ppv_low", "区间下限", "Low"), percent("ppv_high", "区间上限", "High"),
		plain("false_per_week", "每周误报", "False a week", 2), plain("budget", "误报预算", "Budget", 2), textual("within_budget", "在预算内", "Within budget"),
		column("clear_median", names("解除用时中位数", "Median time to clear"), "h", names("小时", "hours"), 2),
		column("clear_p90", names("解除用时九成分位", "90 % cleared within"), "h", names("小时", "hours"), 2),
		plain("open", "时段末未解除", "Open at the end", 0), plain("flapping", "抖动", "Flapping", 0), percent("flapping_share", "抖动占比", "Flapping share"),
	}}
	for _, s := range subjects(all) {
		a := all[s]
		ppv, low, high := a.ppv()
		perWeek := Number(float64(a.falseAlarms) / float64(weeks))
		budget, within := r.held(req, s, a.falseAlarms, weeks)
		mid, most := Missing(NoteStillOpen), Missing(NoteStillOpen)
		if len(a.hours) > 0 {
			mid = Number(median(a.hours)) // which sorts
			most = Number(a.hours[min(len(a.hours)-1, (9*len(a.hours)+9)/10-1)])
		}
		t.Rows = append(t.Rows, []Value{
			Named(categories[s.category]), Text(string(s.kind)), Named(r.kindName(s.kind)),
			Count(a.raised), Count(a.confirmed), Count(a.falseAlarms), Count(a.unanswered()), ppv, low, high, perWeek, budget, within,
			mid, most, Count(a.open), Count(a.flapping), per(100*float64(a.flapping), float64(a.raised), NoteNoAlerts),
		})
	}
	return t
}

func (r *Reporter) weeksTable(all map[subject]*tally, weeks map[subject][]tally, bounds []time.Time, req Request) Table {
	t := Table{Key: "weeks", Title: names("每周告警", "By week"), Columns: []Column{
		momentary("week", "周（周一）", "Week (Monday)"), textual("category", "类别", "Category"), textual("kind", "类型键", "Kind key"), textual("name", "类型", "Kind"),
		plain("raised", "告警数", "Raised", 0), plain("confirmed", "属实", "Confirmed", 0), plain("false", "误报", "False", 0), plain("unanswered", "未研判", "Not judged", 0),
		percent("ppv", "阳性预测值", "Predictive value"), plain("budget", "误报预算", "Budget", 2), textual("within_budget", "在预算内", "Within budget"), plain("flapping", "抖动", "Flapping", 0),
	}}
	for _, s := range subjects(all) {
		for w := range weeks[s] {
			a := &weeks[s][w]
			ppv, _, _ := a.ppv()
			budget, within := r.held(req, s, a.falseAlarms, 1)
			t.Rows = append(t.Rows, []Value{
				Moment(bounds[w]), Named(categories[s.category]), Text(string(s.kind)), Named(r.kindName(s.kind)),
				Count(a.raised), Count(a.confirmed), Count(a.falseAlarms), Count(a.unanswered()), ppv, budget, within, Count(a.flapping),
			})
		}
	}
	return t
}

// worstDevices bounds the lists of devices.
const worstDevices = 50

// faultyTable lists the devices with most data-quality alerts.
func (r *Reporter) faultyTable(alerts []store.Alert, end time.Time) Table {
	t := Table{Key: "faulty", Title: names("数据质量告警最多的设备", "Devices with most data-quality alerts"), Columns: []Column{
		textual("device", "设备", "Device"), textual("kind", "类型键", "Kind key"), textual("name", "类型", "Kind"),
		plain("alerts", "告警数", "Alerts", 0), plain("open", "时段末未解除", "Open at the end", 0), momentary("last", "最近一次", "Last"), textual("reason", "说明", "Why"),
	}}
	type faulty struct {
		device sensors.DeviceID
		kind   sensors.KindKey
		n      int
		open   int
		last   store.Alert
	}
	var list []*faulty
	for _, a := range alerts {
		if categoryOf(a) != store.AboutQuality || a.Device == "" {
			continue
		}
		i := slices.IndexFunc(list, func(f *faulty) bool { return f.device == a.Device && f.kind == a.Kind })
		if i < 0 {
			i = len(list)
			list = append(list, &faulty{device: a.Device, kind: a.Kind})
		}
		list[i].n++
		list[i].last = a
		if clearedBy(a, end).IsZero() {
			list[i].open++
		}
	}
	slices.SortFunc(list, func(a, b *faulty) int {
		return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.device, b.device), cmp.Compare(a.kind, b.kind))
	})
	for _, f := range list[:min(len(list), worstDevices)] {
		t.Rows = append(t.Rows, []Value{
			Text(string(f.device)), Text(string(f.kind)), Named(r.kindName(f.kind)), Count(f.n), Count(f.open), Moment(f.last.RaisedAt), Named(f.last.Reason),
		})
	}
	return t
}

// healthTable counts devices by kind and state at this moment.
func (r *Reporter) healthTable(reg *registerView, req Request) Table {
	t := Table{Key: "devices", Title: names("设备状况", "Devices"), Columns: []Column{
		textual("kind", "类型键", "Kind key"), textual("name", "类型", "Kind"), plain("registered", "登记", "Registered", 0),
		plain("online", "在线", "Online", 0), plain("offline", "离线", "Offline", 0), plain("silent", "沉默", "Silent", 0),
		percent("online_share", "在线率", "Online share"), plain("maintenance", "维护中", "Under maintenance", 0), percent("bad_share", "不可用报文占比", "Refused messages"),
	}}
	type health struct {
		states         map[sensors.State]int
		n, maintenance int
		good, bad      int64
	}
	byKind := map[sensors.KindKey]*health{}
	now := r.opts.Now()
	for i := range reg.all {
		d := &reg.all[i]
		kinds := d.Kinds
		if len(kinds) == 0 {
			kinds = []sensors.KindKey{""}
		}
		state, _ := d.State(now, r.src.Kinds)
		for _, k := range kinds {
			if !req.Kinds.Admit(k) || !req.Areas.Admit(reg.devices[i].area) {
				continue
			}
			h := byKind[k]
			if h == nil {
				h = &health{states: map[sensors.State]int{}}
				byKind[k] = h
			}
			h.n++
			h.states[state]++
			h.good += d.Condition.Observations
			h.bad += d.Condition.Bad
			if d.UnderMaintenance(now) {
				h.maintenance++
			}
		}
	}
	for _, k := range slices.Sorted(maps.Keys(byKind)) {
		h := byKind[k]
		name := r.kindName(k)
		if k == "" {
			name = names("未登记类型", "no kind registered")
		}
		t.Rows = append(t.Rows, []Value{
			Text(string(k)), Named(name), Count(h.n), Count(h.states[sensors.StateOnline]), Count(h.states[sensors.StateOffline]), Count(h.states[sensors.StateSilent]),
			Number(100 * float64(h.states[sensors.StateOnline]) / float64(h.n)), Count(h.maintenance), per(100*float64(h.bad), float64(h.good+h.bad), NoteNoData),
		})
	}
	return t
}
