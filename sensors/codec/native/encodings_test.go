package native_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/sensors/codec/native"
)

// statement is what a device wants to say, before it is encoded. A field that is
// nil is left out; null is said as such where an encoding can.
type statement struct {
	kind, value, time, lat, lon, datum, id any
	attrs                                  any // map[string]any, or something wrong
}

func (s statement) fields() map[string]any {
	out := map[string]any{}
	for name, v := range map[string]any{
		"kind": s.kind, "value": s.value, "time": s.time, "lat": s.lat, "lon": s.lon,
		"datum": s.datum, "id": s.id, "attrs": s.attrs,
	} {
		if v != nil {
			out[name] = v
		}
	}
	return out
}

var numbers = map[string]int{"kind": 1, "value": 2, "time": 3, "lat": 4, "lon": 5, "datum": 6, "id": 7, "attrs": 8}

func asJSON(t testing.TB, s statement) []byte {
	t.Helper()
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s.fields()); err != nil {
		t.Fatal(err)
	}
	return []byte(strings.TrimSpace(b.String()))
}

func asCBOR(t testing.TB, s statement) []byte {
	t.Helper()
	return marshalCBOR(t, s.fields())
}

func asNumberedCBOR(t testing.TB, s statement) []byte {
	t.Helper()
	m := map[int]any{}
	for name, v := range s.fields() {
		m[numbers[name]] = v
	}
	return marshalCBOR(t, m)
}

func marshalCBOR(t testing.TB, v any) []byte {
	t.Helper()
	mode, err := cbor.EncOptions{Sort: cbor.SortBytewiseLexical}.EncMode()
	if err != nil {
		t.Fatal(err)
	}
	b, err := mode.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// asProtobuf returns a Batch of one; a value of the wrong type goes into its
// field with the wire type that its own type has.
func asProtobuf(t testing.TB, s statement) []byte {
	t.Helper()
	return batch(protoObservation(t, s))
}

func batch(observations ...[]byte) []byte {
	var out []byte
	for _, o := range observations {
		out = protowire.AppendTag(out, 1, protowire.BytesType)
		out = protowire.AppendBytes(out, o)
	}
	return out
}

func protoObservation(t testing.TB, s statement) []byte {
	t.Helper()
	var b []byte
	put := func(num protowire.Number, v any) {
		switch v := v.(type) {
		case nil:
		case string:
			b = protowire.AppendString(protowire.AppendTag(b, num, protowire.BytesType), v)
		case float64:
			b = protowire.AppendFixed64(protowire.AppendTag(b, num, protowire.Fixed64Type), math.Float64bits(v))
		case int64:
			b = protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), uint64(v))
		case bool:
			b = protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), protowire.EncodeZigZag(int64(protowire.EncodeBool(v))))
		case map[string]any:
			text, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			b = protowire.AppendBytes(protowire.AppendTag(b, num, protowire.BytesType), text)
		default:
			t.Fatalf("no protobuf for %T", v)
		}
	}
	put(1, s.kind)
	if _, truth := s.value.(bool); truth {
		put(10, s.value)
	} else {
		put(2, s.value)
	}
	if _, text := s.time.(string); text {
		put(11, s.time)
	} else {
		put(3, s.time)
	}
	put(4, s.lat)
	put(5, s.lon)
	if n := slices.Index([]string{"", "wgs84", "gcj02", "bd09"}, fmt.Sprint(s.datum)); n > 0 {
		put(6, int64(n))
	} else {
		put(6, s.datum)
	}
	put(7, s.id)
	put(8, s.attrs)
	return b
}

var encodings = []struct {
	name  string
	topic string
	write func(testing.TB, statement) []byte
}{
	{"json", "urbangrid/v1/d/obs", asJSON},
	{"cbor", "urbangrid/v1/d/obs/cbor", asCBOR},
	{"numbered cbor", "urbangrid/v1/d/obs/cbor", asNumberedCBOR},
	{"protobuf", "urbangrid/v1/d/obs/pb", asProtobuf},
}

func newFormat(t testing.TB) *native.Format {
	t.Helper()
	c, err := sensors.DefaultCatalog()
	if err != nil {
		t.Fatal(err)
	}
	return native.NewFormat(c)
}

// deepAttrs makes the observation n deep.
func deepAttrs(n int) map[string]any {
	inner := map[string]any{}
	for range n - 2 {
		inner = map[string]any{"x": inner}
	}
	return inner
}

var statementCases = []struct {
	name   string
	give   statement
	reason string // "" when it is an observation
}{
	{"every field", statement{kind: "noise", value: 57.3, time: "2026-11-22T08:00:00.123Z", lat: 31.25, lon: 121.4, datum: "gcj02", id: "7", attrs: map[string]any{"a": "b"}}, ""},
	{"event without value", statement{kind: "stall"}, ""},
	{"unknown kind without value", statement{kind: "ufo"}, ""},
	{"value true", statement{kind: "smoke", value: true}, ""},
	{"value false", statement{kind: "smoke", value: false}, ""},
	{"value minus zero", statement{kind: "noise", value: math.Copysign(0, -1)}, ""},
	{"time in milliseconds", statement{kind: "stall", time: int64(1763798400123)}, ""},
	{"time negative", statement{kind: "stall", time: int64(-1)}, ""},
	{"time with offset", statement{kind: "stall", time: "2026-11-22T08:00:00.1234567+08:00"}, ""},
	{"poles", statement{kind: "stall", lat: -90.0, lon: 180.0}, ""},
	{"datum alone", statement{kind: "stall", datum: "bd09"}, ""},
	{"id longest", statement{kind: "stall", id: strings.Repeat("é", 64)}, ""},
	{"attrs empty", statement{kind: "stall", attrs: map[string]any{}}, ""},
	{"attrs largest", statement{kind: "stall", attrs: map[string]any{"x": strings.Repeat("x", native.MaxAttrsBytes-8)}}, ""},
	{"deepest allowed", statement{kind: "stall", attrs: deepAttrs(native.MaxDepth)}, ""},

	{"no field", statement{}, sensors.ReasonMissingKind},
	{"kind number", statement{kind: 3.5, value: 1.5}, sensors.ReasonBadField},
	{"kind with capitals", statement{kind: "Noise", value: 1.5}, sensors.ReasonBadField},
	{"kind empty", statement{kind: "", value: 1.5}, sensors.ReasonBadField},
	{"measure without value", statement{kind: "noise"}, sensors.ReasonMissingValue},
	{"value string", statement{kind: "noise", value: "57"}, sensors.ReasonBadField},
	{"time without zone", statement{kind: "stall", time: "2026-11-22T08:00:00"}, sensors.ReasonBadTime},
	{"time no leap day", statement{kind: "stall", time: "2100-02-29T00:00:00Z"}, sensors.ReasonBadTime},
	{"time in nanoseconds", statement{kind: "stall", time: int64(1763798400000000000)}, sensors.ReasonBadTime},
	{"time fraction of a millisecond", statement{kind: "stall", time: 1763798400000.5}, sensors.ReasonBadTime},
	{"lat alone", statement{kind: "stall", lat: 31.5}, sensors.ReasonBadPosition},
	{"lon alone", statement{kind: "stall", lon: 121.5}, sensors.ReasonBadPosition},
	{"lat too far", statement{kind: "stall", lat: 90.1, lon: 121.5}, sensors.ReasonBadPosition},
	{"lon too far", statement{kind: "stall", lat: 31.5, lon: -180.5}, sensors.ReasonBadPosition},
	{"lat string", statement{kind: "stall", lat: "31", lon: 121.5}, sensors.ReasonBadField},
	{"datum unknown", statement{kind: "stall", lat: 31.5, lon: 121.5, datum: "WGS84"}, sensors.ReasonBadField},
	{"id empty", statement{kind: "stall", id: ""}, sensors.ReasonBadField},
	{"id number", statement{kind: "stall", id: 7.5}, sensors.ReasonBadField},
	{"id too long", statement{kind: "stall", id: strings.Repeat("é", 64) + "x"}, sensors.ReasonTooLarge},
	{"attrs text", statement{kind: "stall", attrs: "x"}, sensors.ReasonBadField},
	{"attrs too large", statement{kind: "stall", attrs: map[string]any{"x": strings.Repeat("x", native.MaxAttrsBytes-7)}}, sensors.ReasonTooLarge},
	{"too deep", statement{kind: "stall", attrs: deepAttrs(native.MaxDepth + 1)}, sensors.ReasonTooDeep},
}

func TestFormat_MeansTheSameInEveryEncoding(t *testing.T) {
	f := newFormat(t)
	for _, tt := range statementCases {
		t.Run(tt.name, func(t *testing.T) {
			var first sensors.Observation
			for i, e := range encodings {
				payload := e.write(t, tt.give)
				var r sensors.Report
				f.Decode(&r, e.topic, payload, received)
				if tt.reason != "" {
					if len(r.Observations) != 0 || len(r.Faults) != 1 || r.Faults[0].Reason != tt.reason || r.Faults[0].Index != 0 || r.Faults[0].Detail == "" {
						t.Errorf("%s: got %+v, want reason %s", e.name, r, tt.reason)
					}
					continue
				}
				if len(r.Observations) != 1 || len(r.Faults) != 0 {
					t.Fatalf("%s: got %+v", e.name, r)
				}
				got := r.Observations[0]
				if i == 0 {
					first = got
				}
				if got != first || math.Float64bits(got.Value) != math.Float64bits(first.Value) {
					t.Errorf("%s: got  %+v\njson: got %+v", e.name, got, first)
				}
			}
		})
	}
}

func TestFormat_RandomObservationsAreEqualInEveryEncoding(t *testing.T) {
	f := newFormat(t)
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		s := randomStatement(rnd)
		var first sensors.Observation
		for i, e := range encodings {
			var r sensors.Report
			f.Decode(&r, e.topic, e.write(t, s), received)
			if len(r.Observations) != 1 || len(r.Faults) != 0 {
				t.Fatalf("%s of %+v: got %+v", e.name, s, r)
			}
			if i == 0 {
				first = r.Observations[0]
			}
			if r.Observations[0] != first {
				t.Fatalf("%s of %+v:\ngot  %+v\njson %+v", e.name, s, r.Observations[0], first)
			}
		}
	}
}

// randomStatement says one thing at most in attrs: encoders order a map's
// fields differently.
func randomStatement(r *rand.Rand) statement {
	maybe := func(v any) any {
		if r.IntN(3) == 0 {
			return nil
		}
		return v
	}
	number := func() float64 {
		return math.Trunc((r.Float64()-0.5)*1e9) / []float64{1, 10, 1000, 1e6, 3}[r.IntN(5)]
	}
	text := func() string {
		all := []rune("az09 é声😀\"\\/\n\t\x01<&>")
		out := []rune{all[r.IntN(len(all))]}
		for range r.IntN(20) {
			out = append(out, all[r.IntN(len(all))])
		}
		return string(out)
	}
	at := time.UnixMilli(r.Int64N(4e12) - 1e12).UTC()
	s := statement{
		kind:  []any{"noise", "stall", "ufo"}[r.IntN(3)],
		value: number(),
		time:  maybe([]any{at.UnixMilli(), at.Format("2006-01-02T15:04:05.000Z07:00")}[r.IntN(2)]),
		datum: maybe([]any{"wgs84", "gcj02", "bd09"}[r.IntN(3)]),
		id:    maybe(text()),
	}
	if r.IntN(2) == 0 {
		s.lat, s.lon = r.Float64()*180-90, r.Float64()*360-180
	}
	if r.IntN(2) == 0 {
		inner := []any{text(), number(), true, nil, []any{number(), text(), map[string]any{"x": false}}}[r.IntN(5)]
		if r.IntN(4) > 0 {
			s.attrs = map[string]any{"name": inner}
		} else {
			s.attrs = map[string]any{}
		}
	}
	// encoding/json escapes these for browsers inside attrs_json.
	if b, _ := json.Marshal(s.attrs); strings.ContainsAny(string(b), "<>&") || strings.Contains(string(b), `\u00`) {
		s.attrs = nil
	}
	return s
}
