package profile_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/sensors/codec/tree"
	"github.com/urbangrid/urbangrid/sensors/profile"
)

// FuzzReadFile reads any file as profiles. What is accepted can be used: each
// profile gives observations that ingest can judge, and the same twice.
func FuzzReadFile(f *testing.F) {
	f.Add(mappings)
	f.Add("profiles: [{key: a, known_by: [t], fields: [{path: t, unit: K, kind: temperature}]}]")
	f.Add("profiles:\n  - {key: a, position: {lat: a, lon: b, datum: bd09}, history: {path: c, time: d, unit: ms}}")
	f.Add("common: &c {path: '[\"t\"][0]'}\nprofiles: [{key: a, fields: [*c, {paths: [a, b], take: max, words: {x: 1}, kind: smoke}]}]")
	c := catalog(f)
	object := parse(f, `{"a":[{"b":1},{"b":"2 mm"}],"c d":{"e":true},"lat":31,"lon":121,"u":"K","t":[300],"log":[{"ts":1,"t":3}],"state":"alarm"}`)
	f.Fuzz(func(t *testing.T, file string) {
		s, err := profile.ReadFile(strings.NewReader(file), c)
		if err != nil {
			return
		}
		if u, err := s.Match(profile.Hint{Name: file}, object); err == nil && u.Profile() == nil {
			t.Fatal("neither a profile nor an error")
		}
		everyProfile(t, c, s, object)
	})
}

// FuzzUse reads any object by every profile there is.
func FuzzUse(f *testing.F) {
	f.Add(`{"battery":92,"temperature":"25.7 °C","distance":2116,"position":"tilt","history":[{"timestamp":1,"distance":3}]}`)
	f.Add(`{"Bat":"3.4 V","Distance":"No Sensor","TempC1":"NULL","DOOR_OPEN_STATUS":1,"LAeq":-0,"o3":1e300,"event":"testing alarm"}`)
	f.Add(`{"a":[{"b":1},{"b":"2 mm"}],"c d":{"e":true},"lat":31,"lon":121,"u":"K","t":300,"log":[{"ts":1,"t":3}],"state":"alarm"}`)
	c := catalog(f)
	s := shipped(f).Extend(readFile(f, mappings))
	f.Fuzz(func(t *testing.T, object string) {
		var d tree.Doc
		root, problem := d.Parse([]byte(object))
		if problem != nil {
			return
		}
		everyProfile(t, c, s, root)
	})
}

func everyProfile(t *testing.T, c *sensors.Catalog, s *profile.Set, object tree.Value) {
	t.Helper()
	for _, p := range s.All() {
		u, err := s.Match(profile.Hint{Key: p.Key() + ".empty-2000.full-100"}, object)
		if err != nil {
			t.Fatalf("%s: %v", p.Key(), err)
		}
		first, second := read(u, object), read(u, object)
		if len(first.Observations) != len(second.Observations) || len(first.Faults) != len(second.Faults) {
			t.Fatalf("%s reads %q as %+v and as %+v", p.Key(), object.Raw(), first, second)
		}
		sane(t, c, first)
	}
}

func sane(t *testing.T, c *sensors.Catalog, r sensors.Report) {
	t.Helper()
	for _, o := range r.Observations {
		if _, known := c.Kind(o.Kind); !known || math.IsNaN(o.Value) || math.IsInf(o.Value, 0) || len(o.ID) > sensors.MaxIDBytes || o.ID == "" {
			t.Fatalf("observation %+v", o)
		}
	}
	for _, h := range r.Health {
		if b := h.BatteryPercent; b != nil && !(*b >= 0 && *b <= 100) {
			t.Fatalf("battery is at %v", *b)
		}
		if len(h.Note) > 256 {
			t.Fatalf("note of %d bytes", len(h.Note))
		}
	}
	for _, f := range r.Faults {
		if f.Reason == "" || f.Detail == "" {
			t.Fatalf("fault %+v", f)
		}
	}
}

var at = time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)

// read reads object as the message "m" of device "d".
func read(u profile.Use, object tree.Value) sensors.Report {
	var r sensors.Report
	h := sensors.Health{Device: "d", At: at}
	u.Read(&r, &h, object, profile.Message{Device: "d", At: at, Received: at, ID: "m"})
	r.Health = append(r.Health, h)
	return r
}
