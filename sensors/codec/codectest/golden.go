package codectest

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/urbangrid/urbangrid/sensors"
)

// update rewrites what Golden compares with. A format's tests that bring a flag
// of this name would not start.
var update = flag.Bool("update", false, "rewrite the golden reports")

// entry is one line of an index.json.
type entry struct {
	File   string `json:"file"`
	Format string `json:"format"`
	Topic  string `json:"topic"`
}

// Load reads the messages that dir/index.json names: a JSON array of objects
// with "file" and "topic", and "format" when formats is not empty, of which it
// takes those. It ends the test when there is none.
func Load(t testing.TB, dir string, formats ...string) []Message {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var index []entry
	if err := json.Unmarshal(raw, &index); err != nil {
		t.Fatalf("%s: %v", dir, err)
	}
	var out []Message
	for _, e := range index {
		if len(formats) > 0 && !strings.Contains("\n"+strings.Join(formats, "\n")+"\n", "\n"+e.Format+"\n") {
			continue
		}
		payload, err := os.ReadFile(filepath.Join(dir, e.File))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, Message{Name: e.File, Topic: e.Topic, Payload: payload})
	}
	if len(out) == 0 {
		t.Fatalf("%s has no messages of %v", dir, formats)
	}
	return out
}

// Shared returns the messages of the given formats from the collection of real
// payloads beside the checkout, none when it is not there. It is called from a
// folder sensors/codec/<format>.
func Shared(t testing.TB, formats ...string) []Message {
	t.Helper()
	dir := filepath.Join("..", "..", "..", "..", "shared", "payloads")
	if _, err := os.Stat(filepath.Join(dir, "index.json")); err != nil {
		return nil
	}
	return Load(t, dir, formats...)
}

// Golden decodes messages, one after the other with the same format, and
// compares each report with dir/<name>.golden. "go test -update" rewrites them,
// to be reviewed as a difference.
func Golden(t *testing.T, format sensors.Format, dir string, messages []Message) {
	t.Helper()
	for _, m := range messages {
		var r sensors.Report
		format.Decode(&r, m.Topic, m.Payload, Received)
		got := m.Topic + "\n" + describe(&r)
		file := filepath.Join(dir, strings.TrimSuffix(m.Name, filepath.Ext(m.Name))+".golden")
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Error(err)
			continue
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", m.Name, diff)
		}
	}
}

// describe writes a report for people.
func describe(r *sensors.Report) string {
	var b strings.Builder
	line := func(what string, v any) {
		b.WriteString(what)
		b.WriteByte(' ')
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(v); err != nil {
			b.WriteString(err.Error() + "\n")
		}
	}
	for _, o := range r.Observations {
		line("observation", o)
	}
	for _, h := range r.Health {
		line("health", h)
	}
	for _, f := range r.Faults {
		line("fault", struct {
			Index          int
			Reason, Detail string
		}{f.Index, f.Reason, f.Detail})
	}
	for _, c := range r.Commands {
		line("command", c)
	}
	if b.Len() == 0 {
		return "nothing\n"
	}
	return b.String()
}
