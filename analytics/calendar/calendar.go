// Package calendar says what sort of day a date is in China: a working day, a
// weekend, a public holiday, or a day at a weekend that is worked to make up for
// one (调休). Habits of a city go by it.
package calendar

import (
	"slices"
	"time"

	"github.com/urbangrid/urbangrid/sensors"
)

// DayType is the sort of a day.
type DayType uint8

// The sorts of days.
const (
	Weekday  DayType = iota // Monday to Friday, and nothing else is known
	Weekend                 // Saturday or Sunday, and nothing else is known
	Holiday                 // a day of a public holiday, on whatever day of the week
	Adjusted                // a Saturday or Sunday that is worked for a holiday
)

// String returns the type in English.
func (d DayType) String() string {
	switch d {
	case Weekday:
		return "weekday"
	case Weekend:
		return "weekend"
	case Holiday:
		return "holiday"
	case Adjusted:
		return "adjusted working day"
	}
	return "unknown"
}

// SlotsPerWeek is how many hours a week of habits has.
const SlotsPerWeek = 7 * 24

// date is a day without a zone.
type date struct {
	year  int
	month time.Month
	day   int
}

type entry struct {
	kind  DayType
	names sensors.Names // of a holiday
}

// Calendar knows the holidays of some years, and weekends of all. It never
// changes and is safe for concurrent use. The zero Calendar knows weekends in
// UTC.
type Calendar struct {
	zone  *time.Location // nil means UTC
	years []schedule     // ascending
	days  map[date]entry // of all years
}

// In returns the calendar with its days in another zone, nil for UTC.
func (c *Calendar) In(zone *time.Location) *Calendar {
	return &Calendar{zone: zone, years: c.years, days: c.days}
}

// Known reports whether the holidays of a year are known. Where they are not,
// Day and Slot go by weekdays and weekends alone, which is wrong on some thirty
// days a year: say so to people who rely on it.
func (c *Calendar) Known(year int) bool {
	_, ok := slices.BinarySearchFunc(c.years, year, byYear)
	return ok
}

// Day returns the sort of the day that t falls on.
func (c *Calendar) Day(t time.Time) DayType {
	t = c.local(t)
	if e, ok := c.entry(t); ok {
		return e.kind
	}
	if day := t.Weekday(); day == time.Saturday || day == time.Sunday {
		return Weekend
	}
	return Weekday
}

// Holiday returns the names of the holiday that t falls on, and false when it
// falls on none.
func (c *Calendar) Holiday(t time.Time) (sensors.Names, bool) {
	e, ok := c.entry(c.local(t))
	return e.names, ok && e.kind == Holiday
}

// Slot returns the hour of the week, 0 for Monday from midnight to 167 for
// Sunday from 23 h, whose habits hold at t. A holiday has the hours of a Sunday.
// A day that is worked instead of a holiday has those of a Wednesday: the notices
// do not say which day it stands for, and of the five Wednesday is the one
// furthest from a weekend, with neither Monday's start nor Friday's end in it.
func (c *Calendar) Slot(t time.Time) int {
	t = c.local(t)
	day := t.Weekday()
	if e, ok := c.entry(t); ok {
		day = time.Sunday
		if e.kind == Adjusted {
			day = time.Wednesday
		}
	}
	return (int(day)+6)%7*24 + t.Hour()
}

func (c *Calendar) local(t time.Time) time.Time {
	if c.zone == nil {
		return t.UTC()
	}
	return t.In(c.zone)
}

func (c *Calendar) entry(local time.Time) (entry, bool) {
	year, month, day := local.Date()
	e, ok := c.days[date{year, month, day}]
	return e, ok
}
