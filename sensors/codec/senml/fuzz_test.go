package senml_test

import (
	"bytes"
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/sensors"
)

// FuzzDecode holds the promises that every message is owed: nothing panics, what
// is accepted can be used, and what is not says why.
func FuzzDecode(f *testing.F) {
	for _, tt := range cases {
		if len(tt.give) < 2000 {
			f.Add([]byte(tt.give))
			if b, ok := toCBOR(f, tt.give); ok {
				f.Add(b)
			}
		}
	}
	for _, text := range golden(f) {
		f.Add([]byte(text))
		if b, ok := toCBOR(f, text); ok {
			f.Add(b)
		}
	}
	format := newFormat(f)
	f.Fuzz(func(t *testing.T, payload []byte) {
		for _, topic := range []string{byName, byTopic} {
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
			if a, b := render(first), render(second); a != b {
				t.Fatalf("got\n%sthen\n%s", a, b)
			}
			check(t, second)
			checkRaw(t, payload, second)
		}
	})
}

// checkRaw holds the elements that faults show against another reader of JSON.
func checkRaw(t *testing.T, payload []byte, r sensors.Report) {
	t.Helper()
	var elements []json.RawMessage
	isArray := json.Unmarshal(payload, &elements) == nil
	for _, f := range r.Faults {
		if f.Index == sensors.WholeMessage || payload[0] >= 0x80 {
			continue
		}
		if !isArray || f.Index >= len(elements) || !bytes.Equal(elements[f.Index], f.Raw) {
			t.Fatalf("fault %d shows %q of %q", f.Index, f.Raw, payload)
		}
	}
}

func check(t *testing.T, r sensors.Report) {
	t.Helper()
	for _, o := range r.Observations {
		if o.Kind == "" || math.IsNaN(o.Value) || math.IsInf(o.Value, 0) || !sensors.ValidDeviceID(string(o.Device)) || len(o.ID) > sensors.MaxIDBytes ||
			o.At.Location() != time.UTC || o.At.Nanosecond()%1000 != 0 || o.At.Year() < 0 || o.At.Year() > 9999 {
			t.Fatalf("accepted %+v", o)
		}
		if p := o.Position; p.Known() && (math.Abs(p.LatDegrees) > 90 || math.Abs(p.LonDegrees) > 180) {
			t.Fatalf("accepted %+v", o)
		}
	}
	for _, h := range r.Health {
		if !sensors.ValidDeviceID(string(h.Device)) || (h.BatteryPercent != nil && !(*h.BatteryPercent >= 0 && *h.BatteryPercent <= 100)) {
			t.Fatalf("said %+v", h)
		}
	}
	for _, f := range r.Faults {
		if f.Reason == "" || f.Detail == "" || (f.Index == sensors.WholeMessage && len(r.Observations) > 0) {
			t.Fatalf("fault %+v beside %d observations", f, len(r.Observations))
		}
	}
}

// Budget: 5 µs a record in JSON and 15 µs in CBOR, so that 5,000 a second take less
// than a tenth of one core.
func BenchmarkDecode(b *testing.B) {
	text := `[{"bn":"urn:dev:ow:10e2073a01080063:","bt":1795334400,"n":"noise","u":"dB","v":57.3}]`
	packed, ok := toCBOR(b, text)
	if !ok {
		b.Fatal("no CBOR")
	}
	for name, payload := range map[string][]byte{"json": []byte(text), "cbor": packed} {
		b.Run(name, func(b *testing.B) {
			f := newFormat(b)
			var r sensors.Report
			b.ReportAllocs()
			for b.Loop() {
				r.Reset()
				f.Decode(&r, byName, payload, received)
			}
			if len(r.Observations) != 1 {
				b.Fatalf("got %+v", r)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "obs/s")
		})
	}
}
