package analytics

import (
	"context"
	"fmt"
	"sync/atomic"
)

// Judging runs an engine and lets its rules be changed meanwhile. With other rules
// it goes on like a restarted engine: what was judged is saved, what was learned is
// remembered, and the last minutes of the journal are read back, so that no
// observation is left out or judged twice. The live map stands still for that time.
//
// All but Run is safe for concurrent use.
type Judging struct {
	current atomic.Pointer[Engine]
	next    chan succession
}

// succession is an engine that takes the place of the one that runs.
type succession struct {
	engine *Engine
	took   chan struct{} // closed when it has
}

// NewJudging returns a Judging that runs e.
func NewJudging(e *Engine) *Judging {
	j := &Judging{next: make(chan succession)}
	j.current.Store(e)
	return j
}

// Check returns why the engine cannot judge by rules, nil when it can.
func (j *Judging) Check(rules []Rule) error {
	_, err := j.current.Load().withRules(rules)
	return err
}

// PreviewRule is [Engine.PreviewRule] of the engine that runs.
func (j *Judging) PreviewRule(ctx context.Context, q PreviewRequest, from History, fired Fired, tell func(done float64)) (Preview, error) {
	return j.current.Load().PreviewRule(ctx, q, from, fired, tell)
}

// Change makes the engine judge by other rules. It returns when it does, or when
// ctx ends: then it may do so a little later. After an error about the rules
// nothing has changed. Alerts of rules that are no longer there are closed.
func (j *Judging) Change(ctx context.Context, rules []Rule) error {
	e, err := j.current.Load().withRules(rules)
	if err != nil {
		return err
	}
	s := succession{engine: e, took: make(chan struct{})}
	select {
	case j.next <- s:
	case <-ctx.Done():
		return fmt.Errorf("change rules: %w", ctx.Err())
	}
	select {
	case <-s.took:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("change rules: %w", ctx.Err())
	}
}

// Run judges until ctx ends or an engine fails; see [Engine.Run].
func (j *Judging) Run(ctx context.Context) error {
	e := j.current.Load()
	shown := newShown(e.watcher)
	for {
		running, stop := context.WithCancel(ctx)
		ended := make(chan error, 1)
		watched := *e
		if shown != nil {
			watched.watcher = shown
		}
		go func() { ended <- watched.Run(running) }()
		select {
		case err := <-ended:
			stop()
			return err
		case s := <-j.next:
			stop()
			if err := <-ended; err != nil {
				// What could not be saved is judged again by the next engine.
				e.opts.Log.Warn("engine did not stop cleanly before its rules changed", "error", err)
			}
			if shown != nil {
				shown.handOver()
			}
			e = s.engine
			j.current.Store(e)
			close(s.took)
			e.opts.Log.Info("rules changed", "rules", len(e.rules))
		}
	}
}

// withRules returns an engine like e that judges by other rules. Both write the same metrics, so only one of them may run at a time.
func (e *Engine) withRules(rules []Rule) (*Engine, error) {
	err := checkRules(e.catalog, rules)
	if err == nil && hasHotspots(rules) && len(e.opts.Study.Cells) == 0 {
		err = fmt.Errorf("rules about hotspots need a district: there are no areas")
	}
	if err != nil {
		return nil, fmt.Errorf("rules: %w", err)
	}
	other := *e
	other.rules = rules
	if _, err := newJudge(e.catalog, rules, e.study, e.opts, e.metrics); err != nil {
		return nil, err
	}
	for _, r := range rules {
		e.metrics.raised.WithLabelValues(r.Name)
		e.metrics.closed.WithLabelValues(r.Name)
	}
	return &other, nil
}
