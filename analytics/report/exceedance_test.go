package report_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/analytics/calendar"
	"github.com/urbangrid/urbangrid/analytics/report"
)

// exceeded are the days of the rows of the exceedances, with their method.
func exceeded(t *testing.T, r *report.Result) map[string]string {
	t.Helper()
	tb, ok := r.Table("exceedances")
	if !ok {
		t.Fatal("no table of exceedances")
	}
	out := map[string]string{}
	for i := range tb.Rows {
		at, _ := cell(t, r, "exceedances", i, "at").Moment()
		out[at.In(r.Period.Location()).Format("01-02T15")] = cell(t, r, "exceedances", i, "method").In(report.EN, time.UTC)
	}
	return out
}

// Three weeks of which nothing else is known, six or seven a day, and a day of thirty:
// too little for Farrington.
func TestTrend_OfAShortHistoryExceedancesAreByEARS(t *testing.T) {
	s := newTown(t)
	for d := 21; d > 0; d-- {
		n := 6 + d%2
		if d == 4 {
			n = 30
		}
		s.events(t, "smoke", west, day(t, d), n)
	}
	r := s.ask(t, report.Trend, "kind=smoke&by=city&from=2026-11-01")
	wellFormed(t, r)
	if got := exceeded(t, r); len(got) != 1 || got["11-19T00"] != "EARS C2" {
		t.Errorf("exceedances are %v, want the 19th by EARS", got)
	}
	wantNumber(t, r, "summary", 0, "exceedances", 1, 0)
	// Of 7, 6, 7, 6, 7, 6, 7: mean 46/7, deviation 0.5345.
	wantNumber(t, r, "exceedances", 0, "expected", 46./7, 1e-9)
	wantNumber(t, r, "exceedances", 0, "upper", 46./7+3*math.Sqrt(2./7), 1e-9)
	wantMissing(t, r, "exceedances", 0, "p", report.NoteNoP)
	if !slices.ContainsFunc(r.Methods, func(m report.Method) bool { return m.Key == "ears" }) {
		t.Error("the methods say nothing of EARS")
	}
	if long := risingTown(t).ask(t, report.Trend, "kind=smoke&by=kind&from=2026-11-20"); len(long.Methods) < 7 {
		t.Errorf("methods are %+v", long.Methods)
	}
	// Few events are no alarm: none a day, then three.
	few := newTown(t)
	few.events(t, "smoke", west, day(t, 21), 1)
	few.events(t, "smoke", west, day(t, 4), 3)
	if got := exceeded(t, few.ask(t, report.Trend, "kind=smoke&by=city&from=2026-11-01")); len(got) != 0 {
		t.Errorf("of four events %v exceed", got)
	}
}

// By the hour a day is held against the same hour of the days before.
func TestTrend_EARSComparesHoursWithTheSameHourOfOtherDays(t *testing.T) {
	s := newTown(t)
	for d := 14; d > 0; d-- {
		s.events(t, "smoke", west, day(t, d), 20+d%2) // from eight o'clock on
	}
	s.events(t, "smoke", west, day(t, 2).Add(-5*time.Hour), 9) // nine at three in the night
	got := exceeded(t, s.ask(t, report.Trend, "kind=smoke&by=city&every=hour&from=2026-11-09"))
	if len(got) != 1 || got["11-21T03"] != "EARS C2" {
		t.Errorf("exceedances are %v, want three o'clock of the 21st", got)
	}
}

// holidayTown has twelve events a day at weekends and four on other days, for ten
// weeks; the National Day holiday of 2026 is like weekends, from Thursday to
// Wednesday, and the Saturday worked after it like other days.
func holidayTown(t *testing.T) (s *town, days *calendar.Calendar) {
	t.Helper()
	days, err := calendar.China(mustZone(t, "Asia/Shanghai"))
	if err != nil {
		t.Fatal(err)
	}
	s = newTown(t)
	s.calendar = days
	for d := 118; d > 40; d-- { // from 28 July to 13 October
		n := 4
		if k := days.Day(day(t, d)); k == calendar.Weekend || k == calendar.Holiday {
			n = 12
		}
		s.events(t, "smoke", west, day(t, d), n+d%2)
	}
	return s, days
}

func TestTrend_HoldsHolidaysAgainstSundays(t *testing.T) {
	s, _ := holidayTown(t)
	const query = "kind=smoke&by=city&from=2026-09-28&to=2026-10-12"
	if got := exceeded(t, s.ask(t, report.Trend, query)); len(got) != 0 {
		t.Errorf("%v exceed, want none in a holiday like others", got)
	}
	s.events(t, "smoke", west, time.Date(2026, 10, 5, 0, 0, 0, 0, mustZone(t, "Asia/Shanghai")), 30)
	r := s.ask(t, report.Trend, query)
	if got := exceeded(t, r); len(got) != 1 || got["10-05T00"] != "Farrington" {
		t.Errorf("%v exceed, want the holiday with thirty more", got)
	}
	wantText(t, r, "exceedances", 0, "day", "holiday")
	s.calendar = nil
	if got := exceeded(t, s.ask(t, report.Trend, query)); len(got) < 4 {
		t.Errorf("%v exceed without a calendar, want the working days of the holiday: the test shows nothing", got)
	}
}
