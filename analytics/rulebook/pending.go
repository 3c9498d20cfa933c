package rulebook

import (
	"context"
	"time"
)

const lastPause = time.Minute

// Run gives changes that the engine has not taken over to it again, with growing
// pauses, until it has. It returns nil when ctx ends.
func (b *Book) Run(ctx context.Context) error {
	for {
		select {
		case <-b.wake:
		case <-ctx.Done():
			return nil
		}
		for pause := b.opts.Pause; !b.applyPending(ctx); pause = min(2*pause, lastPause) {
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return nil
			}
		}
	}
}

// applyPending asks the engine to judge by the rules as they are, and reports whether
// none is pending any more or there is no engine to ask. Nobody changes a rule
// meanwhile, so that no older rules follow newer ones.
func (b *Book) applyPending(ctx context.Context) bool {
	select {
	case b.turn <- struct{}{}:
		defer func() { <-b.turn }()
	case <-ctx.Done():
		return false
	}
	judging, entries := b.joined(), b.List()
	pending := false
	for _, e := range entries {
		pending = pending || e.Pending
	}
	if !pending || judging == nil {
		return true // Join wakes Run
	}
	if !b.apply(ctx, judging, inForce(entries)) {
		return false
	}
	b.opts.Log.Info("the engine has taken changed rules over")
	return true
}
