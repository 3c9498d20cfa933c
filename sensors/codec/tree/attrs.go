package tree

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// MaxAttrsBytes bounds what String returns.
const MaxAttrsBytes = 4 << 10

// Attrs builds the attributes of an observation. A field that would make them
// larger than [MaxAttrsBytes] is left out. The zero Attrs is ready to use.
type Attrs struct {
	buf bytes.Buffer
}

// Reset empties a.
func (a *Attrs) Reset() { a.buf.Reset() }

// String returns one compact JSON object, "" when there is no field.
func (a *Attrs) String() string {
	if a.buf.Len() == 0 {
		return ""
	}
	return a.buf.String() + "}"
}

// Text adds a string.
func (a *Attrs) Text(name, text string) { a.add(name, quoted(text)) }

// Number adds a finite number.
func (a *Attrs) Number(name string, v float64) {
	a.add(name, strconv.AppendFloat(nil, v, 'g', -1, 64))
}

// Value adds what v says, in compact form; nothing when it is missing.
func (a *Attrs) Value(name string, v Value) {
	if !v.Given() {
		return
	}
	raw := v.Raw()
	if k := v.Kind(); k != Object && k != Array {
		a.add(name, raw)
		return
	}
	if len(raw) > 4*MaxAttrsBytes {
		return
	}
	var compact bytes.Buffer
	if json.Compact(&compact, raw) == nil {
		a.add(name, compact.Bytes())
	}
}

func (a *Attrs) add(name string, raw []byte) {
	key := quoted(name)
	if a.buf.Len()+len(key)+len(raw)+len(`,:}`) > MaxAttrsBytes {
		return
	}
	if a.buf.Len() == 0 {
		a.buf.WriteByte('{')
	} else {
		a.buf.WriteByte(',')
	}
	a.buf.Write(key)
	a.buf.WriteByte(':')
	a.buf.Write(raw)
}

// quoted returns s as a JSON string. Invalid UTF-8 becomes U+FFFD.
func quoted(s string) []byte {
	plain := true
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' || c >= 0x80 {
			plain = false
			break
		}
	}
	if plain {
		out := make([]byte, 0, len(s)+2)
		out = append(out, '"')
		out = append(out, s...)
		return append(out, '"')
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if enc.Encode(s) != nil {
		return []byte(`""`) // cannot be: a string is always encoded
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}
