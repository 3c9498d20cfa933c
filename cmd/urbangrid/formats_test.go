package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/urbangrid/urbangrid/sensors"
)

func formatsOf(t *testing.T, text string) ([]sensors.Format, error) {
	t.Helper()
	catalog, err := sensors.DefaultCatalog()
	if err != nil {
		t.Fatal(err)
	}
	path := ""
	if text != "" {
		path = filepath.Join(t.TempDir(), "formats.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	formats, _, err := readFormats(path, catalog, func(sensors.DeviceID) (string, bool) { return "", false }, prometheus.NewRegistry())
	return formats, err
}

func accepts(formats []sensors.Format, topic string) string {
	for _, f := range formats {
		if f.Accepts(topic) {
			return f.Name()
		}
	}
	return ""
}

// What is installed in a city is read without any configuration.
func TestFormats_KnowTheirTopics(t *testing.T) {
	formats, err := formatsOf(t, "")
	if err != nil {
		t.Fatal(err)
	}
	for topic, want := range map[string]string{
		"urbangrid/v1/noise-1/obs":                            "native",
		"urbangrid/v1/noise-1/obs/cbor":                       "native",
		"urbangrid/v1/noise-1/obs/pb":                         "native",
		"application/a/device/0101010101010101/event/up":      "chirpstack",
		"v3/app1@tenant1/devices/dev1/up":                     "tts",
		"spBv1.0/Group/DDATA/Node/Device":                     "sparkplug",
		"frigate/events":                                      "frigate",
		"Cam/onvif-ej/RuleEngine/LineDetector/Crossed/&1/2/F": "onvif",
		"v1.1/Datastreams(1)/Observations":                    "sensorthings",
		"some/other/topic":                                    "",
		"urbangrid/v1/noise-1/other":                          "",
	} {
		if got := accepts(formats, topic); got != want {
			t.Errorf("%s is read as %q, want %q", topic, got, want)
		}
	}
}

func TestFormats_SayEveryFaultOfTheFileAtOnce(t *testing.T) {
	_, err := formatsOf(t, "tts: {naming: colour}\nsparkplug: {rules: [{metric: x, kind: nonsense}]}\nprofiles: [missing.yaml]\njson: [missing-too.yaml]\n")
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"tts:", "sparkplug:", "profiles:", "missing.yaml", "json:", "missing-too.yaml"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not name %s:\n%v", want, err)
		}
	}
	if _, err := formatsOf(t, "chirpsteak: {}\n"); err == nil || !strings.Contains(err.Error(), "chirpsteak") {
		t.Errorf("a part that does not exist: %v", err)
	}
}
