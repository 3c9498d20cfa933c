package simulator

import (
	"math"
	"slices"
	"time"

	"github.com/urbangrid/urbangrid/sensors"
)

// firstIncidentAfter is short, so that whoever opens a fresh city soon sees why
// it is watched.
const firstIncidentAfter = 8 * time.Second

// secondIncidentAfter follows the first without chance having a say.
const secondIncidentAfter = 8 * time.Second

// Incident is the truth about something that was made to happen.
type Incident struct {
	Kind    sensors.KindKey    `json:"kind"`
	Cells   []string           `json:"cells"` // where observations show it, sorted
	Start   time.Time          `json:"start"`
	End     time.Time          `json:"end"` // exclusive
	Type    string             `json:"type"`
	Devices []sensors.DeviceID `json:"devices"` // which report it, sorted
}

// incidentType is a way for a city to go wrong.
type incidentType struct {
	name     string
	kind     sensors.KindKey
	shortest time.Duration
	longest  time.Duration

	// Of measures: every device within reach is lifted to a level.
	levels [2]float64    // at the centre, drawn between the two
	edge   float64       // how much less it is at the edge of reach
	reach  [2]float64    // metres, drawn between the two; 0 means one device alone
	speed  float64       // metres per second at which it spreads; 0 means at once
	rise   time.Duration // until a device has the full level

	// Of events: so many in each cell.
	perCell [2]int
	cells   [2]int
	all     bool // every device of the kind in the cell reports, at even intervals
}

// incidentTypes are dealt like cards: each once, then all again. The first two
// open the story.
func incidentTypes() []incidentType {
	return []incidentType{
		{name: "smoke", kind: kindSmoke, shortest: time.Minute, longest: 3 * time.Minute,
			perCell: [2]int{6, 10}, cells: [2]int{1, 1}, all: true},
		{name: "noise_burst", kind: kindNoise, shortest: 90 * time.Second, longest: 4 * time.Minute,
			levels: [2]float64{94, 101}, edge: 5, reach: [2]float64{250, 700}, rise: 3 * time.Second},
		{name: "parking_cluster", kind: kindParking, shortest: 4 * time.Minute, longest: 9 * time.Minute,
			perCell: [2]int{9, 14}, cells: [2]int{1, 7}},
		{name: "cover_tilted", kind: kindTilt, shortest: 5 * time.Minute, longest: 15 * time.Minute,
			levels: [2]float64{32, 75}},
		{name: "flood", kind: kindRoadWater, shortest: 8 * time.Minute, longest: 16 * time.Minute,
			levels: [2]float64{28, 48}, edge: 8, reach: [2]float64{400, 900}, speed: 2.5, rise: 45 * time.Second},
		{name: "bins_overflow", kind: kindBinFill, shortest: 8 * time.Minute, longest: 18 * time.Minute,
			levels: [2]float64{98, 100}, reach: [2]float64{80, 250}, rise: 20 * time.Second},
		{name: "stall_cluster", kind: kindStall, shortest: 4 * time.Minute, longest: 9 * time.Minute,
			perCell: [2]int{8, 12}, cells: [2]int{1, 4}},
		{name: "crowd", kind: kindCrowd, shortest: 4 * time.Minute, longest: 10 * time.Minute,
			levels: [2]float64{380, 650}, edge: 80, reach: [2]float64{120, 350}, rise: 40 * time.Second},
		{name: "dust_plume", kind: kindPM25, shortest: 6 * time.Minute, longest: 12 * time.Minute,
			levels: [2]float64{230, 380}, edge: 50, reach: [2]float64{250, 600}, rise: 30 * time.Second},
		{name: "lane_blocked", kind: kindLaneClosed, shortest: 4 * time.Minute, longest: 8 * time.Minute,
			perCell: [2]int{8, 12}, cells: [2]int{1, 1}, all: true},
	}
}

// spell is what an incident does to one device. The nil spell does nothing.
type spell struct {
	from  time.Duration
	until time.Duration // exclusive
	rise  time.Duration
	level float64
	shake float64 // how much the value moves around the level
	top   float64 // it never exceeds
}

func (s *spell) activeAt(at time.Duration) bool {
	return s != nil && at >= s.from && at < s.until
}

// apply lifts an ordinary value. deviation is in standard deviations.
func (s *spell) apply(v float64, at time.Duration, deviation float64) float64 {
	if !s.activeAt(at) {
		return v
	}
	full := 1.0
	if s.rise > 0 {
		full = min(1, float64(at-s.from)/float64(s.rise))
	}
	target := min(s.level+s.shake*clamp(deviation, -2, 2), s.top)
	return v + full*(target-v)
}

func (c *City) beginIncident(now time.Duration) {
	c.queue.push(item{due: now + c.untilNextIncident(), what: beginIncident})
	// A type without a free device passes, but not for ever: in a small city all
	// of them may be taken.
	for range len(incidentTypes()) {
		if truth, ok := c.stage(c.deal(), now); ok {
			c.begun++
			if c.opts.OnIncident != nil {
				c.opts.OnIncident(truth)
			}
			return
		}
	}
}

func (c *City) untilNextIncident() time.Duration {
	mean := float64(time.Hour) / c.opts.IncidentsPerHour
	wait := time.Duration(max(c.incidents.ExpFloat64()*mean, float64(time.Second)))
	if c.begun == 0 {
		return min(wait, secondIncidentAfter)
	}
	return wait
}

func (c *City) deal() incidentType {
	if len(c.deck) == 0 {
		c.deck = incidentTypes()
		if c.begun > 0 {
			c.incidents.Shuffle(len(c.deck), func(i, j int) { c.deck[i], c.deck[j] = c.deck[j], c.deck[i] })
		}
	}
	t := c.deck[0]
	c.deck = c.deck[1:]
	return t
}

// stage makes an incident of type t happen from now on, around a device that is
// free. It reports false when there is none.
func (c *City) stage(t incidentType, now time.Duration) (Incident, bool) {
	now = now.Truncate(time.Millisecond)
	length := t.shortest + time.Duration(c.incidents.Float64()*float64(t.longest-t.shortest))
	end := (now + length).Truncate(time.Millisecond)
	if c.opts.Length > 0 {
		end = min(end, c.opts.Length.Truncate(time.Millisecond))
	}
	var free []*device
	for _, d := range c.byKind[t.kind] {
		if d.spell == nil || d.spell.until+time.Minute < now {
			free = append(free, d)
		}
	}
	if len(free) == 0 || end <= now {
		return Incident{}, false
	}
	centre := c.amongCompany(free, t.reach[1])
	truth := Incident{Kind: t.kind, Type: t.name, Start: c.opts.Start.Add(now), End: c.opts.Start.Add(end)}
	if t.perCell[1] > 0 {
		c.stageEvents(t, centre, free, now, end, &truth)
	} else {
		c.stageMeasures(t, centre, free, now, end, &truth)
	}
	slices.Sort(truth.Devices)
	truth.Cells = slices.DeleteFunc(truth.Cells, func(cell string) bool { return cell == "" })
	slices.Sort(truth.Cells)
	truth.Cells = slices.Compact(truth.Cells)
	return truth, true
}

// amongCompany draws some devices and returns the one with the most others
// within reach: what spreads is only seen where there are eyes.
func (c *City) amongCompany(free []*device, reachMeters float64) *device {
	var best *device
	most := -1
	for range 5 {
		d := free[c.incidents.IntN(len(free))]
		near := 0
		for _, o := range free {
			if meters(d.LatDegrees, d.LonDegrees, o.LatDegrees, o.LonDegrees) <= reachMeters {
				near++
			}
		}
		if near > most {
			best, most = d, near
		}
	}
	return best
}

func (c *City) stageMeasures(t incidentType, centre *device, free []*device, now, end time.Duration, truth *Incident) {
	level := t.levels[0] + c.incidents.Float64()*(t.levels[1]-t.levels[0])
	reach := t.reach[0] + c.incidents.Float64()*(t.reach[1]-t.reach[0])
	truth.Cells = []string{}
	for _, d := range free {
		away := meters(centre.LatDegrees, centre.LonDegrees, d.LatDegrees, d.LonDegrees)
		if d != centre && away > reach {
			continue
		}
		s := &spell{from: now, until: end, rise: t.rise, level: level, shake: d.profile.wobble / 2, top: topOf(t.kind)}
		if reach > 0 {
			s.level -= t.edge * (away / reach) * (away / reach)
		}
		if t.speed > 0 {
			s.from += time.Duration(away / t.speed * float64(time.Second))
		}
		// Whoever is reached shortly before the end would show nothing of it.
		if d != centre && end-s.from < t.rise+time.Minute {
			continue
		}
		d.spell = s
		truth.Devices = append(truth.Devices, d.ID)
		truth.Cells = append(truth.Cells, d.cell)
	}
}

// topOf is the greatest value that makes sense for a kind.
func topOf(kind sensors.KindKey) float64 {
	if kind == kindBinFill {
		return 100
	}
	return math.Inf(1)
}

func (c *City) stageEvents(t incidentType, centre *device, free []*device, now, end time.Duration, truth *Incident) {
	truth.Cells = []string{}
	if t.all {
		for _, d := range free {
			if d != centre && (d.cell == "" || d.cell != centre.cell) {
				continue
			}
			c.alarm(t, d, now, end)
			truth.Devices = append(truth.Devices, d.ID)
			truth.Cells = append(truth.Cells, d.cell)
		}
		return
	}
	centre.spell = &spell{from: now, until: end}
	truth.Devices = append(truth.Devices, centre.ID)
	for _, s := range c.spots(centre, between(c, t.cells)) {
		truth.Cells = append(truth.Cells, s.cell)
		for range between(c, t.perCell) {
			at := now + time.Duration(c.incidents.Float64()*float64(end-now))
			lat, lon := c.near(s)
			c.queue.push(item{
				due: at + c.delay(centre), at: at, what: sendEvent, device: centre, lat: lat, lon: lon,
				value: float64(1 + c.incidents.IntN(centre.profile.most)),
			})
		}
	}
}

// alarm lets one device go off again and again.
func (c *City) alarm(t incidentType, d *device, now, end time.Duration) {
	d.spell = &spell{from: now, until: end}
	times := between(c, t.perCell)
	for i := range times {
		at := now + (end-now)*time.Duration(i)/time.Duration(times)
		c.queue.push(item{
			due: at + c.delay(d), at: at, what: sendEvent, device: d,
			lat: d.LatDegrees, lon: d.LonDegrees, value: 1,
		})
	}
}

func between(c *City, low2high [2]int) int {
	return low2high[0] + c.incidents.IntN(low2high[1]-low2high[0]+1)
}

// spot is a place a camera looks at.
type spot struct {
	lat, lon float64
	cell     string
}

// spots returns up to n places around a camera, each in a cell of its own: the
// camera's and its neighbours, whose centres are some 125 m away.
func (c *City) spots(d *device, n int) []spot {
	out := []spot{{d.LatDegrees, d.LonDegrees, d.cell}}
	turn := c.incidents.Float64() * 2 * math.Pi
	for i := 0; i < 24 && len(out) < n; i++ {
		angle := turn + float64(i)*math.Pi/6
		lat, lon := offsetMeters(d.LatDegrees, d.LonDegrees, 125*math.Cos(angle), 125*math.Sin(angle))
		lat, lon = roundDegrees(lat), roundDegrees(lon)
		s := spot{lat, lon, c.cellOf(lat, lon)}
		known := slices.ContainsFunc(out, func(o spot) bool {
			return (s.cell != "" && o.cell == s.cell) || meters(o.lat, o.lon, s.lat, s.lon) < 60
		})
		if !known && c.opts.Inside(lat, lon) {
			out = append(out, s)
		}
	}
	return out
}

// near returns a place some metres from s that is still in its cell.
func (c *City) near(s spot) (lat, lon float64) {
	lat, lon = offsetMeters(s.lat, s.lon, 6*c.incidents.NormFloat64(), 6*c.incidents.NormFloat64())
	lat, lon = roundDegrees(lat), roundDegrees(lon)
	if c.cellOf(lat, lon) != s.cell {
		return s.lat, s.lon
	}
	return lat, lon
}
