package ingest

import (
	"math"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/urbangrid/urbangrid/sensors"
)

// key is the 64-bit hash of what identifies an observation. Among n remembered
// keys a new observation is taken for an old one with a probability of n/2⁶⁴:
// about one in 10¹² at the default bound.
type key uint64

// keyOf hashes (Device, ID), or (Device, Kind, At) for one without ID. The two
// forms are told apart by the byte between the fields, which no device has.
func keyOf(o *sensors.Observation) key {
	var buf [3*sensors.MaxDeviceIDBytes + 16]byte
	b := append(buf[:0], o.Device...)
	if o.ID != "" {
		b = append(b, 1)
		b = append(b, o.ID...)
	} else {
		b = append(b, 2)
		b = append(b, o.Kind...)
		us := uint64(o.At.UnixMicro())
		for i := range 8 {
			b = append(b, byte(us>>(8*i)))
		}
	}
	k := key(xxhash.Sum64(b))
	if k == 0 {
		return math.MaxUint64 // 0 marks an empty slot
	}
	return k
}

// seen remembers the keys of the last while in two generations. When the young
// one is full or half the horizon old it becomes the old one, and what was old
// is forgotten. So it remembers between half and all of the horizon, or between
// half and all of its bound, whichever is less. It is not safe for concurrent
// use.
type seen struct {
	half     time.Duration
	maxEach  int // keys a generation
	young    table
	old      table
	youngAge time.Time // when the young generation began
}

func newSeen(horizon time.Duration, maxKeys int) *seen {
	return &seen{half: horizon / 2, maxEach: max(maxKeys/2, 1)}
}

// add remembers k and reports whether it was new at the time now.
func (s *seen) add(k key, now time.Time) bool {
	if s.young.n >= s.maxEach || now.Sub(s.youngAge) > s.half {
		s.young, s.old = table{}, s.young
		s.youngAge = now
	}
	if s.old.has(k) {
		return false
	}
	return s.young.add(k)
}

func (s *seen) len() int { return s.young.n + s.old.n }

// table is an open-addressing set of keys, at most three quarters full.
type table struct {
	slots []key // length is a power of two
	n     int
}

func (t *table) has(k key) bool {
	if t.n == 0 {
		return false
	}
	mask := key(len(t.slots) - 1)
	for i := k & mask; ; i = (i + 1) & mask {
		switch t.slots[i] {
		case k:
			return true
		case 0:
			return false
		}
	}
}

func (t *table) add(k key) bool {
	if 4*(t.n+1) > 3*len(t.slots) {
		t.grow()
	}
	mask := key(len(t.slots) - 1)
	for i := k & mask; ; i = (i + 1) & mask {
		switch t.slots[i] {
		case k:
			return false
		case 0:
			t.slots[i] = k
			t.n++
			return true
		}
	}
}

func (t *table) grow() {
	old := t.slots
	t.slots = make([]key, max(1024, 2*len(old)))
	t.n = 0
	for _, k := range old {
		if k != 0 {
			t.add(k)
		}
	}
}
