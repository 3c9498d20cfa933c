package stream_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/stream"
)

func openBus(t *testing.T, dir string, opts stream.Options) *stream.Bus {
	t.Helper()
	opts.Dir = dir
	b, err := stream.Open(t.Context(), "embedded:", opts)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func openJournal(t *testing.T, b *stream.Bus) *stream.Journal {
	t.Helper()
	j, err := b.Journal(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func one(device string) []grid.Placed {
	return []grid.Placed{{Observation: sensors.Observation{
		Device: sensors.DeviceID(device), Kind: "noise", Value: 1,
		At: time.UnixMicro(1).UTC(), Received: time.UnixMicro(2).UTC(),
	}}}
}

func entryOf(obs []grid.Placed) stream.Entry { return stream.Entry{Observations: obs} }

func appendOne(t *testing.T, j *stream.Journal, device string) uint64 {
	t.Helper()
	seq, err := j.Append(t.Context(), stream.NewName(), entryOf(one(device)))
	if err != nil {
		t.Fatal(err)
	}
	return seq
}

// read returns the devices of the n entries after the given number.
func read(t *testing.T, j *stream.Journal, after uint64, n int) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out := make(chan stream.Entry)
	ended := make(chan error, 1)
	go func() { ended <- j.Follow(ctx, after, out) }()
	var got []string
	for len(got) < n {
		select {
		case e := <-out:
			got = append(got, fmt.Sprintf("%d:%s", e.Seq, e.Observations[0].Device))
		case err := <-ended:
			t.Fatalf("follow ended after %v: %v", got, err)
		}
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Fatalf("follow returned %v after cancel, want context.Canceled", err)
	}
	return got
}

func TestJournal_KeepsEntriesAndIdentityAcrossARestart(t *testing.T) {
	dir := t.TempDir()
	b := openBus(t, dir, stream.Options{})
	j := openJournal(t, b)
	for _, d := range []string{"a", "b", "c"} {
		appendOne(t, j, d)
	}
	identity := j.Identity()
	b.Close()

	b = openBus(t, dir, stream.Options{})
	defer b.Close()
	j = openJournal(t, b)
	if j.Identity() != identity || identity == "" {
		t.Errorf("identity after restart %q, want %q", j.Identity(), identity)
	}
	if got, want := fmt.Sprint(read(t, j, 1, 2)), "[2:b 3:c]"; got != want {
		t.Errorf("entries after 1: %s, want %s", got, want)
	}
}

func TestJournal_CommitsTheSameNameOnce(t *testing.T) {
	b := openBus(t, t.TempDir(), stream.Options{})
	defer b.Close()
	j := openJournal(t, b)
	name := stream.NewName()
	for range 2 {
		if _, err := j.Append(t.Context(), name, entryOf(one("a"))); err != nil {
			t.Fatal(err)
		}
	}
	if last, err := j.Last(t.Context()); err != nil || last != 1 {
		t.Errorf("after appending one name twice last is %d (%v), want 1", last, err)
	}
}

// TestJournal_MayBeLargerThanTheDisk opens one whose bound no disk can hold: what is free
// at a start says nothing about what may be needed.
func TestJournal_MayBeLargerThanTheDisk(t *testing.T) {
	dir := t.TempDir()
	for range 2 {
		b := openBus(t, dir, stream.Options{JournalMaxBytes: 1 << 50})
		appendOne(t, openJournal(t, b), "a")
		b.Close()
	}
}

func TestJournal_SaysWhenItIsFullAndTakesInAgainAfterTrim(t *testing.T) {
	b := openBus(t, t.TempDir(), stream.Options{JournalMaxBytes: 2000})
	defer b.Close()
	j := openJournal(t, b)
	var last uint64
	var err error
	for err == nil {
		var seq uint64
		if seq, err = j.Append(t.Context(), stream.NewName(), entryOf(one("a"))); err == nil {
			last = seq
		}
	}
	if !errors.Is(err, stream.ErrFull) {
		t.Fatalf("a journal of 2,000 bytes answered %v, want ErrFull", err)
	}
	if err := j.Trim(t.Context(), last-1); err != nil {
		t.Fatal(err)
	}
	seq := appendOne(t, j, "b")
	if got, want := fmt.Sprint(read(t, j, 0, 2)), fmt.Sprintf("[%d:a %d:b]", last, seq); got != want {
		t.Errorf("after trim %s, want %s", got, want)
	}
}

func TestJournal_FindsTheEntryBeforeATime(t *testing.T) {
	b := openBus(t, t.TempDir(), stream.Options{})
	defer b.Close()
	j := openJournal(t, b)
	if seq, err := j.SeqAt(t.Context(), time.Now()); err != nil || seq != 0 {
		t.Errorf("empty journal: %d, %v, want 0", seq, err)
	}
	before := time.Now()
	appendOne(t, j, "a")
	appendOne(t, j, "b")
	between := time.Now()
	appendOne(t, j, "c")
	for _, c := range []struct {
		name string
		at   time.Time
		want uint64
	}{{"before all", before, 0}, {"between", between, 2}, {"after all", time.Now(), 3}} {
		if seq, err := j.SeqAt(t.Context(), c.at); err != nil || seq != c.want {
			t.Errorf("%s: %d (%v), want %d", c.name, seq, err, c.want)
		}
	}
}

func TestJournal_FollowerSeesWhatIsCommittedWhileItWaits(t *testing.T) {
	b := openBus(t, t.TempDir(), stream.Options{})
	defer b.Close()
	j := openJournal(t, b)
	out := make(chan stream.Entry)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- j.Follow(ctx, 0, out) }()
	for _, d := range []string{"a", "b"} {
		seq := appendOne(t, j, d)
		if e := <-out; e.Seq != seq || string(e.Observations[0].Device) != d {
			t.Errorf("got %d %s, want %d %s", e.Seq, e.Observations[0].Device, seq, d)
		}
	}
	cancel()
	<-ended
}

func TestLog_GoesOnAcrossARestart(t *testing.T) {
	dir := t.TempDir()
	b := openBus(t, dir, stream.Options{})
	l, err := b.Log(t.Context(), "alerts")
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"x:1", "x:1", "x:2"} {
		if _, err := l.Publish(t.Context(), id, []byte(id)); err != nil {
			t.Fatal(err)
		}
	}
	epoch := l.Epoch()
	b.Close()

	b = openBus(t, dir, stream.Options{})
	defer b.Close()
	if l, err = b.Log(t.Context(), "alerts"); err != nil {
		t.Fatal(err)
	}
	if last, err := l.Last(t.Context()); err != nil || last != 2 || l.Epoch() != epoch {
		t.Errorf("after restart last %d (%v) epoch %q, want 2 and %q", last, err, l.Epoch(), epoch)
	}
	out := make(chan stream.Event)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- l.Follow(ctx, 1, out) }()
	if e := <-out; e.Seq != 2 || string(e.Payload) != "x:2" {
		t.Errorf("after 1 comes %d %q, want 2 x:2", e.Seq, e.Payload)
	}
	cancel()
	<-ended
}

// More than a follower holds at once, in number and in bytes.
func TestLog_FollowersReadMoreThanTheyHold(t *testing.T) {
	b := openBus(t, t.TempDir(), stream.Options{})
	defer b.Close()
	l, err := b.Log(t.Context(), "alerts")
	if err != nil {
		t.Fatal(err)
	}
	const large, small = 60, 5000
	for i := range large + small {
		size := 1
		if i < large {
			size = 500 << 10
		}
		if _, err := l.Publish(t.Context(), strconv.Itoa(i), make([]byte, size)); err != nil {
			t.Fatal(err)
		}
	}
	out := make(chan stream.Event)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- l.Follow(ctx, 0, out) }()
	for want := uint64(1); want <= large+small; want++ {
		select {
		case e := <-out:
			if e.Seq != want {
				t.Fatalf("got event %d, want %d", e.Seq, want)
			}
		case err := <-ended:
			t.Fatalf("before event %d: %v", want, err)
		}
	}
	cancel()
	<-ended
}

func TestOpen_SaysWhatIsWrongWithTheURL(t *testing.T) {
	if _, err := stream.Open(t.Context(), "kafka://u:secret@x", stream.Options{}); err == nil {
		t.Error("a kafka URL was accepted")
	}
}

func BenchmarkAppend(b *testing.B) {
	bus, err := stream.Open(b.Context(), "embedded:", stream.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer bus.Close()
	j, err := bus.Journal(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	var obs []grid.Placed
	for range 1000 {
		obs = append(obs, one("noise-0001")...)
	}
	for b.Loop() {
		if _, err := j.Append(b.Context(), stream.NewName(), stream.Entry{Observations: obs}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(1000*float64(b.N)/b.Elapsed().Seconds(), "obs/s")
}

func TestJournal_MayBeAskedByManyAtOnce(t *testing.T) {
	b := openBus(t, t.TempDir(), stream.Options{})
	defer b.Close()
	j := openJournal(t, b)
	appendOne(t, j, "a")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 20 {
				_, err1 := j.Last(t.Context())
				_, err2 := j.SeqAt(t.Context(), time.Now())
				_, err3 := j.First(t.Context())
				_, err4 := j.Bytes(t.Context())
				if err := errors.Join(err1, err2, err3, err4); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}
