package evaluate

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/urbangrid/urbangrid/analytics/hotspot"
	"github.com/urbangrid/urbangrid/sensors"
)

// SpatialOptions tune a benchmark. The zero Options are those of the full run.
type SpatialOptions struct {
	Seed       uint64 // 0 means 20261125, on which no default of the product was tuned
	Towns      int    // districts, each with a history and a threshold of its own; 0 means 8
	Replicates int    // of each design in each town; 0 means 15
	QuietWeeks int    // without events in each town; 0 means 5
	Weeks      int    // of history; 0 means 6, as in benchmark_spatial.json
	Town       TownOptions
	Designs    []Design // nil means Designs()
	// Detector are the options of the detector; zero means ProductOptions.
	Detector *hotspot.Options
	// Progress is told what is being done, nil is no one.
	Progress io.Writer
}

func (o SpatialOptions) withDefaults() (SpatialOptions, error) {
	if o.Seed == 0 {
		o.Seed = 20261125
	}
	orDefault(&o.Towns, 8)
	orDefault(&o.Replicates, 15)
	orDefault(&o.QuietWeeks, 5)
	orDefault(&o.Weeks, 6)
	if o.Designs == nil {
		o.Designs = Designs()
	}
	if o.Detector == nil {
		opts, err := ProductOptions()
		if err != nil {
			return o, err
		}
		o.Detector = &opts
	}
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	return o, nil
}

func orDefault(v *int, fallback int) {
	if *v == 0 {
		*v = fallback
	}
}

// begin is the Monday with which histories begin.
var begin = time.Date(2025, 9, 1, 0, 0, 0, 0, time.UTC)

// benchKind is what simulated events are.
const benchKind = sensors.KindKey("illegal_parking")

// knownDays is for how long devices have been heard of when they go wrong.
const knownDays = 10

// warmUp is how long a town lives on before an event.
const warmUp = 24 * time.Hour

// learned is a town and what a detector has learned of it.
type learned struct {
	*Town
	number int
	opts   hotspot.Options
	seed   uint64
	days   [7]saved // what it knew at each midnight of the week after the history
	early  saved    // and so many days before the first of them that devices are known by then
	scan   *scanner // of the hourly counts of the same history
}

// saved is a detector as of a midnight.
type saved struct {
	at        time.Time
	state     []byte
	threshold float64
}

// learn makes a town and lets a detector watch it for so many weeks, and one more
// in which its state of each midnight is kept.
func learn(ctx context.Context, o SpatialOptions, number int) (*learned, error) {
	seed := o.Seed + uint64(number)*1_000_003 //nolint:gosec // small
	w, err := NewTown(seed, o.Town)
	if err != nil {
		return nil, err
	}
	l := &learned{Town: w, number: number, opts: *o.Detector, seed: seed, scan: newScanner(w.lattice)}
	d, err := l.detector(l.opts)
	if err != nil {
		return nil, err
	}
	p := &play{town: w, rng: rand.New(rand.NewPCG(seed, streamHistory))}
	at, end := begin, begin.AddDate(0, 0, 7*o.Weeks)
	for day := 0; day < 7; at = at.Add(time.Hour) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if at.Hour() == 0 && (!at.Before(end) || at.Equal(end.AddDate(0, 0, -knownDays))) {
			d.Advance(at)
			state, err := d.Save()
			if err != nil {
				return nil, err
			}
			now := saved{at: at, state: state, threshold: d.Threshold()}
			if at.Before(end) {
				l.early = now
			} else {
				l.days[day] = now
				day++
			}
		}
		events := p.hour(at)
		feed(d, events, nil)
		if at.Before(end) {
			l.scan.learn(at, events)
		}
	}
	l.scan.fit()
	return l, nil
}

func (l *learned) detector(opts hotspot.Options) (*hotspot.Detector, error) {
	d, err := hotspot.New(l.lattice, nil, opts)
	if err != nil {
		return nil, fmt.Errorf("detector to be evaluated: %w", err)
	}
	return d, nil
}

// resume returns a detector that knows what was known at a midnight.
func (l *learned) resume(day int, opts hotspot.Options) (*hotspot.Detector, error) {
	d, err := l.detector(opts)
	if err != nil {
		return nil, err
	}
	return d, d.Restore(l.days[day].state)
}

// feed gives a detector the events of an hour. What a nil recorder misses is lost.
func feed(d *hotspot.Detector, events []incident, r *recorder) {
	for _, e := range events {
		changes := d.Advance(e.at)
		if r != nil {
			r.take(changes)
		}
		d.Add(e.cell, e.at, 1)
	}
}

// run is one stretch of a town's life under a detector.
type run struct {
	l        *learned
	detector hotspot.Options
	day      int
	play     play
	until    time.Time
	// minute is called at the begin of each minute that the detector has reached; nil
	// is never.
	minute func(d *hotspot.Detector, at time.Time)
	// hours is given the events of each hour; nil is not.
	hours func(from time.Time, events []incident)
}

func (r *run) episodes() ([]Episode, error) {
	d, err := r.l.resume(r.day, r.detector)
	if err != nil {
		return nil, err
	}
	rec := newRecorder(benchKind)
	for at := r.l.days[r.day].at; at.Before(r.until); at = at.Add(time.Hour) {
		events := r.play.hour(at)
		if r.hours != nil {
			r.hours(at, events)
		}
		for len(events) > 0 && !events[len(events)-1].at.Before(r.until) {
			events = events[:len(events)-1]
		}
		if r.minute == nil {
			feed(d, events, rec)
			continue
		}
		for m := at; m.Before(at.Add(time.Hour)); m = m.Add(time.Minute) {
			rec.take(d.Advance(m))
			r.minute(d, m)
			n := 0
			for n < len(events) && events[n].at.Before(m.Add(time.Minute)) {
				n++
			}
			feed(d, events[:n], rec)
			events = events[n:]
		}
	}
	rec.take(d.Advance(r.until))
	return rec.episodes, nil
}

// draw is where and when a replicate happens: the same for every design, so that
// designs differ by what happens alone.
type draw struct {
	day    int
	center int
	start  time.Time
}

func (l *learned) draw(replicate int) draw {
	rng := l.random(streamPlace, replicate)
	inner := l.inner()
	d := draw{day: rng.IntN(7), center: inner[rng.IntN(len(inner))]}
	d.start = l.days[d.day].at.Add(warmUp + time.Duration(rng.Int64N(int64(24*time.Hour)))).Truncate(time.Minute)
	return d
}

func (l *learned) random(stream uint64, replicate int) *rand.Rand {
	return rand.New(rand.NewPCG(l.seed, stream+100*uint64(replicate+1))) //nolint:gosec // small
}

// controls returns what is raised in the hours of each replicate when nothing is
// made to happen.
func (l *learned) controls(ctx context.Context, o SpatialOptions) ([][]Episode, error) {
	longest := time.Duration(0)
	for _, d := range o.Designs {
		longest = max(longest, d.Lasts)
	}
	all := make([][]Episode, o.Replicates)
	for n := range all {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		at := l.draw(n)
		r := run{l: l, detector: *o.Detector, day: at.day, until: at.start.Add(longest),
			play: play{town: l.Town, rng: l.random(streamReplicate, n)}}
		var err error
		if all[n], err = r.episodes(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// trial is the findings of one design.
type trial struct {
	design        Design
	found, chance []Finding
	scans         []float64 // best score of the hourly scan during each event, anywhere
	scansThere    []float64 // and overlapping it
}

// Spatial runs the benchmark: every design in every town, and quiet weeks.
func Spatial(ctx context.Context, opts SpatialOptions) (*Result, error) {
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	res := newResult("spatial", o.Seed)
	res.set("districts", float64(o.Towns), "simulated districts, each with a history and a threshold of its own")
	res.set("history_weeks", float64(o.Weeks), "weeks learned before")
	res.set("replicates", float64(o.Towns*o.Replicates), "events of each type")
	trials := make([]trial, len(o.Designs))
	var quiet []Episode
	var quietScans [][]float64
	var thresholds []float64
	merged3h := 0
	for n := range o.Towns {
		fmt.Fprintf(o.Progress, "district %d of %d: %d weeks of history\n", n+1, o.Towns, o.Weeks)
		l, err := learn(ctx, o, n)
		if err != nil {
			return nil, err
		}
		thresholds = append(thresholds, l.days[0].threshold)
		calm, scores, err := l.quietWeeks(o.QuietWeeks, o.Detector)
		if err != nil {
			return nil, err
		}
		controls, err := l.controls(ctx, o)
		if err != nil {
			return nil, err
		}
		quiet, quietScans, merged3h = append(quiet, calm...), append(quietScans, scores), merged3h+merged(calm)
		for i, d := range o.Designs {
			trials[i].design = d
			fmt.Fprintf(o.Progress, "district %d of %d: %s\n", n+1, o.Towns, d.Name)
			if err := trials[i].run(ctx, l, controls, o); err != nil {
				return nil, err
			}
		}
	}
	res.Quiet = append(res.Quiet, quietOf(quiet, merged3h, float64(o.Towns*o.QuietWeeks), thresholds))
	scanThreshold := quietThreshold(quietScans, o.Towns*o.QuietWeeks)
	res.set("scan_threshold", scanThreshold, "of the hourly scan for comparison, one false episode a week on the quiet weeks themselves")
	for i := range trials {
		res.Injections = append(res.Injections, trials[i].quality(scanThreshold))
	}
	res.check()
	return res, nil
}

// run adds the findings of a design in a town.
func (t *trial) run(ctx context.Context, l *learned, controls [][]Episode, o SpatialOptions) error {
	for n := range o.Replicates {
		if err := ctx.Err(); err != nil {
			return err
		}
		at := l.draw(n)
		h := l.stage(t.design, benchKind, at.center, at.start, l.random(streamEvent, n))
		best, there := 0.0, 0.0
		seen := l.scan.follow()
		r := run{l: l, detector: *o.Detector, day: at.day, until: h.truth.End,
			play: play{town: l.Town, rng: l.random(streamReplicate, n), event: h},
			hours: func(from time.Time, events []incident) {
				zone := seen.hour(from, events)
				if !from.Before(h.truth.Start.Truncate(time.Hour)) && from.Before(h.truth.End) {
					best = max(best, zone.score)
					there = max(there, seen.overlapping(h))
				}
			}}
		episodes, err := r.episodes()
		if err != nil {
			return err
		}
		t.found = append(t.found, Find(h.truth, episodes))
		t.scans, t.scansThere = append(t.scans, best), append(t.scansThere, there)
		t.chance = append(t.chance, Find(h.truth, controls[n]))
	}
	return nil
}

func (t *trial) quality(scanThreshold float64) Quality {
	q := Measure(t.design.Name, t.found, t.chance)
	if t.design.Published > 0 {
		q.Published = &t.design.Published
	}
	share := func(scores []float64) *float64 {
		n := 0.0
		for _, s := range scores {
			if s >= scanThreshold {
				n++
			}
		}
		n /= float64(len(scores))
		return &n
	}
	q.Scan, q.ScanOverlap = share(t.scans), share(t.scansThere)
	return q
}

// quietWeeks lets a town live on without events, under a detector that goes on
// learning as in service, and returns what was raised, in order, and the best
// score of the hourly scan of each hour.
func (l *learned) quietWeeks(weeks int, detector *hotspot.Options) ([]Episode, []float64, error) {
	var scores []float64
	seen := l.scan.follow()
	r := run{l: l, detector: *detector, until: l.days[0].at.AddDate(0, 0, 7*weeks),
		play:  play{town: l.Town, rng: l.random(streamQuiet, 0)},
		hours: func(from time.Time, events []incident) { scores = append(scores, seen.hour(from, events).score) }}
	episodes, err := r.episodes()
	slices.SortStableFunc(episodes, func(a, b Episode) int { return a.RaisedAt.Compare(b.RaisedAt) })
	return episodes, scores, err
}

func quietOf(episodes []Episode, merged int, weeks float64, thresholds []float64) Quiet {
	q := Quiet{Weeks: weeks, Alerts: len(episodes), PerWeek: float64(len(episodes)) / weeks, Merged: merged,
		LowestT: slices.Min(thresholds), TopT: slices.Max(thresholds)}
	low, high := PoissonInterval(len(episodes))
	q.Low, q.High = low/weeks, high/weeks
	for _, e := range episodes {
		if len(e.Reports) > 0 && e.Reports[0].Whole {
			q.Whole++
		}
	}
	for _, t := range thresholds {
		q.MeanT += t / float64(len(thresholds))
	}
	return q
}
