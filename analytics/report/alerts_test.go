package report_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/analytics/report"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// alert raises one in a cell or at a device, n days before now's Monday, for hours;
// 0 hours is still open.
func (s *town) alert(t testing.TB, kind sensors.KindKey, device sensors.DeviceID, p grid.Point, at time.Time, hours float64) *store.Alert {
	t.Helper()
	c, err := grid.CellAt(p, grid.Resolution)
	if err != nil {
		t.Fatal(err)
	}
	a := store.Alert{
		ID: fmt.Sprintf("a%03d", len(s.alerts)), Revision: 1, Rule: "r", Kind: kind, Device: device, Cell: c, Area: s.areas.At(p), Place: "cell/" + c.String(),
		Severity: store.Warning, Value: 9, Baseline: 2, RaisedAt: at, State: store.AlertOpen, Reason: sensors.Names{ZH: "多", EN: "many"},
	}
	if hours > 0 {
		a.ClearedAt, a.State = at.Add(time.Duration(hours*float64(time.Hour))), store.AlertClosed
	}
	s.alerts = append(s.alerts, a)
	return &s.alerts[len(s.alerts)-1]
}

// In the west smoke comes back twice within days; in the east it came back after a
// month, and one is still open; the device is bad once, for long.
func troubledTown(t testing.TB) *town {
	s := newTown(t)
	s.alert(t, "smoke", "", west, day(t, 20), 2)
	s.alert(t, "smoke", "", west, day(t, 17), 4)
	s.alert(t, "smoke", "", west, day(t, 17).Add(time.Hour), 5) // overlaps the one before
	s.alert(t, "smoke", "", west, day(t, 12), 1).Severity = store.Critical
	s.alert(t, "smoke", "", east, day(t, 60), 1)
	s.alert(t, "smoke", "", east, day(t, 30), 1)
	s.alert(t, "crowd_count", "", east, day(t, 1), 0)
	s.alert(t, "noise", "n-1", west, day(t, 9), 100)
	s.alert(t, "noise", "n-2", east, day(t, 9), 1)
	s.alert(t, "noise", "n-2", east, day(t, 8), 1)
	s.devices = []sensors.Device{{ID: "n-2", Name: "河边", Kinds: []sensors.KindKey{"noise"}, Position: sensors.Position{LatDegrees: east.LatDegrees, LonDegrees: east.LonDegrees, Datum: sensors.WGS84}, LastSeen: now.Add(-time.Minute)}}
	return s
}

func TestStubborn_RanksWhatComesBack(t *testing.T) {
	r := troubledTown(t).ask(t, report.Stubborn, "")
	golden(t, "stubborn", r)
	problems, _ := r.Table("problems")
	if len(problems.Rows) != 3 {
		t.Fatalf("%d problems, want the west's smoke, the device and what is still open", len(problems.Rows))
	}
	wantText(t, r, "problems", 0, "kind", "smoke")
	wantNumber(t, r, "problems", 0, "episodes", 3, 0) // two that overlap are one
	wantNumber(t, r, "problems", 0, "returns", 2, 0)
	wantNumber(t, r, "problems", 0, "lasted", 2+6+1, 0)
	wantNumber(t, r, "problems", 0, "longest", 6, 0)
	wantText(t, r, "problems", 0, "severity", "critical")
	wantNumber(t, r, "problems", 0, "gap", (3*24-2+5*24-6)/2./24, 1e-12)
	wantText(t, r, "problems", 1, "place", "n-2")
	wantText(t, r, "problems", 1, "name", "河边")
	wantText(t, r, "problems", 2, "open", "yes")
	wantNumber(t, r, "problems", 2, "lasted", 24, 0) // until the period ends
	wantMissing(t, r, "problems", 0, "late", report.NoteWithCases)
	wantMissing(t, r, "history", 5, "to", report.NoteStillOpen)
	wantNumber(t, r, "history", 0, "returned", (5*24-6)/24., 1e-12)
	if len(r.Features) != 3 || r.Features[1].Point == nil {
		t.Errorf("places are %+v", r.Features)
	}
}

func TestStubborn_CanBeAskedForDevicesCellsDaysAndFewer(t *testing.T) {
	s := troubledTown(t)
	r := s.ask(t, report.Stubborn, "by=device")
	if p, _ := r.Table("problems"); len(p.Rows) != 1 {
		t.Errorf("%d devices, want one", len(p.Rows))
	}
	if p, _ := s.ask(t, report.Stubborn, "within_days=30&kind=smoke").Table("problems"); len(p.Rows) != 2 {
		t.Errorf("within 30 days %d places, want two", len(p.Rows))
	}
	r = s.ask(t, report.Stubborn, "top=1&episodes=2")
	if h, _ := r.Table("history"); len(h.Rows) != 2 {
		t.Errorf("%d episodes, want the newest two", len(h.Rows))
	}
	if got := s.ask(t, report.Stubborn, "area=B&by=cell"); got.Data.Alerts == nil || *got.Data.Alerts != 5 {
		t.Errorf("%v alerts in the east, want 5", got.Data.Alerts)
	}
}

func TestStubborn_OfEventsCountsRunsOfDays(t *testing.T) {
	s := newTown(t)
	for _, d := range []int{20, 19, 18, 15, 14, 3} {
		s.events(t, "smoke", west, day(t, d), 2)
	}
	s.events(t, "smoke", east, day(t, 20), 1)
	r := s.ask(t, report.Stubborn, "source=events&kind=smoke")
	wellFormed(t, r)
	if p, _ := r.Table("problems"); len(p.Rows) != 1 {
		t.Fatalf("%d places, want one", len(p.Rows))
	}
	wantNumber(t, r, "problems", 0, "episodes", 3, 0)
	wantNumber(t, r, "problems", 0, "returns", 1, 0) // after two days; the other came after ten
	wantNumber(t, r, "problems", 0, "longest", 72, 0)
	wantNumber(t, r, "history", 2, "value", 6, 0)
	if r.Data.Observations != 13 {
		t.Errorf("%d observations, want 13", r.Data.Observations)
	}
}

func TestStubborn_ReadsWhatBeganBeforeThePeriod(t *testing.T) {
	s := newTown(t)
	s.alert(t, "smoke", "", west, day(t, 200), 0)                         // open for 200 days
	s.alert(t, "noise", "n-1", west, day(t, 120), 40*24)                  // over ten days after the period began
	s.alert(t, "noise", "n-2", west, day(t, 120), 20*24)                  // over before it
	s.alert(t, "crowd_count", "", east, day(t, 5), 0).MergedInto = "a000" // a part of another
	r := s.ask(t, report.Stubborn, "rank=longest")
	if p, _ := r.Table("problems"); len(p.Rows) != 2 {
		t.Fatalf("%d problems, want the one that is open and the one that was over in the period", len(p.Rows))
	}
	wantText(t, r, "problems", 0, "kind", "smoke")
	wantNumber(t, r, "problems", 0, "longest", 200*24, 0)
	wantText(t, r, "problems", 1, "place", "n-1")
	wantNumber(t, r, "problems", 1, "longest", 40*24, 0)
}

func TestStubborn_OfAClosedPeriodStaysWhatItIs(t *testing.T) {
	s := newTown(t)
	s.alert(t, "smoke", "", west, day(t, 20), 18*24) // cleared after the period
	s.alert(t, "smoke", "", east, day(t, 1), 0)      // raised after it
	const query = "from=2026-10-01&to=2026-11-10"
	r := s.ask(t, report.Stubborn, query)
	if p, _ := r.Table("problems"); len(p.Rows) != 1 {
		t.Fatalf("%d problems, want one", len(p.Rows))
	}
	wantText(t, r, "problems", 0, "open", "yes")
	wantNumber(t, r, "problems", 0, "lasted", 7*24, 0)
	then := s.stateAt(t, report.Stubborn, query, now)
	if later := s.stateAt(t, report.Stubborn, query, now.Add(time.Hour)); later != then {
		t.Errorf("an hour later the state is %s, was %s: it would be computed again", later, then)
	}
	if running := s.stateAt(t, report.Stubborn, "to=2026-11-24", now.Add(time.Hour)); running == s.stateAt(t, report.Stubborn, "to=2026-11-24", now) {
		t.Error("the state of a period that runs stays the same for an hour")
	}
}

func TestStubborn_AdmitsWhatLastedLong(t *testing.T) {
	s := newTown(t)
	s.alert(t, "smoke", "", west, day(t, 40), 20*24)
	s.alert(t, "smoke", "", east, day(t, 40), 6*24)
	for query, want := range map[string]int{"": 1, "long_days=6": 2, "long_days=21": 0} {
		if p, _ := s.ask(t, report.Stubborn, query).Table("problems"); len(p.Rows) != want {
			t.Errorf("%q: %d problems, want %d", query, len(p.Rows), want)
		}
	}
}

// lateOnly say that the case of one alert was late.
type lateOnly string

func (l lateOnly) HandlingOf(_ context.Context, alerts []string) (map[string]report.Handled, error) {
	out := map[string]report.Handled{}
	for _, id := range alerts {
		if id == string(l) {
			out[id] = report.Handled{Late: true}
		}
	}
	return out, nil
}

func TestStubborn_AdmitsWhatWasHandledLateThoughItNeverReturned(t *testing.T) {
	s := newTown(t)
	s.alert(t, "smoke", "", west, day(t, 40), 1)
	s.alert(t, "smoke", "", east, day(t, 20), 1)
	s.alert(t, "smoke", "", east, day(t, 18), 1)
	kinds, err := sensors.DefaultCatalog()
	if err != nil {
		t.Fatal(err)
	}
	r := ask(t, report.New(report.Sources{Kinds: kinds, Areas: s.areas, Series: s, Alerts: s, Devices: s, Handling: lateOnly("a000")},
		report.Options{Zone: mustZone(t, "Asia/Shanghai"), Now: func() time.Time { return now }}), report.Stubborn, "rank=late&top=1")
	wantNumber(t, r, "problems", 0, "late", 1, 0) // before the cut, and first
	wantNumber(t, r, "problems", 0, "returns", 0, 0)
}

// cases say of every alert that it was late, and reopened once.
type cases struct{}

func (cases) HandlingOf(_ context.Context, alerts []string) (map[string]report.Handled, error) {
	out := map[string]report.Handled{}
	for _, id := range alerts {
		out[id] = report.Handled{Late: true, Reopened: 1}
	}
	return out, nil
}

func TestStubborn_TellsOfCasesOnceThereAreAny(t *testing.T) {
	s := troubledTown(t)
	kinds, err := sensors.DefaultCatalog()
	if err != nil {
		t.Fatal(err)
	}
	r := ask(t, report.New(report.Sources{Kinds: kinds, Areas: s.areas, Series: s, Alerts: s, Devices: s, Handling: cases{}},
		report.Options{Zone: mustZone(t, "Asia/Shanghai"), Now: func() time.Time { return now }}), report.Stubborn, "")
	wantNumber(t, r, "problems", 0, "late", 4, 0)
	wantNumber(t, r, "problems", 0, "reopened", 4, 0)
}

func TestQuality_CountsAlertsAndVerdicts(t *testing.T) {
	s := troubledTown(t)
	s.verdicts["a000"] = store.Verdict{Answer: store.Confirmed}
	s.verdicts["a001"] = store.Verdict{Answer: store.Confirmed}
	s.verdicts["a002"] = store.Verdict{Answer: store.FalseAlarm}
	s.alert(t, "smoke", "", west, day(t, 12).Add(time.Hour+5*time.Minute), 1) // five minutes after the one before cleared
	faulty := s.alert(t, "noise", "n-2", east, day(t, 2), 1)
	faulty.Category = store.AboutQuality
	s.budgets = map[sensors.KindKey]float64{"smoke": 1}
	gone := s.alert(t, "smoke", "", west, day(t, 2), 1)
	gone.MergedInto = "a000"
	r := s.ask(t, report.Quality, "from=2026-09-21")
	golden(t, "quality", r)
	// Rows: city: crowd_count, noise, smoke; then quality: noise.
	wantText(t, r, "kinds", 2, "kind", "smoke")
	wantNumber(t, r, "kinds", 2, "raised", 7, 0)
	wantNumber(t, r, "kinds", 2, "confirmed", 2, 0)
	wantNumber(t, r, "kinds", 2, "false", 1, 0)
	wantNumber(t, r, "kinds", 2, "unanswered", 4, 0)
	wantNumber(t, r, "kinds", 2, "ppv", 200./3, 1e-9)
	wantNumber(t, r, "kinds", 2, "ppv_low", 20.765, 0.01) // Wilson, 2 of 3
	wantNumber(t, r, "kinds", 2, "ppv_high", 93.85, 0.01)
	wantNumber(t, r, "kinds", 2, "clear_median", 1, 0)
	wantNumber(t, r, "kinds", 2, "flapping", 1, 0)
	wantMissing(t, r, "kinds", 1, "ppv", report.NoteNoVerdicts)
	wantMissing(t, r, "kinds", 0, "clear_median", report.NoteStillOpen)
	wantMissing(t, r, "kinds", 3, "budget", report.NoteNoBudget)
	wantText(t, r, "kinds", 2, "within_budget", "yes")
	wantText(t, r, "faulty", 0, "device", "n-2")
	wantNumber(t, r, "devices", 0, "online", 1, 0)
	weeks, _ := r.Table("weeks")
	if len(weeks.Rows) != 4*9 {
		t.Errorf("%d rows of weeks, want four subjects in nine weeks", len(weeks.Rows))
	}
}

func TestQuality_BudgetsAreThoseOfTheRulesUnlessOneIsGiven(t *testing.T) {
	s := newTown(t)
	s.budgets = map[sensors.KindKey]float64{"smoke": 0.5}
	for i := range 2 {
		s.verdicts[s.alert(t, "smoke", "", west, day(t, 3+i), 1).ID] = store.Verdict{Answer: store.FalseAlarm}
	}
	s.alert(t, "noise", "n-1", west, day(t, 3), 1)
	const weeks = "from=2026-11-02&to=2026-11-23"
	r := s.ask(t, report.Quality, weeks)
	wellFormed(t, r)
	wantMissing(t, r, "kinds", 0, "budget", report.NoteNoRuleBudget)
	wantNumber(t, r, "kinds", 1, "budget", 0.5, 0)
	wantText(t, r, "kinds", 1, "within_budget", "no") // two in three weeks of half a one
	r = s.ask(t, report.Quality, weeks+"&budget=0.7")
	wantNumber(t, r, "kinds", 0, "budget", 0.7, 0)
	wantText(t, r, "kinds", 1, "within_budget", "yes")
	wantText(t, s.ask(t, report.Quality, weeks+"&budget=0"), "kinds", 1, "within_budget", "no")
	for _, bad := range []string{"-1", "NaN", "1e9", "few"} {
		if _, err := report.Parse(report.Quality, mustQuery(t, "budget="+bad), s.reporter(t, report.Options{}).District()); err == nil {
			t.Errorf("a budget of %s was accepted", bad)
		}
	}
}

// Each hotspot has a place of its own: it flaps when one that shares a cell with it
// was over a short time before.
func TestQuality_HotspotsFlapWhereTheyShareACell(t *testing.T) {
	s := newTown(t)
	raise := func(id string, at time.Time, minutes float64, cells ...grid.Cell) {
		a := s.alert(t, "smoke", "", west, at, minutes/60)
		a.Place, a.Cells = "hotspot/"+id, cells
	}
	at := day(t, 3)
	raise("1", at, 20, 10, 20)
	raise("2", at.Add(30*time.Minute), 20, 20, 30)  // ten minutes after the first, in a cell of it
	raise("3", at.Add(60*time.Minute), 20, 40, 50)  // ten minutes after the second, elsewhere
	raise("4", at.Add(110*time.Minute), 20, 30, 40) // half an hour after all
	raise("5", at.Add(120*time.Minute), 20, 30)     // while the fourth is open
	r := s.ask(t, report.Quality, "from=2026-11-16&to=2026-11-23")
	wantNumber(t, r, "kinds", 0, "raised", 5, 0)
	wantNumber(t, r, "kinds", 0, "flapping", 1, 0)
}

func TestQuality_CountsWhatWasOpenBeforeThePeriod(t *testing.T) {
	s := newTown(t)
	s.alert(t, "smoke", "", west, day(t, 100), 0)
	s.alert(t, "smoke", "", east, day(t, 8), 3*24) // raised before the week, cleared in it
	s.alert(t, "smoke", "", east, day(t, 3), 1)
	r := s.ask(t, report.Quality, "from=2026-11-16&to=2026-11-23")
	wantNumber(t, r, "kinds", 0, "raised", 1, 0)
	wantNumber(t, r, "kinds", 0, "open", 1, 0)
	wantNumber(t, r, "kinds", 0, "clear_p90", 72, 0)
	weeks, _ := r.Table("weeks")
	if len(weeks.Rows) != 1 {
		t.Errorf("%d weeks, want one", len(weeks.Rows))
	}
	wantNumber(t, r, "weeks", 0, "raised", 1, 0)
}

func TestQuality_ShowsTheEvaluationThatIsGiven(t *testing.T) {
	s := newTown(t)
	r := s.reporter(t, report.Options{Evaluation: []byte(`{"version":"1","injections":[
		{"type":"k1","found":0.63,"median_hours":null,"ok":true},{"type":"k2","found":null,"median_hours":4,"ok":false}],"list":[1,2]}`)})
	got := ask(t, r, report.Quality, "")
	wantText(t, got, "evaluation_injections", 0, "type", "k1")
	wantNumber(t, got, "evaluation_injections", 0, "found", 0.63, 0)
	wantMissing(t, got, "evaluation_injections", 1, "found", report.NoteUndefined)
	wantMissing(t, got, "evaluation_injections", 0, "median_hours", report.NoteUndefined)
	wantNumber(t, got, "evaluation_injections", 1, "median_hours", 4, 0)
	wantText(t, got, "evaluation_injections", 1, "ok", "no")
	wellFormed(t, got)
	broken := s.reporter(t, report.Options{Evaluation: []byte(`[1`)})
	req, err := report.Parse(report.Quality, nil, broken.District())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := broken.Answer(t.Context(), req, "", nil); err == nil {
		t.Error("a broken evaluation was accepted")
	}
}

func TestQuality_OfNothingSaysSo(t *testing.T) {
	r := newTown(t).ask(t, report.Quality, "")
	for _, want := range []report.NoteCode{report.NoteNoAlerts, report.NoteNoEvaluation} {
		found := false
		for _, n := range r.Notes {
			found = found || n.Code == want
		}
		if !found {
			t.Errorf("no note says %s", want)
		}
	}
	if r.Data.Alerts == nil || *r.Data.Alerts != 0 || len(r.Tables) != 4 {
		t.Errorf("%d tables", len(r.Tables))
	}
}
