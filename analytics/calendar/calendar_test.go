package calendar_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/urbangrid/urbangrid/analytics/calendar"
)

var shanghai = time.FixedZone("Asia/Shanghai", 8*3600)

func mustChina(t testing.TB) *calendar.Calendar {
	t.Helper()
	c, err := calendar.China(shanghai)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// on returns noon of a date in Shanghai.
func on(t testing.TB, day string) time.Time {
	t.Helper()
	at, err := time.ParseInLocation(time.DateOnly, day, shanghai)
	if err != nil {
		t.Fatal(err)
	}
	return at.Add(12 * time.Hour)
}

// What differs from weekdays and weekends, day by day, written off the notices
// on its own and not made from the file.
var published = map[int]struct{ off, worked string }{
	2024: {
		off: "01-01 02-10 02-11 02-12 02-13 02-14 02-15 02-16 02-17 04-04 04-05 04-06 05-01 05-02 05-03 05-04 05-05 06-10 " +
			"09-15 09-16 09-17 10-01 10-02 10-03 10-04 10-05 10-06 10-07",
		worked: "02-04 02-18 04-07 04-28 05-11 09-14 09-29 10-12",
	},
	2025: {
		off: "01-01 01-28 01-29 01-30 01-31 02-01 02-02 02-03 02-04 04-04 04-05 04-06 05-01 05-02 05-03 05-04 05-05 05-31 06-01 06-02 " +
			"10-01 10-02 10-03 10-04 10-05 10-06 10-07 10-08",
		worked: "01-26 02-08 04-27 09-28 10-11",
	},
	2026: {
		off: "01-01 01-02 01-03 02-15 02-16 02-17 02-18 02-19 02-20 02-21 02-22 02-23 04-04 04-05 04-06 05-01 05-02 05-03 05-04 05-05 " +
			"06-19 06-20 06-21 09-25 09-26 09-27 10-01 10-02 10-03 10-04 10-05 10-06 10-07",
		worked: "01-04 02-14 02-28 05-09 09-20 10-10",
	},
}

func TestChina_HasThePublishedDaysAndNoOthers(t *testing.T) {
	c := mustChina(t)
	for year, days := range published {
		for at := on(t, time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)); at.Year() == year; at = at.AddDate(0, 0, 1) {
			want := calendar.Weekday
			if at.Weekday() == time.Saturday || at.Weekday() == time.Sunday {
				want = calendar.Weekend
			}
			if strings.Contains(days.off, at.Format("01-02")) {
				want = calendar.Holiday
			}
			if strings.Contains(days.worked, at.Format("01-02")) {
				want = calendar.Adjusted
			}
			if got := c.Day(at); got != want {
				t.Errorf("%s is a %s, want %s", at.Format(time.DateOnly), got, want)
			}
		}
	}
}

// The law of 2024 grants 13 days, that before it 11; what is off beyond them at a
// weekday is worked at a weekend.
func TestChina_EveryDayThatIsMovedIsMadeUpFor(t *testing.T) {
	c := mustChina(t)
	for year, granted := range map[int]int{2024: 11, 2025: 13, 2026: 13} {
		net := 0
		for at := on(t, time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)); at.Year() == year; at = at.AddDate(0, 0, 1) {
			weekend := at.Weekday() == time.Saturday || at.Weekday() == time.Sunday
			switch day := c.Day(at); {
			case day == calendar.Holiday && !weekend:
				net++
			case day == calendar.Adjusted:
				net--
			}
		}
		// A granted day at a weekend is made good by a weekday.
		if net != granted {
			t.Errorf("%d: %d working days fewer than weekends alone leave, want %d", year, net, granted)
		}
	}
}

func TestCalendar_NamesTheHoliday(t *testing.T) {
	c := mustChina(t)
	if got, ok := c.Holiday(on(t, "2025-10-06")); !ok || got.ZH != "国庆节、中秋节" || got.EN != "National Day and Mid-Autumn Festival" {
		t.Errorf("holiday %+v, %v", got, ok)
	}
	for _, day := range []string{"2025-10-09", "2025-10-11", "2025-10-12"} {
		if got, ok := c.Holiday(on(t, day)); ok {
			t.Errorf("%s is the holiday %+v, want none", day, got)
		}
	}
}

func TestCalendar_DaysBeginAtMidnightOfTheDistrict(t *testing.T) {
	c := mustChina(t)
	for at, want := range map[string]calendar.DayType{
		"2026-09-30T15:59:59Z": calendar.Weekday, "2026-09-30T16:00:00Z": calendar.Holiday,
		"2026-10-07T15:59:59Z": calendar.Holiday, "2026-10-07T16:00:00Z": calendar.Weekday,
	} {
		instant, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Day(instant); got != want {
			t.Errorf("%s is a %s, want %s", at, got, want)
		}
	}
	if got := c.In(nil).Day(time.Date(2026, 9, 30, 16, 0, 0, 0, time.UTC)); got != calendar.Weekday {
		t.Errorf("in UTC it is a %s, want weekday", got)
	}
}

func TestCalendar_SlotIsTheHourWhoseHabitsHold(t *testing.T) {
	c := mustChina(t)
	const hour = 12
	for day, want := range map[string]int{
		"2026-11-23": 0*24 + hour, // Monday
		"2026-11-27": 4*24 + hour, // Friday
		"2026-11-28": 5*24 + hour, // Saturday
		"2026-11-29": 6*24 + hour, // Sunday
		"2026-10-01": 6*24 + hour, // Thursday, National Day: like a Sunday
		"2026-10-03": 6*24 + hour, // Saturday within it
		"2026-10-10": 2*24 + hour, // Saturday that is worked: like a Wednesday
		"2026-09-20": 2*24 + hour, // Sunday that is worked
	} {
		if got := c.Slot(on(t, day)); got != want {
			t.Errorf("%s: slot %d, want %d", day, got, want)
		}
	}
	if got := c.Slot(on(t, "2026-11-23").Add(-12 * time.Hour)); got != 0 {
		t.Errorf("Monday at midnight is slot %d, want 0", got)
	}
	if got := c.Slot(on(t, "2026-11-23").Add(-12*time.Hour - 1)); got != calendar.SlotsPerWeek-1 {
		t.Errorf("Sunday before midnight is slot %d, want %d", got, calendar.SlotsPerWeek-1)
	}
}

func TestCalendar_AYearWithoutDataHasWeekdaysAndWeekends(t *testing.T) {
	c := mustChina(t)
	for year, want := range map[int]bool{2023: false, 2024: true, 2025: true, 2026: true, 2027: false} {
		if got := c.Known(year); got != want {
			t.Errorf("%d known: %v, want %v", year, got, want)
		}
	}
	if got := c.Day(on(t, "2027-10-01")); got != calendar.Weekday {
		t.Errorf("Friday 2027-10-01 is a %s, want weekday", got)
	}
	var zero calendar.Calendar
	if got := zero.Day(on(t, "2026-10-03")); got != calendar.Weekend || zero.Known(2026) {
		t.Errorf("a Saturday is a %s to the zero calendar, want weekend", got)
	}
}

func TestCalendar_EveryInstantHasASlotOfItsHour(t *testing.T) {
	c := mustChina(t)
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "unix"), 0)
		slot := c.Slot(at)
		if slot < 0 || slot >= calendar.SlotsPerWeek || slot%24 != at.In(shanghai).Hour() {
			t.Fatalf("slot of %s is %d", at.In(shanghai), slot)
		}
		want := map[calendar.DayType]func(day int) bool{
			calendar.Weekday:  func(day int) bool { return day == (int(at.In(shanghai).Weekday())+6)%7 && day < 5 },
			calendar.Weekend:  func(day int) bool { return day == (int(at.In(shanghai).Weekday())+6)%7 && day >= 5 },
			calendar.Holiday:  func(day int) bool { return day == 6 },
			calendar.Adjusted: func(day int) bool { return day == 2 },
		}[c.Day(at)]
		if !want(slot / 24) {
			t.Fatalf("slot of %s, a %s, is %d", at.In(shanghai), c.Day(at), slot)
		}
	})
}

func TestWith_AddsYearsAndReplacesThose(t *testing.T) {
	c, err := mustChina(t).With(strings.NewReader(`
years:
  - year: 2027
    notice: 明电
    published: 2026-11-20
    holidays:
      - {zh: 元旦, en: New Year, from: 2026-12-31, to: 2027-01-02}
    workdays: [2027-01-09]
  - year: 2025
    holidays:
      - {zh: 劳动节, en: Labour Day, from: 2025-05-01, to: 2025-05-01}
`))
	if err != nil {
		t.Fatal(err)
	}
	for day, want := range map[string]calendar.DayType{
		"2026-12-31": calendar.Holiday, "2027-01-02": calendar.Holiday, "2027-01-03": calendar.Weekend, "2027-01-09": calendar.Adjusted,
		"2025-05-01": calendar.Holiday, "2025-05-02": calendar.Weekday, "2025-10-01": calendar.Weekday,
		"2026-10-01": calendar.Holiday,
	} {
		if got := c.Day(on(t, day)); got != want {
			t.Errorf("%s is a %s, want %s", day, got, want)
		}
	}
	if !c.Known(2027) {
		t.Error("2027 is not known")
	}
	if mustChina(t).Known(2027) {
		t.Error("the calendar that was extended changed")
	}
}

func TestRead_NamesEveryFault(t *testing.T) {
	for file, want := range map[string]string{
		"days: []": "days",
		"years: [{year: 2026, holidays: [{zh: a, en: a, from: 2026-05-03, to: 2026-05-01}]}]":                         "1 to 16 days",
		"years: [{year: 2026, holidays: [{zh: a, en: a, from: 2026-05-01, to: 2026-06-01}]}]":                         "1 to 16 days",
		"years: [{year: 2026, holidays: [{zh: a, en: a, from: 2025-05-01, to: 2025-05-01}]}]":                         "does not belong",
		"years: [{year: 2026, holidays: [{zh: a, en: a, from: 2026-02-30, to: 2026-03-01}]}]":                         "no date",
		"years: [{year: 2026, holidays: [{zh: a, from: 2026-05-01, to: 2026-05-01}]}]":                                "names",
		"years: [{year: 2026, workdays: [2026-05-08]}]":                                                               "not at a weekend",
		"years: [{year: 2026, workdays: [soon]}]":                                                                     "no date",
		"years: [{year: 2026, workdays: [2026-05-09], holidays: [{zh: a, en: a, from: 2026-05-09, to: 2026-05-10}]}]": "2026-05-09 is there twice",
		"years: [{year: 2026}, {year: 2026}]":                                                                         "year 2026 is there twice",
		"years: [{year: 26}]":                                                                                         "no year",
		"years: [{year: 2026, workdays: [soon, 2026-05-08]}]":                                                         "2026-05-08",
	} {
		if c, err := calendar.Read(strings.NewReader(file)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: read %+v, error %v, want one with %q", file, c, err, want)
		}
	}
	if c, err := calendar.Read(strings.NewReader("")); err != nil || c.Known(2026) {
		t.Errorf("an empty file: %v, want a calendar that knows no year", err)
	}
}

// Once for each observation that is counted.
func BenchmarkSlot(b *testing.B) {
	c := mustChina(b)
	at := on(b, "2026-10-10")
	b.ReportAllocs()
	for b.Loop() {
		c.Slot(at)
	}
}
