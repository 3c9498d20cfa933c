package native_test

import (
	"bytes"
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/sensors/codec/native"
)

// FuzzDecodeCBOR holds the decoder against another one of CBOR, for what is
// well-formed, and against the JSON form, for what it means.
func FuzzDecodeCBOR(f *testing.F) {
	for _, tt := range statementCases {
		if p := asCBOR(f, tt.give); len(p) < 2000 {
			f.Add(p)
			f.Add(asNumberedCBOR(f, tt.give))
		}
	}
	f.Add(unhex(f, "9f bf 01 7f 63 6e6f69 62 7365 ff 02 f9 5320 08 bf 61 78 5f 41 01 ff ff ff 05 ff"))
	mode, err := cbor.DecOptions{MaxNestedLevels: 65535, MaxArrayElements: math.MaxInt32, MaxMapPairs: math.MaxInt32}.DecMode()
	if err != nil {
		f.Fatal(err)
	}
	format := newFormat(f)
	f.Fuzz(func(t *testing.T, payload []byte) {
		r := decodeTwice(t, format, topicCBOR, payload)
		checkBinary(t, format, r)
		if mode.Wellformed(payload) != nil && (len(r.Faults) != 1 || r.Faults[0].Index != sensors.WholeMessage) {
			t.Fatalf("not well-formed: %v, got %+v", mode.Wellformed(payload), r)
		}
		if len(r.Faults) == 1 && r.Faults[0].Reason == native.ReasonBadEncoding && mode.Wellformed(payload) == nil {
			t.Fatalf("well-formed, got %+v", r.Faults)
		}
	})
}

func FuzzDecodeProtobuf(f *testing.F) {
	for _, tt := range statementCases {
		if p := asProtobuf(f, tt.give); len(p) < 2000 {
			f.Add(p)
		}
	}
	f.Add([]byte("\x0a\x0d\x0a\x05noise\x50\x72\x7b\x08\x01\x7c\x10\x01"))
	format := newFormat(f)
	f.Fuzz(func(t *testing.T, payload []byte) {
		checkBinary(t, format, decodeTwice(t, format, topicPB, payload))
	})
}

// decodeTwice returns what payload says. It says it every time, and what it said
// does not change with its bytes.
func decodeTwice(t *testing.T, format *native.Format, topic string, payload []byte) sensors.Report {
	t.Helper()
	given := bytes.Clone(payload)
	var first, second sensors.Report
	format.Decode(&first, topic, given, received)
	if !bytes.Equal(given, payload) {
		t.Fatal("payload was changed")
	}
	for i := range given {
		given[i] ^= 0x55
	}
	format.Decode(&second, topic, payload, received)
	if len(first.Observations) != len(second.Observations) || len(first.Faults) != len(second.Faults) {
		t.Fatalf("got %+v, then %+v", first, second)
	}
	for i, o := range second.Observations {
		if o != first.Observations[i] {
			t.Fatalf("got %+v, then %+v", first.Observations[i], o)
		}
	}
	return second
}

// checkBinary holds what was read against the promises of every format, and
// against the JSON form of the same observations.
func checkBinary(t *testing.T, format *native.Format, r sensors.Report) {
	t.Helper()
	if len(r.Observations)+len(r.Faults) == 0 {
		t.Fatal("the message was dropped in silence")
	}
	for _, f := range r.Faults {
		if f.Reason == "" || f.Detail == "" {
			t.Fatalf("fault without a word: %+v", f)
		}
	}
	for _, o := range r.Observations {
		if !sensors.ValidKindKey(string(o.Kind)) || math.IsNaN(o.Value) || math.IsInf(o.Value, 0) || !sensors.ValidDeviceID(string(o.Device)) ||
			o.At.Location() != time.UTC || o.At.Nanosecond()%1000 != 0 {
			t.Fatalf("accepted %+v", o)
		}
		fields := map[string]any{"kind": o.Kind, "value": o.Value, "time": o.At.Format("2006-01-02T15:04:05.999999Z07:00")}
		if o.ID != "" {
			fields["id"] = o.ID
		}
		if o.Attrs != "" {
			fields["attrs"] = json.RawMessage(o.Attrs)
		}
		if o.Position.Known() {
			fields["lat"], fields["lon"], fields["datum"] = o.Position.LatDegrees, o.Position.LonDegrees, o.Position.Datum.String()
		}
		var text bytes.Buffer
		enc := json.NewEncoder(&text)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(fields); err != nil {
			t.Fatalf("%+v: %v", o, err)
		}
		var again sensors.Report
		format.Decode(&again, topicJSON, text.Bytes(), received)
		if len(again.Observations) != 1 || again.Observations[0] != o {
			t.Fatalf("got %+v\nas JSON %s\n%+v", o, text.Bytes(), again)
		}
	}
}
