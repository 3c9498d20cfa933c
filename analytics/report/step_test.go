package report_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/urbangrid/urbangrid/analytics/report"
)

func mustZone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestStep_FloorIsWhatTheCalendarOfTheDistrictSays(t *testing.T) {
	shanghai := mustZone(t, "Asia/Shanghai")
	at := time.Date(2026, 11, 22, 20, 30, 0, 0, time.UTC) // Monday the 23rd, 04:30 in Shanghai
	for _, c := range []struct {
		step report.Step
		want string
	}{
		{report.Hour, "2026-11-23T04:00:00+08:00"},
		{report.Day, "2026-11-23T00:00:00+08:00"},
		{report.Week, "2026-11-23T00:00:00+08:00"},
	} {
		if got := c.step.Floor(at, shanghai).Format(time.RFC3339); got != c.want {
			t.Errorf("%s of %s: got %s, want %s", c.step, at, got, c.want)
		}
	}
	sunday := time.Date(2026, 11, 29, 23, 59, 59, 0, shanghai)
	if got := report.Week.Floor(sunday, shanghai).Format(time.DateOnly); got != "2026-11-23" {
		t.Errorf("week of a Sunday begins %s, want the Monday before", got)
	}
}

func TestStep_DaysFollowTheClocksOfTheZone(t *testing.T) {
	berlin := mustZone(t, "Europe/Berlin")
	from := time.Date(2026, 3, 28, 0, 0, 0, 0, berlin)
	b, err := report.Day.Bounds(from, from.AddDate(0, 0, 3), berlin, 10)
	if err != nil {
		t.Fatal(err)
	}
	var hours []float64
	for i := 1; i < len(b); i++ {
		hours = append(hours, b[i].Sub(b[i-1]).Hours())
	}
	if len(hours) != 3 || hours[0] != 24 || hours[1] != 23 || hours[2] != 24 {
		t.Errorf("days around the change to summer time have %v hours, want 24 23 24", hours)
	}
}

func TestStep_ADayWithoutMidnightBeginsWhereItBegins(t *testing.T) {
	// In São Paulo clocks went from 2018-11-03 23:59:59 to 2018-11-04 01:00:00.
	zone := mustZone(t, "America/Sao_Paulo")
	noon := time.Date(2018, 11, 4, 12, 0, 0, 0, zone)
	if got, want := report.Day.Floor(noon, zone).Format(time.RFC3339), "2018-11-04T01:00:00-02:00"; got != want {
		t.Errorf("the day begins %s, want %s", got, want)
	}
	before := report.Day.Floor(noon.Add(-24*time.Hour), zone)
	if got := report.Day.Add(before, 1, zone); !got.Equal(report.Day.Floor(noon, zone)) {
		t.Errorf("the day before ends at %s", got)
	}
}

func TestStep_BoundsAreBounded(t *testing.T) {
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	if _, err := report.Hour.Bounds(from, from.AddDate(1, 0, 0), time.UTC, 1000); err == nil {
		t.Error("8,760 hours were accepted with a limit of 1,000")
	}
	if b, err := report.Hour.Bounds(from, from.Add(1000*time.Hour), time.UTC, 1000); err != nil || len(b) != 1001 {
		t.Errorf("1,000 hours: %d bounds, %v", len(b), err)
	}
	if _, err := report.Day.Bounds(from, from, time.UTC, 1000); err == nil {
		t.Error("an empty period was accepted")
	}
	if b, err := report.Whole.Bounds(from, from.Add(time.Minute), time.UTC, 1); err != nil || len(b) != 2 {
		t.Errorf("the whole: %v, %v", b, err)
	}
}

// Every moment lies in exactly one window, and the windows follow on one another.
func TestStep_WindowsCoverTimeWithoutGapOrOverlap(t *testing.T) {
	zones := []*time.Location{mustZone(t, "Asia/Shanghai"), mustZone(t, "Europe/Berlin"), mustZone(t, "America/Sao_Paulo"), mustZone(t, "Australia/Lord_Howe")}
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom(zones).Draw(t, "zone")
		step := rapid.SampledFrom([]report.Step{report.Hour, report.Day, report.Week}).Draw(t, "step")
		at := time.Unix(rapid.Int64Range(1e9, 2e9).Draw(t, "at"), 0)
		start := step.Floor(at, zone)
		end := step.Add(start, 1, zone)
		if start.After(at) || !end.After(at) {
			t.Fatalf("%s at %s: window is %s to %s", step, at, start, end)
		}
		if !step.Floor(start, zone).Equal(start) {
			t.Fatalf("%s: %s is not the start of its own window", step, start)
		}
		if !step.Floor(end, zone).Equal(end) {
			t.Fatalf("%s: the end %s of a window is not the start of the next, which is %s", step, end, step.Floor(end, zone))
		}
	})
}
