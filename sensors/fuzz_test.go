package sensors_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/urbangrid/urbangrid/sensors"
)

// FuzzReadCatalog: what is accepted has everything that the rest relies on.
func FuzzReadCatalog(f *testing.F) {
	b, err := os.ReadFile("kinds.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b[:bytes.Index(b, []byte("- key: bin_fill"))])
	f.Add([]byte("kinds:" + entry("a", "m", "measure") + entry("b", "1", "event")))
	f.Add([]byte("kinds:\n  - &a\n    key: a\n    names: {zh: 名, en: name}\n  - *a\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := sensors.ReadCatalog(bytes.NewReader(text))
		if err != nil {
			return
		}
		for _, k := range c.All() {
			if !sensors.ValidKindKey(string(k.Key)) || k.Unit == "" || k.Names.ZH == "" || k.Names.EN == "" {
				t.Fatalf("accepted %+v", k)
			}
			inRange := func(v float64) bool { return k.Range[0] <= v && v <= k.Range[1] }
			if k.Type == sensors.Event && (!inRange(1) || inRange(0)) {
				t.Fatalf("accepted an event that does not count: %+v", k)
			}
			if back, ok := c.Kind(k.Key); !ok || back != k {
				t.Fatalf("Kind(%s) = %+v, %v", k.Key, back, ok)
			}
		}
		if _, err := c.Extend(c); err != nil {
			t.Fatalf("a catalogue cannot extend itself: %v", err)
		}
	})
}
