package grid_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/urbangrid/urbangrid/grid"
)

func zone(t interface{ Fatal(...any) }, name string) *time.Location {
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestCalendar_DaysBeginWhereTheZoneSaysSo(t *testing.T) {
	tests := []struct {
		why, zone, at, day, next string
	}{
		{"UTC", "UTC", "2026-11-22T23:59:59.999999Z", "2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z"},
		{"the last microsecond of a day", "Asia/Shanghai", "2026-11-22T15:59:59.999999Z", "2026-11-21T16:00:00Z", "2026-11-22T16:00:00Z"},
		{"the first instant of a day", "Asia/Shanghai", "2026-11-22T16:00:00Z", "2026-11-22T16:00:00Z", "2026-11-23T16:00:00Z"},
		{"summer time in Shanghai: 23 hours", "Asia/Shanghai", "1986-05-04T12:00:00Z", "1986-05-03T16:00:00Z", "1986-05-04T15:00:00Z"},
		{"and back: 25 hours", "Asia/Shanghai", "1986-09-14T12:00:00Z", "1986-09-13T15:00:00Z", "1986-09-14T16:00:00Z"},
		{"23 hours", "Europe/Berlin", "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"},
		{"25 hours", "Europe/Berlin", "2026-10-25T12:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"},
		{"half an hour off", "Asia/Kolkata", "2026-11-22T18:30:00Z", "2026-11-22T18:30:00Z", "2026-11-23T18:30:00Z"},
		{"no midnight: 00:00 becomes 01:00", "America/Sao_Paulo", "2017-10-15T12:00:00Z", "2017-10-15T03:00:00Z", "2017-10-16T02:00:00Z"},
		{"midnight twice: 01:00 becomes 00:00", "America/Havana", "2025-11-02T04:30:00Z", "2025-11-02T04:00:00Z", "2025-11-03T05:00:00Z"},
		{"and in its second hour", "America/Havana", "2025-11-02T05:30:00Z", "2025-11-02T04:00:00Z", "2025-11-03T05:00:00Z"},
		{"back over midnight: 00:01 becomes 23:01", "America/St_Johns", "2010-11-07T02:45:00Z", "2010-11-07T02:30:00Z", "2010-11-08T03:30:00Z"},
		{"a date that was skipped", "Pacific/Apia", "2011-12-30T09:00:00Z", "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z"},
		{"the end of a leap year far ahead", "Europe/Berlin", "2040-12-31T22:59:59Z", "2040-12-30T23:00:00Z", "2040-12-31T23:00:00Z"},
		{"and the day after", "Europe/Berlin", "2040-12-31T23:00:00Z", "2040-12-31T23:00:00Z", "2041-01-01T23:00:00Z"},
		{"local mean time, +08:05:43", "Asia/Shanghai", "1900-05-01T12:00:00Z", "1900-04-30T15:54:00Z", "1900-05-01T15:54:00Z"},
	}
	for _, tt := range tests {
		at, err := time.Parse(time.RFC3339Nano, tt.at)
		if err != nil {
			t.Fatal(err)
		}
		c := grid.NewCalendar(zone(t, tt.zone))
		day, next := c.Day(at), c.Next(at)
		if got := day.Format(time.RFC3339Nano); got != tt.day {
			t.Errorf("%s: day of %s in %s starts at %s, want %s", tt.why, tt.at, tt.zone, got, tt.day)
		}
		if got := next.Format(time.RFC3339Nano); got != tt.next {
			t.Errorf("%s: the day after %s in %s starts at %s, want %s", tt.why, tt.at, tt.zone, got, tt.next)
		}
	}
}

func TestCalendar_DaysFollowEachOtherWithoutAGap(t *testing.T) {
	zones := []string{"Asia/Shanghai", "Europe/Berlin", "Asia/Kolkata", "America/St_Johns", "Pacific/Apia", "Australia/Lord_Howe", "America/Havana", "Africa/Monrovia"}
	rapid.Check(t, func(t *rapid.T) {
		c := grid.NewCalendar(zone(t, rapid.SampledFrom(zones).Draw(t, "zone")))
		at := time.UnixMicro(rapid.Int64Range(-2_208_988_800e6, 7_258_118_400e6).Draw(t, "at"))
		day, next := c.Day(at), c.Next(at)
		if day.After(at) || !next.After(at) {
			t.Fatalf("%s is not in its day, %s to %s", at, day, next)
		}
		if !c.Day(day).Equal(day) || !c.Day(next).Equal(next) || !c.Day(next.Add(-time.Microsecond)).Equal(day) || !c.Next(day).Equal(next) {
			t.Fatalf("the day %s to %s of %s is not one piece", day, next, at)
		}
		if length := next.Sub(day); length < time.Hour || length > 49*time.Hour || length%time.Minute != 0 {
			t.Fatalf("the day of %s lasts %s", at, length)
		}
	})
}

func TestCalendar_CoversThreeCenturies(t *testing.T) {
	from, to := time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, name := range []string{"Asia/Shanghai", "Europe/Berlin", "America/Havana"} {
		days := grid.NewCalendar(zone(t, name)).Days(from, to)
		if n := len(days) - 1; n < 109_573 || n > 109_574 { // one more where both ends are parts of days
			t.Errorf("%s has %d days from 1900 to 2200", name, n)
		}
	}
}

func TestCalendar_DaysOfARangeAreItsBounds(t *testing.T) {
	c := grid.NewCalendar(zone(t, "Europe/Berlin"))
	from := time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC)
	got := c.Days(from, from.Add(36*time.Hour))
	want := []string{"2026-03-27T23:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z", "2026-03-30T22:00:00Z"}
	if len(got) != len(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for i := range want {
		if got[i].Format(time.RFC3339) != want[i] {
			t.Errorf("bound %d is %s, want %s", i, got[i], want[i])
		}
	}
	if got := c.Days(from, from); got != nil {
		t.Errorf("days of no time are %v, want none", got)
	}
	if got := c.Days(got[0], got[1]); len(got) != 2 {
		t.Errorf("one whole day has the bounds %v, want two", got)
	}
}
