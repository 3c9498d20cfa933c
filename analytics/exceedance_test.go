package analytics_test

import (
	"maps"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

func parkingRule(e analytics.Exceedance) []analytics.Rule {
	return []analytics.Rule{{Name: "parking", Kind: "illegal_parking", Names: names, Severity: store.Notice, Exceedance: &e}}
}

// burst reports n sightings in a cell, a second apart, and returns the time after.
func burst(c *city, n int, at time.Time) time.Time {
	for range n {
		c.report(seen("cam1", "illegal_parking", 1, at))
		at = at.Add(time.Second)
	}
	return at
}

// A Gamma prior of mean 1 that weighs 4 windows predicts a negative binomial of
// size 4 and success probability 4/5: P(Y ≥ 4) = 0.033344, P(Y ≥ 5) = 0.0104064.
func TestExceedance_RaisesWhenTheCountIsImprobable(t *testing.T) {
	rule := analytics.Exceedance{MinCount: 1, Expected: 1, PriorWindows: 4, PRaise: 0.02, PClear: 0.1}
	inCity(t, parkingRule(rule), analytics.Options{}, func(c *city) {
		at := burst(c, 4, c.start)
		c.wantStates("4 sightings, p 0.033")
		burst(c, 1, at)
		c.wantStates("5 sightings, p 0.010", open)
		a := c.records.saved()[0]
		if math.Abs(a.P-0.0104064) > 1e-12 || a.Baseline != 1 || a.Value != 5 || a.Window != 15*time.Minute {
			t.Errorf("p %v, baseline %v, value %v, window %v; want 0.0104064, 1, 5, 15m", a.P, a.Baseline, a.Value, a.Window)
		}
		center, err := caoyang.Center()
		if err != nil {
			t.Fatal(err)
		}
		if a.Place != "cell/8a309930a0affff" || a.Point != center || a.Device != "" || !a.RaisedAt.Equal(at) {
			t.Errorf("alert %+v", a)
		}
		for _, part := range []string{"5 sightings", "8a309930a0affff", "15 min", "310107005", "0.01"} {
			if !strings.Contains(a.Reason.EN, part) {
				t.Errorf("reason %q does not say %q", a.Reason.EN, part)
			}
		}
		for _, part := range []string{"5 次", "15 分钟", "预期 1 次"} {
			if !strings.Contains(a.Reason.ZH, part) {
				t.Errorf("reason %q does not say %q", a.Reason.ZH, part)
			}
		}
	})
}

func TestExceedance_NeedsItsMinimum(t *testing.T) {
	rule := analytics.Exceedance{MinCount: 6, Expected: 0.001, PriorWindows: 4, PRaise: 0.02, PClear: 0.1}
	inCity(t, parkingRule(rule), analytics.Options{}, func(c *city) {
		at := burst(c, 5, c.start)
		c.wantStates("one too few")
		burst(c, 1, at)
		c.wantStates("the minimum", open)
	})
}

func TestExceedance_LearnsWhatACellIsUsedTo(t *testing.T) {
	rule := analytics.Exceedance{MinCount: 4, Expected: 1, PriorWindows: 4, PRaise: 0.001, PClear: 0.1}
	inCity(t, parkingRule(rule), analytics.Options{}, func(c *city) {
		// Six hours of three sightings every 15 minutes in one cell.
		for i := range 72 {
			at := c.start.Add(time.Duration(i) * 5 * time.Minute)
			c.report(seen("cam1", "illegal_parking", 1, at))
		}
		c.wantStates("what is usual")
		// Then five more, and five where nothing is usual.
		at := c.start.Add(6 * time.Hour)
		burst(c, 5, at)
		c.wantStates("five more where three are usual")
		for i := range 5 {
			c.report(in(zhenru, seen("cam2", "illegal_parking", 1, at.Add(time.Duration(10+i)*time.Second))))
		}
		c.wantStates("as many where none are usual", open)
		if got := c.records.saved()[0]; got.Cell != zhenru || got.Baseline > 0.5 {
			t.Errorf("alert in %s with baseline %v, want %s with a low one", got.Cell, got.Baseline, zhenru)
		}
	})
}

func TestExceedance_ARestartForgetsNothingOfADay(t *testing.T) {
	rules := parkingRule(analytics.Exceedance{MinCount: 4, Expected: 1, PriorWindows: 4, PRaise: 0.001, PClear: 0.1})
	for _, crash := range []bool{false, true} {
		inCity(t, rules, analytics.Options{}, func(c *city) {
			c.stop()
			c.run(rules, analytics.Options{Memory: c.records})
			for range 72 { // three every 15 minutes for six hours
				c.report(seen("cam1", "illegal_parking", 1, time.Now()))
				pass(5 * time.Minute)
			}
			notes := maps.Clone(c.records.notes)
			c.stop()
			if crash { // what was saved at the end never was
				c.records.notes = notes
			}
			pass(time.Minute)
			c.run(rules, analytics.Options{Memory: c.records})
			burst(c, 5, time.Now())
			c.wantStates("five more where three are usual")
		})
	}
}

func TestExceedance_AnOpenAlertTeachesNothing(t *testing.T) {
	rule := analytics.Exceedance{MinCount: 4, Expected: 1, PriorWindows: 4, PRaise: 0.001, PClear: 0.1}
	inCity(t, parkingRule(rule), analytics.Options{}, func(c *city) {
		for i := range 6 * 60 * 2 { // every 30 s for six hours
			c.report(seen("cam1", "illegal_parking", 1, c.start.Add(time.Duration(i)*30*time.Second)))
		}
		for _, s := range c.states() {
			if s != open {
				t.Fatalf("the alert was closed while it went on: %v", c.states())
			}
		}
		last := c.records.saved()[len(c.records.saved())-1]
		if last.Baseline != 1 {
			t.Errorf("baseline %v after six hours of an open alert, want 1", last.Baseline)
		}
	})
}

func TestExceedance_ClosesAsTheWindowSlides(t *testing.T) {
	rule := analytics.Exceedance{MinCount: 1, Expected: 1, PriorWindows: 4, PRaise: 0.02, PClear: 0.1, HoldClear: time.Minute}
	inCity(t, parkingRule(rule), analytics.Options{}, func(c *city) {
		burst(c, 6, c.start)
		c.wantStates("raised", open)
		// Another cell keeps the kind's clock going, first within the window.
		var clearedAt time.Time
		for s := 60; s <= 20*60; s += 10 {
			at := c.start.Add(time.Duration(s) * time.Second)
			c.report(in(zhenru, seen("cam2", "smoke", 1, at))) // another kind does not
			if s%300 == 0 || s > 14*60 && s%60 == 0 {
				c.report(in(zhenru, seen("cam2", "illegal_parking", 1, at)))
			}
			if n := len(c.states()); n == 2 {
				clearedAt = at
				break
			}
		}
		c.wantStates("after the window", open, closed)
		if after := clearedAt.Sub(c.start); after < 16*time.Minute || after > 17*time.Minute {
			t.Errorf("closed %v after the burst, want the window and the hold", after)
		}
	})
}

func TestExceedance_SilenceOfTheKindNeverCloses(t *testing.T) {
	rule := analytics.Exceedance{MinCount: 1, Expected: 1, PriorWindows: 4, PRaise: 0.02, PClear: 0.1}
	inCity(t, parkingRule(rule), analytics.Options{}, func(c *city) {
		burst(c, 6, time.Now())
		for range 12 {
			pass(10 * time.Minute)
			c.report(seen("n1", "noise", 50, time.Now()))
		}
		c.wantStates("two hours without the kind", open)
		c.report(in(zhenru, seen("cam2", "illegal_parking", 1, time.Now())))
		c.wantStates("the kind is back", open, closed)
	})
}

func TestExceedance_BecomesCriticalAndGrows(t *testing.T) {
	rule := analytics.Exceedance{MinCount: 1, Expected: 1, PriorWindows: 4, PRaise: 0.02, PClear: 0.1, PCritical: 1e-4}
	inCity(t, parkingRule(rule), analytics.Options{}, func(c *city) {
		burst(c, 20, c.start)
		var values []float64
		var became float64
		for _, a := range c.records.saved() {
			values = append(values, a.Value)
			if a.Severity == store.Critical && became == 0 {
				became = a.Value
				if a.P >= 1e-4 {
					t.Errorf("critical at p %v, want below 1e-4", a.P)
				}
			}
		}
		for i := 1; i < len(values); i++ {
			if values[i] < 1.5*values[i-1] && values[i] != became {
				t.Errorf("values of the revisions %v: %v is neither critical nor half more", values, values[i])
			}
		}
		if became == 0 || len(values) < 3 {
			t.Errorf("values of the revisions %v, critical at %v", values, became)
		}
	})
}

func TestExceedance_CountsLateEventsOfTheWindow(t *testing.T) {
	rule := analytics.Exceedance{MinCount: 1, Expected: 1, PriorWindows: 4, PRaise: 0.02, PClear: 0.1}
	inCity(t, parkingRule(rule), analytics.Options{}, func(c *city) {
		at := c.start.Add(10 * time.Minute)
		burst(c, 4, at)
		late := seen("cam1", "illegal_parking", 1, c.start.Add(time.Minute))
		late.Received = at.Add(5 * time.Second)
		c.report(late)
		c.wantStates("a late fifth", open)
	})
}

func TestDefaultRules_OneSmokeAlarmIsCritical(t *testing.T) {
	rules, err := analytics.DefaultRules()
	if err != nil {
		t.Fatal(err)
	}
	inCity(t, rules, analytics.Options{}, func(c *city) {
		c.report(seen("s1", "smoke", 1, c.start))
		c.wantStates("one smoke alarm", open)
		if got := c.records.saved()[0]; got.Severity != store.Critical || got.Rule != "smoke_alarm" {
			t.Errorf("alert %+v", got)
		}
	})
}

func TestDefaultRules_CoverTheSimulatedKinds(t *testing.T) {
	rules, err := analytics.DefaultRules()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := analytics.NewEngine(newJournal(), newRecords(), mustCatalog(t), rules, nil, analytics.Options{Study: district(t)}); err != nil {
		t.Fatal(err)
	}
	covered := make(map[sensors.KindKey]bool)
	for _, r := range rules {
		covered[r.Kind] = true
	}
	for _, k := range []sensors.KindKey{"noise", "pm25", "bin_fill", "manhole_tilt", "road_water", "smoke",
		"illegal_parking", "stall", "crowd_count", "lane_blocked"} {
		if !covered[k] {
			t.Errorf("no rule for %s", k)
		}
	}
}
