package native_test

import (
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/sensors/codec/native"
)

var received = time.Date(2026, 11, 22, 8, 0, 1, 987_654_321, time.FixedZone("CST", 8*3600))

func newDecoder(t testing.TB) *native.Decoder {
	t.Helper()
	c, err := sensors.DefaultCatalog()
	if err != nil {
		t.Fatal(err)
	}
	return native.NewDecoder(c)
}

func TestDecoder_ReadsEveryField(t *testing.T) {
	obs, faults := newDecoder(t).Decode(nil, "noise-0042", []byte(example), received)
	if len(faults) != 0 || len(obs) != 1 {
		t.Fatalf("got %v, faults %v", obs, faults)
	}
	want := sensors.Observation{
		Device:   "noise-0042",
		Kind:     "noise",
		Value:    57.3,
		At:       time.Date(2026, 11, 22, 8, 0, 0, 123_000_000, time.UTC),
		Received: time.Date(2026, 11, 22, 0, 0, 1, 987_654_000, time.UTC),
		ID:       "b2c1-0042",
		Position: sensors.Position{LatDegrees: 31.2498, LonDegrees: 121.3955, Datum: sensors.WGS84},
		Attrs:    `{"battery_volts":3.61,"firmware":"2.4.1"}`,
	}
	if obs[0] != want {
		t.Errorf("got  %+v\nwant %+v", obs[0], want)
	}
}
