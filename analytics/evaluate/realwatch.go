package evaluate

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/urbangrid/urbangrid/analytics/hotspot"
)

// watch is a detector that has watched one kind through the real days.
type watch struct {
	*realKind
	scene   *scene
	number  int
	opts    hotspot.Options
	begins  []saved           // of each judged day
	knows   hotspot.Knowledge // when judging begins
	changes []hotspot.Change
	alone   []Episode // raised on the judged days

	shares []float64     // of each cell in the requests, see usual
	hourly map[int64]int // requests of each hour since the Unix epoch
}

// watch lets a detector learn the first days of a kind and judge the others.
func (s *scene) watch(ctx context.Context, number int) (*watch, error) {
	k := s.kinds[number]
	w := &watch{realKind: k, scene: s, number: number, opts: *s.opts.Detector}
	w.opts.Slot = s.opts.Slot
	w.count()
	d, err := w.detector(w.opts)
	if err != nil {
		return nil, err
	}
	w.pass(d, w.incidents(time.Time{}, s.days[0]), time.Time{}, s.days[0], nil)
	rec := newRecorder(k.key)
	for i, day := range s.days {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		w.take(d.Advance(day), rec)
		state, err := d.Save()
		if err != nil {
			return nil, err
		}
		if i == 0 {
			w.knows = d.Knowledge()
		}
		w.begins = append(w.begins, saved{at: day, state: state, threshold: d.Threshold()})
		until := s.end()
		if i+1 < len(s.days) {
			until = s.days[i+1]
		}
		w.pass(d, w.incidents(day, until), day, until, func(c []hotspot.Change) { w.take(c, rec) })
	}
	w.take(d.Advance(s.end()), rec)
	w.alone = rec.episodes
	return w, nil
}

func (w *watch) take(changes []hotspot.Change, rec *recorder) {
	w.changes = append(w.changes, changes...)
	rec.take(changes)
}

func (w *watch) detector(opts hotspot.Options) (*hotspot.Detector, error) {
	d, err := hotspot.New(w.scene.lattice, nil, opts)
	if err != nil {
		return nil, fmt.Errorf("detector to be evaluated: %w", err)
	}
	return d, nil
}

// incidents returns the requests of a time as a detector takes them in.
func (w *watch) incidents(from, to time.Time) []incident {
	all := w.between(from, to)
	out := make([]incident, len(all))
	for i, r := range all {
		out[i] = incident{r.cell, r.At}
	}
	return out
}

// pass lets a detector live through the time from from to to with what happens in
// it, in order, and know of when requests of any kind were taken in: a kind without
// any is quiet then, and nobody watches otherwise.
func (w *watch) pass(d *hotspot.Detector, events []incident, from, to time.Time, took func([]hotspot.Change)) {
	advance := func(to time.Time) {
		if c := d.Advance(to); took != nil {
			took(c)
		}
	}
	for _, s := range w.scene.watched {
		if s.to.Before(from) || !s.from.Before(to) {
			continue
		}
		if !s.from.Before(from) {
			advance(s.from)
		}
		for len(events) > 0 && !events[0].at.After(s.to) {
			advance(events[0].at)
			d.Add(events[0].cell, events[0].at, 1)
			events = events[1:]
		}
		if s.to.Before(to) {
			advance(s.to)
		}
	}
}

// run lets a detector that knows what was known at the begin of a judged day live
// through what happens then, and returns what it raises.
func (w *watch) run(day int, opts hotspot.Options, events []incident, until time.Time) ([]Episode, error) {
	d, err := w.detector(opts)
	if err != nil {
		return nil, err
	}
	if err := d.Restore(w.begins[day].state); err != nil {
		return nil, err
	}
	rec := newRecorder(w.key)
	w.pass(d, events, w.begins[day].at, until, rec.take)
	rec.take(d.Advance(until))
	return rec.episodes, nil
}

// with returns the requests of a time with what happens besides, in order.
func (w *watch) with(from, to time.Time, besides []incident) []incident {
	all := slices.Concat(w.incidents(from, to), besides)
	slices.SortStableFunc(all, func(a, b incident) int { return a.at.Compare(b.at) })
	return all
}

// Streams of random numbers beside those of the simulated towns.
const (
	streamShuffle = 50 + iota
	streamStart
	streamCluster
)

func (w *watch) random(stream uint64, replicate int) *rand.Rand {
	return rand.New(rand.NewPCG(w.scene.opts.Seed+uint64(w.number)*1_000_003, stream+100*uint64(replicate+1))) //nolint:gosec // small
}

// shuffled returns what is raised when the requests of each judged day exchange
// their places at random: as many requests at each time and at each place and day,
// and nothing that brings them together.
func (w *watch) shuffled(ctx context.Context) ([]Episode, error) {
	var raised []Episode
	for n := range w.scene.opts.Shuffles {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		rng := w.random(streamShuffle, n)
		var events []incident
		for i, b := range w.begins {
			until := w.scene.end()
			if i+1 < len(w.begins) {
				until = w.begins[i+1].at
			}
			day := w.incidents(b.at, until)
			rng.Shuffle(len(day), func(i, j int) { day[i].cell, day[j].cell = day[j].cell, day[i].cell })
			events = append(events, day...)
		}
		episodes, err := w.run(0, w.opts, events, w.scene.end())
		if err != nil {
			return nil, err
		}
		raised = append(raised, w.since(episodes)...)
	}
	return raised, nil
}

// since leaves out what was raised before the judged days and goes on.
func (w *watch) since(episodes []Episode) []Episode {
	return slices.DeleteFunc(slices.Clone(episodes), func(e Episode) bool {
		return len(e.Reports) == 0 || !e.RaisedAt.After(w.scene.days[0])
	})
}

// summary says what was found on the real days alone, and by chance.
func (w *watch) summary(chance []Episode) RealKind {
	weeks := w.scene.weeks()
	alone := w.since(w.alone)
	learned := len(w.between(time.Time{}, w.scene.days[0]))
	low, high := PoissonInterval(len(alone))
	k := RealKind{Kind: w.key, Learned: learned, Judged: len(w.requests) - learned, Repeats: w.repeats, Weeks: weeks,
		Hotspots: len(alone), Whole: wholes(alone), PerWeek: float64(len(alone)) / weeks, Low: low / weeks, High: high / weeks,
		Shuffled: len(chance), OfWhole: wholes(chance), ShufWeeks: weeks * float64(w.scene.opts.Shuffles),
		Hours: w.knows.Hours, Dispersion: w.knows.Dispersion, Threshold: w.knows.Threshold}
	if k.ShufWeeks > 0 {
		k.ByChance = float64(k.Shuffled) / k.ShufWeeks
	}
	return k
}

func wholes(episodes []Episode) (n int) {
	for _, e := range episodes {
		if e.Reports[0].Whole {
			n++
		}
	}
	return n
}

// count makes shares and hourly of all days.
func (w *watch) count() {
	mean := float64(len(w.requests)) / float64(w.scene.lattice.Len())
	w.shares, w.hourly = make([]float64, w.scene.lattice.Len()), make(map[int64]int)
	for _, r := range w.requests {
		w.shares[r.cell]++
		w.hourly[r.At.Unix()/3600]++
	}
	for i := range w.shares {
		w.shares[i] = (w.shares[i] + mean) / (2 * float64(len(w.requests)))
	}
}

// usual is how many requests a cell has by itself in the hour that begins at from:
// of those that the city really had in it the cell's share of all days, shrunk half
// the way to that of the mean cell, since most cells have few.
func (w *watch) usual(cell int, from time.Time) float64 {
	return w.shares[cell] * float64(w.hourly[from.Unix()/3600])
}

// starts returns the requests of the judged days at which any design could begin:
// amid cells that have all of their neighbours, and not too late.
func (w *watch) starts() []counted {
	longest := time.Duration(0)
	for _, d := range w.scene.opts.Designs {
		longest = max(longest, d.Lasts)
	}
	last := w.scene.end().Add(-longest)
	return slices.DeleteFunc(slices.Clone(w.between(w.scene.days[0], last)), func(r counted) bool {
		return len(w.scene.lattice.Disk(r.cell, 2)) < 19
	})
}
