package report

import (
	"fmt"
	"time"

	"github.com/urbangrid/urbangrid/grid"
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
// is two; days and weeks begin where grid.Calendar says.
func (s Step) Floor(t time.Time, zone *time.Location) time.Time {
	if s == Hour {
		return t.Truncate(time.Hour).In(zone)
	}
	back := 0
	if s == Week {
		back = (int(t.In(zone).Weekday()) + 6) % 7
	}
	return dayAfter(t, -back, zone)
}

// Add returns the start of the window n windows after that which starts at
// start.
func (s Step) Add(start time.Time, n int, zone *time.Location) time.Time {
	switch s {
	case Hour:
		return start.Add(time.Duration(n) * time.Hour)
	case Week:
		n *= 7
	}
	return dayAfter(start, n, zone)
}

// dayAfter is the start of the day n days after that of t.
func dayAfter(t time.Time, n int, zone *time.Location) time.Time {
	y, m, d := t.In(zone).Date()
	noon := time.Date(y, m, d+n, 12, 0, 0, 0, zone) // which every day has
	return grid.NewCalendar(zone).Day(noon).In(zone)
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
