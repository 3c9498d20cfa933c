package report

import (
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/urbangrid/urbangrid/sensors"
)

// Value is one entry of a table: a text, a pair of names, a number, a moment,
// or the reason why there is none. The zero Value is the empty text. Values can
// be compared with ==.
type Value struct {
	v any // nil, string, sensors.Names, float64, time.Time or NoteCode
}

// Text returns a value that is the same in every language.
func Text(s string) Value { return Value{s} }

// Named returns a value that is read in the language of the reader.
func Named(n sensors.Names) Value { return Value{n} }

// Number returns a number. What is not finite is no number: it becomes a
// Missing value with the note [NoteUndefined].
func Number(f float64) Value {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return Missing(NoteUndefined)
	}
	if f == 0 {
		f = 0 // no -0 on paper
	}
	return Value{f}
}

// Count returns a whole number.
func Count[T ~int | ~int32 | ~int64](n T) Value { return Value{float64(n)} }

// Moment returns a time, kept in UTC; the zero time is the empty text.
func Moment(t time.Time) Value {
	if t.IsZero() {
		return Value{}
	}
	return Value{t.UTC()}
}

// Missing returns the value that is not there, and why.
func Missing(why NoteCode) Value { return Value{why} }

// YesNo returns 是 or 否.
func YesNo(b bool) Value {
	if b {
		return Named(sensors.Names{ZH: "是", EN: "yes"})
	}
	return Named(sensors.Names{ZH: "否", EN: "no"})
}

// Number returns the number that v is, and false when v is none.
func (v Value) Number() (float64, bool) { f, ok := v.v.(float64); return f, ok }

// Moment returns the time that v is, in UTC, and false when v is none.
func (v Value) Moment() (time.Time, bool) { t, ok := v.v.(time.Time); return t, ok }

// Why returns why v is missing, and false when it is not.
func (v Value) Why() (NoteCode, bool) { n, ok := v.v.(NoteCode); return n, ok }

// In returns the text of v in a language: that of a number is the shortest that
// reads back the same, that of a missing value what its note says in short. A
// time is written in zone.
func (v Value) In(lang Lang, zone *time.Location) string {
	switch x := v.v.(type) {
	case string:
		return x
	case sensors.Names:
		return lang.Of(x)
	case float64:
		return fmt.Sprint(x)
	case time.Time:
		return x.In(zone).Format("2006-01-02 15:04:05")
	case NoteCode:
		return lang.Of(x.Short())
	}
	return ""
}

// MarshalJSON writes a text as a string, names as {"zh":…,"en":…}, a number as
// a number, a time as RFC 3339 in UTC and a missing value as {"note":CODE}.
func (v Value) MarshalJSON() ([]byte, error) {
	switch x := v.v.(type) {
	case nil:
		return []byte(`""`), nil
	case NoteCode:
		return json.Marshal(struct {
			Note NoteCode `json:"note"`
		}{x})
	default:
		return json.Marshal(x)
	}
}

// UnmarshalJSON reads what MarshalJSON writes. A time comes back as a text.
func (v *Value) UnmarshalJSON(b []byte) error {
	var decoded any
	if err := json.Unmarshal(b, &decoded); err != nil {
		return err
	}
	switch x := decoded.(type) {
	case string, float64:
		v.v = x
	case map[string]any:
		if code, ok := x["note"].(string); ok {
			v.v = NoteCode(code)
			return nil
		}
		zh, _ := x["zh"].(string)
		en, _ := x["en"].(string)
		v.v = sensors.Names{ZH: zh, EN: en}
	default:
		return fmt.Errorf("a value is a text, a number, names or a note, not %s", b)
	}
	if v.v == "" {
		v.v = nil
	}
	return nil
}

// Lang is a language that people read reports in.
type Lang string

// The languages.
const (
	ZH Lang = "zh"
	EN Lang = "en"
)

// Of returns the text of that language; Chinese for a language that is unknown.
func (l Lang) Of(n sensors.Names) string {
	if l == EN {
		return n.EN
	}
	return n.ZH
}
