package analytics_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/stream"
)

// says journals what a device says of itself, received now.
func (c *city) says(h sensors.Health) {
	c.t.Helper()
	c.journal.append(stream.Entry{At: time.Now(), Health: []sensors.Health{h}})
	synctest.Wait()
}

var oneSmoke = analytics.Exceedance{MinCount: 1, Expected: 0.002, PriorWindows: 24, PRaise: 0.01, PClear: 0.05, HoldClear: time.Minute}

func smokeRule() []analytics.Rule {
	e := oneSmoke
	return []analytics.Rule{{Name: "smoke", Kind: "smoke", Names: names, Severity: "critical", Exceedance: &e}}
}

// A device whose clock runs a day ahead has not been watching for a day.
func TestExceedance_AClockThatRunsAheadClosesNothing(t *testing.T) {
	inCity(t, smokeRule(), analytics.Options{}, func(c *city) {
		c.report(seen("s1", "smoke", 1, time.Now()))
		for range 10 {
			pass(time.Minute)
			c.says(sensors.Health{Device: "s1", At: time.Now().Add(24 * time.Hour), Presence: sensors.Online})
		}
		c.wantStates("ten minutes later", open)
		for range 8 {
			pass(time.Minute)
			c.says(sensors.Health{Device: "s1", At: time.Now().Add(24 * time.Hour), Presence: sensors.Online})
		}
		c.wantStates("after the window and the hold", open, closed)
		if a := c.records.saved()[1]; a.ClearedAt.After(time.Now()) {
			t.Errorf("closed at %s, it is %s", a.ClearedAt, time.Now())
		}
	})
}

// That nobody knows whether it is over is told once, and a restart does not forget it.
func TestExceedance_ADeviceThatIsGoneLeavesItOpenAndSaysSo(t *testing.T) {
	rules := smokeRule()
	inCity(t, rules, analytics.Options{}, func(c *city) {
		c.report(seen("s1", "smoke", 1, time.Now()))
		pass(10 * time.Second)
		for range 2 {
			c.says(sensors.Health{Device: "s1", At: time.Now(), Presence: sensors.Offline})
		}
		c.wantStates("it is gone", open, open)
		reason := c.records.saved()[1].Reason
		if !strings.Contains(reason.EN, "Device s1 is said to be gone") || !strings.Contains(reason.ZH, "设备 s1 已断线") {
			t.Errorf("the alert does not say that its device is gone: %+v", reason)
		}
		c.stop()
		pass(10 * time.Second)
		c.run(rules, analytics.Options{})
		for range 10 {
			pass(2 * time.Minute)
			c.report(in(zhenru, seen("n1", "noise", 50, time.Now())))
		}
		c.report(in(zhenru, seen("s2", "smoke", 1, time.Now())))
		pass(2 * time.Minute)
		c.report(in(zhenru, seen("s2", "smoke", 1, time.Now())))
		for _, a := range c.records.saved() {
			if a.Cell == caoyang && a.State == closed {
				t.Fatalf("closed while its device is gone: %s", a.Reason.EN)
			}
		}
		for range 2 {
			pass(2 * time.Minute)
			c.says(sensors.Health{Device: "s1", At: time.Now(), Presence: sensors.Online})
		}
		last := c.records.saved()[len(c.records.saved())-1]
		if last.Cell != caoyang || last.State != closed {
			t.Errorf("its device is back, and the last change is %s of %s: %s", last.State, last.Place, last.Reason.EN)
		}
	})
}
