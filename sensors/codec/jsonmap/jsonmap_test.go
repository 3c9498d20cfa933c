package jsonmap_test

import (
	"bytes"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/sensors/codec/codectest"
	"github.com/urbangrid/urbangrid/sensors/codec/jsonmap"
)

var catalog = sync.OnceValue(func() *sensors.Catalog {
	c, err := sensors.DefaultCatalog()
	if err != nil {
		panic(err)
	}
	return c
})

// files are the examples that people start from, and one of everything.
var files = []string{
	"../../../deploy/examples/tasmota.yaml", "../../../deploy/examples/thingsboard.yaml", "testdata/municipality.yaml",
}

// all is the text of files as one file.
var all = sync.OnceValue(func() []byte {
	out := []byte("mappings:\n")
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			panic(err)
		}
		_, body, ok := bytes.Cut(raw, []byte("\nmappings:\n"))
		if !ok {
			body = bytes.TrimPrefix(raw, []byte("mappings:\n"))
		}
		out = append(append(out, body...), '\n')
	}
	return out
})

func decoder() *jsonmap.Decoder {
	d, err := jsonmap.Load(catalog(), bytes.NewReader(all()))
	if err != nil {
		panic(err)
	}
	return d
}

func seeds(t testing.TB) []codectest.Message {
	return append(codectest.Load(t, "testdata"), codectest.Shared(t, "tasmota", "thingsboard")...)
}

// decode reads one message by the mappings of a file.
func decode(t *testing.T, file, topic, payload string) sensors.Report {
	t.Helper()
	d, err := jsonmap.Load(catalog(), strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	var r sensors.Report
	d.Decode(&r, topic, []byte(payload), codectest.Received)
	return r
}

func TestLoad_ReadsEveryExample(t *testing.T) {
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close() //nolint:revive // closed at the end of the test, which opens three files
		if _, err := jsonmap.Load(catalog(), f); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDecoder_KeepsThePromises(t *testing.T) {
	d := decoder() // it keeps nothing between messages
	codectest.Run(t, func() sensors.Format { return d }, seeds(t))
}

func FuzzDecode(f *testing.F) {
	d := decoder()
	codectest.Fuzz(f, func() sensors.Format { return d }, seeds(f))
}

// FuzzLoad holds a mapping file to being read or refused, and what it makes to
// the promises of every format.
func FuzzLoad(f *testing.F) {
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw, "pudong/s7/readings", []byte(`{"db":50,"t":"2026-11-22T16:00:00.5+08:00"}`))
	}
	catalog := catalog()
	f.Fuzz(func(t *testing.T, file []byte, topic string, payload []byte) {
		d, err := jsonmap.Load(catalog, bytes.NewReader(file))
		if err != nil {
			if d != nil {
				t.Fatal("a decoder and an error")
			}
			return
		}
		if d.Accepts(topic) {
			codectest.Check(t, func() sensors.Format { return d }, topic, payload)
		}
	})
}

func TestDecoder_Golden(t *testing.T) {
	codectest.Golden(t, decoder(), "testdata", codectest.Load(t, "testdata"))
}

func TestLoad_NamesEveryFaultWithItsPlace(t *testing.T) {
	const file = `mappings:
  - name: one
    topics: ["#", "a/{x", "+/+"]
    device: {topic: y, fixed: z}
    time: {path: "a..b", format: "15:04", zone: Mars/Olympus}
    position: {lat: a}
    colour: red
    values:
      - {kind: unicorn, path: x}
      - {kind: noise, unit: mm, path: "x[y]"}
      - {kind: noise, path: "*.x", scale: 0}
  - topics: [a/b]
    each: "*"
    device: {key: 2}
`
	_, err := jsonmap.Load(catalog(), strings.NewReader(file))
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{
		"mapping one (line 2)", "line 7: field colour", `"a/{x"`, `"+/+"`, "exactly one of", "a name is empty",
		`"15:04"`, "Mars/Olympus", "lon is missing", `datum ""`,
		`mapping one (line 9): value 1: kind "unicorn"`, `mapping one (line 10): value 2: unit "mm"`, `"[y]" is no index`,
		"mapping one (line 11): value 3: path", "scale 0", "kind noise is there twice",
		"mapping 2 (line 12): device: key is 2", "neither values nor health nor presence",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in:\n%v", want, err)
		}
	}
}

func TestLoad_RefusesWhatIsNoFile(t *testing.T) {
	for _, file := range []string{"", "mappings: []", "mappings: 7", "[", "a: b"} {
		if _, err := jsonmap.Load(catalog(), strings.NewReader(file)); err == nil {
			t.Errorf("%q is accepted", file)
		}
	}
}

func TestDecoder_MatchesTopicsAsMQTTDoes(t *testing.T) {
	for filter, topics := range map[string]map[string]bool{
		"a/+/c":   {"a/b/c": true, "a//c": true, "a/b": false, "a/b/c/d": false, "a/b/d": false},
		"a/#":     {"a": true, "a/b": true, "a/b/c": true, "b": false},
		"a/{x}/#": {"a/b": true, "a/b/c": true, "a": false},
		"+/a":     {"/a": true, "x/a": true, "a": false},
		"a/b/":    {"a/b/": true, "a/b": false},
		"x/y":     {"x/y": true, "X/y": false},
		"x/{a-b}": {"x/": true, "x/y": true},
	} {
		d, err := jsonmap.Load(catalog(), strings.NewReader(
			"mappings: [{topics: ['"+filter+"'], device: {fixed: d}, values: [{kind: noise, path: v}]}]"))
		if err != nil {
			t.Fatalf("%s: %v", filter, err)
		}
		for topic, want := range topics {
			if got := d.Accepts(topic); got != want {
				t.Errorf("%s accepts %s: %v", filter, topic, got)
			}
		}
	}
}

func TestDecoder_NamesItsFilters(t *testing.T) {
	want := []string{
		"tele/+/SENSOR", "tele/+/STATE", "tele/+/LWT", "v1/gateway/telemetry", "v1/devices/me/telemetry",
		"pudong/+/readings", "pudong/+/history/#", "t/+/s", "t/+/us", "t/fixed",
	}
	if diff := cmp.Diff(want, decoder().Filters()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	// A will has no time: it is the order that tells.
	if diff := cmp.Diff([]string{"tele/+/LWT"}, decoder().OrderedTopics()); diff != "" {
		t.Errorf("ordered -want +got:\n%s", diff)
	}
}

func TestDecoder_ReadsTimesOfEveryFormat(t *testing.T) {
	for _, tt := range []struct{ format, value, want string }{
		{`format: rfc3339`, `"2026-11-22T16:00:00.1234567+08:00"`, "2026-11-22T08:00:00.123456Z"},
		{`format: ""`, `"2026-11-22 16:00:00+0800"`, "2026-11-22T08:00:00Z"},
		{`format: epoch_s`, `1763798400.123457`, "2025-11-22T08:00:00.123457Z"},
		{`format: epoch_s`, `"1763798400"`, "2025-11-22T08:00:00Z"},
		{`format: epoch_ms`, `1763798400123`, "2025-11-22T08:00:00.123Z"},
		{`format: epoch_us`, `1763798400123457`, "2025-11-22T08:00:00.123457Z"},
		{`format: "2006-01-02 15:04:05", zone: Asia/Shanghai`, `"2026-11-22 16:00:00"`, "2026-11-22T08:00:00Z"},
		{`format: "20060102150405", zone: Asia/Shanghai`, `20261122160000`, "2026-11-22T08:00:00Z"},
		{`format: "02/01/2006 15:04 -0700"`, `"22/11/2026 16:00 +0800"`, "2026-11-22T08:00:00Z"},
		{`format: epoch_ms`, `1e300`, sensors.ReasonBadTime},
		{`format: epoch_ms`, `"NaN"`, sensors.ReasonBadTime},
		{`format: rfc3339`, `1763798400123`, sensors.ReasonBadTime},
		{`format: "2006-01-02"`, `"2026-02-30"`, sensors.ReasonBadTime},
	} {
		r := decode(t, "mappings: [{topics: [a/b], device: {fixed: d}, time: {path: t, "+tt.format+"}, values: [{kind: noise, path: v}]}]",
			"a/b", `{"v":50,"t":`+tt.value+`}`)
		got := ""
		switch {
		case len(r.Observations) == 1:
			got = r.Observations[0].At.Format("2006-01-02T15:04:05.999999Z07:00")
		case len(r.Faults) == 1:
			got = r.Faults[0].Reason
		}
		if got != tt.want {
			t.Errorf("%s of %s: got %q, want %q", tt.value, tt.format, got, tt.want)
		}
	}
}

func TestDecoder_ReadsValuesOfEveryForm(t *testing.T) {
	for _, tt := range []struct {
		value, payload string
		want           []float64
		reason         string
	}{
		{`{kind: road_water, path: v, unit: mm}`, `{"v":123}`, []float64{12.3}, ""},
		{`{kind: road_water, path: v, unit: mm, scale: 10, offset: -5}`, `{"v":12.5}`, []float64{12}, ""},
		{`{kind: road_water, path: v}`, `{"v":" 7 "}`, []float64{7}, ""},
		{`{kind: road_water, path: v}`, `{"v":"0x10"}`, nil, sensors.ReasonBadField},
		{`{kind: road_water, path: v}`, `{"v":"Inf"}`, nil, sensors.ReasonBadField},
		{`{kind: road_water, path: v}`, `{"v":[1]}`, nil, sensors.ReasonBadField},
		{`{kind: road_water, path: v, scale: 1.0e+300}`, `{"v":1e300}`, nil, sensors.ReasonNotANumber},
		{`{kind: road_water, path: v}`, `{"v":null}`, nil, sensors.ReasonMissingValue},
		{`{kind: road_water, path: [v, w]}`, `{"w":3}`, []float64{3}, ""},
		{`{kind: bin_fill, path: v, words: {full: 100, broken: null}, scale: 2}`, `{"v":"full"}`, []float64{100}, ""},
		{`{kind: bin_fill, path: v, words: {full: 100, broken: null}}`, `{"v":"broken"}`, nil, ""},
		{`{kind: bin_fill, path: v, words: {"2": 100}}`, `{"v":2}`, []float64{100}, ""},
		{`{kind: bin_fill, path: v, words: {true: 100, "false": 0}}`, `{"v":true}`, []float64{100}, ""},
		{`{kind: bin_fill, path: v, words: {true: 100, "false": 0}, scale: 2}`, `{"v":false}`, []float64{0}, ""},
		{`{kind: bin_fill, path: v, words: {"true": null}}`, `{"v":true}`, nil, ""},
		{`{kind: bin_fill, path: v, words: {"yes": 100}}`, `{"v":true}`, nil, sensors.ReasonBadField},
		{`{kind: bin_fill, path: v, scale: 100}`, `{"v":true}`, []float64{100}, ""},
		{`{kind: noise, path: v}`, `{"v":true}`, nil, sensors.ReasonBadField},
		{`{kind: smoke, path: v}`, `{"v":true}`, []float64{1}, ""},
		{`{kind: smoke, path: v}`, `{"v":false}`, nil, ""},
		{`{kind: smoke, path: v}`, `{"v":0}`, nil, ""},
	} {
		r := decode(t, "mappings: [{topics: [a/b], device: {fixed: d}, values: ["+tt.value+"]}]", "a/b", tt.payload)
		var got []float64
		for _, o := range r.Observations {
			got = append(got, o.Value)
		}
		reason := ""
		if len(r.Faults) == 1 {
			reason = r.Faults[0].Reason
		}
		if !cmp.Equal(got, tt.want) || reason != tt.reason {
			t.Errorf("%s of %s: got %v %q, want %v %q", tt.value, tt.payload, got, reason, tt.want, tt.reason)
		}
	}
}

// Budget: 15 µs for five values.
func BenchmarkDecode(b *testing.B) {
	d := decoder()
	for _, m := range codectest.Load(b, "testdata") {
		if m.Name != "tasmota_air.json" {
			continue
		}
		var r sensors.Report
		b.ReportAllocs()
		for b.Loop() {
			r.Reset()
			d.Decode(&r, m.Topic, m.Payload, codectest.Received)
		}
		if len(r.Observations) != 5 {
			b.Fatalf("got %+v", r)
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
	}
}
