package onvif_test

import (
	"bytes"
	"os"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/urbangrid/urbangrid/sensors/codec/onvif"
)

// The example of the format's page is a valid configuration, but for the kinds
// that it invents.
func TestDocs_ExampleIsValid(t *testing.T) {
	page, err := os.ReadFile("../../../docs/formats/onvif.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := bytes.Cut(page, []byte("```yaml\n"))
	example, _, ok := bytes.Cut(rest, []byte("```"))
	if !ok {
		t.Fatal("the page has no example")
	}
	example = bytes.ReplaceAll(example, []byte("my_intrusion"), []byte("stall"))
	var file map[string]onvif.Options
	dec := yaml.NewDecoder(bytes.NewReader(example))
	dec.KnownFields(true)
	if err := dec.Decode(&file); err != nil {
		t.Fatal(err)
	}
	opts, ok := file["onvif"]
	if !ok {
		t.Fatal("the example does not begin with onvif:")
	}
	if _, err := onvif.NewDecoder(catalog(), opts); err != nil {
		t.Error(err)
	}
}
