package sparkplug_test

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/sensors/codec/sparkplug"
)

var fuzzTopics = []string{nbirth, ndata, ndeath, dbirth, ddata, ddeath, "spBv1.0/h/NBIRTH/n", "spBv1.0/h/NDATA/n"}

// FuzzDecode gives a format a conversation of several messages: the input is cut
// into a topic, a length and that many bytes, again and again.
func FuzzDecode(f *testing.F) {
	say := func(parts ...any) (out []byte) {
		for i := 0; i < len(parts); i += 2 {
			p := parts[i+1].([]byte)
			out = append(out, byte(parts[i].(int)), byte(len(p)), byte(len(p)>>8))
			out = append(out, p...)
		}
		return out
	}
	birth := message(t0, 0, session(7), met{name: "Noise", alias: 1, typ: floatT, value: float32(50)}, met{name: "Count/x", alias: 2, typ: int8T, value: inInt(0xffffff85)})
	f.Add(say(0, birth, 1, message(t0, 1, met{alias: 1, value: float32(51)}), 2, message(t0, noSeq, session(7))))
	f.Add(say(0, birth, 3, birth, 4, message(t0, 3, met{alias: 2, null: true}, met{alias: 2, historical: true, ms: 7, value: inInt(3)}), 5, message(t0, 4)))
	f.Add(say(1, message(t0, 1, met{alias: 1}), 6, birth, 7, message(t0, 1, met{name: "Smoke", typ: dataSetT, value: inDataSet{1}})))
	files, err := filepath.Glob("testdata/*.bin")
	if err != nil || len(files) == 0 {
		f.Fatalf("no golden payloads: %v", err)
	}
	for i, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(say(i, b))
	}
	opts := options(f)
	catalog, err := sensors.DefaultCatalog()
	if err != nil {
		f.Fatal(err)
	}
	listen := func(t *testing.T) *host {
		format, err := sparkplug.New(catalog, opts)
		if err != nil {
			t.Fatal(err)
		}
		return &host{t: t, format: format, now: received}
	}
	f.Fuzz(func(t *testing.T, conversation []byte) {
		if len(conversation) > 1<<14 {
			return
		}
		first, second := listen(t), listen(t)
		for rest := conversation; len(rest) >= 3; {
			topic := fuzzTopics[int(rest[0])%len(fuzzTopics)]
			n := min(int(rest[1])|int(rest[2])<<8, len(rest)-3)
			payload := rest[3 : 3+n]
			rest = rest[3+n:]

			given := bytes.Clone(payload)
			a := first.report(topic, given)
			if !bytes.Equal(given, payload) {
				t.Fatal("payload was changed")
			}
			for i := range given { // neither the report nor what is remembered may change with it
				given[i] ^= 0x55
			}
			b := second.report(topic, payload)
			if x, y := render(a), render(b); x != y {
				t.Fatalf("%s: got\n%sthen\n%s", topic, x, y)
			}
			check(t, b)
			first.now, second.now = first.now.Add(time.Second), second.now.Add(time.Second)
		}
	})
}

func check(t *testing.T, r sensors.Report) {
	t.Helper()
	for _, o := range r.Observations {
		if o.Kind == "" || math.IsNaN(o.Value) || math.IsInf(o.Value, 0) || !sensors.ValidDeviceID(string(o.Device)) || len(o.ID) > sensors.MaxIDBytes ||
			o.At.Location() != time.UTC || o.At.Nanosecond()%1000 != 0 || o.At.Year() < 0 || o.At.Year() > 9999 {
			t.Fatalf("accepted %+v", o)
		}
	}
	for _, h := range r.Health {
		if !sensors.ValidDeviceID(string(h.Device)) || len(h.Note) > 256 {
			t.Fatalf("said %+v", h)
		}
	}
	for _, f := range r.Faults {
		if f.Reason == "" || f.Detail == "" || (f.Index == sensors.WholeMessage && len(r.Observations) > 0) {
			t.Fatalf("fault %+v beside %d observations", f, len(r.Observations))
		}
	}
	if len(r.Commands) > 1 {
		t.Fatalf("one message caused %d commands", len(r.Commands))
	}
}

// Budget: 2 µs a message, so that 50,000 a second take a tenth of one core.
func BenchmarkDecode(b *testing.B) {
	h := newHost(b)
	h.hear(nbirth, message(t0, 0, session(7), met{name: "Noise", alias: 1, typ: floatT, value: float32(50)}))
	var payloads [256][]byte
	for seq := range payloads {
		payloads[seq] = message(t0, seq, met{alias: 1, ms: t0, value: float32(51)})
	}
	var r sensors.Report
	seq := 0
	b.ReportAllocs()
	for b.Loop() {
		seq = (seq + 1) & 255
		r.Reset()
		h.format.Decode(&r, ndata, payloads[seq], received)
	}
	if len(r.Observations) != 1 || len(r.Commands) != 0 {
		b.Fatalf("got %+v", r)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "obs/s")
}
