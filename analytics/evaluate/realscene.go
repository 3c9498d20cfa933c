package evaluate

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/urbangrid/urbangrid/analytics/lattice"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

// ErrTooFewDays marks requests of so few days that none is left to be judged after
// those that are learned.
var ErrTooFewDays = errors.New("too few days")

// scene is real days: what was requested, where and when. It does not change.
type scene struct {
	opts    RealOptions
	lattice *lattice.Lattice
	days    []time.Time // judged ones, ascending: midnight, or the first request after a silence
	learned int         // days before them
	watched []stretch   // ascending
	kinds   []*realKind // most requests first
}

// stretch is a time in which requests were taken in, to included.
type stretch struct{ from, to time.Time }

// silence is the longest time without any request at all that is not taken for the
// end of a file.
const silence = 12 * time.Hour

// realKind is the requests of a kind that count, in order of time.
type realKind struct {
	key      sensors.KindKey
	requests []counted
	repeats  int // that do not count
}

// counted is a request with how often it was repeated.
type counted struct {
	Request
	cell    int // of the lattice
	repeats int
}

func newScene(requests []Request, o RealOptions) (*scene, error) {
	all := slices.Clone(requests)
	slices.SortStableFunc(all, func(a, b Request) int {
		return cmp.Or(a.At.Compare(b.At), strings.Compare(a.ID, b.ID))
	})
	s := &scene{opts: o}
	if err := s.divide(all); err != nil {
		return nil, err
	}
	cells := make([]grid.Cell, len(all))
	for i, r := range all {
		c, err := grid.CellAt(r.Point, o.Resolution)
		if err != nil {
			return nil, fmt.Errorf("place of request %q: %w", r.ID, err)
		}
		cells[i] = c
	}
	var err error
	if s.lattice, err = surroundings(cells); err != nil {
		return nil, err
	}
	kinds := make(map[sensors.KindKey]*realKind)
	for i, r := range all {
		k := kinds[r.Kind]
		if k == nil {
			k = &realKind{key: r.Kind}
			kinds[r.Kind] = k
		}
		at, _ := s.lattice.Index(cells[i]) // it was made of them
		k.requests = append(k.requests, counted{Request: r, cell: at})
	}
	for _, k := range kinds {
		k.fold(o.Repeat)
	}
	s.kinds = slices.SortedFunc(maps.Values(kinds), func(a, b *realKind) int {
		return cmp.Or(cmp.Compare(len(b.requests), len(a.requests)), strings.Compare(string(a.key), string(b.key)))
	})
	return s, nil
}

// divide makes days and stretches of requests, which are in order.
func (s *scene) divide(all []Request) error {
	var days []time.Time
	var last time.Time
	for i, r := range all {
		y, m, d := r.At.In(s.opts.Zone).Date()
		midnight := time.Date(y, m, d, 0, 0, 0, 0, s.opts.Zone)
		resumed := i == 0 || r.At.Sub(all[i-1].At) > silence
		if resumed {
			s.watched = append(s.watched, stretch{from: r.At})
		}
		s.watched[len(s.watched)-1].to = r.At
		if midnight.Equal(last) {
			continue
		}
		last = midnight
		if resumed {
			days = append(days, r.At)
		} else {
			days = append(days, midnight)
		}
	}
	s.learned = cmp.Or(s.opts.LearnDays, (len(days)+1)/2)
	if s.learned < 1 || len(days) <= s.learned {
		return fmt.Errorf("%w: requests of %d days, of which %d are to be learned", ErrTooFewDays, len(days), s.learned)
	}
	s.days = days[s.learned:]
	return nil
}

// surroundings returns the lattice of cells and their neighbours: where requests
// can come from, as far as requests tell.
func surroundings(cells []grid.Cell) (*lattice.Lattice, error) {
	around := slices.Clone(cells)
	slices.Sort(around)
	around = slices.Compact(around)
	for _, c := range around[:len(around):len(around)] {
		disk, err := c.Disk(1)
		if err != nil {
			return nil, fmt.Errorf("area of the requests: %w", err)
		}
		around = append(around, disk[1]...)
	}
	l, err := lattice.New(around, 2)
	if err != nil {
		return nil, fmt.Errorf("area of the requests: %w", err)
	}
	return l, nil
}

// fold takes out what repeats an earlier request at the same point within a time
// of the one before: one household, one counter, one person who is not sure that it
// went through.
func (k *realKind) fold(within time.Duration) {
	if within < 0 {
		return
	}
	type seen struct {
		at    time.Time
		first int // in kept
	}
	last := make(map[grid.Point]seen)
	kept := k.requests[:0]
	for _, r := range k.requests {
		before, known := last[r.Point]
		if known && r.At.Sub(before.at) <= within {
			kept[before.first].repeats++
			k.repeats++
			last[r.Point] = seen{r.At, before.first}
			continue
		}
		last[r.Point] = seen{r.At, len(kept)}
		kept = append(kept, r)
	}
	k.requests = kept
}

// end is when judging ends: just after the last request of all.
func (s *scene) end() time.Time {
	return s.watched[len(s.watched)-1].to.Truncate(time.Minute).Add(time.Minute)
}

// weeks is how much time is judged.
func (s *scene) weeks() float64 {
	var judged time.Duration
	for _, w := range s.watched {
		if from := latest(w.from, s.days[0]); from.Before(w.to) {
			judged += w.to.Sub(from)
		}
	}
	return judged.Hours() / (7 * 24)
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// between returns the requests from from on and before to.
func (k *realKind) between(from, to time.Time) []counted {
	at := func(t time.Time) int {
		i, _ := slices.BinarySearchFunc(k.requests, t, func(r counted, t time.Time) int {
			if r.At.Before(t) {
				return -1
			}
			return 1
		})
		return i
	}
	return k.requests[at(from):max(at(to), at(from))]
}

func (s *scene) settings(r *Result) {
	r.set("resolution", float64(s.opts.Resolution), "H3 resolution of the cells")
	r.set("cells", float64(s.lattice.Len()), "cells with a request, of any kind and day, and those beside them")
	r.set("days_learned", float64(s.learned), "days with requests, the first ones, that the detector knows before it is judged")
	r.set("days_judged", float64(len(s.days)), "days with requests after them; it goes on learning")
	r.set("weeks_judged", s.weeks(), "of them, from the first judged day to the last request, without times when nobody watched")
	r.set("repeat_minutes", s.opts.Repeat.Minutes(), "in which a request of the same kind at the same point repeats the one before and does not count; below 0 none does")
	r.set("shuffles", float64(s.opts.Shuffles), "of the judged days with the places of each day's requests exchanged")
	r.set("replicates", float64(s.opts.Replicates), "clusters of each design and kind")
}
