package sparkplug

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/urbangrid/urbangrid/sensors"
)

// observe appends what the metrics of the message say. A birth repeats the state
// of things: it is no new event.
func (c *conversation) observe(s *scope, birth bool) {
	unannounced := false
	for i := range c.payload.metrics {
		m := &c.payload.metrics[i]
		bad := c.metric(s, m, birth)
		if bad == nil {
			continue
		}
		unannounced = unannounced || bad.reason == ReasonUnknownAlias
		c.report.Faults = append(c.report.Faults, sensors.Fault{Index: i, Reason: bad.reason, Detail: bad.detail, Raw: m.raw})
	}
	if unannounced && !c.replay {
		c.node.stale = true
		c.askRebirth()
	}
}

func (c *conversation) metric(s *scope, m *metric, birth bool) *fault {
	a, bad := s.find(m, birth)
	if bad != nil {
		return bad
	}
	if a.rule != nil && a.rule.Ignore {
		c.format.ignored(IgnoredByRule)
		return nil
	}
	d := m.datatype
	if d == typeUnknown {
		d = a.datatype
	}
	d = m.implied(d)
	if !d.scalar() {
		return faultf(sensors.ReasonBadField, "%.80q is ignored: a %s is not one number", a.name, d)
	}
	if a.rule == nil {
		return faultf(sensors.ReasonUnknownKind, "no rule says which kind %.80q is", a.name)
	}
	at, bad := c.when(m)
	if bad != nil {
		return bad
	}
	if m.null {
		// Said, and not the same as nothing being said.
		c.say(s, at, "no value: "+a.name)
		return nil
	}
	if !m.quality.good() {
		c.say(s, at, m.quality.String()+": "+a.name)
		return nil
	}
	v, bad := a.rule.value(m, d)
	if bad != nil {
		return bad
	}
	if a.rule.kind.Type == sensors.Event && (v == 0 || birth) {
		if v == 0 {
			c.format.ignored(IgnoredNotHappened)
		} else {
			c.format.ignored(IgnoredState)
		}
		return nil
	}
	c.report.Observations = append(c.report.Observations, c.observation(s, a, m, v, at))
	return nil
}

// say notes on the device why a metric is no observation.
func (c *conversation) say(s *scope, at time.Time, text string) {
	c.report.Health = append(c.report.Health, sensors.Health{Device: s.id, At: at, Note: note(text)})
}

func (c *conversation) observation(s *scope, a *announced, m *metric, v float64, at time.Time) sensors.Observation {
	o := sensors.Observation{Device: s.id, Kind: a.rule.kind.Key, Value: v, At: at, Received: c.received}
	if a.rule.several() {
		o.ID = a.id(at)
	}
	if m.historical {
		o.Attrs = `{"historical":true}`
	}
	return o
}

// find returns what a birth announced about m. Where m has a name it counts, in
// births it must have one.
func (s *scope) find(m *metric, birth bool) (*announced, *fault) {
	switch {
	case len(m.name) > MaxNameBytes:
		return nil, faultf(sensors.ReasonTooLarge, "name of a metric has %d bytes, limit %d", len(m.name), MaxNameBytes)
	case len(m.name) > 0:
		a := s.byName[string(m.name)]
		switch {
		case a == nil:
			return nil, faultf(ReasonUnknownAlias, "no birth has announced metric %.80q", m.name)
		case birth && m.hasAlias && s.byAlias[m.alias] != a:
			return nil, faultf(sensors.ReasonBadField, "alias %d of %.80q is that of %.80q", m.alias, m.name, s.byAlias[m.alias].name)
		}
		return a, nil
	case birth:
		return nil, faultf(sensors.ReasonBadField, "a metric of a birth has no name")
	case m.hasAlias:
		if a := s.byAlias[m.alias]; a != nil {
			return a, nil
		}
		return nil, faultf(ReasonUnknownAlias, "no birth has announced alias %d", m.alias)
	}
	return nil, faultf(sensors.ReasonBadField, "metric has neither a name nor an alias")
}

// implied returns d, or what the value's own field says when nothing was stated.
func (m *metric) implied(d datatype) datatype {
	if d != typeUnknown {
		return d
	}
	switch m.field {
	case metricFloat:
		return typeFloat
	case metricDouble:
		return typeDouble
	case metricBoolean:
		return typeBoolean
	case metricString:
		return typeString
	}
	return d
}

// when returns the time of m: its own, else the message's, else that of receipt.
// A historical value has no other time than its own.
func (c *conversation) when(m *metric) (time.Time, *fault) {
	ms := m.timestamp
	if !m.hasTimestamp {
		if m.historical {
			return time.Time{}, faultf(sensors.ReasonBadTime, "a historical value without its time")
		}
		if !c.payload.hasTimestamp {
			return c.received, nil
		}
		ms = c.payload.timestamp
	}
	at, ok := milliseconds(ms)
	if !ok {
		return time.Time{}, faultf(sensors.ReasonBadTime, "time %d ms is after the year 9999", ms)
	}
	return at, nil
}

func milliseconds(ms uint64) (time.Time, bool) {
	const last = 253402300799999 // the last millisecond of the year 9999
	if ms > last {
		return time.Time{}, false
	}
	return time.UnixMilli(int64(ms)).UTC(), true
}

// value returns m in the unit of the rule's kind.
func (r *rule) value(m *metric, d datatype) (float64, *fault) {
	if d == typeString || d == typeText {
		if m.field != metricString {
			return 0, m.wrongField(d)
		}
		v, ok := r.Words[string(m.text)]
		if !ok {
			return 0, faultf(sensors.ReasonBadField, "%.80q is not one of the rule's words", m.text)
		}
		return v, nil
	}
	if d == typeBoolean && r.kind.Unit != "1" && !r.scaled() {
		return 0, faultf(sensors.ReasonBadField, "a %s is no number of %s", d, r.kind.Unit)
	}
	v, bad := m.number(d)
	if bad != nil {
		return 0, bad
	}
	v, err := sensors.Convert(v*r.Scale+r.Offset, r.Unit, r.kind.Unit)
	if err != nil {
		return 0, faultf(sensors.ReasonBadField, "%v", err)
	}
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0, faultf(sensors.ReasonNotANumber, "value is %v", v)
	}
	return v, nil
}

// id tells metrics of one device apart that fit the same rule at the same time.
func (a *announced) id(at time.Time) string {
	tail := "@" + string(a.rule.kind.Key) + "@" + strconv.FormatInt(at.UnixMilli(), 10)
	if len(a.name)+len(tail) <= sensors.MaxIDBytes {
		return a.name + tail
	}
	return strconv.FormatUint(xxhash.Sum64String(a.name), 16) + tail
}

// note returns text in at most the bytes that a note may have.
func note(text string) string {
	const most = 256
	if len(text) <= most {
		return text
	}
	cut := most
	for cut > 0 && text[cut]&0xc0 == 0x80 {
		cut--
	}
	return text[:cut]
}

// sorted returns the devices in the order of their names, so that the same
// messages say the same.
func sorted(devices map[string]*scope) []*scope {
	var out []*scope
	for _, name := range slices.Sorted(maps.Keys(devices)) {
		out = append(out, devices[name])
	}
	return out
}
