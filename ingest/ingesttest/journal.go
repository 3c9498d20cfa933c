// Package ingesttest helps to test what comes before and after ingest.
package ingesttest

import (
	"context"
	"slices"
	"sync"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/stream"
)

// Gate is a journal whose commits wait until they are let through, so that a
// test can look at what happens before. It is safe for concurrent use.
type Gate struct {
	// Fail, when not nil, is asked before each commit; its error is the answer.
	Fail func() error

	tokens chan struct{}

	mu      sync.Mutex // guards what follows
	entries []stream.Entry
	names   []string
}

// NewGate returns a closed Gate.
func NewGate() *Gate { return &Gate{tokens: make(chan struct{}, 1<<20)} }

// Let lets n commits through.
func (g *Gate) Let(n int) {
	for range n {
		g.tokens <- struct{}{}
	}
}

// Append waits for its turn and keeps a copy of the entry.
func (g *Gate) Append(ctx context.Context, name string, e stream.Entry) (uint64, error) {
	select {
	case <-g.tokens:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.names = append(g.names, name)
	if g.Fail != nil {
		if err := g.Fail(); err != nil {
			return 0, err
		}
	}
	seq := uint64(len(g.entries) + 1)
	g.entries = append(g.entries, stream.Entry{
		Seq:          seq,
		Observations: slices.Clone(e.Observations),
		Rejects:      slices.Clone(e.Rejects),
		Health:       slices.Clone(e.Health),
	})
	return seq, nil
}

// Entries returns what was committed.
func (g *Gate) Entries() []stream.Entry {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]stream.Entry(nil), g.entries...)
}

// Names returns the name of each try, in order.
func (g *Gate) Names() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]string(nil), g.names...)
}

// Observations returns all that were committed, in order.
func (g *Gate) Observations() []grid.Placed {
	var out []grid.Placed
	for _, e := range g.Entries() {
		out = append(out, e.Observations...)
	}
	return out
}

// Reasons counts the rejects that were committed.
func (g *Gate) Reasons() map[string]int {
	out := map[string]int{}
	for _, e := range g.Entries() {
		for _, r := range e.Rejects {
			out[r.Reason]++
		}
	}
	return out
}
