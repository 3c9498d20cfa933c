package senml

import (
	"bytes"
	"encoding/json"
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
	dec := json.NewDecoder(bytes.NewReader(payload))
	if _, err := dec.Token(); err != nil {
		return nil, faultf(sensors.ReasonBadJSON, "%v", err)
	}
	var records []record
	for dec.More() {
		if len(records) == MaxRecords {
			return nil, faultf(sensors.ReasonTooLarge, "pack has more than %d records", MaxRecords)
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return nil, faultf(sensors.ReasonBadJSON, "%v", err)
		}
		end := int(dec.InputOffset())
		rec := record{raw: payload[end-len(raw) : end]}
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
	dec := json.NewDecoder(bytes.NewReader(r.raw))
	if _, err := dec.Token(); err != nil {
		return faultf(sensors.ReasonBadJSON, "%v", err)
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return faultf(sensors.ReasonBadJSON, "%v", err)
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return faultf(sensors.ReasonBadJSON, "%v", err)
		}
		text, _ := key.(string)
		l := labelOf(text)
		if l == unknown {
			if bad := unknownField(text); bad != nil {
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

// notContent is what no field may have: null, an array, an object, or a number
// that is too large.
type notContent struct{}

func jsonContent(raw []byte) content {
	switch raw[0] {
	case '"':
		var s string
		if json.Unmarshal(raw, &s) == nil {
			return s
		}
	case 't':
		return true
	case 'f':
		return false
	case 'n', '[', '{':
	default:
		var n float64
		if json.Unmarshal(raw, &n) == nil {
			return n
		}
	}
	return notContent{}
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
