package liveclient

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The frames that the server is held to mean here what the server means.
func TestDecode_GoldenFramesShowWhatTheServerMeans(t *testing.T) {
	type golden struct {
		After string
		Topic string
		Frame json.RawMessage
		Table []string
		Shows map[string][2]float64
	}
	paths, err := filepath.Glob("../../testdata/frames/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no golden frames: %v", err)
	}
	all := make(map[string]golden)
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var g golden
		if err := json.Unmarshal(b, &g); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		name := filepath.Base(path)
		all[name[:len(name)-len(".json")]] = g
	}
	var shows func(name string) (table []string, cells map[string][2]float64)
	shows = func(name string) ([]string, map[string][2]float64) {
		g := all[name]
		table, cells := g.Table, map[string][2]float64{}
		if g.After != "" {
			table, cells = shows(g.After)
		}
		frame, err := Decode(g.Frame)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		changed, err := cellsOf(frame, table)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, c := range changed {
			if delete(cells, c.Cell); c.Value != nil {
				cells[c.Cell] = [2]float64{*c.Value, float64(c.Count)}
			}
		}
		return table, cells
	}
	for name, g := range all {
		frame, err := Decode(g.Frame)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if g.Topic != "" && frame.ID != TopicID(g.Topic, 0) {
			t.Errorf("%s has the id %d, want that of its topic, %d", name, frame.ID, TopicID(g.Topic, 0))
		}
		if g.Shows == nil {
			continue
		}
		if _, got := shows(name); !cmp.Equal(got, g.Shows) {
			t.Errorf("%s shows (-want +got):\n%s", name, cmp.Diff(g.Shows, got))
		}
	}
}
