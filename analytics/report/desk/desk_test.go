package desk_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/urbangrid/urbangrid/analytics/report"
	"github.com/urbangrid/urbangrid/analytics/report/desk"
	"github.com/urbangrid/urbangrid/analytics/report/jobs"
)

// reporter answers with a table that says how often it was asked.
type reporter struct {
	state   atomic.Value  // string
	answers atomic.Int64  // given
	atOnce  atomic.Int64  // now
	most    atomic.Int64  // of atOnce, ever
	wait    time.Duration // of each answer
	rows    int           // of each answer
}

func newReporter() *reporter {
	r := &reporter{rows: 1}
	r.state.Store("one")
	return r
}

func (r *reporter) District() report.District { return report.District{} }

func (r *reporter) State(context.Context, report.Request) (string, error) {
	return r.state.Load().(string), nil
}

func (r *reporter) Answer(ctx context.Context, req report.Request, state string, tell report.Tell) (*report.Result, error) {
	now := r.atOnce.Add(1)
	defer r.atOnce.Add(-1)
	for most := r.most.Load(); now > most && !r.most.CompareAndSwap(most, now); most = r.most.Load() {
	}
	if tell != nil {
		tell(jobs.Progress{Done: 1, Total: 2})
	}
	select {
	case <-time.After(r.wait):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	t := report.Table{Columns: []report.Column{{Key: "n"}}}
	for range r.rows {
		t.Rows = append(t.Rows, []report.Value{report.Count(r.answers.Load())})
	}
	r.answers.Add(1)
	return &report.Result{Report: req.Report, Data: report.Data{Fingerprint: state}, Tables: []report.Table{t}}, nil
}

func mustAsk(t *testing.T, d *desk.Desk, top int) *report.Result {
	t.Helper()
	r, err := d.Ask(t.Context(), report.Request{Report: report.Trend, Top: top})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestDesk_RemembersWhileTheDataIsTheSame(t *testing.T) {
	r := newReporter()
	d := desk.New(r, desk.Options{})
	first := mustAsk(t, d, 1)
	if again := mustAsk(t, d, 1); again != first || r.answers.Load() != 1 {
		t.Errorf("the same question was computed %d times", r.answers.Load())
	}
	mustAsk(t, d, 2)
	if r.answers.Load() != 2 {
		t.Errorf("another question: computed %d, want 2", r.answers.Load())
	}
	r.state.Store("two")
	if after := mustAsk(t, d, 1); after == first || after.Data.Fingerprint != "two" {
		t.Errorf("after the data changed the answer is %+v", after)
	}
}

func TestDesk_RemembersABoundedNumber(t *testing.T) {
	r := newReporter()
	d := desk.New(r, desk.Options{Remember: 2, RememberValues: 20})
	mustAsk(t, d, 1)
	mustAsk(t, d, 2)
	mustAsk(t, d, 1) // 2 is now the one that nobody asked for longest
	mustAsk(t, d, 3)
	mustAsk(t, d, 1)
	if n := r.answers.Load(); n != 3 {
		t.Errorf("computed %d, want 3: 1 was to be remembered", n)
	}
	mustAsk(t, d, 2)
	if n := r.answers.Load(); n != 4 {
		t.Errorf("computed %d, want 4: 2 was to be forgotten", n)
	}
	r.rows = 21
	mustAsk(t, d, 4)
	mustAsk(t, d, 4)
	if n := r.answers.Load(); n != 6 {
		t.Errorf("computed %d, want 6: what has too many values is not remembered", n)
	}
}

func TestDesk_EqualQuestionsAreComputedOnceAndFewAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReporter()
		r.wait = time.Second
		d := desk.New(r, desk.Options{AtOnce: 2})
		var people sync.WaitGroup
		for i := range 30 {
			people.Go(func() { mustAsk(t, d, i%5) })
		}
		people.Wait()
		if n := r.answers.Load(); n != 5 {
			t.Errorf("five questions, each asked six times, were computed %d times", n)
		}
		if n := r.most.Load(); n != 2 {
			t.Errorf("%d at once, want 2", n)
		}
	})
}

func TestDesk_WhoGoesDoesNotTakeTheAnswerFromOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReporter()
		r.wait = time.Second
		d := desk.New(r, desk.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan error, 1)
		go func() {
			_, err := d.Ask(ctx, report.Request{Report: report.Trend})
			gone <- err
		}()
		synctest.Wait()
		second := make(chan error, 1)
		go func() {
			_, err := d.Ask(t.Context(), report.Request{Report: report.Trend})
			second <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Errorf("who went got %v", err)
		}
		if err := <-second; err != nil {
			t.Errorf("who stayed got %v", err)
		}
	})
}

func TestDesk_JobsShareTheMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReporter()
		r.wait = time.Minute
		d := desk.New(r, desk.Options{Jobs: jobs.Options{Waiting: 2}})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- d.Run(ctx) }()
		req := report.Request{Report: report.Hotspots, Scan: true}
		j, err := d.Submit(req)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if again, err := d.Submit(req); err != nil || again.ID != j.ID {
			t.Errorf("the same question is the job %s, %v, want %s", again.ID, err, j.ID)
		}
		for i := range 2 {
			if _, err := d.Submit(report.Request{Report: report.Hotspots, Top: i + 1}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := d.Submit(report.Request{Report: report.Hotspots, Top: 9}); !errors.Is(err, jobs.ErrFull) {
			t.Errorf("a third one that waits: %v, want ErrFull", err)
		}
		if j, _ = d.Job(j.ID); j.State != jobs.Running || j.Progress.Total != 2 {
			t.Errorf("the job is %+v", j)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if j, _ = d.Job(j.ID); j.State != jobs.Done {
			t.Errorf("the job is %s", j.State)
		}
		if got, err := d.Ask(t.Context(), req); err != nil || got != j.Result {
			t.Errorf("asked at once the answer is another one: %v", err)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if n := len(d.Jobs()); n != 3 {
			t.Errorf("%d jobs are known, want 3", n)
		}
	})
}

func TestDesk_CancelEndsAJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReporter()
		r.wait = time.Hour
		d := desk.New(r, desk.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- d.Run(ctx) }()
		j, err := d.Submit(report.Request{Report: report.Hotspots, Scan: true})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if _, err := d.Cancel(j.ID); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if j, _ = d.Job(j.ID); j.State != jobs.Cancelled || r.answers.Load() != 0 {
			t.Errorf("the job is %s with %d answers", j.State, r.answers.Load())
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestDesk_MayBeUsedByMany(t *testing.T) {
	r := newReporter()
	d := desk.New(r, desk.Options{Remember: 3})
	var people sync.WaitGroup
	for i := range 8 {
		people.Go(func() {
			for k := range 50 {
				if k == 25 {
					r.state.Store(fmt.Sprint(i))
				}
				mustAsk(t, d, k%6)
			}
		})
	}
	people.Wait()
}

// clockwork is a schedule that runs until it is told to end, or fails.
type clockwork struct{ fails chan error }

func (c clockwork) Run(ctx context.Context) error {
	select {
	case err := <-c.fails:
		return err
	case <-ctx.Done():
		return nil
	}
}

func TestDesk_RunsItsScheduleUntilItEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clockwork{make(chan error)}
		d := desk.New(newReporter(), desk.Options{Schedule: c})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- d.Run(ctx) }()
		synctest.Wait()
		select {
		case err := <-ended:
			t.Fatalf("Run ended by itself with %v", err)
		default:
		}
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run ended with %v", err)
		}
		go func() { ended <- d.Run(t.Context()) }()
		c.fails <- errors.New("the clock stands still")
		if err := <-ended; err == nil || err.Error() != "the clock stands still" {
			t.Errorf("Run ended with %v, want what went wrong with the schedule", err)
		}
	})
}
