package frigate_test

import (
	"testing"

	"github.com/urbangrid/urbangrid/sensors/codec/codectest"
	"github.com/urbangrid/urbangrid/sensors/codec/frigate"
)

func TestDocs_ExampleIsValid(t *testing.T) {
	if _, err := frigate.NewDecoder(catalog(), codectest.ExampleOptions[frigate.Options](t, "frigate")); err != nil {
		t.Error(err)
	}
}
