package tree

import (
	"encoding/json"
	"iter"
	"math"
	"strconv"
	"strings"
)

// Value is one value of a Doc. The zero Value is missing, and so is everything
// in it, so that paths need no checks on their way.
type Value struct {
	doc *Doc
	n   int32
}

func (v Value) node() *node {
	if v.doc == nil {
		return &node{}
	}
	return &v.doc.nodes[v.n]
}

// Kind returns the kind, Missing for null.
func (v Value) Kind() Kind { return v.node().kind }

// Given reports whether there is a value, and not null.
func (v Value) Given() bool { return v.Kind() != Missing }

// Raw returns the value as it stands in the message, with the quotes of a
// string. It shares the message's memory.
func (v Value) Raw() []byte {
	n := v.node()
	if v.doc == nil {
		return nil
	}
	if n.kind == String {
		return v.doc.buf[n.from-1 : n.to+1]
	}
	return v.doc.buf[n.from:n.to]
}

// Field returns the field of an object, the last of equal names.
func (v Value) Field(name string) Value {
	var found Value
	if v.Kind() != Object {
		return found
	}
	for c := v.node().child; c != 0; c = v.doc.nodes[c].next {
		n := &v.doc.nodes[c]
		key := v.doc.buf[n.keyFrom:n.keyTo]
		if !n.keyEscaped && string(key) == name || n.keyEscaped && unescape(key) == name {
			found = Value{v.doc, c}
		}
	}
	return found
}

// Fields goes through the fields of an object in the order of the message,
// equal names included.
func (v Value) Fields() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		if v.Kind() != Object {
			return
		}
		for c := v.node().child; c != 0; c = v.doc.nodes[c].next {
			if !yield(v.doc.key(c), Value{v.doc, c}) {
				return
			}
		}
	}
}

func (d *Doc) key(c int32) string {
	n := &d.nodes[c]
	if n.keyEscaped {
		return unescape(d.buf[n.keyFrom:n.keyTo])
	}
	return string(d.buf[n.keyFrom:n.keyTo])
}

// Len returns how many elements or fields there are.
func (v Value) Len() int { return int(v.node().len) }

// Elements goes through the elements of an array.
func (v Value) Elements() iter.Seq2[int, Value] {
	return func(yield func(int, Value) bool) {
		if v.Kind() != Array {
			return
		}
		i := 0
		for c := v.node().child; c != 0; c = v.doc.nodes[c].next {
			if !yield(i, Value{v.doc, c}) {
				return
			}
			i++
		}
	}
}

// Element returns the element of an array with that index, counted from 0.
func (v Value) Element(i int) Value {
	for j, e := range v.Elements() {
		if j == i {
			return e
		}
	}
	return Value{}
}

// Text returns a copy of a string's text.
func (v Value) Text() (string, bool) {
	n := v.node()
	if n.kind != String {
		return "", false
	}
	inside := v.doc.buf[n.from:n.to]
	if n.escaped {
		return unescape(inside), true
	}
	return string(inside), true
}

// Is reports whether v is the string text. It does not allocate unless v has
// escapes.
func (v Value) Is(text string) bool {
	n := v.node()
	if n.kind != String {
		return false
	}
	if n.escaped {
		return unescape(v.doc.buf[n.from:n.to]) == text
	}
	return string(v.doc.buf[n.from:n.to]) == text
}

// Number returns a number that a float64 can hold.
func (v Value) Number() (float64, bool) {
	if v.Kind() != Number {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(v.Raw()), 64)
	return f, err == nil
}

// LooseNumber returns a number, or a string that holds nothing but one in
// decimal notation. "NaN", "Inf" and hexadecimals are none.
func (v Value) LooseNumber() (float64, bool) {
	if v.Kind() == Number {
		return v.Number()
	}
	s, ok := v.Text()
	if !ok {
		return 0, false
	}
	return DecimalNumber(s)
}

// DecimalNumber reads a finite number in decimal notation, white space around
// it allowed.
func DecimalNumber(s string) (float64, bool) {
	s = strings.TrimSpace(s)
	if s == "" || strings.Trim(s, "0123456789+-.eE") != "" {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil && !math.IsInf(f, 0)
}

// Bool returns true or false as such.
func (v Value) Bool() (is, ok bool) {
	if v.Kind() != Bool {
		return false, false
	}
	return v.Raw()[0] == 't', true
}

// LooseBool returns true or false as such, as a string, or as 1 or 0, which are
// the lexical forms of XML Schema.
func (v Value) LooseBool() (is, ok bool) {
	switch v.Kind() {
	case Bool:
		return v.Bool()
	case String:
		s, _ := v.Text()
		switch strings.ToLower(strings.TrimSpace(s)) {
		case "true", "1":
			return true, true
		case "false", "0":
			return false, true
		}
	case Number:
		switch string(v.Raw()) {
		case "1":
			return true, true
		case "0":
			return false, true
		}
	}
	return false, false
}

// Name returns a string as it is, or a number as it is written: what sources
// use as identifiers.
func (v Value) Name() (string, bool) {
	if v.Kind() == Number {
		return string(v.Raw()), true
	}
	return v.Text()
}

// unescape is rare: one in thousands of strings has an escape.
func unescape(inside []byte) string {
	quoted := make([]byte, 0, len(inside)+2)
	quoted = append(quoted, '"')
	quoted = append(quoted, inside...)
	quoted = append(quoted, '"')
	var s string
	if err := json.Unmarshal(quoted, &s); err != nil {
		return "" // cannot be: the syntax was checked
	}
	return s
}
