package native_test

import (
	"testing"

	"github.com/urbangrid/urbangrid/sensors"
)

// example is the object that docs/PROTOCOL.md shows first.
const example = `{"kind":"noise","value":57.3,"time":"2026-11-22T08:00:00.123Z","lat":31.2498,"lon":121.3955,"datum":"wgs84","id":"b2c1-0042","attrs":{"battery_volts":3.61,"firmware":"2.4.1"}}`

// Budget: 600 ns and 4 allocations for one observation with every field, so
// that 150,000 a second take less than a tenth of one core.
func BenchmarkDecode(b *testing.B) {
	for name, payload := range map[string]string{
		"every field": example,
		"small":       `{"kind":"noise","value":57.3}`,
	} {
		b.Run(name, func(b *testing.B) {
			d := newDecoder(b)
			var obs []sensors.Observation
			bytes := []byte(payload)
			b.ReportAllocs()
			for b.Loop() {
				obs, _ = d.Decode(obs[:0], "noise-0042", bytes, received)
			}
			if len(obs) != 1 {
				b.Fatalf("got %d observations", len(obs))
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "obs/s")
		})
	}
}

// Budget: no dearer than JSON, which thrifty devices must not pay for.
func BenchmarkFormat(b *testing.B) {
	full := statement{
		kind: "noise", value: 57.3, time: int64(1795334400123), lat: 31.2498, lon: 121.3955, datum: "wgs84",
		id: "b2c1-0042", attrs: map[string]any{"battery_volts": 3.61, "firmware": "2.4.1"},
	}
	for _, e := range encodings {
		b.Run(e.name, func(b *testing.B) {
			f := newFormat(b)
			payload := e.write(b, full)
			var r sensors.Report
			b.ReportAllocs()
			b.SetBytes(int64(len(payload)))
			for b.Loop() {
				r.Reset()
				f.Decode(&r, e.topic, payload, received)
			}
			if len(r.Observations) != 1 {
				b.Fatalf("got %+v", r)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "obs/s")
		})
	}
}
