package senml

import (
	"encoding/base64"
	"math"
	"strings"

	"github.com/urbangrid/urbangrid/sensors"
)

// label is a field of RFC 8428, base fields first.
type label int

const (
	baseName label = iota
	baseTime
	baseUnit
	baseValue
	baseSum
	baseVersion
	name
	unit
	value
	stringValue
	boolValue
	dataValue
	sum
	relTime
	updateTime
	labels // how many there are

	unknown label = -1
)

var labelNames = [labels]string{
	"bn", "bt", "bu", "bv", "bs", "bver", "n", "u", "v", "vs", "vb", "vd", "s", "t", "ut",
}

// base reports whether a field is about the records that follow, too.
func (l label) base() bool { return l >= baseName && l <= baseVersion }

func labelOf(text string) label {
	for l, n := range labelNames {
		if n == text {
			return label(l)
		}
	}
	return unknown
}

// content is the value of a field. Its type is one of float64, string, bool and
// []byte; nil is a field that was left out.
type content any

// record is one element of a pack as it stands there.
type record struct {
	raw    []byte
	fields [labels]content
	bad    *fault // why the record cannot be used; base fields before it still count
}

// set keeps one field. What it returns concerns the whole pack.
func (r *record) set(l label, v content) *fault {
	if r.fields[l] != nil {
		return r.refuse(l, faultf(sensors.ReasonBadField, "%s is given twice", labelNames[l]))
	}
	v, bad := check(l, v)
	if bad != nil {
		return r.refuse(l, bad)
	}
	r.fields[l] = v
	return nil
}

// refuse costs the record, or the whole pack when the field decides how the
// other records are read.
func (r *record) refuse(l label, bad *fault) *fault {
	if l.base() {
		return bad
	}
	if r.bad == nil {
		r.bad = bad
	}
	return nil
}

// unknownField says what a field means that is not of RFC 8428 (section 4.4).
func unknownField(text string) *fault {
	if strings.HasSuffix(text, "_") {
		return faultf(ReasonMustKnow, "field %.80q must be understood and is not", text)
	}
	return nil
}

// check returns v as the field l has it.
func check(l label, v content) (content, *fault) {
	var ok bool
	switch l {
	case baseName, baseUnit, name, unit, stringValue:
		_, ok = v.(string)
	case boolValue:
		_, ok = v.(bool)
	case dataValue:
		return checkData(v)
	case baseVersion:
		n, number := v.(float64)
		if !number || n < 1 || n != math.Trunc(n) {
			return nil, faultf(ReasonBadVersion, "bver is no positive whole number")
		}
		ok = true
	default:
		n, number := v.(float64)
		if number && (math.IsNaN(n) || math.IsInf(n, 0)) {
			return nil, faultf(sensors.ReasonNotANumber, "%s is %v", labelNames[l], n)
		}
		ok = number
	}
	if !ok {
		return nil, faultf(sensors.ReasonBadField, "%s has the wrong type", labelNames[l])
	}
	return v, nil
}

// checkData reads base64url without padding (section 5), and forgives padding.
func checkData(v content) (content, *fault) {
	switch v := v.(type) {
	case []byte:
		return v, nil
	case string:
		data, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(v, "="))
		if err != nil {
			return nil, faultf(sensors.ReasonBadField, "vd is not base64url: %v", err)
		}
		return data, nil
	}
	return nil, faultf(sensors.ReasonBadField, "vd has the wrong type")
}

// values returns how many value fields the record has.
func (r *record) values() int {
	n := 0
	for _, l := range []label{value, stringValue, boolValue, dataValue} {
		if r.fields[l] != nil {
			n++
		}
	}
	return n
}

func (r *record) text(l label) string {
	s, _ := r.fields[l].(string)
	return s
}

func (r *record) number(l label) float64 {
	n, _ := r.fields[l].(float64)
	return n
}

// checkName holds a resolved name against section 4.5.1.
func checkName(s string) *fault {
	if s == "" {
		return faultf(ReasonBadName, "neither a name nor a base name")
	}
	for i := range len(s) {
		c := s[i]
		letter := ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') || ('0' <= c && c <= '9')
		if letter || (i > 0 && strings.IndexByte(separators, c) >= 0) {
			continue
		}
		if i == 0 {
			return faultf(ReasonBadName, "name %.80q does not begin with a letter or digit", s)
		}
		return faultf(ReasonBadName, "name %.80q has %q in it", s, c)
	}
	return nil
}
