package report

import (
	"fmt"
	"time"

	"github.com/urbangrid/urbangrid/sensors"
)

// Step is the length of a window in the district's calendar.
type Step string

// The steps. Weeks begin on Monday (GB/T 7408, ISO 8601).
const (
	Hour  Step = "hour"
	Day   Step = "day"
	Week  Step = "week"
	Whole Step = "period" // one window that is the whole period
)

// Names returns what people call the step.
func (s Step) Names() sensors.Names {
	switch s {
	case Hour:
		return sensors.Names{ZH: "小时", EN: "hour"}
	case Day:
		return sensors.Names{ZH: "天", EN: "day"}
	case Week:
		return sensors.Names{ZH: "周", EN: "week"}
	}
	return sensors.Names{ZH: "整个时段", EN: "period"}
}

// Floor returns the start of the window that contains t in zone. An hour is
// counted from the Unix epoch, so that the hour which a clock repeats in autumn
// is two; days and weeks begin at the midnight of the place, or where there is
// none, because clocks went forward, at the first moment of the day.
func (s Step) Floor(t time.Time, zone *time.Location) time.Time {
	if s == Hour {
		return t.Truncate(time.Hour).In(zone)
	}
	y, m, d := t.In(zone).Date()
	if s == Week {
		d -= (int(t.In(zone).Weekday()) + 6) % 7
	}
	return midnight(y, m, d, zone)
}

// Add returns the start of the window n windows after that which starts at
// start.
func (s Step) Add(start time.Time, n int, zone *time.Location) time.Time {
	if s == Hour {
		return start.Add(time.Duration(n) * time.Hour)
	}
	if s == Week {
		n *= 7
	}
	y, m, d := start.In(zone).Date()
	return midnight(y, m, d+n, zone)
}

// midnight is the first moment of a day in zone.
func midnight(y int, m time.Month, d int, zone *time.Location) time.Time {
	t := time.Date(y, m, d, 0, 0, 0, 0, zone)
	// Where clocks go forward at midnight, time.Date may give a moment of the day
	// before: the day begins where the zone changes.
	want := time.Date(y, m, d, 12, 0, 0, 0, zone)
	if t.Day() != want.Day() {
		_, t = t.ZoneBounds()
	}
	return t
}

// Bounds returns the starts of the windows that begin in [from, to) and the end
// of the last, so that window i is [b[i], b[i+1]). from must be a start. It
// returns an error when there is none or there are more than limit.
func (s Step) Bounds(from, to time.Time, zone *time.Location, limit int) ([]time.Time, error) {
	if !from.Before(to) {
		return nil, fmt.Errorf("no %s begins between %s and %s", s, from.Format(time.RFC3339), to.Format(time.RFC3339))
	}
	if s == Whole {
		return []time.Time{from, to}, nil
	}
	out := []time.Time{from}
	for at := from; at.Before(to); {
		at = s.Add(at, 1, zone)
		if len(out) > limit {
			return nil, fmt.Errorf("more than %d windows of one %s: ask for a shorter period or longer windows", limit, s)
		}
		out = append(out, at)
	}
	return out, nil
}
