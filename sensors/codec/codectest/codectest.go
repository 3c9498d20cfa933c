// Package codectest holds the promises that every format keeps, once for all.
// A new format calls Run from a test, Fuzz from a fuzz target and Golden for its
// examples; see docs/ADDING-A-FORMAT.md.
package codectest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/urbangrid/urbangrid/sensors"
)

// Message is one input of a format.
type Message struct {
	Name    string
	Topic   string
	Payload []byte
}

// Received is when every message of the suite is taken in. It has nanoseconds
// and a zone, which no observation may show.
var Received = time.Date(2026, 11, 22, 16, 0, 0, 123456789, time.FixedZone("CST", 8*3600))

// Run holds the formats that newFormat makes to their promises with seeds, with
// damaged seeds, and with what no device should send. Each seed's topic must be
// one that the format accepts. It is meant to be run under the race detector
// too: one part decodes from several goroutines at once.
func Run(t *testing.T, newFormat func() sensors.Format, seeds []Message) {
	t.Helper()
	if len(seeds) == 0 {
		t.Fatal("no seeds")
	}
	t.Run("name is a label", func(t *testing.T) {
		if name := newFormat().Name(); !sensors.ValidKindKey(name) {
			t.Errorf("Name is %q, want lower-case letters, digits and '_'", name)
		}
	})
	t.Run("seeds keep the promises", func(t *testing.T) {
		for _, m := range seeds {
			if !newFormat().Accepts(m.Topic) {
				t.Errorf("%s: topic %q is not accepted", m.Name, m.Topic)
			}
			Check(t, newFormat, m.Topic, m.Payload)
		}
	})
	t.Run("damaged seeds keep the promises", func(t *testing.T) {
		for _, m := range seeds {
			for _, payload := range damaged(m.Payload) {
				Check(t, newFormat, m.Topic, payload)
			}
		}
	})
	t.Run("hostile payloads keep the promises", func(t *testing.T) {
		for i, m := range firstOfTopic(seeds) {
			for _, payload := range hostile() {
				if i < 3 || len(payload) < 1<<10 { // large ones take a second for each topic
					Check(t, newFormat, m.Topic, payload)
				}
			}
		}
	})
	t.Run("safe for concurrent use", func(t *testing.T) { concurrent(newFormat(), seeds) })
	t.Run("foreign topics are not accepted", func(t *testing.T) {
		for _, topic := range []string{"", "/", "$SYS/broker/uptime", "another/building/door"} {
			if newFormat().Accepts(topic) {
				t.Errorf("accepts %q", topic)
			}
		}
	})
}

// Fuzz runs Check on whatever the engine thinks of, beginning with seeds.
// Topics that the format does not accept are left out.
func Fuzz(f *testing.F, newFormat func() sensors.Format, seeds []Message) {
	f.Helper()
	for _, m := range seeds {
		f.Add(m.Topic, m.Payload)
	}
	accepts := newFormat()
	f.Fuzz(func(t *testing.T, topic string, payload []byte) {
		if !accepts.Accepts(topic) {
			return
		}
		Check(t, newFormat, topic, payload)
	})
}

// Check decodes one message, which may be anything, and holds the result to
// every promise of [sensors.Format] that can be seen from outside.
func Check(t testing.TB, newFormat func() sensors.Format, topic string, payload []byte) {
	t.Helper()
	kept := bytes.Clone(payload)
	payload = bytes.Clone(payload) // is overwritten below
	format := newFormat()
	var r sensors.Report
	format.Decode(&r, topic, payload, Received)
	if !bytes.Equal(kept, payload) {
		t.Fatalf("%q: payload %.200q was changed", topic, kept)
	}
	if err := wellFormed(&r, payload); err != nil {
		t.Fatalf("%q %.300q: %v", topic, payload, err)
	}
	before := render(&r)

	var again sensors.Report
	newFormat().Decode(&again, topic, payload, Received)
	if got := render(&again); got != before {
		t.Fatalf("%q %.300q is not read alike twice:\n%s\n%s", topic, payload, before, got)
	}
	repeated(t, format, &r, topic, payload)
	appended(t, newFormat, before, topic, payload)

	for i := range payload {
		payload[i] ^= 0x15
	}
	r.Faults = nil // Raw is the payload's
	if got, want := render(&r), withoutFaults(newFormat, topic, kept); got != want {
		t.Errorf("%q %.300q shares memory with the report:\n%s\n%s", topic, kept, want, got)
	}
}

// repeated holds a format to saying nothing new when the same message comes
// again, as QoS 1 allows.
func repeated(t testing.TB, format sensors.Format, first *sensors.Report, topic string, payload []byte) {
	t.Helper()
	seen := make(map[sensors.Observation]bool)
	for _, o := range first.Observations {
		seen[identity(o)] = true
	}
	var r sensors.Report
	format.Decode(&r, topic, payload, Received)
	for _, o := range r.Observations {
		if !seen[identity(o)] {
			t.Fatalf("%q %.300q, repeated, says something new: %+v", topic, payload, o)
		}
	}
}

// identity is what ingest tells duplicates by.
func identity(o sensors.Observation) sensors.Observation {
	if o.ID != "" {
		return sensors.Observation{Device: o.Device, ID: o.ID}
	}
	return sensors.Observation{Device: o.Device, Kind: o.Kind, At: o.At}
}

// appended holds a format to leaving alone what a report already has.
func appended(t testing.TB, newFormat func() sensors.Format, want, topic string, payload []byte) {
	t.Helper()
	var r sensors.Report
	r.Observations = append(r.Observations, sensors.Observation{Device: "before"})
	r.Faults = append(r.Faults, sensors.Fault{Reason: "before"})
	r.Health = append(r.Health, sensors.Health{Device: "before"})
	r.Commands = append(r.Commands, sensors.Command{Topic: "before"})
	newFormat().Decode(&r, topic, payload, Received)
	if len(r.Observations) == 0 || r.Observations[0].Device != "before" ||
		len(r.Faults) == 0 || r.Faults[0].Reason != "before" ||
		len(r.Health) == 0 || r.Health[0].Device != "before" ||
		len(r.Commands) == 0 || r.Commands[0].Topic != "before" {
		t.Fatalf("%q %.300q: what the report had before was changed", topic, payload)
	}
	r.Observations, r.Faults, r.Health, r.Commands = r.Observations[1:], r.Faults[1:], r.Health[1:], r.Commands[1:]
	if got := render(&r); got != want {
		t.Fatalf("%q %.300q reads differently into a used report:\n%s\n%s", topic, payload, want, got)
	}
}

func withoutFaults(newFormat func() sensors.Format, topic string, payload []byte) string {
	var r sensors.Report
	newFormat().Decode(&r, topic, payload, Received)
	r.Faults = nil
	return render(&r)
}

func render(r *sensors.Report) string {
	b, err := json.Marshal(struct {
		O []sensors.Observation
		H []sensors.Health
		F []sensors.Fault
		C []sensors.Command
	}{orEmpty(r.Observations), orEmpty(r.Health), orEmpty(r.Faults), orEmpty(r.Commands)})
	if err != nil {
		return fmt.Sprintf("%+v (%v)", *r, err) // NaN, which wellFormed reports
	}
	return string(b)
}

func orEmpty[T any](s []T) []T {
	if len(s) == 0 {
		return []T{}
	}
	return s
}

// damaged returns payload cut off, with bytes flipped, doubled, and with its
// values exchanged for ones of other types.
func damaged(payload []byte) [][]byte {
	var out [][]byte
	step := max(1, len(payload)/40)
	for i := 0; i < len(payload); i += step {
		out = append(out, bytes.Clone(payload[:i]))
		flipped := bytes.Clone(payload)
		flipped[i] ^= 1 << (i % 8)
		out = append(out, flipped)
	}
	out = append(out, append(bytes.Clone(payload), payload...))
	for _, swap := range [][2]string{
		{`"`, ``}, {`:`, `:[`}, {`{`, `[`}, {`true`, `"maybe"`}, {`1`, `null`}, {`1`, `1e999`}, {`2`, `"x"`},
		{`20`, `-99`}, {`"`, "\"\xff"}, {`:`, `:{"a":`}, {`0`, `00`}, {`3`, `"NaN"`}, {`.`, `e308`},
	} {
		out = append(out, bytes.ReplaceAll(payload, []byte(swap[0]), []byte(swap[1])))
	}
	return out
}

// hostile returns payloads that no device should send.
func hostile() [][]byte {
	return [][]byte{
		nil, {}, {0}, []byte(" \n"), []byte("null"), []byte("[]"), []byte("{}"), []byte(`""`), []byte("NaN"),
		[]byte("\xff\xfe"), bytes.Repeat([]byte("["), 100_000), bytes.Repeat([]byte(`{"a":`), 50_000),
		bytes.Repeat([]byte("x"), 1<<20+1), append([]byte(`"`), append(bytes.Repeat([]byte("y"), 1<<20), '"')...),
		append(append([]byte(`[`), bytes.Repeat([]byte(`{},`), 50_000)...), []byte(`{}]`)...),
		[]byte(`[[[]]]`), []byte(`{"":{"":{}}}`), []byte(`-1`), []byte(`true`), []byte(`1e400`),
	}
}

func firstOfTopic(seeds []Message) []Message {
	var out []Message
	seen := make(map[string]bool)
	for _, m := range seeds {
		if !seen[m.Topic] {
			seen[m.Topic] = true
			out = append(out, m)
		}
	}
	return out
}

func concurrent(format sensors.Format, seeds []Message) {
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			var r sensors.Report
			for i := range 25 {
				for j := range seeds {
					m := seeds[(i+j+g)%len(seeds)]
					r.Reset()
					format.Decode(&r, m.Topic, m.Payload, Received)
				}
			}
		})
	}
	wg.Wait()
}

// within reports whether part lies in whole.
func within(part, whole []byte) bool {
	if len(part) == 0 {
		return true
	}
	if len(part) > len(whole) {
		return false
	}
	p, w := uintptr(unsafe.Pointer(&part[0])), uintptr(unsafe.Pointer(&whole[0]))
	return p >= w && p+uintptr(len(part)) <= w+uintptr(len(whole))
}
