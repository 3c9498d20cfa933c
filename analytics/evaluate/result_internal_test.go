package evaluate

import "testing"

// Few weeks say little: of 1.3 episodes a week chance makes ten in four weeks with a
// probability of 0.04 and eleven with one of 0.02.
func TestResult_FewQuietWeeksBreakThePromiseOnlyBeyondChance(t *testing.T) {
	for _, c := range []struct {
		weeks  float64
		alerts int
		kept   bool
	}{
		{4, 0, true}, {4, 5, true}, {4, 6, true}, {4, 10, true}, {4, 11, false}, {4, 40, false},
		{1, 4, true}, {1, 5, false},
		{40, 52, true}, {40, 53, false}, // so many are held against the target as they are
	} {
		r := newResult("spatial", 1)
		r.Quiet = []Quiet{{Weeks: c.weeks, Alerts: c.alerts, PerWeek: float64(c.alerts) / c.weeks}}
		r.check()
		if r.Kept() != c.kept {
			t.Errorf("%d false episodes in %g weeks: kept is %v, want %v (%s)", c.alerts, c.weeks, r.Kept(), c.kept, r.Checks[0].Want)
		}
	}
}
