package native

import (
	"math"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/urbangrid/urbangrid/sensors"
)

// Field numbers of observation.proto. Those up to fieldAttrs also name the
// fields of the CBOR form.
const (
	fieldKind       = 1
	fieldValue      = 2
	fieldTime       = 3
	fieldLat        = 4
	fieldLon        = 5
	fieldDatum      = 6
	fieldID         = 7
	fieldAttrs      = 8
	fieldValueShort = 9
	fieldValueWhole = 10
	fieldTimeText   = 11

	fieldObservations = 1 // of Batch
)

// DecodeProtobuf reads what [Decoder.Decode] reads, encoded as the Batch of
// observation.proto. A field of another wire type than observation.proto says is
// a fault of its observation; fields that it does not name are ignored. It
// promises what Decode promises.
func (d *Decoder) DecodeProtobuf(dst []sensors.Observation, device sensors.DeviceID, payload []byte, received time.Time) ([]sensors.Observation, []sensors.Fault) {
	if bad := bounded(payload); bad != nil {
		return dst, whole(bad, payload)
	}
	p := protoReader{meaning: d.meaning(device, received)}
	start := len(dst)
	dst, faults, broken := p.batch(dst, payload)
	if broken == nil && len(dst) == start && len(faults) == 0 {
		broken = faultf(sensors.ReasonEmpty, "batch has no observation")
	}
	if broken != nil {
		clear(dst[start:])
		return dst[:start], whole(broken, payload)
	}
	return dst, faults
}

type protoReader struct {
	meaning
}

func brokenProto(n int) *fault {
	return faultf(ReasonBadEncoding, "message is not protobuf: %v", protowire.ParseError(n))
}

func (p *protoReader) batch(dst []sensors.Observation, buf []byte) ([]sensors.Observation, []sensors.Fault, *fault) {
	var faults []sensors.Fault
	i := 0
	for len(buf) > 0 {
		num, typ, n := protowire.ConsumeTag(buf)
		if n < 0 {
			return dst, nil, brokenProto(n)
		}
		if num != fieldObservations || typ != protowire.BytesType {
			m := protowire.ConsumeFieldValue(num, typ, buf[n:])
			if m < 0 {
				return dst, nil, brokenProto(m)
			}
			buf = buf[n+m:]
			continue
		}
		raw, m := protowire.ConsumeBytes(buf[n:])
		if m < 0 {
			return dst, nil, brokenProto(m)
		}
		buf = buf[n+m:]
		if i == MaxElements {
			return dst, nil, faultf(sensors.ReasonTooLarge, "batch has more than %d observations", MaxElements)
		}
		var f protoFields
		if broken := f.read(raw); broken != nil {
			return dst, nil, broken
		}
		dst = append(dst, sensors.Observation{})
		if bad := p.observation(&dst[len(dst)-1], &f); bad != nil {
			dst = dst[:len(dst)-1]
			faults = append(faults, sensors.Fault{Index: i, Reason: bad.reason, Detail: bad.detail, Raw: raw})
		}
		i++
	}
	return dst, faults, nil
}

// protoField is the last value that a field had.
type protoField struct {
	given bool
	typ   protowire.Type
	bits  uint64 // of a number
	text  []byte
}

// protoFields are the fields of one observation. The members of a oneof share
// their place, and number tells them apart.
type protoFields struct {
	kind, value, time, lat, lon, datum, id, attrs protoField
	valueNumber, timeNumber                       protowire.Number
}

// read takes the fields apart. Only the last of equal fields counts.
func (f *protoFields) read(buf []byte) *fault {
	for len(buf) > 0 {
		num, typ, n := protowire.ConsumeTag(buf)
		if n < 0 {
			return brokenProto(n)
		}
		buf = buf[n:]
		v := protoField{given: true, typ: typ}
		switch typ {
		case protowire.VarintType:
			v.bits, n = protowire.ConsumeVarint(buf)
		case protowire.Fixed32Type:
			var b uint32
			b, n = protowire.ConsumeFixed32(buf)
			v.bits = uint64(b)
		case protowire.Fixed64Type:
			v.bits, n = protowire.ConsumeFixed64(buf)
		case protowire.BytesType:
			v.text, n = protowire.ConsumeBytes(buf)
		default:
			n = protowire.ConsumeFieldValue(num, typ, buf)
		}
		if n < 0 {
			return brokenProto(n)
		}
		buf = buf[n:]
		slot := f.slot(num)
		if slot == nil {
			continue
		}
		*slot = v
		if isProtoText(num) && typ == protowire.BytesType && !utf8.Valid(v.text) {
			return faultf(sensors.ReasonInvalidUTF8, "text of field %d is not UTF-8", num)
		}
	}
	return nil
}

func isProtoText(num protowire.Number) bool {
	switch num {
	case fieldKind, fieldTimeText, fieldID, fieldAttrs:
		return true
	}
	return false
}

func (f *protoFields) slot(num protowire.Number) *protoField {
	switch num {
	case fieldKind:
		return &f.kind
	case fieldValue, fieldValueShort, fieldValueWhole:
		f.valueNumber = num
		return &f.value
	case fieldTime, fieldTimeText:
		f.timeNumber = num
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
func (p *protoReader) observation(o *sensors.Observation, f *protoFields) *fault {
	p.begin(o)
	if !f.kind.given {
		return faultf(sensors.ReasonMissingKind, "kind is missing")
	}
	if bad := f.kind.mustBe("kind", protowire.BytesType); bad != nil {
		return bad
	}
	typ, bad := p.kind(o, f.kind.text)
	if bad != nil {
		return bad
	}
	if bad := p.value(o, f, typ); bad != nil {
		return bad
	}
	if f.time.given {
		if o.At, bad = f.at(); bad != nil {
			return bad
		}
	}
	if bad := p.position(o, f); bad != nil {
		return bad
	}
	if f.id.given {
		if bad := f.id.mustBe("id", protowire.BytesType); bad != nil {
			return bad
		}
		if o.ID, bad = eventID(f.id.text); bad != nil {
			return bad
		}
	}
	if f.attrs.given {
		o.Attrs, bad = f.attributes()
	}
	return bad
}

func (v protoField) mustBe(field string, typ protowire.Type) *fault {
	if v.typ != typ {
		return faultf(sensors.ReasonBadField, "%s has wire type %d, not %d", field, v.typ, typ)
	}
	return nil
}

func (v protoField) double(field string) (float64, *fault) {
	if bad := v.mustBe(field, protowire.Fixed64Type); bad != nil {
		return 0, bad
	}
	return finite(field, math.Float64frombits(v.bits))
}

func (p *protoReader) value(o *sensors.Observation, f *protoFields, typ sensors.KindType) (bad *fault) {
	switch {
	case !f.value.given:
		return p.left(o, typ)
	case f.valueNumber == fieldValueShort:
		if bad = f.value.mustBe("value_short", protowire.Fixed32Type); bad != nil {
			return bad
		}
		o.Value, bad = finite("value", float64(math.Float32frombits(uint32(f.value.bits))))
	case f.valueNumber == fieldValueWhole:
		if bad = f.value.mustBe("value_whole", protowire.VarintType); bad != nil {
			return bad
		}
		o.Value = float64(protowire.DecodeZigZag(f.value.bits))
	default:
		o.Value, bad = f.value.double("value")
	}
	return bad
}

func (f *protoFields) at() (time.Time, *fault) {
	if f.timeNumber == fieldTimeText {
		if bad := f.time.mustBe("time_rfc3339", protowire.BytesType); bad != nil {
			return time.Time{}, faultf(sensors.ReasonBadTime, "%s", bad.detail)
		}
		return timeText(f.time.text)
	}
	if bad := f.time.mustBe("time_ms", protowire.VarintType); bad != nil {
		return time.Time{}, faultf(sensors.ReasonBadTime, "%s", bad.detail)
	}
	return milliseconds(int64(f.time.bits))
}

func (p *protoReader) position(o *sensors.Observation, f *protoFields) *fault {
	if f.datum.given {
		if bad := f.datum.mustBe("datum", protowire.VarintType); bad != nil {
			return bad
		}
	}
	datum := sensors.WGS84
	switch f.datum.bits {
	case 0, 1:
	case 2:
		datum = sensors.GCJ02
	case 3:
		datum = sensors.BD09
	default:
		return faultf(sensors.ReasonBadField, "datum %d is none of observation.proto", f.datum.bits)
	}
	if f.lat.given != f.lon.given {
		return faultf(sensors.ReasonBadPosition, "one of lat and lon is missing")
	}
	if !f.lat.given {
		return nil
	}
	lat, bad := f.lat.double("lat")
	if bad != nil {
		return bad
	}
	lon, bad := f.lon.double("lon")
	if bad != nil {
		return bad
	}
	return place(o, lat, lon, datum)
}

// attributes reads attrs_json as the JSON form reads attrs: JSON null counts as
// left out.
func (f *protoFields) attributes() (string, *fault) {
	if bad := f.attrs.mustBe("attrs_json", protowire.BytesType); bad != nil {
		return "", bad
	}
	r := reader{scanner: scanner{buf: f.attrs.text}}
	r.space()
	from := r.pos
	r.deepest = 1
	if broken := r.skip(1); broken != nil {
		return "", faultf(sensors.ReasonBadField, "attrs_json: %s", broken.detail)
	}
	to := r.pos
	if broken := r.end(); broken != nil {
		return "", faultf(sensors.ReasonBadField, "attrs_json: %s", broken.detail)
	}
	if r.deepest > MaxDepth {
		return "", faultf(sensors.ReasonTooDeep, "nesting is %d deep, limit %d", r.deepest, MaxDepth)
	}
	if r.buf[from] == 'n' {
		return "", nil
	}
	return r.object(span{from, to})
}
