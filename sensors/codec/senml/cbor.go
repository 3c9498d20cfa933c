package senml

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/big"
	"strings"

	"github.com/fxamacker/cbor/v2"

	"github.com/urbangrid/urbangrid/sensors"
)

// cborLabels are the integers that stand for the fields (section 6, table 4).
var cborLabels = map[int64]label{
	-1: baseVersion, -2: baseName, -3: baseTime, -4: baseUnit, -5: baseValue, -6: baseSum,
	0: name, 1: unit, 2: value, 3: stringValue, 4: boolValue, 5: sum, 6: relTime, 7: updateTime, 8: dataValue,
}

// selfDescribed is the tag that says nothing but that CBOR follows (RFC 8949,
// section 3.4.6).
var selfDescribed = []byte{0xd9, 0xd9, 0xf7}

// readCBOR takes a pack in CBOR apart (section 6).
func readCBOR(mode cbor.DecMode, payload []byte) ([]record, *fault) {
	if err := mode.Wellformed(payload); err != nil {
		if strings.Contains(err.Error(), "nested level") {
			return nil, faultf(sensors.ReasonTooDeep, "%v", err)
		}
		return nil, faultf(ReasonBadEncoding, "%v", err)
	}
	rest, n, indefinite, ok := arrayHead(bytes.TrimPrefix(payload, selfDescribed))
	if !ok {
		return nil, faultf(ReasonNotArray, "message is CBOR, but no array of records")
	}
	var records []record
	for i := uint64(0); indefinite || i < n; i++ {
		if indefinite && rest[0] == 0xff {
			break
		}
		if i == MaxRecords {
			return nil, faultf(sensors.ReasonTooLarge, "pack has more than %d records", MaxRecords)
		}
		var raw cbor.RawMessage
		after, err := mode.UnmarshalFirst(rest, &raw)
		if err != nil {
			return nil, faultf(ReasonBadEncoding, "%v", err)
		}
		rec := record{raw: rest[:len(rest)-len(after)]}
		if bad := rec.readCBOR(mode); bad != nil {
			return nil, bad
		}
		records = append(records, rec)
		rest = after
	}
	return records, nil
}

// arrayHead returns what follows the head of the array in b, which is
// well-formed, and how many elements it has.
func arrayHead(b []byte) (rest []byte, n uint64, indefinite, ok bool) {
	const array = 4
	if b[0]>>5 != array {
		return nil, 0, false, false
	}
	switch info := b[0] & 31; info {
	case 24:
		return b[2:], uint64(b[1]), false, true
	case 25:
		return b[3:], uint64(binary.BigEndian.Uint16(b[1:])), false, true
	case 26:
		return b[5:], uint64(binary.BigEndian.Uint32(b[1:])), false, true
	case 27:
		return b[9:], binary.BigEndian.Uint64(b[1:]), false, true
	case 31:
		return b[1:], 0, true, true
	default:
		return b[1:], uint64(info), false, true
	}
}

// readCBOR reads the record's fields from its raw form, which is well-formed.
func (r *record) readCBOR(mode cbor.DecMode) *fault {
	const mapType = 5
	if r.raw[0]>>5 != mapType {
		r.bad = faultf(sensors.ReasonNotObject, "record begins with %#x, not with a map", r.raw[0])
		return nil
	}
	var fields map[any]cbor.RawMessage
	if err := mode.Unmarshal(r.raw, &fields); err != nil {
		// A name that is given twice may be a base field's: nothing of the pack
		// can be relied on.
		if strings.Contains(err.Error(), "UTF-8") {
			return faultf(sensors.ReasonInvalidUTF8, "record: %v", err)
		}
		return faultf(sensors.ReasonBadField, "record: %v", err)
	}
	must := ""
	for key := range fields {
		text, ok := key.(string)
		if ok && unknownField(text) != nil && (must == "" || text < must) {
			must = text // the order of a map is not the same each time, the fault is
		}
	}
	if must != "" {
		return unknownField(must)
	}
	for _, l := range cborOrder {
		raw, given := fields[l.key()]
		if !given {
			continue
		}
		if bad := r.set(l.label, cborContent(mode, l.label, raw)); bad != nil {
			return bad
		}
	}
	return nil
}

type numbered struct {
	number int64
	label  label
}

// key returns the number as the decoder has it: unsigned when it can be.
func (n numbered) key() any {
	if n.number >= 0 {
		return uint64(n.number)
	}
	return n.number
}

// cborOrder are the fields in the order in which they are looked at.
var cborOrder = func() []numbered {
	var out []numbered
	for i := int64(-6); i <= 8; i++ {
		out = append(out, numbered{i, cborLabels[i]})
	}
	return out
}()

func cborContent(mode cbor.DecMode, l label, raw []byte) content {
	var v any
	if mode.Unmarshal(raw, &v) != nil {
		return notContent{}
	}
	switch v := v.(type) {
	case string:
		if l == dataValue {
			return notContent{} // base64url is for JSON
		}
		return v
	case bool:
		return v
	case []byte:
		return v
	case uint64:
		return float64(v)
	case int64:
		return float64(v)
	case float64:
		if l == baseVersion {
			return notContent{} // only an unsigned integer is allowed
		}
		return v
	case cbor.Tag:
		return decimalFraction(v)
	}
	return notContent{}
}

// decimalFraction reads tag 4: [exponent, mantissa] of ten (RFC 8949, section
// 3.4.4).
func decimalFraction(t cbor.Tag) content {
	pair, ok := t.Content.([]any)
	if t.Number != 4 || !ok || len(pair) != 2 {
		return notContent{}
	}
	exp, ok1 := whole(pair[0])
	mant, ok2 := whole(pair[1])
	if !ok1 || !ok2 || exp < -400 || exp > 400 {
		return notContent{}
	}
	// Rounded once, as the same number in decimal digits would be.
	ten := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(math.Abs(float64(exp)))), nil)
	r := new(big.Rat).SetInt64(mant)
	if exp < 0 {
		r.Quo(r, new(big.Rat).SetInt(ten))
	} else {
		r.Mul(r, new(big.Rat).SetInt(ten))
	}
	f, _ := r.Float64()
	return f
}

func whole(v any) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case uint64:
		return int64(v), v <= math.MaxInt64
	}
	return 0, false
}
