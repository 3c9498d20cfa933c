// Package jobs runs what takes longer than somebody waits for: a bounded queue,
// how far each job has come, a way to give it up, and a bounded memory of
// results.
package jobs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/urbangrid/urbangrid/sensors"
)

// The errors of a Queue.
var (
	// ErrFull says that as many jobs wait as may: come again when one has ended.
	ErrFull = errors.New("too many jobs are waiting")
	// ErrNotFound says that there is no such job, or no longer.
	ErrNotFound = errors.New("no such job")
)

// State is where a job is in its life.
type State string

// The states of a job.
const (
	Waiting   State = "waiting"
	Running   State = "running"
	Done      State = "done"
	Failed    State = "failed"
	Cancelled State = "cancelled"
)

// Ended reports whether the state is the last of a job.
func (s State) Ended() bool { return s == Done || s == Failed || s == Cancelled }

// Progress is how far a job has come: Done of Total parts of what Step names.
// Total 0 means that nobody knows.
type Progress struct {
	Step  sensors.Names
	Done  int
	Total int
}

// Work is what a job does. It returns soon after ctx ends. tell may be called
// from one goroutine at a time, as often as one likes.
type Work[T any] func(ctx context.Context, tell func(Progress)) (T, error)

// Job is how a job stands.
type Job[T any] struct {
	ID        string
	Title     sensors.Names
	State     State
	Progress  Progress
	CreatedAt time.Time
	StartedAt time.Time // zero while it waits
	EndedAt   time.Time // zero until it has ended
	Result    T         // of a job that is Done
	Err       error     // of a job that Failed
}

// Options tune a Queue.
type Options struct {
	Workers int              // jobs that run at once; 0 means 1
	Waiting int              // jobs that may wait; 0 means 16
	Kept    int              // ended jobs that are kept; 0 means 32
	KeepFor time.Duration    // how long they are kept; 0 means 1h
	Now     func() time.Time // nil means time.Now
}

// Queue runs jobs in the order in which they came. When Options.Waiting jobs wait,
// another is refused with ErrFull. The newest Options.Kept ended jobs are kept for
// Options.KeepFor with their results; older ones make room. Nothing survives the
// process. It is safe for concurrent use.
type Queue[T any] struct {
	opts Options
	wake chan struct{} // holds something when a worker should look

	mu      sync.Mutex  // guards what follows
	waiting []*entry[T] // the next to run first
	running []*entry[T]
	ended   []*entry[T] // the one that ended first comes first
}

type entry[T any] struct {
	key    string
	job    Job[T]
	work   Work[T]
	cancel context.CancelFunc // of a running one
	gone   bool               // somebody gave it up while it ran
}

// New returns a Queue that takes jobs in, and runs none before Run.
func New[T any](opts Options) *Queue[T] {
	if opts.Workers == 0 {
		opts.Workers = 1
	}
	if opts.Waiting == 0 {
		opts.Waiting = 16
	}
	if opts.Kept == 0 {
		opts.Kept = 32
	}
	if opts.KeepFor == 0 {
		opts.KeepFor = time.Hour
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	return &Queue[T]{opts: opts, wake: make(chan struct{}, 1)}
}

// Submit takes a job in and returns how it stands. While one with the same key
// waits or runs, that one is returned instead. Errors: ErrFull.
func (q *Queue[T]) Submit(key string, title sensors.Names, work Work[T]) (Job[T], error) {
	job, err := q.submit(key, title, work)
	if err == nil {
		q.call()
	}
	return job, err
}

func (q *Queue[T]) submit(key string, title sensors.Names, work Work[T]) (Job[T], error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, list := range [][]*entry[T]{q.running, q.waiting} {
		for _, e := range list {
			if e.key == key && !e.gone {
				return e.job, nil
			}
		}
	}
	if len(q.waiting) >= q.opts.Waiting {
		return Job[T]{}, fmt.Errorf("%w: %d of %d", ErrFull, len(q.waiting), q.opts.Waiting)
	}
	id, err := uuid.NewRandom()
	if err != nil {
		return Job[T]{}, fmt.Errorf("name a job: %w", err)
	}
	e := &entry[T]{key: key, work: work, job: Job[T]{ID: id.String(), Title: title, State: Waiting, CreatedAt: q.opts.Now().UTC()}}
	q.waiting = append(q.waiting, e)
	return e.job, nil
}

// call makes a worker look.
func (q *Queue[T]) call() {
	select {
	case q.wake <- struct{}{}:
	default: // one will look anyway
	}
}

// Job returns how a job stands. Errors: ErrNotFound.
func (q *Queue[T]) Job(id string) (Job[T], error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.forget()
	for _, list := range [][]*entry[T]{q.waiting, q.running, q.ended} {
		for _, e := range list {
			if e.job.ID == id {
				return e.job, nil
			}
		}
	}
	return Job[T]{}, fmt.Errorf("job %q: %w", id, ErrNotFound)
}

// List returns all jobs that are known, the newest first.
func (q *Queue[T]) List() []Job[T] {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.forget()
	var out []Job[T]
	for _, list := range [][]*entry[T]{q.ended, q.running, q.waiting} {
		for _, e := range list {
			out = append(out, e.job)
		}
	}
	slices.SortStableFunc(out, func(a, b Job[T]) int { return b.CreatedAt.Compare(a.CreatedAt) })
	return out
}

// Cancel gives up a job that waits or runs, and forgets one that has ended. What
// runs is Cancelled when its work has returned. It returns how the job stands
// then. Errors: ErrNotFound.
func (q *Queue[T]) Cancel(id string) (Job[T], error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	byID := func(e *entry[T]) bool { return e.job.ID == id }
	if i := slices.IndexFunc(q.waiting, byID); i >= 0 {
		e := q.waiting[i]
		q.waiting = slices.Delete(q.waiting, i, i+1)
		q.end(e, Cancelled)
		return e.job, nil
	}
	if i := slices.IndexFunc(q.running, byID); i >= 0 {
		e := q.running[i]
		e.gone = true
		e.cancel()
		return e.job, nil
	}
	if i := slices.IndexFunc(q.ended, byID); i >= 0 {
		e := q.ended[i]
		q.ended = slices.Delete(q.ended, i, i+1)
		return e.job, nil
	}
	return Job[T]{}, fmt.Errorf("job %q: %w", id, ErrNotFound)
}

// Run runs jobs until ctx ends. Then it gives up those that run, takes those that
// wait off the queue, and returns when all work has returned.
func (q *Queue[T]) Run(ctx context.Context) error {
	var workers sync.WaitGroup
	for range q.opts.Workers {
		workers.Go(func() { q.serve(ctx) })
	}
	workers.Wait()
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, e := range q.waiting {
		q.end(e, Cancelled)
	}
	q.waiting = nil
	return nil
}

func (q *Queue[T]) serve(ctx context.Context) {
	for {
		if ctx.Err() != nil {
			return
		}
		e, jobCtx, more := q.take(ctx)
		if more {
			q.call() // another worker may be asleep
		}
		if e != nil {
			q.perform(jobCtx, e)
			continue
		}
		select {
		case <-q.wake:
		case <-ctx.Done():
			return
		}
	}
}

// take starts the job that has waited for the longest, nil when none waits.
func (q *Queue[T]) take(ctx context.Context) (e *entry[T], jobCtx context.Context, more bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		return nil, nil, false
	}
	e = q.waiting[0]
	q.waiting = slices.Delete(q.waiting, 0, 1)
	q.running = append(q.running, e)
	jobCtx, e.cancel = context.WithCancel(ctx)
	e.job.State, e.job.StartedAt = Running, q.opts.Now().UTC()
	return e, jobCtx, len(q.waiting) > 0
}

func (q *Queue[T]) perform(ctx context.Context, e *entry[T]) {
	defer e.cancel()
	result, err := q.guarded(ctx, e)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.running = slices.DeleteFunc(q.running, func(o *entry[T]) bool { return o == e })
	switch {
	case err == nil && !e.gone:
		e.job.Result = result
		q.end(e, Done)
	case e.gone || ctx.Err() != nil:
		q.end(e, Cancelled)
	default:
		e.job.Err = err
		q.end(e, Failed)
	}
}

// guarded does the work. A panic in one report must not take the server with it:
// it becomes an error.
func (q *Queue[T]) guarded(ctx context.Context, e *entry[T]) (result T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("job %s panicked: %v", e.job.ID, p)
		}
	}()
	return e.work(ctx, func(p Progress) {
		q.mu.Lock()
		defer q.mu.Unlock()
		e.job.Progress = p
	})
}

// end puts a job with those that have ended. The caller holds mu.
func (q *Queue[T]) end(e *entry[T], s State) {
	e.work = nil
	e.job.State, e.job.EndedAt = s, q.opts.Now().UTC()
	q.ended = append(q.ended, e)
	q.forget()
}

// forget lets go of ended jobs that are too many or too old. The caller holds mu.
func (q *Queue[T]) forget() {
	oldest := q.opts.Now().Add(-q.opts.KeepFor)
	q.ended = slices.DeleteFunc(q.ended, func(e *entry[T]) bool { return e.job.EndedAt.Before(oldest) })
	if n := len(q.ended) - q.opts.Kept; n > 0 {
		q.ended = slices.Delete(q.ended, 0, n)
	}
}
