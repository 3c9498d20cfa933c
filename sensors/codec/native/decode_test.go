package native_test

import (
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/sensors/codec/native"
)

var update = flag.Bool("update", false, "rewrite golden files")

var received = time.Date(2026, 11, 22, 8, 0, 1, 987_654_321, time.FixedZone("CST", 8*3600))

func newDecoder(t testing.TB) *native.Decoder {
	t.Helper()
	c, err := sensors.DefaultCatalog()
	if err != nil {
		t.Fatal(err)
	}
	return native.NewDecoder(c)
}

func TestDecoder_ReadsEveryField(t *testing.T) {
	obs, faults := newDecoder(t).Decode(nil, "noise-0042", []byte(example), received)
	if len(faults) != 0 || len(obs) != 1 {
		t.Fatalf("got %v, faults %v", obs, faults)
	}
	want := sensors.Observation{
		Device:   "noise-0042",
		Kind:     "noise",
		Value:    57.3,
		At:       time.Date(2026, 11, 22, 8, 0, 0, 123_000_000, time.UTC),
		Received: time.Date(2026, 11, 22, 0, 0, 1, 987_654_000, time.UTC),
		ID:       "b2c1-0042",
		Position: sensors.Position{LatDegrees: 31.2498, LonDegrees: 121.3955, Datum: sensors.WGS84},
		Attrs:    `{"battery_volts":3.61,"firmware":"2.4.1"}`,
	}
	if obs[0] != want {
		t.Errorf("got  %+v\nwant %+v", obs[0], want)
	}
}

// deep nests arrays so that the observation is n deep.
func deep(n int) string {
	return `{"kind":"noise","value":1,"x":` + strings.Repeat("[", n-1) + strings.Repeat("]", n-1) + `}`
}

var elementCases = []struct {
	name   string
	give   string
	reason string // "" when it is an observation
}{
	{"all white space", " \t\r\n{ \"kind\" : \"noise\" , \"value\" : 1 }\n", ""},
	{"event without value", `{"kind":"stall"}`, ""},
	{"unknown kind without value", `{"kind":"ufo"}`, ""},
	{"unknown field", `{"kind":"noise","value":1,"x":[{"y":null},"\ud83d\ude00",1e999]}`, ""},
	{"escaped names and values", `{"\u006bind":"no\u0069se","v\u0061lue":1,"id":"\ud83d\ude00\/\"\\\b\f\n\r\t"}`, ""},
	{"half a surrogate", `{"kind":"noise","value":1,"id":"\ud83d\ud83d\ude00\udc00"}`, ""},
	{"nulls count as left out", `{"kind":"stall","value":null,"time":null,"lat":null,"lon":null,"datum":null,"id":null,"attrs":null}`, ""},
	{"last of equal names", `{"kind":7,"kind":"noise","value":"x","value":2,"time":"never","time":1763798400000}`, ""},
	{"last of equal names is null", `{"kind":"noise","value":2,"value":null}`, sensors.ReasonMissingValue},
	{"names are exact", `{"kind":"noise","Value":1}`, sensors.ReasonMissingValue},
	{"deepest allowed", deep(native.MaxDepth), ""},
	{"too deep", deep(native.MaxDepth + 1), sensors.ReasonTooDeep},
	{"no field", `{}`, sensors.ReasonMissingKind},
	{"kind null", `{"kind":null,"value":1}`, sensors.ReasonMissingKind},
	{"kind number", `{"kind":3,"value":1}`, sensors.ReasonBadField},
	{"kind with capitals", `{"kind":"Noise","value":1}`, sensors.ReasonBadField},
	{"kind empty", `{"kind":"","value":1}`, sensors.ReasonBadField},
	{"measure without value", `{"kind":"noise"}`, sensors.ReasonMissingValue},
	{"value true", `{"kind":"smoke","value":true}`, ""},
	{"value false", `{"kind":"smoke","value":false}`, ""},
	{"value string", `{"kind":"noise","value":"57"}`, sensors.ReasonBadField},
	{"value object", `{"kind":"noise","value":{}}`, sensors.ReasonBadField},
	{"value too large", `{"kind":"noise","value":1e400}`, sensors.ReasonBadField},
	{"value exponent", `{"kind":"noise","value":-1.5E+2}`, ""},
	{"value minus zero", `{"kind":"noise","value":-0}`, ""},
	{"value tiny", `{"kind":"noise","value":5e-324}`, ""},
	{"value long", `{"kind":"noise","value":0.1000000000000000055511151231257827}`, ""},
	{"value hard to round", `{"kind":"noise","value":9007199254740993}`, ""},
	{"value 16 digits", `{"kind":"noise","value":9007199254740.99}`, ""},
	{"time without zone", `{"kind":"stall","time":"2026-11-22T08:00:00"}`, sensors.ReasonBadTime},
	{"time with offset", `{"kind":"stall","time":"2026-11-22T08:00:00.1234567+08:00"}`, ""},
	{"time before the epoch", `{"kind":"stall","time":"1969-12-31T23:59:59.9999999Z"}`, ""},
	{"time leap day", `{"kind":"stall","time":"2024-02-29T00:00:00Z"}`, ""},
	{"time no leap day", `{"kind":"stall","time":"2100-02-29T00:00:00Z"}`, sensors.ReasonBadTime},
	{"time day 31", `{"kind":"stall","time":"2026-11-31T00:00:00Z"}`, sensors.ReasonBadTime},
	{"time hour 24", `{"kind":"stall","time":"2026-11-22T24:00:00Z"}`, sensors.ReasonBadTime},
	{"time offset 24", `{"kind":"stall","time":"2026-11-22T08:00:00+24:00"}`, sensors.ReasonBadTime},
	{"time lower case", `{"kind":"stall","time":"2026-11-22t08:00:00z"}`, sensors.ReasonBadTime},
	{"time with a comma", `{"kind":"stall","time":"2026-11-22T08:00:00,5Z"}`, sensors.ReasonBadTime},
	{"time with an empty fraction", `{"kind":"stall","time":"2026-11-22T08:00:00.Z"}`, sensors.ReasonBadTime},
	{"time fraction of a millisecond", `{"kind":"stall","time":1763798400000.5}`, sensors.ReasonBadTime},
	{"time exponent", `{"kind":"stall","time":1e12}`, sensors.ReasonBadTime},
	{"time negative", `{"kind":"stall","time":-1}`, ""},
	{"time in nanoseconds", `{"kind":"stall","time":1763798400000000000}`, sensors.ReasonBadTime},
	{"time boolean", `{"kind":"stall","time":true}`, sensors.ReasonBadTime},
	{"lat alone", `{"kind":"stall","lat":31}`, sensors.ReasonBadPosition},
	{"lon alone", `{"kind":"stall","lon":121,"lat":null}`, sensors.ReasonBadPosition},
	{"lat too far", `{"kind":"stall","lat":90.1,"lon":121}`, sensors.ReasonBadPosition},
	{"lon too far", `{"kind":"stall","lat":31,"lon":-180.5}`, sensors.ReasonBadPosition},
	{"poles", `{"kind":"stall","lat":-90,"lon":180}`, ""},
	{"lat string", `{"kind":"stall","lat":"31","lon":121}`, sensors.ReasonBadField},
	{"datum gcj02", `{"kind":"stall","lat":31,"lon":121,"datum":"gcj02"}`, ""},
	{"datum alone", `{"kind":"stall","datum":"bd09"}`, ""},
	{"datum unknown", `{"kind":"stall","lat":31,"lon":121,"datum":"WGS84"}`, sensors.ReasonBadField},
	{"datum number", `{"kind":"stall","datum":4326}`, sensors.ReasonBadField},
	{"id empty", `{"kind":"stall","id":""}`, sensors.ReasonBadField},
	{"id number", `{"kind":"stall","id":7}`, sensors.ReasonBadField},
	{"id longest", `{"kind":"stall","id":"` + strings.Repeat("é", 64) + `"}`, ""},
	{"id too long", `{"kind":"stall","id":"` + strings.Repeat("é", 64) + `x"}`, sensors.ReasonTooLarge},
	{"attrs empty", `{"kind":"stall","attrs":{ }}`, ""},
	{"attrs made compact", `{"kind":"stall","attrs":{ "a b" : [ 1 , "x \" y" ] , "a b" : {} }}`, ""},
	{"attrs array", `{"kind":"stall","attrs":[]}`, sensors.ReasonBadField},
	{"attrs largest", `{"kind":"stall","attrs": {"x" : "` + strings.Repeat("x", native.MaxAttrsBytes-8) + `"}}`, ""},
	{"attrs too large", `{"kind":"stall","attrs":{"x":"` + strings.Repeat("x", native.MaxAttrsBytes-7) + `"}}`, sensors.ReasonTooLarge},
	{"a number", `5`, sensors.ReasonNotObject},
	{"a string", `"kind"`, sensors.ReasonNotObject},
	{"null", `null`, sensors.ReasonNotObject},
}

func TestDecoder_Elements(t *testing.T) {
	d := newDecoder(t)
	for _, tt := range elementCases {
		t.Run(tt.name, func(t *testing.T) {
			obs, faults := d.Decode(nil, "d", []byte(tt.give), received)
			if tt.reason == "" {
				if len(obs) != 1 || len(faults) != 0 {
					t.Fatalf("%s\ngot %d observations, faults %v", tt.give, len(obs), faults)
				}
				return
			}
			if len(obs) != 0 || len(faults) != 1 {
				t.Fatalf("%s\ngot %v, faults %v", tt.give, obs, faults)
			}
			if f := faults[0]; f.Reason != tt.reason || f.Index != 0 || f.Detail == "" || string(f.Raw) != tt.give {
				t.Errorf("%s\ngot %+v, want reason %s", tt.give, f, tt.reason)
			}
			if !slices.Contains(sensors.Reasons(), faults[0].Reason) {
				t.Errorf("reason %s is not one of the closed set", faults[0].Reason)
			}
		})
	}
}

var messageCases = []struct {
	name   string
	give   string
	reason string
}{
	{"nothing", "", sensors.ReasonEmpty},
	{"white space", " \n", sensors.ReasonEmpty},
	{"empty array", "[ ]", sensors.ReasonEmpty},
	{"text", "hello", sensors.ReasonBadJSON},
	{"cut object", `{"kind":"noise","value":5`, sensors.ReasonBadJSON},
	{"cut string", `{"kind":"noi`, sensors.ReasonBadJSON},
	{"cut escape", `{"kind":"noise\u00`, sensors.ReasonBadJSON},
	{"cut name", `{"kind`, sensors.ReasonBadJSON},
	{"cut after a name", `{"kind"`, sensors.ReasonBadJSON},
	{"cut after a colon", `{"kind":`, sensors.ReasonBadJSON},
	{"cut word", `{"kind":tru`, sensors.ReasonBadJSON},
	{"cut array", `[{"kind":"stall"}`, sensors.ReasonBadJSON},
	{"no comma", `[{"kind":"stall"}{"kind":"stall"}]`, sensors.ReasonBadJSON},
	{"comma at the end of an array", `[{"kind":"stall"},]`, sensors.ReasonBadJSON},
	{"comma at the end of an object", `{"kind":"stall",}`, sensors.ReasonBadJSON},
	{"comma at the end of an inner object", `{"kind":"stall","x":{"a":1,}}`, sensors.ReasonBadJSON},
	{"two messages", `{"kind":"stall"} {"kind":"stall"}`, sensors.ReasonBadJSON},
	{"name without quotes", `{kind:"stall"}`, sensors.ReasonBadJSON},
	{"leading zero", `{"kind":"noise","value":05}`, sensors.ReasonBadJSON},
	{"leading plus", `{"kind":"noise","value":+5}`, sensors.ReasonBadJSON},
	{"leading point", `{"kind":"noise","value":.5}`, sensors.ReasonBadJSON},
	{"trailing point", `{"kind":"noise","value":5.}`, sensors.ReasonBadJSON},
	{"empty exponent", `{"kind":"noise","value":5e+}`, sensors.ReasonBadJSON},
	{"minus alone", `{"kind":"noise","value":-}`, sensors.ReasonBadJSON},
	{"not a number", `{"kind":"noise","value":NaN}`, sensors.ReasonBadJSON},
	{"control character", "{\"kind\":\"noi\tse\"}", sensors.ReasonBadJSON},
	{"escape of another language", `{"kind":"noi\x73e"}`, sensors.ReasonBadJSON},
	{"byte order mark", "\ufeff{\"kind\":\"stall\"}", sensors.ReasonBadJSON},
	{"zero byte", "{\"kind\":\"stall\"}\x00", sensors.ReasonBadJSON},
	{"not UTF-8", "{\"kind\":\"stall\",\"id\":\"\xff\"}", sensors.ReasonInvalidUTF8},
	{"bottomless", strings.Repeat("[", 100_000), sensors.ReasonTooDeep},
	{"a good element before the break", `[{"kind":"stall"},{"kind":}]`, sensors.ReasonBadJSON},
}

func TestDecoder_BrokenMessagesAreOneFault(t *testing.T) {
	d := newDecoder(t)
	before := []sensors.Observation{{Device: "before"}}
	for _, tt := range messageCases {
		t.Run(tt.name, func(t *testing.T) {
			obs, faults := d.Decode(before, "d", []byte(tt.give), received)
			if len(obs) != 1 || obs[0].Device != "before" || len(faults) != 1 {
				t.Fatalf("got %v, faults %v", obs, faults)
			}
			if f := faults[0]; f.Reason != tt.reason || f.Index != sensors.WholeMessage || f.Detail == "" || string(f.Raw) != tt.give {
				t.Errorf("got %s (index %d): %s, want %s", f.Reason, f.Index, f.Detail, tt.reason)
			}
		})
	}
}

func TestDecoder_GoodElementsSurviveBadOnes(t *testing.T) {
	give := `[{"kind":"noise","value":1},7,{"kind":"noise"},{"kind":"noise","value":2},` + deep(20) + `,{"kind":"stall"}]`
	obs, faults := newDecoder(t).Decode(nil, "d", []byte(give), received)
	var values []float64
	for _, o := range obs {
		values = append(values, o.Value)
	}
	if !slices.Equal(values, []float64{1, 2, 1}) {
		t.Errorf("values %v, want [1 2 1]", values)
	}
	var got []string
	for _, f := range faults {
		got = append(got, fmt.Sprint(f.Index, " ", f.Reason))
	}
	if want := []string{"1 not_object", "2 missing_value", "4 too_deep"}; !slices.Equal(got, want) {
		t.Errorf("faults %v, want %v", got, want)
	}
}

func TestDecoder_BoundsTheMessage(t *testing.T) {
	d := newDecoder(t)
	array := func(n int) []byte {
		return []byte("[" + strings.TrimSuffix(strings.Repeat(`{"kind":"stall"},`, n), ",") + "]")
	}
	if obs, faults := d.Decode(nil, "d", array(native.MaxElements), received); len(obs) != native.MaxElements || len(faults) != 0 {
		t.Errorf("largest array: %d observations, %v", len(obs), faults)
	}
	for name, payload := range map[string][]byte{
		"array":   array(native.MaxElements + 1),
		"payload": []byte(`{"kind":"stall","x":"` + strings.Repeat("x", native.MaxPayloadBytes) + `"}`),
	} {
		obs, faults := d.Decode(nil, "d", payload, received)
		if len(obs) != 0 || len(faults) != 1 || faults[0].Reason != sensors.ReasonTooLarge || faults[0].Index != sensors.WholeMessage {
			t.Errorf("%s over the limit: %d observations, %d faults", name, len(obs), len(faults))
		}
	}
}

func TestDecoder_KeepsNothingOfThePayload(t *testing.T) {
	payload := []byte(strings.Replace(example, "noise", "some_new_kind", 1))
	obs, _ := newDecoder(t).Decode(nil, "d", payload, received)
	clear(payload)
	if o := obs[0]; o.Kind != "some_new_kind" || o.ID != "b2c1-0042" || !strings.Contains(o.Attrs, "2.4.1") {
		t.Errorf("observation changed with the payload: %+v", o)
	}
}

func TestDecoder_RoundsTheReceivedTimeDown(t *testing.T) {
	obs, _ := newDecoder(t).Decode(nil, "d", []byte(`{"kind":"stall"}`), time.Now())
	o := obs[0]
	if o.At != o.Received || o.At.Location() != time.UTC || o.At.Nanosecond()%1000 != 0 {
		t.Errorf("got %v and %v", o.At, o.Received)
	}
}

func TestDecoder_Golden(t *testing.T) {
	files, err := filepath.Glob("testdata/golden/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden payloads: %v", err)
	}
	d := newDecoder(t)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			payload, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := render(d.Decode(nil, "d", payload, received))
			golden := strings.TrimSuffix(file, ".json") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func render(obs []sensors.Observation, faults []sensors.Fault) string {
	var b strings.Builder
	for _, o := range obs {
		fmt.Fprintf(&b, "%s %v at %s", o.Kind, o.Value, o.At.Format(time.RFC3339Nano))
		if o.Position.Known() {
			fmt.Fprintf(&b, " %s %v %v", o.Position.Datum, o.Position.LatDegrees, o.Position.LonDegrees)
		}
		if o.ID != "" {
			fmt.Fprintf(&b, " id %q", o.ID)
		}
		if o.Attrs != "" {
			fmt.Fprintf(&b, " attrs %s", o.Attrs)
		}
		b.WriteByte('\n')
	}
	for _, f := range faults {
		fmt.Fprintf(&b, "fault %d %s: %s\n", f.Index, f.Reason, f.Detail)
	}
	return b.String()
}

func TestDecoder_ReadsDecimalsExactly(t *testing.T) {
	d := newDecoder(t)
	for _, tt := range []struct {
		text string
		want float64
	}{
		{"57.3", 57.3}, {"0.1", 0.1}, {"-0.0", math.Copysign(0, -1)}, {"123456789012.345", 123456789012.345},
		{"9007199254740992", 9007199254740992}, {"9007199254740993", 9007199254740992}, {"1.7976931348623157e308", math.MaxFloat64},
		{"0.30000000000000004", 0.30000000000000004}, {"1e23", 1e23}, {"900719925474099.3", 900719925474099.3},
	} {
		obs, faults := d.Decode(nil, "d", []byte(`{"kind":"noise","value":`+tt.text+`}`), received)
		if len(faults) != 0 || math.Float64bits(obs[0].Value) != math.Float64bits(tt.want) {
			t.Errorf("%s: got %v, %v", tt.text, obs, faults)
		}
	}
}
