package analytics

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// beat takes an event of a device to its rhythm, and keeps what a clock has made from
// all that is about the city.
func (s *secondary) beat(j *judge, d *sender, o *grid.Placed, seen int64) {
	taken, freed := d.beat(o, seen)
	for _, at := range taken {
		s.hourly.change(s, o.Cell, at, -1)
		for _, h := range s.kind.hotspots {
			h.withhold(j, d.id, o.Cell, at)
		}
	}
	s.giveBack(j, d, o.Cell, freed)
	s.outlier.clock(j, d, o)
}

// giveBack makes events the city's again.
func (s *secondary) giveBack(j *judge, d *sender, c grid.Cell, freed []int64) {
	for _, at := range freed {
		s.hourly.change(s, c, at, 1)
		for _, h := range s.kind.hotspots {
			h.giveBack(j, d.id, c, at)
		}
	}
}

// clock raises an alert about a device once its events are a clock's for certain.
func (r *outlierRule) clock(j *judge, d *sender, o *grid.Placed) {
	c := d.rhythm.Clock
	if !j.live || c == nil || !c.sure() || d.faulty.open != nil {
		return
	}
	a := aboutDevice(&r.Rule, r.kind, o, store.AboutQuality)
	a.Value, a.Window = float64(c.Beats), time.Duration(c.Last-c.First)*time.Microsecond
	a.Reason = r.explainClock(a, c)
	d.faulty.open = a
	j.raised(a)
}

// advance ends the clocks that have missed their beats, and the alerts about them.
func (r *outlierRule) advance(j *judge) {
	now := r.minute * minuteMicros
	var ended []*sender
	for _, d := range r.senders {
		ticks := d.rhythm != nil && d.rhythm.Clock != nil
		if ticks && d.rhythm.Clock.overdue(now-underWay) || !ticks && d.faulty.open != nil {
			ended = append(ended, d)
		}
	}
	slices.SortFunc(ended, func(a, b *sender) int { return strings.Compare(string(a.id), string(b.id)) })
	for _, d := range ended {
		if d.rhythm != nil && d.rhythm.Clock != nil {
			cell := d.rhythm.Clock.Cell
			freed := d.rhythm.stop()
			d.rhythm.withhold(nil, freed)
			r.giveBack(j, d, cell, freed)
		}
		if j.live && d.faulty.open != nil {
			r.close(j, d, fromMicros(now), sensors.Names{ZH: "不再按固定间隔上报", EN: "it does not tick like a clock any more"})
		}
	}
}

func (r *outlierRule) explainClock(a *store.Alert, c *clock) sensors.Names {
	unit, period, area := r.kind.UnitLabel, duration(time.Duration(c.Period)*time.Microsecond), r.kind.inArea(a.Area)
	return sensors.Names{
		ZH: fmt.Sprintf("%s：设备 %s%s每隔 %s上报一次相同的%s，如时钟般已有 %s，此前从未如此；可能卡死，不计入热点。", r.Names.ZH, a.Device, area.ZH,
			period.ZH, r.kind.Names.ZH, quantity(a.Value, unit.ZH)),
		EN: fmt.Sprintf("%s: device %s%s sends the same every %s as a clock ticks, %s so far, as never before. It is likely stuck; what it sends so counts for no hotspot.",
			r.Names.EN, a.Device, area.EN, period.EN, quantity(a.Value, unit.EN)),
	}
}
