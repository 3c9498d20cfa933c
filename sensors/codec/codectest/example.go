package codectest

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"go.yaml.in/yaml/v3"
)

// Example returns the first YAML example of docs/formats/<format>.md, in which
// the kind that such pages invent, my_intrusion, is one of the catalogue. It is
// called from a folder sensors/codec/<format> and ends the test when there is
// none.
func Example(t testing.TB, format string) []byte {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "formats", format+".md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := bytes.Cut(page, []byte("```yaml\n"))
	example, _, ok := bytes.Cut(rest, []byte("```"))
	if !ok {
		t.Fatalf("the page of %s has no example", format)
	}
	return bytes.ReplaceAll(example, []byte("my_intrusion"), []byte("stall"))
}

// ExampleOptions reads what stands under the format's name in its Example as
// O, in which every field of it must be known.
func ExampleOptions[O any](t testing.TB, format string) O {
	t.Helper()
	var file map[string]O
	dec := yaml.NewDecoder(bytes.NewReader(Example(t, format)))
	dec.KnownFields(true)
	if err := dec.Decode(&file); err != nil {
		t.Fatal(err)
	}
	opts, ok := file[format]
	if !ok {
		t.Fatalf("the example does not begin with %s:", format)
	}
	return opts
}
