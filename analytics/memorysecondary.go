package analytics

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"maps"
	"slices"

	"github.com/urbangrid/urbangrid/analytics/trend"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

// What the secondary rules of a kind know is remembered under a name of its own,
// behind the number of the entry that it is of. Alerts are not: those are of the
// records.

const secondaryVersion = 1

type secondaryNote struct {
	Version int
	Minute  int64
	Tick    int64
	Senders []senderNote
	Places  []placeNote
	Next    int64
	Hours   []hourNote
	Cells   []cellHoursNote
}

type senderNote struct {
	ID      sensors.DeviceID
	Cell    grid.Cell
	Area    grid.AreaCode
	Point   grid.Point
	At      int64
	Value   float64
	Steps   steps
	Habit   []byte // nil without one
	Score   float64
	ScoreAt int64
	Unusual watchNote
	Faulty  watchNote
	Hearing hearing
	Repeats repeats
	Rhythm  *rhythm
}

type placeNote struct {
	Cell    grid.Cell
	Steps   steps
	Habit   []byte
	Unusual watchNote
}

type hourNote struct {
	Hour  int64
	Cells map[grid.Cell]int32
}

type cellHoursNote struct {
	Cell      grid.Cell
	Chart     trend.Cusum
	Since     int64
	Got, Want float64
	Drift     watchNote
	Hours     float64
	Mean      float64
	Deviation float64
}

func packed(h *habit) []byte {
	if h == nil {
		return nil
	}
	return h.pack()
}

func unpacked(b []byte) (*habit, error) {
	if len(b) == 0 {
		return nil, nil //nolint:nilnil // no habit is a habit that was not begun
	}
	return unpackHabit(b)
}

func (s *secondary) save() ([]byte, error) {
	n := secondaryNote{Version: secondaryVersion, Minute: s.minute, Tick: s.tick, Next: s.hourly.next}
	for _, d := range s.sorted() {
		n.Senders = append(n.Senders, senderNote{ID: d.id, Cell: d.cell, Area: d.area, Point: d.point, At: d.at, Value: d.value,
			Steps: d.steps, Habit: packed(d.habit), Score: d.score, ScoreAt: d.scoreAt,
			Unusual: d.unusual.note(), Faulty: d.faulty.note(), Hearing: d.hearing, Repeats: d.repeats, Rhythm: d.rhythm})
	}
	for _, p := range s.places {
		if p.habit != nil || p.steps.N > 0 {
			n.Places = append(n.Places, placeNote{Cell: p.cell, Steps: p.steps, Habit: packed(p.habit), Unusual: p.unusual.note()})
		}
	}
	cells := s.study.lattice.Cells()
	for hour, counts := range s.hourly.counts {
		note := hourNote{Hour: hour, Cells: make(map[grid.Cell]int32, len(counts))}
		for i, c := range counts {
			note.Cells[cells[i]] = c
		}
		n.Hours = append(n.Hours, note)
	}
	for i, c := range s.hourly.cells {
		n.Cells = append(n.Cells, cellHoursNote{Cell: cells[i], Chart: c.drift.chart, Since: c.drift.since, Got: c.drift.got, Want: c.drift.want,
			Drift: c.drift.note(), Hours: c.quiet.hours, Mean: c.quiet.mean, Deviation: c.quiet.deviation})
	}
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(n); err != nil {
		return nil, fmt.Errorf("save what is known of devices of %s: %w", s.kind.Key, err)
	}
	return b.Bytes(), nil
}

// load makes new secondary rules know what others saved. Cells that are no more are
// forgotten. After an error nothing has changed.
func (s *secondary) load(saved []byte) error {
	var n secondaryNote
	if err := gob.NewDecoder(bytes.NewReader(saved)).Decode(&n); err != nil {
		return err
	}
	if n.Version != secondaryVersion {
		return fmt.Errorf("it is of version %d, this program reads %d", n.Version, secondaryVersion)
	}
	senders, places := make(map[sensors.DeviceID]*sender, len(n.Senders)), make(map[grid.Cell]*place)
	at := func(c grid.Cell) *place {
		if places[c] == nil {
			places[c] = &place{cell: c, unusual: newWatch()}
		}
		return places[c]
	}
	for _, p := range n.Places {
		h, err := unpacked(p.Habit)
		if err != nil {
			return err
		}
		at(p.Cell).habit, at(p.Cell).steps = h, p.Steps
		at(p.Cell).unusual.recall(p.Unusual)
	}
	for i := range n.Senders {
		d, err := n.Senders[i].sender()
		if err != nil {
			return err
		}
		senders[d.id] = d
		if d.cell != 0 {
			at(d.cell).members = append(at(d.cell).members, d)
		}
	}
	s.senders, s.places, s.minute, s.tick = senders, places, n.Minute, n.Tick
	s.loadHours(&n)
	return nil
}

func (n *senderNote) sender() (*sender, error) {
	h, err := unpacked(n.Habit)
	d := &sender{id: n.ID, cell: n.Cell, area: n.Area, point: n.Point, at: n.At, value: n.Value, steps: n.Steps, habit: h,
		score: n.Score, scoreAt: n.ScoreAt, unusual: newWatch(), faulty: newWatch(), silent: newWatch(),
		hearing: n.Hearing, repeats: n.Repeats, rhythm: n.Rhythm}
	d.unusual.recall(n.Unusual)
	d.faulty.recall(n.Faulty)
	return d, err
}

func (s *secondary) loadHours(n *secondaryNote) {
	s.hourly = newHourly()
	s.hourly.next = n.Next
	index := func(c grid.Cell) (int32, bool) {
		i, in := s.study.lattice.Index(c)
		return int32(i), in //nolint:gosec // a lattice has fewer cells
	}
	for _, h := range n.Hours {
		counts := make(map[int32]int32, len(h.Cells))
		for _, c := range slices.Sorted(maps.Keys(h.Cells)) {
			if i, in := index(c); in {
				counts[i] = h.Cells[c]
			}
		}
		s.hourly.counts[h.Hour] = counts
	}
	for _, saved := range n.Cells {
		i, in := index(saved.Cell)
		if !in {
			continue
		}
		c := s.hourly.cell(i)
		c.drift.chart, c.drift.since, c.drift.got, c.drift.want = saved.Chart, saved.Since, saved.Got, saved.Want
		c.drift.recall(saved.Drift)
		c.quiet.hours, c.quiet.mean, c.quiet.deviation = saved.Hours, saved.Mean, saved.Deviation
	}
}
