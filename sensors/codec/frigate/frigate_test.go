package frigate_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/sensors/codec/codectest"
	"github.com/urbangrid/urbangrid/sensors/codec/frigate"
)

var catalog = sync.OnceValue(func() *sensors.Catalog {
	c, err := sensors.DefaultCatalog()
	if err != nil {
		panic(err)
	}
	return c
})

func decoder(opts frigate.Options) *frigate.Decoder {
	d, err := frigate.NewDecoder(catalog(), opts)
	if err != nil {
		panic(err)
	}
	return d
}

// options has one camera with a device of its own and one without.
func options() frigate.Options {
	return frigate.Options{
		Cameras: map[string]sensors.DeviceID{"gate": "PT-CAM-0001", "yard": ""},
		Zones:   map[string]string{"square": "gate"},
	}
}

// everything counts what the defaults leave out, so that more code is reached.
func everything() frigate.Options {
	return frigate.Options{
		Rules:   []frigate.Rule{{Label: "*", Kind: "stall"}},
		Counts:  []frigate.CountRule{{Kind: "crowd_count"}},
		Privacy: frigate.Hash, Key: []byte("0123456789abcdef"),
		MediaURL: "https://nvr.example",
	}
}

func seeds(t testing.TB) []codectest.Message {
	return append(codectest.Load(t, "testdata"), codectest.Shared(t, "frigate")...)
}

func decode(d sensors.Format, topic, payload string) sensors.Report {
	var r sensors.Report
	d.Decode(&r, topic, []byte(payload), codectest.Received)
	return r
}

func TestDecoder_KeepsThePromises(t *testing.T) {
	for name, opts := range map[string]func() frigate.Options{
		"defaults":   func() frigate.Options { return frigate.Options{} },
		"configured": options,
		"everything": everything,
		"reviews":    func() frigate.Options { o := everything(); o.Reviews = true; return o },
	} {
		t.Run(name, func(t *testing.T) {
			codectest.Run(t, func() sensors.Format { return decoder(opts()) }, seeds(t))
		})
	}
}

func FuzzDecode(f *testing.F) {
	codectest.Fuzz(f, func() sensors.Format { return decoder(everything()) }, seeds(f))
}

func TestDecoder_Golden(t *testing.T) {
	codectest.Golden(t, decoder(options()), "testdata", codectest.Load(t, "testdata"))
}

func TestDecoder_CountsAnObjectOnceThroughItsLife(t *testing.T) {
	d := decoder(everything())
	type key struct {
		device sensors.DeviceID
		id     string
	}
	seen := make(map[key]sensors.Observation)
	for _, m := range codectest.Load(t, "testdata") {
		if !strings.HasPrefix(m.Name, "car_") {
			continue
		}
		r := decode(d, m.Topic, string(m.Payload))
		if len(r.Observations) != 1 {
			t.Fatalf("%s: got %d observations, want 1", m.Name, len(r.Observations))
		}
		o := r.Observations[0]
		first, again := seen[key{o.Device, o.ID}]
		if again && !o.At.Equal(first.At) {
			t.Errorf("%s: time is %v, was %v", m.Name, o.At, first.At)
		}
		seen[key{o.Device, o.ID}] = o
	}
	if len(seen) != 1 {
		t.Errorf("one car counts %d times: %v", len(seen), seen)
	}
}

func TestDecoder_SubLabelMayBeNullNameOrPair(t *testing.T) {
	d := decoder(everything())
	const message = `{"type":"new","after":{"id":"1.5-a","camera":"c","label":"person","start_time":1.5,"sub_label":SUB}}`
	hash := func(sub string) string {
		r := decode(d, "frigate/events", strings.Replace(message, "SUB", sub, 1))
		if len(r.Observations) != 1 {
			t.Fatalf("sub_label %s: %+v", sub, r)
		}
		_, after, _ := strings.Cut(r.Observations[0].Attrs, `"sub_label_hash":`)
		return after
	}
	if got := hash("null"); got != "" {
		t.Errorf("null became %q", got)
	}
	if name, pair := hash(`"Ann"`), hash(`["Ann",0.79]`); name == "" || name != pair {
		t.Errorf("a name became %q, the same with its score %q", name, pair)
	}
	if hash(`"Ann"`) == hash(`"Bob"`) {
		t.Error("two names have one hash")
	}
}

func TestDecoder_LetsNoPersonalDataThrough(t *testing.T) {
	for name, opts := range map[string]frigate.Options{
		"drop": {Rules: []frigate.Rule{{Kind: "stall"}}},
		"hash": everything(),
	} {
		d := decoder(opts)
		for _, m := range seeds(t) {
			var r sensors.Report
			d.Decode(&r, m.Topic, m.Payload, codectest.Received)
			var out strings.Builder
			for _, o := range r.Observations {
				out.WriteString(o.Attrs + o.ID)
			}
			for _, f := range r.Faults {
				out.WriteString(f.Detail)
				out.Write(f.Raw)
			}
			for _, personal := range []string{"TEST123", "ABC12345", "123ABC", "Somebody", "John"} {
				if strings.Contains(out.String(), personal) {
					t.Errorf("%s: %s: %q comes through: %s", name, m.Name, personal, out.String())
				}
			}
			if name == "drop" && strings.Contains(out.String(), "hash") {
				t.Errorf("%s: a hash comes through: %s", m.Name, out.String())
			}
		}
	}
}

func TestDecoder_KeepsSubLabelsThatAreNoNames(t *testing.T) {
	opts := everything()
	opts.SubLabels = []string{"ups"}
	r := decode(decoder(opts), "frigate/events", `{"after":{"id":"1.5-a","camera":"c","label":"car","start_time":1.5,"sub_label":"ups"}}`)
	if len(r.Observations) != 1 || !strings.Contains(r.Observations[0].Attrs, `"sub_label":"ups"`) {
		t.Errorf("got %+v", r)
	}
}

func TestDecoder_SaysWhyAMessageBecameNothing(t *testing.T) {
	var got []string
	opts := options()
	opts.Ignored = func(reason string) { got = append(got, reason) }
	d := decoder(opts)
	for _, tt := range []struct{ topic, payload, want string }{
		{"frigate/events", `{"after":{"label":"dog","camera":"gate"}}`, frigate.IgnoredUnmapped},
		{"frigate/events", `{"after":{"label":"car","false_positive":true}}`, frigate.IgnoredFalsePositive},
		{"frigate/tracked_object_update", `{"type":"face","name":"x"}`, frigate.IgnoredPersonalData},
		{"frigate/tracked_object_update", `{"type":"description"}`, frigate.IgnoredOther},
		{"frigate/reviews", `{}`, frigate.IgnoredOther},
		{"frigate/stats", `{}`, frigate.IgnoredOther},
		{"frigate/gate/detect/state", `ON`, frigate.IgnoredOther},
		{"frigate/gate/dog", `1`, frigate.IgnoredUnmapped},
		{"frigate/gate/person/active", `1`, frigate.IgnoredOther},
		{"frigate/unknown_zone/person", `1`, frigate.IgnoredUnmapped},
		{"frigate/gate/status/detect", `disabled`, frigate.IgnoredOther},
	} {
		got = nil
		r := decode(d, tt.topic, tt.payload)
		if len(got) != 1 || got[0] != tt.want || len(r.Observations)+len(r.Faults)+len(r.Health) != 0 {
			t.Errorf("%s %s: ignored for %v, want %s; report %+v", tt.topic, tt.payload, got, tt.want, r)
		}
	}
}

func TestDecoder_ReadsOnlyCountsAsCounts(t *testing.T) {
	d := decoder(everything()) // whose count rule fits every label
	for _, tt := range []struct{ topic, payload string }{
		{"frigate/gate/motion", "ON"}, {"frigate/gate/motion", "OFF"},
		{"frigate/gate/review_status", "NONE"}, {"frigate/gate/review_status", "ALERT"},
		{"frigate/gate/audio/rms", "401.2"}, {"frigate/gate/person/snapshot", "\xff\xd8"},
		{"frigate/gate/classification/gate_state", "open"}, {"frigate/camera_activity", "{}"},
	} {
		if r := decode(d, tt.topic, tt.payload); len(r.Observations)+len(r.Faults)+len(r.Health) != 0 {
			t.Errorf("%s %q: got %+v", tt.topic, tt.payload, r)
		}
	}
	if r := decode(d, "frigate/gate/car", "3"); len(r.Observations) != 1 || r.Observations[0].Value != 3 {
		t.Errorf("a count: got %+v", r)
	}
}

func TestNewDecoder_NamesEveryFault(t *testing.T) {
	_, err := frigate.NewDecoder(catalog(), frigate.Options{
		Prefix:  "frigate/#",
		Cameras: map[string]sensors.DeviceID{"a": "x/y"},
		Zones:   map[string]string{"z": "nowhere"},
		Rules:   []frigate.Rule{{Kind: "unicorn"}, {Kind: "noise", Label: "[", MinScore: 2}},
		Counts:  []frigate.CountRule{{Kind: "smoke"}},
		Privacy: frigate.Hash, Key: []byte("short"),
	})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"prefix", `"x/y"`, "nowhere", "unicorn", "rule 2: kind noise", "rule 2: pattern", "min_score 2", "count 1", "5 bytes"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in:\n%v", want, err)
		}
	}
}

// Budget: 20 µs for an event of 1 KiB, so that a thousand cameras with an event
// each second take a fiftieth of one core.
func BenchmarkDecode(b *testing.B) {
	d := decoder(everything())
	for _, m := range codectest.Load(b, "testdata") {
		if m.Name != "car_4_end.json" && m.Name != "count_person.txt" {
			continue
		}
		b.Run(m.Name, func(b *testing.B) {
			var r sensors.Report
			b.ReportAllocs()
			for b.Loop() {
				r.Reset()
				d.Decode(&r, m.Topic, m.Payload, codectest.Received)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}
