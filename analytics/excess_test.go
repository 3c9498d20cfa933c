package analytics_test

import (
	"math"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/analytics"
)

func TestExcess_OfEventsIsHowManyMoreThanExpected(t *testing.T) {
	inCity(t, hotspotRules(analytics.Hotspot{}), analytics.Options{}, func(c *city) {
		park(c, market, 8)
		pass(3 * time.Second)
		excess := c.watcher.excessOf("illegal_parking")
		if len(excess) != len(district(t).Cells) {
			t.Errorf("it is told of %d cells, want all %d of the district", len(excess), len(district(t).Cells))
		}
		if x := excess[market]; x < 7 || x > 8 {
			t.Errorf("eight cars where hardly any are expected exceed by %v", x)
		}
		other := district(t).Cells[0]
		if x := excess[other]; x > 0 || x < -1 {
			t.Errorf("a cell without a car exceeds by %v, want a little less than 0", x)
		}
		pass(16 * time.Minute)
		park(c, district(t).Cells[1], 1) // time goes by the kind
		pass(5 * time.Second)
		if x := c.watcher.excessOf("illegal_parking")[market]; x > 0 {
			t.Errorf("16 minutes later it exceeds by %v", x)
		}
	})
}

func TestExcess_OfAMeasureIsInSpreadsOfWhatIsUsual(t *testing.T) {
	rules := []analytics.Rule{{
		Name: "loud", Names: names, Kind: "noise", Severity: "notice",
		Baseline: &analytics.Baseline{Raise: 5, Clear: 2, Least: 1, Spread: 2, Swing: 1},
	}}
	inCity(t, rules, analytics.Options{}, func(c *city) {
		say := func(value float64) { c.report(in(market, seen("n", "noise", value, time.Now()))) }
		say(60)
		pass(2 * time.Second)
		if x, told := c.watcher.excessOf("noise")[market]; told {
			t.Errorf("before anything is known it exceeds by %v", x)
		}
		for i := range 60 {
			say(59 + float64(i%3))
			pass(5 * time.Minute)
		}
		say(60)
		pass(2 * time.Second)
		usual := c.watcher.excessOf("noise")[market]
		if math.Abs(usual) > 1 {
			t.Errorf("the usual value exceeds by %v spreads", usual)
		}
		pass(6 * time.Minute)
		say(90)
		pass(2 * time.Second)
		if x := c.watcher.excessOf("noise")[market]; x < 5 {
			t.Errorf("30 dB more exceed by %v spreads", x)
		}
		pass(6 * time.Minute)
		c.report(in(district(t).Cells[1], seen("m", "noise", 60, time.Now())))
		pass(2 * time.Second)
		if x := c.watcher.excessOf("noise")[market]; !math.IsNaN(x) {
			t.Errorf("a silent cell exceeds by %v, want none", x)
		}
	})
}
