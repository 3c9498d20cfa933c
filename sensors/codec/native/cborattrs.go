package native

import (
	"encoding/base64"
	"strconv"

	"github.com/urbangrid/urbangrid/sensors"
)

// attrsAt returns the map at a place of the payload as compact JSON, "" when it
// is empty. It follows RFC 8949, section 6.1: byte strings become base64url,
// undefined becomes null, and of what is tagged the tag is left out.
func (c *cborReader) attrsAt(at int) (string, *fault) {
	c.pos = at
	if c.buf[at]>>5 != cborMap {
		return "", faultf(sensors.ReasonBadField, "attrs is not a map")
	}
	out, bad := c.appendJSON(make([]byte, 0, 128))
	switch {
	case bad != nil:
		return "", bad
	case len(out) == len("{}"):
		return "", nil
	}
	return string(out), nil
}

// appendJSON appends the data item that is next, which was walked over before:
// it is well-formed and not nested too deep. It stops once dst is too large.
func (c *cborReader) appendJSON(dst []byte) ([]byte, *fault) {
	h, _ := c.head()
	switch h.major {
	case cborText:
		dst = appendJSONString(dst, c.text(h))
	case cborBytes:
		dst = append(dst, '"')
		dst = base64.RawURLEncoding.AppendEncode(dst, c.text(h))
		dst = append(dst, '"')
	case cborArray, cborMap:
		return c.appendContainer(dst, h)
	case cborTag:
		return c.appendJSON(dst)
	default:
		var bad *fault
		if dst, bad = appendScalar(dst, h); bad != nil {
			return dst, bad
		}
	}
	if len(dst) > MaxAttrsBytes {
		return dst, faultf(sensors.ReasonTooLarge, "attrs has more than %d bytes", MaxAttrsBytes)
	}
	return dst, nil
}

func (c *cborReader) appendContainer(dst []byte, h cborHead) (_ []byte, bad *fault) {
	open := byte('[')
	if h.major == cborMap {
		open = '{'
	}
	dst = append(dst, open)
	for i := uint64(0); h.indefinite || i < h.arg; i++ {
		if h.indefinite && c.atBreak() {
			break
		}
		if i > 0 {
			dst = append(dst, ',')
		}
		if h.major == cborMap {
			key, _ := c.head()
			if key.major != cborText {
				return dst, faultf(sensors.ReasonBadField, "a name in attrs is not a string")
			}
			dst = append(appendJSONString(dst, c.text(key)), ':')
		}
		if dst, bad = c.appendJSON(dst); bad != nil {
			return dst, bad
		}
	}
	dst = append(dst, open+2) // '[' and ']', '{' and '}' are two apart in ASCII
	if len(dst) > MaxAttrsBytes {
		return dst, faultf(sensors.ReasonTooLarge, "attrs has more than %d bytes", MaxAttrsBytes)
	}
	return dst, nil
}

func appendScalar(dst []byte, h cborHead) ([]byte, *fault) {
	switch {
	case h.major == cborUint:
		return strconv.AppendUint(dst, h.arg, 10), nil
	case h.major == cborNegInt && h.arg == 1<<64-1:
		return append(dst, "-18446744073709551616"...), nil
	case h.major == cborNegInt:
		return strconv.AppendUint(append(dst, '-'), h.arg+1, 10), nil
	case h.first == cborTrue:
		return append(dst, "true"...), nil
	case h.first == cborFalse:
		return append(dst, "false"...), nil
	case h.first == cborNull || h.first == cborUndefined:
		return append(dst, "null"...), nil
	}
	v, ok := h.float()
	if !ok {
		return dst, faultf(sensors.ReasonBadField, "attrs holds simple value %d, which JSON has not", h.arg)
	}
	if _, bad := finite("a number in attrs", v); bad != nil {
		return dst, faultf(sensors.ReasonBadField, "%s", bad.detail)
	}
	return appendFloat(dst, v), nil
}

// appendFloat writes v with the fewest digits that read back as v, and without
// an exponent where people would not use one.
func appendFloat(dst []byte, v float64) []byte {
	form := byte('f')
	if a := max(v, -v); a != 0 && (a < 1e-6 || a >= 1e21) {
		form = 'e'
	}
	return strconv.AppendFloat(dst, v, form, -1, 64)
}
