package analytics_test

import (
	"strings"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

const (
	open   = store.AlertOpen
	closed = store.AlertClosed
)

func critical(v float64) *float64 { return &v }

func loudRule(t analytics.Threshold) []analytics.Rule {
	return []analytics.Rule{{Name: "loud", Kind: "noise", Names: names, Severity: store.Warning, Threshold: &t}}
}

func TestThreshold_RaisesOnTheReadingItselfWithoutHold(t *testing.T) {
	inCity(t, loudRule(analytics.Threshold{Raise: 85, Clear: 80}), analytics.Options{}, func(c *city) {
		c.report(seen("n1", "noise", 84.9, c.start))
		c.wantStates("below raise")
		c.report(seen("n1", "noise", 85, c.start.Add(time.Second)))
		c.wantStates("at raise", open)
		a := c.records.saved()[0]
		if a.Place != "device/n1" || a.Device != "n1" || a.Value != 85 || a.Baseline != 85 || a.Revision != 1 ||
			a.Cell != caoyang || a.Area != "310107005" || !a.RaisedAt.Equal(c.start.Add(time.Second)) {
			t.Errorf("alert %+v", a)
		}
		wantZH := "测试：设备 n1（责任网格 310107005）测得环境噪声 85 dB(A)，达到或超过 85 dB(A)。"
		wantEN := "Test: device n1 (area 310107005) reads 85 dB(A), at or above 85 dB(A)."
		if a.Reason.ZH != wantZH || a.Reason.EN != wantEN {
			t.Errorf("reason %q, want %q and %q", a.Reason, wantZH, wantEN)
		}
	})
}

func TestThreshold_NamesTheAreaWhenItsNameIsKnown(t *testing.T) {
	opts := analytics.Options{AreaNames: func(code grid.AreaCode) sensors.Names {
		return sensors.Names{ZH: "曹杨新村街道", EN: "Caoyang Xincun"}
	}}
	inCity(t, loudRule(analytics.Threshold{Raise: 85, Clear: 80}), opts, func(c *city) {
		c.report(seen("n1", "noise", 85, c.start))
		c.wantStates("at raise", open)
		got := c.records.saved()[0].Reason
		if !strings.Contains(got.ZH, "设备 n1（曹杨新村街道）") || !strings.Contains(got.EN, "device n1 (Caoyang Xincun)") {
			t.Errorf("reason %q does not name the area", got)
		}
	})
}

func TestThreshold_StaysOpenBetweenRaiseAndClear(t *testing.T) {
	inCity(t, loudRule(analytics.Threshold{Raise: 85, Clear: 80}), analytics.Options{}, func(c *city) {
		for i, v := range []float64{86, 84, 81, 84, 86, 80.1} {
			c.report(seen("n1", "noise", v, c.start.Add(time.Duration(i)*time.Second)))
		}
		c.wantStates("between clear and raise", open)
		c.report(seen("n1", "noise", 80, c.start.Add(10*time.Second)))
		c.wantStates("at clear", open, closed)
		a := c.records.saved()[1]
		if a.Revision != 2 || !a.ClearedAt.Equal(c.start.Add(10*time.Second)) {
			t.Errorf("closed alert %+v", a)
		}
		c.report(seen("n1", "noise", 84, c.start.Add(11*time.Second)))
		c.wantStates("between again", open, closed)
	})
}

func TestThreshold_HoldsMustBeUnbroken(t *testing.T) {
	rule := analytics.Threshold{Raise: 85, Clear: 80, HoldRaise: 30 * time.Second, HoldClear: time.Minute}
	inCity(t, loudRule(rule), analytics.Options{}, func(c *city) {
		at := func(s int, v float64) { c.report(seen("n1", "noise", v, c.start.Add(time.Duration(s)*time.Second))) }
		at(0, 90)
		at(20, 84) // breaks the hold
		at(40, 90)
		at(69, 90)
		c.wantStates("29 s beyond")
		at(70, 90)
		c.wantStates("30 s beyond", open)
		at(80, 70)
		at(130, 81) // breaks the hold
		at(140, 70)
		at(199, 70)
		c.wantStates("59 s back", open)
		at(200, 70)
		c.wantStates("60 s back", open, closed)
	})
}

func TestThreshold_AHoldDoesNotSpanALongGap(t *testing.T) {
	rule := analytics.Threshold{Raise: 85, Clear: 80, HoldRaise: 30 * time.Second}
	inCity(t, loudRule(rule), analytics.Options{}, func(c *city) {
		c.report(seen("n1", "noise", 90, c.start))
		later := c.start.Add(analytics.MaxHold + time.Second)
		c.report(seen("n1", "noise", 90, later))
		c.wantStates("two loud readings far apart")
		c.report(seen("n1", "noise", 90, later.Add(30*time.Second)))
		c.wantStates("30 s beyond after the gap", open)
	})
}

func TestThreshold_OutOfOrderReadingsNeverRollBack(t *testing.T) {
	inCity(t, loudRule(analytics.Threshold{Raise: 85, Clear: 80}), analytics.Options{}, func(c *city) {
		received := c.start.Add(time.Minute)
		at := func(s int, v float64) {
			o := seen("n1", "noise", v, c.start.Add(time.Duration(s)*time.Second))
			o.Received = received
			c.report(o)
		}
		at(10, 70)
		at(5, 95) // older than the newest: neither raises …
		c.wantStates("an old loud reading")
		at(20, 90)
		at(15, 60) // … nor clears
		at(20, 60) // nor does another one of the same time
		c.wantStates("an old quiet reading", open)
		at(21, 60)
		c.wantStates("a new quiet reading", open, closed)
	})
}

func TestThreshold_SilenceNeverCloses(t *testing.T) {
	inCity(t, loudRule(analytics.Threshold{Raise: 85, Clear: 80}), analytics.Options{}, func(c *city) {
		c.report(seen("n1", "noise", 90, time.Now()))
		for range 8 {
			pass(15 * time.Minute)
			c.report(seen("n2", "noise", 50, time.Now())) // the others go on
		}
		c.wantStates("two hours of silence", open)
	})
}

func TestThreshold_OfLowIsBadRaisesBelow(t *testing.T) {
	catalog := mustCatalog(t)
	for _, k := range catalog.All() {
		if k.Bad != "low" || k.Type != "measure" {
			continue
		}
		rules := []analytics.Rule{{Name: "low", Kind: k.Key, Names: names, Severity: store.Notice,
			Threshold: &analytics.Threshold{Raise: 20, Clear: 25, Critical: critical(10)}}}
		inCity(t, rules, analytics.Options{}, func(c *city) {
			for i, v := range []float64{21, 20, 24, 10, 25} {
				c.report(seen("d1", k.Key, v, c.start.Add(time.Duration(i)*time.Second)))
			}
			c.wantStates("below, worse, back", open, open, closed)
			if got := c.records.saved()[1].Severity; got != store.Critical {
				t.Errorf("severity %s at 10, want critical", got)
			}
		})
		return
	}
	t.Log("the catalogue has no measure of which low is bad")
}

func TestThreshold_RevisesWhenItGetsWorse(t *testing.T) {
	rules := []analytics.Rule{{Name: "water", Kind: "road_water", Names: names, Severity: store.Warning,
		Threshold: &analytics.Threshold{Raise: 10, Clear: 5, Critical: critical(27)}}}
	inCity(t, rules, analytics.Options{}, func(c *city) {
		for i, v := range []float64{10, 14.9, 15, 20, 27, 30, 2} {
			c.report(seen("w1", "road_water", v, c.start.Add(time.Duration(i)*time.Second)))
		}
		var values []float64
		for i, a := range c.records.saved() {
			values = append(values, a.Value)
			if a.Revision != int64(i+1) || a.ID != c.records.saved()[0].ID {
				t.Errorf("change %d is revision %d of %s", i, a.Revision, a.ID)
			}
		}
		want := []float64{10, 15, 27, 27} // raised, grown by half, critical, closed
		if len(values) != 4 || values[0] != want[0] || values[1] != want[1] || values[2] != want[2] || values[3] != want[3] {
			t.Errorf("values of the revisions %v, want %v", values, want)
		}
		if got := c.records.saved()[2].Severity; got != store.Critical {
			t.Errorf("severity %s at 27 cm, want critical", got)
		}
	})
}
