package profile_test

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/sensors/codec/tree"
	"github.com/urbangrid/urbangrid/sensors/profile"
)

// FuzzRead reads any file as profiles, and any object by every profile of a file
// that was accepted: what comes out is always an observation that ingest can
// judge, and the same twice.
func FuzzRead(f *testing.F) {
	files, err := filepath.Glob("profiles/*.yaml")
	if err != nil || len(files) == 0 {
		f.Fatalf("no shipped profiles: %v", err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text), `{"battery":92,"temperature":"25.7 °C","distance":2116,"position":"tilt","history":[{"timestamp":1,"distance":3}]}`)
	}
	f.Add(mappings, `{"a":[{"b":1},{"b":"2 mm"}],"c d":{"e":true},"lat":31,"lon":121,"u":"K","t":300}`)
	c := catalog(f)
	f.Fuzz(func(t *testing.T, file, object string) {
		s, err := profile.ReadFile(strings.NewReader(file), c)
		if err != nil {
			return
		}
		var d tree.Doc
		root, problem := d.Parse([]byte(object))
		if problem != nil {
			return
		}
		if u, err := s.Match(profile.Hint{Name: file}, root); err == nil && u.Profile() == nil {
			t.Fatal("neither a profile nor an error")
		}
		for _, p := range s.All() {
			u, err := s.Match(profile.Hint{Key: p.Key() + ".empty-2000.full-100"}, root)
			if err != nil {
				t.Fatalf("%s: %v", p.Key(), err)
			}
			first, second := read(u, root), read(u, root)
			if len(first.Observations) != len(second.Observations) || len(first.Faults) != len(second.Faults) {
				t.Fatalf("%s reads %q as %+v and as %+v", p.Key(), object, first, second)
			}
			sane(t, c, first)
		}
	})
}

func sane(t *testing.T, c *sensors.Catalog, r sensors.Report) {
	t.Helper()
	ids := make(map[string]bool)
	for _, o := range r.Observations {
		if _, known := c.Kind(o.Kind); !known || math.IsNaN(o.Value) || math.IsInf(o.Value, 0) || len(o.ID) > sensors.MaxIDBytes || o.ID == "" {
			t.Fatalf("observation %+v", o)
		}
		ids[o.ID] = true
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
