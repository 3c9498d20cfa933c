package native

import (
	"math"
	"time"
	"unicode/utf8"

	"github.com/urbangrid/urbangrid/sensors"
)

// meaning is what DecodeCBOR and DecodeProtobuf share: they know how their bytes
// state a thing, this knows what an observation may state. Each check gives the
// fault that the JSON form gives.
type meaning struct {
	catalog  *sensors.Catalog
	device   sensors.DeviceID
	received time.Time
}

func (d *Decoder) meaning(device sensors.DeviceID, received time.Time) meaning {
	return meaning{catalog: d.catalog, device: device, received: received.UTC().Truncate(time.Microsecond)}
}

func (b meaning) begin(o *sensors.Observation) {
	*o = sensors.Observation{Device: b.device, Received: b.received, At: b.received}
}

func (b meaning) kind(o *sensors.Observation, name []byte) (sensors.KindType, *fault) {
	if key, typ, ok := b.catalog.Intern(name); ok {
		o.Kind = key
		return typ, nil
	}
	if !sensors.ValidKindKey(string(name)) {
		return "", faultf(sensors.ReasonBadField, "kind %.80q is not the key of a kind", name)
	}
	o.Kind = sensors.KindKey(name)
	return "", nil
}

// left gives o the value of an observation that states none.
func (b meaning) left(o *sensors.Observation, typ sensors.KindType) *fault {
	if typ == sensors.Measure {
		return faultf(sensors.ReasonMissingValue, "%s is a measure and needs a value", o.Kind)
	}
	o.Value = 1
	return nil
}

// finite refuses what JSON cannot write.
func finite(field string, v float64) (float64, *fault) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0, faultf(sensors.ReasonNotANumber, "%s is %v", field, v)
	}
	return v, nil
}

func milliseconds(ms int64) (time.Time, *fault) {
	if ms < firstMilli || ms > lastMilli {
		return time.Time{}, faultf(sensors.ReasonBadTime, "time %d is not in whole milliseconds of the years 0 to 9999", ms)
	}
	return time.UnixMilli(ms).UTC(), nil
}

func timeText(text []byte) (time.Time, *fault) {
	t, ok := rfc3339(text)
	if !ok {
		return time.Time{}, faultf(sensors.ReasonBadTime, "time %.40q is not RFC 3339", text)
	}
	return t, nil
}

func place(o *sensors.Observation, lat, lon float64, datum sensors.Datum) *fault {
	if math.Abs(lat) > 90 || math.Abs(lon) > 180 {
		return faultf(sensors.ReasonBadPosition, "lat %v, lon %v is not on Earth", lat, lon)
	}
	o.Position = sensors.Position{LatDegrees: lat, LonDegrees: lon, Datum: datum}
	return nil
}

func eventID(text []byte) (string, *fault) {
	switch {
	case len(text) == 0:
		return "", faultf(sensors.ReasonBadField, "id is empty")
	case len(text) > sensors.MaxIDBytes:
		return "", faultf(sensors.ReasonTooLarge, "id has %d bytes, limit %d", len(text), sensors.MaxIDBytes)
	}
	return string(text), nil
}

// appendJSONString appends text, which is UTF-8, as a JSON string with no more
// escapes than it needs.
func appendJSONString(dst, text []byte) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c >= 0x20:
			dst = append(dst, c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\r':
			dst = append(dst, '\\', 'r')
		case c == '\t':
			dst = append(dst, '\\', 't')
		case c == '\b':
			dst = append(dst, '\\', 'b')
		case c == '\f':
			dst = append(dst, '\\', 'f')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(dst, '"')
}

// whole is the only fault of a message that cannot be told into elements.
func whole(f *fault, payload []byte) []sensors.Fault {
	return []sensors.Fault{{Index: sensors.WholeMessage, Reason: f.reason, Detail: f.detail, Raw: payload}}
}

// bounded refuses messages by their size alone.
func bounded(payload []byte) *fault {
	switch {
	case len(payload) > MaxPayloadBytes:
		return faultf(sensors.ReasonTooLarge, "message has %d bytes, limit %d", len(payload), MaxPayloadBytes)
	case len(payload) == 0:
		return faultf(sensors.ReasonEmpty, "message is empty")
	}
	return nil
}

func checkUTF8(text []byte, at int) *fault {
	if !utf8.Valid(text) {
		return faultf(sensors.ReasonInvalidUTF8, "text at byte %d is not UTF-8", at)
	}
	return nil
}
