package ingest_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/urbangrid/urbangrid/ingest"
	"github.com/urbangrid/urbangrid/ingest/ingesttest"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/sensors/codec/senml"
)

// Whatever cannot be kept has its reason in quarantine and in a counter.
func TestIntake_GivesEveryFaultItsReason(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40)
	for _, c := range []struct{ name, payload, reason string }{
		{"nothing at all", ``, "empty"},
		{"no JSON", `noise 57.3`, "bad_json"},
		{"cut off", `{"kind":"noise","value":57.3`, "bad_json"},
		{"NaN is no JSON", `{"kind":"noise","value":NaN,` + place + `}`, "bad_json"},
		{"a number too large for anything", `{"kind":"noise","value":1e999,` + place + `}`, "bad_field"},
		{"invalid UTF-8", "{\"kind\":\"noise\",\"value\":1,\"id\":\"\xff\"}", "invalid_utf8"},
		{"more than 1 MiB", `{"kind":"noise","value":57.3,` + place + `,"attrs":{"x":"` + strings.Repeat("x", 1<<20) + `"}}`, "too_large"},
		{"deep nesting", `{"kind":"noise","value":57.3,` + place + `,"attrs":` + deep + `}`, "too_deep"},
		{"not an object", `[[1]]`, "not_object"},
		{"no kind", `{"value":57.3,` + place + `}`, "missing_kind"},
		{"unknown kind", `{"kind":"weather_on_mars","value":1,` + place + `}`, "unknown_kind"},
		{"a measure without value", `{"kind":"noise",` + place + `}`, "missing_value"},
		{"value out of range", `{"kind":"noise","value":5000,` + place + `}`, "out_of_range"},
		{"an event that did not happen", `{"kind":"smoke","value":false,` + place + `}`, "out_of_range"},
		{"ten minutes in the future", `{"kind":"noise","value":50,"time":"2026-11-22T08:10:00Z",` + place + `}`, "future_time"},
		{"a wrong year", `{"kind":"noise","value":50,"time":"1970-01-01T00:00:05Z",` + place + `}`, "implausible_time"},
		{"no time at all", `{"kind":"noise","value":50,"time":"yesterday",` + place + `}`, "bad_time"},
		{"half a position", `{"kind":"noise","value":50,"lat":31.2}`, "bad_position"},
		{"a position off the Earth", `{"kind":"noise","value":50,"lat":131.2,"lon":10}`, "bad_position"},
		{"no position", `{"kind":"noise","value":50}`, "no_position"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := ingesttest.NewGate()
				g.Let(10)
				reg := prometheus.NewRegistry()
				in := newIntake(t, g, ingest.Options{Registerer: reg})
				stop := running(in)
				in.Submit(message("d", c.payload))
				if err := stop(); err != nil {
					t.Fatal(err)
				}
				if got, want := fmt.Sprint(g.Reasons()), fmt.Sprintf("map[%s:1]", c.reason); got != want {
					t.Errorf("quarantined %s, want %s", got, want)
				}
				if n := len(g.Observations()); n != 0 {
					t.Errorf("%d observations were kept", n)
				}
				if n := testutil.ToFloat64(counter(t, reg, "urbangrid_ingest_observations_rejected_total", c.reason)); n != 1 {
					t.Errorf("counter{%s} is %v, want 1", c.reason, n)
				}
				r := g.Entries()[0].Rejects[0]
				if r.Size != len(c.payload) || r.Topic == "" || !r.At.Equal(received) || r.Detail == "" {
					t.Errorf("quarantined without what a person needs: %+v", r)
				}
				if whole := len(c.payload) <= 16<<10; whole != (r.Message != nil) || (whole && string(r.Message) != c.payload) {
					t.Errorf("the message of %d bytes is kept as %d", len(c.payload), len(r.Message))
				}
			})
		})
	}
}

func TestIntake_KeepsAndCountsWhatIsOutsideTheDistrict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := ingesttest.NewGate()
		g.Let(10)
		reg := prometheus.NewRegistry()
		in := newIntake(t, g, ingest.Options{Registerer: reg})
		stop := running(in)
		in.Submit(message("d", `{"kind":"noise","value":50,"lat":34.05,"lon":-118.25}`))
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		got := g.Observations()
		if len(got) != 1 || got[0].Cell == 0 || got[0].Area != "" {
			t.Fatalf("kept %+v, want one observation with a cell and without an area", got)
		}
		const want = `
			# HELP urbangrid_ingest_observations_outside_total Observations that were kept although their place is outside every area.
			# TYPE urbangrid_ingest_observations_outside_total counter
			urbangrid_ingest_observations_outside_total 1
		`
		if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "urbangrid_ingest_observations_outside_total"); err != nil {
			t.Error(err)
		}
	})
}

func TestIntake_QuarantinesUnknownDevicesUnderAClosedPolicy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := ingesttest.NewGate()
		g.Let(10)
		in := newIntake(t, g, ingest.Options{Known: func(id sensors.DeviceID) bool { return id == "known" }})
		stop := running(in)
		in.Submit(message("stranger", noise(0)))
		in.Submit(message("known", noise(0)))
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if got := g.Observations(); len(got) != 1 || got[0].Device != "known" {
			t.Errorf("kept %v, want that of the known device", got)
		}
		if got := fmt.Sprint(g.Reasons()); got != "map[unknown_device:1]" {
			t.Errorf("quarantined %s, want unknown_device", got)
		}
	})
}

func TestIntake_QuarantinesKindsThatADeviceIsNotRegisteredFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := ingesttest.NewGate()
		g.Let(10)
		in := newIntake(t, g, ingest.Options{Sends: func(_ sensors.DeviceID, k sensors.KindKey) bool { return k == "noise" }})
		stop := running(in)
		in.Submit(message("d", `[`+noise(0)+`,{"kind":"pm25","value":12,`+place+`}]`))
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(g.Reasons()); got != "map[unexpected_kind:1]" || len(g.Observations()) != 1 {
			t.Errorf("quarantined %s and kept %d, want unexpected_kind and one", got, len(g.Observations()))
		}
	})
}

// A unit that is another than the format's rule allows is a fault like the others.
func TestIntake_QuarantinesWrongUnits(t *testing.T) {
	catalog, err := sensors.DefaultCatalog()
	if err != nil {
		t.Fatal(err)
	}
	format, err := senml.New(catalog, senml.Options{
		Topics: []senml.Topic{{Filter: "senml/+", DeviceLevel: 2}},
		Rules:  []senml.Rule{{Name: "temperature", Kind: "temperature"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		g := ingesttest.NewGate()
		g.Let(10)
		reg := prometheus.NewRegistry()
		in := newIntakeOf(t, g, []sensors.Format{format}, ingest.Options{Registerer: reg})
		stop := running(in)
		in.Submit(ingest.Message{Topic: "senml/known", Received: received,
			Payload: []byte(`[{"n":"temperature","u":"Pa","v":21},{"n":"temperature","u":"Cel","v":21}]`)})
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(g.Reasons()); got != "map[wrong_unit:1]" || len(g.Observations()) != 1 {
			t.Errorf("quarantined %s and kept %d, want wrong_unit and one", got, len(g.Observations()))
		}
		if n := testutil.ToFloat64(counter(t, reg, "urbangrid_ingest_observations_rejected_total", "wrong_unit")); n != 1 {
			t.Errorf("counter{wrong_unit} is %v, want 1", n)
		}
	})
}

// private is a format whose messages may hold personal data.
type private struct{ sensors.Format }

func (private) Accepts(topic string) bool { return topic == "camera" }

func (private) Decode(r *sensors.Report, _ string, payload []byte, _ time.Time) {
	r.Private = true
	r.Faults = append(r.Faults, sensors.Fault{Reason: sensors.ReasonBadField, Detail: "field x", Raw: payload[:3]})
}

func TestIntake_KeepsNoWholeMessageThatMayHoldPersonalData(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := ingesttest.NewGate()
		g.Let(10)
		in := ingest.New(g, []sensors.Format{private{}}, nil, nil, ingest.Options{})
		stop := running(in)
		in.Submit(ingest.Message{Topic: "camera", Payload: []byte("abc plate 沪A12345"), Received: received})
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		r := g.Entries()[0].Rejects
		if len(r) != 1 || r[0].Message != nil || string(r[0].Payload) != "abc" {
			t.Errorf("quarantined %+v, want the part at fault alone", r)
		}
	})
}
