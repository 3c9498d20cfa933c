package analytics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
	"github.com/urbangrid/urbangrid/stream"
)

// Journal is what the engine reads.
type Journal interface {
	// Identity names the journal for as long as it exists.
	Identity() string
	// Follow sends the entries after the given number to out, in order, each
	// once, and then new ones as they are committed. It returns when ctx ends, or
	// with the reason why it cannot go on, and never closes out.
	Follow(ctx context.Context, after uint64, out chan<- stream.Entry) error
	// SeqAt returns the number of the last entry committed before t, 0 when there
	// is none.
	SeqAt(ctx context.Context, t time.Time) (uint64, error)
}

// Kinds is the catalogue, as far as the engine needs it.
type Kinds interface {
	All() []sensors.Kind
}

// Memory keeps what an engine has learned while it does not run.
type Memory interface {
	// Remember replaces the note of that name. A nil error means that it is
	// durable.
	Remember(ctx context.Context, name string, note []byte) error
	// Recall returns the note of that name, nil when there is none.
	Recall(ctx context.Context, name string) ([]byte, error)
}

// Options tune an Engine.
type Options struct {
	// Lateness is the age on receipt from which an observation is history and
	// never judged; 0 means 24 h.
	Lateness time.Duration
	// Warmup is how much of the journal before the judged position is read back
	// after a restart; 0 means 20 min. Less than MaxHold and the longest live
	// window makes a restart forget what is running.
	Warmup time.Duration
	// SaveEvery is the longest time that a judged position without alerts is not
	// saved; 0 means 5 s.
	SaveEvery time.Duration
	// Memory keeps the baselines of cells over a restart; nil means that a
	// restarted engine knows the last Warmup alone.
	Memory Memory
	// Saved is called after alert changes were saved, by the engine's own
	// goroutine; it must not block. nil is no one.
	Saved func()
	// Study is where hotspots are looked for. Without cells, rules about hotspots are
	// an error.
	Study Study
	// Mutes returns what people have muted and what is under maintenance, in force
	// now or within the lateness; it is asked every few seconds. nil means nothing.
	Mutes func(ctx context.Context) (*store.MuteSet, error)
	// Verdicts is what people say of alerts; nil means nothing.
	Verdicts Verdicts
	// Coverage returns for a kind what share of the sensors that watch a cell work,
	// 0 to 1, of cells where not all do; it is asked every minute, of kinds with
	// rules about hotspots. nil means that all do.
	Coverage func(sensors.KindKey) map[grid.Cell]float64
	// Interval returns the longest that a device is silent when all is well, as
	// people registered it, 0 when they did not; nil means that nobody did.
	Interval func(sensors.DeviceID) time.Duration
	// AreaNames are what alerts call an area; nil, and zero Names, mean its code.
	AreaNames func(grid.AreaCode) sensors.Names
	// Now is the clock of the live map; nil means time.Now. Alerts go by
	// phenomenon time alone.
	Now        func() time.Time
	Log        *slog.Logger          // nil discards
	Registerer prometheus.Registerer // nil registers no metrics
}

func (o Options) withDefaults() Options {
	if o.Lateness == 0 {
		o.Lateness = 24 * time.Hour
	}
	if o.Warmup == 0 {
		o.Warmup = 20 * time.Minute
	}
	if o.SaveEvery == 0 {
		o.SaveEvery = 5 * time.Second
	}
	if o.Saved == nil {
		o.Saved = func() {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Log = o.Log.With("component", "analytics")
	return o
}

// Engine judges the observations of a journal as they arrive: it raises and
// closes alerts by rules, and tells a Watcher what each cell shows.
//
// The journal is its only queue: while alerts cannot be saved, judging waits.
type Engine struct {
	journal Journal
	alerts  store.Alerts
	catalog Kinds
	rules   []Rule
	study   *study
	watcher Watcher
	opts    Options
	metrics *metrics
	looks   chan func(*judge) // run between two entries; shared with engines of other rules
}

// NewEngine returns an engine that Run starts. A nil watcher is no one. The error joins every rule that
// does not fit the catalogue.
func NewEngine(journal Journal, alerts store.Alerts, catalog Kinds, rules []Rule, watcher Watcher, opts Options) (*Engine, error) {
	err := checkRules(catalog, rules)
	if hasHotspots(rules) && len(opts.Study.Cells) == 0 {
		err = errors.Join(err, errors.New("rules about hotspots need a district: there are no areas"))
	}
	if err != nil {
		return nil, fmt.Errorf("rules: %w", err)
	}
	study, err := newStudy(opts.Study)
	if err != nil {
		return nil, err
	}
	m, err := newMetrics(opts.Registerer, rules)
	if err != nil {
		return nil, err
	}
	e := &Engine{
		journal: journal, alerts: alerts, catalog: catalog, rules: rules, study: study, watcher: watcher,
		opts: opts.withDefaults(), metrics: m, looks: make(chan func(*judge)),
	}
	if _, err := newJudge(catalog, rules, study, e.opts, m); err != nil {
		return nil, err
	}
	return e, nil
}

func hasHotspots(rules []Rule) bool {
	return slices.ContainsFunc(rules, func(r Rule) bool { return r.Hotspot != nil })
}

func checkRules(catalog Kinds, rules []Rule) error {
	kinds := make(map[sensors.KindKey]sensors.Kind)
	for _, k := range catalog.All() {
		kinds[k.Key] = k
	}
	var faults []error
	named, counted := make(map[string]bool), make(map[sensors.KindKey]bool)
	for _, r := range rules {
		bad := r.faults()
		if k, ok := kinds[r.Kind]; ok {
			bad = append(bad, r.kindFaults(k)...)
		} else {
			bad = append(bad, fmt.Errorf("kind %q is not in the catalogue", r.Kind))
		}
		if named[r.Name] {
			bad = append(bad, errors.New("name is used twice"))
		}
		bad = append(bad, r.pairFaults(rules)...)
		if r.Exceedance != nil && counted[r.Kind] {
			bad = append(bad, fmt.Errorf("kind %q has two exceedance rules", r.Kind))
		}
		named[r.Name], counted[r.Kind] = true, counted[r.Kind] || r.Exceedance != nil
		for _, fault := range bad {
			faults = append(faults, fmt.Errorf("rule %q: %w", r.Name, fault))
		}
	}
	return errors.Join(faults...)
}

// tickEvery is how often the Watcher is told.
const tickEvery = time.Second

// run is the state of one Run.
type run struct {
	*Engine
	judge    *judge
	judged   store.Position // everything up to it has been judged
	saved    store.Position
	savedAt  time.Time
	warmUpTo uint64 // entries up to it were judged before

	rememberedAt time.Time
	askedAt      time.Time // about mutes and coverage
	heardAt      time.Time // about answers
	compareAt    time.Time // before which cells are not compared again
}

// Run judges until ctx ends, then saves what it holds and returns nil. It
// returns an error when the journal or the records cannot be read, or when the
// records contradict the engine ([store.ErrAlertOpen]: another engine writes to
// them). It may be called again; nothing is judged twice.
func (e *Engine) Run(ctx context.Context) error {
	r, after, err := e.start(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("start judging: %w", err)
	}
	r.askMutes(ctx) // before the first entry: what is read back is under maintenance too
	ctx, cancel := context.WithCancel(ctx)
	entries, followed := make(chan stream.Entry), make(chan error, 1)
	go func() { followed <- e.journal.Follow(ctx, after, entries) }()

	err = r.loop(ctx, entries, followed)
	if ctx.Err() == nil {
		cancel()
		<-followed //nolint:errcheck // it was told to end
		return err
	}
	cancel()
	return r.stop()
}

// loop returns an error that ends Run, or nil when ctx has ended and Follow too.
func (r *run) loop(ctx context.Context, entries <-chan stream.Entry, followed chan error) error {
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	if len(r.judge.changes) > 0 { // alerts whose rule is gone
		if err := r.save(ctx); err != nil && ctx.Err() == nil {
			return err
		}
	}
	for {
		select {
		case entry := <-entries:
			r.take(entry)
			if err := r.takeMore(ctx, entries); err != nil && ctx.Err() == nil {
				return err
			}
		case at := <-r.looks:
			at(r.judge)
		case <-tick.C:
			if err := r.tick(ctx); err != nil && ctx.Err() == nil {
				return err
			}
		case err := <-followed:
			followed <- err
			if ctx.Err() != nil {
				return nil
			}
			if err == nil {
				err = errors.New("it ended by itself")
			}
			return fmt.Errorf("follow journal: %w", err)
		}
	}
}

// Alerts of entries that are there already are saved together: one commit for
// all of them is sooner done than one for each.
const (
	maxTogether     = 256
	maxTogetherTime = 20 * time.Millisecond
)

// takeMore takes in entries while there are unsaved alerts and company for them,
// then saves.
func (r *run) takeMore(ctx context.Context, entries <-chan stream.Entry) error {
	if len(r.judge.changes) == 0 {
		return nil
	}
	for began := time.Now(); len(r.judge.changes) < maxTogether && time.Since(began) < maxTogetherTime; {
		select {
		case entry := <-entries:
			r.take(entry)
			continue
		default:
		}
		break
	}
	return r.save(ctx)
}

func (r *run) take(entry stream.Entry) {
	if !r.judge.live && entry.Seq > r.warmUpTo {
		r.judge.goLive(r.opts.Now())
	}
	r.judge.seq = entry.Seq
	for i := range entry.Observations {
		r.judge.observe(&entry.Observations[i])
	}
	for i := range entry.Health {
		r.judge.health(&entry.Health[i], entry.At)
	}
	r.judge.count()
	r.judged.Seq = max(r.judged.Seq, entry.Seq)
}

func (r *run) tick(ctx context.Context) error {
	now, newest := r.opts.Now(), time.Time{}
	if r.judge.newest != noTime {
		newest = fromMicros(r.judge.newest)
		r.metrics.newest.Set(float64(r.judge.newest) / 1e6)
	}
	// When everything is silent the map empties by the clock.
	changed := r.judge.changedCells(now.Add(-silence).UnixMicro())
	if r.watcher != nil {
		r.watcher.CellsChanged(now, newest, changed)
		r.compareCells(now)
	}
	r.metrics.openAlerts.Set(float64(r.judge.open))
	r.metrics.cells.Set(float64(r.judge.activeCells()))
	if r.judge.live && now.Sub(r.askedAt) >= askEvery {
		r.askedAt = now
		r.askMutes(ctx)
		r.askCoverage()
		if now.Sub(r.heardAt) >= answersEvery {
			r.heardAt = now
			r.askAnswers(ctx, now)
		}
		r.metrics.knowledge(r.judge.hotspots)
	}
	if r.judge.live && len(r.judge.changes) == 0 && now.Sub(r.rememberedAt) >= rememberEvery {
		r.remember(ctx, now)
	}
	if r.judged.Seq > r.saved.Seq && now.Sub(r.savedAt) >= r.opts.SaveEvery {
		return r.save(ctx)
	}
	return nil
}

// askEvery is how often the engine asks for mutes and coverage.
const askEvery = 5 * time.Second

// askMutes learns what is muted. While that cannot be found out, what was known
// holds on.
func (r *run) askMutes(ctx context.Context) {
	if r.opts.Mutes == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, lastRetry)
	defer cancel()
	mutes, err := r.opts.Mutes(ctx)
	if err != nil {
		if ctx.Err() == nil {
			r.metrics.muteErrors.Inc()
			r.opts.Log.Warn("mutes not read, the last known hold", "error", err)
		}
		return
	}
	r.judge.mutes = mutes
}

// askCoverage learns which cells are watched by fewer sensors than usual.
func (r *run) askCoverage() {
	for _, h := range r.judge.hotspots {
		var shares map[grid.Cell]float64
		if r.opts.Coverage != nil {
			shares = r.opts.Coverage(h.kind.Key)
		}
		h.cover(h.unmaintained(shares, r.judge.mutes, r.judge.newest))
	}
}

// compareCells tells the watcher where cells stand out among the others, of kinds
// of which something was heard or at whose last comparison something did.
func (r *run) compareCells(now time.Time) {
	if r.judge.heat.study.lattice.Len() == 0 || now.Before(r.compareAt) {
		return
	}
	began := time.Now()
	for _, k := range r.judge.kinds {
		if !k.news {
			continue
		}
		k.news = false
		if changed := r.judge.heat.changed(k, r.judge.told); len(changed) > 0 {
			k.news = true // what stands out now has to be taken back when it falls silent
			r.watcher.HeatChanged(now, changed)
		}
		if changed := r.judge.heat.exceeding(k, r.judge.told); len(changed) > 0 {
			k.news = true
			r.watcher.ExcessChanged(now, changed)
		}
	}
	r.compareAt = now.Add(time.Duration(float64(time.Since(began)) / heatShare))
}

// silence is how long the live map may stand still before its windows move by
// the clock.
const silence = time.Minute

// The pause between attempts to save, doubled after each.
const (
	firstRetry  = 50 * time.Millisecond
	lastRetry   = 5 * time.Second
	saveTimeout = 30 * time.Second
)

// save stores changes and position. It blocks until it has succeeded, ctx ends
// or trying again is useless.
func (r *run) save(ctx context.Context) error {
	for pause := firstRetry; ; pause = min(2*pause, lastRetry) {
		err := r.trySave(ctx, saveTimeout)
		if err == nil {
			return nil
		}
		if errors.Is(err, store.ErrAlertOpen) || ctx.Err() != nil {
			return err
		}
		r.metrics.saveErrors.Inc()
		r.opts.Log.Warn("alerts not saved, judging waits", "error", err, "alerts", len(r.judge.changes), "retry_seconds", pause.Seconds())
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (r *run) trySave(ctx context.Context, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if err := r.alerts.SaveAlerts(ctx, r.judged, r.judge.changes); err != nil {
		return err
	}
	if len(r.judge.changes) > 0 {
		r.opts.Saved()
	}
	clear(r.judge.changes)
	r.judge.changes = r.judge.changes[:0]
	r.saved, r.savedAt = r.judged, r.opts.Now()
	return nil
}

// stop saves what was judged. What cannot be saved is judged again by the next
// Run.
func (r *run) stop() error {
	if r.judged != r.saved || len(r.judge.changes) > 0 {
		if err := r.trySave(context.Background(), lastRetry); err != nil {
			return fmt.Errorf("save %d alert changes at the end: %w", len(r.judge.changes), err)
		}
	}
	if r.judge.live { // after the alerts, so that what it knows is never ahead of them
		r.remember(context.Background(), r.opts.Now())
	}
	return nil
}
