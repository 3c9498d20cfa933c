package sensors_test

import (
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/sensors"
)

func defaultCatalog(t testing.TB) *sensors.Catalog {
	t.Helper()
	c, err := sensors.DefaultCatalog()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func readCatalog(t testing.TB, text string) *sensors.Catalog {
	t.Helper()
	c, err := sensors.ReadCatalog(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// entry is a kind without a fault, as one entry of a file.
func entry(key, unit, typ string) string {
	return `
  - key: ` + key + `
    names: {zh: 名, en: name}
    type: ` + typ + `
    unit: "` + unit + `"
    unit_label: {zh: 单位, en: unit}
    range: [1, 100]
    scale: [1, 50]
    bad: high
`
}

func TestDefaultCatalog_KnowsWhatTheDemonstrationSends(t *testing.T) {
	c := defaultCatalog(t)
	want := map[sensors.KindKey]sensors.KindType{
		"noise": sensors.Measure, "pm25": sensors.Measure, "bin_fill": sensors.Measure,
		"manhole_tilt": sensors.Measure, "road_water": sensors.Measure, "smoke": sensors.Event,
		"illegal_parking": sensors.Event, "stall": sensors.Event, "crowd_count": sensors.Measure,
		"lane_blocked": sensors.Event,

		"pm10": sensors.Measure, "so2": sensors.Measure, "no2": sensors.Measure, "co": sensors.Measure,
		"o3": sensors.Measure, "temperature": sensors.Measure, "pressure": sensors.Measure,
		"dew_point": sensors.Measure, "rain": sensors.Measure, "wind_speed": sensors.Measure,

		"request_bulky_items": sensors.Event, "request_other": sensors.Event,
	}
	for key, typ := range want {
		k, ok := c.Kind(key)
		if !ok || k.Key != key || k.Type != typ {
			t.Errorf("kind %s: got %+v, %v, want a %s", key, k, ok, typ)
		}
	}
	if _, ok := c.Kind("ufo"); ok {
		t.Error("the catalogue knows ufo")
	}
}

func TestDefaultCatalog_SpeaksBothLanguages(t *testing.T) {
	han := regexp.MustCompile(`\p{Han}|^PM[0-9.]+$`)
	for _, k := range defaultCatalog(t).All() {
		if !han.MatchString(k.Names.ZH) {
			t.Errorf("%s: Chinese name is %q", k.Key, k.Names.ZH)
		}
		if regexp.MustCompile(`\p{Han}`).MatchString(k.Names.EN + k.UnitLabel.EN) {
			t.Errorf("%s: English text has Chinese characters: %q, %q", k.Key, k.Names.EN, k.UnitLabel.EN)
		}
	}
}

func TestCatalog_AllKeepsTheOrderOfTheFile(t *testing.T) {
	c := readCatalog(t, "kinds:"+entry("b", "m", "measure")+entry("a", "m", "measure")+entry("c", "1", "event"))
	var keys []sensors.KindKey
	for _, k := range c.All() {
		keys = append(keys, k.Key)
	}
	if !slices.Equal(keys, []sensors.KindKey{"b", "a", "c"}) {
		t.Errorf("got %v", keys)
	}
}

func TestCatalog_CannotBeChangedThroughWhatItReturns(t *testing.T) {
	c := defaultCatalog(t)
	c.All()[0].Range = [2]float64{}
	if k := c.All()[0]; k.Range == [2]float64{} {
		t.Errorf("kind %s was changed", k.Key)
	}
}

func TestCatalog_ExtendAddsAndReplaces(t *testing.T) {
	base := readCatalog(t, "kinds:"+entry("a", "m", "measure")+entry("b", "1", "event"))
	other := readCatalog(t, "kinds:"+entry("c", "m", "measure")+
		strings.Replace(entry("a", "m", "measure"), "[1, 100]", "[0, 777]", 1))
	got, err := base.Extend(other)
	if err != nil {
		t.Fatal(err)
	}
	var keys []sensors.KindKey
	for _, k := range got.All() {
		keys = append(keys, k.Key)
	}
	if !slices.Equal(keys, []sensors.KindKey{"a", "b", "c"}) {
		t.Errorf("order is %v, want a b c", keys)
	}
	if k, _ := got.Kind("a"); k.Range != [2]float64{0, 777} || got.All()[0] != k {
		t.Errorf("a was not replaced: %+v", k)
	}
	if k, _ := base.Kind("a"); k.Range != [2]float64{1, 100} || len(base.All()) != 2 {
		t.Errorf("the catalogue that was extended changed: %+v", base.All())
	}
}

func TestCatalog_ExtendKeepsTheMeaningOfStoredValues(t *testing.T) {
	base := readCatalog(t, "kinds:"+entry("a", "m", "measure")+entry("b", "1", "event"))
	other := readCatalog(t, "kinds:"+entry("a", "cm", "measure")+entry("b", "1", "measure"))
	_, err := base.Extend(other)
	if err == nil || !strings.Contains(err.Error(), "kind a: unit") || !strings.Contains(err.Error(), "kind b: type") {
		t.Errorf("got error %v, want one about the unit of a and the type of b", err)
	}
}

func TestReadCatalog_ReportsEveryFaultWithItsKey(t *testing.T) {
	_, err := sensors.ReadCatalog(strings.NewReader(`
kinds:
  - key: Loud
    names: {zh: 响}
    type: level
    unit: ""
    unit_label: {zh: 分贝, en: dB}
    range: [10, 0]
    scale: [.nan, 5]
    bad: sideways
    class_code: "06028"
    colour: red
  - key: tilt
    names: {zh: 倾斜, en: Tilt, de: Neigung}
    type: measure
    unit: deg
    unit_label: {zh: 度, en: °}
    range: [0, 90]
    scale: [0, 180]
  - key: alarm
    names: {zh: 报警, en: Alarm}
    type: event
    unit: "1"
    unit_label: {zh: 次, en: times}
    range: [0, 1]
    scale: [0, 10]
  - key: alarm
    names: [a, b]
    range: [x, 1]
  - 7
`))
	if err == nil {
		t.Fatal("no error")
	}
	lines := strings.Split(err.Error(), "\n")
	for _, want := range []string{
		`Loud .*a-z`, `Loud .*names`, `Loud .*"level"`, `Loud .*unit is missing`, `Loud .*range`, `Loud .*scale`,
		`Loud .*"sideways"`, `Loud .*class_code`, `Loud .*"colour"`,
		`tilt .*"names\.de"`, `tilt .*not within range`,
		`alarm .*not an event`, `alarm .*used twice`, `alarm .*line 27`, `number 5 .*not a mapping`,
	} {
		if !slices.ContainsFunc(lines, regexp.MustCompile(want).MatchString) {
			t.Errorf("no line matches %q:\n%v", want, err)
		}
	}
}

func TestReadCatalog_RefusesWhatIsNoCatalogue(t *testing.T) {
	for name, text := range map[string]string{
		"empty":         "",
		"no kinds":      "kinds: []\n",
		"other key":     "sorts: []\n",
		"broken":        "kinds: [\n",
		"list":          "- a\n",
		"kinds is text": "kinds: noise\n",
	} {
		if _, err := sensors.ReadCatalog(strings.NewReader(text)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestCatalog_Check(t *testing.T) {
	c := defaultCatalog(t)
	now := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	good := sensors.Observation{Device: "d", Kind: "noise", Value: 57.3, At: now}
	with := func(change func(*sensors.Observation)) sensors.Observation {
		o := good
		change(&o)
		return o
	}
	tests := []struct {
		name string
		give sensors.Observation
		want string
	}{
		{"good", good, ""},
		{"lower end", with(func(o *sensors.Observation) { o.Value = 20 }), ""},
		{"upper end", with(func(o *sensors.Observation) { o.Value = 140 }), ""},
		{"too low", with(func(o *sensors.Observation) { o.Value = 19.99 }), sensors.ReasonOutOfRange},
		{"too high", with(func(o *sensors.Observation) { o.Value = 140.01 }), sensors.ReasonOutOfRange},
		{"an event that did not happen", with(func(o *sensors.Observation) { o.Kind, o.Value = "smoke", 0 }), sensors.ReasonOutOfRange},
		{"unknown kind", with(func(o *sensors.Observation) { o.Kind = "ufo" }), sensors.ReasonUnknownKind},
		{"NaN", with(func(o *sensors.Observation) { o.Value = math.NaN() }), sensors.ReasonNotANumber},
		{"infinity", with(func(o *sensors.Observation) { o.Value = math.Inf(-1) }), sensors.ReasonNotANumber},
		{"five minutes ahead", with(func(o *sensors.Observation) { o.At = now.Add(sensors.MaxAhead) }), ""},
		{"more than five minutes ahead", with(func(o *sensors.Observation) { o.At = now.Add(sensors.MaxAhead + time.Microsecond) }), sensors.ReasonFutureTime},
		{"far ahead", with(func(o *sensors.Observation) { o.At = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC) }), sensors.ReasonFutureTime},
		{"history", with(func(o *sensors.Observation) { o.At = sensors.Earliest }), ""},
		{"before the year 2000", with(func(o *sensors.Observation) { o.At = sensors.Earliest.Add(-time.Microsecond) }), sensors.ReasonImplausibleTime},
		{"year 0", with(func(o *sensors.Observation) { o.At = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC) }), sensors.ReasonImplausibleTime},
	}
	for _, tt := range tests {
		reason, detail := c.Check(tt.give, now)
		if reason != tt.want || (reason == "") != (detail == "") {
			t.Errorf("%s: got %q, %q, want %q", tt.name, reason, detail, tt.want)
		}
		if reason != "" && !slices.Contains(sensors.Reasons(), reason) {
			t.Errorf("%s: reason %q is not one of the closed set", tt.name, reason)
		}
	}
}

func TestCatalog_HotPathDoesNotAllocate(t *testing.T) {
	c := defaultCatalog(t)
	now := time.Now()
	o := sensors.Observation{Kind: "noise", Value: 57.3, At: now}
	key := []byte("noise")
	if n := testing.AllocsPerRun(100, func() {
		c.Intern(key)
		c.Check(o, now)
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

func TestReasons_AreDistinct(t *testing.T) {
	all := sensors.Reasons()
	slices.Sort(all)
	if n := len(slices.Compact(slices.Clone(all))); n != len(all) {
		t.Errorf("%d reasons, %d of them distinct", len(all), n)
	}
}
