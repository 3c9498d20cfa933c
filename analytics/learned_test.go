package analytics_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

// learned asks the engine of a city.
func (c *city) learned(kind sensors.KindKey, cell grid.Cell, from time.Time, every time.Duration, windows int) analytics.Learned {
	c.t.Helper()
	known, err := c.engine.Learned(c.t.Context(), analytics.LearnedRequest{Kind: kind, Cell: cell, From: from, Every: every, Windows: windows})
	if err != nil {
		c.t.Fatal(err)
	}
	return known
}

// learnHours lets hours pass in each of which every twentieth cell of the district has
// an event.
func learnHours(c *city, hours int) {
	c.t.Helper()
	cells := district(c.t).Cells
	for minute := range hours * 60 {
		var all []grid.Placed
		for i := 20 * (minute % 60); i < len(cells); i += 20 * 60 {
			all = append(all, in(cells[i], seen(sensors.DeviceID(fmt.Sprint("cam", i)), "illegal_parking", 1, time.Now())))
		}
		c.report(all...)
		pass(time.Minute - time.Millisecond)
	}
}

func TestLearned_IsWhatTheAlertSaysIsExpected(t *testing.T) {
	inCity(t, hotspotRules(analytics.Hotspot{MinCount: 5}), analytics.Options{}, func(c *city) {
		learnHours(c, 40)
		pass(20 * time.Minute)
		park(c, market, 18)
		changes := c.records.saved()
		if len(changes) == 0 {
			t.Fatal("18 cars in three minutes raised nothing")
		}
		a := changes[0]
		from := a.UpdatedAt.Add(-a.Window)
		if len(a.Cells) != 1 || a.Cell != market || !from.Truncate(time.Hour).Equal(a.UpdatedAt.Truncate(time.Hour)) {
			t.Fatalf("the alert is about %v from %s to %s, want the one cell within an hour", a.Cells, from, a.UpdatedAt)
		}
		// Every window of an hour that is as long has as many.
		known := c.learned("illegal_parking", market, from.Truncate(a.Window), a.Window, 1)
		if known.Rule != a.Rule || known.Why != "" || known.Cells != 1 || known.Habits != analytics.WeekHabits {
			t.Errorf("learned is %+v", known)
		}
		w := known.Windows[0]
		if math.Abs(w.Expected-a.Baseline) > 1e-9 {
			t.Errorf("%v is usual, the alert says %v", w.Expected, a.Baseline)
		}
		if !(w.Low <= w.Expected && w.Expected <= w.High+1 && w.High < a.Value) {
			t.Errorf("the range is %v to %v around %v; %v raised an alert", w.Low, w.High, w.Expected, a.Value)
		}
		if h := known.For.Hours(); h < 20 || h > 40 {
			t.Errorf("40 hours passed, %v are learned", h)
		}
	})
}

func TestLearned_OfACoarseCellIsTheSumOfThoseWithin(t *testing.T) {
	inCity(t, hotspotRules(analytics.Hotspot{}), analytics.Options{}, func(c *city) {
		learnHours(c, 30)
		parent, ok := market.Ancestor(8)
		if !ok {
			t.Fatal("market has no parent")
		}
		from := time.Now().Truncate(time.Hour).Add(-24 * time.Hour)
		known := c.learned("illegal_parking", parent, from, 10*time.Minute, 144)
		if len(known.Windows) != 144 || !known.Windows[143].Begin.Equal(from.Add(143*10*time.Minute)) {
			t.Fatalf("%d windows, want 144 of ten minutes", len(known.Windows))
		}
		var sum float64
		cells := 0
		for _, cell := range district(t).Cells {
			if cell.Within(parent) {
				cells++
				sum += c.learned("illegal_parking", cell, from, 10*time.Minute, 1).Windows[0].Expected
			}
		}
		if got := known.Windows[0].Expected; known.Cells != cells || math.Abs(got-sum) > 1e-9 {
			t.Errorf("%v of %d cells, want %v of %d", got, known.Cells, sum, cells)
		}
	})
}

func TestLearned_OfAMeasureIsTheLevelThatAlertsSpeakOf(t *testing.T) {
	rules := []analytics.Rule{{
		Name: "loud", Names: names, Kind: "noise", Severity: "notice",
		Baseline: &analytics.Baseline{Raise: 5, Clear: 2, Least: 1, Spread: 2, Swing: 1, HoldRaise: 10 * time.Minute},
	}}
	inCity(t, rules, analytics.Options{}, func(c *city) {
		say := func(value float64) {
			c.report(in(market, seen("n", "noise", value, time.Now())))
			pass(5*time.Minute - time.Millisecond)
		}
		for i := range 8 {
			say(59 + float64(i%3))
		}
		if k := c.learned("noise", market, time.Now().Truncate(time.Hour), time.Hour, 1); k.Why != analytics.TooSoon || k.Windows != nil || k.For < 30*time.Minute {
			t.Errorf("after 40 minutes it is %+v, want that it is too soon", k)
		}
		for i := range 60 {
			say(59 + float64(i%3))
		}
		var known analytics.Learned
		for len(c.records.saved()) == 0 {
			// The next reading has the step before it judged by what is known until then.
			known = c.learned("noise", market, time.Now().Add(-5*time.Minute).Truncate(5*time.Minute), 5*time.Minute, 1)
			say(95)
		}
		a, w := c.records.saved()[0], known.Windows[0]
		if math.Abs(w.Expected-a.Baseline) > 1e-9 {
			t.Errorf("%v is usual, the alert says %v", w.Expected, a.Baseline)
		}
		if got, want := (w.High-w.Expected)/1.2815515655446004, (a.Value-a.Baseline)/a.Score; math.Abs(got-want) > 1e-9 {
			t.Errorf("the range has a spread of %v, the alert judges by %v", got, want)
		}
		known = c.learned("noise", market, w.Begin, 5*time.Minute, 1)
		if known.Habits != analytics.DayHabits || known.Cells != 1 || known.Observations < 60 || known.Full != 168*time.Hour {
			t.Errorf("learned is %+v", known)
		}
		parent, _ := market.Ancestor(8)
		if all := c.learned("noise", parent, w.Begin, 5*time.Minute, 1); all.Windows[0] != known.Windows[0] {
			t.Errorf("the only place of a coarser cell has %+v, the cell %+v", all.Windows[0], known.Windows[0])
		}
	})
}

func TestLearned_OfAnExceedanceIsItsPrediction(t *testing.T) {
	rules := []analytics.Rule{{
		Name: "smoke", Names: names, Kind: "smoke", Severity: "notice",
		Exceedance: &analytics.Exceedance{MinCount: 3, Expected: 0.1, PriorWindows: 24, PRaise: 1e-3, PClear: 0.05},
	}}
	inCity(t, rules, analytics.Options{}, func(c *city) {
		for range 20 {
			c.report(in(depot, seen("s", "smoke", 1, time.Now())))
			pass(15*time.Minute - time.Millisecond)
		}
		for i := range 4 {
			c.report(in(market, seen(deviceOf(i), "smoke", 1, time.Now())))
		}
		a := c.records.saved()[0]
		known := c.learned("smoke", market, time.Now().Truncate(15*time.Minute), 15*time.Minute, 1)
		if got := known.Windows[0].Expected; math.Abs(got-a.Baseline) > 1e-9 || known.Habits != analytics.NoHabits {
			t.Errorf("%v is usual, the alert says %v; learned is %+v", got, a.Baseline, known)
		}
		if hour := c.learned("smoke", market, time.Now().Truncate(time.Hour), time.Hour, 1).Windows[0].Expected; math.Abs(hour-4*a.Baseline) > 1e-9 {
			t.Errorf("an hour has %v, want four times %v", hour, a.Baseline)
		}
	})
}

func TestLearned_SaysWhyNothingIsLearned(t *testing.T) {
	rules := append(hotspotRules(analytics.Hotspot{}), analytics.Rule{
		Name: "loud", Names: names, Kind: "noise", Severity: "notice",
		Baseline: &analytics.Baseline{Raise: 5, Clear: 2, Least: 1, Spread: 2, Swing: 1},
	})
	far := mustCell(t, 30, 120)
	inCity(t, rules, analytics.Options{}, func(c *city) {
		c.report(in(market, seen("n", "noise", 60, time.Now())))
		for _, test := range []struct {
			kind sensors.KindKey
			cell grid.Cell
			want analytics.Unlearned
		}{
			{"illegal_parking", market, analytics.TooSoon},
			{"illegal_parking", far, analytics.OutsideDistrict},
			{"noise", market, analytics.TooSoon},
			{"noise", depot, analytics.NeverHeard},
			{"pm25", market, analytics.LearnedByNoRule},
		} {
			known := c.learned(test.kind, test.cell, time.Now().Truncate(time.Hour), time.Hour, 1)
			if known.Why != test.want || len(known.Windows) != 0 {
				t.Errorf("%s in %s: %+v, want %s", test.kind, test.cell, known, test.want)
			}
		}
	})
}

func TestLearned_RefusesWhatItCannotAnswer(t *testing.T) {
	good := analytics.LearnedRequest{Kind: "noise", Cell: market, From: time.Unix(0, 0), Every: time.Hour, Windows: 1}
	coarse, _ := market.Ancestor(6)
	inCity(t, nil, analytics.Options{}, func(c *city) {
		for name, change := range map[string]func(*analytics.LearnedRequest){
			"too coarse a cell":             func(q *analytics.LearnedRequest) { q.Cell = coarse },
			"too short windows":             func(q *analytics.LearnedRequest) { q.Every = time.Minute },
			"windows that do not fit hours": func(q *analytics.LearnedRequest) { q.Every = 25 * time.Minute },
			"a beginning within a window":   func(q *analytics.LearnedRequest) { q.From = q.From.Add(time.Second) },
			"no window":                     func(q *analytics.LearnedRequest) { q.Windows = 0 },
			"too many windows":              func(q *analytics.LearnedRequest) { q.Windows = analytics.MaxLearnedWindows + 1 },
		} {
			q := good
			change(&q)
			if _, err := c.engine.Learned(c.t.Context(), q); !errors.Is(err, analytics.ErrLearnedRequest) {
				t.Errorf("%s: error %v, want ErrLearnedRequest", name, err)
			}
		}
	})
}

func TestLearned_MayBeAskedWhileTheEngineJudgesAndGivesUpWhenItDoesNot(t *testing.T) {
	inCity(t, hotspotRules(analytics.Hotspot{}), analytics.Options{}, func(c *city) {
		var asking sync.WaitGroup
		for range 8 {
			asking.Go(func() {
				for range 20 {
					c.learned("illegal_parking", market, time.Now().Truncate(time.Hour), 5*time.Minute, 288)
				}
			})
		}
		for range 50 {
			c.journal.add(time.Now(), in(market, seen("cam", "illegal_parking", 1, time.Now())))
		}
		asking.Wait()
		synctest.Wait()
		c.stop()
		ctx, cancel := context.WithTimeout(c.t.Context(), time.Second)
		defer cancel()
		q := analytics.LearnedRequest{Kind: "noise", Cell: market, From: time.Now().Truncate(time.Hour), Every: time.Hour, Windows: 1}
		if _, err := c.engine.Learned(ctx, q); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("an engine that does not run answers with %v, want that time is over", err)
		}
		c.stop = func() {}
	})
}
