package senml

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/urbangrid/urbangrid/sensors"
)

const (
	// version is the newest that this package knows, and what a pack has that
	// states none (section 4.4).
	version = 10
	// absolute is the first time that counts from 1970; what is smaller is
	// relative to now (section 4.5.3).
	absolute = 1 << 28
)

// resolved is a record with the base fields worked in (section 4.6).
type resolved struct {
	record
	name   string
	unit   string
	value  float64
	sum    float64
	hasSum bool
	at     time.Time
	rule   *rule
	device sensors.DeviceID
}

// pack turns the records of one message into what they say.
type pack struct {
	rules    []rule
	ignored  func(reason string)
	received time.Time
	device   sensors.DeviceID // of the topic; "" when the names say it
	records  []resolved
	places   map[moment]*place
}

// moment is when a device was somewhere.
type moment struct {
	device sensors.DeviceID
	micros int64
}

// place is where it was then, as far as its records say.
type place struct {
	lat, lon *float64
	record   int // of the first that said something
	used     bool
}

// resolve works the base fields into the records. What it returns concerns the
// whole pack.
func (p *pack) resolve(records []record) *fault {
	if len(records) == 0 {
		return faultf(sensors.ReasonEmpty, "pack has no record")
	}
	if bad := checkVersions(records); bad != nil {
		return bad
	}
	var base [labels]content
	p.records = make([]resolved, len(records))
	for i := range records {
		rec := &records[i]
		for l := range labels {
			if l.base() && rec.fields[l] != nil {
				base[l] = rec.fields[l]
			}
		}
		p.records[i].record = *rec
		if rec.bad == nil {
			p.records[i].bad = p.resolveOne(&p.records[i], &record{fields: base})
		}
	}
	return nil
}

// checkVersions holds the pack against section 4.4: all records have the same
// version, and a newer one must not be used.
func checkVersions(records []record) *fault {
	stated := float64(version)
	for i := range records {
		v, given := records[i].fields[baseVersion].(float64)
		switch {
		case !given:
		case v > version:
			return faultf(ReasonBadVersion, "version %v is newer than %d", v, version)
		case i > 0 && v != stated:
			return faultf(ReasonBadVersion, "versions %v and %v in one pack", stated, v)
		default:
			stated = v
		}
	}
	return nil
}

func (p *pack) resolveOne(r *resolved, base *record) *fault {
	r.name = base.text(baseName) + r.text(name)
	if bad := checkName(r.name); bad != nil {
		return bad
	}
	switch n := r.values(); {
	case n > 1:
		return faultf(sensors.ReasonBadField, "record has %d values", n)
	case n == 0 && r.fields[sum] == nil:
		return faultf(sensors.ReasonMissingValue, "record has neither a value nor a sum")
	}
	if r.unit = r.text(unit); r.fields[unit] == nil {
		r.unit = base.text(baseUnit)
	}
	r.value = base.number(baseValue) + r.number(value)
	r.sum = base.number(baseSum) + r.number(sum)
	r.hasSum = r.fields[sum] != nil || base.fields[baseSum] != nil
	if math.IsInf(r.value, 0) || math.IsInf(r.sum, 0) {
		return faultf(sensors.ReasonNotANumber, "base and value together are too large for a number")
	}
	var bad *fault
	r.at, bad = p.time(base.number(baseTime) + r.number(relTime))
	return bad
}

// time returns the time that base time and time together say.
func (p *pack) time(seconds float64) (time.Time, *fault) {
	const most = 253402300799 // the last second of the year 9999
	if !(math.Abs(seconds) <= most) {
		return time.Time{}, faultf(sensors.ReasonBadTime, "time %v is beyond the year 9999", seconds)
	}
	whole, part := math.Modf(seconds)
	offset := time.Duration(math.Round(part*1e6)) * time.Microsecond
	if seconds < absolute {
		at := time.Unix(p.received.Unix()+int64(whole), int64(p.received.Nanosecond())).Add(offset).UTC()
		if at.Year() < 0 {
			return time.Time{}, faultf(sensors.ReasonBadTime, "time %v is before the year 0", seconds)
		}
		return at, nil
	}
	return time.Unix(int64(whole), 0).Add(offset).UTC(), nil
}

// report appends to out what the records say, in their order.
func (p *pack) report(out *sensors.Report) {
	for i := range p.records {
		if r := &p.records[i]; r.bad == nil {
			if r.bad = p.classify(r); r.bad == nil && r.rule == nil {
				r.bad = p.collect(i, r)
			}
		}
	}
	for _, at := range p.places {
		if r := &p.records[at.record]; at.lat == nil || at.lon == nil {
			r.bad = faultf(sensors.ReasonBadPosition, "one of lat and lon is missing")
		}
	}
	for i := range p.records {
		r := &p.records[i]
		switch {
		case r.bad != nil || r.rule == nil:
		case r.rule.Ignore:
			p.ignored(IgnoredByRule)
		default:
			r.bad = p.observe(out, r)
		}
		if r.bad != nil {
			out.Faults = append(out.Faults, sensors.Fault{Index: i, Reason: r.bad.reason, Detail: r.bad.detail, Raw: r.raw})
		}
	}
	for i := range p.records {
		if r := &p.records[i]; r.bad == nil && r.rule == nil {
			p.health(out, i, r)
		}
	}
}

// classify finds the rule and the device of a record. Records of the device
// itself have no rule.
func (p *pack) classify(r *resolved) *fault {
	var wrong bool
	r.rule, wrong = find(p.rules, r.name, r.unit)
	own := r.unit == unitLat || r.unit == unitLon || r.unit == unitBattery
	switch {
	case r.rule != nil && r.rule.Ignore:
		return nil
	case r.rule == nil && !own && wrong:
		return faultf(ReasonWrongUnit, "no rule takes %.80q in unit %.40q", r.name, r.unit)
	case r.rule == nil && !own:
		return faultf(sensors.ReasonUnknownKind, "no rule says which kind %.80q (unit %.40q) is", r.name, r.unit)
	}
	if r.device = p.device; r.device == "" {
		id := deviceOf(r)
		if !sensors.ValidDeviceID(id) {
			return faultf(sensors.ReasonBadDevice, "name %.200q names no valid device", r.name)
		}
		r.device = sensors.DeviceID(id)
	}
	return nil
}

// ownNames are the last parts of names that say what is measured where the unit
// says the same.
var ownNames = []string{"latitude", "longitude", "lat", "lon", "battery"}

// deviceOf returns the device that the resolved name names: the name without
// what the rule is about. A '/', which a device id may not have, becomes '~',
// which a name may not have.
func deviceOf(r *resolved) string {
	id := r.name
	if r.rule != nil && r.rule.Name != "" {
		id = strings.TrimSuffix(id, r.rule.Name)
	}
	if r.rule == nil {
		for _, own := range ownNames {
			if endsWith(id, own) {
				id = strings.TrimSuffix(id, own)
				break
			}
		}
	}
	id = strings.TrimRight(id, separators)
	if id == "" {
		id = r.name // a name that is nothing else
	}
	return strings.ReplaceAll(id, "/", "~")
}

// collect keeps half a position until the other half is there.
func (p *pack) collect(i int, r *resolved) *fault {
	if r.fields[value] == nil {
		return faultf(sensors.ReasonBadField, "unit %s needs a number", r.unit)
	}
	if r.unit == unitBattery {
		if r.value < 0 || r.value > 100 {
			return faultf(sensors.ReasonOutOfRange, "battery of %v %%", r.value)
		}
		return nil
	}
	limit := 180.0
	if r.unit == unitLat {
		limit = 90
	}
	if math.Abs(r.value) > limit {
		return faultf(sensors.ReasonBadPosition, "%s of %v is not on Earth", r.unit, r.value)
	}
	if p.places == nil {
		p.places = map[moment]*place{}
	}
	key := moment{r.device, r.at.UnixMicro()}
	at := p.places[key]
	if at == nil {
		at = &place{record: i}
		p.places[key] = at
	}
	half := &at.lat
	if r.unit == unitLon {
		half = &at.lon
	}
	if *half != nil {
		return faultf(sensors.ReasonBadPosition, "a second %s at the same time", r.unit)
	}
	*half = &r.value
	return nil
}

// health says what a record of the device itself is about. A position that an
// observation has taken is not repeated.
func (p *pack) health(out *sensors.Report, i int, r *resolved) {
	h := sensors.Health{Device: r.device, At: r.at}
	if r.unit == unitBattery {
		percent := r.value
		h.BatteryPercent = &percent
		out.Health = append(out.Health, h)
		return
	}
	if at := p.places[moment{r.device, r.at.UnixMicro()}]; at.record == i && !at.used {
		h.Position = at.position()
		out.Health = append(out.Health, h)
	}
}

func (at *place) position() sensors.Position {
	return sensors.Position{LatDegrees: *at.lat, LonDegrees: *at.lon, Datum: sensors.WGS84}
}

// observe appends the record's observation, unless it says that an event did not
// happen.
func (p *pack) observe(out *sensors.Report, r *resolved) *fault {
	v, bad := r.reading()
	if bad != nil {
		return bad
	}
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return faultf(sensors.ReasonNotANumber, "value is %v", v)
	}
	o := sensors.Observation{Device: r.device, Kind: r.rule.kind.Key, Value: v, At: r.at, Received: p.received}
	if v == 0 && r.rule.kind.Type == sensors.Event {
		p.ignored(IgnoredNotHappened)
		return nil
	}
	if at := p.places[moment{r.device, r.at.UnixMicro()}]; at != nil && at.lat != nil && at.lon != nil {
		o.Position = at.position()
		at.used = true
	}
	if p.device != "" {
		o.ID = r.id()
	}
	if r.fields[updateTime] != nil {
		seconds, err := json.Marshal(r.number(updateTime))
		if err == nil {
			o.Attrs = `{"update_seconds":` + string(seconds) + `}`
		}
	}
	out.Observations = append(out.Observations, o)
	return nil
}

// id tells records of one device apart whose names fit the same rule and whose
// time is the same.
func (r *resolved) id() string {
	tail := "@" + string(r.rule.kind.Key) + "@" + strconv.FormatInt(r.at.UnixMicro(), 10)
	if len(r.name)+len(tail) <= sensors.MaxIDBytes {
		return r.name + tail
	}
	return strconv.FormatUint(xxhash.Sum64String(r.name), 16) + tail
}

// reading returns the record's value in the unit of its kind.
func (r *resolved) reading() (float64, *fault) {
	if r.rule.Sum {
		if !r.hasSum {
			return 0, faultf(sensors.ReasonMissingValue, "the rule takes sums and the record has none")
		}
		if r.rule.SumUnit != "" {
			return r.inKindUnit(r.sum, r.rule.SumUnit)
		}
		return r.inKindUnit(r.sum, r.unit)
	}
	switch {
	case r.fields[value] != nil:
		return r.inKindUnit(r.value, r.unit)
	case r.fields[boolValue] != nil:
		if r.rule.kind.Unit != "1" {
			return 0, faultf(ReasonWrongUnit, "a boolean cannot be in %s", r.rule.kind.Unit)
		}
		if r.fields[boolValue] == true {
			return 1, nil
		}
		return 0, nil
	case r.fields[stringValue] != nil:
		v, ok := r.rule.Words[r.text(stringValue)]
		if !ok {
			return 0, faultf(sensors.ReasonBadField, "vs %.80q is not one of the rule's words", r.text(stringValue))
		}
		return v, nil
	case r.fields[dataValue] != nil:
		return 0, faultf(sensors.ReasonBadField, "vd is data, not a number")
	}
	return 0, faultf(sensors.ReasonMissingValue, "record has a sum only, and the rule takes none")
}

func (r *resolved) inKindUnit(v float64, unit string) (float64, *fault) {
	if unit == "" {
		unit = r.rule.Assume
	}
	to := r.rule.kind.Unit
	switch {
	case unit == "" && to == "1":
		return v, nil
	case unit == "":
		return 0, faultf(ReasonWrongUnit, "no unit is stated, and the rule assumes none")
	}
	out, err := convert(v, unit, to)
	if err != nil {
		return 0, faultf(ReasonWrongUnit, "%v", err)
	}
	return out, nil
}
