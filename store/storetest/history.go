package storetest

import (
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
	"pgregory.net/rapid"
)

// memory is for how long ingest remembers at the least: a repetition within it
// never reaches a store. It is longer than the age at which a store takes what
// comes for history, by more than a clock may be ahead.
const memory = store.DefaultHistoryAfter + time.Hour

// received returns p as it comes again that long after it was observed.
func received(p grid.Placed, age time.Duration) grid.Placed {
	p.Received = p.At.Add(age)
	return p
}

func historyCountsOnce(t *testing.T, f *fixture) {
	live := someDay(9, 120)
	events := make([]grid.Placed, 6)
	for i := range events { // of one device, kind and instant, told apart by their ID
		events[i] = observation(1, "noise", start.Add(7*time.Hour), float64(i))
		events[i].ID = string(rune('a' + i))
	}
	live = append(live, events...)
	backfill := someDay(10, 60)
	for i := range backfill { // a logger emptied after a week
		backfill[i].Device += "-logger"
		backfill[i] = received(backfill[i], 7*24*time.Hour)
	}
	f.write(t, live[:70])
	f.write(t, live[70:], backfill[:40])
	f.wantAll(t, f.held)

	// Weeks later the same files are replayed, twice in a row, in another order
	// and beside what is new. Devices have been moved, areas drawn anew.
	late := 30 * 24 * time.Hour
	fresh := backfill[40:]
	for i := range fresh {
		fresh[i] = received(fresh[i], late)
	}
	for round := range 2 {
		var replay []grid.Placed
		for i := range live {
			p := received(live[len(live)-1-i], late+time.Duration(round)*time.Hour)
			if i%3 == 0 {
				p.Cell, p.Area = cellAt(40), "310107099"
			}
			replay = append(replay, p)
		}
		for i := range backfill[:40] {
			replay = append(replay, received(backfill[i], late))
		}
		replay = append(replay, replay[5:15]...) // and twice within one entry
		entries := []store.Entry{{Seq: f.seq + 1, Observations: replay[:100]}, {Seq: f.seq + 2, Observations: replay[100:]}, {Seq: f.seq + 3}}
		if round == 0 {
			entries[2].Observations = fresh
			f.held = append(f.held, fresh...)
		} else {
			entries[2].Observations = append([]grid.Placed{}, entries[0].Observations...) // the same in two entries of one write
		}
		f.seq += 3
		f.mustWrite(t, f.journal, entries)
		f.wantAll(t, f.held)
		f.mustWrite(t, f.journal, entries) // offered again
		if round == 0 {
			f.reopen(t)
		}
	}
	f.wantAll(t, f.held)
}

// repetitionDoesNotMatter plays a journal as ingest writes it: any observation
// may come any number of times, after any delay, in any order. What ingest has
// seen within its memory it leaves out; the store must see to the rest.
func repetitionDoesNotMatter(t *testing.T, f *fixture) {
	run := 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		kind := "again_" + time.Duration(run).String()
		observations := drawObservations(t, kind)
		var deliveries []grid.Placed
		for _, p := range observations {
			for range rapid.IntRange(1, 3).Draw(t, "times") {
				deliveries = append(deliveries, p)
			}
		}
		deliveries = rapid.Permutation(deliveries).Draw(t, "order")
		journal := "again-" + kind
		now := start.Add(time.Hour)
		seen := make(map[int]time.Time)
		var entries []store.Entry
		batch := []grid.Placed{}
		for i, p := range deliveries {
			now = now.Add(rapid.SampledFrom([]time.Duration{0, 0, time.Second, time.Hour, 11 * time.Hour, 14 * time.Hour, 30 * 24 * time.Hour}).Draw(t, "gap"))
			n := numberOf(observations, p)
			if last, ok := seen[n]; !ok || now.Sub(last) >= memory {
				seen[n] = now
				batch = append(batch, received(p, now.Sub(p.At)))
			}
			if i == len(deliveries)-1 || rapid.IntRange(0, 5).Draw(t, "cut") == 0 {
				entries = append(entries, store.Entry{Seq: uint64(i + 1), Observations: batch})
				batch = nil
			}
			if i == len(deliveries)-1 || len(entries) > 0 && rapid.IntRange(0, 3).Draw(t, "write") == 0 {
				if len(batch) > 0 {
					entries = append(entries, store.Entry{Seq: uint64(i + 1), Observations: batch})
					batch = nil
				}
				f.mustWrite(t, journal, entries)
				entries = nil
			}
		}
		for i, every := range []time.Duration{10 * time.Second, time.Minute, time.Hour} {
			q := places(t, kind)[(run+i)%4]
			q.Agg, q.Every, q.To = aggregates[(i+run)%len(aggregates)], every, start.Add(time.Hour)
			f.wantPoints(t, q, observations)
		}
		held := f.observations(t, store.ObservationQuery{Kind: sensors.KindKey(kind), From: start, To: start.Add(time.Hour), Limit: 500})
		if len(held) != len(observations) {
			t.Fatalf("%d observations are held, want %d", len(held), len(observations))
		}
	})
}

// drawObservations returns different observations, some of them of one device
// and instant and told apart by their ID.
func drawObservations(t *rapid.T, kind string) []grid.Placed {
	out := make([]grid.Placed, rapid.IntRange(1, 25).Draw(t, "count"))
	for i := range out {
		at := start.Add(time.Duration(rapid.IntRange(0, 200).Draw(t, "second")) * time.Second)
		out[i] = observation(rapid.IntRange(0, 3).Draw(t, "device"), kind, at, float64(rapid.IntRange(-8, 8).Draw(t, "value"))/4)
		if rapid.Bool().Draw(t, "has ID") {
			out[i].ID = string(rune('a' + i))
		} else {
			out[i].At = at.Add(time.Duration(i) * time.Microsecond)
		}
	}
	return out
}

// numberOf returns which of the observations p is.
func numberOf(observations []grid.Placed, p grid.Placed) int {
	for i := range observations {
		if observations[i].Device == p.Device && observations[i].At.Equal(p.At) && observations[i].ID == p.ID {
			return i
		}
	}
	return -1
}

func usageIsTold(t *testing.T, f *fixture) {
	u, err := f.s.Usage(contextFor(t))
	if err != nil {
		t.Fatal(err)
	}
	if u.Observations != 0 || !u.Oldest.IsZero() || !u.Newest.IsZero() {
		t.Errorf("usage of an empty store is %+v", u)
	}
	day := someDay(11, 200)
	f.write(t, day)
	u, err = f.s.Usage(contextFor(t))
	if err != nil {
		t.Fatal(err)
	}
	oldest, newest := day[0].At, day[0].At
	for _, p := range day {
		if p.At.Before(oldest) {
			oldest = p.At
		}
		if p.At.After(newest) {
			newest = p.At
		}
	}
	if u.Observations != 200 || !u.Oldest.Equal(oldest) || !u.Newest.Equal(newest) {
		t.Errorf("usage is %+v, want 200 observations from %s to %s", u, oldest, newest)
	}
	if u.Bytes <= 0 && u.Note == "" {
		t.Errorf("usage is %+v, want a size or a word why not", u)
	}
	if u.Retention != u.Retention.WithDefaults() {
		t.Errorf("retention of usage is %+v, want the one that holds", u.Retention)
	}
}
