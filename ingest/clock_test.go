package ingest_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/urbangrid/urbangrid/ingest"
)

func TestClock_GivesNoTimeTwice(t *testing.T) {
	var clock ingest.Clock
	const workers, each = 4, 5000
	times := make([][]time.Time, workers)
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() {
			for range each {
				times[i] = append(times[i], clock.Now())
			}
		})
	}
	wg.Wait()
	seen := map[time.Time]bool{}
	for _, of := range times {
		for j, at := range of {
			if seen[at] || at.Truncate(time.Microsecond) != at || (j > 0 && !at.After(of[j-1])) {
				t.Fatalf("%v was told twice, is no whole microsecond or comes before %v", at, of[max(j-1, 0)])
			}
			seen[at] = true
		}
	}
}

func TestClock_KeepsToTheSystems(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var clock ingest.Clock
		began := time.Now()
		for range 10 {
			clock.Now()
		}
		time.Sleep(time.Second)
		if got, want := clock.Now(), began.Add(time.Second); !got.Equal(want) {
			t.Errorf("a second later it is %v, want %v", got, want)
		}
	})
}
