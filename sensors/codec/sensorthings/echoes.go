package sensorthings

import (
	"hash/maphash"
	"sync"
	"time"

	"github.com/urbangrid/urbangrid/sensors/codec/tree"
)

// echoes remembers the newest creations that had no id. It is safe for
// concurrent use and never holds more than its ring; the oldest goes first.
type echoes struct {
	seed maphash.Seed

	mu    sync.Mutex
	known map[uint64]struct{} // guarded by mu; what is in ring
	ring  []uint64            // guarded by mu
	next  int                 // guarded by mu; place in ring of the next
	full  bool                // guarded by mu
}

func newEchoes(max int) *echoes {
	return &echoes{seed: maphash.MakeSeed(), known: make(map[uint64]struct{}), ring: make([]uint64, max)}
}

func (e *echoes) hash(datastream string, at time.Time, result tree.Value) uint64 {
	var h maphash.Hash
	h.SetSeed(e.seed)
	h.WriteString(datastream)
	h.WriteString(at.Format("\x00" + time.RFC3339Nano + "\x00"))
	maphash.WriteComparable(&h, e.meaning(result))
	return h.Sum64()
}

// meaning hashes what v says rather than how: a server writes 21.50 as 21.5 and
// the fields of an object in an order of its own.
func (e *echoes) meaning(v tree.Value) uint64 {
	switch v.Kind() {
	case tree.Number:
		if n, ok := v.Number(); ok {
			return maphash.Comparable(e.seed, n)
		}
	case tree.String:
		s, _ := v.Text()
		return maphash.String(e.seed, s)
	case tree.Array:
		sum := uint64(tree.Array)
		for _, item := range v.Elements() {
			sum = maphash.Comparable(e.seed, [2]uint64{sum, e.meaning(item)})
		}
		return sum
	case tree.Object:
		sum := uint64(tree.Object)
		for name, field := range v.Fields() {
			sum += maphash.Comparable(e.seed, [2]uint64{maphash.String(e.seed, name), e.meaning(field)})
		}
		return sum
	}
	return maphash.Bytes(e.seed, v.Raw())
}

// add notes a creation.
func (e *echoes) add(h uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, ok := e.known[h]; ok {
		return
	}
	if e.full {
		delete(e.known, e.ring[e.next])
	}
	e.ring[e.next] = h
	e.known[h] = struct{}{}
	e.next++
	if e.next == len(e.ring) {
		e.next, e.full = 0, true
	}
}

// has reports whether a creation was noted.
func (e *echoes) has(h uint64) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	_, ok := e.known[h]
	return ok
}
