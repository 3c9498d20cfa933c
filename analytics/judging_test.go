package analytics_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/store"
)

// inChangingCity is inCity with rules that can be changed while it runs.
func inChangingCity(t *testing.T, rules []analytics.Rule, check func(*city, *analytics.Judging)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := &city{t: t, journal: newJournal(), records: newRecords(), watcher: &watcher{}, start: time.Now().UTC()}
		e, err := analytics.NewEngine(c.journal, c.records, mustCatalog(t), rules, c.watcher, analytics.Options{Study: district(t), Memory: c.records})
		if err != nil {
			t.Fatal(err)
		}
		j := analytics.NewJudging(e)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- j.Run(ctx) }()
		defer func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("Run: %v", err)
			}
		}()
		synctest.Wait()
		check(c, j)
	})
}

func mustChange(t *testing.T, j *analytics.Judging, rules []analytics.Rule) {
	t.Helper()
	if err := j.Change(t.Context(), rules); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
}

func TestJudging_JudgesByOtherRulesFromThenOn(t *testing.T) {
	inChangingCity(t, loudRule(analytics.Threshold{Raise: 85, Clear: 80}), func(c *city, j *analytics.Judging) {
		c.report(seen("n1", "noise", 83, time.Now()))
		c.wantStates("below the first threshold")
		mustChange(c.t, j, loudRule(analytics.Threshold{Raise: 82, Clear: 80}))
		c.wantStates("what was judged is not judged again")
		pass(time.Second)
		c.report(seen("n1", "noise", 83, time.Now()))
		c.wantStates("beyond the second threshold", open)
		mustChange(c.t, j, loudRule(analytics.Threshold{Raise: 90, Clear: 88}))
		pass(time.Second)
		c.report(seen("n1", "noise", 83, time.Now()))
		c.wantStates("cleared by the third", open, store.AlertClosed)
	})
}

func TestJudging_ClosesAlertsOfRulesThatAreGone(t *testing.T) {
	rules := loudRule(analytics.Threshold{Raise: 85, Clear: 80})
	inChangingCity(t, rules, func(c *city, j *analytics.Judging) {
		c.report(seen("n1", "noise", 90, time.Now()))
		mustChange(c.t, j, nil)
		c.wantStates("without the rule", open, store.AlertClosed)
	})
}

func TestJudging_RefusesRulesThatDoNotFitAndGoesOn(t *testing.T) {
	rules := loudRule(analytics.Threshold{Raise: 85, Clear: 80})
	inChangingCity(t, rules, func(c *city, j *analytics.Judging) {
		bad := loudRule(analytics.Threshold{Raise: 80, Clear: 85})
		if err := j.Check(bad); err == nil {
			t.Error("Check accepts a rule that clears beyond where it raises")
		}
		if err := j.Change(c.t.Context(), bad); err == nil {
			t.Error("Change accepts a rule that clears beyond where it raises")
		}
		c.report(seen("n1", "noise", 90, time.Now()))
		c.wantStates("by the rule as it was", open)
	})
}

func TestJudging_TakesBackWhatTheEngineBeforeHasShown(t *testing.T) {
	inChangingCity(t, loudRule(analytics.Threshold{Raise: 85, Clear: 80}), func(c *city, j *analytics.Judging) {
		c.report(in(caoyang, seen("n1", "noise", 60, time.Now())))
		pass(time.Second)
		if got := c.watcher.cell("noise", caoyang).Count; got != 1 {
			t.Fatalf("cell shows %d readings, want 1", got)
		}
		// It leaves the live window with the next look, which the engine does not live to.
		pass(5*time.Minute + 20*time.Second)
		c.report(in(zhenru, seen("n2", "noise", 61, time.Now())))
		mustChange(c.t, j, loudRule(analytics.Threshold{Raise: 86, Clear: 80}))
		pass(2 * time.Second)
		if got := c.watcher.cell("noise", caoyang).Count; got != 0 {
			t.Errorf("cell shows %d readings that are over", got)
		}
		if got := c.watcher.cell("noise", zhenru).Count; got == 0 {
			t.Error("the cell with a new reading shows nothing")
		}
	})
}

func TestWriteRule_IsReadBackTheSame(t *testing.T) {
	rules, err := analytics.DefaultRules()
	if err != nil {
		t.Fatal(err)
	}
	var detectors []string
	for _, want := range rules {
		text, err := analytics.WriteRule(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := analytics.ReadRule(text)
		if err != nil {
			t.Fatalf("%s\n%v", text, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-written +read):\n%s", want.Name, diff)
		}
		detectors = append(detectors, want.Detector())
	}
	slices.Sort(detectors)
	if n := len(slices.Compact(detectors)); n != 8 {
		t.Errorf("%d detectors were tried, want 8", n)
	}
}
