package analytics

import (
	"slices"
	"strings"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// secondary is what the rules of one kind about baselines, drift, silence and
// outliers know of its devices and cells. Entries up to upTo are in it; what came
// after is read back from the journal after a restart.
type secondary struct {
	kind  *kind
	study *study
	upTo  uint64

	baseline *baselineRule
	drift    *driftRule
	silence  *silenceRule
	outlier  *outlierRule

	senders map[sensors.DeviceID]*sender
	places  map[grid.Cell]*place
	hourly  hourly
	minute  int64 // the newest that was looked at, noTime before the first
	tick    int64 // minutes in which anything was heard of the city
}

// sender is one device, as far as it sends one kind.
type sender struct {
	id    sensors.DeviceID
	cell  grid.Cell
	area  grid.AreaCode
	point grid.Point
	at    int64   // of its newest observation by its own clock, noTime before the first
	value float64 // of that

	steps   steps
	habit   *habit // nil without a baseline rule, and before the first step
	score   float64
	scoreAt int64 // end of the step that score is of, noTime before the first
	unusual watch // of the baseline rule
	faulty  watch // of the outlier rule
	silent  watch // of the silence rule
	hearing hearing
	repeats repeats
	rhythm  *rhythm // nil without an outlier rule about events
}

// place is one cell and the devices that stand in it.
type place struct {
	cell    grid.Cell
	members []*sender
	steps   steps
	habit   *habit // nil until two devices have spoken in one step
	unusual watch
}

// secondaryOf returns the secondary rules of a kind, making them when there are none.
func (j *judge) secondaryOf(k *kind, study *study) *secondary {
	if k.secondary == nil {
		k.secondary = &secondary{kind: k, study: study, minute: noTime,
			senders: make(map[sensors.DeviceID]*sender), places: make(map[grid.Cell]*place), hourly: newHourly()}
		j.secondaries = append(j.secondaries, k.secondary)
	}
	return k.secondary
}

func (s *secondary) sender(id sensors.DeviceID) *sender {
	d := s.senders[id]
	if d == nil {
		d = &sender{id: sensors.DeviceID(strings.Clone(string(id))), at: noTime, scoreAt: noTime,
			unusual: newWatch(), faulty: newWatch(), silent: newWatch(), hearing: hearing{First: s.tick, Last: s.tick}}
		s.senders[d.id] = d
	}
	return d
}

func (s *secondary) place(c grid.Cell) *place {
	p := s.places[c]
	if p == nil {
		p = &place{cell: c, unusual: newWatch()}
		s.places[c] = p
	}
	return p
}

// observe takes in an observation: seen is its time for the city, at its time by
// the device's own clock.
func (s *secondary) observe(j *judge, o *grid.Placed, seen, at int64) {
	if j.seq <= s.upTo {
		return
	}
	d := s.sender(o.Device)
	if d.cell != o.Cell || d.at == noTime {
		s.move(d, o)
	}
	if s.silence != nil {
		s.silence.heard(j, d, o)
	}
	d.hearing.Last = s.tick
	if s.drift != nil || s.silence != nil && s.kind.Type == sensors.Event {
		s.hourly.add(j, s, o, seen)
	}
	if s.kind.Type == sensors.Event {
		if s.outlier != nil {
			s.beat(j, d, o, seen)
		}
		d.at, d.value = max(d.at, at), o.Value
		return
	}
	if at <= d.at {
		return
	}
	if s.outlier != nil {
		s.outlier.observe(j, d, o, at)
	}
	if s.baseline != nil {
		s.baseline.observe(j, d, o, at)
	}
	d.at, d.value = at, o.Value
}

// move notes where a device stands now.
func (s *secondary) move(d *sender, o *grid.Placed) {
	if d.cell != 0 {
		p := s.place(d.cell)
		p.members = slices.DeleteFunc(p.members, func(m *sender) bool { return m == d })
	}
	d.cell, d.area, d.point = o.Cell, grid.AreaCode(strings.Clone(string(o.Area))), o.Point
	if d.cell != 0 {
		p := s.place(d.cell)
		p.members = append(p.members, d)
	}
}

// remove forgets a device.
func (s *secondary) remove(d *sender) {
	delete(s.senders, d.id)
	if p := s.places[d.cell]; p != nil {
		p.members = slices.DeleteFunc(p.members, func(m *sender) bool { return m == d })
	}
}

// longPause is a stretch without any observation after which time is taken to have
// stood still: the line was cut, or UrbanGrid did not run.
const longPause = 5 // minutes

// advance lets time pass up to a minute of the city.
func (s *secondary) advance(j *judge, minute int64) {
	if j.seq <= s.upTo || minute <= s.minute {
		return
	}
	passed := minute - s.minute
	if s.minute == noTime || passed > longPause {
		passed = 1
	}
	s.minute = minute
	s.tick += passed
	if s.silence != nil {
		s.silence.advance(j)
	}
	if s.outlier != nil && s.kind.Type == sensors.Event {
		s.outlier.advance(j)
	}
	s.hourly.advance(j, s)
	if j.live && s.tick/60 != (s.tick-passed)/60 {
		s.forget(j)
	}
}

// presence takes in what a message says of a device itself.
func (s *secondary) presence(j *judge, h *sensors.Health) {
	if j.seq <= s.upTo || s.silence == nil {
		return
	}
	if d := s.senders[h.Device]; d != nil {
		s.silence.presence(j, d, h)
	}
}

// near returns the devices other than d that have closed a step since a time, in
// the cell of d and in the two rings around it.
func (s *secondary) near(d *sender, since int64) (fellows, others []*sender) {
	rings, err := d.cell.Disk(scanRings)
	if err != nil { // a device without a place has nobody around it
		return nil, nil
	}
	for k, ring := range rings {
		for _, c := range ring {
			p := s.places[c]
			if p == nil {
				continue
			}
			for _, m := range p.members {
				switch {
				case m == d || m.scoreAt < since:
				case k == 0:
					fellows = append(fellows, m)
				default:
					others = append(others, m)
				}
			}
		}
	}
	return fellows, others
}

// goLive forgets what was needed only to read back.
func (s *secondary) goLive() {
	for _, d := range s.senders {
		d.unusual.closed, d.faulty.closed, d.silent.closed = nil, nil, nil
	}
	for _, p := range s.places {
		p.unusual.closed = nil
	}
}

// watchOf returns the watch of a device or cell that an alert's place names, nil
// when it names neither.
func (s *secondary) watchOf(a *store.Alert, device func(*sender) *watch, cell func(*place) *watch) *watch {
	if a.Kind != s.kind.Key {
		return nil
	}
	if id, is := strings.CutPrefix(a.Place, devicePlace); is && device != nil {
		d := s.sender(sensors.DeviceID(id))
		if d.cell == 0 && a.Cell != 0 {
			s.move(d, &grid.Placed{Point: a.Point, Cell: a.Cell, Area: a.Area})
		}
		return device(d)
	}
	if name, is := strings.CutPrefix(a.Place, cellPlace); is && cell != nil {
		if c, err := grid.ParseCell(name); err == nil {
			return cell(s.place(c))
		}
	}
	return nil
}

// restoreTo gives an alert of the records to a watch.
func restoreTo(w *watch, a store.Alert) bool {
	if w == nil {
		return false
	}
	w.restore(a)
	return true
}
