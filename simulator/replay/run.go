package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"strconv"
	"sync"
	"time"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/simulator"
)

// Tally says what has become of the rows so far.
type Tally struct {
	Rows          int64                     // read, without the header
	Unreadable    map[Reason]int64          // rows
	Published     int64                     // observations
	Placed        map[sensors.KindKey]int64 // published observations with a position that the catalogue accepts
	NoPosition    int64                     // published observations without one
	Refused       map[string]int64          // published observations that the catalogue refuses, by its reason
	MissingValues int64                     // observations that the file has no value for
	BadValues     int64                     // observations whose value is not a number
	First, Last   time.Time                 // phenomenon times of what is in Placed
}

// UnreadableRows returns the sum of Unreadable.
func (t Tally) UnreadableRows() int64 {
	var n int64
	for _, v := range t.Unreadable {
		n += v
	}
	return n
}

// PlacedTotal returns the sum of Placed.
func (t Tally) PlacedTotal() int64 {
	var n int64
	for _, v := range t.Placed {
		n += v
	}
	return n
}

// RunOptions tune a Replay. The zero value publishes at QoS 0 as fast as the
// broker takes it.
type RunOptions struct {
	QoS     byte
	Speed   float64          // how many seconds of the file pass in one; 0 means as fast as possible
	Catalog *sensors.Catalog // tells Placed from Refused; nil accepts everything
}

// Replay publishes what a Reader reads.
type Replay struct {
	reader *Reader
	pub    simulator.Publisher
	opts   RunOptions

	mu    sync.Mutex // guards tally
	tally Tally
}

// New returns a Replay that has not begun.
func New(reader *Reader, pub simulator.Publisher, opts RunOptions) *Replay {
	return &Replay{reader: reader, pub: pub, opts: opts, tally: Tally{
		Unreadable: make(map[Reason]int64),
		Placed:     make(map[sensors.KindKey]int64),
		Refused:    make(map[string]int64),
	}}
}

// Tally returns the counts so far. It may be called while Run is running.
func (r *Replay) Tally() Tally {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.tally
	t.Unreadable, t.Placed, t.Refused = maps.Clone(t.Unreadable), maps.Clone(t.Placed), maps.Clone(t.Refused)
	return t
}

// Run publishes every row in the order of the file and returns nil after the
// last, with the context's error when it ends before. With a Speed, a row waits
// until its time has come, counted from the time of the first; one that is
// earlier than rows before it goes at once. An observation without a position
// is published too: the server keeps it in quarantine, where people can see it.
func (r *Replay) Run(ctx context.Context) error {
	var began, first time.Time
	for {
		row, err := r.reader.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if r.opts.Speed > 0 && len(row.Observations) > 0 {
			at := row.Observations[0].At
			if began.IsZero() {
				began, first = time.Now(), at
			}
			due := began.Add(time.Duration(float64(at.Sub(first)) / r.opts.Speed))
			if err := sleepUntil(ctx, due); err != nil {
				return err
			}
		}
		if err := r.publish(ctx, row); err != nil {
			return err
		}
	}
}

func sleepUntil(ctx context.Context, due time.Time) error {
	wait := time.Until(due)
	if wait <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *Replay) publish(ctx context.Context, row Row) error {
	for _, o := range row.Observations {
		topic := "urbangrid/v1/" + string(o.Device) + "/obs"
		if err := r.pub.Publish(ctx, topic, r.opts.QoS, appendPayload(nil, o)); err != nil {
			return fmt.Errorf("publish line %d: %w", row.Line, err)
		}
		r.count(o)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tally.Rows++
	r.tally.MissingValues += int64(row.MissingValues)
	r.tally.BadValues += int64(row.BadValues)
	if row.Reason != "" {
		r.tally.Unreadable[row.Reason]++
	}
	return nil
}

func (r *Replay) count(o sensors.Observation) {
	reason := ""
	if r.opts.Catalog != nil {
		reason, _ = r.opts.Catalog.Check(o, time.Now())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	t := &r.tally
	t.Published++
	switch {
	case reason != "":
		t.Refused[reason]++
	case !o.Position.Known():
		t.NoPosition++
	default:
		t.Placed[o.Kind]++
		if t.First.IsZero() || o.At.Before(t.First) {
			t.First = o.At
		}
		if o.At.After(t.Last) {
			t.Last = o.At
		}
	}
}

// appendPayload writes o in the native format.
func appendPayload(b []byte, o sensors.Observation) []byte {
	b = append(b, `{"kind":`...)
	b = appendJSON(b, string(o.Kind))
	b = append(b, `,"value":`...)
	b = strconv.AppendFloat(b, o.Value, 'f', -1, 64)
	b = append(b, `,"time":"`...)
	b = o.At.AppendFormat(b, time.RFC3339Nano)
	b = append(b, '"')
	if o.Position.Known() {
		b = append(b, `,"lat":`...)
		b = strconv.AppendFloat(b, o.Position.LatDegrees, 'f', -1, 64)
		b = append(b, `,"lon":`...)
		b = strconv.AppendFloat(b, o.Position.LonDegrees, 'f', -1, 64)
		b = append(b, `,"datum":"`...)
		b = append(b, o.Position.Datum.String()...)
		b = append(b, '"')
	}
	if o.ID != "" {
		b = append(b, `,"id":`...)
		b = appendJSON(b, o.ID)
	}
	if o.Attrs != "" {
		b = append(b, `,"attrs":`...)
		b = append(b, o.Attrs...)
	}
	return append(b, '}')
}
