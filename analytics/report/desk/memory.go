package desk

import (
	"container/list"
	"context"
	"sync"

	"github.com/urbangrid/urbangrid/analytics/report"
)

// memory remembers answers. Those that nobody asked for longest make room; an
// answer that alone has more values than there is room for is not remembered.
type memory struct {
	most, mostValues int

	mu     sync.Mutex // guards what follows
	values int
	order  *list.List // of *remembered, asked for last first
	known  map[report.Request]*list.Element
}

type remembered struct {
	req    report.Request
	state  string
	result *report.Result
}

func newMemory(most, mostValues int) *memory {
	return &memory{most: most, mostValues: mostValues, order: list.New(), known: map[report.Request]*list.Element{}}
}

// find returns the answer to req from data of that state, nil when it is not known.
// One from other data is forgotten: it will not be asked for again.
func (m *memory) find(req report.Request, state string) *report.Result {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.known[req]
	if e == nil {
		return nil
	}
	r := e.Value.(*remembered)
	if r.state != state {
		m.forget(e)
		return nil
	}
	m.order.MoveToFront(e)
	return r.result
}

func (m *memory) keep(req report.Request, state string, result *report.Result) {
	if result.Size() > m.mostValues {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.known[req]; e != nil {
		m.forget(e)
	}
	m.known[req] = m.order.PushFront(&remembered{req, state, result})
	m.values += result.Size()
	for m.order.Len() > m.most || m.values > m.mostValues {
		m.forget(m.order.Back())
	}
}

// forget takes an answer out. The caller holds mu.
func (m *memory) forget(e *list.Element) {
	r := m.order.Remove(e).(*remembered)
	delete(m.known, r.req)
	m.values -= r.result.Size()
}

// turns lets one at a time work on a request.
type turns struct {
	mu   sync.Mutex // guards busy
	busy map[report.Request]chan struct{}
}

// take waits until nobody works on req, or ctx ends. Call done at the end of the
// work.
func (t *turns) take(ctx context.Context, req report.Request) (done func(), err error) {
	for {
		other := t.try(req)
		if other == nil {
			return func() { t.leave(req) }, nil
		}
		select {
		case <-other:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// try takes the turn and returns nil, or the channel that is closed when the one
// who has it leaves.
func (t *turns) try(req report.Request) <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if other, ok := t.busy[req]; ok {
		return other
	}
	t.busy[req] = make(chan struct{})
	return nil
}

func (t *turns) leave(req report.Request) {
	t.mu.Lock()
	defer t.mu.Unlock()
	close(t.busy[req])
	delete(t.busy, req)
}
