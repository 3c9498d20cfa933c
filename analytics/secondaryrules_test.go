package analytics_test

import (
	"strings"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/store"
)

func TestNewEngine_NamesTheFaultsOfEveryTypeOfRule(t *testing.T) {
	rule := func(name string, r analytics.Rule) analytics.Rule {
		r.Name, r.Names, r.Severity = name, names, store.Notice
		return r
	}
	rules := []analytics.Rule{
		rule("a", analytics.Rule{Kind: "noise", Change: &analytics.Change{Over: 14 * time.Minute, Raise: 5, Clear: 5, HoldRaise: 2 * time.Minute}}),
		rule("b", analytics.Rule{Kind: "smoke", Change: &analytics.Change{Over: time.Minute, Raise: 5, Clear: 1}}),
		rule("c", analytics.Rule{Kind: "noise", Baseline: &analytics.Baseline{Raise: 2, Clear: 3, HoldRaise: 25 * time.Hour}}),
		rule("d", analytics.Rule{Kind: "stall", Drift: &analytics.Drift{Limit: 1}}),
		rule("e", analytics.Rule{Kind: "stall", Silence: &analytics.Silence{Chance: 0.5}}),
		rule("f", analytics.Rule{Kind: "noise", Outlier: &analytics.Outlier{Stuck: time.Second}}),
		rule("g", analytics.Rule{Kind: "noise", Outlier: &analytics.Outlier{}}),
		rule("h", analytics.Rule{Kind: "noise", Silence: &analytics.Silence{}, Outlier: &analytics.Outlier{}}),
	}
	_, err := analytics.NewEngine(newJournal(), newRecords(), mustCatalog(t), rules, nil, analytics.Options{})
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range []string{
		`"a": clear 5 must be less than raise 5`, `"a": over and hold_raise together, 16m`, `"b": a change judges a measure, smoke is an event`,
		`"c": clear 3 is not from 0 to less than raise 2`, `"c": spread 0 must be greater than 0`, `"c": hold_raise 25h`,
		`"d": limit 1 is below 4`, `"d": kind "stall" has no hotspot rule`, `"e": chance 0.5`, `"f": stuck 1s is not within 10m`,
		`"g": kind "noise" has 2 outlier rules`, `"h": exactly one of`,
	} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error does not say %q:\n%v", part, err)
		}
	}
}
