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
// one is full or as old as the horizon it becomes the old one, and what was old
// is forgotten. So it remembers at least the horizon, or at least maxKeys,
// whichever is less, and at most twice that. It is not safe for concurrent use.
type seen struct {
	horizon time.Duration
	maxKeys int // of a generation
	young   table
	old     table
	born    time.Time // when the young generation began
}

func newSeen(horizon time.Duration, maxKeys int) *seen {
	return &seen{horizon: horizon, maxKeys: max(maxKeys, 1)}
}

// add remembers k and reports whether it was new at the time now.
func (s *seen) add(k key, now time.Time) bool {
	if s.young.n >= s.maxKeys || now.Sub(s.born) > s.horizon {
		// As large as the last generation came to be: growing needs room for both
		// tables at once.
		s.young, s.old = table{slots: make([]key, s.young.room())}, s.young
		s.born = now
	}
	if s.old.has(k) {
		return false
	}
	return s.young.add(k)
}

func (s *seen) len() int { return s.young.n + s.old.n }

// bytes is the memory that the tables take.
func (s *seen) bytes() int { return 8 * (len(s.young.slots) + len(s.old.slots)) }

// table is an open-addressing set of keys, at most three quarters full.
type table struct {
	slots []key // length is a power of two
	n     int
}

// room is the number of slots for as many keys again.
func (t *table) room() int {
	slots := len(t.slots)
	for slots > 1024 && 4*t.n < 3*slots/2 {
		slots /= 2
	}
	return slots
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
