package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/stream"
)

// Journal is where the recorder reads from.
type Journal interface {
	// Identity names the journal; another journal has another identity even in
	// the same place.
	Identity() string
	// Follow sends the entries after the one of that Seq to out, then new ones
	// as they are committed, until ctx ends or an error. It does not close out.
	Follow(ctx context.Context, after uint64, out chan<- stream.Entry) error
}

// RecorderOptions tunes a Recorder. The zero RecorderOptions works.
type RecorderOptions struct {
	MaxObservations int                   // a write begins when so many are waiting; 0 means 20,000
	MaxWait         time.Duration         // longest an entry waits for company; 0 means 500ms
	MaxBackoff      time.Duration         // longest pause between attempts while the store is away, unless it asks for a longer one; 0 means 30s
	FlushTimeout    time.Duration         // for the last write when Run is told to end; 0 means 10s
	OnWritten       func(Progress)        // called by Run after each write, must not block; nil means nobody asks
	Registerer      prometheus.Registerer // nil means no metrics
	Logger          *slog.Logger          // nil means none
}

func (o RecorderOptions) withDefaults() RecorderOptions {
	if o.MaxObservations == 0 {
		o.MaxObservations = 20_000
	}
	if o.MaxWait == 0 {
		o.MaxWait = 500 * time.Millisecond
	}
	if o.MaxBackoff == 0 {
		o.MaxBackoff = 30 * time.Second
	}
	if o.FlushTimeout == 0 {
		o.FlushTimeout = 10 * time.Second
	}
	if o.OnWritten == nil {
		o.OnWritten = func(Progress) {}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

const (
	minBackoff = 100 * time.Millisecond
	// maxAsked bounds the pause that a server may ask for, so that a wrong answer
	// of a proxy does not stop recording for a day.
	maxAsked = 15 * time.Minute
)

// Progress is how far a Recorder has come.
type Progress struct {
	Seq          uint64    // the newest entry that is durable in the store; the journal may forget up to here
	Observations uint64    // written since this Recorder was made
	WrittenAt    time.Time // of the last write, zero before the first
}

// Recorder carries a journal into a Series. While the store is unavailable it
// tries again for ever and takes nothing more in: the journal is the buffer.
type Recorder struct {
	series  Series
	journal Journal
	opts    RecorderOptions
	log     *slog.Logger
	metrics recorderMetrics

	mu       sync.Mutex // guards what follows
	progress Progress
	oldest   time.Time // commit time of the oldest entry that is held, zero when none is
}

// NewRecorder returns a Recorder that does nothing until Run. It returns an
// error when its metrics are registered already.
func NewRecorder(series Series, journal Journal, opts RecorderOptions) (*Recorder, error) {
	opts = opts.withDefaults()
	r := &Recorder{series: series, journal: journal, opts: opts, log: opts.Logger.With("component", "recorder")}
	r.metrics = newRecorderMetrics(r.lag, func() float64 { return float64(r.Progress().Seq) })
	if err := r.metrics.register(opts.Registerer); err != nil {
		return nil, fmt.Errorf("recorder metrics: %w", err)
	}
	return r, nil
}

// Progress returns how far the recorder has come. It is safe for concurrent use.
func (r *Recorder) Progress() Progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.progress
}

// lag returns for how many seconds the oldest entry that is held has been
// waiting since it was committed.
func (r *Recorder) lag() float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.oldest.IsZero() {
		return 0
	}
	return max(0, time.Since(r.oldest).Seconds())
}

// batch is the entries that the next write takes.
type batch struct {
	entries      []Entry
	observations int
	to           uint64
	oldest       time.Time
}

// Run records until ctx ends, then writes what it holds, within FlushTimeout,
// and returns nil; what could not be written stays in the journal. It returns
// an error when the journal ends with one, or when the store refuses a write
// for a reason that does not pass. It must run once.
func (r *Recorder) Run(ctx context.Context) error {
	var from Position
	err := r.retry(ctx, "read position", func() (err error) {
		from, err = r.series.Position(ctx, r.journal.Identity())
		return err
	})
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return fmt.Errorf("record: %w", err)
	}
	r.mu.Lock()
	r.progress.Seq = from.Seq
	r.mu.Unlock()
	r.log.Info("recording", "journal", from.Journal, "after_seq", from.Seq)

	following, stop := context.WithCancel(ctx)
	entries := make(chan stream.Entry, 16)
	followed := make(chan error, 1)
	go func() {
		followed <- r.journal.Follow(following, from.Seq, entries)
		close(followed)
	}()
	err = r.record(ctx, entries, followed)
	stop()
	for range followed { // until the goroutine has ended
	}
	if err != nil {
		return fmt.Errorf("record: %w", err)
	}
	return nil
}

// record collects entries into batches and writes them.
func (r *Recorder) record(ctx context.Context, entries <-chan stream.Entry, followed <-chan error) error {
	var b batch
	timer := time.NewTimer(r.opts.MaxWait)
	timer.Stop()
	defer timer.Stop()
	for {
		var full bool
		select {
		case e := <-entries:
			if len(b.entries) == 0 {
				timer.Reset(r.opts.MaxWait)
			}
			r.take(&b, e)
			full = b.observations >= r.opts.MaxObservations
		case <-timer.C:
			full = true
		case err := <-followed:
			return r.finish(ctx, &b, entries, err)
		case <-ctx.Done():
			return r.flush(ctx, &b)
		}
		if full {
			timer.Stop()
			if err := r.write(ctx, &b); err != nil {
				return err
			}
		}
	}
}

// finish writes what came before the journal ended, and says why it ended.
func (r *Recorder) finish(ctx context.Context, b *batch, entries <-chan stream.Entry, cause error) error {
	if ctx.Err() != nil {
		return r.flush(ctx, b)
	}
	for len(entries) > 0 {
		r.take(b, <-entries)
	}
	if err := r.write(ctx, b); err != nil {
		return errors.Join(err, cause)
	}
	if cause != nil {
		return fmt.Errorf("follow journal: %w", cause)
	}
	return nil
}

// take adds e without what no Series can keep.
func (r *Recorder) take(b *batch, e stream.Entry) {
	kept := e.Observations[:0]
	for _, p := range e.Observations {
		if reason := Storable(p); reason != "" {
			r.metrics.dropped.WithLabelValues(reason).Inc()
			continue
		}
		kept = append(kept, withValidText(p))
	}
	if len(b.entries) == 0 {
		b.oldest = e.At
		r.mu.Lock()
		r.oldest = e.At
		r.mu.Unlock()
	}
	b.entries = append(b.entries, Entry{Seq: e.Seq, Observations: kept})
	b.observations += len(kept)
	b.to = e.Seq
}

// withValidText replaces what is not UTF-8, which stores refuse.
func withValidText(p grid.Placed) grid.Placed {
	p.Device = sensors.DeviceID(strings.ToValidUTF8(string(p.Device), "\uFFFD"))
	p.Kind = sensors.KindKey(strings.ToValidUTF8(string(p.Kind), "\uFFFD"))
	p.Area = grid.AreaCode(strings.ToValidUTF8(string(p.Area), "\uFFFD"))
	p.ID = strings.ToValidUTF8(p.ID, "\uFFFD")
	p.Attrs = strings.ToValidUTF8(p.Attrs, "\uFFFD")
	return p
}

// write writes b, however long the store is away, and empties it. When ctx ends
// in between it makes a last attempt.
func (r *Recorder) write(ctx context.Context, b *batch) error {
	if len(b.entries) == 0 {
		return nil
	}
	again := false
	err := r.retry(ctx, "write", func() error {
		err := r.attempt(ctx, b, again)
		again = true
		return err
	})
	if err != nil && ctx.Err() != nil {
		return r.flush(ctx, b)
	}
	return err
}

// flush is the last write, after ctx has ended.
func (r *Recorder) flush(ctx context.Context, b *batch) error {
	if len(b.entries) == 0 {
		return nil
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.opts.FlushTimeout)
	defer cancel()
	err := r.attempt(last, b, true)
	if errors.Is(err, ErrUnavailable) || last.Err() != nil {
		r.log.Warn("last write put off to the next start", "entries", len(b.entries), "observations", b.observations, "error", err)
		return nil
	}
	return err
}

// attempt writes b once and notes the progress. After an attempt that may have
// done a part of it, the store is asked first how far it has come.
func (r *Recorder) attempt(ctx context.Context, b *batch, again bool) error {
	started := time.Now()
	err := r.offer(ctx, b, again)
	switch {
	case err == nil:
		r.metrics.writes.WithLabelValues("ok").Inc()
	case errors.Is(err, ErrUnavailable):
		r.metrics.writes.WithLabelValues("unavailable").Inc()
		return err
	default:
		r.metrics.writes.WithLabelValues("failed").Inc()
		return err
	}
	r.metrics.duration.Observe(time.Since(started).Seconds())
	r.metrics.written.Add(float64(b.observations))
	r.mu.Lock()
	r.progress = Progress{Seq: b.to, Observations: r.progress.Observations + uint64(b.observations), WrittenAt: time.Now()}
	r.oldest = time.Time{}
	progress := r.progress
	r.mu.Unlock()
	clear(b.entries)
	*b = batch{entries: b.entries[:0]}
	r.opts.OnWritten(progress)
	return nil
}

func (r *Recorder) offer(ctx context.Context, b *batch, again bool) error {
	to := Position{Journal: r.journal.Identity(), Seq: b.to}
	entries := b.entries
	if again {
		saved, err := r.series.Position(ctx, to.Journal)
		if err != nil {
			return err
		}
		for len(entries) > 0 && entries[0].Seq <= saved.Seq {
			entries = entries[1:]
		}
		if len(entries) == 0 {
			return nil
		}
	}
	return r.series.Write(ctx, to, entries)
}

// retry calls f until it returns something else than ErrUnavailable, with
// growing pauses, or ctx ends.
func (r *Recorder) retry(ctx context.Context, what string, f func() error) error {
	pause := minBackoff
	for attempt := 1; ; attempt++ {
		err := f()
		if err == nil && attempt > 1 {
			r.log.Info("series store is back", "attempts", attempt)
		}
		if !errors.Is(err, ErrUnavailable) {
			return err
		}
		wait := pause/2 + rand.N(pause/2+1)
		if away := (*Away)(nil); errors.As(err, &away) {
			wait = max(wait, min(away.After, maxAsked))
		}
		r.log.Warn("series store is away, trying again", "action", what, "attempt", attempt, "pause_seconds", wait.Seconds(), "error", err)
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
		pause = min(2*pause, r.opts.MaxBackoff)
	}
}
