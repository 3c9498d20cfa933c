package senml_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/sensors/codec/senml"
)

var received = time.Date(2026, 11, 22, 8, 0, 1, 987_654_321, time.FixedZone("CST", 8*3600))

const (
	byName  = "channels/7/messages"
	byTopic = "site/box-7/senml"
)

func newFormat(t testing.TB) *senml.Format {
	t.Helper()
	c, err := sensors.DefaultCatalog()
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Open("testdata/options.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	opts, err := senml.ReadOptions(file)
	if err != nil {
		t.Fatal(err)
	}
	f, err := senml.New(c, opts)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func decode(t testing.TB, topic, payload string) sensors.Report {
	t.Helper()
	var r sensors.Report
	newFormat(t).Decode(&r, topic, []byte(payload), received)
	return r
}

// render writes a report in one line a thing.
func render(r sensors.Report) string {
	var b strings.Builder
	for _, o := range r.Observations {
		fmt.Fprintf(&b, "%s %s %v at %s", o.Device, o.Kind, o.Value, o.At.Format(time.RFC3339Nano))
		if o.Position.Known() {
			fmt.Fprintf(&b, " %s %v %v", o.Position.Datum, o.Position.LatDegrees, o.Position.LonDegrees)
		}
		if o.ID != "" {
			fmt.Fprintf(&b, " id %s", o.ID)
		}
		fmt.Fprintf(&b, "%s\n", o.Attrs)
	}
	for _, f := range r.Faults {
		fmt.Fprintf(&b, "fault %d %s\n", f.Index, f.Reason)
	}
	for _, h := range r.Health {
		fmt.Fprintf(&b, "health %s at %s", h.Device, h.At.Format(time.RFC3339Nano))
		if h.BatteryPercent != nil {
			fmt.Fprintf(&b, " battery %v", *h.BatteryPercent)
		}
		if h.Position.Known() {
			fmt.Fprintf(&b, " at %v %v", h.Position.LatDegrees, h.Position.LonDegrees)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

const now = "2026-11-22T00:00:01.987654Z"

var cases = []struct {
	name string
	give string
	want string
}{
	{"one record", `[{"n":"box-1:noise","u":"dB","v":57.3}]`, "box-1 noise 57.3 at " + now + "\n"},
	{"base name", `[{"bn":"urn:dev:ow:10e2:","n":"noise","v":50},{"n":"noise","v":51,"t":-60}]`,
		"urn:dev:ow:10e2 noise 50 at " + now + "\nurn:dev:ow:10e2 noise 51 at 2026-11-21T23:59:01.987654Z\n"},
	{"a slash in the name", `[{"n":"yard/7/noise","v":50}]`, "yard~7 noise 50 at " + now + "\n"},
	{"only the rule's name", `[{"n":"noise","v":50}]`, "noise noise 50 at " + now + "\n"},
	{"base time and time", `[{"bn":"d:","bt":1.76e9,"n":"noise","v":50,"t":0.5},{"n":"noise","v":51,"t":-1}]`,
		"d noise 50 at 2025-10-09T08:53:20.5Z\nd noise 51 at 2025-10-09T08:53:19Z\n"},
	{"the last relative time", `[{"n":"d:noise","v":50,"t":268435455}]`, "d noise 50 at 2035-05-25T21:24:16.987654Z\n"},
	{"the first absolute time", `[{"n":"d:noise","v":50,"t":268435456}]`, "d noise 50 at 1978-07-04T21:24:16Z\n"},
	{"base time makes it absolute", `[{"bn":"d:","bt":268435400,"n":"noise","v":50,"t":56}]`, "d noise 50 at 1978-07-04T21:24:16Z\n"},
	{"microseconds", `[{"n":"d:noise","v":50,"t":1320067464.123456}]`, "d noise 50 at 2011-10-31T13:24:24.123456Z\n"},
	{"base value", `[{"bn":"d:","bv":50,"n":"noise","v":7.5},{"n":"noise","v":-1,"t":-1}]`,
		"d noise 57.5 at " + now + "\nd noise 49 at 2026-11-22T00:00:00.987654Z\n"},
	{"base unit and unit", `[{"bn":"d:","bu":"Cel","n":"x","v":21},{"n":"y","u":"K","v":300}]`,
		"d:x temperature 21 at " + now + "\nd:y temperature 26.85 at " + now + "\n"},
	{"unit conversion", `[{"n":"d:water","u":"m","v":0.123},{"n":"d:pressure","u":"Pa","v":101325}]`,
		"d road_water 12.3 at " + now + "\nd pressure 1013.25 at " + now + "\n"},
	{"base fields change on the way", `[{"bn":"a:","n":"noise","v":50},{"bn":"b:","n":"noise","v":51},{"n":"noise","v":52,"t":-1}]`,
		"a noise 50 at " + now + "\nb noise 51 at " + now + "\nb noise 52 at 2026-11-22T00:00:00.987654Z\n"},
	{"boolean true", `[{"n":"d:smoke","vb":true}]`, "d smoke 1 at " + now + "\n"},
	{"boolean false: the event did not happen", `[{"n":"d:smoke","vb":false}]`, ""},
	{"boolean of a measure", `[{"n":"d:crowd","vb":false}]`, "d crowd_count 0 at " + now + "\n"},
	{"boolean of decibels", `[{"n":"d:noise","vb":true}]`, "fault 0 wrong_unit\n"},
	{"word", `[{"n":"d:smoke","vs":"alarm"},{"n":"d:smoke","vs":"quiet"},{"n":"d:smoke","vs":"testing"}]`, "d smoke 1 at " + now + "\nfault 2 bad_field\n"},
	{"data", `[{"n":"d:noise","vd":"aGVsbG8"}]`, "fault 0 bad_field\n"},
	{"sum", `[{"n":"d:a","s":3,"v":1}]`, "d crowd_count 3 at " + now + "\n"},
	{"base sum", `[{"bs":10,"n":"d:a","s":3}]`, "d crowd_count 13 at " + now + "\n"},
	{"sum nobody asked for", `[{"n":"d:noise","s":3}]`, "fault 0 missing_value\n"},
	{"update time", `[{"n":"d:noise","v":50,"ut":60}]`, "d noise 50 at " + now + `{"update_seconds":60}` + "\n"},
	{"unknown field", `[{"n":"d:noise","v":50,"x":[1,{"y":null}],"_z":1}]`, "d noise 50 at " + now + "\n"},
	{"version 10", `[{"bver":10,"n":"d:noise","v":50},{"bver":10,"n":"d:noise","v":51,"t":-1}]`, "d noise 50 at " + now + "\nd noise 51 at 2026-11-22T00:00:00.987654Z\n"},
	{"older version", `[{"bver":5,"n":"d:noise","v":50},{"n":"d:noise","v":51,"t":-1}]`, "d noise 50 at " + now + "\nd noise 51 at 2026-11-22T00:00:00.987654Z\n"},
	{"battery", `[{"bn":"d:","n":"noise","v":50},{"n":"battery","u":"%EL","v":98}]`, "d noise 50 at " + now + "\nhealth d at " + now + " battery 98\n"},
	{"position before the value", `[{"bn":"d:"},{"n":"lat","u":"lat","v":31.2},{"n":"lon","u":"lon","v":121.4},{"n":"noise","v":50}]`,
		"d noise 50 at " + now + " wgs84 31.2 121.4\nfault 0 missing_value\n"},
	{"position alone", `[{"n":"d","u":"lon","v":121.4},{"n":"d","u":"lat","v":31.2}]`, "health d at " + now + " at 31.2 121.4\n"},
	{"half a position", `[{"n":"d","u":"lon","v":121.4},{"n":"d:noise","v":50}]`, "d noise 50 at " + now + "\nfault 0 bad_position\n"},
	{"not on Earth", `[{"n":"d","u":"lat","v":91},{"n":"d","u":"lon","v":121.4}]`, "fault 0 bad_position\nfault 1 bad_position\n"},
	{"ignored", `[{"n":"d:firmware","vs":"2.4"}]`, ""},

	{"unknown name", `[{"n":"d:ufo","u":"lx","v":1}]`, "fault 0 unknown_kind\n"},
	{"the name without a separator", `[{"n":"dnoise","v":1}]`, "fault 0 unknown_kind\n"},
	{"wrong unit", `[{"n":"d:noise","u":"Cel","v":21},{"n":"d:noise","u":"Pa","v":50}]`, "fault 0 wrong_unit\nfault 1 wrong_unit\n"},
	{"unit of no rule", `[{"n":"d:water","u":"Pa","v":21}]`, "fault 0 wrong_unit\n"},
	{"unit that is not of SenML", `[{"n":"d:noise","u":"furlong","v":21}]`, "fault 0 wrong_unit\n"},
	{"no unit", `[{"n":"d:level","v":21}]`, "fault 0 wrong_unit\n"},

	{"no value", `[{"n":"d:noise"},{"n":"d:noise","v":50}]`, "d noise 50 at " + now + "\nfault 0 missing_value\n"},
	{"two values", `[{"n":"d:noise","v":1,"vb":true},{"n":"d:noise","v":50}]`, "d noise 50 at " + now + "\nfault 0 bad_field\n"},
	{"value of the wrong type", `[{"n":"d:noise","v":"1"},{"n":"d:noise","v":null},{"n":"d:noise","vb":1},{"n":"d:noise","vs":1},{"n":"d:noise","vd":1},{"n":"d:noise","vd":"*"},{"n":"d:noise","v":1e999}]`,
		"fault 0 bad_field\nfault 1 bad_field\nfault 2 bad_field\nfault 3 bad_field\nfault 4 bad_field\nfault 5 bad_field\nfault 6 bad_field\n"},
	{"other fields of the wrong type", `[{"n":1,"v":1},{"n":"d","u":1,"v":1},{"n":"d","t":"1","v":1},{"n":"d","s":"1"},{"n":"d","v":1,"ut":"1"}]`,
		"fault 0 bad_field\nfault 1 bad_field\nfault 2 bad_field\nfault 3 bad_field\nfault 4 bad_field\n"},
	{"a field twice", `[{"n":"d:noise","v":1,"v":2},{"n":"d:noise","v":50}]`, "d noise 50 at " + now + "\nfault 0 bad_field\n"},
	{"no name", `[{"v":1},{"n":"","v":1}]`, "fault 0 bad_name\nfault 1 bad_name\n"},
	{"bad names", `[{"n":"-3b","v":1},{"n":"A;b","v":1},{"n":":x","v":1},{"n":"é","v":1},{"n":"a b","v":1},{"n":"d:noise","v":50}]`,
		"d noise 50 at " + now + "\nfault 0 bad_name\nfault 1 bad_name\nfault 2 bad_name\nfault 3 bad_name\nfault 4 bad_name\n"},
	{"bad base name", `[{"bn":"/3h","v":1},{"bn":"d:","n":"noise","v":50}]`, "d noise 50 at " + now + "\nfault 0 bad_name\n"},
	{"not an object", `[7,"x",null,[],{"n":"d:noise","v":50}]`, "d noise 50 at " + now + "\nfault 0 not_object\nfault 1 not_object\nfault 2 not_object\nfault 3 not_object\n"},
	{"time too far", `[{"n":"d:noise","v":1,"t":1e300},{"n":"d:noise","v":1,"t":-1e11}]`, "fault 0 bad_time\nfault 1 bad_time\n"},
	{"a device that is too long", `[{"n":"` + strings.Repeat("x", 129) + `:noise","v":1}]`, "fault 0 bad_device\n"},
	{"a sum that overflows", `[{"bv":1.7e308,"n":"d:noise","v":1.7e308}]`, "fault 0 not_a_number\n"},

	{"empty", ``, "fault -1 empty\n"},
	{"white space", " \n", "fault -1 empty\n"},
	{"no record", `[]`, "fault -1 empty\n"},
	{"garbage", `foo`, "fault -1 bad_json\n"},
	{"cut", `[{"n":"d:noise","v":5`, "fault -1 bad_json\n"},
	{"two packs", `[{"n":"d:noise","v":5}][]`, "fault -1 bad_json\n"},
	{"not an array", `{"n":"hi"}`, "fault -1 not_array\n"},
	{"not UTF-8", "[{\"n\":\"\xff\",\"v\":1}]", "fault -1 invalid_utf8\n"},
	{"too deep", `[{"x":` + strings.Repeat("[", 15) + strings.Repeat("]", 15) + `}]`, "fault -1 too_deep\n"},
	{"bottomless", strings.Repeat("[", 500_000), "fault -1 too_deep\n"},
	{"a field one must know", `[{"n":"d:noise","v":50},{"n":"d:noise","v":50,"x_":1}]`, "fault -1 must_know\n"},
	{"newer version", `[{"bver":11,"n":"d:noise","v":50}]`, "fault -1 bad_version\n"},
	{"two versions", `[{"n":"d:noise","v":50},{"bver":9,"n":"d:noise","v":50}]`, "fault -1 bad_version\n"},
	{"version that is none", `[{"bver":0,"n":"d:noise","v":50}]`, "fault -1 bad_version\n"},
	{"version in text", `[{"bver":"10","n":"d:noise","v":50}]`, "fault -1 bad_version\n"},
	{"version with a fraction", `[{"bver":9.5,"n":"d:noise","v":50}]`, "fault -1 bad_version\n"},
	{"base fields of the wrong type", `[{"n":"d:noise","v":50},{"bt":"0","n":"d:noise","v":50}]`, "fault -1 bad_field\n"},
	{"a base field twice", `[{"bn":"a","bn":"b","v":50}]`, "fault -1 bad_field\n"},
}

func TestFormat_JSON(t *testing.T) {
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			r := decode(t, byName, tt.give)
			if got := render(r); got != tt.want {
				t.Errorf("%.200s\ngot\n%swant\n%s", tt.give, got, tt.want)
			}
			for _, f := range r.Faults {
				if f.Detail == "" || (f.Index >= 0 && !strings.Contains(tt.give, string(f.Raw))) {
					t.Errorf("fault says too little: %+v", f)
				}
			}
		})
	}
}

var numbers = map[string]int{
	"bver": -1, "bn": -2, "bt": -3, "bu": -4, "bv": -5, "bs": -6,
	"n": 0, "u": 1, "v": 2, "vs": 3, "vb": 4, "s": 5, "t": 6, "ut": 7, "vd": 8,
}

// toCBOR writes what a pack in JSON says, false when CBOR has no word for it.
func toCBOR(t testing.TB, text string) ([]byte, bool) {
	t.Helper()
	var pack []any
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	if dec.Decode(&pack) != nil || dec.More() || strings.Contains(text, "1e999") || strings.Contains(text, `"v":1,"v":2`) || strings.Contains(text, `"bn":"a","bn"`) || strings.Contains(text, "\xff") {
		return nil, false
	}
	for i, e := range pack {
		fields, ok := e.(map[string]any)
		if !ok {
			continue
		}
		rec := map[any]any{}
		for name, v := range fields {
			var key any = name
			if n, ok := numbers[name]; ok {
				key = n
			}
			if name == "vd" && v == "aGVsbG8" {
				v = []byte("hello")
			}
			if n, ok := v.(json.Number); ok {
				f, _ := n.Float64()
				if v = any(f); f == math.Trunc(f) && math.Abs(f) < 1e15 {
					v = int64(f)
				}
			}
			rec[key] = v
		}
		pack[i] = rec
	}
	b, err := cbor.Marshal(pack)
	if err != nil {
		t.Fatal(err)
	}
	return b, true
}

func TestFormat_CBORMeansTheSame(t *testing.T) {
	n := 0
	for _, tt := range cases {
		payload, ok := toCBOR(t, tt.give)
		if !ok {
			continue
		}
		n++
		t.Run(tt.name, func(t *testing.T) {
			if got := render(decode(t, byName, string(payload))); got != tt.want {
				t.Errorf("%.200s as %.200x\ngot\n%swant\n%s", tt.give, payload, got, tt.want)
			}
		})
	}
	if n < 40 {
		t.Errorf("only %d cases were tried", n)
	}
}

func marshal(t testing.TB, v any) string {
	t.Helper()
	b, err := cbor.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestFormat_CBOR(t *testing.T) {
	noise := func(v any) map[int]any { return map[int]any{0: "d:noise", 2: v} }
	line := "d noise 57.3 at " + now + "\n"
	for name, tt := range map[string]struct{ give, want string }{
		"decimal fraction":          {marshal(t, []any{noise(cbor.Tag{Number: 4, Content: []int{-1, 573}})}), line},
		"decimal fraction, large":   {marshal(t, []any{noise(cbor.Tag{Number: 4, Content: []int{400, 1}})}), "fault 0 not_a_number\n"},
		"decimal fraction, broken":  {marshal(t, []any{noise(cbor.Tag{Number: 4, Content: []int{1}})}), "fault 0 bad_field\n"},
		"indefinite":                {"\x9f" + marshal(t, noise(57.3)) + "\xff", line},
		"indefinite, empty":         {"\x9f\xff", "fault -1 empty\n"},
		"self described":            {"\xd9\xd9\xf7" + marshal(t, []any{noise(57.3)}), line},
		"a long head":               {"\x9b\x00\x00\x00\x00\x00\x00\x00\x01" + marshal(t, noise(57.3)), line},
		"NaN":                       {marshal(t, []any{noise(math.NaN())}), "fault 0 not_a_number\n"},
		"time NaN":                  {marshal(t, []any{map[int]any{0: "d:noise", 2: 1, 6: math.NaN()}}), "fault 0 not_a_number\n"},
		"version as a float":        {marshal(t, []any{map[int]any{-1: 10.0, 0: "d:noise", 2: 57.3}}), "fault -1 bad_version\n"},
		"data as text":              {marshal(t, []any{map[int]any{0: "d:noise", 8: "aGVsbG8"}}), "fault 0 bad_field\n"},
		"text labels are extension": {marshal(t, []any{map[string]any{"n": "d:noise", "v": 1}}), "fault 0 bad_name\n"},
		"unknown number":            {marshal(t, []any{map[int]any{0: "d:noise", 2: 57.3, 99: "x"}}), line},
		"a label twice":             {"\x81\xa3\x00\x67d:noise\x02\x01\x02\x02", "fault -1 bad_field\n"},
		"name is not UTF-8":         {"\x81\xa2\x00\x61\xff\x02\x01", "fault 0 bad_field\n"},
		"a map":                     {marshal(t, noise(1)), "fault -1 not_array\n"},
		"cut":                       {marshal(t, []any{noise(57.3)})[:12], "fault -1 bad_encoding\n"},
		"more after it":             {marshal(t, []any{noise(57.3)}) + "\x00", "fault -1 bad_encoding\n"},
		"promises more":             {"\x9b\xff\xff\xff\xff\xff\xff\xff\xff", "fault -1 bad_encoding\n"},
		"bottomless":                {strings.Repeat("\x81", 100_000) + "\x00", "fault -1 too_deep\n"},
	} {
		if got := render(decode(t, byName, tt.give)); got != tt.want {
			t.Errorf("%s: %.80x\ngot\n%swant\n%s", name, tt.give, got, tt.want)
		}
	}
}

func TestFormat_DeviceFromTheTopic(t *testing.T) {
	r := decode(t, byTopic, `[{"bn":"room1/","n":"noise","v":50},{"bn":"room2/","n":"noise","v":51},{"u":"lat","n":"x","v":31.2},{"u":"lon","n":"y","v":121.4}]`)
	if len(r.Observations) != 2 || len(r.Faults) != 0 {
		t.Fatalf("got %s", render(r))
	}
	a, b := r.Observations[0], r.Observations[1]
	if a.Device != "box-7" || b.Device != "box-7" || a.ID == b.ID || a.ID == "" || !a.Position.Known() {
		t.Errorf("two rooms of one box must stay two observations: %+v, %+v", a, b)
	}
	long := decode(t, byTopic, `[{"n":"`+strings.Repeat("x", 200)+`:noise","v":50}]`)
	if len(long.Observations) != 1 || len(long.Observations[0].ID) > sensors.MaxIDBytes || long.Observations[0].ID == "" {
		t.Errorf("got %+v", long)
	}
	if bad := decode(t, "site//senml", `[{"n":"noise","v":50}]`); render(bad) != "fault -1 bad_device\n" {
		t.Errorf("got %s", render(bad))
	}
}

func TestFormat_AcceptsWhatAFilterMatches(t *testing.T) {
	catalog, err := sensors.DefaultCatalog()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		filter, topic string
		want          bool
	}{
		{"a/b", "a/b", true}, {"a/b", "a/b/c", false}, {"a/b", "a", false},
		{"a/#", "a", true}, {"a/#", "a/b/c", true}, {"a/#", "ab", false},
		{"+/b", "/b", true}, {"+/b", "x/b", true}, {"+", "a/b", false},
		{"#", "$SYS/x", false}, {"+/x", "$SYS/x", false}, {"$SYS/#", "$SYS/x", true}, {"a/+/c", "a//c", true}, {"/a", "a", false},
	} {
		f, err := senml.New(catalog, senml.Options{Topics: []senml.Topic{{Filter: tt.filter}}})
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Accepts(tt.topic); got != tt.want {
			t.Errorf("%q matches %q: %v", tt.filter, tt.topic, got)
		}
	}
	if newFormat(t).Accepts("urbangrid/v1/d/obs") || newFormat(t).Name() != "senml" {
		t.Error("accepts what is not configured")
	}
}

func TestNew_ReportsEveryFault(t *testing.T) {
	catalog, err := sensors.DefaultCatalog()
	if err != nil {
		t.Fatal(err)
	}
	_, err = senml.New(catalog, senml.Options{
		Topics: []senml.Topic{{}, {Filter: "a/#/b"}, {Filter: "a/b+"}, {Filter: "a/#", DeviceLevel: 2}},
		Rules:  []senml.Rule{{Kind: "noise"}, {Name: "x", Kind: "ufo"}, {Name: "x", Unit: "Cel", Kind: "noise"}, {Name: "x", Assume: "parsec", Kind: "noise"}},
	})
	for i := 1; i <= 4; i++ {
		for _, what := range []string{"senml topic %d ", "senml rule %d "} {
			if want := fmt.Sprintf(what, i); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("no fault of %s: %v", want, err)
			}
		}
	}
	if _, err := senml.ReadOptions(strings.NewReader("rulez: []")); err == nil {
		t.Error("a misspelt field is read")
	}
	if o, err := senml.ReadOptions(strings.NewReader("")); err != nil || len(o.Topics) != 0 {
		t.Errorf("nothing is not the zero Options: %v, %v", o, err)
	}
}

func TestFormat_TellsWhatItIgnores(t *testing.T) {
	catalog, err := sensors.DefaultCatalog()
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	f, err := senml.New(catalog, senml.Options{
		Topics:  []senml.Topic{{Filter: "#"}},
		Rules:   []senml.Rule{{Name: "smoke", Kind: "smoke"}, {Name: "x", Ignore: true}},
		Ignored: func(reason string) { told = append(told, reason) },
	})
	if err != nil {
		t.Fatal(err)
	}
	var r sensors.Report
	f.Decode(&r, "a", []byte(`[{"n":"d:smoke","vb":false},{"n":"d:x","vs":"y"},{"n":"d:smoke","vb":true}]`), received)
	if !slices.Equal(told, []string{senml.IgnoredNotHappened, senml.IgnoredByRule}) || len(r.Observations) != 1 || len(r.Faults) != 0 {
		t.Errorf("told %v, got %s", told, render(r))
	}
}

func TestFormat_BoundsThePack(t *testing.T) {
	records := func(n int) string {
		return "[" + strings.TrimSuffix(strings.Repeat(`{"n":"d:noise","v":50},`, n), ",") + "]"
	}
	if r := decode(t, byName, records(senml.MaxRecords)); len(r.Observations) != senml.MaxRecords {
		t.Errorf("largest pack: %d observations, %v", len(r.Observations), r.Faults)
	}
	large, _ := toCBOR(t, records(senml.MaxRecords+1))
	for _, give := range []string{records(senml.MaxRecords + 1), string(large), strings.Repeat(" ", senml.MaxPayloadBytes+1)} {
		if got := render(decode(t, byName, give)); got != "fault -1 too_large\n" {
			t.Errorf("got %.100s", got)
		}
	}
}

// golden are the inputs of this package and, where they are, the shared ones.
func golden(t testing.TB) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, pattern := range []string{"testdata/*json", "../../../../shared/payloads/senml*json"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			out[name] = string(b)
		}
	}
	return out
}

func TestFormat_Golden(t *testing.T) {
	moving := `urn:dev:ow:10e2073a01080063 bin_fill 20 at 2011-10-31T13:24:24Z wgs84 60.07965 24.30621
urn:dev:ow:10e2073a01080063 bin_fill 20.3 at 2011-10-31T13:25:24Z wgs84 60.07965 24.30622
urn:dev:ow:10e2073a01080063 bin_fill 20.7 at 2011-10-31T13:26:24Z wgs84 60.07966 24.30623
urn:dev:ow:10e2073a01080063 bin_fill 21.2 at 2011-10-31T13:27:24Z wgs84 60.07967 24.30628
health urn:dev:ow:10e2073a01080063 at 2011-10-31T13:26:54Z battery 98
`
	want := map[string]string{
		"moving.json":              moving,
		"senml_rfc8428_multi.json": moving,
		"senml_resolved.json":      "urn:dev:ow:10e2073a01080063 temperature 23.1 at " + now + "\n",
		"senml_sum_only.json":      "a crowd_count 1 at " + now + "\n",
	}
	n := 0
	for name, payload := range golden(t) {
		w, ok := want[filepath.Base(name)]
		if !ok {
			continue
		}
		n++
		if got := render(decode(t, byName, payload)); got != w {
			t.Errorf("%s: got\n%swant\n%s", name, got, w)
		}
	}
	if n == 0 {
		t.Error("no golden payload was found")
	}
}

func TestFormat_RefusesEveryInvalidDocument(t *testing.T) {
	want := []string{"-1 bad_json", "-1 not_array", "0 missing_value", "0 bad_name", "0 bad_name", "0 bad_name", "0 bad_name"}
	n := 0
	for name, text := range golden(t) {
		if !strings.HasSuffix(name, "invalid.ndjson") {
			continue
		}
		n++
		var got []string
		for line := range strings.Lines(text) {
			r := decode(t, byName, strings.TrimSpace(line))
			if len(r.Observations) != 0 || len(r.Faults) != 1 {
				t.Errorf("%s: got %s", line, render(r))
				continue
			}
			got = append(got, fmt.Sprint(r.Faults[0].Index, " ", r.Faults[0].Reason))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
	if n == 0 {
		t.Error("no invalid documents were found")
	}
}
