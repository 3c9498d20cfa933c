package senml

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf8"

	"github.com/urbangrid/urbangrid/sensors"
)

// readJSON takes a pack in JSON apart (section 5).
func readJSON(payload []byte) ([]record, *fault) {
	if !utf8.Valid(payload) {
		return nil, faultf(sensors.ReasonInvalidUTF8, "message is not UTF-8")
	}
	if depth(payload) > MaxDepth {
		return nil, faultf(sensors.ReasonTooDeep, "nesting is more than %d deep", MaxDepth)
	}
	text := bytes.TrimLeft(payload, " \t\r\n")
	switch {
	case len(text) == 0:
		return nil, faultf(sensors.ReasonEmpty, "message is empty")
	case !json.Valid(payload):
		var any json.RawMessage
		return nil, faultf(sensors.ReasonBadJSON, "%v", json.Unmarshal(payload, &any))
	case text[0] != '[':
		return nil, faultf(ReasonNotArray, "message is JSON, but no array of records")
	}
	w := walker{buf: payload}
	w.enter()
	var records []record
	for w.more() {
		if len(records) == MaxRecords {
			return nil, faultf(sensors.ReasonTooLarge, "pack has more than %d records", MaxRecords)
		}
		rec := record{raw: w.value()}
		if bad := rec.readJSON(); bad != nil {
			return nil, bad
		}
		records = append(records, rec)
	}
	return records, nil
}

// readJSON reads the record's fields from its raw form, which is valid JSON.
func (r *record) readJSON() *fault {
	if r.raw[0] != '{' {
		r.bad = faultf(sensors.ReasonNotObject, "record begins with %q, not with an object", r.raw[0])
		return nil
	}
	w := walker{buf: r.raw}
	w.enter()
	for w.more() {
		key := jsonText(w.value())
		w.colon()
		raw := w.value()
		l := labelOf(key)
		if l == unknown {
			if bad := unknownField(key); bad != nil {
				return bad
			}
			continue
		}
		if bad := r.set(l, jsonContent(raw)); bad != nil {
			return bad
		}
	}
	return nil
}

// walker goes over the elements of an array or an object of valid JSON.
type walker struct {
	buf []byte
	pos int
}

// enter goes over the opening bracket.
func (w *walker) enter() {
	w.space()
	w.pos++
}

// more goes to the next element, if there is one.
func (w *walker) more() bool {
	w.space()
	if w.buf[w.pos] == ',' {
		w.pos++
		w.space()
	}
	c := w.buf[w.pos]
	return c != ']' && c != '}'
}

func (w *walker) colon() {
	w.space()
	w.pos++
	w.space()
}

func (w *walker) space() {
	for w.pos < len(w.buf) && isSpace(w.buf[w.pos]) {
		w.pos++
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// value goes over one value and returns its text.
func (w *walker) value() []byte {
	from := w.pos
	switch w.buf[w.pos] {
	case '"':
		w.str()
	case '[', '{':
		depth := 0
		for {
			switch w.buf[w.pos] {
			case '"':
				w.str()
				continue
			case '[', '{':
				depth++
			case ']', '}':
				depth--
			}
			w.pos++
			if depth == 0 {
				return w.buf[from:w.pos]
			}
		}
	default:
		for w.pos < len(w.buf) && !isSpace(w.buf[w.pos]) && w.buf[w.pos] != ',' && w.buf[w.pos] != ']' && w.buf[w.pos] != '}' {
			w.pos++
		}
	}
	return w.buf[from:w.pos]
}

func (w *walker) str() {
	for w.pos++; w.buf[w.pos] != '"'; w.pos++ {
		if w.buf[w.pos] == '\\' {
			w.pos++
		}
	}
	w.pos++
}

// jsonText returns what a string of valid JSON says.
func jsonText(quoted []byte) string {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted[1 : len(quoted)-1])
	}
	var s string
	if json.Unmarshal(quoted, &s) != nil {
		return string(quoted) // cannot be: it is valid
	}
	return s
}

// notContent is what no field may have: null, an array, an object, or a number
// that is too large.
type notContent struct{}

func jsonContent(raw []byte) content {
	switch raw[0] {
	case '"':
		return jsonText(raw)
	case 't':
		return true
	case 'f':
		return false
	case 'n', '[', '{':
		return notContent{}
	}
	n, err := strconv.ParseFloat(string(raw), 64)
	if err != nil {
		return notContent{}
	}
	return n
}

// depth returns how deep text nests, if it is JSON.
func depth(text []byte) int {
	now, deepest := 0, 0
	inside := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case inside && c == '\\':
			i++
		case c == '"':
			inside = !inside
		case inside:
		case c == '[' || c == '{':
			now++
			deepest = max(deepest, now)
		case c == ']' || c == '}':
			now--
		}
	}
	return deepest
}
