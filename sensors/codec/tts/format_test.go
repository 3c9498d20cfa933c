package tts_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/sensors/codec/codectest"
	"github.com/urbangrid/urbangrid/sensors/codec/tts"
	"github.com/urbangrid/urbangrid/sensors/profile"
)

func newFormat(t testing.TB, opts tts.Options) *tts.Format {
	t.Helper()
	c, err := sensors.DefaultCatalog()
	if err != nil {
		t.Fatal(err)
	}
	s, err := profile.Default(c)
	if err != nil {
		t.Fatal(err)
	}
	return tts.New(s, opts)
}

func TestFormat_KeepsThePromisesOfEveryFormat(t *testing.T) {
	f := newFormat(t, tts.Options{})
	codectest.Run(t, func() sensors.Format { return f }, append(codectest.Load(t, "testdata"), codectest.Shared(t, "tts-v3")...))
}

func TestFormat_ReadsWhatNetworksSend(t *testing.T) {
	codectest.Golden(t, newFormat(t, tts.Options{}), "testdata/golden", codectest.Load(t, "testdata"))
}

func FuzzDecode(f *testing.F) {
	format := newFormat(f, tts.Options{})
	codectest.Fuzz(f, func() sensors.Format { return format }, codectest.Load(f, "testdata"))
}

func TestFormat_AcceptsWhatDevicesSay(t *testing.T) {
	plain, prefixed := newFormat(t, tts.Options{}), newFormat(t, tts.Options{Prefix: "ttn/"})
	for topic, want := range map[string]bool{
		"v3/app@tenant/devices/dev/up":              true,
		"v3/app@tenant/devices/dev/join":            true,
		"v3/app@tenant/devices/dev/location/solved": true,
		"v3/app/devices/dev/up":                     true,
		"v3/app@tenant/devices/dev/down/push":       false,
		"v3/app@tenant/devices/dev/down/sent":       false,
		"v3/app@tenant/devices/dev/service/data":    false,
		"v3/app@tenant/devices/dev":                 false,
		"v3/app@tenant/devices//up":                 false,
		"v3/@tenant/devices/dev/up":                 false,
		"v3/a/b/devices/dev/up":                     false,
		"v2/app/devices/dev/up":                     false,
	} {
		if got := plain.Accepts(topic); got != want {
			t.Errorf("%s: accepted %v, want %v", topic, got, want)
		}
		if got := prefixed.Accepts("ttn/" + topic); got != want {
			t.Errorf("ttn/%s: accepted %v, want %v", topic, got, want)
		}
		if prefixed.Accepts(topic) {
			t.Errorf("%s: accepted without its prefix", topic)
		}
	}
}

func TestFormat_NamesDevicesAsItIsTold(t *testing.T) {
	const topic = "v3/app@tenant/devices/dev/join"
	for _, tt := range []struct {
		ids    string
		naming tts.Naming
		want   sensors.DeviceID
	}{
		{`{"device_id":"dev","dev_eui":"24E124000000000A"}`, tts.ByDeviceID, "dev"},
		{`{"device_id":"dev","dev_eui":"24E124000000000A"}`, tts.ByDevEUI, "24e124000000000a"},
		{`{"device_id":"dev"}`, tts.ByDevEUI, "dev"},
	} {
		var r sensors.Report
		newFormat(t, tts.Options{Naming: tt.naming}).Decode(&r, topic, []byte(`{"end_device_ids":`+tt.ids+`,"join_accept":{"session_key_id":"a"}}`), codectest.Received)
		if len(r.Health) != 1 || r.Health[0].Device != tt.want {
			t.Errorf("%s: got %+v, want device %s", tt.ids, r, tt.want)
		}
	}
}

func TestFormat_AsksTheRegisterForTheProfileFirst(t *testing.T) {
	const up = `{"end_device_ids":{"device_id":"dev"},"uplink_message":{
		"version_ids":{"brand_id":"milesight-iot","model_id":"ws302"},
		"normalized_payload":[{"air":{"temperature":20}}],
		"decoded_payload":{"LAeq":50,"depth":3}}}`
	for key, want := range map[string]string{
		"milesight-em500-swl": "road_water=3",
		"":                    "noise=50",
		"acme":                "no_profile",
	} {
		var r sensors.Report
		newFormat(t, tts.Options{ProfileOf: func(sensors.DeviceID) (string, bool) { return key, key != "" }}).
			Decode(&r, "v3/app@tenant/devices/dev/up", []byte(up), codectest.Received)
		got := ""
		for _, o := range r.Observations {
			got += fmt.Sprintf("%s=%v", o.Kind, o.Value)
		}
		for _, f := range r.Faults {
			got += f.Reason
		}
		if got != want {
			t.Errorf("profile %q: %q, want %q", key, got, want)
		}
	}
}

// Where the collection of real payloads lies beside the checkout: a unit is
// never guessed, and the place registered there is not lost.
func TestFormat_ReadsTheCollectionOfRealPayloads(t *testing.T) {
	f := newFormat(t, tts.Options{})
	for _, m := range codectest.Shared(t, "tts-v3") {
		if m.Name != "tts_v3_up.json" {
			continue
		}
		var r sensors.Report
		f.Decode(&r, m.Topic, m.Payload, codectest.Received)
		if len(r.Faults) != 1 || r.Faults[0].Reason != sensors.ReasonNoProfile {
			t.Errorf("faults are %+v, want no_profile", r.Faults)
		}
		if len(r.Health) != 1 || r.Health[0].Position.LatDegrees != 37.97155556731436 || *r.Health[0].SignalDBm != -35 ||
			!r.Health[0].At.Equal(time.Date(2020, 2, 12, 15, 15, 45, 789585000, time.UTC)) {
			t.Errorf("health is %+v", r.Health)
		}
	}
}
