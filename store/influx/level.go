package influx

import (
	"time"

	"github.com/urbangrid/urbangrid/grid"
)

// level is a kind of roll-up that is kept.
type level struct {
	span        grid.Span
	measurement string
	to          purpose
	ofAreas     bool // rows are those of whole areas: their key and point have no cell
}

// levels are all of them. Days are kept by area as well, because the server
// takes half a second to add up the cells of a district, for a quarter of a year.
var levels = [...]level{
	{grid.TenSeconds, "rollup_10s", forRaw, false},
	{grid.OneMinute, "rollup_1m", forMinutes, false},
	{grid.OneHour, "rollup_1h", forHours, false},
	{grid.OneDay, "rollup_1d", forDays, false},
	{grid.OneDay, "rollup_1d_area", forDays, true},
}

// levelOf returns the level of roll-ups by cell of a span.
func levelOf(s grid.Span) level {
	for _, l := range levels {
		if l.span == s {
			return l
		}
	}
	return levels[0]
}

// levelOfKey returns the level that a roll-up is of.
func levelOfKey(k *grid.RollupKey) level {
	if k.Cell == 0 {
		return levels[len(levels)-1]
	}
	return levelOf(k.Span)
}

// dayKeys returns the roll-ups of a day, by cell and by area, that one of its
// cell's roll-ups goes into.
func dayKeys(k grid.RollupKey, day time.Time) [2]grid.RollupKey {
	k.Span, k.Start = grid.OneDay, day
	cell := k
	k.Cell = 0
	return [2]grid.RollupKey{cell, k}
}

// keyer gives the roll-ups that observations go into. It remembers a day, because
// most observations are of the same one.
type keyer struct {
	calendar  grid.Calendar
	from      time.Time // days before it are not kept yet
	day, next time.Time
}

// each calls f for every roll-up that p goes into.
func (ks *keyer) each(p *grid.Placed, f func(grid.RollupKey)) {
	for _, span := range grid.Spans {
		f(grid.RollupKey{Span: span, Start: span.Start(p.At), Kind: p.Kind, Cell: p.Cell, Area: p.Area})
	}
	ks.eachDay(grid.RollupKey{Kind: p.Kind, Cell: p.Cell, Area: p.Area}, p.At, f)
}

// eachDay calls f for the roll-ups of days that one of at goes into.
func (ks *keyer) eachDay(k grid.RollupKey, at time.Time, f func(grid.RollupKey)) {
	if at.Before(ks.day) || !at.Before(ks.next) {
		ks.day, ks.next = ks.calendar.Day(at), ks.calendar.Next(at)
	}
	if ks.day.Before(ks.from) {
		return
	}
	for _, k := range dayKeys(k, ks.day) {
		f(k)
	}
}
