package native_test

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/sensors/codec/native"
)

// FuzzDecode holds the decoder against encoding/json: both accept the same
// messages and elements, and read the same values from them.
func FuzzDecode(f *testing.F) {
	golden, err := filepath.Glob("testdata/golden/*.json")
	if err != nil || len(golden) == 0 {
		f.Fatalf("no golden payloads: %v", err)
	}
	for _, name := range golden {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	for _, tt := range elementCases {
		f.Add([]byte(tt.give))
	}
	for _, tt := range messageCases {
		if len(tt.give) < 10_000 { // larger seeds make the engine crawl
			f.Add([]byte(tt.give))
		}
	}
	d := newDecoder(f)
	catalog, err := sensors.DefaultCatalog()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		kept := bytes.Clone(payload)
		obs, faults := d.Decode(nil, "d", payload, received)
		if !bytes.Equal(kept, payload) {
			t.Fatal("payload was changed")
		}
		if len(faults) == 1 && faults[0].Index == sensors.WholeMessage && faults[0].Reason == sensors.ReasonTooDeep {
			if bytes.Count(payload, []byte("["))+bytes.Count(payload, []byte("{")) < 1000 {
				t.Fatalf("refused as too deep: %s", payload)
			}
			return
		}
		compare(t, catalog, payload, obs, faults)
	})
}

func compare(t *testing.T, catalog *sensors.Catalog, payload []byte, obs []sensors.Observation, faults []sensors.Fault) {
	t.Helper()
	elements, ok := splitReference(payload)
	if !ok {
		if len(obs) != 0 || len(faults) != 1 || faults[0].Index != sensors.WholeMessage {
			t.Fatalf("encoding/json refuses %q, got %v, %v", payload, obs, faults)
		}
		return
	}
	if len(obs)+len(faults) != len(elements) {
		t.Fatalf("%q has %d elements, got %d observations and %v", payload, len(elements), len(obs), faults)
	}
	for i, e := range elements {
		want, ok := elementReference(catalog, e)
		if !ok {
			if len(faults) == 0 || faults[0].Index != i {
				t.Fatalf("element %d %q should be a fault, got %v", i, e, obs)
			}
			if !bytes.Equal(bytes.TrimSpace(e), faults[0].Raw) {
				t.Fatalf("fault shows %q instead of %q", faults[0].Raw, e)
			}
			faults = faults[1:]
			continue
		}
		if len(obs) == 0 {
			t.Fatalf("element %d %q should be read, got %v", i, e, faults)
		}
		got := obs[0]
		obs = obs[1:]
		if math.Float64bits(got.Value) != math.Float64bits(want.Value) || got != want {
			t.Fatalf("element %d %q\ngot  %+v\nwant %+v", i, e, got, want)
		}
	}
}

// splitReference returns the elements of a message, false when the message as a
// whole is refused.
func splitReference(payload []byte) ([]json.RawMessage, bool) {
	if len(payload) > native.MaxPayloadBytes || !utf8.Valid(payload) || !json.Valid(payload) {
		return nil, false
	}
	var elements []json.RawMessage
	if bytes.TrimSpace(payload)[0] != '[' {
		return []json.RawMessage{payload}, true
	}
	if err := json.Unmarshal(payload, &elements); err != nil {
		return nil, false
	}
	return elements, len(elements) > 0 && len(elements) <= native.MaxElements
}

// elementReference reads one element the plain way.
func elementReference(catalog *sensors.Catalog, raw []byte) (sensors.Observation, bool) {
	now := received.UTC().Truncate(time.Microsecond)
	o := sensors.Observation{Device: "d", At: now, Received: now}
	var fields map[string]json.RawMessage
	if bytes.TrimSpace(raw)[0] != '{' || json.Unmarshal(raw, &fields) != nil || depthReference(raw) > native.MaxDepth {
		return o, false
	}
	for name, v := range fields {
		if string(v) == "null" {
			delete(fields, name)
		}
	}
	ok := kindReference(catalog, fields, &o) &&
		timeReference(fields, &o) &&
		positionReference(fields, &o)
	if !ok {
		return o, false
	}
	if v, given := fields["id"]; given {
		if json.Unmarshal(v, &o.ID) != nil || len(o.ID) < 1 || len(o.ID) > sensors.MaxIDBytes {
			return o, false
		}
	}
	if v, given := fields["attrs"]; given {
		var compact bytes.Buffer
		if v[0] != '{' || json.Compact(&compact, v) != nil || compact.Len() > native.MaxAttrsBytes {
			return o, false
		}
		if compact.String() != "{}" {
			o.Attrs = compact.String()
		}
	}
	return o, true
}

func kindReference(catalog *sensors.Catalog, fields map[string]json.RawMessage, o *sensors.Observation) bool {
	var key string
	if v, given := fields["kind"]; !given || json.Unmarshal(v, &key) != nil || !sensors.ValidKindKey(key) {
		return false
	}
	o.Kind = sensors.KindKey(key)
	kind, _ := catalog.Kind(o.Kind)
	v, given := fields["value"]
	switch {
	case !given:
		o.Value = 1
		return kind.Type != sensors.Measure
	case string(v) == "true":
		o.Value = 1
		return true
	case string(v) == "false":
		return true
	}
	return json.Unmarshal(v, &o.Value) == nil
}

// rfc3339Pattern refuses what the time package lets through by mistake: commas
// and offsets of 24 hours.
var rfc3339Pattern = regexp.MustCompile(`^[0-9-]{10}T[0-9:]{8}(\.[0-9]+)?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$`)

func timeReference(fields map[string]json.RawMessage, o *sensors.Observation) bool {
	v, given := fields["time"]
	if !given {
		return true
	}
	var ms int64
	if json.Unmarshal(v, &ms) == nil {
		o.At = time.UnixMilli(ms).UTC()
		return o.At.Year() >= 0 && o.At.Year() <= 9999
	}
	var text string
	if json.Unmarshal(v, &text) != nil || !rfc3339Pattern.MatchString(text) || o.At.UnmarshalText([]byte(text)) != nil {
		return false
	}
	o.At = o.At.UTC()
	o.At = o.At.Add(-time.Duration(o.At.Nanosecond() % 1000))
	return o.At.Year() >= 0 && o.At.Year() <= 9999 // an offset can lead out of them
}

func positionReference(fields map[string]json.RawMessage, o *sensors.Observation) bool {
	datum := "wgs84"
	if v, given := fields["datum"]; given && json.Unmarshal(v, &datum) != nil {
		return false
	}
	d, err := sensors.ParseDatum(datum)
	if err != nil {
		return false
	}
	lat, hasLat := fields["lat"]
	lon, hasLon := fields["lon"]
	if !hasLat && !hasLon {
		return true
	}
	p := sensors.Position{Datum: d}
	if !hasLat || !hasLon || json.Unmarshal(lat, &p.LatDegrees) != nil || json.Unmarshal(lon, &p.LonDegrees) != nil {
		return false
	}
	o.Position = p
	return math.Abs(p.LatDegrees) <= 90 && math.Abs(p.LonDegrees) <= 180
}

func depthReference(raw []byte) int {
	dec := json.NewDecoder(bytes.NewReader(raw))
	depth, deepest := 0, 0
	for {
		token, err := dec.Token()
		if err == io.EOF {
			return deepest
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
			deepest = max(deepest, depth)
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
	}
}
