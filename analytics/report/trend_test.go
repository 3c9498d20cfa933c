package report_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/analytics/report"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// day is the midnight n days before the Monday that now lies in.
func day(t testing.TB, n int) time.Time {
	return time.Date(2026, 11, 23-n, 0, 0, 0, 0, mustZone(t, "Asia/Shanghai"))
}

// In the west one event more every day for two weeks, in the east three a day;
// in the two weeks before one a day in the west and none in the east.
func risingTown(t testing.TB) *town {
	s := newTown(t)
	for d := 28; d > 14; d-- {
		s.events(t, "smoke", west, day(t, d), 1)
	}
	for d := 14; d > 0; d-- {
		s.events(t, "smoke", west, day(t, d), 15-d)
		s.events(t, "smoke", east, day(t, d), 3)
	}
	place := sensors.Position{LatDegrees: west.LatDegrees, LonDegrees: west.LonDegrees, Datum: sensors.WGS84}
	s.devices = []sensors.Device{{ID: "s-1", Kinds: []sensors.KindKey{"smoke"}, Position: place}, {ID: "s-2", Kinds: []sensors.KindKey{"smoke"}, Position: place}, {ID: "n-1", Kinds: []sensors.KindKey{"noise"}, Position: place}}
	return s
}

func TestTrend_SaysWhatACountByHandSays(t *testing.T) {
	r := risingTown(t).ask(t, report.Trend, "kind=smoke&from=2026-11-09&to=2026-11-23")
	golden(t, "trend", r)
	// West: 1 to 14, together 105: every pair rises, one a day.
	wantText(t, r, "summary", 0, "direction", "rising")
	wantNumber(t, r, "summary", 0, "value", 105, 0)
	wantNumber(t, r, "summary", 0, "slope", 1, 1e-12)
	wantNumber(t, r, "summary", 0, "per_device", 52.5, 0)
	// 0.01° of latitude by 0.01° of longitude at 31.2°: 1.112 km by 0.952 km.
	wantNumber(t, r, "summary", 0, "per_km2", 105/1.058, 1)
	// S = 91, var = 14·13·33/18 = 333.67: z = 90/18.27.
	wantNumber(t, r, "summary", 0, "z", 90/math.Sqrt(14*13*33/18.), 1e-9)
	// East: three a day.
	wantText(t, r, "summary", 1, "direction", "no clear trend")
	wantNumber(t, r, "summary", 1, "p_raw", 1, 0)
	wantMissing(t, r, "summary", 1, "per_device", report.NoteNoDevices)
	// Against the two weeks before: 105 after 14, 42 after 0.
	wantNumber(t, r, "comparisons", 0, "previous", 14, 0)
	wantNumber(t, r, "comparisons", 0, "previous_change", 650, 1e-9)
	wantNumber(t, r, "comparisons", 1, "previous", 0, 0)
	wantNumber(t, r, "comparisons", 1, "previous_diff", 42, 0)
	wantMissing(t, r, "comparisons", 1, "previous_change", report.NoteZeroBase)
	wantMissing(t, r, "comparisons", 0, "last_year_change", report.NoteNoLastYear)
	// The last week of the west, 8 to 14, against 1 to 7.
	wantText(t, r, "comparisons", 2, "span", "the last week")
	wantNumber(t, r, "comparisons", 2, "value", 77, 0)
	wantNumber(t, r, "comparisons", 2, "previous", 28, 0)
	wantNumber(t, r, "comparisons", 2, "previous_change", 175, 1e-9)
	if r.Data.Observations != 147 || len(r.Features) != 2 {
		t.Errorf("%d observations and %d places, want 147 and 2", r.Data.Observations, len(r.Features))
	}
}

func TestTrend_ComparesWithTheSameWeeksOfLastYear(t *testing.T) {
	s := newTown(t)
	monday := day(t, 7)
	s.events(t, "smoke", west, monday, 6)
	s.events(t, "smoke", west, monday.AddDate(0, 0, -364), 4)  // the Monday 52 weeks before
	s.events(t, "smoke", west, monday.AddDate(0, 0, -371), 50) // the week before that
	r := s.ask(t, report.Trend, "kind=smoke&by=city&every=week&from=2026-11-16")
	wantNumber(t, r, "comparisons", 0, "value", 6, 0)
	wantNumber(t, r, "comparisons", 0, "last_year", 4, 0)
	wantNumber(t, r, "comparisons", 0, "last_year_diff", 2, 0)
	wantNumber(t, r, "comparisons", 0, "last_year_change", 50, 0)
}

// A city where counting began three days before the week that is asked about: seven
// days against three are no growth.
func TestTrend_DoesNotCompareWithHalfAPeriod(t *testing.T) {
	const week = "kind=smoke&from=2026-11-16&to=2026-11-23"
	queries := []string{week + "&by=city", week + "&by=area", week + "&by=city&every=week", week + "&by=city&every=hour", week + "&area=A", week + "&by=kind"}
	s := newTown(t)
	for d := 10; d > 0; d-- {
		s.events(t, "smoke", west, day(t, d), 5)
	}
	for _, query := range queries {
		r := s.ask(t, report.Trend, query)
		wantNumber(t, r, "comparisons", 0, "value", 35, 0)
		for _, c := range []string{"previous", "previous_diff", "previous_change"} {
			wantMissing(t, r, "comparisons", 0, c, report.NoteBeganLater)
		}
	}
	// One event on the first day of the week before, or years ago, and it was counted.
	for _, first := range []int{14, 3 * 365} {
		counted := newTown(t)
		counted.seen = slices.Clone(s.seen)
		counted.events(t, "smoke", west, day(t, first), 1)
		for _, query := range queries {
			r := counted.ask(t, report.Trend, query)
			wantNumber(t, r, "comparisons", 0, "previous", map[bool]float64{true: 16, false: 15}[first == 14], 0)
		}
	}
}

func TestTrend_DoesNotCompareWithHalfOfLastYear(t *testing.T) {
	s := newTown(t)
	for d := 7; d > 0; d-- {
		s.events(t, "smoke", west, day(t, d), 5)
	}
	s.events(t, "smoke", west, day(t, 3+364), 5)
	const query = "kind=smoke&by=city&from=2026-11-16&to=2026-11-23"
	wantMissing(t, s.ask(t, report.Trend, query), "comparisons", 0, "last_year", report.NoteBeganLater)
	s.events(t, "smoke", west, day(t, 20+364), 5)
	wantNumber(t, s.ask(t, report.Trend, query), "comparisons", 0, "last_year_change", 600, 0)
}

func TestTrend_IsSilentAboutWhatItCannotKnow(t *testing.T) {
	s := newTown(t)
	for d := 5; d > 0; d-- {
		s.events(t, "smoke", west, day(t, d), d)
	}
	r := s.ask(t, report.Trend, "kind=smoke&from=2026-11-01")
	wantMissing(t, r, "summary", 0, "direction", report.NoteTooFewWindows)
	wantMissing(t, r, "summary", 0, "slope", report.NoteTooFewWindows)
	wantMissing(t, r, "summary", 0, "exceedances", report.NoteTooFewEvents)
	wantMissing(t, r, "series", 0, "value", report.NoteNoData)             // before the first observation of all
	wantMissing(t, r, "series", 21, "stl_trend", report.NoteTooFewPeriods) // 5 of 14 days
	wantNumber(t, r, "series", 43, "value", 0, 0)                          // the east, once the kind is observed
	wantMissing(t, r, "comparisons", 0, "previous", report.NoteNoPrevious)
	wellFormed(t, r)
}

func TestTrend_OfAMeasureIsOfItsLevel(t *testing.T) {
	s := newTown(t)
	for d := 14; d > 0; d-- {
		s.observe(t, "noise", west, day(t, d).Add(9*time.Hour), 60-float64(d))
		s.observe(t, "noise", west, day(t, d).Add(10*time.Hour), 80-float64(d))
	}
	s.observe(t, "noise", west, day(t, 3).Add(11*time.Hour), 96)
	r := s.ask(t, report.Trend, "kind=noise&area=A&from=2026-11-09")
	golden(t, "trend-measure", r)
	wantText(t, r, "summary", 0, "direction", "rising")
	wantNumber(t, r, "summary", 0, "max", 96, 0)
	wantNumber(t, r, "summary", 0, "beyond", 100./14, 1e-9)
	wantNumber(t, r, "series", 0, "value", 56, 0)
	for _, column := range []string{"per_km2", "per_device", "changed", "exceedances"} {
		if slices.ContainsFunc(r.Tables[0].Columns, func(c report.Column) bool { return c.Key == column }) {
			t.Errorf("a measure has the column %s", column)
		}
	}
	if n := len(r.Tables[0].Rows); n != 1 {
		t.Errorf("%d rows for one area", n)
	}
}

func TestTrend_ByKindHasTheKindsThatWereObserved(t *testing.T) {
	s := risingTown(t)
	s.observe(t, "noise", east, day(t, 2).Add(time.Hour), 55)
	r := s.ask(t, report.Trend, "by=kind&from=2026-11-09")
	if n := len(r.Tables[0].Rows); n != 2 {
		t.Fatalf("%d kinds, want noise and smoke", n)
	}
	wantNumber(t, r, "summary", 1, "per_km2", 147/2.116, 1) // both areas
	wantText(t, r, "summary", 0, "key", "noise")
	wantText(t, r, "summary", 0, "unit", "dB(A)")
	wantText(t, r, "summary", 1, "key", "smoke")
	wantNumber(t, r, "summary", 1, "value", 147, 0)
	wantNumber(t, r, "comparisons", 1, "previous", 14, 0)
	wantMissing(t, r, "summary", 0, "per_km2", report.NoteLevelNoRate)
	wantMissing(t, r, "summary", 1, "max", report.NoteNotALevel)
}

func TestTrend_ByAreaAndKindIsEveryKindInEveryArea(t *testing.T) {
	s := risingTown(t)
	s.observe(t, "noise", east, day(t, 2).Add(time.Hour), 55)
	s.events(t, "smoke", west, day(t, 10+364), 7) // of last year, in one of the two
	s.events(t, "smoke", west, day(t, 40+364), 1)
	r := s.ask(t, report.Trend, "by=area-kind&from=2026-11-09&to=2026-11-23")
	wellFormed(t, r)
	if n := len(r.Tables[0].Rows); n != 4 || len(r.Features) != 4 {
		t.Fatalf("%d rows and %d places, want noise and smoke in two areas", n, len(r.Features))
	}
	one := s.ask(t, report.Trend, "kind=smoke&from=2026-11-09&to=2026-11-23")
	for i, area := range []string{"A", "B"} {
		row := 2 + i
		wantText(t, r, "summary", row, "key", area)
		wantText(t, r, "summary", row, "kind", "smoke")
		for _, column := range []string{"value", "slope", "p"} {
			want, _ := cell(t, one, "summary", i, column).Number()
			wantNumber(t, r, "summary", row, column, want, 0)
		}
		for _, column := range []string{"previous", "last_year"} {
			want, _ := cell(t, one, "comparisons", i, column).Number()
			wantNumber(t, r, "comparisons", row, column, want, 0)
		}
	}
	wantNumber(t, r, "comparisons", 2, "last_year", 7, 0)
	wantNumber(t, r, "comparisons", 3, "last_year", 0, 0)
	wantText(t, r, "series", 0, "kind_name", "Noise")
}

func TestTrend_ByWhatOnlyCasesHaveSaysSo(t *testing.T) {
	for _, by := range []string{"class", "channel"} {
		r := risingTown(t).ask(t, report.Trend, "by="+by)
		wellFormed(t, r)
		if !slices.ContainsFunc(r.Notes, func(n report.Note) bool { return n.Code == report.NoteNoCases }) {
			t.Errorf("by %s: no note says that there are no cases", by)
		}
		for _, table := range r.Tables {
			if len(table.Rows) > 0 {
				t.Errorf("by %s: table %s has %d rows", by, table.Key, len(table.Rows))
			}
		}
	}
}

// Three months like any other, then a day with five times as many.
func TestTrend_FindsAChangeAndWhatStandsOut(t *testing.T) {
	s := newTown(t)
	for d := 90; d > 0; d-- {
		n := 6 + d%3
		if d <= 20 {
			n += 12
		}
		if d == 30 {
			n = 40
		}
		s.events(t, "smoke", west, day(t, d), n)
	}
	r := s.ask(t, report.Trend, "kind=smoke&by=city&from=2026-10-20")
	changed, ok := cell(t, r, "summary", 0, "changed").Moment()
	if !ok || !changed.Equal(day(t, 20)) {
		t.Errorf("the level changed at %v, want %v", changed, day(t, 20))
	}
	tb, _ := r.Table("exceedances")
	found := false
	for i := range tb.Rows {
		at, _ := tb.Rows[i][2].Moment()
		found = found || at.Equal(day(t, 30))
	}
	if !found {
		t.Errorf("the day that stands out is not among %d exceedances", len(tb.Rows))
	}
	wantMissing(t, s.ask(t, report.Trend, "kind=smoke&by=city&every=week&from=2026-10-20"), "summary", 0, "p_seasonal", report.NoteTooFewWindows)
}

// A week and a half of hours has no two weeks: where nothing was observed before,
// windows do not count.
func TestTrend_ASeasonalTestNeedsTwoWholeWeeks(t *testing.T) {
	s := newTown(t)
	for d := 10; d > 0; d-- {
		s.events(t, "smoke", west, day(t, d), 3)
	}
	wantMissing(t, s.ask(t, report.Trend, "kind=smoke&by=city&from=2026-11-02"), "summary", 0, "p_seasonal", report.NoteTooFewPeriods)
	for d := 14; d > 10; d-- {
		s.events(t, "smoke", west, day(t, d), 3)
	}
	wantNumber(t, s.ask(t, report.Trend, "kind=smoke&by=city&from=2026-11-02"), "summary", 0, "p_seasonal", 1, 0)
}

func TestReporter_PassesOnWhatStoresSay(t *testing.T) {
	s := risingTown(t)
	r := s.reporter(t, report.Options{})
	req, err := report.Parse(report.Trend, mustQuery(t, "kind=smoke"), r.District())
	if err != nil {
		t.Fatal(err)
	}
	s.err = store.ErrUnavailable
	if _, err := r.Answer(t.Context(), req, "", nil); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
	if _, err := r.State(t.Context(), req); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("state: got %v, want ErrUnavailable", err)
	}
	s.err = nil
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Answer(ctx, req, "", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that it was given up", err)
	}
}

func TestReporter_StateChangesWithTheDataAlone(t *testing.T) {
	s := risingTown(t)
	r := s.reporter(t, report.Options{})
	state := func(query string) string {
		t.Helper()
		req, err := report.Parse(report.Trend, mustQuery(t, query), r.District())
		if err != nil {
			t.Fatal(err)
		}
		st, err := r.State(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		return st
	}
	const query = "kind=smoke&from=2026-11-09&to=2026-11-23"
	before := state(query)
	if again := state(query); again != before {
		t.Errorf("asked again the state is %s, was %s", again, before)
	}
	s.observe(t, "noise", west, day(t, 3), 50)
	if after := state(query); after != before {
		t.Error("another kind changed the state")
	}
	s.events(t, "smoke", west, day(t, 3), 1)
	if after := state(query); after == before {
		t.Error("one more event did not change the state")
	}
	last := state(query)
	s.events(t, "smoke", grid.Point{LatDegrees: 31.205, LonDegrees: 121.405}, day(t, 3+364), 1)
	if after := state(query); after == last {
		t.Error("an event of last year did not change the state of what is compared with it")
	}
}

func TestTrend_OfNothingSaysSo(t *testing.T) {
	for _, query := range []string{"kind=smoke", "kind=smoke&by=city", "kind=noise&by=city", "by=kind", "kind=smoke&every=hour", "kind=smoke&every=week"} {
		r := newTown(t).ask(t, report.Trend, query)
		wellFormed(t, r)
		if query == "kind=smoke&by=city" {
			wantMissing(t, r, "summary", 0, "value", report.NoteNoData)
			wantMissing(t, r, "summary", 0, "direction", report.NoteTooFewWindows)
		}
	}
}
