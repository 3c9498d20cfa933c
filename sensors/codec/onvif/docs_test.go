package onvif_test

import (
	"testing"

	"github.com/urbangrid/urbangrid/sensors/codec/codectest"
	"github.com/urbangrid/urbangrid/sensors/codec/onvif"
)

func TestDocs_ExampleIsValid(t *testing.T) {
	if _, err := onvif.NewDecoder(catalog(), codectest.ExampleOptions[onvif.Options](t, "onvif")); err != nil {
		t.Error(err)
	}
}
