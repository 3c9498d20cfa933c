package ingest

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/urbangrid/urbangrid/sensors"
)

func TestSeen_RemembersEverythingOfTheHorizon(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newSeen(time.Hour, 1<<20)
		model := map[key]time.Time{}
		now := time.Unix(1_800_000_000, 0)
		for range rapid.IntRange(1, 300).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 600).Draw(t, "wait_seconds")) * time.Second)
			k := key(rapid.Uint64Range(1, 60).Draw(t, "key"))
			isNew := s.add(k, now)
			first, known := model[k]
			if known && now.Sub(first) <= time.Hour && isNew {
				t.Fatalf("key %d was forgotten after %s", k, now.Sub(first))
			}
			if !known && !isNew {
				t.Fatalf("key %d was never added and yet known", k)
			}
			if isNew {
				model[k] = now
			}
		}
	})
}

func TestSeen_StaysWithinItsBound(t *testing.T) {
	s := newSeen(time.Hour, 1000)
	now := time.Unix(1_800_000_000, 0)
	for k := key(1); k <= 10_000; k++ {
		s.add(k, now)
		if s.len() > 2000 {
			t.Fatalf("%d keys remembered, bound 2,000", s.len())
		}
	}
	for k := key(10_000); k > 9_000; k-- {
		if s.add(k, now) {
			t.Fatalf("one of the newest 1,000 keys (%d) was forgotten", k)
		}
	}
}

// A day of 100,000 devices that speak every 12 minutes, three times over, at a
// sixteenth of the size: tables are powers of two, so everything scales.
func TestSeen_ADayOf100000DevicesTakes256MiB(t *testing.T) {
	const scale = 16
	s := newSeen(24*time.Hour, Options{}.withDefaults().MaxKeys/scale)
	const devices, every = 100_000 / scale, 12 * time.Minute
	start := time.Unix(1_800_000_000, 0)
	mix := func(n uint64) key { // a bijection, so that no two are alike
		n ^= n >> 31
		n *= 0x9e3779b97f4a7c15
		n ^= n >> 29
		return key(n | 1<<63)
	}
	var n uint64
	most := 0
	for now := start; now.Before(start.Add(72 * time.Hour)); now = now.Add(every) {
		for range devices {
			n++
			s.add(mix(n), now)
		}
		most = max(most, s.bytes())
	}
	if most > 256<<20/scale {
		t.Errorf("took %d MiB at a sixteenth, bound 16 MiB", most>>20)
	}
	forgotten := 0
	for k := n - devices*uint64(24*time.Hour/every) + 1; k <= n; k += 101 {
		if !s.old.has(mix(k)) && !s.young.has(mix(k)) {
			forgotten++
		}
	}
	if forgotten > 0 {
		t.Errorf("%d of the last 24 h are forgotten", forgotten)
	}
}

func TestKeyOf_TellsObservationsApartByTheirIdentity(t *testing.T) {
	at := time.UnixMicro(1_795_000_000_000_000)
	base := sensors.Observation{Device: "a", Kind: "noise", At: at}
	with := func(change func(*sensors.Observation)) sensors.Observation {
		o := base
		change(&o)
		return o
	}
	for _, c := range []struct {
		name string
		o    sensors.Observation
		same bool
	}{
		{"another value", with(func(o *sensors.Observation) { o.Value = 2 }), true},
		{"another received time", with(func(o *sensors.Observation) { o.Received = at }), true},
		{"another device", with(func(o *sensors.Observation) { o.Device = "b" }), false},
		{"another kind", with(func(o *sensors.Observation) { o.Kind = "pm25" }), false},
		{"another time", with(func(o *sensors.Observation) { o.At = at.Add(time.Microsecond) }), false},
		{"an id", with(func(o *sensors.Observation) { o.ID = "noise" }), false},
	} {
		if got := keyOf(&c.o) == keyOf(&base); got != c.same {
			t.Errorf("%s: same identity is %v, want %v", c.name, got, c.same)
		}
	}
	a := with(func(o *sensors.Observation) { o.ID = "1" })
	b := with(func(o *sensors.Observation) { o.ID = "1"; o.Kind = "pm25"; o.At = at.Add(time.Hour) })
	if keyOf(&a) != keyOf(&b) {
		t.Error("the same device and id at another time: want one identity")
	}
}

func BenchmarkSeen(b *testing.B) {
	s := newSeen(24*time.Hour, 16<<20)
	now := time.Unix(1_800_000_000, 0)
	o := sensors.Observation{Device: "noise-0001", Kind: "noise"}
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		o.At = time.UnixMicro(int64(n))
		s.add(keyOf(&o), now)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "obs/s")
}
