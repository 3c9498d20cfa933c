package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/urbangrid/urbangrid/sensors"
)

func formatsOf(t *testing.T, text string) ([]sensors.Format, error) {
	t.Helper()
	set, err := formatSetOf(t, text)
	return set.formats, err
}

func formatSetOf(t *testing.T, text string) (formatSet, error) {
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
	return readFormats(path, catalog, func(sensors.DeviceID) (string, bool) { return "", false }, prometheus.NewRegistry())
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

// What a format reads is asked for at another broker, whether its prefix is written
// with a '/' behind it or without.
func TestFormats_AreSubscribedToAtAnotherBroker(t *testing.T) {
	const configured = "chirpstack: {prefix: eu868%[1]s}\ntts: {prefix: ttn%[1]s}\nfrigate: {prefix: nvr%[1]s}\nsensorthings: {prefix: frost%[1]s}\n" +
		"senml: {topics: [{filter: \"senml/+\"}]}\n"
	for _, slash := range []string{"", "/"} {
		set, err := formatSetOf(t, fmt.Sprintf(configured, slash))
		if err != nil {
			t.Fatal(err)
		}
		for topic, wantOrdered := range map[string]bool{
			"urbangrid/v1/noise-1/obs":                             false,
			"eu868/application/a/device/0101010101010101/event/up": false,
			"ttn/v3/app1@tenant1/devices/dev1/up":                  false,
			"senml/a":                                              false,
			"spBv1.0/Group/DDATA/Node/Device":                      true,
			"nvr/events":                                           true,
			"Cam/onvif-ej/RuleEngine/LineDetector/Crossed/&1/2/F":  true,
			"site/7/cam/onvif-mj/VideoSource":                      true,
			"frost/v1.1/Datastreams(1)/Observations":               true,
		} {
			if accepts(set.formats, topic) == "" {
				t.Errorf("%s is of no format", topic)
			}
			if got := subscribed(set.ordered, topic); got != wantOrdered {
				t.Errorf("%s is subscribed to in order: %v, want %v", topic, got, wantOrdered)
			}
			if got := subscribed(set.filters, topic); got == wantOrdered {
				t.Errorf("%s is subscribed to in any order: %v, want %v", topic, got, !wantOrdered)
			}
		}
	}
}

// subscribed reports whether a filter matches topic.
func subscribed(filters []string, topic string) bool {
	return slices.ContainsFunc(filters, func(f string) bool {
		expr := regexp.QuoteMeta(strings.ReplaceAll(f, "+", "\x00"))
		expr = strings.NewReplacer("\x00", "[^/]*", "#", ".*").Replace(expr)
		ok, err := regexp.MatchString("^"+expr+"$", topic)
		return err == nil && ok
	})
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
