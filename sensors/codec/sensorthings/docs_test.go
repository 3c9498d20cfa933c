package sensorthings_test

import (
	"testing"

	"github.com/urbangrid/urbangrid/sensors/codec/codectest"
	"github.com/urbangrid/urbangrid/sensors/codec/sensorthings"
)

func TestDocs_ExampleIsValid(t *testing.T) {
	if _, err := sensorthings.NewDecoder(catalog(), codectest.ExampleOptions[sensorthings.Options](t, "sensorthings")); err != nil {
		t.Error(err)
	}
}
