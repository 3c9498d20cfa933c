package sparkplug_test

import (
	"os"
	"path/filepath"
	"testing"
)

// The example of the specification (chapter 6): data names a metric otherwise
// than the birth, and the numbers do not follow one another.
func TestFormat_Golden(t *testing.T) {
	steps := []struct{ file, verb, want string }{
		{"nbirth", "NBIRTH/Raspberry Pi", "health G:Raspberry Pi online\n"},
		{"dbirth", "DBIRTH/Raspberry Pi/Pibrella", "health G:Raspberry Pi:Pibrella online\n"},
		{"ndata", "NDATA/Raspberry Pi", "fault 0 unknown_alias\ncommand spBv1.0/G/NCMD/Raspberry Pi\n"},
		{"ddata", "DDATA/Raspberry Pi/Pibrella", "G:Raspberry Pi:Pibrella smoke 1 at 17:55:02.122Z id Inputs/A@smoke@1486144502122\nG:Raspberry Pi:Pibrella smoke 1 at 17:55:02.122Z id Inputs/C@smoke@1486144502122\n"},
		{"ndeath", "NDEATH/Raspberry Pi", "health G:Raspberry Pi offline\nhealth G:Raspberry Pi:Pibrella offline\n"},
	}
	tried := 0
	for _, folder := range []string{"testdata", "../../../../shared/payloads"} {
		h := newHost(t)
		for _, s := range steps {
			payload, err := os.ReadFile(filepath.Join(folder, "sparkplug_"+s.file+".bin"))
			if os.IsNotExist(err) && folder != "testdata" {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			tried++
			h.expect("spBv1.0/G/"+s.verb, payload, s.want)
		}
	}
	if tried < len(steps) {
		t.Errorf("only %d payloads were tried", tried)
	}
}
