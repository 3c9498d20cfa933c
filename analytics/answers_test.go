package analytics_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/store"
)

// verdicts is what people say, and what was asked about it.
type verdicts struct {
	mu      sync.Mutex // guards the fields below
	said    []store.Verdict
	tallies []store.VerdictQuery
}

func (v *verdicts) VerdictsOf(_ context.Context, _ store.VerdictQuery, limit int) ([]store.Verdict, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	newest := slices.Clone(v.said)
	slices.SortFunc(newest, func(a, b store.Verdict) int { return b.At.Compare(a.At) })
	return newest[:min(limit, len(newest))], nil
}

func (v *verdicts) TallyVerdicts(_ context.Context, q store.VerdictQuery) ([]store.Tally, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.tallies = append(v.tallies, q)
	return []store.Tally{{Rule: q.Rule, Raised: 3, Confirmed: 1}}, nil
}

func (v *verdicts) say(a store.Verdict) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.said = append(v.said, a)
}

func (v *verdicts) asked() []store.VerdictQuery {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.tallies)
}

// The budget is about alerts of the city that people have had the time to answer:
// of the week that ended a day ago.
func TestAnswers_TheBudgetIsHeldAgainstAWeekThatCouldBeAnswered(t *testing.T) {
	var now atomic.Int64
	said := &verdicts{}
	opts := analytics.Options{Verdicts: said, Now: func() time.Time { return time.UnixMicro(now.Load()).UTC() }}
	inCity(t, hotspotRules(analytics.Hotspot{MinCount: 5}), opts, func(c *city) {
		now.Store(c.start.UnixMicro())
		c.report(seen("clock", "noise", 50, c.start))
		for range 16 {
			now.Add((12 * time.Hour).Microseconds())
			pass(2 * time.Second)
		}
		asked := said.asked()
		if len(asked) != 1 {
			t.Fatalf("in eight days it was asked %d times how many alerts were confirmed, want once", len(asked))
		}
		q := asked[0]
		if q.Rule != "parking_cluster" || q.Category != store.AboutCity {
			t.Errorf("asked of rule %q and category %q", q.Rule, q.Category)
		}
		at := c.start.Add(12*time.Hour + 7*24*time.Hour)
		if want := at.Add(-24 * time.Hour); !q.To.Equal(want) || q.To.Sub(q.From) != 7*24*time.Hour {
			t.Errorf("asked of %s to %s at %s, want the week to %s", q.From, q.To, at, want)
		}
	})
}

// What people call a false alarm is learned at once, the next morning too: more is
// expected of its place from then on.
func TestAnswers_AFalseAlarmIsLearned(t *testing.T) {
	play := func(t *testing.T, answer store.Answer) (expected float64) {
		said := &verdicts{}
		var now atomic.Int64
		opts := analytics.Options{Verdicts: said, Now: func() time.Time { return time.UnixMicro(now.Load()).UTC() }}
		inCity(t, hotspotRules(analytics.Hotspot{MinCount: 5}), opts, func(c *city) {
			at := c.start
			minute := func(obs ...grid.Placed) {
				now.Store(at.UnixMicro())
				c.journal.add(at, append(obs, seen("clock", "noise", 50, at))...)
				at = at.Add(time.Minute)
			}
			hour := func(cars int) {
				for m := range 60 {
					var obs []grid.Placed
					if m%30 == 0 {
						obs = append(obs, in(depot, seen("cam9", "illegal_parking", 1, at)))
					}
					for range cars {
						obs = append(obs, in(market, seen(deviceOf(m), "illegal_parking", 1, at)))
					}
					minute(obs...)
				}
				pass(2 * time.Second)
			}
			for range 8 * 24 {
				hour(0)
			}
			for range 24 {
				hour(1)
			}
			for range 24 {
				hour(0)
			}
			raised := c.records.saved()
			if len(raised) == 0 {
				t.Fatal("a car a minute for a day raised nothing")
			}
			if answer != "" {
				said.say(store.Verdict{AlertID: raised[0].ID, Answer: answer, At: at, Version: 1})
			}
			for range 24 {
				hour(0)
			}
			for range 2 {
				hour(1)
			}
			all := c.records.saved()
			last := all[len(all)-1]
			if last.ID == raised[0].ID {
				t.Fatal("a car a minute for two hours raised nothing")
			}
			expected = last.Baseline / last.Window.Hours()
		})
		return expected
	}
	unanswered, confirmed, ordinary := play(t, ""), play(t, store.Confirmed), play(t, store.FalseAlarm)
	if confirmed != unanswered {
		t.Errorf("what was confirmed changed what is expected from %.3f an hour to %.3f", unanswered, confirmed)
	}
	if ordinary < 3*unanswered {
		t.Errorf("what was called ordinary took what is expected from %.3f an hour to %.3f", unanswered, ordinary)
	}
}

var _ analytics.Verdicts = (*verdicts)(nil)
