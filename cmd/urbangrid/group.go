package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// group runs stages that stop together. A stage that ends by itself, with or
// without an error, is a failure: everything else cannot do without it.
type group struct {
	ctx    context.Context
	cancel context.CancelFunc
	failed func(error)
	wg     sync.WaitGroup

	mu   sync.Mutex // guards errs
	errs []error    // of stages after they were told to stop
}

func newGroup(failed func(error)) *group {
	ctx, cancel := context.WithCancel(context.Background())
	return &group{ctx: ctx, cancel: cancel, failed: failed}
}

func (g *group) start(name string, run func(context.Context) error) {
	g.wg.Go(func() {
		err := run(g.ctx)
		switch {
		case g.ctx.Err() == nil:
			g.failed(fmt.Errorf("%s ended: %w", name, err))
		case err != nil && !errors.Is(err, context.Canceled):
			g.mu.Lock()
			defer g.mu.Unlock()
			g.errs = append(g.errs, fmt.Errorf("stop %s: %w", name, err))
		}
	})
}

// stop ends the stages, waits for them and returns what went wrong on the way.
func (g *group) stop() error {
	g.cancel()
	g.wg.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	return errors.Join(g.errs...)
}
