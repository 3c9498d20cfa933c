package sensorthings

import (
	"hash/maphash"
	"sync"
	"time"
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

func (e *echoes) hash(datastream string, at time.Time, result []byte) uint64 {
	var h maphash.Hash
	h.SetSeed(e.seed)
	h.WriteString(datastream)
	h.WriteString(at.Format("\x00" + time.RFC3339Nano + "\x00"))
	h.Write(result)
	return h.Sum64()
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
