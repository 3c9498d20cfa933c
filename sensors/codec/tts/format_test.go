package tts_test

import (
	"testing"

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
