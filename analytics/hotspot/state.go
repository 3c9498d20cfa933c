package hotspot

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"slices"
	"time"

	"github.com/urbangrid/urbangrid/grid"
)

// stateVersion tells states apart that mean different things.
const stateVersion = 1

// state is all that a detector knows, with cells by name so that a district whose
// cells have changed keeps what it can.
type state struct {
	Version          int
	Step             time.Duration
	Windows          []time.Duration
	Started          bool
	Now, Born, Heard int64
	NextHour         int64
	HoursLearned     int

	Slots        []savedSlot
	Additions    []savedAddition
	Hours        []savedHour
	Gaps         map[grid.Cell][]coverageStep
	Hot, Touched []grid.Cell // centers of what stands out, and cells with new events

	PriorRate, PriorWeight     float64
	Events, Exposure, Profile  []float64
	Watched                    []float64
	Cold                       []savedCold // of each group, as of the last refit
	Level, LevelGot, LevelWant float64
	Phi                        ratio
	City                       [maxWindows]ratio
	Recent                     []hourTotal

	Day      [dayHours]hourEvents
	Borrowed []borrowed

	Clusters    []savedCluster
	Frozen      []savedFrozen
	Withheld    []savedWithheld
	Pauses      []pause
	Quiet       quiet
	Threshold   float64
	Offset      float64
	Fed         time.Time
	Unconfirmed []int
}

type savedSlot struct {
	Cell            grid.Cell
	Learned, Missed float64
	Rate, Variance  float64
}

type savedCold struct{ Rate, Variance float64 }

type savedAddition struct {
	Step int64
	Slot int // of state.Slots
	N    int32
}

type savedHour struct {
	Hour   int64
	Slots  []int
	Events []int32
}

type savedCluster struct {
	Hotspot
	Pending           bool
	Score             float64
	Looks, Flips      uint32
	Looked, ColdLooks int
	ColdSince         int64
	ToldCount         float64
	ToldCells         []grid.Cell
	ToldSevere        bool
	Ordinary, Real    bool
}

type savedFrozen struct {
	ID       string
	Whole    bool
	Cells    []grid.Cell
	From, To time.Time
}

type savedWithheld struct {
	Hour   int64
	Whole  bool
	Cells  []grid.Cell
	Events []int32
	Hours  []float64
	Rates  []float64
}

// Save returns all that the detector knows, for Restore.
func (d *Detector) Save() ([]byte, error) {
	e := &d.expect
	s := state{
		Version: stateVersion, Step: d.opts.Step, Windows: d.opts.Windows,
		Started: d.started, Now: d.now, Born: d.born, Heard: d.heard, NextHour: d.nextHour, HoursLearned: d.hoursLearned,
		PriorRate: e.priorRate, PriorWeight: e.priorWeight, Events: e.events, Exposure: e.exposure, Profile: e.profile,
		Watched: e.watched, Level: e.level, LevelGot: e.levelGot, LevelWant: e.levelWant, Phi: e.phi, City: e.city, Recent: e.recent,
		Gaps: make(map[grid.Cell][]coverageStep), Quiet: d.quiet, Threshold: d.threshold, Offset: d.offset, Fed: d.fed, Unconfirmed: d.unconfirmed, Pauses: d.pauses,
		Day: d.day.Hours, Borrowed: d.borrowed,
	}
	for _, c := range d.cold {
		s.Cold = append(s.Cold, savedCold{Rate: c.rate, Variance: c.variance})
	}
	cells := d.lattice.Cells()
	place := make([]int, len(d.counts.slots)) // in s.Slots
	for i, c := range d.counts.slots {
		if c.cell < 0 {
			continue
		}
		place[i] = len(s.Slots)
		s.Slots = append(s.Slots, savedSlot{Cell: cells[c.cell], Learned: c.learned, Missed: c.missed, Rate: c.rate, Variance: c.variance})
	}
	for step := d.now - int64(len(d.counts.ring)) + 1; step <= d.now && d.started; step++ {
		for _, a := range d.counts.ring[mod(step, int64(len(d.counts.ring)))] {
			s.Additions = append(s.Additions, savedAddition{Step: step, Slot: place[a.slot], N: a.n})
		}
	}
	for _, h := range d.hours {
		saved := savedHour{Hour: h.hour}
		for at, n := range h.cells {
			saved.Slots, saved.Events = append(saved.Slots, place[at]), append(saved.Events, n)
		}
		s.Hours = append(s.Hours, saved)
	}
	for cell, c := range d.gaps {
		s.Gaps[cells[cell]] = c.Steps
	}
	for _, z := range d.hot {
		s.Hot = append(s.Hot, cells[z.center])
	}
	s.Touched = d.cellsOf(d.touched)
	for _, c := range d.clusters {
		saved := savedCluster{Hotspot: c.Hotspot, Pending: c.pending, Score: c.zone.score, Looks: c.looks, Flips: c.flips,
			Looked: c.looked, ColdLooks: c.coldLooks, ColdSince: c.coldSince,
			ToldCount: c.told.Count, ToldCells: d.cellsOf(c.told.Cells), ToldSevere: c.told.Severe, Ordinary: c.ordinary, Real: c.real}
		saved.Cells = d.cellsOf(c.cells)
		s.Clusters = append(s.Clusters, saved)
	}
	for _, f := range d.frozen {
		s.Frozen = append(s.Frozen, savedFrozen{ID: f.ID, Whole: f.Whole, Cells: d.cellsOf(f.Cells), From: f.From, To: f.To})
	}
	s.Withheld = d.saveWithheld()
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(s); err != nil {
		return nil, fmt.Errorf("save hotspot detector: %w", err)
	}
	return b.Bytes(), nil
}

// Restore makes a new detector know what another saved. What its options measure
// differently (steps, windows, groups) is left out and learned again; cells that
// are not in its lattice are forgotten. After an error the detector is unchanged.
func (d *Detector) Restore(saved []byte) error {
	var s state
	if err := gob.NewDecoder(bytes.NewReader(saved)).Decode(&s); err != nil {
		return fmt.Errorf("restore hotspot detector: %w", err)
	}
	if s.Version != stateVersion {
		return fmt.Errorf("restore hotspot detector: state is of version %d, this program reads %d", s.Version, stateVersion)
	}
	if s.Step != d.opts.Step || !equal(s.Windows, d.opts.Windows) {
		return fmt.Errorf("restore hotspot detector: it had steps of %s and windows %v", s.Step, s.Windows)
	}
	d.started, d.now, d.born, d.heard = s.Started, s.Now, s.Born, s.Heard
	d.nextHour, d.hoursLearned = s.NextHour, s.HoursLearned
	d.quiet, d.threshold, d.offset, d.fed = s.Quiet, s.Threshold, s.Offset, s.Fed
	d.unconfirmed, d.pauses = s.Unconfirmed, s.Pauses
	d.day, d.borrowed = running{Hours: s.Day}, s.Borrowed
	d.restoreExpectation(&s)
	d.restoreCounts(&s)
	d.restoreClusters(&s)
	d.restoreWithheld(s.Withheld)
	d.sumArea()
	d.quiet.fit(d.opts.Budget)
	return nil
}

func equal(a, b []time.Duration) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func (d *Detector) restoreExpectation(s *state) {
	e := &d.expect
	e.priorRate, e.priorWeight = s.PriorRate, s.PriorWeight
	e.phi, e.city, e.recent = s.Phi, s.City, s.Recent
	e.level, e.levelGot, e.levelWant = s.Level, s.LevelGot, s.LevelWant
	if len(s.Exposure) == e.groups {
		e.events, e.exposure, e.profile, e.watched = s.Events, s.Exposure, s.Profile, s.Watched
		d.refitCold()
		for g, c := range s.Cold { // none in what was saved before there were any
			d.cold[g] = coldCell{rate: c.Rate, variance: c.Variance}
		}
		return
	}
	// The groups have changed: each begins with what all had together.
	clear(e.events)
	old := float64(len(s.Exposure))
	for g := range e.groups {
		e.exposure[g] = sum(s.Exposure) / old
		for i, n := range s.Events {
			e.events[g*hoursOfWeek+i%hoursOfWeek] += n / float64(e.groups)
			e.watched[g*hoursOfWeek+i%hoursOfWeek] += s.Watched[i] / old
		}
	}
	e.refit()
	d.refitCold()
}

func (d *Detector) restoreCounts(s *state) {
	slots := make([]int32, len(s.Slots)) // -1 for a cell that is no more
	for i, saved := range s.Slots {
		cell, known := d.lattice.Index(saved.Cell)
		if !known {
			slots[i] = -1
			continue
		}
		slots[i] = d.activate(int32(cell)) //nolint:gosec // a lattice has fewer cells
		c := &d.counts.slots[slots[i]]
		c.learned, c.missed, c.rate, c.variance = saved.Learned, saved.Missed, saved.Rate, saved.Variance
	}
	for _, a := range s.Additions {
		if at := slots[a.Slot]; at >= 0 {
			d.counts.add(at, a.Step, s.Now, a.N)
		}
	}
	for _, h := range s.Hours {
		counts := hourCounts{hour: h.Hour, cells: make(map[int32]int32)}
		for i, slot := range h.Slots {
			if at := slots[slot]; at >= 0 {
				counts.cells[at] += h.Events[i]
				d.counts.slots[at].held += h.Events[i]
			}
		}
		d.hours = append(d.hours, counts)
	}
	for cell, steps := range s.Gaps {
		if at, known := d.lattice.Index(cell); known {
			d.gaps[int32(at)] = &coverage{Steps: steps} //nolint:gosec // a lattice has fewer cells
			d.activate(int32(at))                       //nolint:gosec // see above
			d.shareGap(d.gaps[int32(at)])               //nolint:gosec // see above
		}
	}
	for _, center := range d.indices(s.Hot) {
		d.hot = append(d.hot, zone{center: center})
	}
	d.touched = d.indices(s.Touched)
}

func (d *Detector) restoreClusters(s *state) {
	for _, saved := range s.Clusters {
		c := &cluster{Hotspot: saved.Hotspot, pending: saved.Pending, ordinary: saved.Ordinary, real: saved.Real, peak: wholeArea, looks: saved.Looks, flips: saved.Flips,
			looked: saved.Looked, coldLooks: saved.ColdLooks, coldSince: saved.ColdSince,
			told: told{Count: saved.ToldCount, Cells: d.indices(saved.ToldCells), Severe: saved.ToldSevere}}
		c.zone.score = saved.Score
		c.cells = d.indices(saved.Cells)
		c.Cells = nil
		if !saved.Whole {
			at, known := d.lattice.Index(saved.Peak)
			if !known || len(c.cells) == 0 {
				continue // where it was is no more
			}
			c.peak = int32(at) //nolint:gosec // a lattice has fewer cells
		}
		d.clusters = append(d.clusters, c)
	}
	for _, f := range s.Frozen {
		if f.To.IsZero() && !slices.ContainsFunc(d.clusters, func(c *cluster) bool { return c.ID == f.ID }) {
			f.To = d.endOf(s.Now) // it was not taken back, so nothing would ever end it
		}
		d.frozen = append(d.frozen, frozen{ID: f.ID, Whole: f.Whole, Cells: d.indices(f.Cells), From: f.From, To: f.To})
	}
}

// indices returns where cells are in the lattice, in their order, without those
// that are not.
func (d *Detector) indices(cells []grid.Cell) []int32 {
	var out []int32
	for _, c := range cells {
		if at, known := d.lattice.Index(c); known {
			out = append(out, int32(at)) //nolint:gosec // a lattice has fewer cells
		}
	}
	return out
}
