package simulator

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// Publisher is where a story is told. Publish may block: that is backpressure.
type Publisher interface {
	Publish(ctx context.Context, topic string, qos byte, payload []byte) error
}

// Stats count what a run has done so far. They are safe for concurrent use.
type Stats struct {
	Messages     atomic.Int64 // handed to the publisher
	Observations atomic.Int64 // in those messages
	Skipped      atomic.Int64 // observations left out because the publisher was too slow
}

// RunOptions tune Run. The zero value publishes at QoS 0.
type RunOptions struct {
	QoS    byte
	MaxLag time.Duration // how late a message may be sent; 0 means 2s
	Stats  *Stats        // nil means that nobody counts
}

// Run publishes the city's messages at the pace of the story, from now on, until
// the story is over or ctx ends; both give nil. After a stall it catches up with
// what is at most MaxLag late; what is older is skipped and counted, so that a
// recovered broker is not hit by everything at once and observations stay close
// to the time they bear. An error of pub ends the run.
func Run(ctx context.Context, city *City, pub Publisher, opts RunOptions) error {
	if opts.MaxLag == 0 {
		opts.MaxLag = 2 * time.Second
	}
	stats := opts.Stats
	if stats == nil {
		stats = new(Stats)
	}
	began := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		m, ok := city.Next()
		if !ok {
			return nil
		}
		wait := m.Due - time.Since(began)
		if wait < -opts.MaxLag {
			stats.Skipped.Add(int64(m.Observations))
			if ctx.Err() != nil {
				return nil
			}
			continue
		}
		// Waking up for each message of a fast story costs more than sending it a
		// millisecond early.
		if wait > time.Millisecond {
			timer.Reset(wait)
			select {
			case <-timer.C:
			case <-ctx.Done():
				return nil
			}
		}
		if err := pub.Publish(ctx, m.Topic, opts.QoS, m.Payload); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("publish simulated observation: %w", err)
		}
		stats.Messages.Add(1)
		stats.Observations.Add(int64(m.Observations))
	}
}
