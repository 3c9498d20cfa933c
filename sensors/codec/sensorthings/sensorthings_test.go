package sensorthings_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/sensors/codec/codectest"
	"github.com/urbangrid/urbangrid/sensors/codec/sensorthings"
)

var catalog = sync.OnceValue(func() *sensors.Catalog {
	c, err := sensors.DefaultCatalog()
	if err != nil {
		panic(err)
	}
	return c
})

func decoder(opts sensorthings.Options) *sensorthings.Decoder {
	d, err := sensorthings.NewDecoder(catalog(), opts)
	if err != nil {
		panic(err)
	}
	return d
}

func options() sensorthings.Options {
	return sensorthings.Options{Datastreams: map[string]sensorthings.Datastream{
		"1":     {Device: "noise-1", Values: []sensorthings.Value{{Kind: "noise", Unit: "dB"}}},
		"bin-3": {Device: "bin-3", Values: []sensorthings.Value{{Kind: "bin_fill", Words: map[string]float64{"empty": 0, "full": 100}}}},
		"3":     {Device: "smoke-3", Values: []sensorthings.Value{{Kind: "smoke"}}},
		"4": {Device: "air-4", Datum: "gcj02", Values: []sensorthings.Value{
			{Kind: "temperature", Path: "air.t", Unit: "K"}, {Kind: "pressure", Path: "p", Unit: "Pa"},
		}},
	}}
}

func seeds(t testing.TB) []codectest.Message {
	return append(codectest.Load(t, "testdata"), codectest.Shared(t, "sensorthings")...)
}

func decode(d sensors.Format, topic, payload string) sensors.Report {
	var r sensors.Report
	d.Decode(&r, topic, []byte(payload), codectest.Received)
	return r
}

func TestDecoder_KeepsThePromises(t *testing.T) {
	for name, opts := range map[string]func() sensorthings.Options{
		"unconfigured": func() sensorthings.Options { return sensorthings.Options{} },
		"configured":   options,
		"small":        func() sensorthings.Options { o := options(); o.MaxEchoes = 1; return o },
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
	codectest.Golden(t, decoder(options()), "testdata", codectest.Load(t, "testdata"))
}

func TestParseTopic_FindsTheDatastream(t *testing.T) {
	for _, tt := range []struct {
		topic, datastream string
		multi, ok         bool
	}{
		{"v1.1/Datastreams(1)/Observations", "1", false, true},
		{"v1.0/Datastreams('a''b')/Observations", "a'b", false, true},
		{"v1.1/Things(7)/Datastreams(2)/Observations", "2", false, true},
		{"v1.1/Observations", "", false, true},
		{"v1.1/MultiDatastreams(2)/Observations", "2", true, true},
		{"v1.1/Datastreams(1)/Observations(5)", "", false, false},
		{"v1.1/Datastreams(1)", "", false, false},
		{"v1.2/Datastreams(1)/Observations", "", false, false},
		{"v1.1/Observedstreams/Observations", "", false, false},
		{"v1.1/xDatastreams(1)/Observations", "", false, false},
	} {
		got, ok := sensorthings.ParseTopic(tt.topic)
		if ok != tt.ok || ok && (got.Datastream != tt.datastream || got.Multi != tt.multi) {
			t.Errorf("%s: %+v, %v", tt.topic, got, ok)
		}
	}
}

func TestDecoder_PrefixNeedsNoFinalSlash(t *testing.T) {
	for _, prefix := range []string{"frost", "frost/"} {
		d := decoder(sensorthings.Options{Prefix: prefix})
		if !d.Accepts("frost/v1.1/Observations") || d.Accepts("v1.1/Observations") || d.Accepts("frostv1.1/Observations") {
			t.Errorf("prefix %q", prefix)
		}
	}
}

// identity is what ingest tells duplicates by.
func identity(o sensors.Observation) string {
	if o.ID != "" {
		return string(o.Device) + "/" + o.ID
	}
	return fmt.Sprint(o.Device, o.Kind, o.At.UnixMicro())
}

func TestDecoder_CountsACreationAndItsEchoOnce(t *testing.T) {
	const topic = "v1.1/Datastreams(1)/Observations"
	const created = `{"result":49,"phenomenonTime":"2020-10-11T12:13:14+02:00"}`
	const echo = `{"phenomenonTime":"2020-10-11T10:13:14Z","result":49,"@iot.id":5}`
	const chosen = `{"result":50,"phenomenonTime":"2020-10-11T12:13:15Z","@iot.id":"mine"}`
	const precise = `{"result":49.50,"phenomenonTime":"2020-10-11T12:13:14Z"}`
	const shorter = `{"result":49.5,"phenomenonTime":"2020-10-11T12:13:14.000Z","@iot.id":7}`
	const another = `{"phenomenonTime":"2020-10-11T10:14:14Z","result":49,"@iot.id":6}`
	for name, tt := range map[string]struct {
		messages []string
		want     int
	}{
		"the server chose the id":   {[]string{created, echo}, 1},
		"the echo comes twice":      {[]string{created, echo, echo}, 1},
		"both come twice":           {[]string{created, created, echo, echo}, 1},
		"the sender chose the id":   {[]string{chosen, chosen}, 1},
		"made elsewhere":            {[]string{echo, echo}, 1},
		"two observations, alike":   {[]string{created, echo, another}, 2},
		"the server writes it anew": {[]string{precise, shorter}, 1},
		"another value, other time": {[]string{created, chosen}, 2},
	} {
		d := decoder(options())
		seen := make(map[string]bool)
		for _, m := range tt.messages {
			for _, o := range decode(d, topic, m).Observations {
				seen[identity(o)] = true
			}
		}
		if len(seen) != tt.want {
			t.Errorf("%s: counts %d, want %d: %v", name, len(seen), tt.want, seen)
		}
	}
}

func TestDecoder_RemembersABoundedNumberOfCreations(t *testing.T) {
	opts := options()
	opts.MaxEchoes = 2
	d := decoder(opts)
	at := func(second int, id string) string {
		r := decode(d, "v1.1/Datastreams(1)/Observations", fmt.Sprintf(`{"result":49,"phenomenonTime":"2020-10-11T10:13:%02dZ"%s}`, second, id))
		return r.Observations[0].ID
	}
	for i := range 5 {
		at(i, "")
	}
	if got := [3]string{at(2, `,"@iot.id":2`), at(3, `,"@iot.id":3`), at(4, `,"@iot.id":4`)}; got != [3]string{"2", "", ""} {
		t.Errorf("ids of echoes are %q, want that of a forgotten creation and none for the newest two", got)
	}
}

func TestNewDecoder_NamesEveryFault(t *testing.T) {
	_, err := sensorthings.NewDecoder(catalog(), sensorthings.Options{
		Prefix: "frost/#", MaxEchoes: -1,
		MultiDatastreams: map[string]sensorthings.Datastream{"3": {Device: "d"}},
		Datastreams: map[string]sensorthings.Datastream{
			"1": {Device: "x/y", Datum: "mars"},
			"2": {Device: "d", Values: []sensorthings.Value{{Kind: "unicorn"}, {Kind: "noise", Unit: "mm"}, {Kind: "noise"}}},
		},
	})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"prefix", "max_echoes", "x/y", "mars", "no values", "multi-datastream 3", "unicorn", "value 2: unit", "value 3: kind noise is there twice"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in:\n%v", want, err)
		}
	}
}

// Budget: 5 µs for a notification.
func BenchmarkDecode(b *testing.B) {
	d := decoder(options())
	for _, m := range codectest.Load(b, "testdata") {
		if m.Name != "notify.json" {
			continue
		}
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
	}
}
