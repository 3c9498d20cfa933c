package influx

import (
	"errors"
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"github.com/urbangrid/urbangrid/grid"
)

// encodeTag writes a text so that it can be a tag value, a part of a field key
// and a Flux string without further escaping: all but letters, digits, '_', '-',
// '.', ':' and what is not ASCII becomes %XX. The empty text, which a tag cannot
// have, is a single '%'.
func encodeTag(s string) string {
	if s == "" {
		return "%"
	}
	return escape(s, func(c byte) bool {
		return c >= 0x80 || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.' || c == ':'
	})
}

// encodeField writes a text so that it survives line protocol and the CSV of
// answers, which lose control characters: those and '%' become %XX.
func encodeField(s string) string {
	return escape(s, func(c byte) bool { return c >= ' ' && c != 0x7f && c != '%' })
}

func escape(s string, plain func(byte) bool) string {
	i := 0
	for i < len(s) && plain(s[i]) {
		i++
	}
	if i == len(s) {
		return s
	}
	const digits = "0123456789ABCDEF"
	b := make([]byte, 0, len(s)+8)
	for i := range len(s) {
		if c := s[i]; plain(c) {
			b = append(b, c)
		} else {
			b = append(b, '%', digits[c>>4], digits[c&15])
		}
	}
	return string(b)
}

// decode undoes encodeTag and encodeField.
func decode(s string) (string, error) {
	if s == "%" {
		return "", nil
	}
	if !strings.Contains(s, "%") {
		return s, nil
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b = append(b, s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", errors.New("text in the store is cut off after a percent sign")
		}
		c, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
		if err != nil {
			return "", errors.New("text in the store has a percent sign without two digits")
		}
		b = append(b, byte(c))
		i += 2
	}
	return string(b), nil
}

// stamp is the time of an observation's point. Without an ID it is At, a whole
// microsecond. With one it is At's millisecond plus 1 to 999,998 nanoseconds
// that follow from the ID and are never a whole microsecond, so that
// observations of one device, kind and instant stay apart: two IDs meet with a
// probability of one in 998,000, and then only when both are of one device, one
// kind and one millisecond, where the later written one replaces the other; the
// roll-ups count both.
func stamp(p *grid.Placed) time.Time {
	if p.ID == "" {
		return p.At
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(p.ID)) // never fails
	n := mix(h.Sum64()) % 998_000
	return millisecond(p.At).Add(time.Duration(n/998*1000 + n%998 + 1))
}

// mix spreads what differs in the last bytes over all bits (the finalizer of
// MurmurHash3). Points in the store depend on it: it must never change.
func mix(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// millisecond returns the beginning of t's millisecond, before 1970 as well.
func millisecond(t time.Time) time.Time { return grid.Span(time.Millisecond).Start(t) }

// appendObservation appends the line of p, with its origin unless that is 0.
func appendObservation(b []byte, p *grid.Placed, origin int64) []byte {
	b = append(b, "observation,area="...)
	b = append(b, encodeTag(string(p.Area))...)
	b = append(b, ",cell="...)
	b = append(b, p.Cell.String()...)
	b = append(b, ",device="...)
	b = append(b, encodeTag(string(p.Device))...)
	b = append(b, ",kind="...)
	b = append(b, encodeTag(string(p.Kind))...)
	b = append(b, " value="...)
	b = appendFloat(b, p.Value)
	b = append(b, ",at="...)
	b = appendInt(b, p.At.UnixMicro())
	b = append(b, ",received="...)
	b = appendInt(b, p.Received.UnixMicro())
	b = append(b, ",lat="...)
	b = appendFloat(b, p.Point.LatDegrees)
	b = append(b, ",lon="...)
	b = appendFloat(b, p.Point.LonDegrees)
	b = append(b, ",raw_lat="...)
	b = appendFloat(b, p.Position.LatDegrees)
	b = append(b, ",raw_lon="...)
	b = appendFloat(b, p.Position.LonDegrees)
	b = append(b, ",datum="...)
	b = appendInt(b, int64(p.Position.Datum))
	if origin != 0 {
		b = append(b, ",origin="...)
		b = appendInt(b, origin)
	}
	b = append(b, ",id="...)
	b = appendText(b, p.ID)
	b = append(b, ",attrs="...)
	b = appendText(b, p.Attrs)
	return appendTime(b, stamp(p))
}

// appendRow appends the line of a roll-up.
func appendRow(b []byte, k grid.RollupKey, r *row) []byte {
	b = append(b, levelOfKey(&k).measurement...)
	b = append(b, ",area="...)
	b = append(b, encodeTag(string(k.Area))...)
	if k.Cell != 0 {
		b = append(b, ",cell="...)
		b = append(b, k.Cell.String()...)
	}
	b = append(b, ",kind="...)
	b = append(b, encodeTag(string(k.Kind))...)
	b = append(b, " count="...)
	b = appendInt(b, r.Count)
	b = append(b, ",sum="...)
	b = appendFloat(b, r.Sum)
	b = append(b, ",min="...)
	b = appendFloat(b, r.Min)
	b = append(b, ",max="...)
	b = appendFloat(b, r.Max)
	b = append(b, ",last="...)
	b = appendFloat(b, r.Last)
	b = append(b, ",last_at="...)
	b = appendInt(b, r.LastAt.UnixMicro())
	for _, c := range r.counted {
		b = append(b, ",seq_"...)
		b = append(b, encodeTag(c.journal)...)
		b = append(b, '=')
		b = appendInt(b, int64(c.seq))
	}
	return appendTime(b, k.Start)
}

func appendFloat(b []byte, v float64) []byte { return strconv.AppendFloat(b, v, 'g', -1, 64) }

func appendInt(b []byte, v int64) []byte { return append(strconv.AppendInt(b, v, 10), 'i') }

func appendText(b []byte, s string) []byte {
	s = encodeField(s)
	b = append(b, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, s[i])
	}
	return append(b, '"')
}

func appendTime(b []byte, t time.Time) []byte {
	b = append(b, ' ')
	b = strconv.AppendInt(b, t.UnixNano(), 10)
	return append(b, '\n')
}
