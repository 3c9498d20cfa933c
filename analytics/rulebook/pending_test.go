package rulebook_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/analytics/report/jobs"
	"github.com/urbangrid/urbangrid/analytics/rulebook"
)

// sleeper is an engine that takes nothing over before it was asked some times.
type sleeper struct {
	refusals atomic.Int64 // that are left
	took     chan []analytics.Rule
}

func (s *sleeper) Check([]analytics.Rule) error { return nil }

func (s *sleeper) Change(_ context.Context, rules []analytics.Rule) error {
	if s.refusals.Add(-1) >= 0 {
		return errors.New("asleep")
	}
	s.took <- rules
	return nil
}

// run runs something until the test ends.
func run(t *testing.T, do func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- do(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func took(t *testing.T, s *sleeper) []analytics.Rule {
	t.Helper()
	select {
	case rules := <-s.took:
		return rules
	case <-time.After(10 * time.Second):
		t.Fatal("the engine was not asked again")
		return nil
	}
}

func TestBook_AsksTheEngineAgainUntilItHasTakenAChangeOver(t *testing.T) {
	file, _ := defaults(t)
	b := openBook(t, openRecords(t), file, rulebook.Options{Pause: time.Millisecond})
	judge := &sleeper{took: make(chan []analytics.Rule, 1)}
	judge.refusals.Store(4)
	b.Join(judge)
	run(t, b.Run)
	e, err := b.Change(t.Context(), "noise_loud", rulebook.Change{Rule: louder(t, b, 82), By: "王芳"})
	if err != nil || e.Setting.Version != 1 {
		t.Fatalf("entry %+v, error %v", e, err)
	}
	if r := ruleOf(took(t, judge), "noise_loud"); r == nil || r.Threshold.Raise != 82 {
		t.Errorf("the engine judges by %+v", r)
	}
	// A further change waits its turn, so what is pending is settled then.
	if e, err = b.Change(t.Context(), "noise_loud", rulebook.Change{Rule: louder(t, b, 83), Version: 1, By: "王芳"}); err != nil || e.Pending {
		t.Errorf("entry %+v, error %v; want it not pending", e, err)
	}
	if r := ruleOf(took(t, judge), "noise_loud"); r == nil || r.Threshold.Raise != 83 {
		t.Errorf("the engine judges by %+v", r)
	}
}

func TestBook_GivesWhatWasChangedBeforeToTheEngineThatJoins(t *testing.T) {
	file, _ := defaults(t)
	b := openBook(t, openRecords(t), file, rulebook.Options{Pause: time.Millisecond})
	run(t, b.Run)
	if e, err := b.Change(t.Context(), "noise_loud", rulebook.Change{Rule: louder(t, b, 82), By: "王芳"}); err != nil || !e.Pending {
		t.Fatalf("entry %+v, error %v; want it pending", e, err)
	}
	judge := &sleeper{took: make(chan []analytics.Rule, 1)}
	b.Join(judge)
	if r := ruleOf(took(t, judge), "noise_loud"); r == nil || r.Threshold.Raise != 82 {
		t.Errorf("the engine judges by %+v", r)
	}
}

// asker notes what previews ask, and fails.
type asker struct{ asked chan analytics.PreviewRequest }

func (a asker) PreviewRule(_ context.Context, q analytics.PreviewRequest, _ analytics.History, _ analytics.Fired, _ func(float64)) (analytics.Preview, error) {
	a.asked <- q
	return analytics.Preview{}, errors.New("the series are away")
}

func TestPreviews_CompareWithARuleThatIsOffAndSayOnceWhyTheyFailed(t *testing.T) {
	file, _ := defaults(t)
	b := openBook(t, openRecords(t), file, rulebook.Options{})
	off := louder(t, b, 85)
	if _, err := b.Change(t.Context(), "noise_loud", rulebook.Change{Rule: off, Off: true, By: "王芳"}); err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	engine := asker{make(chan analytics.PreviewRequest, 1)}
	previews := rulebook.NewPreviews(b, rulebook.Sources{Engine: engine}, rulebook.PreviewOptions{Log: slog.New(slog.NewTextHandler(&log, nil))})
	job, err := previews.Submit("noise_loud", off, 1)
	if err != nil {
		t.Fatal(err)
	}
	run(t, previews.Run)
	if q := <-engine.asked; !q.PresentOff {
		t.Errorf("the preview compares with %+v as if it were on", q.Present.Name)
	}
	for deadline := time.After(10 * time.Second); !job.State.Ended(); {
		select {
		case <-deadline:
			t.Fatal("the preview did not end")
		case <-time.After(time.Millisecond):
		}
		if job, err = previews.Job(job.ID); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(log.String(), "preview of a rule failed"); job.State != jobs.Failed || n != 1 || !strings.Contains(log.String(), "the series are away") {
		t.Errorf("the preview is %s, and the log says:\n%s", job.State, log.String())
	}
}
