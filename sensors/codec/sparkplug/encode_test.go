package sparkplug_test

import (
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// met is a metric as an edge node writes it.
type met struct {
	name       string
	alias      int // 0 for none
	ms         uint64
	typ        uint64
	historical bool
	null       bool
	properties []byte // as a PropertySet
	value      any
}

// The types of the specification.
const (
	int8T, int16T, int32T, int64T, uint8T, uint16T, uint32T, uint64T = 1, 2, 3, 4, 5, 6, 7, 8
	floatT, doubleT, booleanT, stringT, dateTimeT, textT, uuidT      = 9, 10, 11, 12, 13, 14, 15
	dataSetT, bytesT, fileT, templateT, int8ArrayT                   = 16, 17, 18, 19, 22
)

// Members of the oneof value.
type (
	inInt      uint64 // as it is on the wire: a negative int32 may take 64 bits
	inLong     uint64
	inBytes    []byte
	inDataSet  []byte
	inTemplate []byte
)

func varint(b []byte, num protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), v)
}

func bytesField(b []byte, num protowire.Number, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, num, protowire.BytesType), v)
}

func (m met) encode() []byte {
	var b []byte
	if m.name != "" {
		b = bytesField(b, 1, []byte(m.name))
	}
	if m.alias != 0 {
		b = varint(b, 2, uint64(m.alias))
	}
	if m.ms != 0 {
		b = varint(b, 3, m.ms)
	}
	if m.typ != 0 {
		b = varint(b, 4, m.typ)
	}
	if m.historical {
		b = varint(b, 5, 1)
	}
	if m.null {
		b = varint(b, 7, 1)
	}
	if m.properties != nil {
		b = bytesField(b, 9, m.properties)
	}
	switch v := m.value.(type) {
	case inInt:
		b = varint(b, 10, uint64(v))
	case inLong:
		b = varint(b, 11, uint64(v))
	case float32:
		b = protowire.AppendFixed32(protowire.AppendTag(b, 12, protowire.Fixed32Type), math.Float32bits(v))
	case float64:
		b = protowire.AppendFixed64(protowire.AppendTag(b, 13, protowire.Fixed64Type), math.Float64bits(v))
	case bool:
		b = varint(b, 14, protowire.EncodeBool(v))
	case string:
		b = bytesField(b, 15, []byte(v))
	case inBytes:
		b = bytesField(b, 16, v)
	case inDataSet:
		b = bytesField(b, 17, v)
	case inTemplate:
		b = bytesField(b, 18, v)
	}
	return b
}

const noSeq = -1

// message encodes a payload of time ms and number seq.
func message(ms uint64, seq int, metrics ...met) []byte {
	var b []byte
	if ms != 0 {
		b = varint(b, 1, ms)
	}
	for _, m := range metrics {
		b = bytesField(b, 2, m.encode())
	}
	if seq != noSeq {
		b = varint(b, 3, uint64(seq))
	}
	return b
}

// quality is a PropertySet of a unit and, behind it, of what the value is worth.
func quality(code uint64) []byte {
	set := bytesField(bytesField(nil, 1, []byte("engUnit")), 1, []byte("Quality"))
	set = bytesField(set, 2, bytesField(varint(nil, 1, stringT), 8, []byte("dB")))
	return bytesField(set, 2, varint(varint(nil, 1, int32T), 3, code))
}

func session(n uint64) met { return met{name: "bdSeq", typ: uint64T, value: inLong(n)} }
