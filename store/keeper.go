package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/stream"
)

// Keeper follows the journal for the records: rejects go to the quarantine, and
// the register learns who spoke and when.
type Keeper struct {
	journal    Journal
	quarantine Quarantine
	devices    Devices
	opts       KeeperOptions
	log        *slog.Logger
	retries    prometheus.Counter

	seen    map[sensors.DeviceID]time.Time // since the last flush
	entries []RejectEntry                  // since the last flush
	at      uint64                         // newest entry read
	saved   uint64
}

// KeeperOptions tune a Keeper. The zero KeeperOptions work.
type KeeperOptions struct {
	Every      time.Duration // how often records are written; 0 means 2 s
	Logger     *slog.Logger  // nil means slog.Default()
	Registerer prometheus.Registerer
	Saved      func(seq uint64) // told of each saved position; may be nil
}

// NewKeeper returns a Keeper; Run does its work.
func NewKeeper(journal Journal, quarantine Quarantine, devices Devices, opts KeeperOptions) *Keeper {
	if opts.Every == 0 {
		opts.Every = 2 * time.Second
	}
	if opts.Logger == nil {
		opts.Logger = slog.Default()
	}
	if opts.Registerer == nil {
		opts.Registerer = prometheus.NewRegistry()
	}
	if opts.Saved == nil {
		opts.Saved = func(uint64) {}
	}
	k := &Keeper{
		journal: journal, quarantine: quarantine, devices: devices, opts: opts,
		log:  opts.Logger.With("component", "keeper"),
		seen: map[sensors.DeviceID]time.Time{},
		retries: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "urbangrid_store_records_retries_total",
			Help: "Writes of quarantine and last-seen times that failed and were tried again.",
		}),
	}
	opts.Registerer.MustRegister(k.retries)
	return k
}

// maxKept bounds what a Keeper holds between two flushes; past it it flushes.
const maxKept = 5_000

// Run follows the journal until ctx ends, writes what it holds, and returns
// ctx's error; or another error when the journal cannot be read.
func (k *Keeper) Run(ctx context.Context) error {
	pos, err := k.quarantine.QuarantinePosition(ctx, k.journal.Identity())
	if err != nil {
		return fmt.Errorf("keeper position: %w", err)
	}
	k.at, k.saved = pos.Seq, pos.Seq
	k.opts.Saved(pos.Seq)
	followCtx, stop := context.WithCancel(ctx)
	defer stop()
	entries := make(chan stream.Entry)
	ended := make(chan error, 1)
	go func() { ended <- k.journal.Follow(followCtx, pos.Seq, entries) }()
	tick := time.NewTicker(k.opts.Every)
	defer tick.Stop()
	for {
		select {
		case e := <-entries:
			k.take(e)
			if len(k.entries) < maxKept {
				continue
			}
		case <-tick.C:
		case err := <-ended:
			return errors.Join(err, k.finish(ctx))
		}
		if err := k.flush(ctx); err != nil && ctx.Err() == nil {
			k.retries.Inc()
			k.log.Warn("records not written, trying again", "error", err)
		}
		if len(k.entries) >= maxKept {
			k.wait(ctx, tick)
		}
	}
}

// finish writes what is held although ctx has ended.
func (k *Keeper) finish(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return k.flush(ctx)
}

// wait holds up reading while the records cannot be written: the journal keeps
// what comes.
func (k *Keeper) wait(ctx context.Context, tick *time.Ticker) {
	for len(k.entries) >= maxKept {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if err := k.flush(ctx); err != nil {
			k.retries.Inc()
		}
	}
}

func (k *Keeper) take(e stream.Entry) {
	k.at = e.Seq
	for i := range e.Observations {
		o := &e.Observations[i]
		if o.Received.After(k.seen[o.Device]) {
			k.seen[o.Device] = o.Received
		}
	}
	if len(e.Rejects) == 0 {
		return
	}
	entry := RejectEntry{Seq: e.Seq, Rejects: make([]Reject, len(e.Rejects))}
	for i, r := range e.Rejects {
		entry.Rejects[i] = Reject(r)
	}
	k.entries = append(k.entries, entry)
}

// flush writes what was taken. Last-seen times go first: writing them twice
// does no harm, and the position that is saved with the rejects covers both.
func (k *Keeper) flush(ctx context.Context) error {
	if k.at == k.saved {
		return nil
	}
	if len(k.seen) > 0 {
		if err := k.devices.SeenDevices(ctx, k.seen); err != nil {
			return fmt.Errorf("write last-seen times: %w", err)
		}
		clear(k.seen)
	}
	to := Position{Journal: k.journal.Identity(), Seq: k.at}
	if err := k.quarantine.SaveRejects(ctx, to, k.entries); err != nil {
		return fmt.Errorf("write quarantine: %w", err)
	}
	k.entries, k.saved = nil, k.at
	k.opts.Saved(k.saved)
	return nil
}
