package profile_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/sensors/codec/tree"
	"github.com/urbangrid/urbangrid/sensors/profile"
)

// mappings has every feature of a file.
const mappings = `
common:
  battery: &battery {path: battery, unit: "%", health: battery}
profiles:
  - key: full
    vendor: Maker
    models: [M-1]
    known_by: [t, u]
    ignore: [serial]
    position: {lat: lat, lon: lon, datum: gcj02}
    history: {path: log, time: ts, unit: ms}
    fields:
      - *battery
      - {path: rssi, unit: dBm, health: signal}
      - {path: trouble, health: note, words: {none: ignore, "ok*": ignore}}
      - {path: t, unit: Cel, unit_path: u, kind: temperature, absent: [-99]}
      - {path: "a[*].b", unit: mm, kind: road_water}
      - {path: '["c d"].e', kind: door_open}
      - {path: d, unit: mm, kind: distance}
      - {path: d, unit: mm, kind: bin_fill, fill: {empty: 2000, full: 200}}
      - {path: volts, unit: V, health: battery, fill: {empty: 2.5, full: 3.5}}
      - {path: state, kind: smoke, words: {alarm: 1, "0": 0, "1": 1, idle: ignore, "testing alarm*": ignore, broken: health}}
      - {paths: [x, y], take: max_abs, unit: deg, kind: manhole_tilt}
      - {path: gas, unit: ppb, kind: no2}
`

func catalog(t testing.TB) *sensors.Catalog {
	t.Helper()
	c, err := sensors.DefaultCatalog()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func shipped(t testing.TB) *profile.Set {
	t.Helper()
	s, err := profile.Default(catalog(t))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func readFile(t testing.TB, text string) *profile.Set {
	t.Helper()
	s, err := profile.ReadFile(strings.NewReader(text), catalog(t))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func parse(t testing.TB, text string) tree.Value {
	t.Helper()
	var d tree.Doc
	v, problem := d.Parse([]byte(text))
	if problem != nil {
		t.Fatal(problem.Detail)
	}
	return v
}

// say writes what object means by the profile that key names, one thing a word.
func say(t testing.TB, s *profile.Set, key, object string) string {
	t.Helper()
	v := parse(t, object)
	u, err := s.Match(profile.Hint{Key: key}, v)
	if err != nil {
		t.Fatal(err)
	}
	r := read(u, v)
	var out []string
	for _, o := range r.Observations {
		w := fmt.Sprintf("%s=%.10g", o.Kind, o.Value)
		if !o.At.Equal(at) {
			w += "@" + o.At.Format("15:04:05")
		}
		if o.Position.Known() {
			w += fmt.Sprintf("[%v,%v,%s]", o.Position.LatDegrees, o.Position.LonDegrees, o.Position.Datum)
		}
		out = append(out, w)
	}
	for _, h := range r.Health {
		if h.BatteryPercent != nil {
			out = append(out, fmt.Sprintf("battery=%.10g", *h.BatteryPercent))
		}
		if h.SignalDBm != nil {
			out = append(out, fmt.Sprintf("signal=%v", *h.SignalDBm))
		}
		if h.Note != "" {
			out = append(out, "note="+h.Note)
		}
	}
	for _, f := range r.Faults {
		out = append(out, f.Reason)
	}
	return strings.Join(out, " ")
}

func TestUse_GivesEachFieldItsMeaning(t *testing.T) {
	s := readFile(t, mappings)
	for _, tt := range []struct{ name, object, want string }{
		{"a number in the unit of the file", `{"t":21.5}`, "temperature=21.5"},
		{"a unit that the payload states", `{"t":300,"u":"K"}`, "temperature=26.85"},
		{"a unit behind the number", `{"t":"77 °F"}`, "temperature=25"},
		{"a number as a string", `{"t":"21.50"}`, "temperature=21.5"},
		{"an unknown unit", `{"t":300,"u":"furlong"}`, "wrong_unit"},
		{"a unit of something else", `{"t":"300 mm"}`, "wrong_unit"},
		{"a unit that is no text", `{"t":300,"u":3}`, "wrong_unit"},
		{"a number that stands for nothing", `{"t":-99}`, ""},
		{"words for nothing measured", `{"t":"No Sensor"}`, ""},
		{"null", `{"t":null}`, ""},
		{"a word", `{"t":"warm"}`, "bad_field"},
		{"an object", `{"t":{"v":1}}`, "bad_field"},
		{"a truth for a number", `{"t":true}`, "bad_field"},
		{"too large", `{"t":1e999}`, "bad_field"},
		{"too large once converted", `{"a":[{"b":"1e308 km"}]}`, "bad_field"},
		{"not finite", `{"t":"NaN"}`, ""},
		{"hexadecimal", `{"t":"0x10"}`, "wrong_unit"},
		{"elements of an array", `{"a":[{"b":12},{"c":0},{"b":"3 cm"},{"b":"deep"}]}`, "road_water=1.2 road_water=3 bad_field"},
		{"a name with a space", `{"c d":{"e":true}}`, "door_open=1"},
		{"false", `{"c d":{"e":false}}`, "door_open=0"},
		{"one path, two kinds", `{"d":1100}`, "distance=110 bin_fill=50"},
		{"fuller than full", `{"d":20}`, "distance=2 bin_fill=100"},
		{"a percentage of volts", `{"volts":3.1}`, "battery=60"},
		{"a battery", `{"battery":"81 %"}`, "battery=81"},
		{"a battery of 150 %", `{"battery":150}`, "bad_field"},
		{"a signal", `{"rssi":-90}`, "signal=-90"},
		{"an event", `{"state":"ALARM"}`, "smoke=1"},
		{"no event", `{"state":"idle"}`, ""},
		{"an event that did not happen", `{"state":0}`, ""},
		{"an event as a number", `{"state":1}`, "smoke=1"},
		{"a test of an alarm", `{"state":"testing alarm with normal battery"}`, ""},
		{"a device that is ill", `{"state":"broken"}`, "note=state: broken"},
		{"a word that nobody knows", `{"state":"on fire"}`, "bad_field"},
		{"words of the device", `{"trouble":"lens dirty"}`, "note=trouble: lens dirty"},
		{"two notes", `{"trouble":"lens dirty","state":"broken"}`, "note=trouble: lens dirty; state: broken"},
		{"nothing to note", `{"trouble":"OK since Monday"}`, ""},
		{"the greatest of two", `{"x":-7,"y":3}`, "manhole_tilt=7"},
		{"one of two is bad", `{"x":"?","y":3}`, "manhole_tilt=3 bad_field"},
		{"a share of a gas", `{"gas":20}`, "no2=37.60964643"},
		{"a position", `{"lat":31.2,"lon":"121.4","t":20}`, "temperature=20[31.2,121.4,gcj02]"},
		{"no fix", `{"lat":0,"lon":0,"t":20}`, "temperature=20"},
		{"no fix, all bits set", `{"lat":-0.000001,"lon":-0.000001,"t":20}`, "temperature=20"},
		{"half a position", `{"lat":31.2,"t":20}`, "temperature=20 bad_position"},
		{"a position off Earth", `{"lat":131.2,"lon":7,"t":20}`, "temperature=20 bad_position"},
		{"a logger's memory", `{"battery":7,"log":[{"ts":1795334401000,"t":19,"battery":9},{"ts":"2026-11-22T09:00:00+08:00","t":18},{"t":1}]}`,
			"temperature=19@08:00:01 temperature=18@01:00:00 battery=7 bad_time"},
		{"a memory that is no list", `{"log":3}`, "bad_field"},
		{"fields to ignore", `{"serial":"1"}`, ""},
		{"fields that nobody knows", `{"serial":"1","soil":3}`, "no_profile"},
		{"no field", `{}`, ""},
		{"not an object", `[1]`, "not_object"},
	} {
		if got := say(t, s, "full", tt.object); got != tt.want {
			t.Errorf("%s: %s says %q, want %q", tt.name, tt.object, got, tt.want)
		}
	}
}

func TestUse_NamesEachObservationOnce(t *testing.T) {
	v := parse(t, `{"a":[{"b":1},{"b":2}],"d":1000,"log":[{"ts":1,"d":3}]}`)
	u, err := readFile(t, mappings).Match(profile.Hint{Key: "full"}, v)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, o := range read(u, v).Observations {
		got = append(got, o.ID)
	}
	want := []string{"m/a[0].b", "m/a[1].b", "m/d", "m/d#bin_fill", "t1000/d", "t1000/d#bin_fill"}
	if !slices.Equal(got, want) {
		t.Errorf("ids are %q, want %q", got, want)
	}
}

func TestUse_KeepsLongIDsApartAndShort(t *testing.T) {
	v := parse(t, `{"d":1000}`)
	u, err := readFile(t, mappings).Match(profile.Hint{Key: "full"}, v)
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for _, last := range "ab" {
		var r sensors.Report
		u.Read(&r, &sensors.Health{}, v, profile.Message{Device: "d", At: at, Received: at, ID: strings.Repeat("x", 200) + string(last)})
		for _, o := range r.Observations {
			if len(o.ID) > sensors.MaxIDBytes || seen[o.ID] {
				t.Errorf("id %q is too long or was given before", o.ID)
			}
			seen[o.ID] = true
		}
	}
}

func TestUse_BoundsWhatOneMessageSays(t *testing.T) {
	s := readFile(t, mappings)
	for name, object := range map[string]string{
		"observations": `{"a":[` + strings.Repeat(`{"b":1},`, profile.MaxStatements+1) + `{"b":1}]}`,
		"bad elements": `{"a":[` + strings.Repeat(`{"b":[]},`, profile.MaxStatements+1) + `{"b":1}]}`,
		"bad history":  `{"log":[` + strings.Repeat(`{},`, profile.MaxStatements+1) + `{}]}`,
		"history":      `{"log":[` + strings.Repeat(`{"ts":1,"d":1},`, profile.MaxStatements) + `{}]}`,
	} {
		v := parse(t, object)
		u, err := s.Match(profile.Hint{Key: "full"}, v)
		if err != nil {
			t.Fatal(err)
		}
		r := read(u, v)
		n := len(r.Observations) + len(r.Faults)
		if n != profile.MaxStatements+1 || r.Faults[len(r.Faults)-1].Reason != sensors.ReasonTooLarge {
			t.Errorf("%s: %d statements, want %d and too_large", name, n, profile.MaxStatements)
		}
	}
}

func TestSet_MatchesWhatIsStatedBeforeWhatIsGuessed(t *testing.T) {
	s := shipped(t)
	noise := `{"LAeq":1,"LAF":2,"LAFmax":3}`
	for _, tt := range []struct {
		name   string
		hint   profile.Hint
		object string
		want   string
	}{
		{"the register's key", profile.Hint{Key: "milesight-wts", Name: "WS302"}, noise, "milesight-wts"},
		{"a key with the depth of a bin", profile.Hint{Key: "milesight-em400-mud.empty-1850.full-200"}, `{}`, "milesight-em400-mud"},
		{"a key that is not known", profile.Hint{Key: "acme", Name: "WS302"}, noise, ""},
		{"a key with a wrong parameter", profile.Hint{Key: "milesight-em400-mud.depth-3"}, `{}`, ""},
		{"a key with a number that is none", profile.Hint{Key: "milesight-em400-mud.empty-deep"}, `{}`, ""},
		{"a key that ends too early", profile.Hint{Key: "milesight-em400-mud."}, `{}`, ""},
		{"a key without where empty is", profile.Hint{Key: "milesight-em400-mud.full-200"}, `{}`, ""},
		{"the repository's model", profile.Hint{Vendor: "milesight-iot", Model: "em310-tilt"}, noise, "milesight-em310-tilt"},
		{"the network server's name", profile.Hint{Name: "EM310-TILT"}, noise, "milesight-em310-tilt"},
		{"a name with more words", profile.Hint{Name: "Street: Milesight em310_tilt (CN470, v2)"}, noise, "milesight-em310-tilt"},
		{"a name without hyphens", profile.Hint{Name: "EM500SWL"}, `{}`, "milesight-em500-swl"},
		{"the longest model", profile.Hint{Name: "AM319-O3"}, `{}`, "milesight-am300"},
		{"a name that only begins alike", profile.Hint{Name: "WS3020"}, `{}`, ""},
		{"a name of two models", profile.Hint{Name: "WS302 or WS301"}, `{}`, ""},
		{"fields", profile.Hint{Name: "Street noise"}, noise, "milesight-ws302"},
		{"fields that are not enough", profile.Hint{}, `{"temperature":1,"luminosity":0.64}`, ""},
		{"a very long name", profile.Hint{Name: strings.Repeat("a b ", 1000) + "WS302"}, `{}`, ""},
	} {
		u, err := s.Match(tt.hint, parse(t, tt.object))
		got := ""
		if err == nil {
			got = u.Profile().Key()
		}
		if got != tt.want {
			t.Errorf("%s: got %q (%v), want %q", tt.name, got, err, tt.want)
		}
	}
}

func TestSet_DoesNotChooseBetweenTwoThatFitAlike(t *testing.T) {
	s := readFile(t, `profiles:
  - {key: a, models: [X1], known_by: [t], fields: [{path: t, unit: Cel, kind: temperature}]}
  - {key: b, models: [x-1], known_by: [t], fields: [{path: t, unit: K, kind: temperature}]}`)
	for _, h := range []profile.Hint{{}, {Name: "X1"}} {
		if u, err := s.Match(h, parse(t, `{"t":1}`)); err == nil {
			t.Errorf("%+v: chose %s", h, u.Profile().Key())
		}
	}
}

func TestSet_ExtendReplacesByKeyAndByModel(t *testing.T) {
	s := shipped(t).Extend(readFile(t, `profiles:
  - {key: my-swl, models: [EM500-SWL], fields: [{path: depth, unit: mm, kind: road_water}]}
  - {key: milesight-ws302, fields: [{path: LAF, unit: dB, kind: noise}]}`))
	u, err := s.Match(profile.Hint{Name: "EM500-SWL"}, parse(t, `{}`))
	if err != nil || u.Profile().Key() != "my-swl" {
		t.Errorf("got %+v, %v, want my-swl", u, err)
	}
	if got, want := say(t, s, "milesight-ws302", `{"LAF":50,"LAeq":60}`), "noise=50"; got != want {
		t.Errorf("replaced profile says %q, want %q", got, want)
	}
	if _, err := s.Match(profile.Hint{Name: "WTS506"}, parse(t, `{}`)); err != nil {
		t.Errorf("what was not replaced is gone: %v", err)
	}
	if err := s.Check("my-swl"); err != nil {
		t.Error(err)
	}
	if err := s.Check("acme"); err == nil {
		t.Error("Check accepts a key that is not known")
	}
}

func TestReadFile_NamesEveryFaultOfAFileAtOnce(t *testing.T) {
	_, err := profile.ReadFile(strings.NewReader(`profiles:
  - key: Bad Key
    modles: [X]
    models: ["---"]
    position: {lat: lat, lon: "", datum: moon}
    history: {path: log, time: ts, unit: h}
    fields:
      - {path: a}
      - {path: b, kind: ufo, unit: m}
      - {path: c, kind: noise}
      - {path: d, kind: noise, unit: mm}
      - {path: e, kind: noise, unit: furlong}
      - {path: "f[", kind: noise, unit: dB}
      - {paths: ["g[*]", h], kind: noise, unit: dB, take: mean}
      - {path: i, kind: noise, unit: dB, words: {loud: very}}
      - {path: j, kind: noise, unit: dB, fill: {empty: 1, full: 1}}
      - {path: k, health: mood}
      - {kind: noise, unit: dB}
  - key: twice
    fields: [{path: a, kind: noise, unit: dB}, {path: a, kind: noise, unit: dB}, {path: b, kind: noise, unit: dB, fill: high}]
  - key: twice
`), catalog(t))
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{
		"field modles not found", `key "Bad Key"`, `model "---"`, `"moon"`, `path ""`, `unit "h"`,
		"field a: needs either kind or health", `kind "ufo"`, "field c: unit is missing", `"mm" is a length`,
		`"furlong" is not known`, `path "f["`, `take "mean"`, "cannot have [*]", `"loud" means "very"`,
		"fill makes %", `health "mood"`, "has no path", "twice the same kind", "used twice", "has no fields", "line 19", "high",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("does not say %q in\n%v", want, err)
		}
	}
}

func TestRead_ReadsAFolderAndNamesTheFile(t *testing.T) {
	good := &fstest.MapFile{Data: []byte("profiles: [{key: a, fields: [{path: t, unit: K, kind: temperature}]}]")}
	bad := &fstest.MapFile{Data: []byte("profiles: [{key: a, fields: [{path: t, unit: m, kind: temperature}]}]")}
	s, err := profile.Read(fstest.MapFS{"a.yaml": good, "sub/readme.md": bad}, catalog(t))
	if err != nil || len(s.All()) != 1 {
		t.Fatalf("got %v, %v", s, err)
	}
	_, err = profile.Read(fstest.MapFS{"a.yaml": good, "a2.yaml": good, "sub/b.yml": bad, "c.yaml": {Data: []byte("profiles: []")}, "d.yaml": {Data: []byte("\t")}}, catalog(t))
	for _, want := range []string{"sub/b.yml: ", "a2.yaml: profile a is also in a.yaml", "c.yaml: file has no profiles", "d.yaml: "} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
}

func TestDefault_HasNoFaults(t *testing.T) {
	s := shipped(t)
	if n := len(s.All()); n < 20 {
		t.Errorf("%d profiles are shipped, want at least 20", n)
	}
	for _, p := range s.All() {
		if len(p.Kinds()) == 0 {
			t.Errorf("%s gives nothing", p.Key())
		}
	}
}

// What the manufacturers' decoders make of real bytes, and the traps in it.
func TestDefault_ReadsWhatDevicesSay(t *testing.T) {
	s := shipped(t)
	for _, tt := range []struct{ key, object, want string }{
		{"milesight-em310-tilt", `{"angle_x":0,"angle_y":0,"angle_z":90,"threshold_x":"normal","threshold_y":"normal","threshold_z":"trigger"}`, "manhole_tilt=0 tilted=1"},
		{"milesight-em400-mud", `{"battery":92,"temperature":25.7,"distance":2116,"position":"normal"}`, "temperature=25.7 distance=211.6 tilted=0 battery=92"},
		{"milesight-em400-mud.empty-2500.full-500", `{"distance":1500}`, "distance=150 bin_fill=50"},
		{"milesight-em400-mud", `{"distance_exception":"no target","distance":"no target"}`, ""},
		{"milesight-em500-udl", `{"history":[{"timestamp":1795334400,"distance":30}]}`, "distance=3"},
		{"milesight-em300-mcs", `{"battery":92,"temperature":30.8,"humidity":50.5,"magnet_status":"open"}`, "temperature=30.8 humidity=50.5 door_open=1 battery=92"},
		{"milesight-em300-leak", `{"temperature":30.8,"humidity":50.5,"leakage_status":"leak"}`, "temperature=30.8 humidity=50.5 water_leak=1"},
		{"milesight-wts", `{"wind_direction":121,"pressure":1006.3,"wind_speed":0.1,"rainfall_total":1.23,"rainfall_counter":1}`, "pressure=1006.3 wind_speed=0.1"},
		{"milesight-em300-th", `{"temperature":28.4,"humidity":50,"nh3":"polarizing","h2s":0.01}`, "temperature=28.4 humidity=50"},
		{"milesight-gs524n", `{"event":"alarm","battery":100}`, "smoke=1 battery=100"},
		{"milesight-gs524n", `{"event":"testing alarm with low battery"}`, ""},
		{"milesight-gs524n", `{"event":"silent"}`, "note=event: silent"},
		{"milesight-gs601", `{"battery":90,"vaping_index":90,"pm2_5":400,"tamper_status":0,"temperature_alarm":{"type":17,"alarm_trigger":{"temperature":51}}}`, "pm25=400 battery=90"},
		{"milesight-gs601", `{"temperature_alarm":{"type":33,"burning_alarm_trigger":{}},"tamper_status":1}`, "smoke=1 note=tamper_status: 1"},
		{"milesight-gs601", `{"temperature_alarm":{"type":32,"burning_alarm_deactivation":{}}}`, ""},
		{"milesight-at101", `{"latitude":0,"longitude":0,"position":"normal","tamper_status":"uninstall"}`, "tilted=0 note=tamper_status: uninstall"},
		{"dragino-ldds75", `{"Bat":3.1,"Distance":"Invalid Reading","Interrupt_flag":0}`, "battery=50"},
		{"dragino-ldds75", `{"Bat":3.1,"Distance":0}`, "battery=50"},
		{"dragino-ldds75", `{"Distance":"20 mm"}`, ""},
		{"dragino-lds02", `{"BAT_V":2.75,"MOD":1,"DOOR_OPEN_STATUS":1,"DOOR_OPEN_TIMES":5}`, "door_open=1 battery=50"},
		{"dragino-lds02", `{"BAT_V":2.75,"MOD":3,"DOOR_OPEN_STATUS":0,"WATER_LEAK_STATUS":1}`, "door_open=0 water_leak=1 battery=50"},
		{"dragino-lht65", `{"BatV":3.05,"TempC_SHT":"327.67","Hum_SHT":"6553.5","TempC_DS":21}`, "battery=100"},
		{"dragino-d23", `{"BatV":3.35,"EXTI_Trigger":"FALSE","Door_status":"OPEN","TempC1":"NULL","TempC2":4.5}`, "battery=75"},
		{"dragino-d23", `{"SENSOR_MODEL":"D23-LB","FIRMWARE_VERSION":"1.3.0"}`, ""},
		{"lorawan-normalized", `{"air":{"temperature":20.5,"relativeHumidity":41},"water":{"leak":true},"action":{"contactState":"closed"}}`, "temperature=20.5 humidity=41 water_leak=1 door_open=0"},
	} {
		got := say(t, s, tt.key, tt.object)
		if got, _, _ = strings.Cut(got, "@"); got != tt.want {
			t.Errorf("%s: %s says %q, want %q", tt.key, tt.object, got, tt.want)
		}
	}
}

func TestDefault_EveryProfileIsInTheGuide(t *testing.T) {
	guide, err := os.ReadFile("../../docs/formats/profiles.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range shipped(t).All() {
		if !strings.Contains(string(guide), "`"+p.Key()+"`") {
			t.Errorf("%s is not in docs/formats/profiles.md", p.Key())
		}
	}
}

func BenchmarkUse(b *testing.B) {
	v := parse(b, `{"battery":92,"temperature":25.7,"distance":2116,"position":"tilt"}`)
	s := shipped(b)
	h := profile.Hint{Name: "EM400-MUD"}
	var r sensors.Report
	b.ReportAllocs()
	for b.Loop() {
		r.Reset()
		var health sensors.Health
		u, err := s.Match(h, v)
		if err != nil {
			b.Fatal(err)
		}
		u.Read(&r, &health, v, profile.Message{Device: "d", At: at, Received: at, ID: "6f1b0c1e-0000-4000-8000-000000000001"})
	}
}
