// Package native reads UrbanGrid's own format: one JSON object, or an array of
// them, as docs/PROTOCOL.md describes.
package native

import (
	"fmt"
	"math"
	"time"
	"unicode/utf8"

	"github.com/urbangrid/urbangrid/sensors"
)

// Limits of a message.
const (
	MaxPayloadBytes = 1 << 20 // of one message
	MaxElements     = 10_000  // observations in one message
	MaxAttrsBytes   = 4 << 10 // of the compact form of attrs
	MaxDepth        = 16      // nesting of one observation, its own object included
)

// Decoder reads payloads. It is safe for concurrent use.
type Decoder struct {
	catalog *sensors.Catalog
}

// NewDecoder returns a Decoder for the kinds of catalog, which says whether a
// kind is an event and so may come without a value.
func NewDecoder(catalog *sensors.Catalog) *Decoder {
	return &Decoder{catalog: catalog}
}

// Decode appends the observations of payload to dst, in order, and returns the
// faults of what is not an observation, in order. Every element becomes either
// one observation or one fault; a message that cannot be told into elements is
// one fault with Index [sensors.WholeMessage] and no observation.
//
// A field that is null counts as left out, of equal field names the last one
// counts. A missing value is 1 for an event, a fault for a measure, and 1 for a
// kind that the catalogue does not know; whether the kind is known and value
// and time are believable is left to [sensors.Catalog.Check].
//
// Nothing is kept of payload but in Fault.Raw, which shares its memory.
func (d *Decoder) Decode(dst []sensors.Observation, device sensors.DeviceID, payload []byte, received time.Time) ([]sensors.Observation, []sensors.Fault) {
	whole := func(f *fault) []sensors.Fault {
		return []sensors.Fault{{Index: sensors.WholeMessage, Reason: f.reason, Detail: f.detail, Raw: payload}}
	}
	if len(payload) > MaxPayloadBytes {
		return dst, whole(faultf(sensors.ReasonTooLarge, "message has %d bytes, limit %d", len(payload), MaxPayloadBytes))
	}
	if !utf8.Valid(payload) {
		return dst, whole(faultf(sensors.ReasonInvalidUTF8, "message is not UTF-8"))
	}
	r := reader{
		scanner:  scanner{buf: payload},
		catalog:  d.catalog,
		device:   device,
		received: received.UTC().Truncate(time.Microsecond),
	}
	r.space()
	if r.pos == len(payload) {
		return dst, whole(faultf(sensors.ReasonEmpty, "message is empty"))
	}
	start := len(dst)
	var faults []sensors.Fault
	var broken *fault
	if payload[r.pos] == '[' {
		dst, faults, broken = r.array(dst)
	} else {
		dst, faults, broken = r.element(dst, nil, 0)
	}
	if broken == nil {
		broken = r.end()
	}
	if broken != nil {
		clear(dst[start:])
		return dst[:start], whole(broken)
	}
	return dst, faults
}

// fault is why an element, or everything, cannot be read.
type fault struct {
	reason string
	detail string
}

func faultf(reason, format string, args ...any) *fault {
	return &fault{reason: reason, detail: fmt.Sprintf(format, args...)}
}

// reader turns the elements of one payload into observations.
type reader struct {
	scanner
	catalog  *sensors.Catalog
	device   sensors.DeviceID
	received time.Time
}

// array reads the elements between '[' and ']'.
func (r *reader) array(dst []sensors.Observation) ([]sensors.Observation, []sensors.Fault, *fault) {
	r.pos++
	r.space()
	if r.peek() == ']' {
		return dst, nil, faultf(sensors.ReasonEmpty, "array has no element")
	}
	var faults []sensors.Fault
	for i := 0; ; i++ {
		if i == MaxElements {
			return dst, nil, faultf(sensors.ReasonTooLarge, "array has more than %d elements", MaxElements)
		}
		var broken *fault
		if dst, faults, broken = r.element(dst, faults, i); broken != nil {
			return dst, nil, broken
		}
		r.space()
		switch r.peek() {
		case ',':
			r.pos++
			r.space()
		case ']':
			r.pos++
			return dst, faults, nil
		default:
			return dst, nil, r.unexpected("',' or ']' after an array element")
		}
	}
}

// element reads one value at the current position and appends it to dst or to
// faults. What it returns as broken is an error of syntax.
func (r *reader) element(dst []sensors.Observation, faults []sensors.Fault, i int) ([]sensors.Observation, []sensors.Fault, *fault) {
	start := r.pos
	var bad *fault
	if r.peek() == '{' {
		var f fields
		if broken := r.fields(&f); broken != nil {
			return dst, faults, broken
		}
		dst = append(dst, sensors.Observation{})
		if bad = r.observation(&dst[len(dst)-1], &f); bad != nil {
			dst = dst[:len(dst)-1]
		}
	} else {
		if broken := r.skip(0); broken != nil {
			return dst, faults, broken
		}
		bad = faultf(sensors.ReasonNotObject, "element begins with %q, not with an object", r.buf[start])
	}
	if bad != nil {
		faults = append(faults, sensors.Fault{Index: i, Reason: bad.reason, Detail: bad.detail, Raw: r.buf[start:r.pos]})
	}
	return dst, faults, nil
}

// span is where a value lies in the payload. The zero span is a value that was
// left out or null.
type span struct{ from, to int }

func (s span) given() bool { return s.to > 0 }

// fields are the values of one observation by name.
type fields struct {
	kind, value, time, lat, lon, datum, id, attrs span
	depth                                         int // of the deepest nesting
}

// fields reads one object. Its syntax is checked completely, the meaning of its
// values not at all: only the last of equal names counts.
func (r *reader) fields(f *fields) *fault {
	r.pos++
	r.space()
	if r.peek() == '}' {
		r.pos++
		return nil
	}
	r.deepest = 1
	for {
		if r.peek() != '"' {
			return r.unexpected("a field name")
		}
		from := r.pos
		if broken := r.str(); broken != nil {
			return broken
		}
		slot := f.slot(r.buf[from:r.pos])
		r.space()
		if r.peek() != ':' {
			return r.unexpected("':' after a field name")
		}
		r.pos++
		r.space()
		from = r.pos
		if broken := r.skip(1); broken != nil {
			return broken
		}
		if slot != nil {
			*slot = span{from, r.pos}
			if r.buf[from] == 'n' {
				*slot = span{}
			}
		}
		r.space()
		switch r.peek() {
		case ',':
			r.pos++
			r.space()
		case '}':
			r.pos++
			f.depth = r.deepest
			return nil
		default:
			return r.unexpected("',' or '}' after a field")
		}
	}
}

// slot returns where the value of the field named by a JSON string belongs, nil
// when nobody asks for it.
func (f *fields) slot(quoted []byte) *span {
	name := quoted[1 : len(quoted)-1]
	for _, c := range name {
		if c == '\\' {
			var room [64]byte
			name = unescape(room[:0], name)
			break
		}
	}
	switch string(name) {
	case "kind":
		return &f.kind
	case "value":
		return &f.value
	case "time":
		return &f.time
	case "lat":
		return &f.lat
	case "lon":
		return &f.lon
	case "datum":
		return &f.datum
	case "id":
		return &f.id
	case "attrs":
		return &f.attrs
	}
	return nil
}

// observation gives the fields their meaning.
func (r *reader) observation(o *sensors.Observation, f *fields) *fault {
	if f.depth > MaxDepth {
		return faultf(sensors.ReasonTooDeep, "nesting is %d deep, limit %d", f.depth, MaxDepth)
	}
	o.Device = r.device
	o.Received = r.received
	o.At = r.received
	typ, bad := r.kind(o, f.kind)
	if bad != nil {
		return bad
	}
	if bad := r.value(o, f.value, typ); bad != nil {
		return bad
	}
	if f.time.given() {
		if o.At, bad = r.timeOf(f.time); bad != nil {
			return bad
		}
	}
	if bad := r.position(o, f); bad != nil {
		return bad
	}
	if f.id.given() {
		if o.ID, bad = r.text("id", f.id, sensors.MaxIDBytes); bad != nil {
			return bad
		}
	}
	if f.attrs.given() {
		if o.Attrs, bad = r.object(f.attrs); bad != nil {
			return bad
		}
	}
	return nil
}

func (r *reader) kind(o *sensors.Observation, s span) (sensors.KindType, *fault) {
	if !s.given() {
		return "", faultf(sensors.ReasonMissingKind, "kind is missing")
	}
	raw := r.buf[s.from:s.to]
	if raw[0] != '"' {
		return "", faultf(sensors.ReasonBadField, "kind is not a string")
	}
	if key, typ, ok := r.catalog.Intern(raw[1 : len(raw)-1]); ok {
		o.Kind = key
		return typ, nil
	}
	name := unescape(nil, raw[1:len(raw)-1])
	if key, typ, ok := r.catalog.Intern(name); ok {
		o.Kind = key
		return typ, nil
	}
	if !sensors.ValidKindKey(string(name)) {
		return "", faultf(sensors.ReasonBadField, "kind %.80q is not the key of a kind", name)
	}
	o.Kind = sensors.KindKey(name)
	return "", nil
}

func (r *reader) value(o *sensors.Observation, s span, typ sensors.KindType) *fault {
	if !s.given() {
		if typ == sensors.Measure {
			return faultf(sensors.ReasonMissingValue, "%s is a measure and needs a value", o.Kind)
		}
		o.Value = 1
		return nil
	}
	switch r.buf[s.from] {
	case 't':
		o.Value = 1
		return nil
	case 'f':
		o.Value = 0
		return nil
	}
	var bad *fault
	o.Value, bad = r.number("value", s)
	return bad
}

func (r *reader) position(o *sensors.Observation, f *fields) *fault {
	datum, bad := r.datum(f.datum)
	if bad != nil {
		return bad
	}
	if f.lat.given() != f.lon.given() {
		return faultf(sensors.ReasonBadPosition, "one of lat and lon is missing")
	}
	if !f.lat.given() {
		return nil
	}
	lat, bad := r.number("lat", f.lat)
	if bad != nil {
		return bad
	}
	lon, bad := r.number("lon", f.lon)
	if bad != nil {
		return bad
	}
	if math.Abs(lat) > 90 || math.Abs(lon) > 180 {
		return faultf(sensors.ReasonBadPosition, "lat %v, lon %v is not on Earth", lat, lon)
	}
	o.Position = sensors.Position{LatDegrees: lat, LonDegrees: lon, Datum: datum}
	return nil
}

func (r *reader) datum(s span) (sensors.Datum, *fault) {
	if !s.given() || string(r.buf[s.from:s.to]) == `"wgs84"` {
		return sensors.WGS84, nil
	}
	name, bad := r.text("datum", s, 0)
	if bad != nil {
		return sensors.NoDatum, bad
	}
	d, err := sensors.ParseDatum(name)
	if err != nil {
		return sensors.NoDatum, faultf(sensors.ReasonBadField, "%v", err)
	}
	return d, nil
}
