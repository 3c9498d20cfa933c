package simulator_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/urbangrid/urbangrid/simulator"
)

// publisherFunc is a Publisher.
type publisherFunc func(ctx context.Context, topic string, qos byte, payload []byte) error

func (f publisherFunc) Publish(ctx context.Context, topic string, qos byte, payload []byte) error {
	return f(ctx, topic, qos, payload)
}

func TestRun_PublishesAtThePaceOfTheStory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		city := simulator.New(1, simulator.Options{Rate: 100, Length: time.Minute})
		began := time.Now()
		perSecond := make(map[int]int)
		var stats simulator.Stats
		err := simulator.Run(t.Context(), city, publisherFunc(func(_ context.Context, _ string, qos byte, _ []byte) error {
			if qos != 1 {
				t.Errorf("published at QoS %d, want 1", qos)
			}
			perSecond[int(time.Since(began).Seconds())]++
			return nil
		}), simulator.RunOptions{QoS: 1, Stats: &stats})
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < 59*time.Second || took > time.Minute {
			t.Errorf("a story of one minute took %s", took)
		}
		for second := 1; second < 59; second++ {
			if n := perSecond[second]; n < 70 || n > 130 {
				t.Errorf("second %d has %d messages, want about 100", second, n)
			}
		}
		if stats.Skipped.Load() != 0 || stats.Observations.Load() < 5800 {
			t.Errorf("skipped %d, published %d; want 0 and about 6000", stats.Skipped.Load(), stats.Observations.Load())
		}
	})
}

func TestRun_DoesNotBurstAfterAStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		city := simulator.New(1, simulator.Options{Rate: 100, Length: time.Minute})
		var stats simulator.Stats
		var resumed time.Time
		atOnce := 0
		err := simulator.Run(t.Context(), city, publisherFunc(func(context.Context, string, byte, []byte) error {
			if resumed.IsZero() && stats.Messages.Load() == 1000 {
				time.Sleep(20 * time.Second) // the broker holds back
				resumed = time.Now()
			} else if !resumed.IsZero() && time.Since(resumed) < 10*time.Millisecond {
				atOnce++
			}
			return nil
		}), simulator.RunOptions{MaxLag: 2 * time.Second, Stats: &stats})
		if err != nil {
			t.Fatal(err)
		}
		if atOnce > 230 {
			t.Errorf("%d messages at once after the stall, want at most the 2 s of lag allowed", atOnce)
		}
		if n := stats.Skipped.Load(); n < 1600 || n > 2000 {
			t.Errorf("skipped %d observations, want about the 18 s that were too old", n)
		}
	})
}

func TestRun_EndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		began := time.Now()
		pub := publisherFunc(func(ctx context.Context, _ string, _ byte, _ []byte) error { return ctx.Err() })
		if err := simulator.Run(ctx, simulator.New(1, simulator.Options{}), pub, simulator.RunOptions{}); err != nil {
			t.Errorf("got %v, want nil", err)
		}
		if took := time.Since(began); took > 6*time.Second {
			t.Errorf("ended after %s, want 5 s", took)
		}
	})
}

func TestRun_ReturnsThePublishersError(t *testing.T) {
	broken := errors.New("broken")
	synctest.Test(t, func(t *testing.T) {
		pub := publisherFunc(func(context.Context, string, byte, []byte) error { return broken })
		err := simulator.Run(t.Context(), simulator.New(1, simulator.Options{}), pub, simulator.RunOptions{})
		if !errors.Is(err, broken) {
			t.Errorf("got %v, want the publisher's error", err)
		}
	})
}
