// Package tree reads a JSON message into a tree of values, for formats whose
// messages are deep, optional in every field and not ours to define.
package tree

import (
	"fmt"
	"unicode/utf8"

	"github.com/urbangrid/urbangrid/sensors"
)

// Limits of a message.
const (
	MaxPayloadBytes = 1 << 20
	MaxDepth        = 32
	MaxValues       = 100_000 // objects, arrays and plain values together
)

// Doc is one message. Parse may be called again: the memory is kept, and values
// of the message before become invalid. It is not safe for concurrent use.
type Doc struct {
	buf   []byte
	nodes []node
	pos   int
}

type node struct {
	kind             Kind
	escaped          bool  // the text holds a backslash
	keyEscaped       bool  // the name holds a backslash
	from, to         int32 // in buf; of a string without its quotes
	keyFrom, keyTo   int32 // of the name in an object, without its quotes
	child, next, len int32 // first child and next sibling, 0 for none
}

// Kind is what JSON calls a value's type.
type Kind uint8

// Missing is the kind of a value that is not there, or null.
const (
	Missing Kind = iota
	Object
	Array
	String
	Number
	Bool
)

// Problem is why a message, or a part of one, cannot be read: a Reason of
// package sensors and words for a person.
type Problem struct {
	Reason string
	Detail string
}

// Problemf makes a Problem.
func Problemf(reason, format string, args ...any) *Problem {
	return &Problem{Reason: reason, Detail: fmt.Sprintf(format, args...)}
}

// Fault returns p as the fault of element index of a message, or of
// [sensors.WholeMessage].
func (p *Problem) Fault(index int, raw []byte) sensors.Fault {
	return sensors.Fault{Index: index, Reason: p.Reason, Detail: p.Detail, Raw: raw}
}

// Parse reads payload, which must be one JSON value and UTF-8. The values that
// Doc gives out afterwards share memory with payload; what their methods return
// as string does not.
func (d *Doc) Parse(payload []byte) (Value, *Problem) {
	d.buf, d.pos, d.nodes = payload, 0, d.nodes[:0]
	if len(payload) > MaxPayloadBytes {
		return Value{}, Problemf(sensors.ReasonTooLarge, "message has %d bytes, limit %d", len(payload), MaxPayloadBytes)
	}
	if !utf8.Valid(payload) {
		return Value{}, Problemf(sensors.ReasonInvalidUTF8, "message is not UTF-8")
	}
	d.space()
	if d.pos == len(payload) {
		return Value{}, Problemf(sensors.ReasonEmpty, "message is empty")
	}
	root, p := d.value(1)
	if p != nil {
		return Value{}, p
	}
	d.space()
	if d.pos != len(payload) {
		return Value{}, d.unexpected("the end of the message")
	}
	return Value{d, root}, nil
}

func (d *Doc) space() {
	for d.pos < len(d.buf) {
		switch d.buf[d.pos] {
		case ' ', '\t', '\n', '\r':
			d.pos++
		default:
			return
		}
	}
}

func (d *Doc) peek() byte {
	if d.pos < len(d.buf) {
		return d.buf[d.pos]
	}
	return 0
}

func (d *Doc) unexpected(wanted string) *Problem {
	if d.pos >= len(d.buf) {
		return Problemf(sensors.ReasonBadJSON, "message ends where %s should be", wanted)
	}
	return Problemf(sensors.ReasonBadJSON, "byte %d is %q where %s should be", d.pos, d.buf[d.pos], wanted)
}

// value reads one value and returns where its node is.
func (d *Doc) value(depth int) (int32, *Problem) {
	if len(d.nodes) == MaxValues {
		return 0, Problemf(sensors.ReasonTooLarge, "message has more than %d values", MaxValues)
	}
	n := int32(len(d.nodes))
	d.nodes = append(d.nodes, node{from: int32(d.pos)})
	var p *Problem
	switch c := d.peek(); {
	case c == '{' || c == '[':
		if depth > MaxDepth {
			return 0, Problemf(sensors.ReasonTooDeep, "nesting is more than %d deep", MaxDepth)
		}
		if c == '{' {
			p = d.object(n, depth)
		} else {
			p = d.array(n, depth)
		}
	case c == '"':
		d.nodes[n].kind = String
		d.nodes[n].from, d.nodes[n].to, d.nodes[n].escaped, p = d.str()
		return n, p
	case c == '-' || (c >= '0' && c <= '9'):
		d.nodes[n].kind = Number
		p = d.number()
	case c == 't':
		d.nodes[n].kind = Bool
		p = d.word("true")
	case c == 'f':
		d.nodes[n].kind = Bool
		p = d.word("false")
	case c == 'n':
		p = d.word("null")
	default:
		p = d.unexpected("a value")
	}
	d.nodes[n].to = int32(d.pos)
	return n, p
}

func (d *Doc) object(n int32, depth int) *Problem {
	d.nodes[n].kind = Object
	d.pos++
	d.space()
	if d.peek() == '}' {
		d.pos++
		return nil
	}
	for last := int32(0); ; {
		if d.peek() != '"' {
			return d.unexpected("a field name")
		}
		from, to, escaped, p := d.str()
		if p != nil {
			return p
		}
		d.space()
		if d.peek() != ':' {
			return d.unexpected("':' after a field name")
		}
		d.pos++
		d.space()
		c, p := d.value(depth + 1)
		if p != nil {
			return p
		}
		d.nodes[c].keyFrom, d.nodes[c].keyTo, d.nodes[c].keyEscaped = from, to, escaped
		last = d.link(n, last, c)
		d.space()
		switch d.peek() {
		case ',':
			d.pos++
			d.space()
		case '}':
			d.pos++
			return nil
		default:
			return d.unexpected("',' or '}' after a field")
		}
	}
}

func (d *Doc) array(n int32, depth int) *Problem {
	d.nodes[n].kind = Array
	d.pos++
	d.space()
	if d.peek() == ']' {
		d.pos++
		return nil
	}
	for last := int32(0); ; {
		c, p := d.value(depth + 1)
		if p != nil {
			return p
		}
		last = d.link(n, last, c)
		d.space()
		switch d.peek() {
		case ',':
			d.pos++
			d.space()
		case ']':
			d.pos++
			return nil
		default:
			return d.unexpected("',' or ']' after an array element")
		}
	}
}

func (d *Doc) link(parent, last, child int32) int32 {
	d.nodes[parent].len++
	if last == 0 {
		d.nodes[parent].child = child
	} else {
		d.nodes[last].next = child
	}
	return child
}

// str reads a string and returns where its inside lies.
func (d *Doc) str() (from, to int32, escaped bool, p *Problem) {
	d.pos++
	from = int32(d.pos)
	for d.pos < len(d.buf) {
		switch c := d.buf[d.pos]; {
		case c == '"':
			to = int32(d.pos)
			d.pos++
			return from, to, escaped, nil
		case c == '\\':
			escaped = true
			if p := d.escape(); p != nil {
				return 0, 0, false, p
			}
		case c < 0x20:
			return 0, 0, false, d.unexpected("text without control characters")
		default:
			d.pos++
		}
	}
	return 0, 0, false, d.unexpected("the end of a string")
}

func (d *Doc) escape() *Problem {
	d.pos++
	switch d.peek() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		d.pos++
		return nil
	case 'u':
		d.pos++
		for range 4 {
			c := d.peek() | 0x20
			if (c < '0' || c > '9') && (c < 'a' || c > 'f') || d.peek() < '0' {
				return d.unexpected("a hexadecimal digit")
			}
			d.pos++
		}
		return nil
	}
	return d.unexpected("an escape")
}

func (d *Doc) number() *Problem {
	if d.peek() == '-' {
		d.pos++
	}
	if d.peek() == '0' {
		d.pos++
	} else if !d.digits() {
		return d.unexpected("a digit")
	}
	if d.peek() == '.' {
		d.pos++
		if !d.digits() {
			return d.unexpected("a digit")
		}
	}
	if c := d.peek(); c == 'e' || c == 'E' {
		d.pos++
		if c := d.peek(); c == '+' || c == '-' {
			d.pos++
		}
		if !d.digits() {
			return d.unexpected("a digit")
		}
	}
	return nil
}

func (d *Doc) digits() bool {
	from := d.pos
	for d.pos < len(d.buf) && d.buf[d.pos] >= '0' && d.buf[d.pos] <= '9' {
		d.pos++
	}
	return d.pos > from
}

func (d *Doc) word(w string) *Problem {
	if len(d.buf)-d.pos < len(w) || string(d.buf[d.pos:d.pos+len(w)]) != w {
		return d.unexpected(w)
	}
	d.pos += len(w)
	return nil
}
