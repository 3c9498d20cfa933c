package chirpstack_test

import (
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
