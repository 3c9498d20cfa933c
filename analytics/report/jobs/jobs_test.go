package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/urbangrid/urbangrid/analytics/report/jobs"
	"github.com/urbangrid/urbangrid/sensors"
)

var title = sensors.Names{ZH: "扫描", EN: "scan"}

// start runs q until the test ends.
func start[T any](t *testing.T, q *jobs.Queue[T]) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- q.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run ended with %v", err)
		}
	})
}

func answer(n int) jobs.Work[int] {
	return func(context.Context, func(jobs.Progress)) (int, error) { return n, nil }
}

// untilCancelled works until it is given up.
func untilCancelled(ctx context.Context, _ func(jobs.Progress)) (int, error) {
	<-ctx.Done()
	return 0, ctx.Err()
}

func mustSubmit(t *testing.T, q *jobs.Queue[int], key string, w jobs.Work[int]) jobs.Job[int] {
	t.Helper()
	j, err := q.Submit(key, title, w)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func mustJob(t *testing.T, q *jobs.Queue[int], id string) jobs.Job[int] {
	t.Helper()
	j, err := q.Job(id)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func TestQueue_RunsInOrderAndTellsHowFarItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := jobs.New[int](jobs.Options{})
		var order []int
		step, goOn := make(chan struct{}), make(chan struct{})
		first := mustSubmit(t, q, "a", func(_ context.Context, tell func(jobs.Progress)) (int, error) {
			order = append(order, 1)
			tell(jobs.Progress{Step: title, Done: 3, Total: 10})
			close(step)
			<-goOn
			return 42, nil
		})
		second := mustSubmit(t, q, "b", func(context.Context, func(jobs.Progress)) (int, error) { order = append(order, 2); return 0, nil })
		if first.State != jobs.Waiting {
			t.Errorf("before Run a job is %s", first.State)
		}
		start(t, q)
		<-step
		if j := mustJob(t, q, first.ID); j.State != jobs.Running || j.Progress != (jobs.Progress{Step: title, Done: 3, Total: 10}) {
			t.Errorf("the first is %+v, want running, 3 of 10", j)
		}
		if j := mustJob(t, q, second.ID); j.State != jobs.Waiting {
			t.Errorf("the second is %s while the first runs", j.State)
		}
		close(goOn)
		synctest.Wait()
		if j := mustJob(t, q, first.ID); j.State != jobs.Done || j.Result != 42 || j.EndedAt.IsZero() {
			t.Errorf("the first is %+v, want done with 42", j)
		}
		if !slices.Equal(order, []int{1, 2}) {
			t.Errorf("ran in the order %v", order)
		}
	})
}

func TestQueue_IsBounded(t *testing.T) {
	q := jobs.New[int](jobs.Options{Waiting: 3})
	for i := range 3 {
		mustSubmit(t, q, fmt.Sprint(i), answer(i))
	}
	if _, err := q.Submit("one more", title, answer(0)); !errors.Is(err, jobs.ErrFull) {
		t.Errorf("got %v, want ErrFull", err)
	}
	if j, err := q.Submit("1", title, answer(0)); err != nil || j.State != jobs.Waiting {
		t.Errorf("the same question again: got %+v, %v, want the job that waits", j, err)
	}
}

func TestQueue_CancelEndsWhatWaitsAndWhatRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := jobs.New[int](jobs.Options{})
		running, waiting := mustSubmit(t, q, "a", untilCancelled), mustSubmit(t, q, "b", answer(1))
		start(t, q)
		synctest.Wait()
		if j, err := q.Cancel(waiting.ID); err != nil || j.State != jobs.Cancelled {
			t.Errorf("one that waits: %+v, %v", j, err)
		}
		if _, err := q.Cancel(running.ID); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if j := mustJob(t, q, running.ID); j.State != jobs.Cancelled {
			t.Errorf("one that ran is %s", j.State)
		}
		if _, err := q.Cancel(running.ID); err != nil {
			t.Error(err)
		}
		if _, err := q.Job(running.ID); !errors.Is(err, jobs.ErrNotFound) {
			t.Errorf("one that was cancelled twice: got %v, want ErrNotFound", err)
		}
		again := mustSubmit(t, q, "a", answer(7))
		synctest.Wait()
		if j := mustJob(t, q, again.ID); j.Result != 7 {
			t.Errorf("the next one is %+v", j)
		}
	})
}

func TestQueue_KeepsAFewForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := jobs.New[int](jobs.Options{Kept: 2, KeepFor: time.Hour})
		start(t, q)
		var ids []string
		for i := range 3 {
			ids = append(ids, mustSubmit(t, q, fmt.Sprint(i), answer(i)).ID)
			synctest.Wait()
			time.Sleep(time.Minute)
		}
		if _, err := q.Job(ids[0]); !errors.Is(err, jobs.ErrNotFound) {
			t.Errorf("the oldest: got %v, want that it made room", err)
		}
		if got := q.List(); len(got) != 2 || got[0].ID != ids[2] {
			t.Errorf("kept %+v, want the newest two, the newest first", got)
		}
		time.Sleep(59 * time.Minute)
		if got := q.List(); len(got) != 1 || got[0].ID != ids[2] {
			t.Errorf("an hour later %+v are kept, want the last", got)
		}
	})
}

func TestQueue_AFailureStaysOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := jobs.New[int](jobs.Options{})
		start(t, q)
		cause := errors.New("no disk")
		failed := mustSubmit(t, q, "a", func(context.Context, func(jobs.Progress)) (int, error) { return 0, cause })
		panicked := mustSubmit(t, q, "b", func(context.Context, func(jobs.Progress)) (int, error) { panic("out of range") })
		after := mustSubmit(t, q, "c", answer(1))
		synctest.Wait()
		if j := mustJob(t, q, failed.ID); j.State != jobs.Failed || !errors.Is(j.Err, cause) {
			t.Errorf("got %+v", j)
		}
		if j := mustJob(t, q, panicked.ID); j.State != jobs.Failed || j.Err == nil {
			t.Errorf("a panic: got %+v", j)
		}
		if j := mustJob(t, q, after.ID); j.State != jobs.Done {
			t.Errorf("the next is %s", j.State)
		}
	})
}

func TestQueue_EndsWhatItHolds(t *testing.T) {
	q := jobs.New[int](jobs.Options{Workers: 2})
	ids := []string{mustSubmit(t, q, "a", untilCancelled).ID, mustSubmit(t, q, "b", untilCancelled).ID, mustSubmit(t, q, "c", answer(1)).ID}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := q.Run(ctx); err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		if j := mustJob(t, q, id); j.State != jobs.Cancelled {
			t.Errorf("job is %s after Run, want cancelled", j.State)
		}
	}
}

func TestQueue_MayBeUsedByMany(t *testing.T) {
	q := jobs.New[int](jobs.Options{Workers: 3, Waiting: 1000, Kept: 1000})
	start(t, q)
	var people sync.WaitGroup
	for i := range 8 {
		people.Go(func() {
			for k := range 20 {
				j, err := q.Submit(fmt.Sprint(i, k), title, func(_ context.Context, tell func(jobs.Progress)) (int, error) {
					tell(jobs.Progress{Done: 1})
					return k, nil
				})
				if err != nil {
					t.Error(err)
					return
				}
				if k%3 == 0 {
					_, _ = q.Cancel(j.ID) // it may have ended and been forgotten
				}
				q.List()
			}
		})
	}
	people.Wait()
}
