package tree_test

import (
	"bytes"
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/sensors/codec/tree"
)

// plain returns what encoding/json would.
func plain(v tree.Value) any {
	switch v.Kind() {
	case tree.Object:
		out := make(map[string]any)
		for name, f := range v.Fields() {
			out[name] = plain(f)
		}
		return out
	case tree.Array:
		out := []any{}
		for _, e := range v.Elements() {
			out = append(out, plain(e))
		}
		return out
	case tree.String:
		s, _ := v.Text()
		return s
	case tree.Number:
		return json.Number(v.Raw())
	case tree.Bool:
		is, _ := v.Bool()
		return is
	}
	return nil
}

// FuzzParse holds the tree against encoding/json: both accept the same messages
// and read the same from them.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`{"a":[1,-0.5e+3,true,false,null,"x\u00e9\n\ud83d\ude00\ud800"],"a":{"b":{}},"":""}`, ` [ ] `, `"\x"`, `01`, `1.`, `-`,
		`{"a" 1}`, `{"a":1,}`, `[1,]`, `nul`, "\"\x01\"", "\"\xff\"", `{"a\u0062":1}`, `"\u00G0"`, `"\u00`, `1e5 2`, ``, `"`, `[[[`,
	} {
		f.Add([]byte(s))
	}
	var doc tree.Doc
	f.Fuzz(func(t *testing.T, payload []byte) {
		root, p := doc.Parse(payload)
		if p != nil && (p.Reason == sensors.ReasonTooDeep || p.Reason == sensors.ReasonTooLarge) {
			return
		}
		want := json.Valid(payload) && utf8.Valid(payload)
		if (p == nil) != want {
			t.Fatalf("%q: problem %+v, valid %v", payload, p, want)
		}
		if p != nil {
			return
		}
		dec := json.NewDecoder(bytes.NewReader(payload))
		dec.UseNumber()
		var ref any
		if err := dec.Decode(&ref); err != nil {
			t.Fatal(err)
		}
		if got := plain(root); !reflect.DeepEqual(got, ref) {
			t.Fatalf("%q:\ngot  %#v\nwant %#v", payload, got, ref)
		}
	})
}

func TestValue_FieldIsTheLastOfEqualNames(t *testing.T) {
	var doc tree.Doc
	root, p := doc.Parse([]byte(`{"a":1,"\u0061":2,"b":null}`))
	if p != nil {
		t.Fatal(p.Detail)
	}
	if n, ok := root.Field("a").Number(); n != 2 || !ok {
		t.Errorf("a is %v, %v", n, ok)
	}
	if root.Field("b").Given() || root.Field("c").Field("d").Element(3).Given() {
		t.Error("null or what is not there counts as given")
	}
}

func TestDoc_RefusesWhatIsTooDeepOrTooMuch(t *testing.T) {
	for payload, want := range map[string]string{
		strings.Repeat("[", tree.MaxDepth) + strings.Repeat("]", tree.MaxDepth):     "",
		strings.Repeat("[", tree.MaxDepth+1) + strings.Repeat("]", tree.MaxDepth+1): sensors.ReasonTooDeep,
		"[" + strings.Repeat("1,", tree.MaxValues) + "1]":                           sensors.ReasonTooLarge,
		strings.Repeat(" ", tree.MaxPayloadBytes) + "1":                             sensors.ReasonTooLarge,
		"\"\xc3\"": sensors.ReasonInvalidUTF8, " ": sensors.ReasonEmpty, "{": sensors.ReasonBadJSON,
	} {
		var doc tree.Doc
		_, p := doc.Parse([]byte(payload))
		if got := reasonOf(p); got != want {
			t.Errorf("%.20q…: %q, want %q", payload, got, want)
		}
	}
}

func reasonOf(p *tree.Problem) string {
	if p == nil {
		return ""
	}
	return p.Reason
}

func TestLooseValues_AreThoseOfTheirLexicalForms(t *testing.T) {
	for text, want := range map[string]float64{`1`: 1, `"1.5"`: 1.5, `" -2e3 "`: -2000, `"NaN"`: math.NaN(), `"Inf"`: math.NaN(), `"0x1"`: math.NaN(), `""`: math.NaN(), `true`: math.NaN(), `"1_0"`: math.NaN(), `1e999`: math.NaN()} {
		var doc tree.Doc
		v, p := doc.Parse([]byte(text))
		if p != nil {
			t.Fatal(p.Detail)
		}
		if got, ok := v.LooseNumber(); ok == math.IsNaN(want) || ok && got != want {
			t.Errorf("%s is %v, %v", text, got, ok)
		}
	}
	for text, want := range map[string][2]bool{`true`: {true, true}, `"TRUE"`: {true, true}, `"0"`: {false, true}, `1`: {true, true}, `2`: {}, `"yes"`: {}, `null`: {}} {
		var doc tree.Doc
		v, _ := doc.Parse([]byte(text))
		if is, ok := v.LooseBool(); is != want[0] || ok != want[1] {
			t.Errorf("%s is %v, %v", text, is, ok)
		}
	}
}

func TestTimes_AreRoundedToMicroseconds(t *testing.T) {
	if got, ok := tree.EpochSeconds(1607123955.475377); !ok || got.UnixMicro() != 1607123955475377 {
		t.Errorf("got %v, %v", got, ok)
	}
	for _, v := range []float64{math.NaN(), math.Inf(1), 1e15, -1e12} {
		if got, ok := tree.EpochSeconds(v); ok {
			t.Errorf("%v is %v", v, got)
		}
	}
	for text, want := range map[string]string{
		"2026-11-22T16:00:00.1234569+08:00": "2026-11-22T08:00:00.123456Z",
		"2026-11-22t08:00:00z":              "2026-11-22T08:00:00Z",
		"2026-11-22 08:00:00+0000":          "2026-11-22T08:00:00Z",
		"2026-11-22T08:00:00":               "", "2026-11-22T08:00:00,5Z": "", "2026-13-22T08:00:00Z": "",
		"2026-11-22T08:00:00+24:00": "", "": "", "1969-12-31T23:59:59.9999999Z": "1969-12-31T23:59:59.999999Z",
	} {
		got, ok := tree.RFC3339(text)
		if ok != (want != "") || ok && got.Format(time.RFC3339Nano) != want {
			t.Errorf("%s is %v, %v, want %s", text, got, ok, want)
		}
	}
}

func TestAttrs_NeverGrowPastTheirLimit(t *testing.T) {
	var a tree.Attrs
	a.Text("a\"b", "<é\x00\xff>")
	a.Text("long", strings.Repeat("x", tree.MaxAttrsBytes))
	a.Number("n", 0.1)
	s := a.String()
	var fields map[string]any
	if err := json.Unmarshal([]byte(s), &fields); err != nil || len(fields) != 2 || len(s) > tree.MaxAttrsBytes {
		t.Errorf("%q: %v", s, err)
	}
	for range 1000 {
		a.Text("more", "and more")
	}
	if s := a.String(); len(s) > tree.MaxAttrsBytes || !json.Valid([]byte(s)) {
		t.Errorf("%d bytes", len(s))
	}
}

func TestNote_IsCutAtARune(t *testing.T) {
	s := tree.Note(strings.Repeat("é", 200))
	if len(s) > 256 || !utf8.ValidString(s) {
		t.Errorf("%d bytes, valid %v", len(s), utf8.ValidString(s))
	}
}
