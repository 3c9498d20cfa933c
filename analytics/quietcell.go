package analytics

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// cellQuiet is what a cell without events should have had since its last one.
type cellQuiet struct {
	watch
	hours     float64
	mean      float64 // events
	deviation float64 // of the mean itself, for what is not known of the cell's rate
}

func (q *cellQuiet) idle() bool { return q.mean < negligible && q.watch.idle() }

// none returns the probability of no event at all: exp(-mean) where counts are
// Poisson, that of a negative binomial of the same variance where they are not.
func (q *cellQuiet) none(dispersion float64) float64 {
	excess := (dispersion-1)*q.mean + q.deviation*q.deviation
	if excess <= 1e-9*q.mean {
		return math.Exp(-q.mean)
	}
	size := q.mean * q.mean / excess
	return math.Exp(-size * math.Log1p(q.mean/size))
}

// judgeCell takes in an hour of a cell. When the whole kind has fewer events than
// usual, less is expected of each cell.
func (r *silenceRule) judgeCell(j *judge, cell int32, c *cellHours, hour *hourOf, n, mean, deviation float64) {
	q := &c.quiet
	if n > 0 {
		q.hours, q.mean, q.deviation = 0, 0, 0
		return
	}
	if hour.excused[cell] {
		return
	}
	q.hours++
	quiet := math.Min(1, hour.elsewhere(n, mean))
	q.mean += mean * quiet
	q.deviation += deviation * quiet
	if !j.live || q.open != nil {
		return
	}
	if p := q.none(hour.dispersion); p < r.Silence.Chance {
		r.raiseCell(j, cell, q, hour, p)
	}
}

// heardCell takes in that a cell has an event again.
func (r *silenceRule) heardCell(j *judge, c *cellHours, at time.Time) {
	q := &c.quiet
	q.hours, q.mean, q.deviation = 0, 0, 0
	if q.open == nil || !j.live {
		return
	}
	a := q.open
	q.open = nil
	if at.Before(a.RaisedAt) {
		at = a.RaisedAt
	}
	lasted, area := duration(at.Sub(a.RaisedAt)), r.kind.inArea(a.Area)
	a.Reason = sensors.Names{
		ZH: fmt.Sprintf("%s已恢复：网格 %s%s 重新有信号；历时 %s。", r.Names.ZH, a.Cell, area.ZH, lasted.ZH),
		EN: fmt.Sprintf("%s is over: cell %s%s is heard of again; it lasted %s.", r.Names.EN, a.Cell, area.EN, lasted.EN),
	}
	j.closed(a, at)
}

func (r *silenceRule) raiseCell(j *judge, cell int32, q *cellQuiet, hour *hourOf, p float64) {
	id := r.study.lattice.Cells()[cell]
	a := &store.Alert{
		ID: newID(), Revision: 1, Rule: r.Name, Kind: r.kind.Key, Place: cellPlace + id.String(), Category: store.AboutQuality,
		State: store.AlertOpen, Severity: r.Severity, Cell: id, Area: r.study.areaOf(id),
		Baseline: q.mean, P: math.Max(p, leastP), Window: time.Duration(q.hours) * time.Hour, RaisedAt: hour.end, UpdatedAt: hour.end,
	}
	if center, err := id.Center(); err == nil { // an alert without its point is better than none
		a.Point = center
	}
	window, area := duration(a.Window), r.kind.inArea(a.Area)
	a.Reason = sensors.Names{
		ZH: fmt.Sprintf("%s：网格 %s%s %s内没有%s，预期 %s 次，偶然如此的概率 %s；可能无人观测，不说明城市状况。", r.Names.ZH, id, area.ZH,
			window.ZH, r.kind.Names.ZH, number(q.mean), probability(a.P)),
		EN: fmt.Sprintf("%s: nothing in cell %s%s for %s where %s are expected; the probability of that is %s. Likely nobody is watching; it says nothing of the city.",
			r.Names.EN, id, area.EN, window.EN, number(q.mean), probability(a.P)),
	}
	q.open = a
	j.raised(a)
}

func (r *silenceRule) restoreCell(a store.Alert) bool {
	id, err := grid.ParseCell(strings.TrimPrefix(a.Place, cellPlace))
	if err != nil {
		return false
	}
	at, in := r.study.lattice.Index(id)
	if in {
		r.hourly.cell(int32(at)).quiet.restore(a) //nolint:gosec // a lattice has fewer cells
	}
	return in
}
