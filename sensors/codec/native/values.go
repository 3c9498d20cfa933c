package native

import (
	"bytes"
	"math"
	"strconv"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/urbangrid/urbangrid/sensors"
)

// unescape appends the text of a string's inside, whose syntax was checked, to
// dst. Half a surrogate pair becomes U+FFFD, as in encoding/json.
func unescape(dst, inside []byte) []byte {
	for i := 0; i < len(inside); {
		c := inside[i]
		if c != '\\' {
			dst = append(dst, c)
			i++
			continue
		}
		if inside[i+1] != 'u' {
			dst = append(dst, plainEscape(inside[i+1]))
			i += 2
			continue
		}
		r := hexRune(inside[i+2:])
		i += 6
		if utf16.IsSurrogate(r) {
			second := rune(-1)
			if len(inside)-i >= 6 && inside[i] == '\\' && inside[i+1] == 'u' {
				second = hexRune(inside[i+2:])
			}
			if r = utf16.DecodeRune(r, second); r != utf8.RuneError {
				i += 6
			}
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}

func plainEscape(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c // '"', '\\', '/'
}

func hexRune(b []byte) rune {
	var r rune
	for _, c := range b[:4] {
		switch {
		case c <= '9':
			c -= '0'
		case c <= 'F':
			c -= 'A' - 10
		default:
			c -= 'a' - 10
		}
		r = r<<4 | rune(c)
	}
	return r
}

// text returns the string in s. With limit > 0 it must have 1 to limit bytes.
func (r *reader) text(field string, s span, limit int) (string, *fault) {
	raw := r.buf[s.from:s.to]
	if raw[0] != '"' {
		return "", faultf(sensors.ReasonBadField, "%s is not a string", field)
	}
	inside := raw[1 : len(raw)-1]
	if bytes.IndexByte(inside, '\\') >= 0 {
		inside = unescape(make([]byte, 0, len(inside)), inside)
	}
	if limit > 0 && len(inside) == 0 {
		return "", faultf(sensors.ReasonBadField, "%s is empty", field)
	}
	if limit > 0 && len(inside) > limit {
		return "", faultf(sensors.ReasonTooLarge, "%s has %d bytes, limit %d", field, len(inside), limit)
	}
	return string(inside), nil
}

// object returns the compact form of the object in s, "" when it is empty.
func (r *reader) object(s span) (string, *fault) {
	raw := r.buf[s.from:s.to]
	if raw[0] != '{' {
		return "", faultf(sensors.ReasonBadField, "attrs is not an object")
	}
	n := compactLen(raw)
	if n > MaxAttrsBytes {
		return "", faultf(sensors.ReasonTooLarge, "attrs has %d bytes, limit %d", n, MaxAttrsBytes)
	}
	switch n {
	case len("{}"):
		return "", nil
	case len(raw):
		return string(raw), nil
	}
	out := make([]byte, 0, n)
	inside := false
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		switch {
		case inside && c == '\\':
			out = append(out, c)
			i++
			c = raw[i]
		case c == '"':
			inside = !inside
		case !inside && isSpace(c):
			continue
		}
		out = append(out, c)
	}
	return string(out), nil
}

// compactLen returns the length of raw without the white space between tokens.
func compactLen(raw []byte) int {
	n := len(raw)
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case c == '"':
			for i++; raw[i] != '"'; i++ {
				if raw[i] == '\\' {
					i++
				}
			}
		case isSpace(c):
			n--
		}
	}
	return n
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// tens are the powers of ten that a float64 holds exactly.
var tens = [...]float64{
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
}

// number returns the number in s, correctly rounded.
func (r *reader) number(field string, s span) (float64, *fault) {
	raw := r.buf[s.from:s.to]
	if c := raw[0]; c != '-' && !isDigit(c) {
		return 0, faultf(sensors.ReasonBadField, "%s is not a number", field)
	}
	if v, ok := shortDecimal(raw); ok {
		return v, nil
	}
	v, err := strconv.ParseFloat(string(raw), 64)
	if err != nil {
		return 0, faultf(sensors.ReasonBadField, "%s is too large for a number", field)
	}
	return v, nil
}

// shortDecimal reads what sensors usually send: up to 15 digits and a point,
// no exponent. Both the digits and the power of ten are then exact in a
// float64, so that one division rounds correctly.
func shortDecimal(raw []byte) (float64, bool) {
	digits := raw
	if raw[0] == '-' {
		digits = raw[1:]
	}
	if len(digits) > 16 {
		return 0, false
	}
	var n int64
	point := len(digits) - 1
	for i, c := range digits {
		switch {
		case isDigit(c):
			n = n*10 + int64(c-'0')
		case c == '.':
			point = i
		default:
			return 0, false
		}
	}
	if n >= 1<<53 {
		return 0, false
	}
	v := float64(n) / tens[len(digits)-1-point]
	if raw[0] == '-' {
		v = math.Copysign(v, -1)
	}
	return v, true
}

// The times that an observation may state: those that RFC 3339 can write.
var (
	firstMilli = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	lastMilli  = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli() - 1
)

// timeOf returns the time in s, in UTC, rounded down to microseconds.
func (r *reader) timeOf(s span) (time.Time, *fault) {
	raw := r.buf[s.from:s.to]
	if c := raw[0]; c == '-' || isDigit(c) {
		ms, err := strconv.ParseInt(string(raw), 10, 64)
		if err != nil || ms < firstMilli || ms > lastMilli {
			return time.Time{}, faultf(sensors.ReasonBadTime, "time %.40s is not in whole milliseconds of the years 0 to 9999", raw)
		}
		return time.UnixMilli(ms).UTC(), nil
	}
	if raw[0] != '"' {
		return time.Time{}, faultf(sensors.ReasonBadTime, "time is neither a string nor a number")
	}
	inside := raw[1 : len(raw)-1]
	if bytes.IndexByte(inside, '\\') >= 0 {
		inside = unescape(nil, inside)
	}
	t, ok := rfc3339(inside)
	if !ok {
		return time.Time{}, faultf(sensors.ReasonBadTime, "time %.40q is not RFC 3339", inside)
	}
	return t, nil
}

// rfc3339 reads RFC 3339 with an upper-case T and Z and without leap seconds,
// in a third of the time of the time package and as strictly as the grammar:
// no comma before the fraction, no offset of 24 hours. It rounds down to whole
// microseconds.
func rfc3339(b []byte) (time.Time, bool) {
	const layout = "2006-01-02T15:04:05"
	if len(b) <= len(layout) || b[4] != '-' || b[7] != '-' || b[10] != 'T' || b[13] != ':' || b[16] != ':' {
		return time.Time{}, false
	}
	ok := true
	year := two(b[0:], &ok)*100 + two(b[2:], &ok)
	month, day := two(b[5:], &ok), two(b[8:], &ok)
	hour, minute, second := two(b[11:], &ok), two(b[14:], &ok), two(b[17:], &ok)
	if !ok || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, false
	}
	rest := b[len(layout):]
	micros := 0
	if rest[0] == '.' {
		n := 1
		for scale := 100_000; n < len(rest) && isDigit(rest[n]); n++ {
			micros += int(rest[n]-'0') * scale
			scale /= 10
		}
		if n == 1 {
			return time.Time{}, false
		}
		rest = rest[n:]
	}
	offset, ok := zone(rest)
	if !ok {
		return time.Time{}, false
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second-offset, micros*1000, time.UTC)
	ms := t.UnixMilli()
	return t, ms >= firstMilli && ms <= lastMilli // an offset can lead out of the years that can be written
}

// zone returns the seconds east of UTC that b states: "Z" or "+08:00".
func zone(b []byte) (int, bool) {
	if len(b) == 1 && b[0] == 'Z' {
		return 0, true
	}
	if len(b) != len("+08:00") || b[3] != ':' || (b[0] != '+' && b[0] != '-') {
		return 0, false
	}
	ok := true
	hours, minutes := two(b[1:], &ok), two(b[4:], &ok)
	if !ok || hours > 23 || minutes > 59 {
		return 0, false
	}
	seconds := hours*3600 + minutes*60
	if b[0] == '-' {
		seconds = -seconds
	}
	return seconds, true
}

// two reads two digits and clears ok when they are none.
func two(b []byte, ok *bool) int {
	if !isDigit(b[0]) || !isDigit(b[1]) {
		*ok = false
	}
	return int(b[0]-'0')*10 + int(b[1]-'0')
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}
