package hotspot

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// history is weeks of quiet time whose blocks have scores that are exponential with
// a mean, each an episode of its own.
func history(seed uint64, weeks int, mean float64) *quiet {
	rng := rand.New(rand.NewPCG(seed, 1))
	q, at := &quiet{}, monday
	for range weeks * int(perWeek) / (episodeGap + 2) {
		q.record(at, at.Add(time.Minute), mean*rng.ExpFloat64())
		at = at.Add(block)
		for range episodeGap + 1 {
			q.record(at, at.Add(time.Minute), 0)
			at = at.Add(block)
		}
	}
	return q
}

// exceeded is how often a week such a history really reaches a score.
func exceeded(score, mean float64) float64 {
	return perWeek / (episodeGap + 2) * math.Exp(-score/mean)
}

func TestQuiet_TheThresholdIsReachedAsOftenAsTheBudgetSays(t *testing.T) {
	for _, budget := range []float64{0.1, 1, 5} {
		ratio, n := 0.0, 40
		for seed := range n {
			q := history(uint64(seed), 8, 1.7)
			q.fit(budget)
			trust := q.weeks() / (q.weeks() + 0.5)
			fitted := (q.threshold(budget, 0)) / trust
			ratio += math.Log(exceeded(fitted, 1.7) / budget)
		}
		if off := math.Exp(ratio / float64(n)); off < 0.75 || off > 1.33 {
			t.Errorf("a budget of %g a week is exceeded %.2f times as often as it says", budget, off)
		}
	}
}

func TestQuiet_RecurrenceIsHowSeldomAScoreIsReached(t *testing.T) {
	for _, score := range []float64{4, 8, 14} {
		ratio, n := 0.0, 40
		for seed := range n {
			q := history(uint64(seed)+100, 8, 1.7)
			q.fit(1)
			ratio += math.Log(q.recurrence(score).Hours() * exceeded(score, 1.7) / week.Hours())
		}
		if off := math.Exp(ratio / float64(n)); off < 0.6 || off > 1.6 {
			t.Errorf("a score of %g is said to be %.2f times as seldom as it is", score, off)
		}
	}
	if r := (&quiet{}).recurrence(10); r != 0 {
		t.Errorf("without a history a score recurs in %s, want 0 for not known", r)
	}
}

func TestQuiet_UntilItHasAHistoryTheThresholdIsTheFallback(t *testing.T) {
	if got := (&quiet{}).threshold(1, 12.5); got != 12.5 {
		t.Errorf("threshold %g, want 12.5", got)
	}
	before := math.Inf(1)
	for _, weeks := range []int{1, 4, 12} {
		q := history(7, weeks, 0.8)
		q.fit(1)
		got := q.threshold(1, 20)
		if got >= before || got >= 20 {
			t.Errorf("after %d weeks of low scores the threshold is %g, before it was %g", weeks, got, before)
		}
		before = got
	}
}

func TestQuiet_WhatNobodyWatchedIsNoHistory(t *testing.T) {
	q := &quiet{}
	q.record(monday, monday.Add(time.Minute), 3)
	late := monday.Add(48 * time.Hour)
	q.record(late, late.Add(time.Minute), 0)
	if got := q.weeks() * perWeek; got != 2 {
		t.Errorf("two blocks were recorded two days apart, %g count", got)
	}
	q = &quiet{}
	q.record(monday, monday.Add(time.Hour), 0) // a step may be longer than a block
	q.record(monday.Add(time.Hour), monday.Add(2*time.Hour), 0)
	if got := q.weeks() * perWeek; got < 5 {
		t.Errorf("two steps of an hour are %g blocks, want 5", got)
	}
}

func TestQuiet_WhatIsExcludedByTwoIsGivenBackByBoth(t *testing.T) {
	q := history(3, 1, 1)
	all, scores := q.weeks(), append([]float32(nil), q.Blocks...)
	q.exclude("a", monday, monday.Add(10*time.Hour))
	q.exclude("b", monday.Add(5*time.Hour), monday.Add(15*time.Hour))
	q.include("a")
	if got := (all - q.weeks()) * perWeek; got != 41 {
		t.Errorf("ten hours are excluded by the second, %g blocks are out", got)
	}
	q.include("b")
	q.include("b")
	for i, b := range q.Blocks {
		if b != scores[i] {
			t.Fatalf("block %d is %g, was %g", i, b, scores[i])
		}
	}
}

func TestFeedback_MovesTheThresholdUpAndDownAgain(t *testing.T) {
	for _, budget := range []float64{1, 0.2} {
		d := disk(t, 3)
		d.opts.Budget, d.opts.Threshold = budget, 0
		d.quiet = *history(11, 8, 1.7)
		d.recalibrate()
		now, first := monday, d.Threshold()
		for range 4 {
			now = now.Add(week)
			d.Feedback(now, 9)
		}
		up := d.Threshold()
		if up < first+1 || up > first+maxOffset+1e-9 {
			t.Errorf("budget %g: four weeks of nine took the threshold from %.2f to %.2f", budget, first, up)
		}
		for range 52 {
			now = now.Add(week)
			d.Feedback(now, 0)
		}
		if down := d.Threshold(); down > first+0.3*(up-first) {
			t.Errorf("budget %g: a year of none took the threshold from %.2f to %.2f only, at first it was %.2f", budget, up, down, first)
		}
	}
}

func TestFeedback_KeepsTheThresholdWhileAlertsKeepToTheBudget(t *testing.T) {
	d := disk(t, 3)
	d.opts.Threshold = 0
	d.quiet = *history(12, 8, 1.7)
	d.recalibrate()
	first := d.Threshold()
	for i := range 52 {
		if d.Feedback(monday.Add(time.Duration(i)*week), i%3) { // none, one, two
			t.Fatalf("week %d moved the threshold", i)
		}
	}
	if d.Threshold() != first {
		t.Errorf("the threshold went from %g to %g", first, d.Threshold())
	}
}

func TestFeedback_IsDueOnceAWeek(t *testing.T) {
	d := disk(t, 3)
	for _, step := range []struct {
		at   time.Duration
		want bool
	}{{0, false}, {6 * 24 * time.Hour, false}, {week, true}, {week + time.Hour, true}} {
		if got := d.FeedbackDue(monday.Add(step.at)); got != step.want {
			t.Errorf("after %s due: %v, want %v", step.at, got, step.want)
		}
	}
	d.Feedback(monday.Add(week), 1)
	if d.FeedbackDue(monday.Add(2*week - time.Hour)) {
		t.Error("due before a week has passed since the last")
	}
}
