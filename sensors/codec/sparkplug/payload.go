package sparkplug

import (
	"fmt"
	"math"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/urbangrid/urbangrid/sensors"
)

// Field numbers of org.eclipse.tahu.protobuf.Payload and its Metric
// (specification 3.0, chapter 6).
const (
	payloadTimestamp = 1
	payloadMetrics   = 2
	payloadSeq       = 3
	payloadUUID      = 4

	metricName         = 1
	metricAlias        = 2
	metricTimestamp    = 3
	metricDatatype     = 4
	metricIsHistorical = 5
	metricIsNull       = 7
	metricProperties   = 9
	metricInt          = 10
	metricLong         = 11
	metricFloat        = 12
	metricDouble       = 13
	metricBoolean      = 14
	metricString       = 15
	metricExtension    = 19 // bytes, data set and template lie between
)

// datatype is a metric's type.
type datatype uint32

const (
	typeUnknown  datatype = 0
	typeInt8     datatype = 1
	typeInt16    datatype = 2
	typeInt32    datatype = 3
	typeInt64    datatype = 4
	typeUInt8    datatype = 5
	typeUInt16   datatype = 6
	typeUInt32   datatype = 7
	typeUInt64   datatype = 8
	typeFloat    datatype = 9
	typeDouble   datatype = 10
	typeBoolean  datatype = 11
	typeString   datatype = 12
	typeDateTime datatype = 13
	typeText     datatype = 14
)

var datatypeNames = [...]string{
	"Unknown", "Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float", "Double",
	"Boolean", "String", "DateTime", "Text", "UUID", "DataSet", "Bytes", "File", "Template", "PropertySet",
	"PropertySetList", "Int8Array", "Int16Array", "Int32Array", "Int64Array", "UInt8Array", "UInt16Array",
	"UInt32Array", "UInt64Array", "FloatArray", "DoubleArray", "BooleanArray", "StringArray", "DateTimeArray",
}

func (d datatype) String() string {
	if int(d) < len(datatypeNames) {
		return datatypeNames[d]
	}
	return fmt.Sprintf("datatype %d", uint32(d))
}

// scalar reports whether a value of type d can be one number.
func (d datatype) scalar() bool { return d <= typeText && d != typeDateTime }

// payload is one message. It shares the memory of its bytes.
type payload struct {
	timestamp    uint64 // milliseconds since 1970
	hasTimestamp bool
	seq          uint64
	hasSeq       bool
	uuid         string
	metrics      []metric
}

// metric is one element of a payload.
type metric struct {
	raw          []byte
	name         []byte
	hasName      bool
	alias        uint64
	hasAlias     bool
	timestamp    uint64
	hasTimestamp bool
	datatype     datatype
	historical   bool
	null         bool
	quality      quality
	field        protowire.Number // which member of the oneof value is there; 0 when none
	bits         uint64           // of a number or boolean
	text         []byte           // of a string
}

// readPayload takes a message apart. Wire types that are not those of the
// specification make it no Sparkplug.
func readPayload(buf []byte) (payload, *fault) {
	var p payload
	for len(buf) > 0 {
		num, typ, v, n := consume(buf)
		if n < 0 {
			return p, notProto(n)
		}
		buf = buf[n:]
		if bad := p.set(num, typ, v); bad != nil {
			return p, bad
		}
	}
	return p, nil
}

func (p *payload) set(num protowire.Number, typ protowire.Type, v field) *fault {
	switch num {
	case payloadTimestamp:
		p.timestamp, p.hasTimestamp = v.bits, true
		return want("timestamp", typ, protowire.VarintType)
	case payloadSeq:
		p.seq, p.hasSeq = v.bits, true
		return want("seq", typ, protowire.VarintType)
	case payloadUUID:
		p.uuid = string(v.text)
		return want("uuid", typ, protowire.BytesType)
	case payloadMetrics:
		if bad := want("metrics", typ, protowire.BytesType); bad != nil {
			return bad
		}
		if len(p.metrics) == maxMetricsPerMessage {
			return faultf(sensors.ReasonTooLarge, "message has more than %d metrics", maxMetricsPerMessage)
		}
		m, bad := readMetric(v.text)
		if bad != nil {
			return bad
		}
		p.metrics = append(p.metrics, m)
	}
	return nil
}

func readMetric(raw []byte) (metric, *fault) {
	m := metric{raw: raw}
	for buf := raw; len(buf) > 0; {
		num, typ, v, n := consume(buf)
		if n < 0 {
			return m, notProto(n)
		}
		buf = buf[n:]
		if bad := m.set(num, typ, v); bad != nil {
			return m, bad
		}
	}
	return m, nil
}

func (m *metric) set(num protowire.Number, typ protowire.Type, v field) *fault {
	expect := protowire.VarintType
	switch num {
	case metricName:
		m.name, m.hasName = v.text, true
		if !utf8.Valid(v.text) {
			return faultf(sensors.ReasonInvalidUTF8, "name of a metric is not UTF-8")
		}
		expect = protowire.BytesType
	case metricAlias:
		m.alias, m.hasAlias = v.bits, true
	case metricTimestamp:
		m.timestamp, m.hasTimestamp = v.bits, true
	case metricDatatype:
		m.datatype = datatype(v.bits)
	case metricIsHistorical:
		m.historical = v.bits != 0
	case metricIsNull:
		m.null = v.bits != 0
	case metricProperties:
		m.quality = readQuality(v.text)
		expect = protowire.BytesType
	case metricInt, metricLong, metricBoolean:
		m.field, m.bits = num, v.bits
	case metricFloat:
		m.field, m.bits = num, v.bits
		expect = protowire.Fixed32Type
	case metricDouble:
		m.field, m.bits = num, v.bits
		expect = protowire.Fixed64Type
	case metricString:
		m.field, m.text = num, v.text
		expect = protowire.BytesType
	default:
		if num > metricString && num <= metricExtension {
			m.field = num
			expect = protowire.BytesType
		} else {
			return nil
		}
	}
	if typ != expect {
		return want(fmt.Sprintf("field %d of a metric", num), typ, expect)
	}
	return nil
}

// field is the value of one protobuf field.
type field struct {
	bits uint64
	text []byte
}

// consume reads the field at the start of buf; n is negative when there is none.
func consume(buf []byte) (num protowire.Number, typ protowire.Type, v field, n int) {
	num, typ, n = protowire.ConsumeTag(buf)
	if n < 0 {
		return num, typ, v, n
	}
	var m int
	switch typ {
	case protowire.VarintType:
		v.bits, m = protowire.ConsumeVarint(buf[n:])
	case protowire.Fixed32Type:
		var b uint32
		b, m = protowire.ConsumeFixed32(buf[n:])
		v.bits = uint64(b)
	case protowire.Fixed64Type:
		v.bits, m = protowire.ConsumeFixed64(buf[n:])
	case protowire.BytesType:
		v.text, m = protowire.ConsumeBytes(buf[n:])
	default:
		m = protowire.ConsumeFieldValue(num, typ, buf[n:])
	}
	if m < 0 {
		return num, typ, v, m
	}
	return num, typ, v, n + m
}

func notProto(n int) *fault {
	return faultf(ReasonBadEncoding, "message is not protobuf: %v", protowire.ParseError(n))
}

func want(what string, got, expect protowire.Type) *fault {
	if got != expect {
		return faultf(ReasonBadEncoding, "%s has wire type %d, not %d", what, got, expect)
	}
	return nil
}

// number returns the metric's value as type d has it.
func (m *metric) number(d datatype) (float64, *fault) {
	switch d {
	case typeInt8, typeInt16, typeInt32, typeInt64, typeUInt8, typeUInt16, typeUInt32, typeUInt64:
		return m.integer(d)
	case typeFloat, typeDouble:
		var v float64
		switch m.field {
		case metricFloat:
			v = float64(math.Float32frombits(uint32(m.bits)))
		case metricDouble:
			v = math.Float64frombits(m.bits)
		default:
			return 0, m.wrongField(d)
		}
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return 0, faultf(sensors.ReasonNotANumber, "value is %v", v)
		}
		return v, nil
	case typeBoolean:
		if m.field != metricBoolean {
			return 0, m.wrongField(d)
		}
		if m.bits != 0 {
			return 1, nil
		}
		return 0, nil
	}
	return 0, faultf(sensors.ReasonBadField, "a %s is no number", d)
}

func (m *metric) wrongField(d datatype) *fault {
	if m.field == 0 {
		return faultf(sensors.ReasonMissingValue, "metric has no value")
	}
	return faultf(sensors.ReasonBadField, "a %s cannot be in field %d", d, m.field)
}

// integer reads two's complement from the unsigned fields. Encoders differ in
// whether they extend the sign of a short negative number to 32 bits, and in
// which of the two fields holds a UInt32: all of that is read.
func (m *metric) integer(d datatype) (float64, *fault) {
	var size int // bits of the type
	switch d {
	case typeInt8, typeUInt8:
		size = 8
	case typeInt16, typeUInt16:
		size = 16
	case typeInt32, typeUInt32:
		size = 32
	default:
		size = 64
	}
	bits := m.bits
	switch m.field {
	case metricInt:
		bits = uint64(uint32(bits)) // as protobuf truncates a uint32
		if size == 64 {
			if d == typeInt64 {
				return float64(int32(bits)), nil
			}
			return float64(bits), nil
		}
	case metricLong:
	default:
		return 0, m.wrongField(d)
	}
	if d >= typeUInt8 {
		if size < 64 && bits>>size != 0 {
			return 0, faultf(sensors.ReasonBadField, "%d is too large for a %s", bits, d)
		}
		return float64(bits), nil
	}
	signed := int64(bits) << (64 - size) >> (64 - size)
	full := bits
	if m.field == metricInt && int32(bits) < 0 {
		full = uint64(int64(int32(bits))) // the sign extended to 32 bits
	}
	if size < 64 && bits>>size != 0 && int64(full) != signed {
		return 0, faultf(sensors.ReasonBadField, "%d is too large for a %s", int64(full), d)
	}
	return float64(signed), nil
}
