package native_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/sensors/codec/native"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const (
	topicJSON = "urbangrid/v1/d/obs"
	topicCBOR = "urbangrid/v1/d/obs/cbor"
	topicPB   = "urbangrid/v1/d/obs/pb"
)

func decode(t testing.TB, topic string, payload []byte) sensors.Report {
	t.Helper()
	var r sensors.Report
	newFormat(t).Decode(&r, topic, payload, received)
	return r
}

func TestFormat_AcceptsItsThreeTopics(t *testing.T) {
	f := newFormat(t)
	for topic, want := range map[string]bool{
		"urbangrid/v1/d/obs":          true,
		"urbangrid/v1/d/obs/cbor":     true,
		"urbangrid/v1/d/obs/pb":       true,
		"urbangrid/v1//obs":           true, // ours, and a fault
		"urbangrid/v1/d/obs/":         false,
		"urbangrid/v1/d/obs/xml":      false,
		"urbangrid/v1/d/obs/cbor/pb":  false,
		"urbangrid/v1/a/b/obs":        false,
		"urbangrid/v1/d":              false,
		"urbangrid/v1/obs":            false,
		"urbangrid/v2/d/obs":          false,
		"/urbangrid/v1/d/obs":         false,
		"frigate/events":              false,
		"urbangrid/v1/d/obscure":      false,
		"urbangrid/v1/cbor/obs/cbor":  true,
		"urbangrid/v1/d e/obs":        true,
		"urbangrid/v1/d/status":       false,
		"urbangrid/v1/d/obs/pb/extra": false,
	} {
		if got := f.Accepts(topic); got != want {
			t.Errorf("Accepts(%q) = %v", topic, got)
		}
	}
	if f.Name() != "native" {
		t.Errorf("name is %q", f.Name())
	}
}

func TestFormat_RefusesTopicsWithoutAValidDevice(t *testing.T) {
	for _, topic := range []string{
		"urbangrid/v1//obs", "urbangrid/v1/a\x01/obs/cbor", "urbangrid/v1/\xff/obs/pb",
		"urbangrid/v1/" + strings.Repeat("x", 129) + "/obs",
	} {
		r := decode(t, topic, []byte(example))
		if len(r.Observations) != 0 || len(r.Faults) != 1 || r.Faults[0].Reason != sensors.ReasonBadDevice ||
			r.Faults[0].Index != sensors.WholeMessage || string(r.Faults[0].Raw) != example {
			t.Errorf("%q: got %+v", topic, r)
		}
	}
}

func TestFormat_AppendsToTheReport(t *testing.T) {
	f := newFormat(t)
	var r sensors.Report
	for range 2 {
		f.Decode(&r, topicJSON, []byte(`[{"kind":"stall"},7]`), received)
		f.Decode(&r, topicCBOR, marshalCBOR(t, []any{map[string]any{"kind": "stall"}, 7}), received)
		f.Decode(&r, topicPB, batch(protoObservation(t, statement{kind: "stall"}), nil), received)
	}
	if len(r.Observations) != 6 || len(r.Faults) != 6 {
		t.Errorf("got %+v", r)
	}
}

func TestFormat_ReadsEveryFormOfCBOR(t *testing.T) {
	for name, tt := range map[string]struct {
		give  string
		value float64
		at    time.Time
	}{
		"half float":          {"a2 01 65 6e6f697365 02 f9 5320", 57, time.Time{}},
		"subnormal half":      {"a2 01 65 6e6f697365 02 f9 0001", 5.960464477539063e-8, time.Time{}},
		"short float":         {"a2 01 65 6e6f697365 02 fa 42653333", float64(float32(57.3)), time.Time{}},
		"double":              {"a2 01 65 6e6f697365 02 fb 404ca66666666666", 57.3, time.Time{}},
		"one byte":            {"a2 01 65 6e6f697365 02 18 39", 57, time.Time{}},
		"negative":            {"a2 01 65 6e6f697365 02 38 38", -57, time.Time{}},
		"indefinite map":      {"bf 01 65 6e6f697365 02 18 39 ff", 57, time.Time{}},
		"indefinite array":    {"9f a2 01 65 6e6f697365 02 18 39 ff", 57, time.Time{}},
		"text in parts":       {"a2 01 7f 63 6e6f69 62 7365 ff 02 18 39", 57, time.Time{}},
		"key in parts":        {"a2 7f 62 6b69 62 6e64 ff 65 6e6f697365 02 18 39", 57, time.Time{}},
		"undefined left out":  {"a3 01 65 6e6f697365 02 18 39 03 f7", 57, time.Time{}},
		"last of equal names": {"a4 01 f6 01 65 6e6f697365 02 61 78 02 18 39", 57, time.Time{}},
		"name over number":    {"a3 01 65 6e6f697365 02 01 65 76616c7565 18 39", 57, time.Time{}},
		"unknown fields":      {"a5 01 65 6e6f697365 02 18 39 18 63 80 20 f6 c1 61 78 a1 f4 f5", 57, time.Time{}},
		"tagged text time":    {"a3 01 65 6e6f697365 02 18 39 03 c0 74 323032362d31312d32325430383a30303a30305a", 57, time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)},
		"tagged epoch":        {"a3 01 65 6e6f697365 02 18 39 03 c1 1a 6922 1ac0", 57, time.Unix(0x69221ac0, 0).UTC()},
		"tagged epoch float":  {"a3 01 65 6e6f697365 02 18 39 03 c1 fb 41da4886b0200000", 57, time.Unix(0x69221ac0, 500_000_000).UTC()},
	} {
		t.Run(name, func(t *testing.T) {
			payload := unhex(t, tt.give)
			r := decode(t, topicCBOR, payload)
			if len(r.Observations) != 1 || len(r.Faults) != 0 {
				t.Fatalf("got %+v", r)
			}
			if tt.at.IsZero() {
				tt.at = received.UTC().Truncate(time.Microsecond)
			}
			o := r.Observations[0]
			clear(payload)
			if o.Kind != "noise" || o.Value != tt.value || !o.At.Equal(tt.at) {
				t.Errorf("got %+v, want value %v at %v", o, tt.value, tt.at)
			}
		})
	}
}

func TestFormat_RefusesBrokenBinaryMessages(t *testing.T) {
	good := unhex(t, "a1 01 65 7374616c6c")
	deep := append(bytes.Repeat([]byte{0x81}, 5000), 0)
	for _, tt := range []struct {
		name, topic string
		give        []byte
		reason      string
	}{
		{"no bytes", topicCBOR, nil, sensors.ReasonEmpty},
		{"no bytes", topicPB, nil, sensors.ReasonEmpty},
		{"empty array", topicCBOR, unhex(t, "80"), sensors.ReasonEmpty},
		{"empty indefinite array", topicCBOR, unhex(t, "9fff"), sensors.ReasonEmpty},
		{"batch of unknown fields", topicPB, unhex(t, "1001"), sensors.ReasonEmpty},
		{"cut map", topicCBOR, good[:len(good)-1], native.ReasonBadEncoding},
		{"array that promises more", topicCBOR, append(unhex(t, "9bffffffffffffffff"), good...), native.ReasonBadEncoding},
		{"map that promises more", topicCBOR, unhex(t, "bbffffffffffffffff"), native.ReasonBadEncoding},
		{"text that promises more", topicCBOR, unhex(t, "a1017bffffffffffffffff61"), native.ReasonBadEncoding},
		{"two messages", topicCBOR, append(slices.Clone(good), good...), native.ReasonBadEncoding},
		{"reserved information", topicCBOR, unhex(t, "a1011c"), native.ReasonBadEncoding},
		{"break alone", topicCBOR, unhex(t, "ff"), native.ReasonBadEncoding},
		{"break within a map's pair", topicCBOR, unhex(t, "bf01ff"), native.ReasonBadEncoding},
		{"simple value in two bytes", topicCBOR, unhex(t, "a10af814"), native.ReasonBadEncoding},
		{"number in parts", topicCBOR, unhex(t, "a1011f"), native.ReasonBadEncoding},
		{"bytes within text", topicCBOR, unhex(t, "a1017f4161ff"), native.ReasonBadEncoding},
		{"text is not UTF-8", topicCBOR, unhex(t, "a10161ff"), sensors.ReasonInvalidUTF8},
		{"bottomless", topicCBOR, deep, sensors.ReasonTooDeep},
		{"JSON", topicCBOR, []byte(example), native.ReasonBadEncoding},
		{"JSON", topicPB, []byte(example), native.ReasonBadEncoding},
		{"cut batch", topicPB, unhex(t, "0a05 0a05737461"), native.ReasonBadEncoding},
		{"cut observation", topicPB, unhex(t, "0a04 0a057374"), native.ReasonBadEncoding},
		{"end of a group alone", topicPB, unhex(t, "0c"), native.ReasonBadEncoding},
		{"field 0", topicPB, unhex(t, "0001"), native.ReasonBadEncoding},
		{"text is not UTF-8", topicPB, batch([]byte{0x0a, 1, 0xff}), sensors.ReasonInvalidUTF8},
		{"too large", topicCBOR, make([]byte, native.MaxPayloadBytes+1), sensors.ReasonTooLarge},
		{"too large", topicPB, make([]byte, native.MaxPayloadBytes+1), sensors.ReasonTooLarge},
		{"too many", topicCBOR, append(unhex(t, "192711"), bytes.Repeat([]byte{0xa0}, 10_001)...), native.ReasonBadEncoding},
		{"too many", topicCBOR, append(unhex(t, "992711"), bytes.Repeat([]byte{0xa0}, 10_001)...), sensors.ReasonTooLarge},
		{"too many", topicPB, bytes.Repeat([]byte{0x0a, 0}, 10_001), sensors.ReasonTooLarge},
		{"good before broken", topicCBOR, append(append([]byte{0x82}, good...), 0xa1), native.ReasonBadEncoding},
		{"good before broken", topicPB, append(batch(protoObservation(t, statement{kind: "stall"})), 0x0a), native.ReasonBadEncoding},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := sensors.Report{Observations: []sensors.Observation{{Device: "before"}}}
			newFormat(t).Decode(&r, tt.topic, tt.give, received)
			if len(r.Observations) != 1 || len(r.Faults) != 1 || r.Faults[0].Reason != tt.reason || r.Faults[0].Index != sensors.WholeMessage || r.Faults[0].Detail == "" {
				t.Errorf("%s: got %d observations and %+v, want %s", tt.topic, len(r.Observations), r.Faults, tt.reason)
			}
		})
	}
}

func TestFormat_RefusesWhatOnlyBinaryCanSay(t *testing.T) {
	double := func(num protowire.Number, v float64) []byte {
		return protowire.AppendFixed64(protowire.AppendTag(nil, num, protowire.Fixed64Type), math.Float64bits(v))
	}
	noise := []byte("\x0a\x05noise")
	for _, tt := range []struct {
		name, topic string
		give        []byte
		reason      string
	}{
		{"NaN", topicCBOR, marshalCBOR(t, map[string]any{"kind": "noise", "value": math.NaN()}), sensors.ReasonNotANumber},
		{"half NaN", topicCBOR, unhex(t, "a2 01 65 6e6f697365 02 f9 7e00"), sensors.ReasonNotANumber},
		{"infinity", topicCBOR, marshalCBOR(t, map[string]any{"kind": "noise", "value": math.Inf(-1)}), sensors.ReasonNotANumber},
		{"lat NaN", topicCBOR, marshalCBOR(t, map[string]any{"kind": "stall", "lat": math.NaN(), "lon": 1}), sensors.ReasonNotANumber},
		{"NaN", topicPB, batch(slices.Concat(noise, double(2, math.NaN()))), sensors.ReasonNotANumber},
		{"infinity", topicPB, batch(slices.Concat(noise, double(2, math.Inf(1)))), sensors.ReasonNotANumber},
		{"NaN in attrs", topicCBOR, marshalCBOR(t, map[string]any{"kind": "stall", "attrs": map[string]any{"x": math.NaN()}}), sensors.ReasonBadField},
		{"number as a name in attrs", topicCBOR, marshalCBOR(t, map[string]any{"kind": "stall", "attrs": map[int]any{1: 2}}), sensors.ReasonBadField},
		{"bignum", topicCBOR, unhex(t, "a2 01 65 6e6f697365 02 c2 41 39"), sensors.ReasonBadField},
		{"tagged epoch out of range", topicCBOR, unhex(t, "a2 01 65 7374616c6c 03 c1 fb 7ff0000000000000"), sensors.ReasonBadTime},
		{"tagged text that is no time", topicCBOR, unhex(t, "a2 01 65 7374616c6c 03 c0 61 78"), sensors.ReasonBadTime},
		{"other tag", topicCBOR, unhex(t, "a2 01 65 7374616c6c 03 c5 00"), sensors.ReasonBadTime},
		{"datum 4", topicPB, batch([]byte("\x0a\x05stall\x30\x04")), sensors.ReasonBadField},
		{"wrong wire type", topicPB, batch([]byte("\x0a\x05noise\x10\x04")), sensors.ReasonBadField},
		{"attrs_json is not JSON", topicPB, batch(protoObservation(t, statement{kind: "stall", attrs: "{"})), sensors.ReasonBadField},
		{"attrs_json is two", topicPB, batch(protoObservation(t, statement{kind: "stall", attrs: "{} {}"})), sensors.ReasonBadField},
		{"attrs_json is nothing", topicPB, batch(protoObservation(t, statement{kind: "stall", attrs: ""})), sensors.ReasonBadField},
		{"a number", topicCBOR, unhex(t, "05"), sensors.ReasonNotObject},
		{"a tagged map", topicCBOR, unhex(t, "c1 a1 01 65 7374616c6c"), sensors.ReasonNotObject},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := decode(t, tt.topic, tt.give)
			if len(r.Observations) != 0 || len(r.Faults) != 1 || r.Faults[0].Reason != tt.reason || r.Faults[0].Index != 0 {
				t.Errorf("got %+v, want %s", r, tt.reason)
			}
		})
	}
}

func TestFormat_GoodElementsSurviveBadOnesInEveryEncoding(t *testing.T) {
	say := []statement{{kind: "noise", value: 1.5}, {kind: "noise"}, {kind: "stall"}, {}, {kind: "noise", value: 2.5}}
	var fields []any
	var protos [][]byte
	for _, s := range say {
		fields = append(fields, s.fields())
		protos = append(protos, protoObservation(t, s))
	}
	for topic, payload := range map[string][]byte{
		topicCBOR: marshalCBOR(t, fields),
		topicPB:   batch(protos...),
	} {
		r := decode(t, topic, payload)
		var got []string
		for _, o := range r.Observations {
			got = append(got, fmt.Sprint(o.Value))
		}
		for _, f := range r.Faults {
			got = append(got, fmt.Sprint(f.Index, " ", f.Reason))
		}
		if want := []string{"1.5", "1", "2.5", "1 missing_value", "3 missing_kind"}; !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", topic, got, want)
		}
	}
}

func TestFormat_WritesAttrsOfCBORAsJSON(t *testing.T) {
	type pair struct {
		_ struct{} `cbor:",toarray"`
		A any
		B any
	}
	attrs := map[string]any{"x": []any{
		1, -2, uint64(math.MaxUint64), 1.5, 1e300, 1e-9, []byte{1, 2, 255}, nil, true, false,
		cbor.Tag{Number: 99, Content: "t"}, pair{A: "q\"\\\n\x01", B: map[string]any{}}, cbor.RawMessage{0xf7}, cbor.RawMessage{0x3b, 255, 255, 255, 255, 255, 255, 255, 255},
	}}
	r := decode(t, topicCBOR, marshalCBOR(t, map[string]any{"kind": "stall", "attrs": attrs}))
	want := `{"x":[1,-2,18446744073709551615,1.5,1e+300,1e-09,"AQL_",null,true,false,"t",["q\"\\\n\u0001",{}],null,-18446744073709551616]}`
	if len(r.Observations) != 1 || r.Observations[0].Attrs != want {
		t.Errorf("got  %+v\nwant %s", r, want)
	}
}

func TestFormat_ReadsTheShortFormsOfProtobuf(t *testing.T) {
	for name, tt := range map[string]struct {
		give  []byte
		value float64
	}{
		"short":       {[]byte("\x0a\x05noise\x4d\x00\x00\x66\x42"), 57.5},
		"whole":       {[]byte("\x0a\x05noise\x50\x71"), -57},
		"last of all": {[]byte("\x0a\x05noise\x4d\x00\x00\x66\x42\x50\x72"), 57},
		"a group":     {[]byte("\x0a\x05noise\x50\x72\x7b\x08\x01\x7c"), 57},
	} {
		r := decode(t, topicPB, batch(tt.give))
		if len(r.Observations) != 1 || r.Observations[0].Value != tt.value {
			t.Errorf("%s: got %+v, want %v", name, r, tt.value)
		}
	}
}
