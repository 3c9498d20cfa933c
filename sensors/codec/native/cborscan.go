package native

import (
	"encoding/binary"
	"math"

	"github.com/urbangrid/urbangrid/sensors"
)

// Major types of CBOR (RFC 8949, section 3.1).
const (
	cborUint   = 0
	cborNegInt = 1
	cborBytes  = 2
	cborText   = 3
	cborArray  = 4
	cborMap    = 5
	cborTag    = 6
	cborSimple = 7
)

// Simple values and the break code, as their initial bytes.
const (
	cborFalse     = 0xf4
	cborTrue      = 0xf5
	cborNull      = 0xf6
	cborUndefined = 0xf7
	cborFloat16   = 0xf9
	cborFloat32   = 0xfa
	cborFloat64   = 0xfb
	cborBreak     = 0xff
)

// cborHead is the start of a data item.
type cborHead struct {
	first      byte
	major      byte
	indefinite bool
	arg        uint64
}

// cborScanner walks over CBOR and checks that it is well-formed and that its
// text is UTF-8.
type cborScanner struct {
	buf     []byte
	pos     int
	deepest int // nesting reached since it was last set
}

func (s *cborScanner) cut() *fault {
	return faultf(ReasonBadEncoding, "message ends within a data item of CBOR")
}

func (s *cborScanner) head() (cborHead, *fault) {
	if s.pos >= len(s.buf) {
		return cborHead{}, s.cut()
	}
	at := s.pos
	first := s.buf[at]
	h := cborHead{first: first, major: first >> 5}
	s.pos++
	info := first & 31
	switch {
	case info < 24:
		h.arg = uint64(info)
		return h, nil
	case info <= 27:
		n := 1 << (info - 24)
		if len(s.buf)-s.pos < n {
			return h, s.cut()
		}
		b := s.buf[s.pos : s.pos+n]
		s.pos += n
		switch n {
		case 1:
			h.arg = uint64(b[0])
		case 2:
			h.arg = uint64(binary.BigEndian.Uint16(b))
		case 4:
			h.arg = uint64(binary.BigEndian.Uint32(b))
		default:
			h.arg = binary.BigEndian.Uint64(b)
		}
		if h.major == cborSimple && n == 1 && h.arg < 32 {
			return h, faultf(ReasonBadEncoding, "simple value %d at byte %d takes two bytes", h.arg, at)
		}
		return h, nil
	case info == 31 && h.major >= cborBytes && h.major <= cborMap:
		h.indefinite = true
		return h, nil
	}
	return h, faultf(ReasonBadEncoding, "byte %#x at %d begins no data item of CBOR", first, at)
}

// atBreak walks over the break code if it is next.
func (s *cborScanner) atBreak() bool {
	if s.pos < len(s.buf) && s.buf[s.pos] == cborBreak {
		s.pos++
		return true
	}
	return false
}

// skip walks over one data item that lies in depth containers.
func (s *cborScanner) skip(depth int) *fault {
	for {
		h, bad := s.head()
		if bad != nil {
			return bad
		}
		switch h.major {
		case cborBytes, cborText:
			return s.str(h)
		case cborArray, cborMap:
			return s.container(h, depth+1)
		case cborTag:
			continue // what it tags comes next, within the same nesting
		}
		return nil
	}
}

func (s *cborScanner) str(h cborHead) *fault {
	if !h.indefinite {
		return s.chunk(h)
	}
	for !s.atBreak() {
		at := s.pos
		c, bad := s.head()
		if bad != nil {
			return bad
		}
		if c.major != h.major || c.indefinite {
			return faultf(ReasonBadEncoding, "byte %#x at %d begins no part of a string", c.first, at)
		}
		if bad := s.chunk(c); bad != nil {
			return bad
		}
	}
	return nil
}

func (s *cborScanner) chunk(h cborHead) *fault {
	if h.arg > uint64(len(s.buf)-s.pos) {
		return s.cut()
	}
	text := s.buf[s.pos : s.pos+int(h.arg)]
	if h.major == cborText {
		if bad := checkUTF8(text, s.pos); bad != nil {
			return bad
		}
	}
	s.pos += len(text)
	return nil
}

// container walks over what follows the head of an array or map that is number
// depth of the nesting.
func (s *cborScanner) container(h cborHead, depth int) *fault {
	if depth > maxScanDepth {
		return faultf(sensors.ReasonTooDeep, "nesting is more than %d deep at byte %d", maxScanDepth, s.pos)
	}
	s.deepest = max(s.deepest, depth)
	for i := uint64(0); h.indefinite || i < h.arg; i++ {
		if h.indefinite && s.atBreak() {
			return nil
		}
		if h.major == cborMap {
			if bad := s.skip(depth); bad != nil {
				return bad
			}
		}
		if bad := s.skip(depth); bad != nil {
			return bad
		}
	}
	return nil
}

// text returns the bytes of the string that begins with h, which was walked
// over before and is walked over again. They share the payload's memory unless
// the string comes in parts.
func (s *cborScanner) text(h cborHead) []byte {
	if !h.indefinite {
		s.pos += int(h.arg)
		return s.buf[s.pos-int(h.arg) : s.pos]
	}
	out := []byte{}
	for !s.atBreak() {
		c, _ := s.head()
		out = append(out, s.buf[s.pos:s.pos+int(c.arg)]...)
		s.pos += int(c.arg)
	}
	return out
}

// float returns the number that h is.
func (h cborHead) float() (float64, bool) {
	switch {
	case h.major == cborUint:
		return float64(h.arg), true
	case h.major == cborNegInt:
		return -1 - float64(h.arg), true
	case h.first == cborFloat16:
		return float16(uint16(h.arg)), true
	case h.first == cborFloat32:
		return float64(math.Float32frombits(uint32(h.arg))), true
	case h.first == cborFloat64:
		return math.Float64frombits(h.arg), true
	}
	return 0, false
}

func float16(b uint16) float64 {
	exp, frac := int(b>>10&31), float64(b&1023)
	var v float64
	switch exp {
	case 0:
		v = math.Ldexp(frac, -24)
	case 31:
		if frac != 0 {
			return math.NaN()
		}
		v = math.Inf(1)
	default:
		v = math.Ldexp(frac+1024, exp-25)
	}
	if b>>15 != 0 {
		v = math.Copysign(v, -1)
	}
	return v
}
