package native

import (
	"github.com/urbangrid/urbangrid/sensors"
)

// maxScanDepth bounds the recursion. Up to it an element that is nested too
// deep is a fault of its own, beyond it of the whole message.
const maxScanDepth = 1000

// scanner walks over JSON text (RFC 8259) and checks its syntax. The text is
// known to be valid UTF-8.
type scanner struct {
	buf     []byte
	pos     int
	deepest int // nesting reached since it was last set
}

// peek returns the next byte, 0 at the end.
func (s *scanner) peek() byte {
	if s.pos < len(s.buf) {
		return s.buf[s.pos]
	}
	return 0
}

func (s *scanner) space() {
	for s.pos < len(s.buf) {
		switch s.buf[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// end checks that nothing but white space is left.
func (s *scanner) end() *fault {
	s.space()
	if s.pos < len(s.buf) {
		return s.unexpected("the end of the message")
	}
	return nil
}

func (s *scanner) unexpected(want string) *fault {
	if s.pos >= len(s.buf) {
		return faultf(sensors.ReasonBadJSON, "message ends where %s should be", want)
	}
	return faultf(sensors.ReasonBadJSON, "%q at byte %d where %s should be", s.buf[s.pos], s.pos, want)
}

// skip walks over one value that lies in depth containers.
func (s *scanner) skip(depth int) *fault {
	switch c := s.peek(); c {
	case '"':
		return s.str()
	case '{', '[':
		return s.container(c, depth+1)
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	default:
		if c == '-' || isDigit(c) {
			return s.num()
		}
		return s.unexpected("a value")
	}
}

func (s *scanner) word(w string) *fault {
	for i := range len(w) {
		if s.peek() != w[i] {
			return s.unexpected(w)
		}
		s.pos++
	}
	return nil
}

// container walks over the object or array that is number depth of the nesting.
func (s *scanner) container(open byte, depth int) *fault {
	if depth > maxScanDepth {
		return faultf(sensors.ReasonTooDeep, "nesting is more than %d deep at byte %d", maxScanDepth, s.pos)
	}
	s.deepest = max(s.deepest, depth)
	closing := open + 2 // '[' and ']', '{' and '}' are two apart in ASCII
	s.pos++
	s.space()
	if s.peek() == closing {
		s.pos++
		return nil
	}
	for {
		if open == '{' {
			if bad := s.name(); bad != nil {
				return bad
			}
		}
		if bad := s.skip(depth); bad != nil {
			return bad
		}
		s.space()
		switch s.peek() {
		case ',':
			s.pos++
			s.space()
		case closing:
			s.pos++
			return nil
		default:
			return s.unexpected("',' or '" + string(closing) + "'")
		}
	}
}

// name walks over a field name, its colon and the white space around it.
func (s *scanner) name() *fault {
	if s.peek() != '"' {
		return s.unexpected("a field name")
	}
	if bad := s.str(); bad != nil {
		return bad
	}
	s.space()
	if s.peek() != ':' {
		return s.unexpected("':' after a field name")
	}
	s.pos++
	s.space()
	return nil
}

// str walks over the string whose opening quote is next.
func (s *scanner) str() *fault {
	buf := s.buf
	i := s.pos + 1
	for i < len(buf) {
		c := buf[i]
		switch {
		case c == '"':
			s.pos = i + 1
			return nil
		case c == '\\':
			n := escapeLen(buf[i:])
			if n == 0 {
				s.pos = i
				return s.unexpected("an escape that JSON knows")
			}
			i += n
		case c < 0x20:
			return faultf(sensors.ReasonBadJSON, "bare control character %q in a string at byte %d", c, i)
		default:
			i++
		}
	}
	s.pos = len(buf)
	return s.unexpected("the end of a string")
}

// escapeLen returns the length of the escape that b begins with, 0 when it is
// none.
func escapeLen(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(b) < 6 {
			return 0
		}
		for _, c := range b[2:6] {
			if !isHex(c) {
				return 0
			}
		}
		return 6
	}
	return 0
}

// num walks over a number.
func (s *scanner) num() *fault {
	if s.peek() == '-' {
		s.pos++
	}
	if s.peek() == '0' {
		s.pos++
	} else if s.digits() == 0 {
		return s.unexpected("a digit")
	}
	if s.peek() == '.' {
		s.pos++
		if s.digits() == 0 {
			return s.unexpected("a digit after the point")
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.pos++
		if c := s.peek(); c == '+' || c == '-' {
			s.pos++
		}
		if s.digits() == 0 {
			return s.unexpected("a digit of the exponent")
		}
	}
	return nil
}

func (s *scanner) digits() int {
	from := s.pos
	for s.pos < len(s.buf) && isDigit(s.buf[s.pos]) {
		s.pos++
	}
	return s.pos - from
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isHex(c byte) bool {
	return isDigit(c) || ('a' <= c && c <= 'f') || ('A' <= c && c <= 'F')
}
