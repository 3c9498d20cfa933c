package mqttraw

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Load is a bounded stream of QoS 1 messages over several connections, each
// with many in flight.
type Load struct {
	Addr        string
	Connections int
	Window      int           // messages in flight on one connection, at most 65,535
	Messages    int           // of all connections together; 0 means no bound but Duration
	Duration    time.Duration // 0 means no bound but Messages
	Rate        int           // messages a second, all connections together; 0 means as fast as acknowledged
	// Message writes message n of connection conn into buf and returns topic
	// and payload. It is called by one goroutine a connection.
	Message func(conn, n int, buf []byte) (topic string, payload []byte)
	// Acked is told of each acknowledged message, by one goroutine a connection;
	// nil when nobody wants to know.
	Acked func(conn, n int)
}

// Result of a load.
type Result struct {
	Acked   int64
	Elapsed time.Duration
}

// PerSecond is the acknowledged rate.
func (r Result) PerSecond() float64 { return float64(r.Acked) / r.Elapsed.Seconds() }

// Run sends until the bound is reached and everything is acknowledged, or ctx
// ends or a connection breaks: then the error is not nil and Result still holds
// what was acknowledged.
func (l Load) Run(ctx context.Context) (Result, error) {
	var acked atomic.Int64
	errs := make([]error, l.Connections)
	start := time.Now()
	var wg sync.WaitGroup
	for i := range l.Connections {
		wg.Go(func() { errs[i] = l.connection(ctx, i, start, &acked) })
	}
	wg.Wait()
	return Result{Acked: acked.Load(), Elapsed: time.Since(start)}, errors.Join(errs...)
}

func (l Load) connection(ctx context.Context, conn int, start time.Time, acked *atomic.Int64) error {
	c, _, err := Dial(ctx, l.Addr, Options{ClientID: fmt.Sprintf("load-%d", conn)})
	if err != nil {
		return err
	}
	defer c.Close() //nolint:errcheck // nothing is left to lose
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer stop()

	free := make(chan struct{}, l.Window)
	var readErr error
	done := make(chan struct{})
	var sent atomic.Int64
	sent.Store(-1) // until the sender knows its total
	go func() {
		defer close(done)
		readErr = l.read(c, conn, free, &sent, acked)
	}()
	n, writeErr := l.write(ctx, c, conn, start, free, done)
	sent.Store(int64(n))
	if writeErr == nil {
		// Wakes the reader when the last acknowledgement came before the total
		// was known.
		c.Ping()
		writeErr = c.Flush()
	}
	if writeErr != nil {
		_ = c.Close()
	}
	<-done
	return errors.Join(writeErr, readErr)
}

// write sends messages; a place in free is taken by each and given back by the
// acknowledgement.
func (l Load) write(ctx context.Context, c *Conn, conn int, start time.Time, free chan<- struct{}, done <-chan struct{}) (int, error) {
	total := l.Messages / l.Connections
	buf := make([]byte, 0, 1024)
	n := 0
	for ; l.Messages == 0 || n < total; n++ {
		if l.Duration > 0 && n%64 == 0 && time.Since(start) > l.Duration {
			break
		}
		if err := l.pace(ctx, c, start, n); err != nil {
			return n, err
		}
		select {
		case free <- struct{}{}:
		default: // the window is full: what is buffered must go out first
			if err := c.Flush(); err != nil {
				return n, err
			}
			select {
			case free <- struct{}{}:
			case <-done:
				return n, errors.New("connection ended")
			}
		}
		topic, payload := l.Message(conn, n, buf)
		c.Publish(topic, payload, 1, uint16(n%65535)+1, false) //nolint:gosec // in range
	}
	return n, c.Flush()
}

func (l Load) pace(ctx context.Context, c *Conn, start time.Time, n int) error {
	if l.Rate == 0 {
		return nil
	}
	due := start.Add(time.Duration(float64(n*l.Connections) / float64(l.Rate) * float64(time.Second)))
	wait := time.Until(due)
	if wait < time.Millisecond {
		return nil
	}
	if err := c.Flush(); err != nil {
		return err
	}
	select {
	case <-time.After(wait):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l Load) read(c *Conn, conn int, free <-chan struct{}, sent, acked *atomic.Int64) error {
	n := 0
	for {
		if s := sent.Load(); s >= 0 && int64(n) >= s {
			return nil
		}
		p, err := c.Read()
		if err != nil {
			return fmt.Errorf("connection %d after %d acknowledgements: %w", conn, n, err)
		}
		if p.Type != Puback {
			continue
		}
		if p.Reason >= 0x80 {
			return fmt.Errorf("message refused: reason %#x", p.Reason)
		}
		if l.Acked != nil {
			l.Acked(conn, number(n, int(p.ID)))
		}
		n++
		acked.Add(1)
		<-free
	}
}

// number tells which message an identifier means, near the n-th one: identifiers
// are numbers modulo 65,535, and a window is shorter than half of that.
func number(n, id int) int {
	m := n - n%65535 + id - 1
	switch {
	case m-n > 65535/2:
		return m - 65535
	case n-m > 65535/2:
		return m + 65535
	}
	return m
}
