package sensors_test

import (
	"strings"
	"testing"

	"github.com/urbangrid/urbangrid/sensors"
)

func TestValidDeviceID(t *testing.T) {
	for s, want := range map[string]bool{
		"noise-0042":                   true,
		"a b":                          true,
		"噪声-1":                         true,
		"urn:dev:mac:0024befffe804ff1": true,
		strings.Repeat("x", 128):       true,
		strings.Repeat("x", 129):       false,
		strings.Repeat("声", 43):        false,
		"cam.01":                       true,
		"...":                          true,
		"":                             false,
		".":                            false,
		"..":                           false,
		"a/b":                          false,
		"a+":                           false,
		"#":                            false,
		"a\nb":                         false,
		"a\x00":                        false,
		"a\x7f":                        false,
		"a\u0085b":                     false,
		"a\xffb":                       false,
	} {
		if got := sensors.ValidDeviceID(s); got != want {
			t.Errorf("ValidDeviceID(%q) = %v, want %v", s, got, want)
		}
	}
}

func TestValidKindKey(t *testing.T) {
	for s, want := range map[string]bool{
		"noise": true, "pm25": true, "road_water": true, strings.Repeat("k", 64): true,
		"": false, "Noise": false, "2nd": false, "_x": false, "a-b": false, "a.b": false, "噪声": false,
		strings.Repeat("k", 65): false,
	} {
		if got := sensors.ValidKindKey(s); got != want {
			t.Errorf("ValidKindKey(%q) = %v, want %v", s, got, want)
		}
	}
}

func TestParseDatum_ReadsWhatStringWrites(t *testing.T) {
	for _, d := range []sensors.Datum{sensors.WGS84, sensors.GCJ02, sensors.BD09} {
		if got, err := sensors.ParseDatum(d.String()); err != nil || got != d {
			t.Errorf("ParseDatum(%q) = %v, %v", d.String(), got, err)
		}
	}
	for _, s := range []string{"", "WGS84", "wgs-84", "cgcs2000"} {
		if _, err := sensors.ParseDatum(s); err == nil {
			t.Errorf("ParseDatum(%q): no error", s)
		}
	}
}
