package onvif_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/sensors/codec/codectest"
	"github.com/urbangrid/urbangrid/sensors/codec/onvif"
)

var catalog = sync.OnceValue(func() *sensors.Catalog {
	c, err := sensors.DefaultCatalog()
	if err != nil {
		panic(err)
	}
	return c
})

func decoder(opts onvif.Options) *onvif.Decoder {
	d, err := onvif.NewDecoder(catalog(), opts)
	if err != nil {
		panic(err)
	}
	return d
}

// options counts line crossings too and has an encoder with two cameras.
func options() onvif.Options {
	return onvif.Options{
		Devices: map[string]sensors.DeviceID{"MyDevice": "PT-CAM-0009", "site/cam-7/1": "PT-CAM-0071"},
		Rules: append(onvif.DefaultRules()[:3:3],
			onvif.Rule{Topic: "RuleEngine/LineDetector/Crossed", Kind: "stall"},
			onvif.Rule{Topic: "RuleEngine/CountAggregation/Counter", Kind: "crowd_count"},
			onvif.Rule{Topic: "RuleEngine/*/*", Kind: "illegal_parking"},
		),
	}
}

func seeds(t testing.TB) []codectest.Message {
	return append(codectest.Load(t, "testdata"), codectest.Shared(t, "onvif-ej", "onvif-mj")...)
}

func decode(d sensors.Format, topic, payload string) sensors.Report {
	var r sensors.Report
	d.Decode(&r, topic, []byte(payload), codectest.Received)
	return r
}

func TestDecoder_KeepsThePromises(t *testing.T) {
	for name, opts := range map[string]func() onvif.Options{
		"defaults":   func() onvif.Options { return onvif.Options{} },
		"configured": options,
		"small":      func() onvif.Options { return onvif.Options{MaxStates: 1} },
	} {
		t.Run(name, func(t *testing.T) {
			codectest.Run(t, func() sensors.Format { return decoder(opts()) }, seeds(t))
		})
	}
}

func FuzzDecode(f *testing.F) {
	codectest.Fuzz(f, func() sensors.Format { return decoder(options()) }, seeds(f))
}

func TestDecoder_Golden(t *testing.T) {
	codectest.Golden(t, decoder(onvif.Options{}), "testdata", codectest.Load(t, "testdata"))
}

func TestParseTopic_TakesTheGrammarApart(t *testing.T) {
	for _, tt := range []struct {
		topic string
		want  onvif.Topic
		ok    bool
	}{
		{"MyDevice/onvif-ej/RuleEngine/LineDetector/Crossed/&1/2/MyImportantFence1",
			onvif.Topic{Prefix: "MyDevice", Local: "RuleEngine/LineDetector/Crossed", Source: "1/2/MyImportantFence1"}, true},
		{"MyDevice/onvif-ej/Device/Sensor/Temperature/High", onvif.Topic{Prefix: "MyDevice", Local: "Device/Sensor/Temperature/High"}, true},
		{"a/b/onvif-mj/SensorData/Temperature", onvif.Topic{Prefix: "a/b", Metadata: true, Local: "SensorData/Temperature"}, true},
		{"c/onvif-ej/Device/HardwareFailure/acme:LensFailure/&x/&y", onvif.Topic{Prefix: "c", Local: "Device/HardwareFailure/acme:LensFailure", Source: "x/&y"}, true},
		{"c/onvif-ej/tns1:Device/Trigger", onvif.Topic{Prefix: "c", Local: "Device/Trigger"}, true},
		{"/onvif-ej/Device/Trigger", onvif.Topic{}, false},
		{"c/onvif-ej/", onvif.Topic{Prefix: "c"}, false},
		{"c/onvif-ej", onvif.Topic{}, false},
		{"c/onvif-xx/Device", onvif.Topic{}, false},
	} {
		got, ok := onvif.ParseTopic(tt.topic)
		if ok != tt.ok || got != tt.want {
			t.Errorf("%s: %+v, %v, want %+v, %v", tt.topic, got, ok, tt.want, tt.ok)
		}
	}
}

// The stories are read in order by one decoder.
func TestDecoder_CountsOnlyTheRise(t *testing.T) {
	const topic = "cam/onvif-ej/RuleEngine/FieldDetector/ObjectsInside/&1/1/NoParking"
	at := func(second int, object, inside string) string {
		return fmt.Sprintf(`{"UtcTime":"2025-07-15T14:30:%02dZ","Source":{"Rule":"NoParking"},"Data":{"ObjectId":%s,"IsInside":%s}}`, second, object, inside)
	}
	for name, story := range map[string]struct {
		messages []string
		want     []int // observations of each
	}{
		"stays inside":                      {[]string{at(1, "1", "true"), at(2, "1", "true"), at(3, "1", `"true"`)}, []int{1, 0, 0}},
		"comes back":                        {[]string{at(1, "1", "true"), at(2, "1", "false"), at(3, "1", "true")}, []int{1, 0, 1}},
		"two objects":                       {[]string{at(1, "1", "true"), at(2, "2", "true"), at(3, "1", "true")}, []int{1, 1, 0}},
		"begins outside":                    {[]string{at(1, "1", "false"), at(2, "1", "true")}, []int{0, 1}},
		"deleted":                           {[]string{at(1, "1", "true"), "", at(3, "1", "true")}, []int{1, 0, 1}},
		"the rise comes again":              {[]string{at(1, "1", "true"), at(1, "1", "true")}, []int{1, 1}},
		"a fall older than the rise":        {[]string{at(5, "1", "true"), at(2, "1", "false"), at(6, "1", "true")}, []int{1, 0, 0}},
		"quoted and bare name one object":   {[]string{at(1, `"1"`, "true"), at(2, "1", "true")}, []int{1, 0}},
		"a state that cannot be understood": {[]string{at(1, "1", `"perhaps"`), at(2, "1", "true")}, []int{0, 1}},
	} {
		d := decoder(onvif.Options{})
		var got []int
		ids := make(map[string]bool)
		for _, m := range story.messages {
			r := decode(d, topic, m)
			got = append(got, len(r.Observations))
			for _, o := range r.Observations {
				ids[o.ID] = true
			}
		}
		if diff := cmp.Diff(story.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if name == "the rise comes again" && len(ids) != 1 {
			t.Errorf("a message that is sent twice has ids %v", ids)
		}
	}
}

func TestDecoder_ForgetsTheOldestRiseWhenFull(t *testing.T) {
	d := decoder(onvif.Options{MaxStates: 2})
	inside := func(object, second int) int {
		r := decode(d, "c/onvif-ej/RuleEngine/FieldDetector/ObjectsInside/&NoParking",
			fmt.Sprintf(`{"UtcTime":"2025-07-15T14:30:%02dZ","Source":{"Rule":"NoParking"},"Data":{"ObjectId":%d,"IsInside":true}}`, second, object))
		return len(r.Observations)
	}
	got := []int{inside(1, 1), inside(2, 2), inside(3, 3), inside(3, 4), inside(2, 5), inside(1, 6)}
	if diff := cmp.Diff([]int{1, 1, 1, 0, 0, 1}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestDecoder_CountsOneRiseFromManyGoroutines(t *testing.T) {
	d := decoder(onvif.Options{})
	var mu sync.Mutex
	ids := make(map[string]int)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 200 {
				r := decode(d, "c/onvif-ej/RuleEngine/FieldDetector/ObjectsInside/&NoParking",
					fmt.Sprintf(`{"UtcTime":"2025-07-15T14:30:00.%03dZ","Source":{"Rule":"NoParking"},"Data":{"ObjectId":%d,"IsInside":true}}`, g, i))
				mu.Lock()
				for _, o := range r.Observations {
					ids[o.Attrs]++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(ids) != 200 {
		t.Errorf("%d objects counted, want 200", len(ids))
	}
	for object, n := range ids {
		if n != 1 {
			t.Errorf("%s counted %d times", object, n)
		}
	}
}

func TestDecoder_CameraFaultsAreNeverEvents(t *testing.T) {
	opts := onvif.Options{Rules: []onvif.Rule{{Kind: "stall"}}} // would take everything
	for topic, want := range map[string]string{
		"VideoSource/ImageTooDark/ImagingService":           "ImageTooDark",
		"VideoSource/SignalLoss":                            "SignalLoss",
		"VideoSource/GlobalSceneChange/AnalyticsService":    "GlobalSceneChange",
		"RuleEngine/TamperDetector/Tamper":                  "Tamper",
		"VideoSource/Tamper":                                "Tamper",
		"Device/HardwareFailure/StorageFailure":             "StorageFailure",
		"Device/HardwareFailure/acme:LensFailure":           "acme:LensFailure",
		"VideoSource/ImageTooBlurry/AnalyticsService/extra": "ImageTooBlurry",
	} {
		r := decode(decoder(opts), "c/onvif-ej/"+topic+"/&1", `{"UtcTime":"2025-07-15T14:30:00Z","Source":{},"Data":{"State":"true"}}`)
		if len(r.Observations)+len(r.Faults) != 0 || len(r.Health) != 1 || r.Health[0].Note != want {
			t.Errorf("%s: got %+v, want the note %q", topic, r, want)
		}
		r = decode(decoder(opts), "c/onvif-ej/"+topic+"/&1", `{"UtcTime":"2025-07-15T14:30:00Z","Source":{},"Data":{"State":false}}`)
		if len(r.Observations) != 0 || len(r.Health) != 1 || r.Health[0].Note != "" || r.Health[0].Presence != sensors.Online {
			t.Errorf("%s ended: got %+v", topic, r)
		}
	}
}

func TestDecoder_RefusesTheMalformedExampleOfTheSpecification(t *testing.T) {
	r := decode(decoder(onvif.Options{}), "MyDevice/onvif-ej/RuleEngine/LineDetector/Crossed/&1/2/MyImportantFence2",
		"{\n  \"UtcTime\": \"2008-10-10T12:24:57.789Z\n  \"Source\": {\n    \"VideoSource\": \"1\"\n  }\n}")
	if len(r.Observations) != 0 || len(r.Faults) != 1 || r.Faults[0].Reason != sensors.ReasonBadJSON {
		t.Errorf("got %+v", r)
	}
}

func TestNewDecoder_NamesEveryFault(t *testing.T) {
	_, err := onvif.NewDecoder(catalog(), onvif.Options{
		Devices:   map[string]sensors.DeviceID{"a": "x/y"},
		MaxStates: -1,
		Rules:     []onvif.Rule{{Kind: "unicorn"}, {Kind: "noise", Unit: "mm", Topic: "["}},
	})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{`"x/y"`, "max_states", "rule 1: kind", "rule 2: pattern", "rule 2: unit"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in:\n%v", want, err)
		}
	}
}

// Budget: 10 µs for an event with a state.
func BenchmarkDecode(b *testing.B) {
	for _, m := range codectest.Load(b, "testdata") {
		if m.Name != "inside_1_rise.json" && m.Name != "crowd.json" {
			continue
		}
		b.Run(m.Name, func(b *testing.B) {
			d := decoder(onvif.Options{})
			var r sensors.Report
			b.ReportAllocs()
			for b.Loop() {
				r.Reset()
				d.Decode(&r, m.Topic, m.Payload, codectest.Received)
			}
			if len(r.Observations) != 1 {
				b.Fatalf("got %+v", r)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}
