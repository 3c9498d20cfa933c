package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/store"
)

// entriesOf cuts observations into entries of about size, with gaps in Seq.
func entriesOf(observations []grid.Placed, size int) []store.Entry {
	var out []store.Entry
	for seq := uint64(1); len(observations) > 0; seq += 1 + seq%3 {
		n := min(size, len(observations))
		out = append(out, store.Entry{Seq: seq, Observations: observations[:n]})
		observations = observations[n:]
	}
	return out
}

// wantAll checks every answer that a double or a missing count would change.
func (f *fixture) wantAll(t *testing.T, observations []grid.Placed) {
	t.Helper()
	f.wantHeld(t, store.ObservationQuery{Limit: store.MaxObservations}, observations)
	for _, q := range places(t, "noise") {
		for i, every := range []time.Duration{10 * time.Second, time.Minute, time.Hour} {
			q.Every = every
			if q.To = start.Add(24 * time.Hour); every == 10*time.Second {
				q.To = start.Add(12 * time.Hour)
			}
			for _, agg := range []store.Aggregate{store.Count, aggregates[1+i]} {
				q.Agg = agg
				f.wantPoints(t, q, observations)
			}
		}
	}
}

func replayCountsOnce(t *testing.T, f *fixture) {
	day := someDay(4, 240)
	entries := entriesOf(day, 12)
	for k := 1; k <= len(entries); k += 3 {
		f.mustWrite(t, f.journal, entries[:k]) // all from the first again, one group
		if got, want := f.position(t, f.journal), entries[k-1].Seq; got != want {
			t.Fatalf("position %d, want %d", got, want)
		}
		f.reopen(t)
		if got, want := f.position(t, f.journal), entries[k-1].Seq; got != want {
			t.Fatalf("position %d after a restart, want %d", got, want)
		}
		for i := max(0, k-4); i < k; i++ { // one by one, all of them old
			f.mustWrite(t, f.journal, entries[i:i+1])
		}
		if got, want := f.position(t, f.journal), entries[k-1].Seq; got != want {
			t.Fatalf("position %d after old entries, want %d", got, want)
		}
	}
	f.mustWrite(t, f.journal, entries)
	f.wantAll(t, day)
}

func cutOffWriteCountsOnce(t *testing.T, f *fixture) {
	random := rand.New(rand.NewPCG(7, 7))
	day := someDay(5, 400)
	entries := entriesOf(day, 10)
	last := entries[len(entries)-1].Seq
	cut := 0
	for round := 0; f.position(t, f.journal) < last; round++ {
		saved := f.position(t, f.journal)
		var rest []store.Entry
		for _, e := range entries {
			// Now and then all that is old is offered once more.
			if e.Seq > saved || round%5 == 0 {
				rest = append(rest, e)
			}
		}
		rest = rest[:min(len(rest), 1+random.IntN(12))]
		ctx, cancel := context.WithCancel(context.Background())
		cutOff := func() bool { return true }
		if round < 40 {
			cutOff = time.AfterFunc(time.Duration(random.Int64N(int64(time.Millisecond)<<(1+random.IntN(7)))), cancel).Stop
		}
		err := f.s.Write(ctx, store.Position{Journal: f.journal, Seq: rest[len(rest)-1].Seq}, rest)
		cutOff()
		cancel()
		if err != nil {
			cut++
			if !errors.Is(err, context.Canceled) && !errors.Is(err, store.ErrUnavailable) {
				t.Logf("a write that was cut off: %v", err)
			}
		}
		if random.IntN(4) == 0 {
			f.reopen(t)
		}
	}
	t.Logf("%d writes were cut off", cut)
	f.wantAll(t, day)
}

func positionsPerJournal(t *testing.T, f *fixture) {
	if got := f.position(t, "fresh"); got != 0 {
		t.Fatalf("position of a journal that was never read is %d, want 0", got)
	}
	a, b := someDay(6, 50), someDay(7, 50)
	f.mustWrite(t, "a", entriesOf(a, 10))
	if got := f.position(t, "b"); got != 0 {
		t.Fatalf("position of b is %d after a write from a, want 0", got)
	}
	f.mustWrite(t, "b", entriesOf(b, 5)) // the same numbers, other observations
	f.mustWrite(t, "a", []store.Entry{{Seq: 100}})
	f.mustWrite(t, `quo"te\`, []store.Entry{{Seq: 1 << 40}})
	f.reopen(t)
	for journal, want := range map[string]uint64{"a": 100, "b": entriesOf(b, 5)[9].Seq, `quo"te\`: 1 << 40, "c": 0} {
		if got := f.position(t, journal); got != want {
			t.Errorf("position of %q is %d, want %d", journal, got, want)
		}
	}
	f.wantAll(t, append(append([]grid.Placed{}, a...), b...))
}

func readersWhileWriting(t *testing.T, f *fixture) {
	day := someDay(8, 320)
	entries := entriesOf(day, 40)
	ctx, cancel := context.WithCancel(contextFor(t))
	defer cancel()
	var wg sync.WaitGroup
	problems := make(chan error, 8)
	for reader := range 3 {
		wg.Go(func() {
			if err := readUntil(ctx, f.s, reader); err != nil {
				problems <- err
				cancel()
			}
		})
	}
	for i := range entries {
		f.mustWrite(t, f.journal, entries[i:i+1])
	}
	cancel()
	wg.Wait()
	close(problems)
	for err := range problems {
		t.Error(err)
	}
	f.wantAll(t, day)
}

// readUntil asks until ctx ends and checks that the count of the city never
// goes down and that all spans agree on it in the end.
func readUntil(ctx context.Context, s store.Series, reader int) error {
	var before float64
	for ctx.Err() == nil {
		q := store.Query{Kind: "noise", From: start, To: start.Add(24 * time.Hour), Every: []time.Duration{time.Minute, time.Hour, 24 * time.Hour}[reader], Agg: store.Count}
		lines, err := s.Points(ctx, q)
		if err == nil {
			var total float64
			for _, p := range lines[0].Points {
				total += p.Value
			}
			if total < before {
				return fmt.Errorf("reader %d: %v observations after %v", reader, total, before)
			}
			before = total
			_, _, err = s.Observations(ctx, store.ObservationQuery{Limit: 50})
		}
		if err == nil {
			_, err = s.Counts(ctx, time.Time{}, time.Time{})
		}
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("reader %d: %w", reader, err)
		}
	}
	return nil
}
