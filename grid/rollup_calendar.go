package grid

import (
	"time"

	_ "time/tzdata" // days must not depend on what the machine has installed
)

// OneDay names the roll-ups of calendar days. Their windows are those of a
// Calendar, not of the Span: a day starts where it does in its zone, and lasts
// 23, 24 or 25 hours.
const OneDay = Span(24 * time.Hour)

// Calendar says where the days of a time zone begin. A day begins at the first
// instant of its date, even where clocks skip or repeat midnight; where the zone
// is off by a part of a minute, as local mean time was, at the whole minute
// before. Days follow each other without a gap, each after the one before. The
// zero Calendar is that of UTC.
type Calendar struct{ zone *time.Location }

// NewCalendar returns the calendar of a zone, nil for UTC.
func NewCalendar(zone *time.Location) Calendar { return Calendar{zone} }

// China returns the calendar of Chinese districts, that of Asia/Shanghai.
func China() Calendar {
	zone, err := time.LoadLocation("Asia/Shanghai")
	if err != nil { // cannot be: the zones are in the program
		zone = time.FixedZone("Asia/Shanghai", 8*60*60)
	}
	return NewCalendar(zone)
}

// Zone returns the time zone.
func (c Calendar) Zone() *time.Location {
	if c.zone == nil {
		return time.UTC
	}
	return c.zone
}

// Day returns the start of the day that contains t, in UTC.
func (c Calendar) Day(t time.Time) time.Time {
	year, month, day := t.In(c.Zone()).Date()
	// Where clocks go back over midnight, the date of t may be of the day before.
	if next := c.begin(year, month, day+1); !t.Before(next) {
		return next
	}
	return c.begin(year, month, day)
}

// Next returns the start of the day after the one that contains t, in UTC.
func (c Calendar) Next(t time.Time) time.Time {
	year, month, day := t.In(c.Zone()).Date()
	for n := 1; ; n++ { // a date may be skipped
		if next := c.begin(year, month, day+n); next.After(t) {
			return next
		}
	}
}

// Days returns the starts of the days that [from, to) touches, and the end of
// the last of them: the bounds of so many windows. It is nil when from is not
// before to.
func (c Calendar) Days(from, to time.Time) []time.Time {
	if !from.Before(to) {
		return nil
	}
	out := []time.Time{c.Day(from)}
	for last := out[0]; last.Before(to); {
		last = c.Next(last)
		out = append(out, last)
	}
	return out
}

// begin returns the first instant at which the zone has the date or a later one.
func (c Calendar) begin(year int, month time.Month, day int) time.Time {
	midnight := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	// No zone is two days ahead, so this lies before, and at most two changes of
	// the clock lie between.
	at := midnight.Add(-48 * time.Hour).In(c.Zone())
	for {
		_, offset := at.Zone()
		here := midnight.Add(-time.Duration(offset) * time.Second)
		_, change := at.ZoneBounds()
		switch {
		case here.Before(at): // the clock was put past midnight
			here = at
		// Go gives a change that is none, at the same instant, to the last day of
		// leap years beyond 2037.
		case change.After(at) && !here.Before(change):
			at = change
			continue
		}
		return OneMinute.Start(here)
	}
}
