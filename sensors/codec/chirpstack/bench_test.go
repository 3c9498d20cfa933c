package chirpstack_test

import (
	"slices"
	"testing"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/sensors/codec/chirpstack"
	"github.com/urbangrid/urbangrid/sensors/codec/codectest"
)

// Budget: 20 µs for an uplink with a noise level, so that a district's 1,000
// uplinks a second take less than a fiftieth of one core.
func BenchmarkDecode(b *testing.B) {
	messages := codectest.Load(b, "testdata")
	i := slices.IndexFunc(messages, func(m codectest.Message) bool { return m.Name == "up-noise.json" })
	f, m := newFormat(b, chirpstack.Options{}), messages[i]
	var r sensors.Report
	b.ReportAllocs()
	for b.Loop() {
		r.Reset()
		f.Decode(&r, m.Topic, m.Payload, codectest.Received)
	}
	if len(r.Observations) != 1 || len(r.Faults) != 0 {
		b.Fatalf("got %+v", r)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}
