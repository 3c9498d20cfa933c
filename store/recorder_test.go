package store_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
	"github.com/urbangrid/urbangrid/stream"
)

var _ store.Journal = (*stream.Journal)(nil)

// journal is a store.Journal that the test feeds.
type journal struct {
	entries chan stream.Entry
	after   chan uint64
	end     chan error
}

func newJournal() *journal {
	return &journal{entries: make(chan stream.Entry), after: make(chan uint64, 1), end: make(chan error)}
}

func (j *journal) Identity() string { return "journal-1" }

func (j *journal) Follow(ctx context.Context, after uint64, out chan<- stream.Entry) error {
	j.after <- after
	for {
		select {
		case e := <-j.entries:
			select {
			case out <- e:
			case <-ctx.Done():
				return ctx.Err()
			}
		case err := <-j.end:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// series notes what is written to it and fails as told.
type series struct {
	store.Series
	mu     sync.Mutex // guards what follows
	saved  uint64
	writes [][]uint64
	count  int
	fail   func(attempt int) error
	tries  []time.Time
	halfOf bool // a failing write is durable all the same
}

func (s *series) Position(_ context.Context, journal string) (store.Position, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return store.Position{Journal: journal, Seq: s.saved}, nil
}

func (s *series) Write(ctx context.Context, to store.Position, entries []store.Entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tries = append(s.tries, time.Now())
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var err error
	if s.fail != nil {
		err = s.fail(len(s.tries))
	}
	if err != nil && !s.halfOf {
		return err
	}
	var seqs []uint64
	for _, e := range entries {
		seqs = append(seqs, e.Seq)
		s.count += len(e.Observations)
	}
	s.writes = append(s.writes, seqs)
	s.saved = to.Seq
	return err
}

func (s *series) written() [][]uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.writes)
}

func entry(seq uint64, count int) stream.Entry {
	e := stream.Entry{Seq: seq, At: time.Now()}
	for i := range count {
		e.Observations = append(e.Observations, grid.Placed{Observation: sensors.Observation{
			Device: sensors.DeviceID(fmt.Sprint("d", i)), Kind: "noise", Value: 1, At: time.Now().UTC(),
		}})
	}
	return e
}

// running starts a recorder and returns it with a function that ends it and
// returns what Run returned.
func running(t *testing.T, s store.Series, j store.Journal, opts store.RecorderOptions) (*store.Recorder, func() error) {
	t.Helper()
	r, err := store.NewRecorder(s, j, opts)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	return r, func() error {
		cancel()
		return <-done
	}
}

func TestRecorder_WritesAfterMaxWaitAndAtMaxObservations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, j := &series{saved: 7}, newJournal()
		r, end := running(t, s, j, store.RecorderOptions{MaxObservations: 10, MaxWait: time.Second})
		if after := <-j.after; after != 7 {
			t.Errorf("followed after %d, want the saved position 7", after)
		}
		j.entries <- entry(8, 3)
		time.Sleep(900 * time.Millisecond)
		j.entries <- entry(9, 3)
		synctest.Wait()
		if got := s.written(); len(got) != 0 {
			t.Errorf("written %v before MaxWait, want nothing", got)
		}
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		j.entries <- entry(10, 4)
		j.entries <- entry(12, 6)
		synctest.Wait()
		if got, want := fmt.Sprint(s.written()), "[[8 9] [10 12]]"; got != want {
			t.Errorf("written %s, want %s", got, want)
		}
		if got := r.Progress(); got.Seq != 12 || got.Observations != 16 || !got.WrittenAt.Equal(time.Now()) {
			t.Errorf("progress %+v, want seq 12 with 16 observations now", got)
		}
		if err := end(); err != nil {
			t.Error(err)
		}
	})
}

func TestRecorder_WritesWhatItHoldsWhenCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, j := &series{}, newJournal()
		var told []store.Progress
		_, end := running(t, s, j, store.RecorderOptions{OnWritten: func(p store.Progress) { told = append(told, p) }})
		j.entries <- entry(1, 2)
		j.entries <- entry(2, 0)
		synctest.Wait()
		if err := end(); err != nil {
			t.Error(err)
		}
		if got, want := fmt.Sprint(s.written()), "[[1 2]]"; got != want {
			t.Errorf("written %s, want %s", got, want)
		}
		if len(told) != 1 || told[0].Seq != 2 {
			t.Errorf("told %+v, want seq 2", told)
		}
	})
}

func TestRecorder_WaitsForAStoreThatIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		away := true
		s, j := &series{}, newJournal()
		s.fail = func(int) error {
			if away {
				return fmt.Errorf("dial: %w", store.ErrUnavailable)
			}
			return nil
		}
		r, end := running(t, s, j, store.RecorderOptions{MaxObservations: 1, MaxBackoff: 8 * time.Second})
		j.entries <- entry(1, 1)
		time.Sleep(time.Hour)
		synctest.Wait()
		s.mu.Lock()
		tries := slices.Clone(s.tries)
		away = false
		s.mu.Unlock()
		if len(tries) < 450 {
			t.Errorf("%d attempts in an hour, want at least one every 8s", len(tries))
		}
		if first, later := tries[1].Sub(tries[0]), tries[20].Sub(tries[19]); first > 100*time.Millisecond || later < 4*time.Second {
			t.Errorf("pauses %s and %s, want them to grow to between 4s and 8s", first, later)
		}
		time.Sleep(8 * time.Second)
		synctest.Wait()
		if got := r.Progress().Seq; got != 1 {
			t.Errorf("progress %d after the store came back, want 1", got)
		}
		if err := end(); err != nil {
			t.Error(err)
		}
	})
}

func TestRecorder_WaitsAsLongAsTheStoreAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, j := &series{}, newJournal()
		s.fail = func(attempt int) error {
			switch attempt {
			case 1:
				return fmt.Errorf("write: %w", &store.Away{After: 90 * time.Second, Err: errors.New("too many requests")})
			case 2:
				return &store.Away{After: 48 * time.Hour, Err: errors.New("a proxy's mistake")}
			}
			return nil
		}
		r, end := running(t, s, j, store.RecorderOptions{MaxObservations: 1})
		j.entries <- entry(1, 1)
		time.Sleep(time.Hour)
		synctest.Wait()
		s.mu.Lock()
		tries := slices.Clone(s.tries)
		s.mu.Unlock()
		if len(tries) != 3 || tries[1].Sub(tries[0]) != 90*time.Second || tries[2].Sub(tries[1]) != 15*time.Minute {
			t.Errorf("attempts at %v, want the second 90s after the first and the third 15min later", tries)
		}
		if got := r.Progress().Seq; got != 1 {
			t.Errorf("progress %d, want 1", got)
		}
		if err := end(); err != nil {
			t.Error(err)
		}
	})
}

func TestRecorder_AsksHowFarItCameAfterAFailedWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, j := &series{halfOf: true}, newJournal()
		s.fail = func(attempt int) error {
			if attempt == 1 {
				return fmt.Errorf("answer lost: %w", store.ErrUnavailable)
			}
			return nil
		}
		r, end := running(t, s, j, store.RecorderOptions{MaxObservations: 1})
		j.entries <- entry(1, 5)
		time.Sleep(time.Minute)
		synctest.Wait()
		if got, want := fmt.Sprint(s.written()), "[[1]]"; got != want || s.count != 5 {
			t.Errorf("written %s with %d observations, want %s with 5", got, s.count, want)
		}
		if got := r.Progress(); got.Seq != 1 {
			t.Errorf("progress %+v, want seq 1", got)
		}
		if err := end(); err != nil {
			t.Error(err)
		}
	})
}

func TestRecorder_EndsWhenTheStoreRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := errors.New("disk is read-only")
		s, j := &series{fail: func(int) error { return refused }}, newJournal()
		r, err := store.NewRecorder(s, j, store.RecorderOptions{MaxObservations: 1})
		if err != nil {
			t.Fatal(err)
		}
		go func() { j.entries <- entry(1, 1) }()
		if err := r.Run(t.Context()); !errors.Is(err, refused) {
			t.Errorf("Run returned %v, want %v", err, refused)
		}
	})
}

func TestRecorder_WritesWhatCameBeforeTheJournalFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("journal is broken")
		s, j := &series{}, newJournal()
		r, err := store.NewRecorder(s, j, store.RecorderOptions{})
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			j.entries <- entry(1, 1)
			j.end <- broken
		}()
		if err := r.Run(t.Context()); !errors.Is(err, broken) {
			t.Errorf("Run returned %v, want %v", err, broken)
		}
		if got, want := fmt.Sprint(s.written()), "[[1]]"; got != want {
			t.Errorf("written %s, want %s", got, want)
		}
	})
}

func TestRecorder_LeavesOutAndCountsWhatNoStoreCanKeep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, j := &series{}, newJournal()
		registry := prometheus.NewPedanticRegistry()
		_, end := running(t, s, j, store.RecorderOptions{MaxObservations: 1, Registerer: registry})
		e := entry(1, 4)
		e.Observations[0].At = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
		e.Observations[1].Value = math.NaN()
		e.Observations[2].Value = math.Inf(1)
		j.entries <- e
		synctest.Wait()
		if s.count != 1 {
			t.Errorf("wrote %d observations, want 1", s.count)
		}
		got, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, family := range got {
			if family.GetName() != "urbangrid_store_observations_dropped_total" {
				continue
			}
			for _, m := range family.GetMetric() {
				reason := m.GetLabel()[0].GetValue()
				if want := map[string]float64{"time": 1, "value": 2}[reason]; m.GetCounter().GetValue() != want {
					t.Errorf("dropped for %s: %v, want %v", reason, m.GetCounter().GetValue(), want)
				}
			}
		}
		if err := end(); err != nil {
			t.Error(err)
		}
	})
}

func TestRecorder_MetricsFollowTheNamingRulesAndStartAtZero(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	if _, err := store.NewRecorder(&series{}, newJournal(), store.RecorderOptions{Registerer: registry}); err != nil {
		t.Fatal(err)
	}
	problems, err := testutil.GatherAndLint(registry)
	if err != nil || len(problems) != 0 {
		t.Errorf("lint: %v, %v", problems, err)
	}
	count, err := testutil.GatherAndCount(registry)
	if err != nil || count != 9 {
		t.Errorf("%d series before the first write, want 9 (%v)", count, err)
	}
	if _, err := store.NewRecorder(&series{}, newJournal(), store.RecorderOptions{Registerer: registry}); err == nil {
		t.Error("a second recorder on the same registry gave no error")
	}
}
