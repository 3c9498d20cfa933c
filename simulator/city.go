// Package simulator is a believable city with known truth: fixed devices of ten
// kinds, a daily rhythm, and incidents of which it says where and when they are.
// It also paces what it tells to real time.
package simulator

import (
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/urbangrid/urbangrid/sensors"
)

// MinDevices is the smallest city: one device of each kind.
const MinDevices = 10

// Options tune a City. The zero value works.
type Options struct {
	Devices int            // 0 means 400; fewer than MinDevices means MinDevices
	Rate    float64        // observations per second of simulated time, all devices together; 0 means 50
	Start   time.Time      // when the story begins; zero means 2026-01-05 08:00 in Zone
	Length  time.Duration  // of the story; 0 means without end
	Zone    *time.Location // of the daily rhythm; nil means China Standard Time

	// IncidentsPerHour is the mean; 0 means 60, negative means none. The first
	// begins 8 s after the start whatever the mean.
	IncidentsPerHour float64
	// Missing is the share of measures that are never sent; 0 means 0.01,
	// negative means none. Rate is what remains.
	Missing float64
	// Batch, when greater than 1, lets gateways publish arrays of up to so many
	// observations instead of each device its own: see City.Next.
	Batch int

	// Inside says whether devices can stand at a place, in WGS-84 degrees; nil
	// means anywhere in a rectangle around Putuo.
	Inside func(lat, lon float64) bool
	// CellOf names the cell of a place for Incident.Cells; nil leaves them empty
	// and lets clusters of events spread by distance alone.
	CellOf func(lat, lon float64) string
	// OnIncident is called by Next when an incident begins; nil means nobody asks.
	OnIncident func(Incident)
}

func (o Options) withDefaults() Options {
	if o.Devices == 0 {
		o.Devices = 400
	}
	o.Devices = max(o.Devices, MinDevices)
	if o.Rate <= 0 {
		o.Rate = 50
	}
	if o.Zone == nil {
		o.Zone = time.FixedZone("Asia/Shanghai", 8*60*60)
	}
	if o.Start.IsZero() {
		o.Start = time.Date(2026, 1, 5, 8, 0, 0, 0, o.Zone)
	}
	o.Start = o.Start.UTC().Truncate(time.Millisecond)
	if o.IncidentsPerHour == 0 {
		o.IncidentsPerHour = 60
	}
	if o.Missing == 0 {
		o.Missing = .01
	}
	o.Missing = clamp(o.Missing, 0, .9)
	if o.Inside == nil {
		o.Inside = func(float64, float64) bool { return true }
	}
	return o
}

// Device is one device of the city.
type Device struct {
	ID         sensors.DeviceID
	Name       string
	Kind       sensors.KindKey
	LatDegrees float64 // WGS-84
	LonDegrees float64
}

// Message is one MQTT message of the story.
type Message struct {
	Topic        string
	Payload      []byte        // in the native format; the receiver's to keep
	Observations int           // in Payload
	Due          time.Duration // after the start of the story; never less than that of the message before
}

// device is a Device and what is going on with it.
type device struct {
	Device
	profile *profile
	topic   string
	cell    string // "" when cells have no names
	rng     *rand.Rand

	offset      float64 // from the level of its kind
	busy        float64 // 0.4 to 1.6: how much goes on around it
	emptiedHour float64 // local hour at which a bin is emptied

	interval  time.Duration // of a measure
	deviation float64       // from level and offset, with memory
	lastAt    time.Duration // of its newest observation, -1 before the first

	spell *spell // the incident it is in, or was in last
}

// City tells a story in simulated time: the same seed and the same options give
// the same messages byte for byte, however fast they are asked for. It is not
// safe for concurrent use.
type City struct {
	opts     Options
	profiles []profile
	devices  []*device
	byKind   map[sensors.KindKey][]*device
	queue    queue
	now      time.Duration // due time of the newest message

	incidents *rand.Rand
	deck      []incidentType // what comes next
	begun     int            // incidents so far

	owed     int // events that measures have to make room for, so that Rate holds
	gateways *gateways
}

// New founds the city. It does not fail and starts nothing.
func New(seed uint64, opts Options) *City {
	opts = opts.withDefaults()
	c := &City{
		opts:      opts,
		profiles:  profiles(),
		byKind:    make(map[sensors.KindKey][]*device),
		incidents: stream(seed, 1),
	}
	c.settle(seed)
	c.shareRate()
	for _, d := range c.devices {
		c.scheduleFirst(d)
	}
	if opts.IncidentsPerHour > 0 {
		c.queue.push(item{due: firstIncidentAfter, what: beginIncident})
	}
	if opts.Batch > 1 {
		c.gateways = newGateways(c, opts.Batch)
	}
	return c
}

// stream returns an independent source of randomness for each number.
func stream(seed, number uint64) *rand.Rand {
	return rand.New(rand.NewPCG(mix(seed), mix(seed^mix(number))))
}

// mix is SplitMix64: PCG wants seeds whose bits are spread.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Start returns when the story begins.
func (c *City) Start() time.Time { return c.opts.Start }

// Devices returns the devices of the city in the order of their numbers.
func (c *City) Devices() []Device {
	out := make([]Device, len(c.devices))
	for i, d := range c.devices {
		out[i] = d.Device
	}
	return out
}

// Next returns the next message, and false when the story is over. Each message
// is one observation of one device; with Options.Batch it is an array that a
// gateway publishes under its own name, and each observation names the sensor
// in its id and attrs.
func (c *City) Next() (Message, bool) {
	if c.gateways != nil {
		return c.gateways.next(c)
	}
	r, ok := c.nextReading()
	if !ok {
		return Message{}, false
	}
	return Message{
		Topic:        r.device.topic,
		Payload:      appendReading(make([]byte, 0, 160), c.opts.Start, r, ""),
		Observations: 1,
		Due:          r.due,
	}, true
}

// reading is one observation before it is written down.
type reading struct {
	device     *device
	value      float64
	at         time.Duration // phenomenon time after the start
	due        time.Duration // when it is sent
	lat, lon   float64
	confidence float64 // of a camera's event; 0 for none
}

func (c *City) nextReading() (reading, bool) {
	for {
		it, ok := c.queue.pop()
		if !ok || (c.opts.Length > 0 && it.due >= c.opts.Length) {
			return reading{}, false
		}
		c.now = it.due
		switch it.what {
		case beginIncident:
			c.beginIncident(it.due)
		case sendMeasure:
			if r, ok := c.measure(it); ok {
				return r, true
			}
		case maybeEvent:
			if r, ok := c.background(it); ok {
				return r, true
			}
		case sendEvent:
			c.owed++
			return c.happening(it), true
		}
	}
}

// shareRate gives the measures their intervals.
func (c *City) shareRate() {
	var weights, peak float64
	for _, d := range c.devices {
		weights += d.profile.weight
		peak += d.profile.perHour / 3600
	}
	for _, d := range c.devices {
		if d.profile.event() {
			continue
		}
		perSecond := c.opts.Rate / (1 - c.opts.Missing) * d.profile.weight / weights
		d.interval = time.Duration(float64(time.Second) / perSecond)
	}
	// A city of many cameras and a low rate has quieter streets, or measures
	// would never get a word in.
	if limit := c.opts.Rate / 5; peak > limit {
		for i := range c.profiles {
			c.profiles[i].perHour *= limit / peak
		}
	}
}

func (c *City) scheduleFirst(d *device) {
	if d.profile.event() {
		c.scheduleBackground(d, 0)
		return
	}
	at := time.Duration(d.rng.Float64() * float64(d.interval))
	c.queue.push(item{due: at + c.delay(d), at: at, what: sendMeasure, device: d})
}

// delay is how long a message is under way before it reaches the broker.
func (c *City) delay(d *device) time.Duration {
	return 20*time.Millisecond + time.Duration(min(d.rng.ExpFloat64()*50, 400)*float64(time.Millisecond))
}

// measure takes the reading of a measure and schedules the next.
func (c *City) measure(it item) (reading, bool) {
	d := it.device
	next := it.at + time.Duration(float64(d.interval)*(.9+.2*d.rng.Float64()))
	c.queue.push(item{due: max(next+c.delay(d), it.due), at: next, what: sendMeasure, device: d})

	at := it.at.Truncate(time.Millisecond)
	if at <= d.lastAt {
		at = d.lastAt + time.Millisecond
	}
	value := c.valueAt(d, at)
	missing := d.rng.Float64() < c.opts.Missing
	if missing {
		return reading{}, false
	}
	if c.owed > 0 && !d.spell.activeAt(at) {
		c.owed--
		return reading{}, false
	}
	return reading{device: d, value: value, at: at, due: it.due, lat: d.LatDegrees, lon: d.LonDegrees}, true
}

// valueAt moves the device on to at and returns what it measures there.
func (c *City) valueAt(d *device, at time.Duration) float64 {
	p := d.profile
	keep := 0.0
	if d.lastAt >= 0 {
		keep = math.Exp(-float64(at-d.lastAt) / float64(p.memory))
	}
	d.deviation = keep*d.deviation + math.Sqrt(1-keep*keep)*p.wobble*d.rng.NormFloat64()
	d.lastAt = at
	v := p.level(c.hour(at), d) + d.offset + d.deviation
	v = clamp(v, p.ordinary[0], p.ordinary[1])
	v = d.spell.apply(v, at, d.deviation/max(p.wobble, 1e-9))
	scale := math.Pow10(p.decimals)
	return math.Round(v*scale) / scale
}

// hour is the local time of day at an offset from the start.
func (c *City) hour(at time.Duration) float64 {
	t := c.opts.Start.Add(at).In(c.opts.Zone)
	return float64(t.Hour()) + float64(t.Minute())/60 + float64(t.Second())/3600
}

func (c *City) scheduleBackground(d *device, from time.Duration) {
	if d.profile.perHour == 0 {
		return
	}
	at := from + time.Duration(d.rng.ExpFloat64()/d.profile.perHour*float64(time.Hour)) + time.Millisecond
	c.queue.push(item{due: at + c.delay(d), at: at, what: maybeEvent, device: d})
}

// background thins the busiest hour's events to those of this hour.
func (c *City) background(it item) (reading, bool) {
	d := it.device
	c.scheduleBackground(d, it.due)
	if d.rng.Float64() >= d.profile.rhythm(c.hour(it.at)) {
		return reading{}, false
	}
	c.owed++
	it.lat, it.lon = d.LatDegrees, d.LonDegrees
	it.value = float64(1 + d.rng.IntN(d.profile.most))
	return c.happening(it), true
}

func (c *City) happening(it item) reading {
	d := it.device
	at := it.at.Truncate(time.Millisecond)
	if at <= d.lastAt {
		at = d.lastAt + time.Millisecond
	}
	d.lastAt = at
	r := reading{device: d, value: it.value, at: at, due: it.due, lat: it.lat, lon: it.lon}
	if d.profile.kind != kindSmoke {
		r.confidence = math.Round((.72+.27*d.rng.Float64())*100) / 100
	}
	return r
}

func topicOf(id string) string {
	var b strings.Builder
	b.WriteString("urbangrid/v1/")
	b.WriteString(id)
	b.WriteString("/obs")
	return b.String()
}
