package jsonmap_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/urbangrid/urbangrid/sensors/codec/jsonmap"
)

func TestDocs_ExampleIsValid(t *testing.T) {
	page, err := os.ReadFile("../../../docs/formats/jsonmap.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := bytes.Cut(page, []byte("```yaml\n"))
	example, _, ok := bytes.Cut(rest, []byte("```"))
	if !ok {
		t.Fatal("the page has no example")
	}
	if _, err := jsonmap.Load(catalog(), bytes.NewReader(example)); err != nil {
		t.Error(err)
	}
}
