package jsonmap_test

import (
	"bytes"
	"testing"

	"github.com/urbangrid/urbangrid/sensors/codec/codectest"
	"github.com/urbangrid/urbangrid/sensors/codec/jsonmap"
)

func TestDocs_ExampleIsValid(t *testing.T) {
	if _, err := jsonmap.Load(catalog(), bytes.NewReader(codectest.Example(t, "jsonmap"))); err != nil {
		t.Error(err)
	}
}
