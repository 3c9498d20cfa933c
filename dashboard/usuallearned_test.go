package dashboard_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/dashboard"
)

// engineSays is an engine that has learned this.
type engineSays struct {
	known analytics.Learned
	err   error
	busy  bool // it never answers
	asked []analytics.LearnedRequest
}

func (e *engineSays) Learned(ctx context.Context, q analytics.LearnedRequest) (analytics.Learned, error) {
	e.asked = append(e.asked, q)
	if e.busy {
		<-ctx.Done()
		return analytics.Learned{}, fmt.Errorf("ask what is learned: %w", ctx.Err())
	}
	return e.known, e.err
}

type baselineAnswer struct {
	Unit         string
	EverySeconds float64 `json:"every_seconds"`
	State        string
	Why          string
	Rule         string
	Habits       string
	Cells        int
	LearnedHours float64 `json:"learned_hours"`
	FullHours    float64 `json:"full_hours"`
	Observations float64
	Points       []baselinePoint
}

type baselinePoint struct {
	At                  time.Time
	Low, Expected, High float64
}

// learnedBy is a site whose engine says so.
func learnedBy(t *testing.T, e *engineSays) *site {
	t.Helper()
	return newSiteWith(t, dashboard.Options{}, func(d *dashboard.Deps) { d.Baselines = e })
}

const baselineOfHour = "/api/v1/series/baseline?kind=noise&cell=" + cellA + "&from=2026-11-22T07:03:10Z&to=2026-11-22T07:20:00Z"

func TestAPI_BaselineTellsWhatTheEngineHasLearned(t *testing.T) {
	begin := time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)
	engine := &engineSays{known: analytics.Learned{
		Rule: "noise_unusual", Habits: analytics.DayHabits, Cells: 1, For: 30 * time.Hour, Full: 168 * time.Hour, Observations: 360,
		Windows: []analytics.LearnedWindow{{Begin: begin, Low: 51.5, Expected: 55, High: 58.5}},
	}}
	s := learnedBy(t, engine)
	want := baselineAnswer{
		Unit: "dB[SPL]", EverySeconds: 600, State: "learning", Rule: "noise_unusual", Habits: "day", Cells: 1,
		LearnedHours: 30, FullHours: 168, Observations: 360, Points: []baselinePoint{{begin, 51.5, 55, 58.5}},
	}
	var got baselineAnswer
	s.get(t, baselineOfHour+"&every=10m", &got)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("baseline (-want +got):\n%s", d)
	}
	if q := engine.asked[0]; !q.From.Equal(begin) || q.Every != 10*time.Minute || q.Windows != 2 || q.Cell.String() != cellA || q.Kind != "noise" {
		t.Errorf("the engine was asked %+v, want two windows of ten minutes from %s", q, begin)
	}
	engine.known.For = 168 * time.Hour
	if s.get(t, baselineOfHour, &got); got.State != "learned" || got.EverySeconds != 300 {
		t.Errorf("after a week it is %s in windows of %v s, want learned in windows of 300 s", got.State, got.EverySeconds)
	}
}

func TestAPI_BaselineSaysWhyNothingIsLearned(t *testing.T) {
	s := learnedBy(t, &engineSays{known: analytics.Learned{Why: analytics.TooSoon, Habits: analytics.WeekHabits, Full: 168 * time.Hour}})
	var got baselineAnswer
	s.get(t, baselineOfHour, &got)
	if got.State != "none" || got.Why != "too_soon" || got.Points == nil || len(got.Points) != 0 {
		t.Errorf("got %+v, want none because it is too soon", got)
	}
}

func TestAPI_BaselineRefusesWhatItCannotAnswer(t *testing.T) {
	s := learnedBy(t, &engineSays{err: fmt.Errorf("%w: the cell is of resolution 5", analytics.ErrLearnedRequest)})
	const hour = "&from=2026-11-22T00:00:00Z&to=2026-11-22T01:00:00Z"
	for name, query := range map[string]string{
		"what the engine refuses":             "kind=noise&cell=" + cellA + hour,
		"a kind that is not in the catalogue": "kind=x&cell=" + cellA + hour,
		"no cell":                             "kind=noise&cell=" + hour,
		"what is no cell":                     "kind=noise&cell=x" + hour,
		"three days":                          "kind=noise&cell=" + cellA + "&from=2026-11-19T00:00:00Z&to=2026-11-22T00:00:00Z",
	} {
		t.Run(name, func(t *testing.T) {
			s.do(t, http.MethodGet, "/api/v1/series/baseline?"+query, "").wantProblem(t, http.StatusUnprocessableEntity)
		})
	}
	newSite(t, dashboard.Options{}).do(t, http.MethodGet, baselineOfHour, "").wantProblem(t, http.StatusNotImplemented)
}

func TestAPI_BaselineOfABusyEngineIsToBeAskedAgain(t *testing.T) {
	s := learnedBy(t, &engineSays{busy: true})
	a := s.do(t, http.MethodGet, baselineOfHour, "")
	a.wantProblem(t, http.StatusServiceUnavailable)
	if a.header.Get("Retry-After") == "" {
		t.Error("nobody is told when to ask again")
	}
}
