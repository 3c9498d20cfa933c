package evaluate

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/urbangrid/urbangrid/analytics/count"
	"github.com/urbangrid/urbangrid/analytics/hotspot"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// Fault is what was raised while something was broken, or the calendar was odd, and
// nothing happened in the city.
type Fault struct {
	Type       string  `json:"type"`
	Replicates int     `json:"replicates"`
	Hours      float64 `json:"hours"` // watched, all replicates together
	// Overlapping are the alerts about the city that were raised at the faulty
	// cells or about the whole area, Chance those raised there in the same hours
	// without the fault.
	Overlapping     int `json:"city_alerts_at_fault"`
	Chance          int `json:"city_alerts_without_fault"`
	Elsewhere       int `json:"city_alerts_elsewhere"`
	ChanceElsewhere int `json:"city_alerts_elsewhere_without_fault"`
	WholeArea       int `json:"city_alerts_whole_area"` // of Overlapping, about the whole area
	Quality         int `json:"quality_alerts"`         // about sensors and data
	// Allowed is how many alerts the budget of false episodes lets be at the faulty
	// cells by chance, or Chance when that is more; P is the probability of as many
	// as Overlapping or more by it.
	Allowed float64 `json:"allowed_by_chance"`
	P       float64 `json:"p"`
	Kept    bool    `json:"kept"` // P is 0.025 or more
	Says    string  `json:"says"`
}

// fault is a way for sensors, clocks and calendars to go wrong. One of inDetector
// and inEngine is set.
type fault struct {
	name  string
	says  string
	rings int // of the disk of faulty cells; -1 for all
	// lasts is how long it lasts, after is how long things are watched besides.
	lasts, after time.Duration
	midnight     bool // it begins at a midnight of a working day
	// inDetector changes what a detector sees.
	inDetector func(r *run, s *site)
	// inEngine changes what devices send. The result need not be in order.
	inEngine func(s *site, messages []Message) []Message
}

// site is where and when a fault is.
type site struct {
	town       *learned
	center     int
	cells      []int // faulty ones, of the lattice
	start, end time.Time
}

func (s *site) faulty(cell int) bool     { return slices.Contains(s.cells, cell) }
func (s *site) during(at time.Time) bool { return !at.Before(s.start) && at.Before(s.end) }
func deviceOf(cell int) sensors.DeviceID { return sensors.DeviceID(fmt.Sprintf("cam-%03d", cell)) }

// settle is how long things are watched after a fault: the longest window, in which
// what is counted then still meets what was counted before.
const settle = 6 * time.Hour

// FaultsOptions tune Faults. Zero fields are those of the full run.
type FaultsOptions struct {
	SpatialOptions
	Gate Gate // the product's ingest
}

// Faults lets districts live on without events but with faults in them. Messages
// that are repeated, or of wrong times, and sensors that are stuck go through gate
// and the product's engine with its rules; silence and calendars, of which nothing
// but counts is left, go to the detector. Replicates are of each fault in each town.
func Faults(ctx context.Context, opts FaultsOptions) ([]Fault, error) {
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	o.Town.Resolution = grid.Resolution
	all := faults()
	out := make([]Fault, len(all))
	for n := range o.Towns {
		fmt.Fprintf(o.Progress, "faults, district %d of %d\n", n+1, o.Towns)
		l, err := learn(ctx, o, n+100)
		if err != nil {
			return nil, err
		}
		for i, f := range all {
			fmt.Fprintf(o.Progress, "faults, district %d of %d: %s\n", n+1, o.Towns, f.name)
			out[i].Type, out[i].Says = f.name, f.says
			for m := range o.Replicates {
				if err := ctx.Err(); err != nil {
					return nil, err
				}
				if err := l.suffer(ctx, f, m, opts.Gate, &out[i]); err != nil {
					return nil, fmt.Errorf("%s: %w", f.name, err)
				}
			}
		}
	}
	for i := range out {
		out[i].judge(all[i], o)
	}
	return out, nil
}

// leastP is the probability below which alerts are no chance.
const leastP = 0.025

func (f *Fault) judge(from fault, o SpatialOptions) {
	cells := 1.0
	if r := from.rings + o.rings(); from.rings >= 0 {
		cells = min(float64(1+3*r*(r+1))/397, 1) // episodes that touch the disk have their middle around it
	}
	budget := o.Detector.Budget
	if budget == 0 {
		budget = 1
	}
	f.Allowed = max(float64(f.Chance), budget*f.Hours/168*cells)
	f.P = count.PoissonTail(f.Overlapping, f.Allowed)
	f.Kept = f.P >= leastP
}

func (o SpatialOptions) rings() int { return max(o.Detector.Rings, 2) }

// suffer adds one replicate of a fault, and the same hours without it.
func (l *learned) suffer(ctx context.Context, f fault, replicate int, gate Gate, into *Fault) error {
	at := l.draw(replicate)
	s := &site{town: l, center: at.center, start: at.start}
	if f.midnight {
		at.day %= 4 // Monday to Thursday: the day after is a working day
		s.start = l.days[at.day].at.Add(24 * time.Hour)
	}
	s.end = s.start.Add(f.lasts)
	for c := range l.lattice.Len() {
		if f.rings < 0 {
			s.cells = append(s.cells, c)
		}
	}
	if f.rings >= 0 {
		for _, c := range l.lattice.Disk(at.center, f.rings) {
			s.cells = append(s.cells, int(c))
		}
	}
	until := s.end.Add(f.after)
	run := func(broken bool) ([]Episode, error) {
		r := run{l: l, detector: l.opts, day: at.day, until: until, play: play{town: l.Town, rng: l.random(streamFault, replicate)}}
		if f.inDetector != nil {
			if broken {
				f.inDetector(&r, s)
			}
			return r.episodes()
		}
		return l.send(ctx, &r, func(m []Message) []Message {
			if broken {
				m = f.inEngine(s, m)
			}
			return m
		}, gate)
	}
	with, err := run(true)
	if err != nil {
		return err
	}
	without, err := run(false)
	if err != nil {
		return err
	}
	into.Replicates++
	into.Hours += until.Sub(s.start).Hours()
	broken, whole := s.count(with, until), s.count(without, until)
	into.Overlapping, into.Elsewhere = into.Overlapping+broken.here, into.Elsewhere+broken.elsewhere
	into.WholeArea, into.Quality = into.WholeArea+broken.whole, into.Quality+broken.quality
	into.Chance, into.ChanceElsewhere = into.Chance+whole.here, into.ChanceElsewhere+whole.elsewhere
	return nil
}

// tally counts alerts by what they are about.
type tally struct{ here, whole, elsewhere, quality int }

// count counts what was raised from the start of a fault on.
func (s *site) count(episodes []Episode, until time.Time) (t tally) {
	var cells []grid.Cell
	for _, c := range s.cells {
		cells = append(cells, s.town.lattice.Cells()[c])
	}
	slices.Sort(cells)
	for _, e := range episodes {
		switch {
		case !e.RaisedAt.After(s.start) || e.RaisedAt.After(until):
		case e.Category != store.AboutCity:
			t.quality++
		case slices.ContainsFunc(e.Reports, func(r Report) bool { return r.Whole }):
			t.here, t.whole = t.here+1, t.whole+1
		case slices.ContainsFunc(e.Reports, func(r Report) bool { return intersection(r.Cells, cells) > 0 }):
			t.here++
		default:
			t.elsewhere++
		}
	}
	return t
}

// transit is how long a message is under way.
const transit = 2 * time.Second

// send lets the devices of a town, one in each cell, send what they see through a
// gate to the product's engine.
func (l *learned) send(ctx context.Context, r *run, broken func([]Message) []Message, gate Gate) ([]Episode, error) {
	var messages []Message
	from := l.early.at
	for at := from; at.Before(r.until); at = at.Add(time.Hour) {
		for _, e := range r.play.hour(at) {
			center, err := l.lattice.Cells()[e.cell].Center()
			if err != nil {
				return nil, err
			}
			m := Message{Device: deviceOf(e.cell), Kind: benchKind, At: e.at, Received: e.at.Add(transit), Point: center}
			if e.cell%2 == 0 { // half of the devices name their events
				m.ID = fmt.Sprintf("%d", e.at.UnixMicro())
			}
			messages = append(messages, m)
		}
	}
	messages = broken(messages)
	slices.SortStableFunc(messages, func(a, b Message) int { return a.Received.Compare(b.Received) })
	entries, err := gate(ctx, messages)
	if err != nil {
		return nil, fmt.Errorf("take in %d messages: %w", len(messages), err)
	}
	return judge(ctx, l.lattice.Cells(), l.early.state, from, entries)
}

// covered tells a detector what share of the sensors of faulty cells works.
func covered(d *hotspot.Detector, s *site, share float64) {
	for _, c := range s.cells {
		d.Cover(c, share)
	}
}
