package chirpstack_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/sensors/codec/chirpstack"
	"github.com/urbangrid/urbangrid/sensors/codec/codectest"
	"github.com/urbangrid/urbangrid/sensors/profile"
)

func newFormat(t testing.TB, opts chirpstack.Options) *chirpstack.Format {
	t.Helper()
	c, err := sensors.DefaultCatalog()
	if err != nil {
		t.Fatal(err)
	}
	s, err := profile.Default(c)
	if err != nil {
		t.Fatal(err)
	}
	return chirpstack.New(s, opts)
}

func TestFormat_KeepsThePromisesOfEveryFormat(t *testing.T) {
	f := newFormat(t, chirpstack.Options{})
	codectest.Run(t, func() sensors.Format { return f }, append(codectest.Load(t, "testdata"), codectest.Shared(t, "chirpstack-v4")...))
}

func TestFormat_ReadsWhatNetworksSend(t *testing.T) {
	codectest.Golden(t, newFormat(t, chirpstack.Options{}), "testdata/golden", codectest.Load(t, "testdata"))
}

func FuzzDecode(f *testing.F) {
	format := newFormat(f, chirpstack.Options{})
	codectest.Fuzz(f, func() sensors.Format { return format }, codectest.Load(f, "testdata"))
}

// say writes what a report says of the city and of health, one thing a word.
func say(r *sensors.Report) string {
	var out []string
	for _, o := range r.Observations {
		out = append(out, fmt.Sprintf("%s=%v", o.Kind, o.Value))
	}
	for _, h := range r.Health {
		if h.Presence == sensors.Online {
			out = append(out, "online")
		}
		if h.BatteryPercent != nil {
			out = append(out, fmt.Sprintf("battery=%v", *h.BatteryPercent))
		}
		if h.SignalDBm != nil {
			out = append(out, fmt.Sprintf("signal=%v", *h.SignalDBm))
		}
		if h.Position.Known() {
			out = append(out, fmt.Sprintf("at=%v,%v", h.Position.LatDegrees, h.Position.LonDegrees))
		}
		if h.Note != "" {
			out = append(out, "note")
		}
	}
	for _, f := range r.Faults {
		out = append(out, f.Reason)
	}
	return strings.Join(out, " ")
}

// Where the collection of real payloads lies beside the checkout, these are what
// they say.
func TestFormat_ReadsTheCollectionOfRealPayloads(t *testing.T) {
	want := map[string]string{
		"chirpstack_v4_up.json":                     "online signal=-36 no_profile",
		"chirpstack_v4_status.json":                 "online battery=88.3",
		"chirpstack_v4_join.json":                   "online",
		"chirpstack_v4_log.json":                    "note not_delivered",
		"chirpstack_v4_location.json":               "at=37.344214,-8.839375",
		"chirpstack_milesight_tilt_manhole.json":    "manhole_tilt=0 tilted=1 online signal=-36",
		"chirpstack_milesight_bin_ultrasonic.json":  "temperature=25.7 distance=211.6 tilted=1 online battery=92 signal=-36",
		"chirpstack_milesight_bin_underground.json": "distance=211.6 tilted=1 online battery=92 signal=-36",
		"chirpstack_milesight_water_level.json":     "road_water=2 online battery=100 signal=-36",
		"chirpstack_milesight_noise.json":           "noise=47.4 online battery=100 signal=-36",
		"chirpstack_milesight_air.json":             "temperature=23.8 humidity=62 co2=936 pressure=1008.6 pm25=32 pm10=48 online signal=-36",
	}
	f := newFormat(t, chirpstack.Options{})
	for _, m := range codectest.Shared(t, "chirpstack-v4") {
		var r sensors.Report
		f.Decode(&r, m.Topic, m.Payload, codectest.Received)
		if got := say(&r); want[m.Name] != "" && got != want[m.Name] {
			t.Errorf("%s says %q, want %q", m.Name, got, want[m.Name])
		}
	}
}

func TestFormat_AcceptsTheEventsOfDevices(t *testing.T) {
	plain, prefixed := newFormat(t, chirpstack.Options{}), newFormat(t, chirpstack.Options{Prefix: "cn470"})
	for topic, want := range map[string]bool{
		"application/a/device/24e124000000000a/event/up":       true,
		"application/a/device/24e124000000000a/event/join":     true,
		"application/a/device/24e124000000000a/event/status":   true,
		"application/a/device/24e124000000000a/event/location": true,
		"application/a/device/24e124000000000a/event/log":      true,
		"application/a/device/24e124000000000a/event/ack":      false,
		"application/a/device/24e124000000000a/event/up/x":     false,
		"application/a/device/24e124000000000a/event/":         false,
		"application/a/device/24e124000000000a/command/down":   false,
		"application/a/device/x/y/event/up":                    false,
		"application/a/b/device/x/event/up":                    false,
		"application//device/x/event/up":                       false,
		"application/a/device//event/up":                       false,
		"gateway/0016c001f153a14c/event/up":                    false,
	} {
		if got := plain.Accepts(topic); got != want {
			t.Errorf("%s: accepted %v, want %v", topic, got, want)
		}
		if got := prefixed.Accepts("cn470/" + topic); got != want {
			t.Errorf("cn470/%s: accepted %v, want %v", topic, got, want)
		}
		if prefixed.Accepts(topic) {
			t.Errorf("%s: accepted without its prefix", topic)
		}
	}
}

func TestFormat_AsksTheRegisterForTheProfileFirst(t *testing.T) {
	const up = `{"deviceInfo":{"devEui":"24E124000000000A","deviceProfileName":"WS302"},"object":{"distance":1025,"LAeq":50}}`
	for key, want := range map[string]string{
		"milesight-em400-mud.empty-1850.full-200": "distance=102.5 bin_fill=50 online",
		"milesight-em400-mud":                     "distance=102.5 online",
		"acme":                                    "online no_profile",
		"":                                        "noise=50 online",
	} {
		f := newFormat(t, chirpstack.Options{ProfileOf: func(id sensors.DeviceID) (string, bool) {
			return key, key != "" && id == "24e124000000000a"
		}})
		var r sensors.Report
		f.Decode(&r, "application/a/device/24e124000000000a/event/up", []byte(up), codectest.Received)
		if got := say(&r); got != want {
			t.Errorf("profile %q: %q, want %q", key, got, want)
		}
	}
}

func TestFormat_RefusesTopicsThatNameNoDevEUI(t *testing.T) {
	f := newFormat(t, chirpstack.Options{})
	for _, eui := range []string{"24e12400000000", "24e124000000000g", "24e124000000000a0", "ｆ4e12400000000"} {
		var r sensors.Report
		f.Decode(&r, "application/a/device/"+eui+"/event/up", []byte(`{"deviceInfo":{"devEui":"`+eui+`"},"object":{"LAeq":50}}`), codectest.Received)
		if got := say(&r); got != sensors.ReasonBadDevice {
			t.Errorf("%s: %q, want %q", eui, got, sensors.ReasonBadDevice)
		}
	}
}
