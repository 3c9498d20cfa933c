package liveclient

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"
)

// Options tune Follow.
type Options struct {
	Silence  time.Duration // without a frame, after which a connection is given up; 0 means 12s
	Soonest  time.Duration // the wait after a first failure is up to this, and doubles; 0 means 500ms
	Latest   time.Duration // longest wait between tries; 0 means 30s
	Dial     DialContext   // nil means that of package net
	HTTP     *http.Client  // fetches cell tables; nil means one with a timeout of 10 s
	Attempts int           // failures in a row after which Follow ends; 0 means never
}

func (o Options) withDefaults() Options {
	if o.Silence == 0 {
		o.Silence = 12 * time.Second
	}
	if o.Soonest == 0 {
		o.Soonest = 500 * time.Millisecond
	}
	if o.Latest == 0 {
		o.Latest = 30 * time.Second
	}
	if o.HTTP == nil {
		o.HTTP = &http.Client{Timeout: 10 * time.Second}
	}
	return o
}

// Update is news of one topic, or of the connection when Topic is "".
type Update struct {
	Topic string
	At    time.Time // of the change, by the server's clock; zero when it does not say
	// Whole says that Cells, or Alerts, are all there is: what was told of the topic
	// before does not hold any more.
	Whole  bool
	Cells  []Cell  // in ascending order of the cell
	Alerts []Alert // revisions and handlings that were not told before
	Open   int     // of Whole alerts: how many are open, which may be more than the server tells

	Server string // of a connection that has been made
	Lost   error  // why it was lost; another follows
}

// Cell is what one cell shows now.
type Cell struct {
	Cell  string   // H3 index
	Value *float64 // nil: it shows nothing any more
	Count int64
}

// Alert is one revision of an alert with what people do about it, as far as it is
// looked into here.
type Alert struct {
	ID       string
	Revision int64
	Rule     string
	Kind     string
	Place    string
	State    string
	Severity string
	Area     string
	Reason   struct{ ZH, EN string }
	Handling struct {
		State   string
		Version int64
		By      string
	}
	Raw json.RawMessage `json:"-"` // the whole object
}

// ErrRefused marks a request that the server will always refuse.
var ErrRefused = errors.New("the server refuses")

// Follow subscribes to topics at the server at base and hands over what they tell,
// in order, until ctx ends, handle returns an error or the server refuses a topic
// (ErrRefused). It reconnects by itself and resumes where it was: of cells, what
// changed meanwhile may come in one Update; of alerts every revision comes, and
// once, for as long as the server's log remembers it.
func Follow(ctx context.Context, base string, topics []string, opts Options, handle func(Update) error) error {
	f := &follower{base: strings.TrimSuffix(base, "/"), opts: opts.withDefaults(), handle: handle, tables: make(map[string][]string)}
	for _, t := range topics {
		f.topics = append(f.topics, newTopic(t))
	}
	for failures := 0; ; {
		greeted, err := f.connect(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, ErrRefused), errors.Is(err, errHandle):
			return err
		case greeted:
			failures = 0
		}
		if failures++; f.opts.Attempts > 0 && failures >= f.opts.Attempts {
			return err
		}
		if err := f.tell(Update{Lost: err}); err != nil {
			return err
		}
		select {
		case <-time.After(f.wait(failures)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// errHandle marks an error of the handler.
var errHandle = errors.New("not handled")

type follower struct {
	base   string
	opts   Options
	handle func(Update) error
	topics []*topic
	tables map[string][]string // by hash
	retry  time.Duration       // that a goodbye asked for, 0 for none
}

func (f *follower) tell(u Update) error {
	if err := f.handle(u); err != nil {
		return fmt.Errorf("%w: %w", errHandle, err)
	}
	return nil
}

// wait returns how long to stay away: what the server said, else a time drawn from 0
// to a bound that doubles with each failure.
func (f *follower) wait(failures int) time.Duration {
	if f.retry > 0 {
		d := f.retry
		f.retry = 0
		return d
	}
	most := f.opts.Latest
	if n := min(failures-1, 16); f.opts.Soonest<<n < most {
		most = f.opts.Soonest << n
	}
	return rand.N(most) + 1
}

// connect makes one connection and serves it until it is lost, and reports whether
// the server had greeted.
func (f *follower) connect(ctx context.Context) (greeted bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c, err := dial(ctx, f.base, f.opts.Dial)
	if err != nil {
		return false, err
	}
	stop := context.AfterFunc(ctx, func() { _ = c.Close() }) // it ends a Read that waits
	defer stop()
	defer func() { _ = c.Close() }()
	for {
		if err := c.conn.SetReadDeadline(time.Now().Add(f.opts.Silence)); err != nil {
			return greeted, fmt.Errorf("wait for a frame: %w", err)
		}
		frame, err := c.Read()
		if err != nil {
			return greeted, err
		}
		greeted = greeted || frame.T == "hello"
		if err := f.take(ctx, c, frame); err != nil {
			return greeted, err
		}
	}
}

// errGoodbye is why a connection ends that the server closes.
var errGoodbye = errors.New("the server said goodbye")

func (f *follower) take(ctx context.Context, c *Client, frame Frame) error {
	switch frame.T {
	case "hello":
		if frame.Version != 1 {
			return fmt.Errorf("%w: it speaks version %d, not 1", ErrRefused, frame.Version)
		}
		for _, t := range f.topics {
			t.turn = 1 // the first of every connection is turn 0
			if err := t.ask(c); err != nil {
				return err
			}
		}
		return f.tell(Update{Server: frame.Server, At: time.UnixMilli(frame.NowMillis)})
	case "hb":
		return c.Answer(frame)
	case "bye":
		f.retry = time.Duration(frame.RetryMS) * time.Millisecond
		return errGoodbye
	case "err":
		return fmt.Errorf("%w: %s: %s", ErrRefused, frame.Code, frame.Message)
	}
	for _, t := range f.topics {
		if t.id == frame.ID {
			return f.takeTopic(ctx, c, t, frame)
		}
	}
	return nil // of a subscription that was given up, or of a later version
}

func (f *follower) takeTopic(ctx context.Context, c *Client, t *topic, frame Frame) error {
	switch frame.T {
	case "snap":
		if t.alerts != nil {
			return f.tellAlerts(t, frame, frame.Alerts, true)
		}
		return f.takeSnapshot(ctx, t, frame)
	case "d":
		if t.since == nil || frame.From != t.since.Seq {
			return t.askAgain(c)
		}
		return f.tellCells(t, frame, false)
	case "ev":
		return f.tellAlerts(t, frame, []json.RawMessage{frame.Alert}, false)
	case "gap":
		return t.ask(c)
	}
	return nil
}
