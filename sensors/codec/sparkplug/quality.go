package sparkplug

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// Field numbers of PropertySet and PropertyValue.
const (
	propertyKeys   = 1
	propertyValues = 2
	propertyNull   = 2
	propertyInt    = 3
	propertyLong   = 4
)

// The property with which an edge node says what a value is worth
// (specification 3.0, section 6.4.2). The codes are those of OPC: the
// specification has 192 for good, and those up to 255 are good with a remark.
const (
	qualityKey   = "Quality"
	qualityGood  = 192
	qualityLast  = 255
	qualityStale = 500
)

// quality is what a metric's properties say of its value.
type quality struct {
	code uint64
	said bool
}

// good reports whether the value can be believed: it can where nothing is said.
func (q quality) good() bool { return !q.said || (q.code >= qualityGood && q.code <= qualityLast) }

func (q quality) String() string {
	switch q.code {
	case 0:
		return "bad quality"
	case qualityStale:
		return "stale"
	}
	return fmt.Sprintf("quality %d", q.code)
}

// readQuality finds the quality among the properties of a metric. Keys and values
// are two lists of the same order. What cannot be read says nothing: a property
// is no reason to refuse the value beside it.
func readQuality(properties []byte) quality {
	at, n := -1, 0
	eachField(properties, propertyKeys, func(v field) {
		if at < 0 && string(v.text) == qualityKey {
			at = n
		}
		n++
	})
	var q quality
	n = 0
	eachField(properties, propertyValues, func(v field) {
		if n == at {
			q = readQualityValue(v.text)
		}
		n++
	})
	return q
}

func readQualityValue(value []byte) quality {
	var q quality
	eachField(value, propertyInt, func(v field) { q = quality{uint64(uint32(v.bits)), true} })
	eachField(value, propertyLong, func(v field) { q = quality{v.bits, true} })
	eachField(value, propertyNull, func(v field) { q.said = q.said && v.bits == 0 })
	return q
}

// eachField gives every field of that number in a message, up to where it is no
// protobuf any more.
func eachField(buf []byte, number protowire.Number, yield func(field)) {
	for len(buf) > 0 {
		num, _, v, n := consume(buf)
		if n < 0 {
			return
		}
		if num == number {
			yield(v)
		}
		buf = buf[n:]
	}
}
