package analytics_test

import (
	"context"
	"slices"
	"testing"
	"time"
	"unsafe"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/store"
)

// Whether people are notified goes by when something happens: an alert that was
// raised under a mute is news when it becomes critical after the mute has ended, and
// one that a mute covers later is none any more.
func TestMute_HoldsForEachChangeOfAnAlert(t *testing.T) {
	levels := []float64{90, 110, 50} // beyond raise, critical, over
	for name, test := range map[string]struct {
		from, to int // of the mute, in minutes
		want     []bool
	}{
		"it ends before the alert is critical":  {-10, 1, []bool{true, false, false}},
		"it begins before the alert is over":    {3, 9, []bool{false, false, true}},
		"it begins before the alert is worse":   {1, 9, []bool{false, true, true}},
		"it covers the beginning and the worse": {-10, 3, []bool{true, true, true}},
		"it is for another time":                {-10, -1, []bool{false, false, false}},
	} {
		t.Run(name, func(t *testing.T) {
			var set *store.MuteSet
			opts := analytics.Options{Mutes: func(context.Context) (*store.MuteSet, error) { return set, nil }}
			rules := loudRule(analytics.Threshold{Raise: 85, Clear: 80, Critical: critical(100)})
			inCity(t, rules, opts, func(c *city) {
				at := func(minutes int) time.Time { return c.start.Add(time.Duration(minutes)*time.Minute + 10*time.Second) }
				set = store.NewMuteSet([]store.Mute{{ID: "m", Purpose: store.MuteAlerts, Kind: "noise", From: at(test.from), To: at(test.to)}})
				c.report(seen("n1", "noise", 50, c.start))
				pass(10 * time.Second) // mutes are asked for
				for i, level := range levels {
					c.report(seen("n1", "noise", level, at(2*i)))
					pass(2 * time.Minute)
				}
				var got []bool
				for _, a := range c.records.saved() {
					got = append(got, a.Muted)
				}
				if !slices.Equal(got, test.want) {
					t.Errorf("muted %v, want %v", got, test.want)
				}
			})
		})
	}
}

// An alert lives on for days; what it keeps of an observation is a copy, since the
// text of an observation is a part of the whole entry that it came in.
func TestThreshold_AnAlertDoesNotKeepAnEntryInMemory(t *testing.T) {
	entry := []byte("310107012003004,310107012003005")
	inCity(t, loudRule(analytics.Threshold{Raise: 85, Clear: 80}), analytics.Options{}, func(c *city) {
		text := string(entry)
		for i, part := range []string{text[:15], text[16:]} {
			o := seen("n1", "noise", 90*float64(2*i+1), time.Now())
			o.Area = grid.AreaCode(part)
			c.report(o)
			pass(time.Minute)
			changes := c.records.saved()
			if len(changes) != i+1 || changes[i].Area != o.Area {
				t.Fatalf("changes %+v, want %d, the last of area %s", changes, i+1, o.Area)
			}
			if unsafe.StringData(string(changes[i].Area)) == unsafe.StringData(part) {
				t.Errorf("revision %d shares the text of the entry", i+1)
			}
		}
	})
}
