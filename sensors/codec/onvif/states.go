package onvif

import (
	"container/list"
	"hash/maphash"
	"sync"
	"time"
)

// states remembers which properties are true, and since when. It is safe for
// concurrent use and never holds more than max; the oldest rise goes first. Of
// topics and objects it keeps hashes, so that long names do not fill the memory;
// the seed differs from run to run, so that nobody can choose names that collide.
type states struct {
	max  int
	seed maphash.Seed

	mu     sync.Mutex
	topics map[uint64]map[uint64]*list.Element // guarded by mu; by topic and object
	order  *list.List                          // guarded by mu; of *state, the oldest rise in front
}

type state struct {
	topic, object uint64
	since         time.Time
}

func newStates(max int) *states {
	return &states{max: max, seed: maphash.MakeSeed(), topics: make(map[uint64]map[uint64]*list.Element), order: list.New()}
}

// rise notes that a property is true and reports whether that is a rise. The
// message of the rise itself is one as often as it comes: it comes again when
// what it said could not be stored.
func (s *states) rise(topicName, objectName string, at time.Time) bool {
	topic, object := s.hash(topicName), s.hash(objectName)
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.topics[topic][object]; e != nil {
		return e.Value.(*state).since.Equal(at)
	}
	if s.order.Len() >= s.max {
		s.drop(s.order.Front())
	}
	if s.topics[topic] == nil {
		s.topics[topic] = make(map[uint64]*list.Element)
	}
	s.topics[topic][object] = s.order.PushBack(&state{topic, object, at})
	return true
}

// fall notes that a property is false. A message older than the rise comes late
// and changes nothing.
func (s *states) fall(topicName, objectName string, at time.Time) {
	topic, object := s.hash(topicName), s.hash(objectName)
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.topics[topic][object]; e != nil && !at.Before(e.Value.(*state).since) {
		s.drop(e)
	}
}

// forget forgets every object of a topic: its property was deleted.
func (s *states) forget(topicName string) {
	topic := s.hash(topicName)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.topics[topic] {
		s.drop(e)
	}
}

func (s *states) hash(name string) uint64 { return maphash.String(s.seed, name) }

// drop is called with mu held.
func (s *states) drop(e *list.Element) {
	st := s.order.Remove(e).(*state)
	delete(s.topics[st.topic], st.object)
	if len(s.topics[st.topic]) == 0 {
		delete(s.topics, st.topic)
	}
}
