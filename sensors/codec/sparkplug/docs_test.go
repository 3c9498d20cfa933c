package sparkplug_test

import (
	"bytes"
	"testing"

	"github.com/urbangrid/urbangrid/sensors/codec/codectest"
	"github.com/urbangrid/urbangrid/sensors/codec/sparkplug"
)

func TestDocs_ExampleIsValid(t *testing.T) {
	opts, err := sparkplug.ReadOptions(bytes.NewReader(codectest.Example(t, "sparkplug")))
	if err != nil {
		t.Fatal(err)
	}
	newFormat(t, opts)
}
