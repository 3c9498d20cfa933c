package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/stream"
)

// Keeper follows the journal for the records: rejects go to the quarantine, and
// the register learns who spoke, when, how much of it was bad, and how the
// devices do.
type Keeper struct {
	journal    Journal
	quarantine Quarantine
	devices    Activities
	opts       KeeperOptions
	log        *slog.Logger
	retries    prometheus.Counter

	active  map[sensors.DeviceID]*Activity // since the last flush
	entries []RejectEntry                  // since the last flush
	at      uint64                         // newest entry read
	saved   uint64
	told    uint64 // what entries up to this one say of devices is saved
}

// KeeperOptions tune a Keeper. The zero KeeperOptions work.
type KeeperOptions struct {
	Every      time.Duration // how often records are written; 0 means 2 s
	Logger     *slog.Logger  // nil means slog.Default()
	Registerer prometheus.Registerer
	Saved      func(seq uint64) // told of each saved position; may be nil
	// DeviceOf names the device that a refused message is of, "" when nobody can
	// tell; nil means [DeviceOf].
	DeviceOf func(Reject) sensors.DeviceID
}

// NewKeeper returns a Keeper; Run does its work.
func NewKeeper(journal Journal, quarantine Quarantine, devices Activities, opts KeeperOptions) *Keeper {
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
	if opts.DeviceOf == nil {
		opts.DeviceOf = DeviceOf
	}
	k := &Keeper{
		journal: journal, quarantine: quarantine, devices: devices, opts: opts,
		log:    opts.Logger.With("component", "keeper"),
		active: map[sensors.DeviceID]*Activity{},
		retries: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "urbangrid_store_records_retries_total",
			Help: "Writes of quarantine and device activity that failed and were tried again.",
		}),
	}
	opts.Registerer.MustRegister(k.retries)
	return k
}

// What a Keeper holds between two flushes; past either it flushes.
const (
	maxKept   = 5_000   // entries with rejects
	maxActive = 100_000 // devices
)

func (k *Keeper) full() bool { return len(k.entries) >= maxKept || len(k.active) >= maxActive }

// Run follows the journal until ctx ends, writes what it holds, and returns
// ctx's error; or another error when the journal cannot be read.
func (k *Keeper) Run(ctx context.Context) error {
	pos, err := k.quarantine.QuarantinePosition(ctx, k.journal.Identity())
	if err != nil {
		return fmt.Errorf("keeper position: %w", err)
	}
	told, err := k.devices.ActivityPosition(ctx, k.journal.Identity())
	if err != nil {
		return fmt.Errorf("keeper position: %w", err)
	}
	k.at, k.saved, k.told = pos.Seq, pos.Seq, told.Seq
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
			if !k.full() {
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
		if k.full() {
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
	for k.full() {
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
	entry := RejectEntry{Seq: e.Seq, Rejects: make([]Reject, len(e.Rejects))}
	for i, r := range e.Rejects {
		entry.Rejects[i] = Reject{
			At: r.At, Reason: r.Reason, Detail: r.Detail, Topic: r.Topic,
			Payload: r.Payload, Size: r.Size, Message: r.Message,
		}
		entry.Rejects[i].Device = k.opts.DeviceOf(entry.Rejects[i])
	}
	if len(e.Rejects) > 0 {
		k.entries = append(k.entries, entry)
	}
	// An entry that is read again for the quarantine alone is not counted twice.
	if e.Seq > k.told {
		k.takeObservations(e.Observations)
		k.takeBad(entry.Rejects)
		k.TakeHealth(e.Health)
	}
}

func (k *Keeper) takeObservations(list []grid.Placed) {
	for i := range list {
		o := &list[i]
		a := k.of(o.Device)
		a.Observations++
		if o.Received.After(a.Seen) {
			a.Seen = o.Received
		}
	}
}

func (k *Keeper) takeBad(rejects []Reject) {
	for _, r := range rejects {
		if r.Device != "" {
			k.of(r.Device).Bad++
		}
	}
}

// TakeHealth takes what messages say about devices. It is called by the
// goroutine that runs Run.
func (k *Keeper) TakeHealth(list []sensors.Health) {
	for _, h := range list {
		if h.Device == "" || h.At.IsZero() {
			continue
		}
		a := k.of(h.Device)
		newer := func(at *time.Time, said bool) bool {
			if !said || h.At.Before(*at) {
				return false
			}
			*at = h.At
			return true
		}
		if newer(&a.PresenceAt, h.Presence != sensors.PresenceUnsaid) {
			a.Presence = h.Presence
		}
		if newer(&a.BatteryAt, h.BatteryPercent != nil) {
			a.BatteryPercent = *h.BatteryPercent
		}
		if newer(&a.SignalAt, h.SignalDBm != nil) {
			a.SignalDBm = *h.SignalDBm
		}
		if newer(&a.ReportedAt, h.Position.Known()) {
			a.Reported = h.Position
		}
		if newer(&a.NoteAt, h.Note != "") {
			a.Note = h.Note
		}
	}
}

func (k *Keeper) of(id sensors.DeviceID) *Activity {
	a := k.active[id]
	if a == nil {
		a = &Activity{Device: id}
		k.active[id] = a
	}
	return a
}

// flush writes what was taken. What devices did goes first, with a position of
// its own; the position that is saved with the rejects covers both.
func (k *Keeper) flush(ctx context.Context) error {
	if k.at == k.saved {
		return nil
	}
	to := Position{Journal: k.journal.Identity(), Seq: k.at}
	if k.at > k.told {
		list := make([]Activity, 0, len(k.active))
		for _, a := range k.active {
			list = append(list, *a)
		}
		if err := k.devices.SaveActivity(ctx, to, list); err != nil {
			return fmt.Errorf("write device activity: %w", err)
		}
		clear(k.active)
		k.told = k.at
	}
	if err := k.quarantine.SaveRejects(ctx, to, k.entries); err != nil {
		return fmt.Errorf("write quarantine: %w", err)
	}
	k.entries, k.saved = nil, k.at
	k.opts.Saved(k.saved)
	return nil
}

// DeviceOf returns the device of a refused message: as the detail of an unknown
// device names it ("device noise-1 is not in the register"), else as the topic
// does in the formats whose topics name devices.
func DeviceOf(r Reject) sensors.DeviceID {
	if r.Reason == ReasonUnknownDevice {
		id, ok := strings.CutSuffix(strings.TrimPrefix(r.Detail, "device "), " is not in the register")
		if ok && sensors.ValidDeviceID(id) {
			return sensors.DeviceID(id)
		}
	}
	level := strings.SplitN(r.Topic, "/", 6)
	id := ""
	switch {
	case len(level) >= 4 && level[0] == "urbangrid" && level[1] == "v1":
		id = level[2]
	case len(level) >= 5 && level[0] == "application" && level[2] == "device" && level[4] == "event": // ChirpStack
		id = level[3]
	case len(level) >= 5 && level[0] == "v3" && level[2] == "devices": // The Things Stack
		id = level[3]
	}
	if !sensors.ValidDeviceID(id) {
		return ""
	}
	return sensors.DeviceID(id)
}
