package native

import (
	"math"
	"time"

	"github.com/urbangrid/urbangrid/sensors"
)

// Tags of CBOR that a time may have (RFC 8949, section 3.4).
const (
	cborTagTimeText  = 0
	cborTagTimeEpoch = 1
)

// DecodeCBOR reads what [Decoder.Decode] reads, encoded as CBOR (RFC 8949): one
// map, or an array of maps. A field is named by its text or, shorter, by its
// number in observation.proto. A time is also read with tag 0 (RFC 3339 text)
// or tag 1 (seconds since 1970, whole or not). It promises what Decode promises.
func (d *Decoder) DecodeCBOR(dst []sensors.Observation, device sensors.DeviceID, payload []byte, received time.Time) ([]sensors.Observation, []sensors.Fault) {
	if bad := bounded(payload); bad != nil {
		return dst, whole(bad, payload)
	}
	c := cborReader{cborScanner: cborScanner{buf: payload}, meaning: d.meaning(device, received)}
	start := len(dst)
	dst, faults, broken := c.message(dst)
	if broken == nil && c.pos < len(payload) {
		broken = faultf(ReasonBadEncoding, "%d bytes follow the message", len(payload)-c.pos)
	}
	if broken != nil {
		clear(dst[start:])
		return dst[:start], whole(broken, payload)
	}
	return dst, faults
}

type cborReader struct {
	cborScanner
	meaning
}

func (c *cborReader) message(dst []sensors.Observation) ([]sensors.Observation, []sensors.Fault, *fault) {
	if c.buf[0]>>5 != cborArray {
		return c.element(dst, nil, 0)
	}
	h, broken := c.head()
	if broken != nil {
		return dst, nil, broken
	}
	var faults []sensors.Fault
	i := 0
	for ; h.indefinite || uint64(i) < h.arg; i++ {
		if h.indefinite && c.atBreak() {
			break
		}
		if i == MaxElements {
			return dst, nil, faultf(sensors.ReasonTooLarge, "array has more than %d elements", MaxElements)
		}
		if dst, faults, broken = c.element(dst, faults, i); broken != nil {
			return dst, nil, broken
		}
	}
	if i == 0 {
		return dst, nil, faultf(sensors.ReasonEmpty, "array has no element")
	}
	return dst, faults, nil
}

// element reads one data item and appends it to dst or to faults. What it
// returns as broken is not well-formed.
func (c *cborReader) element(dst []sensors.Observation, faults []sensors.Fault, i int) ([]sensors.Observation, []sensors.Fault, *fault) {
	start := c.pos
	var bad *fault
	if c.pos < len(c.buf) && c.buf[c.pos]>>5 == cborMap {
		var f cborFields
		if broken := c.fields(&f); broken != nil {
			return dst, faults, broken
		}
		end := c.pos
		dst = append(dst, sensors.Observation{})
		if bad = c.observation(&dst[len(dst)-1], &f); bad != nil {
			dst = dst[:len(dst)-1]
		}
		c.pos = end
	} else {
		if broken := c.skip(0); broken != nil {
			return dst, faults, broken
		}
		bad = faultf(sensors.ReasonNotObject, "element begins with %#x, not with a map", c.buf[start])
	}
	if bad != nil {
		faults = append(faults, sensors.Fault{Index: i, Reason: bad.reason, Detail: bad.detail, Raw: c.buf[start:c.pos]})
	}
	return dst, faults, nil
}

// cborFields say where in the payload the values of one observation begin; 0 is
// a value that was left out or null.
type cborFields struct {
	kind, value, time, lat, lon, datum, id, attrs int
	depth                                         int // of the deepest nesting
}

// fields reads one map. It must be well-formed, the meaning of its values does
// not matter: only the last of equal names counts.
func (c *cborReader) fields(f *cborFields) *fault {
	h, broken := c.head()
	if broken != nil {
		return broken
	}
	c.deepest = 1
	for i := uint64(0); h.indefinite || i < h.arg; i++ {
		if h.indefinite && c.atBreak() {
			break
		}
		from := c.pos
		if broken := c.skip(1); broken != nil {
			return broken
		}
		slot := f.slot(&cborScanner{buf: c.buf[:c.pos], pos: from})
		from = c.pos
		if broken := c.skip(1); broken != nil {
			return broken
		}
		if slot != nil {
			*slot = from
			if first := c.buf[from]; first == cborNull || first == cborUndefined {
				*slot = 0
			}
		}
	}
	f.depth = c.deepest
	return nil
}

// slot returns where the value of the field belongs whose name is next, nil
// when nobody asks for it.
func (f *cborFields) slot(key *cborScanner) *int {
	h, _ := key.head()
	switch h.major {
	case cborUint:
		return f.byNumber(h.arg)
	case cborText:
		return f.byName(key.text(h))
	}
	return nil
}

func (f *cborFields) byName(name []byte) *int {
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

func (f *cborFields) byNumber(n uint64) *int {
	switch n {
	case fieldKind:
		return &f.kind
	case fieldValue:
		return &f.value
	case fieldTime:
		return &f.time
	case fieldLat:
		return &f.lat
	case fieldLon:
		return &f.lon
	case fieldDatum:
		return &f.datum
	case fieldID:
		return &f.id
	case fieldAttrs:
		return &f.attrs
	}
	return nil
}

// observation gives the fields their meaning.
func (c *cborReader) observation(o *sensors.Observation, f *cborFields) *fault {
	if f.depth > MaxDepth {
		return faultf(sensors.ReasonTooDeep, "nesting is %d deep, limit %d", f.depth, MaxDepth)
	}
	c.begin(o)
	if f.kind == 0 {
		return faultf(sensors.ReasonMissingKind, "kind is missing")
	}
	name, bad := c.textAt("kind", f.kind)
	if bad != nil {
		return bad
	}
	typ, bad := c.kind(o, name)
	if bad != nil {
		return bad
	}
	if bad := c.value(o, f.value, typ); bad != nil {
		return bad
	}
	if f.time > 0 {
		if o.At, bad = c.timeAt(f.time); bad != nil {
			return bad
		}
	}
	if bad := c.position(o, f); bad != nil {
		return bad
	}
	if f.id > 0 {
		text, bad := c.textAt("id", f.id)
		if bad != nil {
			return bad
		}
		if o.ID, bad = eventID(text); bad != nil {
			return bad
		}
	}
	if f.attrs > 0 {
		o.Attrs, bad = c.attrsAt(f.attrs)
	}
	return bad
}

func (c *cborReader) textAt(field string, at int) ([]byte, *fault) {
	c.pos = at
	h, _ := c.head()
	if h.major != cborText {
		return nil, faultf(sensors.ReasonBadField, "%s is not a string", field)
	}
	return c.text(h), nil
}

func (c *cborReader) numberAt(field string, at int) (float64, *fault) {
	c.pos = at
	h, _ := c.head()
	v, ok := h.float()
	if !ok {
		return 0, faultf(sensors.ReasonBadField, "%s is not a number", field)
	}
	return finite(field, v)
}

func (c *cborReader) value(o *sensors.Observation, at int, typ sensors.KindType) (bad *fault) {
	if at == 0 {
		return c.left(o, typ)
	}
	switch c.buf[at] {
	case cborTrue:
		o.Value = 1
		return nil
	case cborFalse:
		o.Value = 0
		return nil
	}
	o.Value, bad = c.numberAt("value", at)
	return bad
}

func (c *cborReader) timeAt(at int) (time.Time, *fault) {
	c.pos = at
	h, _ := c.head()
	switch {
	case h.major == cborText:
		return timeText(c.text(h))
	case h.major == cborUint && h.arg <= math.MaxInt64:
		return milliseconds(int64(h.arg))
	case h.major == cborNegInt && h.arg <= math.MaxInt64:
		return milliseconds(-1 - int64(h.arg))
	case h.major == cborTag && h.arg == cborTagTimeText:
		if text, _ := c.head(); text.major == cborText {
			return timeText(c.text(text))
		}
	case h.major == cborTag && h.arg == cborTagTimeEpoch:
		n, _ := c.head()
		if seconds, ok := n.float(); ok {
			return epochSeconds(seconds)
		}
	}
	return time.Time{}, faultf(sensors.ReasonBadTime, "time is neither RFC 3339 text nor whole milliseconds nor tagged as a time")
}

// epochSeconds returns the time seconds after 1970, to the nearest microsecond:
// a float64 is not finer.
func epochSeconds(seconds float64) (time.Time, *fault) {
	if !(seconds*1000 >= float64(firstMilli) && seconds*1000 <= float64(lastMilli)) {
		return time.Time{}, faultf(sensors.ReasonBadTime, "time %v is not in seconds of the years 0 to 9999", seconds)
	}
	return time.UnixMicro(int64(math.Round(seconds * 1e6))).UTC(), nil
}

func (c *cborReader) position(o *sensors.Observation, f *cborFields) *fault {
	datum := sensors.WGS84
	if f.datum > 0 {
		name, bad := c.textAt("datum", f.datum)
		if bad != nil {
			return bad
		}
		var err error
		if datum, err = sensors.ParseDatum(string(name)); err != nil {
			return faultf(sensors.ReasonBadField, "%v", err)
		}
	}
	if (f.lat > 0) != (f.lon > 0) {
		return faultf(sensors.ReasonBadPosition, "one of lat and lon is missing")
	}
	if f.lat == 0 {
		return nil
	}
	lat, bad := c.numberAt("lat", f.lat)
	if bad != nil {
		return bad
	}
	lon, bad := c.numberAt("lon", f.lon)
	if bad != nil {
		return bad
	}
	return place(o, lat, lon, datum)
}
